//! Session settings: what SET changes.
//!
//! Owns: the table of settings with their meaning, defaults and checks; it feeds SHOW SETTINGS and
//! the reference page.
//! Refuses: settings of the command line that are no SQL settings.

use std::collections::BTreeMap;
use std::time::Duration;

use strataql_call::Mismatch;
use strataql_diag::{Code, Report, did_you_mean};
use strataql_sql::{Name, SetValue};

/// A documented setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingInfo {
    /// Dotted name; `<…>` stands for a part of the user's.
    pub name: &'static str,
    /// Default as shown.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Every setting.
pub const SETTINGS: &[SettingInfo] = &[
    SettingInfo {
        name: "on_mismatch",
        default: "error",
        meaning: "what a remote value that does not fit its column becomes: `error` or `null`",
    },
    SettingInfo {
        name: "scan.order",
        default: "values",
        meaning: "order of the rows of an IN list: `values` (as written) or `arrival` (faster)",
    },
    SettingInfo {
        name: "scan.concurrency",
        default: "32",
        meaning: "chains of pages of one scan that are read at once",
    },
    SettingInfo {
        name: "on_error",
        default: "error",
        meaning: "what a failing call does to a query: `error` fails it, `partial` goes on without the call's remaining rows and lists it in `sys.last_query_issues`",
    },
    SettingInfo {
        name: "budget.requests",
        default: "none",
        meaning: "requests that a statement may send, without repetitions; one more is an error before it is sent",
    },
    SettingInfo {
        name: "budget.rows",
        default: "none",
        meaning: "rows that a statement may give; more is an error",
    },
    SettingInfo {
        name: "budget.seconds",
        default: "none",
        meaning: "seconds that a statement may take; more is an error",
    },
    SettingInfo {
        name: "cache.ttl",
        default: "off",
        meaning: "how long the answers to GET requests of queries are kept for later queries of the session, for example `5m`; a write to a provider drops what is kept of it",
    },
    SettingInfo {
        name: "read_only",
        default: "off",
        meaning: "`on` refuses every write for the rest of the session; it cannot be switched off again",
    },
    SettingInfo {
        name: "timeout",
        default: "none",
        meaning: "longest run of a statement, for example `30s` or `5m`",
    },
    SettingInfo {
        name: "max_writes",
        default: "100",
        meaning: "rows that a statement may write; more is an error before the first is sent",
    },
    SettingInfo {
        name: "on_write_error",
        default: "stop",
        meaning: "after a write fails: `stop` sends no further row, `continue` sends them all",
    },
    SettingInfo {
        name: "ledger.before_image",
        default: "off",
        meaning: "`on` reads each object before it is changed and records it in the change ledger, which costs a request per row; an object that cannot be read is not changed",
    },
    SettingInfo {
        name: "write.all",
        default: "off",
        meaning: "`on` allows a WHERE that names only a scope, such as an account",
    },
    SettingInfo {
        name: "await.timeout",
        default: "20m",
        meaning: "how long AWAIT waits for a change to be done, for example `90s` or `1h`",
    },
    SettingInfo {
        name: "transaction.mode",
        default: "queued",
        meaning: "`queued` writes nothing before COMMIT; `eager` writes at once, and ROLLBACK undoes it with what was read before each change",
    },
    SettingInfo {
        name: "transaction.irreversible",
        default: "off",
        meaning: "`on` allows writes in an eager transaction that ROLLBACK cannot undo",
    },
    SettingInfo {
        name: "memory.limit",
        default: "1GB",
        meaning: "memory that sorts, joins and shared pages of a statement may use",
    },
    SettingInfo {
        name: "local_files",
        default: "on",
        meaning: "`off` refuses files in FROM, such as `'apps.csv'`",
    },
    SettingInfo {
        name: "variable.<provider>.<name>",
        default: "",
        meaning: "value of a server variable, such as a deployment name or a region",
    },
];

