//! A minimal HTTP/1.1 connection.
//!
//! Surprise: the delay is counted from the last byte of the request, so that it is the latency that
//! a client sees, whatever parsing costs.

use std::io::{self, ErrorKind, IoSlice};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::World;
use super::answer::{Answer, Asked, answer};

/// The most bytes that a request may have.
const LIMIT: usize = 1 << 16;

/// Answers requests until the client leaves.
pub(super) async fn serve(mut stream: TcpStream, world: &World) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(8 << 10);
    loop {
        let Some(length) = request(&mut stream, &mut buffer).await? else { return Ok(()) };
        let arrived = Instant::now();
        let text = str::from_utf8(&buffer[..length])
            .map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
        let mut words = text.split(' ');
        let asked = Asked {
            verb: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
        };
        let answer = answer(world, &asked);
        if answer.is_remote {
            world.counter.arrived();
            world.delay.pass(arrived).await;
            world.counter.answered();
        }
        write(&mut stream, &answer).await?;
        buffer.drain(..length);
    }
}

/// Reads until a whole request is there and gives its length.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        if let Some(length) = complete(buffer).filter(|length| *length <= buffer.len()) {
            return Ok(Some(length));
        }
        if buffer.len() > LIMIT {
            return Err(io::Error::from(ErrorKind::InvalidData));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The length of the request that begins the buffer, once its headers are there.
fn complete(buffer: &[u8]) -> Option<usize> {
    let end = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&buffer[..end]);
    let body = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap_or(0))
    });
    Some(end + body.unwrap_or(0))
}

async fn write(stream: &mut TcpStream, answer: &Answer<'_>) -> io::Result<()> {
    let length = answer.head.len() + answer.rows.len() + answer.tail.len();
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{}",
        answer.status, answer.head
    );
    let mut pieces = [
        IoSlice::new(head.as_bytes()),
        IoSlice::new(answer.rows),
        IoSlice::new(answer.tail.as_bytes()),
    ];
    let mut pieces = pieces.as_mut_slice();
    while pieces.iter().any(|piece| !piece.is_empty()) {
        let written = stream.write_vectored(pieces).await?;
        if written == 0 {
            return Err(io::Error::from(ErrorKind::WriteZero));
        }
        IoSlice::advance_slices(&mut pieces, written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_end_behind_their_bodies() {
        assert_eq!(complete(b"GET / HTTP/1.1\r\nhost: x\r\n"), None);
        assert_eq!(complete(b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET"), Some(27));
        assert_eq!(complete(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), Some(43));
    }
}
