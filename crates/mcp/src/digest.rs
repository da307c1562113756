//! Digests, handles that nobody can guess, and the comparison of secrets.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use strataql_diag::Report;

/// The digest of a text in hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// A name that cannot be guessed.
///
/// # Errors
/// `internal` if the system has no random numbers.
pub(crate) fn handle() -> Result<String, Box<Report>> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Box::new(Report::internal("the system gives no random numbers")))?;
    Ok(hex(&bytes))
}

/// Whether two secrets are equal; the time says nothing about where they differ.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (digest(&SHA256, one.as_bytes()), digest(&SHA256, other.as_bytes()));
    let pairs = one.as_ref().iter().zip(other.as_ref());
    pairs.fold(0, |found, (one, other)| found | (one ^ other)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|d| char::from_digit(d.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_handles() {
        assert_eq!(&sha256("abc")[..16], "ba7816bf8f01cfea");
        let (one, other) = (handle().expect("random"), handle().expect("random"));
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
        assert!(is_same("a", "a") && !is_same("a", "b") && !is_same("", "a"));
    }
}
