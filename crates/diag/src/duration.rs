//! Durations as people read them.

use std::time::Duration;

/// `524.2 ms` below a second, `1.5 s` from there on; a fraction of nothing is left out.
pub fn duration(time: Duration) -> String {
    let (number, unit) = match time.as_secs_f64() {
        // what would be shown as 1000 ms is a second
        short if short < 0.999_95 => (short * 1000.0, "ms"),
        long => (long, "s"),
    };
    let text = format!("{number:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_and_more_are_seconds() {
        let check = |micros, expected| {
            assert_eq!(duration(Duration::from_micros(micros)), expected);
        };
        check(0, "0 ms");
        check(524_230, "524.2 ms");
        check(700_000, "700 ms");
        check(999_940, "999.9 ms");
        check(999_960, "1 s");
        check(1_000_000, "1 s");
        check(1_549_000, "1.5 s");
        check(90_000_000, "90 s");
        check(7_200_000_000, "7200 s");
    }
}
