//! What clients send: frames and the messages in them.
//!
//! Owns: the limits of frames, and reading every message without trusting a length in it.
//! Refuses: what the messages mean.

use bytes::{Buf, Bytes, BytesMut};
use strataql_diag::{Code, Report};

/// Most bytes of a frame before a client has logged in.
const STARTUP_LIMIT: usize = 10_000;

/// Most parameters or format codes of one message.
const MOST_VALUES: usize = u16::MAX as usize;

/// The first frame of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Asks for TLS.
    Tls,
    /// Asks for GSS encryption, which is refused.
    Gss,
    /// Cancels the statement of another connection.
    Cancel { process: i32, key: Bytes },
    /// Starts a session.
    Startup { minor: u16, parameters: Vec<(String, String)> },
}

/// A message of a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        rows: usize,
    },
    Close(Target),
    Flush,
    Sync,
    Terminate,
    /// A password, or a step of SASL.
    Password(Bytes),
    /// Data of COPY, which no statement here reads.
    Copy,
}

impl Message {
    /// True for messages after whose failure everything up to Sync is skipped.
    pub(crate) fn is_extended(&self) -> bool {
        !matches!(self, Self::Query(_) | Self::Terminate | Self::Password(_) | Self::Copy)
    }
}

/// Values for a prepared statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) portal: String,
    pub(crate) statement: String,
    pub(crate) formats: Vec<i16>,
    pub(crate) values: Vec<Option<Bytes>>,
    pub(crate) results: Vec<i16>,
}

/// What Describe and Close name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Statement(String),
    Portal(String),
}

/// A violation of the protocol: the session ends after its report.
pub(crate) fn violation(message: impl Into<String>) -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, message)
            .with_help("use a client of the PostgreSQL protocol, version 3"),
    )
}

/// The next frame before login, if it has arrived whole.
///
/// # Errors
/// What keeps the bytes from being such a frame.
pub(crate) fn opening(buffer: &mut BytesMut) -> Result<Option<Opening>, Box<Report>> {
    let Some(length) = length(buffer, 0) else { return Ok(None) };
    if !(8..=STARTUP_LIMIT).contains(&length) {
        return Err(violation(format!("the first message claims {length} bytes")));
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut body = buffer.split_to(length).freeze();
    body.advance(4);
    let code = body.get_u32();
    match code {
        80_877_103 => Ok(Some(Opening::Tls)),
        80_877_104 => Ok(Some(Opening::Gss)),
        80_877_102 if body.len() >= 8 => {
            let process = body.get_i32();
            Ok(Some(Opening::Cancel { process, key: body }))
        }
        _ if code >> 16 == 3 => {
            let minor = u16::try_from(code & 0xffff).unwrap_or(u16::MAX);
            let mut fields = Fields(body);
            let mut parameters = Vec::new();
            loop {
                let name = fields.text()?;
                if name.is_empty() {
                    return Ok(Some(Opening::Startup { minor, parameters }));
                }
                parameters.push((name, fields.text()?));
            }
        }
        _ => Err(violation(format!(
            "version {}.{} of the protocol is not supported",
            code >> 16,
            code & 0xffff
        ))),
    }
}

/// The next message of a session, if it has arrived whole; `limit` is for its bytes.
///
/// # Errors
/// What keeps the bytes from being a message.
pub(crate) fn message(buffer: &mut BytesMut, limit: usize) -> Result<Option<Message>, Box<Report>> {
    let Some(&kind) = buffer.first() else { return Ok(None) };
    if !b"QPBDECHSXpdcf".contains(&kind) {
        return Err(violation(format!("no message of a client begins with the byte {kind}")));
    }
    let Some(length) = length(buffer, 1) else { return Ok(None) };
    if length < 4 {
        return Err(violation(format!("a message claims {length} bytes")));
    }
    if length > limit {
        return Err(violation(format!(
            "a message claims {length} bytes; this server takes {limit}"
        )));
    }
    if buffer.len() < length + 1 {
        return Ok(None);
    }
    let mut body = buffer.split_to(length + 1).freeze();
    body.advance(5);
    read(kind, body).map(Some)
}

/// The length that stands at an offset.
fn length(buffer: &BytesMut, offset: usize) -> Option<usize> {
    let bytes: [u8; 4] = buffer.get(offset..offset + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes) as usize)
}

fn read(kind: u8, body: Bytes) -> Result<Message, Box<Report>> {
    let mut fields = Fields(body);
    let message = match kind {
        b'Q' => Message::Query(fields.text()?),
        b'P' => {
            let (name, text) = (fields.text()?, fields.text()?);
            let types = fields.list(|fields| fields.u32())?;
            Message::Parse { name, text, types }
        }
        b'B' => {
            let (portal, statement) = (fields.text()?, fields.text()?);
            let formats = fields.list(|fields| fields.i16())?;
            let values = fields.list(Fields::value)?;
            let results = fields.list(|fields| fields.i16())?;
            Message::Bind(Bind { portal, statement, formats, values, results })
        }
        b'D' => Message::Describe(fields.target()?),
        b'C' => Message::Close(fields.target()?),
        b'E' => {
            let portal = fields.text()?;
            // zero, and by custom anything below, is no limit
            let rows = usize::try_from(fields.u32()?.cast_signed()).unwrap_or(0);
            Message::Execute { portal, rows }
        }
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => return Ok(Message::Terminate),
        b'p' => return Ok(Message::Password(fields.0)),
        _ => return Ok(Message::Copy),
    };
    if fields.0.has_remaining() {
        return Err(violation(format!("a message has {} bytes too many", fields.0.len())));
    }
    Ok(message)
}

