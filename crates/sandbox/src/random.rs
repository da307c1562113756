//! Deterministic pseudo-random numbers.
//!
//! Owns: the hash and the mixer that every generated value is derived from.
//! Refuses: entropy; two servers with the same documents and options give the same bytes.
//! Surprise: data has no stateful generator. A value is a function of its seed and name, so that a
//! list, a lookup and a later page agree on an object without storing it.

/// Turns any number into a well-spread one (the finaliser of `SplitMix64`).
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Derives the seed of a name from another seed (FNV-1a, then [`mix`]).
pub(crate) fn derive(seed: u64, name: &str) -> u64 {
    let mut state = 0xCBF2_9CE4_8422_2325 ^ seed;
    for byte in name.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    mix(state)
}

/// Derives the seed of the object at a position from another seed.
pub(crate) fn nth(seed: u64, position: usize) -> u64 {
    mix(seed ^ mix(position as u64))
}

/// A number below `limit`; 0 for a limit of 0.
pub(crate) fn below(seed: u64, limit: usize) -> usize {
    if limit == 0 {
        return 0;
    }
    usize::try_from(seed % limit as u64).unwrap_or(0)
}

/// One of the items.
pub(crate) fn pick<'a, T: ?Sized>(seed: u64, items: &[&'a T]) -> &'a T {
    items[below(seed, items.len())]
}

/// True with the given probability.
#[expect(clippy::cast_precision_loss, reason = "53 bits are all a probability needs")]
pub(crate) fn happens(seed: u64, probability: f64) -> bool {
    ((mix(seed) >> 11) as f64) / ((1u64 << 53) as f64) < probability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_on_every_platform() {
        // the first outputs of SplitMix64 for the seeds 0 and 1, as published with the generator
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(derive(7, "name"), derive(7, "name"));
        assert_ne!(derive(7, "name"), derive(7, "nama"));
        assert_ne!(derive(7, "name"), derive(8, "name"));
    }

    #[test]
    fn probabilities_are_met() {
        let hits = (0..10_000).filter(|n| happens(derive(*n, "fault"), 0.02)).count();
        assert!((150..250).contains(&hits), "{hits}");
        assert!(!happens(1, 0.0));
        assert!(happens(1, 1.0));
    }
}