/// The settings of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `on_mismatch`.
    pub on_mismatch: Mismatch,
    /// `scan.order = 'arrival'`.
    pub arrival_order: bool,
    /// `scan.concurrency`.
    pub scan_concurrency: usize,
    /// `on_error = 'partial'`.
    pub keeps_partial: bool,
    /// `budget.requests`.
    pub budget_requests: Option<u64>,
    /// `budget.rows`.
    pub budget_rows: Option<u64>,
    /// `budget.seconds`.
    pub budget_time: Option<Duration>,
    /// `cache.ttl`.
    pub cache_ttl: Option<Duration>,
    /// `read_only`.
    pub read_only: bool,
    /// `timeout`.
    pub timeout: Option<Duration>,
    /// `max_writes`.
    pub max_writes: usize,
    /// `on_write_error = 'continue'`.
    pub continue_on_write_error: bool,
    /// `ledger.before_image`.
    pub before_image: bool,
    /// `write.all`.
    pub write_all: bool,
    /// `await.timeout`.
    pub await_timeout: Duration,
    /// `transaction.mode = 'eager'`.
    pub eager: bool,
    /// `transaction.irreversible`.
    pub irreversible: bool,
    /// `memory.limit`, bytes.
    pub memory_limit: usize,
    /// `local_files`.
    pub local_files: bool,
    /// `variable.<provider>.<name>`.
    pub variables: BTreeMap<(String, String), String>,
    /// Provider, or provider and service, that USE chose.
    pub namespace: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            on_mismatch: Mismatch::Error,
            arrival_order: false,
            scan_concurrency: 32,
            keeps_partial: false,
            budget_requests: None,
            budget_rows: None,
            budget_time: None,
            cache_ttl: None,
            read_only: false,
            timeout: None,
            max_writes: 100,
            continue_on_write_error: false,
            before_image: false,
            write_all: false,
            await_timeout: Duration::from_mins(20),
            eager: false,
            irreversible: false,
            memory_limit: 1 << 30,
            local_files: true,
            variables: BTreeMap::new(),
            namespace: Vec::new(),
        }
    }
}

impl Settings {
    /// Applies SET.
    ///
    /// # Errors
    /// `unknown-setting`, or `bad-param-value` when the value does not fit.
    pub fn set(&mut self, name: &Name, value: &SetValue) -> Result<(), Box<Report>> {
        // `SET "variable.p.name" = …` and `SET variable.p.name = …` mean the same
        let dotted = name.dotted();
        self.apply(&dotted, value).map_err(|report| Box::new(report.with_label(name.span, "")))
    }

