//! Lower bounds of the machine, to compare figures with.
//!
//! Surprise: bounds are measured together with the figures, so that efficiencies of two machines
//! can be compared when their seconds cannot.

use std::time::{Duration, Instant};

use serde::de::IgnoredAny;

use crate::program::Program;
use crate::serve::published;
use crate::statistic::{median, median_seconds};

/// Bounds of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// Bytes of JSON that one core reads in a second when it keeps nothing of them.
    pub(crate) bytes_per_second: f64,
    /// Bytes of an object.
    pub(crate) row_bytes: f64,
    /// Seconds until a process that does nothing has ended.
    pub(crate) start: f64,
}

impl Floor {
    pub(crate) fn measure(program: &Program) -> Result<Self, String> {
        let rows: Vec<String> = (0..1_000).map(published).collect();
        let page = format!("[{}]", rows.join(","));
        let bytes = f64::from(u32::try_from(page.len()).unwrap_or(u32::MAX));
        let mut rates = Vec::new();
        for _ in 0..15 {
            let started = Instant::now();
            for _ in 0..20 {
                serde_json::from_str::<IgnoredAny>(&page).map_err(|error| error.to_string())?;
            }
            rates.push(20.0 * bytes / started.elapsed().as_secs_f64());
        }
        let starts: Vec<Duration> =
            (0..20).map(|_| program.brief(&["--version"])).collect::<Result<_, _>>()?;
        Ok(Self {
            bytes_per_second: median(rates),
            row_bytes: bytes / 1_000.0,
            start: median_seconds(&starts),
        })
    }

    /// Rows that one core reads in a second.
    pub(crate) fn rows_per_second(&self) -> f64 {
        self.bytes_per_second / self.row_bytes
    }
}
