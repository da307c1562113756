//! The forms of values: switches, durations, numbers, pairs.

use std::time::Duration;

use strataql_diag::Result;

use super::unfit;

/// `on`, `off` and their synonyms.
pub(super) fn on_or_off(key: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(unfit(key, value, "`on` or `off`")),
    }
}

/// `500ms`, `30s`, `5m`, `2h`; a bare number counts seconds.
pub(super) fn duration(key: &str, value: &str) -> Result<Duration> {
    let bad = || unfit(key, value, "a duration such as `500ms`, `30s`, `5m` or `2h`");
    let value = value.trim();
    let split = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(split);
    let number: f64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())?;
    if duration.is_zero() { Err(bad()) } else { Ok(duration) }
}

/// A whole number; `_` may group digits.
pub(super) fn whole(key: &str, value: &str) -> Result<u64> {
    value.replace('_', "").parse().map_err(|_| unfit(key, value, "a whole number"))
}

/// `name=value`.
pub(super) fn pair<'a>(key: &str, entry: &'a str) -> Result<(&'a str, &'a str)> {
    match entry.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value.trim())),
        _ => Err(unfit(key, entry, "a name and a value: `name=value`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let read = |text| duration("timeout", text).ok();
        assert_eq!(read("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(read("2h"), Some(Duration::from_hours(2)));
        for text in ["", "0", "soon", "3 weeks", "-1s", "1e400s"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn switches_have_synonyms() {
        assert_eq!(on_or_off("x", "ON"), Ok(true));
        assert_eq!(on_or_off("x", "false"), Ok(false));
        assert_eq!(on_or_off("x", "maybe").expect_err("neither").help, ["write `on` or `off`"]);
    }
}