    /// Applies `name=value` of a command line.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_text(&mut self, name: &str, value: &str) -> Result<(), Box<Report>> {
        self.apply(name, &SetValue::Text(value.to_owned())).map_err(Box::new)
    }

    #[allow(clippy::result_large_err, reason = "both callers box it")]
    fn apply(&mut self, name: &str, value: &SetValue) -> Result<(), Report> {
        let defaults = Self::default();
        let text = match value {
            SetValue::Text(text) => Some(text.as_str()),
            SetValue::Default => None,
        };
        if let Some(rest) = name.strip_prefix("variable.") {
            let Some((provider, variable)) = rest.split_once('.') else {
                return Err(Report::new(
                    Code::UnknownSetting,
                    format!("`{name}` names no server variable"),
                )
                .with_help("write `SET \"variable.<provider>.<name>\" = '…'`"));
            };
            let key = (provider.to_owned(), variable.to_owned());
            match text {
                Some(text) => self.variables.insert(key, text.to_owned()),
                None => self.variables.remove(&key),
            };
            return Ok(());
        }
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "on_mismatch" => {
                self.on_mismatch = match text {
                    None | Some("error") => Mismatch::Error,
                    Some("null") => Mismatch::Null,
                    Some(other) => return Err(bad(name, other, "`error` or `null`")),
                };
            }
            "scan.order" => {
                self.arrival_order = match text {
                    None | Some("values") => false,
                    Some("arrival") => true,
                    Some(other) => return Err(bad(name, other, "`values` or `arrival`")),
                };
            }
            "scan.concurrency" => {
                self.scan_concurrency = match text {
                    None => defaults.scan_concurrency,
                    Some(text) => text
                        .parse()
                        .ok()
                        .filter(|n| (1..=1024).contains(n))
                        .ok_or_else(|| bad(name, text, "a number from 1 to 1024"))?,
                };
            }
            "on_error" => {
                self.keeps_partial = match text {
                    None | Some("error") => false,
                    Some("partial") => true,
                    Some(other) => return Err(bad(name, other, "`error` or `partial`")),
                };
            }
            "budget.requests" | "budget.rows" => {
                let limit = limit(text).map_err(|_| {
                    bad(name, text.unwrap_or_default(), "a whole number, or `none`")
                })?;
                match lower.as_str() {
                    "budget.rows" => self.budget_rows = limit,
                    _ => self.budget_requests = limit,
                }
            }
            "budget.seconds" => {
                self.budget_time = match text {
                    None | Some("none") => None,
                    Some(text) => {
                        Some(duration(text).ok_or_else(|| bad(name, text, "seconds, or `none`"))?)
                    }
                };
            }
            "cache.ttl" => {
                self.cache_ttl = match text {
                    None | Some("off" | "none" | "0" | "0s") => None,
                    Some(text) => Some(duration(text).ok_or_else(|| {
                        bad(name, text, "a duration such as `30s` or `5m`, or `off`")
                    })?),
                };
            }
            "local_files" => {
                self.local_files = switch(text.unwrap_or("on"))
                    .ok_or_else(|| bad(name, text.unwrap_or_default(), "`on` or `off`"))?;
            }
            "read_only" => {
                let on = switch(text.unwrap_or("off"))
                    .ok_or_else(|| bad(name, text.unwrap_or_default(), "`on` or `off`"))?;
                if self.read_only && !on {
                    return Err(Report::new(
                        Code::ReadOnly,
                        "`read_only` cannot be switched off again in this session",
                    )
                    .with_help("start a new session to write"));
                }
                self.read_only = on;
            }
            "timeout" => {
                self.timeout = match text {
                    None | Some("none" | "0") => None,
                    Some(text) => Some(duration(text).ok_or_else(|| {
                        bad(name, text, "a duration such as `30s`, `5m` or `500ms`")
                    })?),
                };
            }
            "max_writes" => {
                self.max_writes = match text {
                    None => defaults.max_writes,
                    Some(text) => text.parse().map_err(|_| bad(name, text, "a number of rows"))?,
                };
            }
            "on_write_error" => {
                self.continue_on_write_error = match text {
                    None | Some("stop") => false,
                    Some("continue") => true,
                    Some(other) => return Err(bad(name, other, "`stop` or `continue`")),
                };
            }
            "ledger.before_image" => {
                self.before_image = switch(text.unwrap_or("off"))
                    .ok_or_else(|| bad(name, text.unwrap_or_default(), "`on` or `off`"))?;
            }
            "write.all" => {
                self.write_all = switch(text.unwrap_or("off"))
                    .ok_or_else(|| bad(name, text.unwrap_or_default(), "`on` or `off`"))?;
            }
            "transaction.mode" => {
                self.eager = match text.unwrap_or("queued") {
                    "queued" => false,
                    "eager" => true,
                    other => return Err(bad(name, other, "`queued` or `eager`")),
                };
            }
            "transaction.irreversible" => {
                self.irreversible = switch(text.unwrap_or("off"))
                    .ok_or_else(|| bad(name, text.unwrap_or_default(), "`on` or `off`"))?;
            }
            "await.timeout" => {
                self.await_timeout = match text {
                    None => defaults.await_timeout,
                    Some(text) => duration(text).ok_or_else(|| {
                        bad(name, text, "a duration such as `90s`, `20m` or `1h`")
                    })?,
                };
            }
            "memory.limit" => {
                self.memory_limit = match text {
                    None => defaults.memory_limit,
                    Some(text) => bytes(text)
                        .filter(|n| *n >= 1 << 20)
                        .ok_or_else(|| bad(name, text, "a size of at least `1MB`"))?,
                };
            }
            _ => {
                let known = SETTINGS.iter().map(|setting| setting.name);
                return Err(Report::new(
                    Code::UnknownSetting,
                    format!("there is no setting `{name}`"),
                )
                .with_help_if(did_you_mean(name, known))
                .with_help("`SHOW SETTINGS` lists them"));
            }
        }
        Ok(())
    }

    /// The current value of a setting as text, for SHOW SETTINGS.
    pub fn shown(&self, name: &str) -> String {
        match name {
            "on_mismatch" => {
                if self.on_mismatch == Mismatch::Null { "null" } else { "error" }.into()
            }
            "scan.order" => if self.arrival_order { "arrival" } else { "values" }.into(),
            "scan.concurrency" => self.scan_concurrency.to_string(),
            "on_error" => if self.keeps_partial { "partial" } else { "error" }.into(),
            "budget.requests" => shown_limit(self.budget_requests),
            "budget.rows" => shown_limit(self.budget_rows),
            "budget.seconds" => {
                self.budget_time.map_or_else(|| "none".into(), |t| t.as_secs_f64().to_string())
            }
            "cache.ttl" => {
                self.cache_ttl.map_or_else(|| "off".into(), |t| format!("{}ms", t.as_millis()))
            }
            "read_only" => if self.read_only { "on" } else { "off" }.into(),
            "local_files" => if self.local_files { "on" } else { "off" }.into(),
            "timeout" => {
                self.timeout.map_or_else(|| "none".into(), |t| format!("{}ms", t.as_millis()))
            }
            "max_writes" => self.max_writes.to_string(),
            "on_write_error" => {
                if self.continue_on_write_error { "continue" } else { "stop" }.into()
            }
            "ledger.before_image" => if self.before_image { "on" } else { "off" }.into(),
            "write.all" => if self.write_all { "on" } else { "off" }.into(),
            "transaction.mode" => if self.eager { "eager" } else { "queued" }.into(),
            "transaction.irreversible" => if self.irreversible { "on" } else { "off" }.into(),
            "await.timeout" => match self.await_timeout.as_millis() {
                millis if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
                millis => format!("{millis}ms"),
            },
            "memory.limit" if self.memory_limit.is_multiple_of(1 << 30) => {
                format!("{}GB", self.memory_limit >> 30)
            }
            "memory.limit" => format!("{}MB", self.memory_limit >> 20),
            _ => self
                .variables
                .iter()
                .map(|((provider, name), value)| format!("{provider}.{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
}

fn bad(name: &str, value: &str, wanted: &str) -> Report {
    Report::new(Code::BadParamValue, format!("`{value}` is no value for the setting `{name}`"))
        .with_help(format!("give {wanted}"))
}

/// A number, or nothing for `none`.
fn limit(text: Option<&str>) -> Result<Option<u64>, std::num::ParseIntError> {
    text.filter(|text| *text != "none").map(str::parse).transpose()
}

fn shown_limit(limit: Option<u64>) -> String {
    limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Some(true),
        "off" | "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// `500ms`, `30s`, `5m`, `1h`, or seconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
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
mod page;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_check_their_values() {
        let mut settings = Settings::default();
        settings.set_text("on_mismatch", "null").expect("fits");
        settings.set_text("timeout", "1.5s").expect("fits");
        settings.set_text("variable.okta.subdomain", "acme").expect("fits");
        assert_eq!(settings.timeout, Some(Duration::from_millis(1500)));
        let code = |result: Result<(), Box<Report>>| result.expect_err("refused").code;
        assert_eq!(code(settings.set_text("on_mismatch", "x")), Code::BadParamValue);
        assert_eq!(code(settings.set_text("on_mismtch", "null")), Code::UnknownSetting);
        assert_eq!(code(settings.set_text("memory.limit", "5")), Code::BadParamValue);
        settings.set_text("read_only", "on").expect("fits");
        assert_eq!(code(settings.set_text("read_only", "off")), Code::ReadOnly);
    }
}
