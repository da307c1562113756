//! Templates for times and intervals.

use std::fmt::Write as _;

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// What a template may show. Those of an interval are its own: 26 hours are 26 hours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    date: Option<NaiveDate>,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    has_zone: bool,
}

impl Fields {
    pub(super) fn of_time(at: NaiveDateTime, has_zone: bool) -> Self {
        Self {
            date: Some(at.date()),
            year: i64::from(at.year()),
            month: i64::from(at.month()),
            day: i64::from(at.day()),
            hour: i64::from(at.hour()),
            minute: i64::from(at.minute()),
            second: i64::from(at.second()),
            nanos: i64::from(at.nanosecond()),
            has_zone,
        }
    }

    pub(super) fn of_interval(interval: IntervalMonthDayNano) -> Self {
        let seconds = interval.nanoseconds / 1_000_000_000;
        Self {
            date: None,
            year: i64::from(interval.months / 12),
            month: i64::from(interval.months % 12),
            day: i64::from(interval.days),
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            nanos: interval.nanoseconds % 1_000_000_000,
            has_zone: false,
        }
    }
}

/// How a name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Title,
    Lower,
}

impl Case {
    fn of(self, name: &str) -> String {
        match self {
            Self::Upper => name.to_uppercase(),
            Self::Lower => name.to_lowercase(),
            Self::Title => name.to_owned(),
        }
    }
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Pattern { name: &'static str, case: Case, fill: bool, ordinal: Option<bool> },
}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// Patterns; of two that fit the longer comes first.
const PATTERNS: &[&str] = &[
    "SSSSS", "Y,YYY", "MONTH", "HH24", "HH12", "SSSS", "YYYY", "IYYY", "IDDD", "A.M.", "P.M.",
    "A.D.", "B.C.", "YYY", "IYY", "MON", "DAY", "DDD", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
    "TZH", "TZM", "HH", "MI", "SS", "MS", "US", "AM", "PM", "YY", "IY", "BC", "AD", "MM", "DY",
    "DD", "ID", "WW", "IW", "CC", "RM", "TZ", "OF", "Y", "I", "D", "W", "J", "Q",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

impl Template {
    pub(super) fn read(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let mut chars = rest[1..].char_indices();
                let mut end = rest.len();
                while let Some((at, char)) = chars.next() {
                    match char {
                        '"' => {
                            end = 1 + at + 1;
                            break;
                        }
                        '\\' => plain.extend(chars.next().map(|(_, char)| char)),
                        char => plain.push(char),
                    }
                }
                rest = &rest[end..];
                continue;
            }
            if let Some(escaped) = rest.strip_prefix("\\\"") {
                plain.push('"');
                rest = escaped;
                continue;
            }
            let mut after = rest;
            let mut fill = true;
            while let Some(next) = without(after, "FM").or_else(|| without(after, "FX")) {
                fill &= without(after, "FM").is_none();
                after = next;
            }
            let found = PATTERNS.iter().find_map(|name| Some((*name, without(after, name)?)));
            let Some((name, mut next)) = found else {
                // a modifier without a pattern is no text
                if after.len() < rest.len() {
                    rest = after;
                } else {
                    plain.push(first);
                    rest = &rest[first.len_utf8()..];
                }
                continue;
            };
            let written = &after[..name.len()];
            let case = match written.as_bytes() {
                [first, ..] if first.is_ascii_lowercase() => Case::Lower,
                [_, second, ..] if second.is_ascii_lowercase() => Case::Title,
                _ => Case::Upper,
            };
            let ordinal = next.get(..2).filter(|two| two.eq_ignore_ascii_case("TH"));
            let is_upper = ordinal.map(|two| two.starts_with('T'));
            if is_upper.is_some() {
                next = &next[2..];
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Pattern { name, case, fill, ordinal: is_upper });
            rest = next;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self(parts)
    }

    pub(super) fn shown(&self, fields: &Fields) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Pattern { name, case, fill, ordinal } => {
                    let shown = pattern(name, *case, *fill, fields);
                    out.push_str(&shown);
                    if let Some(is_upper) = ordinal {
                        let suffix = suffix(&shown);
                        out.push_str(&if *is_upper {
                            suffix.to_uppercase()
                        } else {
                            suffix.into()
                        });
                    }
                }
            }
        }
        out
    }
}

/// The text after a word that it begins with, in any case.
fn without<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    start.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// `st`, `nd`, `rd` or `th`.
pub(super) fn suffix(digits: &str) -> &'static str {
    let bytes = digits.as_bytes();
    let last = bytes.last().copied().unwrap_or(b'0');
    let is_teen = bytes.len() > 1 && bytes[bytes.len() - 2] == b'1';
    match last {
        _ if is_teen => "th",
        b'1' => "st",
        b'2' => "nd",
        b'3' => "rd",
        _ => "th",
    }
}

fn padded(number: i64, width: usize, fill: bool) -> String {
    let width = if fill { width + usize::from(number < 0) } else { 0 };
    format!("{number:0width$}")
}

fn named(name: &str, case: Case, fill: bool) -> String {
    let name = case.of(name);
    if fill { format!("{name:<9}") } else { name }
}

