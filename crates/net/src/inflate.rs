//! Receiving a body within limits, with decompression.
//!
//! Owns: the size limit, the limit on the decompression ratio, gzip.
//! Surprise: limits are enforced every few kilobytes, before the next ones are decompressed, so
//! that a small response cannot fill the memory.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::buffers::{Buffer, Buffers};
use crate::failure::Cause;

/// A body may expand by this factor …
const MAX_RATIO: u64 = 200;

/// … once it is larger than this.
const RATIO_FROM: u64 = 1024 * 1024;

/// Maximum memory that is reserved on the word of `Content-Length`.
const MAX_RESERVED: u64 = 4 * 1024 * 1024;

/// A body that is being received.
pub(crate) struct Body {
    form: Form,
    received: u64,
}

enum Form {
    Plain(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
}

impl Body {
    /// Prepares for a body with these headers.
    pub(crate) fn new(
        headers: &HeaderMap,
        max_body: u64,
        buffers: &Buffers,
    ) -> Result<Self, Cause> {
        let sink = |wanted: usize, compressed: bool| Sink {
            out: buffers.take(wanted),
            received: 0,
            max_body,
            compressed,
            broken: None,
        };
        let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let form = match encoding.unwrap_or("").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => {
                let length = declared_length(headers).unwrap_or(0);
                if length > max_body {
                    return Err(Cause::TooLarge { limit: max_body });
                }
                Form::Plain(sink(usize::try_from(length.min(MAX_RESERVED)).unwrap_or(0), false))
            }
            "gzip" | "x-gzip" => Form::Gzip(Box::new(MultiGzDecoder::new(sink(0, true)))),
            other => return Err(Cause::Encoding { detail: format!("`{}`", other.escape_debug()) }),
        };
        Ok(Self { form, received: 0 })
    }

    /// Bytes received over the wire so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Adds the next bytes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), Cause> {
        self.received += chunk.len() as u64;
        match &mut self.form {
            Form::Plain(sink) => {
                sink.received = self.received;
                sink.write_all(chunk).map_err(|_| sink.cause())
            }
            Form::Gzip(decoder) => {
                decoder.get_mut().received = self.received;
                decoder.write_all(chunk).map_err(|_| decoder.get_mut().cause())
            }
        }
    }

    /// Returns the whole body.
    pub(crate) fn finish(self) -> Result<Bytes, Cause> {
        match self.form {
            Form::Plain(sink) => Ok(sink.out.into_bytes()),
            // an empty body may declare any encoding
            Form::Gzip(_) if self.received == 0 => Ok(Bytes::new()),
            Form::Gzip(mut decoder) => {
                let cut = Cause::Truncated { received: self.received, expected: None };
                if decoder.try_finish().is_err() {
                    return Err(decoder.get_mut().broken.take().unwrap_or(cut));
                }
                decoder.finish().map(|sink| sink.out.into_bytes()).map_err(|_| cut)
            }
        }
    }
}

/// The value of `Content-Length`.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// The sink of decompressed bytes.
struct Sink {
    out: Buffer,
    received: u64,
    max_body: u64,
    compressed: bool,
    broken: Option<Cause>,
}

impl Sink {
    fn cause(&mut self) -> Cause {
        let undecodable = || Cause::Encoding { detail: "damaged gzip data".to_owned() };
        self.broken.take().unwrap_or_else(undecodable)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = (self.out.len() + bytes.len()) as u64;
        if size > self.max_body {
            self.broken = Some(Cause::TooLarge { limit: self.max_body });
        } else if self.compressed && size > RATIO_FROM && size / MAX_RATIO > self.received {
            self.broken = Some(Cause::Inflated { received: self.received, ratio: MAX_RATIO });
        }
        if self.broken.is_some() {
            return Err(io::Error::other("limit reached"));
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn headers(encoding: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        headers
    }

    fn zipped(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("memory");
        encoder.finish().expect("memory")
    }

    fn collect(encoding: &'static str, bytes: &[u8], max_body: u64) -> Result<Bytes, Cause> {
        let mut body = Body::new(&headers(encoding), max_body, &Buffers::default())?;
        for chunk in bytes.chunks(1000) {
            body.push(chunk)?;
        }
        body.finish()
    }

    #[test]
    fn gzip_in_one_or_several_members_is_decoded() {
        let mut twice = zipped(b"hello ");
        twice.extend(zipped(b"world"));
        assert_eq!(collect("gzip", &twice, 100).expect("decodes"), "hello world");
        assert_eq!(collect("identity", b"hello", 100).expect("plain"), "hello");
    }

    #[test]
    fn limits_stop_growth() {
        let zeros = vec![0_u8; 8 * 1024 * 1024];
        let bomb = zipped(&zeros);
        assert!(matches!(collect("gzip", &bomb, 1 << 30), Err(Cause::Inflated { .. })));
        assert!(matches!(collect("gzip", &bomb, 1 << 19), Err(Cause::TooLarge { .. })));
        assert!(matches!(collect("identity", &zeros, 1 << 20), Err(Cause::TooLarge { .. })));
    }

    #[test]
    fn a_cut_or_damaged_stream_is_an_error() {
        let whole = zipped(b"some text that is long enough to be cut");
        let cut = &whole[..whole.len() - 9];
        assert!(matches!(collect("gzip", cut, 100), Err(Cause::Truncated { .. })));
        assert!(matches!(collect("gzip", b"not gzip at all", 100), Err(Cause::Encoding { .. })));
        assert!(matches!(collect("br", b"x", 100), Err(Cause::Encoding { .. })));
    }
}
