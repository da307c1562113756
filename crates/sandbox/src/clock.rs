//! The sandbox clock, which does not advance.
//!
//! Owns: parsing and formatting timestamps (proleptic Gregorian, UTC), and all real time that passes in
//! the sandbox: [`Uptime`] and [`pause`].
//! Refuses: the wall clock; responses carry the scenario's time, so that they never differ.
//! Surprise: rate limits and latency run in real time, because clients measure them by their own clock.

use std::time::{Duration, Instant};

/// 2024-05-01T08:00:00Z, the default time of a scenario.
pub(crate) const DEFAULT: i64 = 1_714_550_400;

const DAY: i64 = 86_400;

/// How long a server has been up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uptime(Instant);

impl Uptime {
    /// Starts now.
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub(crate) fn passed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits in real time.
#[expect(clippy::disallowed_methods, reason = "simulated latency is real time by nature")]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Parses `2024-05-01T08:00:00Z` or `2024-05-01` as seconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time.strip_suffix('Z').unwrap_or(time)),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    in_range.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// `2024-05-01T08:00:00Z`.
pub(crate) fn iso(seconds: i64) -> String {
    let (hour, minute, second) = time_of_day(seconds);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(seconds))
}

/// `2024-05-01`.
pub(crate) fn date(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `Wed, 01 May 2024 08:00:00 GMT`, the form of the `Date` header.
pub(crate) fn http(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day_number = seconds.div_euclid(DAY);
    let (year, month, day) = civil(day_number);
    let (hour, minute, second) = time_of_day(seconds);
    let weekday = DAYS[usize::try_from(day_number.rem_euclid(7)).unwrap_or(0)];
    let month = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<i64>().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    (parts.next().is_none() && found.iter().all(|part| *part >= 0)).then_some(found)
}

fn time_of_day(seconds: i64) -> (i64, i64, i64) {
    let rest = seconds.rem_euclid(DAY);
    (rest / 3600, rest / 60 % 60, rest % 60)
}

/// Days since 1970-01-01; years are counted from March so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_round_trip() {
        for text in ["2024-05-01T08:00:00Z", "2000-02-29T23:59:59Z", "1970-01-01T00:00:00Z"] {
            assert_eq!(parse(text).map(iso).as_deref(), Some(text));
        }
        assert_eq!(parse("2024-05-01T08:00:00Z"), Some(DEFAULT));
        assert_eq!(parse("2024-05-01"), Some(DEFAULT - 8 * 3600));
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in ["", "yesterday", "2024-13-01", "2024-05-01T25:00:00Z", "2024-05"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_date_header_has_the_form_of_rfc_9110() {
        assert_eq!(http(DEFAULT), "Wed, 01 May 2024 08:00:00 GMT");
        assert_eq!(http(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
