//! Times in answers and files of services.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

/// How long something is valid that ends at a time of the calendar.
pub(super) fn life(ends: Option<SystemTime>, now: SystemTime) -> Option<Duration> {
    Some(ends?.duration_since(now).unwrap_or_default())
}

/// A time in an answer or a file.
pub(super) fn instant(text: &str) -> Option<SystemTime> {
    let text = text.trim().replace("UTC", "Z");
    DateTime::parse_from_rfc3339(&text).ok().map(|time| time.with_timezone(&Utc).into())
}
