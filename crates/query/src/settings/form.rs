//! Forms of values: how the text of a setting is read and shown.

use std::time::Duration;

/// How values of a type are written.
pub(super) trait Form<T> {
    /// What to give, in words.
    fn values(&self) -> String;
    /// The value of a text, if it is one.
    fn parse(&self, text: &str) -> Option<T>;
    /// The text of a value.
    fn show(&self, value: &T) -> String;
}

/// `on` or `off`, in any case and with the usual synonyms.
pub(super) struct Switch;

impl Form<bool> for Switch {
    fn values(&self) -> String {
        "`on` or `off`".to_owned()
    }

    fn parse(&self, text: &str) -> Option<bool> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" | "yes" => Some(true),
            "off" | "false" | "0" | "no" => Some(false),
            _ => None,
        }
    }

    fn show(&self, value: &bool) -> String {
        if *value { "on" } else { "off" }.to_owned()
    }
}

/// One of two words.
pub(super) struct Choice<T>(pub(super) [(&'static str, T); 2]);

impl<T: Copy + PartialEq> Form<T> for Choice<T> {
    fn values(&self) -> String {
        self.0.each_ref().map(|(word, _)| format!("`{word}`")).join(" or ")
    }

    fn parse(&self, text: &str) -> Option<T> {
        self.0.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    fn show(&self, value: &T) -> String {
        let (word, _) = if self.0[0].1 == *value { self.0[0] } else { self.0[1] };
        word.to_owned()
    }
}

/// A whole number between two others.
pub(super) struct Number {
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Form<usize> for Number {
    fn values(&self) -> String {
        match (self.least, self.most) {
            (0, usize::MAX) => "a whole number".to_owned(),
            (least, most) => format!("a number from {least} to {most}"),
        }
    }

    fn parse(&self, text: &str) -> Option<usize> {
        let number = text.replace('_', "").parse().ok()?;
        (self.least..=self.most).contains(&number).then_some(number)
    }

    fn show(&self, value: &usize) -> String {
        value.to_string()
    }
}

/// A whole number, or `none`.
pub(super) struct Limit;

impl Form<Option<u64>> for Limit {
    fn values(&self) -> String {
        "a whole number, or `none`".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Option<u64>> {
        if text == "none" { Some(None) } else { text.parse().ok().map(Some) }
    }

    fn show(&self, value: &Option<u64>) -> String {
        value.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
    }
}

/// A duration, or seconds without a unit.
pub(super) struct Span;

impl Form<Duration> for Span {
    fn values(&self) -> String {
        "a duration such as `90s`, `20m` or `1h`".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Duration> {
        duration(text)
    }

    fn show(&self, value: &Duration) -> String {
        match value.as_millis() {
            millis if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
            millis => format!("{millis}ms"),
        }
    }
}

/// A duration, or one of the words for having none; the first word is the one that is shown.
pub(super) struct Optional {
    pub(super) absent: &'static [&'static str],
    pub(super) values: &'static str,
    /// Shown as a number of seconds.
    pub(super) in_seconds: bool,
}

impl Form<Option<Duration>> for Optional {
    fn values(&self) -> String {
        format!("{}, or `{}`", self.values, self.absent[0])
    }

    fn parse(&self, text: &str) -> Option<Option<Duration>> {
        if self.absent.contains(&text) { Some(None) } else { duration(text).map(Some) }
    }

    fn show(&self, value: &Option<Duration>) -> String {
        match value {
            None => self.absent[0].to_owned(),
            Some(value) if self.in_seconds => value.as_secs_f64().to_string(),
            Some(value) => format!("{}ms", value.as_millis()),
        }
    }
}

/// A number of bytes, at least a megabyte.
pub(super) struct Memory;

impl Form<usize> for Memory {
    fn values(&self) -> String {
        "a size of at least `1MB`".to_owned()
    }

    fn parse(&self, text: &str) -> Option<usize> {
        bytes(text).filter(|bytes| *bytes >= 1 << 20)
    }

    fn show(&self, value: &usize) -> String {
        match value {
            bytes if bytes.is_multiple_of(1 << 30) => format!("{}GB", bytes >> 30),
            bytes => format!("{}MB", bytes >> 20),
        }
    }
}

/// `500ms`, `30s`, `5m`, `1h`, or seconds.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * factor).ok().filter(|duration| !duration.is_zero())
}

/// `64MB`, `1GB`, `65536`.
fn bytes(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "" | "B" => 1,
        "KB" | "K" => 1 << 10,
        "MB" | "M" => 1 << 20,
        "GB" | "G" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("30"), Some(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Some(Duration::from_hours(2)));
        for text in ["", "0", "soon", "3 weeks", "-1s", "1e400s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn switches_have_synonyms() {
        assert_eq!(Switch.parse("ON"), Some(true));
        assert_eq!(Switch.parse("false"), Some(false));
        assert_eq!(Switch.parse("maybe"), None);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(Memory.parse("64mb"), Some(64 << 20));
        assert_eq!(Memory.parse("5"), None);
        assert_eq!(Memory.show(&(64 << 20)), "64MB");
    }
}