fn pattern(name: &str, case: Case, fill: bool, fields: &Fields) -> String {
    let number = |number: i64, width: usize| padded(number, width, fill);
    let date = fields.date;
    let of_date = |take: &dyn Fn(NaiveDate) -> i64, width: usize| {
        date.map_or_else(String::new, |date| number(take(date), width))
    };
    let iso = |date: NaiveDate| i64::from(date.iso_week().year());
    let sunday = |date: NaiveDate| i64::from(date.weekday().num_days_from_sunday());
    let year = if date.is_some() && fields.year <= 0 { 1 - fields.year } else { fields.year };
    let hour12 = match fields.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let month = usize::try_from(fields.month - 1).ok().filter(|month| *month < 12);
    match name {
        "YYYY" => number(year, 4),
        "Y,YYY" => {
            let mut out = String::new();
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
            out
        }
        "YYY" => number(year % 1000, 3),
        "YY" => number(year % 100, 2),
        "Y" => number(year % 10, 1),
        "IYYY" => of_date(&iso, 4),
        "IYY" => of_date(&|date| iso(date) % 1000, 3),
        "IY" => of_date(&|date| iso(date) % 100, 2),
        "I" => of_date(&|date| iso(date) % 10, 1),
        "MM" => number(fields.month, 2),
        "DD" => number(fields.day, 2),
        "HH24" => number(fields.hour, 2),
        "HH" | "HH12" => number(hour12, 2),
        "MI" => number(fields.minute, 2),
        "SS" => number(fields.second, 2),
        "MS" | "FF3" => padded(fields.nanos / 1_000_000, 3, true),
        "US" | "FF6" => padded(fields.nanos / 1000, 6, true),
        "FF1" => padded(fields.nanos / 100_000_000, 1, true),
        "FF2" => padded(fields.nanos / 10_000_000, 2, true),
        "FF4" => padded(fields.nanos / 100_000, 4, true),
        "FF5" => padded(fields.nanos / 10_000, 5, true),
        "SSSS" | "SSSSS" => (fields.hour * 3600 + fields.minute * 60 + fields.second).to_string(),
        "AM" | "PM" => case.of(if fields.hour % 24 < 12 { "AM" } else { "PM" }),
        "A.M." | "P.M." => case.of(if fields.hour % 24 < 12 { "A.M." } else { "P.M." }),
        "BC" | "AD" => case.of(if fields.year > 0 { "AD" } else { "BC" }),
        "B.C." | "A.D." => case.of(if fields.year > 0 { "A.D." } else { "B.C." }),
        "MONTH" => month.map_or_else(String::new, |month| named(MONTHS[month], case, fill)),
        "MON" => month.map_or_else(String::new, |month| case.of(&MONTHS[month][..3])),
        "RM" => month.map_or_else(String::new, |month| {
            let roman = case.of(ROMAN[month]);
            if fill { format!("{roman:<4}") } else { roman }
        }),
        "DAY" => date.map_or_else(String::new, |date| named(day_of(date), case, fill)),
        "DY" => date.map_or_else(String::new, |date| case.of(&day_of(date)[..3])),
        "DDD" => of_date(&|date| i64::from(date.ordinal()), 3),
        "IDDD" => of_date(
            &|date| {
                let week = i64::from(date.iso_week().week());
                (week - 1) * 7 + i64::from(date.weekday().number_from_monday())
            },
            3,
        ),
        "D" => of_date(&|date| sunday(date) + 1, 1),
        "ID" => of_date(&|date| i64::from(date.weekday().number_from_monday()), 1),
        "W" => number((fields.day - 1) / 7 + 1, 1),
        "WW" => of_date(&|date| i64::from(date.ordinal0() / 7 + 1), 2),
        "IW" => of_date(&|date| i64::from(date.iso_week().week()), 2),
        "CC" => number((year + 99) / 100, 2),
        "J" => of_date(&|date| i64::from(date.num_days_from_ce()) + 1_721_425, 1),
        "Q" => of_date(&|date| i64::from(date.month0() / 3 + 1), 1),
        "TZ" => {
            if fields.has_zone {
                case.of("UTC")
            } else {
                String::new()
            }
        }
        "OF" | "TZH" => "+00".to_owned(),
        "TZM" => "00".to_owned(),
        _ => String::new(),
    }
}

fn day_of(date: NaiveDate) -> &'static str {
    DAYS[date.weekday().num_days_from_sunday() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(template: &str) -> String {
        let at = NaiveDateTime::parse_from_str("2026-01-02 15:04:05.678", "%Y-%m-%d %H:%M:%S%.f");
        Template::read(template).shown(&Fields::of_time(at.expect("a time"), false))
    }

    #[test]
    fn patterns_are_those_of_postgres() {
        for (template, wanted) in [
            ("Day|DAY|FMDay|Mon|FMMonth|Month", "Friday   |FRIDAY   |Friday|Jan|January|January  "),
            ("DDD|D|ID|W|WW|IW|IYYY|CC|J|Q|RM", "002|6|5|1|01|01|2026|21|2461043|1|I   "),
            ("HH|HH12|AM|a.m.|MS|US|SSSS", "03|03|PM|p.m.|678|678000|54245"),
            ("Y,YYY|YYY|DDth|FMDDth|TZ|OF|FF3", "2,026|026|02nd|2nd||+00|678"),
            ("\"T\"x|YYYYMMDD HH24MISS", "Tx|20260102 150405"),
            ("\"YYYY \\\" \"YY", "YYYY \" 26"),
        ] {
            assert_eq!(shown(template), wanted, "{template}");
        }
    }

    #[test]
    fn intervals_have_hours_beyond_a_day() {
        let interval = IntervalMonthDayNano::new(14, 3, 26 * 3_600_000_000_000);
        let fields = Fields::of_interval(interval);
        assert_eq!(Template::read("YYYY MM DD HH24").shown(&fields), "0001 02 03 26");
    }
}
