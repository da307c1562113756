//! Medians.

use std::time::Duration;

/// The value in the middle; of an even number of values, the lower of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or_default()
}

/// How far apart the middle half of the values lies, as a part of the median.
pub(crate) fn spread(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = |quarter: usize| values.get(last * quarter / 4).copied().unwrap_or_default();
    let middle = at(2);
    if middle == 0.0 { 0.0 } else { (at(3) - at(1)) / middle }
}

/// The median of durations, in seconds.
pub(crate) fn median_seconds(durations: &[Duration]) -> f64 {
    median(durations.iter().map(Duration::as_secs_f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_robust() {
        assert!((median(vec![3.0, 100.0, 1.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(vec![2.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median(vec![]).abs() < f64::EPSILON);
        assert!((spread(vec![1.0, 2.0, 3.0, 4.0, 5.0]) - 2.0 / 3.0).abs() < 1e-9);
    }
}
