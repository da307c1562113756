//! The letters of `strftime`.

use std::fmt::Write;

use chrono::{Datelike, NaiveDateTime, Timelike};

use super::{date_text, julian};
use crate::cell::real_text;

/// A time in a format; `None` for an unknown letter.
pub(super) fn written(format: &str, at: NaiveDateTime) -> Option<String> {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        if char == '%' {
            letter(chars.next()?, at, &mut out)?;
        } else {
            out.push(char);
        }
    }
    Some(out)
}

fn letter(letter: char, at: NaiveDateTime, out: &mut String) -> Option<()> {
    let (date, time) = (at.date(), at.time());
    let twelve = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let sunday = date.weekday().num_days_from_sunday();
    let monday = date.weekday().num_days_from_monday();
    match letter {
        '%' => out.push('%'),
        'd' => write!(out, "{:02}", date.day()).ok()?,
        'e' => write!(out, "{:2}", date.day()).ok()?,
        'f' => {
            let millis = at.and_utc().timestamp_subsec_millis();
            write!(out, "{:02}.{millis:03}", time.second()).ok()?;
        }
        'F' => out.push_str(&date_text(at)),
        'G' => write!(out, "{:04}", date.iso_week().year()).ok()?,
        'g' => write!(out, "{:02}", date.iso_week().year().rem_euclid(100)).ok()?,
        'H' => write!(out, "{:02}", time.hour()).ok()?,
        'I' => write!(out, "{twelve:02}").ok()?,
        'j' => write!(out, "{:03}", date.ordinal()).ok()?,
        'J' => out.push_str(&real_text(julian(at))),
        'k' => write!(out, "{:2}", time.hour()).ok()?,
        'l' => write!(out, "{twelve:2}").ok()?,
        'm' => write!(out, "{:02}", date.month()).ok()?,
        'M' => write!(out, "{:02}", time.minute()).ok()?,
        'p' => out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
        'P' => out.push_str(if time.hour() < 12 { "am" } else { "pm" }),
        'R' => write!(out, "{:02}:{:02}", time.hour(), time.minute()).ok()?,
        's' => write!(out, "{}", at.and_utc().timestamp()).ok()?,
        'S' => write!(out, "{:02}", time.second()).ok()?,
        'T' => write!(out, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()).ok()?,
        'u' => write!(out, "{}", monday + 1).ok()?,
        'U' => write!(out, "{:02}", (date.ordinal0() + 7 - sunday) / 7).ok()?,
        'V' => write!(out, "{:02}", date.iso_week().week()).ok()?,
        'w' => write!(out, "{sunday}").ok()?,
        'W' => write!(out, "{:02}", (date.ordinal0() + 7 - monday) / 7).ok()?,
        'Y' => write!(out, "{:04}", date.year()).ok()?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn letters_follow_sqlite() {
        let at = NaiveDate::from_ymd_opt(2024, 3, 5).unwrap();
        let at = at.and_hms_milli_opt(17, 8, 9, 42).unwrap();
        for (format, wanted) in [
            ("%Y-%m-%d %H:%M:%S", "2024-03-05 17:08:09"),
            ("%f|%j|%s", "09.042|065|1709658489"),
            ("%w %u %W %U %V %G %g", "2 2 10 09 10 2024 24"),
            ("%e|%k|%I|%l|%p%P", " 5|17|05| 5|PMpm"),
            ("%F %T %R %%", "2024-03-05 17:08:09 17:08 %"),
            ("%J", "2460375.2139935414"),
        ] {
            let found = written(format, at).unwrap();
            if format == "%J" {
                let day: f64 = found.parse().unwrap();
                assert!((day - 2_460_375.213_993_5).abs() < 1e-6, "{found}");
            } else {
                assert_eq!(found, wanted, "{format}");
            }
        }
        assert_eq!(written("%Q", at), None);
        assert_eq!(written("50%", at), None);
    }
}