/// Reads fields of a message one after the other.
struct Fields(Bytes);

impl Fields {
    fn text(&mut self) -> Result<String, Box<Report>> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(short)?;
        let bytes = self.0.split_to(end);
        self.0.advance(1);
        String::from_utf8(bytes.to_vec()).map_err(|_| {
            Box::new(
                Report::new(Code::BadParamValue, "a message is not valid UTF-8")
                    .with_help("the encoding of this server is UTF8"),
            )
        })
    }

    fn i16(&mut self) -> Result<i16, Box<Report>> {
        self.0.try_get_i16().map_err(|_| short())
    }

    fn u32(&mut self) -> Result<u32, Box<Report>> {
        self.0.try_get_u32().map_err(|_| short())
    }

    fn list<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Result<T, Box<Report>>,
    ) -> Result<Vec<T>, Box<Report>> {
        let count = usize::from(self.0.try_get_u16().map_err(|_| short())?);
        // a count alone reserves no memory
        let mut all = Vec::with_capacity(count.min(self.0.len()).min(MOST_VALUES));
        for _ in 0..count {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn value(&mut self) -> Result<Option<Bytes>, Box<Report>> {
        let length = self.u32()?;
        if length == u32::MAX {
            return Ok(None);
        }
        let length = length as usize;
        if length > self.0.len() {
            return Err(short());
        }
        Ok(Some(self.0.split_to(length)))
    }

    fn target(&mut self) -> Result<Target, Box<Report>> {
        let kind = self.0.try_get_u8().map_err(|_| short())?;
        let name = self.text()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            _ => Err(violation("a message names neither a statement nor a portal")),
        }
    }
}

fn short() -> Box<Report> {
    violation("a message ends too early")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::from(&[kind][..]);
        bytes.extend_from_slice(&u32::try_from(body.len() + 4).expect("small").to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn frames_wait_for_their_end() {
        let whole = frame(b'Q', b"SELECT 1\0");
        for end in 0..whole.len() {
            assert_eq!(message(&mut BytesMut::from(&whole[..end]), 100).expect("fits"), None);
        }
        let mut twice = whole.clone();
        twice.extend_from_slice(&whole);
        assert_eq!(message(&mut twice, 100).expect("ok"), Some(Message::Query("SELECT 1".into())));
        assert_eq!(twice, whole);
    }

    #[test]
    fn lengths_are_not_trusted() {
        let wrong = [
            frame(b'!', b""),
            frame(b'Q', b"no end"),
            frame(b'Q', b"end\0and more"),
            frame(b'Q', b"\xff\0"),
            frame(b'B', b"\0\0\0\0\xff\xff"),
            frame(b'B', b"\0\0\0\0\0\x01\0\0\x7f\xff"),
            frame(b'B', b"\0\0\0\x05\0\x01"),
            frame(b'P', b"\0\0\0\x02\0\0\0\x01"),
            frame(b'D', b"Xname\0"),
            frame(b'E', b"\0\0\0"),
            frame(b'Q', &[b'x'; 200]),
            BytesMut::from(&b"Q\0\0\0\x01"[..]),
            BytesMut::from(&b"Q\xff\xff\xff\xff"[..]),
        ];
        for mut bytes in wrong {
            assert!(message(&mut bytes, 100).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_message_is_small() {
        let mut huge = BytesMut::from(&b"\x7f\xff\xff\xff\0\x03\0\0"[..]);
        assert!(opening(&mut huge).is_err());
        let mut http = BytesMut::from(&b"GET / HTTP/1.1\r\n\r\n"[..]);
        assert!(opening(&mut http).is_err());
        let mut tls = BytesMut::from(&b"\0\0\0\x08\x04\xd2\x16\x2f"[..]);
        assert_eq!(opening(&mut tls).expect("ok"), Some(Opening::Tls));
        let mut startup = BytesMut::from(&b"\0\0\0\x11\0\x03\0\0user\0me\0\0"[..]);
        let parameters = vec![("user".to_owned(), "me".to_owned())];
        assert_eq!(
            opening(&mut startup).expect("ok"),
            Some(Opening::Startup { minor: 0, parameters })
        );
        let mut old = BytesMut::from(&b"\0\0\0\x08\0\x02\0\0"[..]);
        assert!(opening(&mut old).expect_err("old").message.contains("2.0"));
    }
}
