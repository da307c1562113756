//! Idempotency keys.
//!
//! Owns: generating them; callers decide which request has one.

use ring::rand::{SecureRandom, SystemRandom};
use strataql_diag::{Code, Report};

/// A new idempotency key: a random UUID (version 4), the format that services which validate keys
/// require.
/// # Errors
/// `local-io` when the system provides no random numbers.
pub fn idempotency_key() -> Result<String, Box<Report>> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Box::new(
            Report::new(
                Code::LocalIo,
                "no idempotency key can be made: the system gives no random numbers",
            )
            .with_help("give the key as a value in the statement"),
        )
    })?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// Bytes as lower-case hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_uuids_and_never_the_same() {
        let keys = [(); 2].map(|()| idempotency_key().expect("random numbers"));
        assert_ne!(keys[0], keys[1]);
        for key in keys {
            let lengths: Vec<usize> = key.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{key}");
            assert_eq!(&key[14..15], "4", "{key}");
            assert!(matches!(&key[19..20], "8" | "9" | "a" | "b"), "{key}");
        }
    }
}
