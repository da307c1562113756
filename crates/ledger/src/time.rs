//! Timestamps of the ledger.
//!
//! Owns: [`Timestamp`], RFC 3339 in UTC with microseconds.
//! Refuses: reading the clock; callers pass a time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const SECONDS_PER_DAY: u64 = 86_400;
/// The last second of the year 9999, the end of RFC 3339.
const LAST_SECOND: u64 = 253_402_300_799;

/// A point in time, for example `2026-08-01T10:11:12.345678Z`.
///
/// Times before 1970 and after 9999 are clamped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// To the second, valid in a file name: `20260801T101112Z`.
    pub(crate) fn compact(&self) -> String {
        let seconds = self.0.split_once('.').map_or(self.0.as_str(), |(seconds, _)| seconds);
        let mut text: String = seconds.chars().filter(char::is_ascii_alphanumeric).collect();
        text.push('Z');
        text
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let since = since.min(Duration::from_secs(LAST_SECOND));
        let (year, month, day) = date(since.as_secs() / SECONDS_PER_DAY);
        let second = since.as_secs() % SECONDS_PER_DAY;
        Self(format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            second / 3600,
            second / 60 % 60,
            second % 60,
            since.subsec_micros()
        ))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, micros: u64) -> String {
        let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
        Timestamp::from(time).to_string()
    }

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_400, 0), "2000-02-29T00:00:00.000000Z");
        assert_eq!(at(1_709_251_199, 999_999), "2024-02-29T23:59:59.999999Z");
        assert_eq!(at(1_785_579_072, 345_678), "2026-08-01T10:11:12.345678Z");
        assert_eq!(at(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }

    #[test]
    fn times_outside_the_calendar_become_its_ends() {
        let before = Timestamp::from(UNIX_EPOCH - Duration::from_secs(5));
        assert_eq!(before.as_str(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(LAST_SECOND + 10, 0), "9999-12-31T23:59:59.000000Z");
    }

    #[test]
    fn file_names_have_no_fraction() {
        let time = Timestamp::from(UNIX_EPOCH + Duration::from_millis(1_785_579_072_345));
        assert_eq!(time.compact(), "20260801T101112Z");
    }
}
