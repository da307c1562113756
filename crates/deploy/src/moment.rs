//! Moments in UTC, as logs and templates show them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A second in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(i64);

impl Moment {
    /// The second that it is now.
    #[expect(clippy::disallowed_methods, reason = "`date` of a template is the day of the run")]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// A number of seconds after 1970.
    pub fn of_unix(seconds: i64) -> Self {
        Self(seconds.clamp(-62_135_596_800, 253_402_300_799))
    }

    /// Seconds after 1970.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// `2024-05-01`, with or without a time of day.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let time = match (part(11, 13), part(14, 16), part(17, 19)) {
            (Some(hour), Some(minute), second) => {
                hour * 3600 + minute * 60 + second.unwrap_or_default()
            }
            _ => 0,
        };
        Some(Self(days(year, month, day) * 86_400 + time))
    }

    fn parts(self) -> [i64; 6] {
        let (day, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let date = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        [year, month, date, second / 3600, second / 60 % 60, second % 60]
    }

    /// The moment by the letters of strftime; `None` for a letter that is not known.
    pub(crate) fn format(self, format: &str) -> Option<String> {
        let [year, month, day, hour, minute, second] = self.parts();
        let mut out = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            let piece = match letters.next()? {
                'Y' => format!("{year:04}"),
                'm' => format!("{month:02}"),
                'd' => format!("{day:02}"),
                'H' => format!("{hour:02}"),
                'M' => format!("{minute:02}"),
                'S' => format!("{second:02}"),
                'F' => format!("{year:04}-{month:02}-{day:02}"),
                'T' => format!("{hour:02}:{minute:02}:{second:02}"),
                's' => self.0.to_string(),
                'y' => format!("{:02}", year % 100),
                '%' => "%".to_owned(),
                _ => return None,
            };
            out.push_str(&piece);
        }
        Some(out)
    }
}

/// Days after 1970 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("%FT%TZ").unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        assert_eq!(Moment::of_unix(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment::of_unix(1_709_210_096).to_string(), "2024-02-29T12:34:56Z");
        let parsed = Moment::parse("2024-02-29T12:34:56Z").expect("a date");
        assert_eq!(parsed.unix(), 1_709_210_096);
        assert_eq!(parsed.format("%d.%m.%y").as_deref(), Some("29.02.24"));
        assert!(Moment::parse("tomorrow").is_none());
    }
}
