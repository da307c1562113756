//! Identifiers of generated objects.
//!
//! Owns: the mapping position → identifier and back.
//! Surprise: it is invertible without a table, so that a collection of a million objects costs no
//! memory and a lookup by identifier needs no search.

use crate::random::{derive, mix, nth, pick};
use crate::synthesis::words::{ADJECTIVES, NOUNS};

/// Format of the identifiers of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdKind {
    /// `5f0c8b1e-…`.
    Uuid,
    /// A number of sixteen digits (below 2^53, so that every JSON parser keeps it).
    Integer,
    /// A number that fits 32 bits.
    SmallInteger,
    /// `amber-harbor-3`, where the identifier is a name.
    Name,
    /// `1`, `2`, … (`ids: sequential`).
    Sequential,
}

/// Spreads positions over the first digits of a UUID; odd, so that it is invertible.
const SPREAD: u32 = 0x9E37_79B1;
/// The inverse of [`SPREAD`] modulo 2^32.
const GATHER: u32 = 0x0E8B_2F51;
const _: () = assert!(SPREAD.wrapping_mul(GATHER) == 1);

/// The identifier of the object at a position.
pub(crate) fn identifier(kind: IdKind, seed: u64, position: usize) -> String {
    let number = position as u64;
    match kind {
        IdKind::Uuid => {
            let low = mix(nth(seed, position));
            let head = (low_half(number).wrapping_mul(SPREAD)) ^ low_half(derive(seed, "uuid"));
            let middle = nth(low, position);
            format!(
                "{head:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
                middle & 0xFFFF,
                (middle >> 16) & 0xFFF,
                0x8000 | ((middle >> 28) & 0x3FFF),
                low & 0xFFFF_FFFF_FFFF,
            )
        }
        IdKind::Integer => (large_base(seed) + number).to_string(),
        IdKind::SmallInteger => (small_base(seed) + number).to_string(),
        IdKind::Name => {
            let spot = nth(seed, position);
            format!("{}-{}-{}", pick(spot, ADJECTIVES), pick(mix(spot), NOUNS), number + 1)
        }
        IdKind::Sequential => (number + 1).to_string(),
    }
}

/// The position of an identifier, if it belongs to this collection.
pub(crate) fn position(kind: IdKind, seed: u64, text: &str) -> Option<usize> {
    let number = match kind {
        IdKind::Uuid => {
            let head = u32::from_str_radix(text.get(..8)?, 16).ok()?;
            u64::from((head ^ low_half(derive(seed, "uuid"))).wrapping_mul(GATHER))
        }
        IdKind::Integer => text.parse::<u64>().ok()?.checked_sub(large_base(seed))?,
        IdKind::SmallInteger => text.parse::<u64>().ok()?.checked_sub(small_base(seed))?,
        IdKind::Name => text.rsplit_once('-')?.1.parse::<u64>().ok()?.checked_sub(1)?,
        IdKind::Sequential => text.parse::<u64>().ok()?.checked_sub(1)?,
    };
    let position = usize::try_from(number).ok()?;
    (identifier(kind, seed, position) == text).then_some(position)
}

fn low_half(number: u64) -> u32 {
    u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0)
}

fn large_base(seed: u64) -> u64 {
    1_000_000_000_000_000 + derive(seed, "integer") % 7_000_000_000_000_000
}

fn small_base(seed: u64) -> u64 {
    100_000 + derive(seed, "integer") % 900_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_lead_back_to_their_position() {
        let kinds =
            [IdKind::Uuid, IdKind::Integer, IdKind::SmallInteger, IdKind::Name, IdKind::Sequential];
        for kind in kinds {
            for at in [0, 1, 6, 999_999] {
                let text = identifier(kind, 42, at);
                assert_eq!(position(kind, 42, &text), Some(at), "{text}");
            }
            assert_eq!(position(kind, 42, "no-such-thing"), None);
        }
        let other = identifier(IdKind::Uuid, 43, 0);
        assert_eq!(position(IdKind::Uuid, 42, &other), None, "another collection's");
    }

    #[test]
    fn uuids_have_the_form_of_version_four() {
        let text = identifier(IdKind::Uuid, 42, 3);
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{text}");
        assert!(text.split('-').nth(2).is_some_and(|part| part.starts_with('4')), "{text}");
    }
}
