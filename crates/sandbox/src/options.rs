//! Options of a server.
//!
//! Owns: the options, their defaults and their syntax on the command line.
//! Refuses: files; a [`Scenario`] is parsed from text by its own module.

use std::fmt;
use std::time::Duration;

use strataql_diag::{Code, Report, did_you_mean};

use crate::fault::Fault;
use crate::rate::Rate;
use crate::scenario::Scenario;
use crate::state::State;

/// Default number of objects in a generated list.
pub const DEFAULT_ROWS: usize = 7;
/// Default number of rows per page.
pub const DEFAULT_PAGE_SIZE: usize = 100;

/// Options of a sandbox. They override the scenario.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// Maximum rows per page.
    pub page_size: Option<usize>,
    /// Objects of a generated list.
    pub rows: Option<usize>,
    /// Delay before every response.
    pub latency: Option<Duration>,
    /// Limit of requests per logical host.
    pub rate: Option<Rate>,
    /// Faults, matched before those of the scenario.
    pub faults: Vec<Fault>,
    /// Exact data and behaviour.
    pub scenario: Option<Scenario>,
    /// Whether requests need a credential.
    pub require_auth: bool,
    /// Accepted credentials.
    pub credentials: Credentials,
    /// The file of `state=FILE`, for the code that starts the server.
    pub state_file: Option<String>,
    /// What an earlier run has changed.
    pub state: State,
    /// An object that is asked for and not there is made, in place of a 404.
    pub adopt: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            page_size: None,
            rows: None,
            latency: None,
            rate: None,
            faults: Vec::new(),
            scenario: None,
            require_auth: true,
            credentials: Credentials::default(),
            state_file: None,
            state: State::default(),
            adopt: false,
        }
    }
}

/// The credentials that the server accepts; never shown in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// OAuth client id, and the user name of Basic authentication.
    pub client_id: String,
    /// OAuth client secret, and the password of Basic authentication.
    pub client_secret: String,
    /// A bearer token that needs no token endpoint; also the API key of other schemes.
    pub token: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            token: "sandbox-token".to_owned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Keys of [`Options::parse_list`].
const KEYS: &[&str] =
    &["page-size", "rows", "latency", "rate", "fault", "scenario", "state", "port", "auth"];

impl Options {
    /// Parses the combined form: `page-size=2,latency=50ms,rows=9,rate=20/s,fault=503:2%`.
    ///
    /// `fault` may be repeated; entries without `=` after it are further faults. An empty text is
    /// the default.
    ///
    /// # Errors
    /// `usage` for an unknown key or a value of the wrong form, and for `scenario=FILE`, which
    /// [`Options::parse_list_with`] takes.
    pub fn parse_list(text: &str) -> Result<Self, Box<Report>> {
        Self::parse_list_with(text, |_| {
            Err(usage("a file cannot be read here".to_owned(), "give the scenario itself"))
        })
    }

    /// Like [`Options::parse_list`], with `scenario` to read the file of `scenario=FILE`: this
    /// crate opens no files.
    ///
    /// # Errors
    /// Those of [`Options::parse_list`], and those of `scenario`.
    pub fn parse_list_with(
        text: &str,
        scenario: impl Fn(&str) -> Result<Scenario, Box<Report>>,
    ) -> Result<Self, Box<Report>> {
        let mut options = Self::default();
        let mut last = "";
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (key, value) = match entry.split_once('=') {
                Some((key, value)) => (key.trim(), value.trim()),
                None if last == "fault" => (last, entry),
                None => (entry, ""),
            };
            if key == "scenario" {
                options.scenario = Some(scenario(value)?);
            } else {
                options.set(key, value)?;
            }
            last = if key == "fault" { "fault" } else { "" };
        }
        Ok(options)
    }

    /// Sets one option from its command-line syntax.
    ///
    /// # Errors
    /// `usage` for an unknown key or a value of the wrong form.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Box<Report>> {
        match key.replace('_', "-").as_str() {
            "page-size" => self.page_size = Some(positive(key, value)?),
            "rows" => self.rows = Some(parse_number(key, value)?),
            "latency" => self.latency = Some(parse_duration(value)?),
            "rate" => self.rate = Some(parse_rate(value)?),
            "fault" | "faults" => self.faults.extend(Fault::parse_list(value)?),
            "state" => self.state_file = Some(value.to_owned()),
            "port" => {
                self.port = value.parse().map_err(|_| {
                    usage(format!("`{value}` is not a port"), "give a number from 0 to 65535")
                })?;
            }
            "auth" => {
                self.require_auth = match value {
                    "on" | "true" => true,
                    "off" | "false" => false,
                    _ => {
                        return Err(usage(
                            format!("`auth` is `{value}`"),
                            "write `auth=off` or `auth=on`",
                        ));
                    }
                }
            }
            _ => {
                return Err(Box::new(
                    Report::new(Code::Usage, format!("the sandbox has no option `{key}`"))
                        .with_help_if(did_you_mean(key, KEYS.iter().copied()))
                        .with_help(format!("the options are {}", KEYS.join(", "))),
                ));
            }
        }
        Ok(())
    }
}

/// Parses `50ms`, `2s`, `1.5s`, `1m` or `0`.
///
/// # Errors
/// `usage` when the text is not a duration.
pub fn parse_duration(text: &str) -> Result<Duration, Box<Report>> {
    let bad = || usage(format!("`{text}` is not a duration"), "write for example `50ms` or `2s`");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| bad())?;
    let factor = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "" if number == 0.0 => 1.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| bad())
}

/// Parses `20/s`, `100/m`, or `20/s:5` with a burst of five.
///
/// Without a burst, it is the number of requests per second, at least one.
///
/// # Errors
/// `usage` when the text is not a rate.
pub fn parse_rate(text: &str) -> Result<Rate, Box<Report>> {
    let bad = || {
        usage(
            format!("`{text}` is not a rate"),
            "write for example `20/s`, or `20/s:5` with a burst",
        )
    };
    let (rate, burst) = match text.split_once(':') {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let (number, unit) = rate.split_once('/').ok_or_else(bad)?;
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    let per_second = match unit.trim() {
        "s" => number,
        "m" | "min" => number / 60.0,
        _ => return Err(bad()),
    };
    let burst = match burst {
        Some(burst) => burst.trim().parse().map_err(|_| bad())?,
        None => per_second.ceil().max(1.0),
    };
    let sensible = per_second.is_finite() && per_second > 0.0 && burst >= 1.0;
    sensible.then_some(Rate { per_second, burst }).ok_or_else(bad)
}

fn parse_number(key: &str, text: &str) -> Result<usize, Box<Report>> {
    text.parse().map_err(|_| {
        usage(
            format!("`{key}` is `{text}`, which is not a number"),
            &format!("write for example `{key}=9`"),
        )
    })
}

fn positive(key: &str, text: &str) -> Result<usize, Box<Report>> {
    match parse_number(key, text)? {
        0 => Err(usage(format!("`{key}` is 0"), "a page has at least one row")),
        number => Ok(number),
    }
}

fn usage(message: String, help: &str) -> Box<Report> {
    Box::new(Report::new(Code::Usage, message).with_help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn the_combined_form_sets_everything() {
        let options = Options::parse_list(
            "page-size=2,latency=50ms,rows=9,rate=20/s,fault=503:2%,reset:1%,auth=off",
        )
        .expect("valid");
        assert_eq!(options.page_size, Some(2));
        assert_eq!(options.latency, Some(Duration::from_millis(50)));
        assert_eq!(options.rows, Some(9));
        assert_eq!(options.rate, Some(Rate { per_second: 20.0, burst: 20.0 }));
        assert_eq!(options.faults.len(), 2);
        assert_eq!(options.faults[1].kind, FaultKind::Reset);
        assert!(!options.require_auth);
        assert!(Options::parse_list("").is_ok());
    }

    #[test]
    fn bad_texts_say_what_to_write() {
        for (text, help) in [
            ("page_sise=2", "did you mean `page-size`?"),
            ("page-size=0", "a page has at least one row"),
            ("rows=many", "write for example `rows=9`"),
            ("latency=50", "write for example `50ms` or `2s`"),
            ("rate=20", "write for example `20/s`, or `20/s:5` with a burst"),
            ("port=99999", "give a number from 0 to 65535"),
            ("fault=503:2", "write for example `503:2%`, or `503` for every request"),
        ] {
            let report = Options::parse_list(text).expect_err(text);
            assert_eq!(report.code, Code::Usage, "{text}");
            assert_eq!(report.help[0], help, "{text}");
        }
    }

    #[test]
    fn rates_and_durations_have_units() {
        assert_eq!(parse_rate("90/m:3").expect("valid"), Rate { per_second: 1.5, burst: 3.0 });
        assert_eq!(
            parse_rate("0.2/s").expect("valid"),
            Rate { per_second: 0.2, burst: 1.0 },
            "one at least"
        );
        assert!(parse_rate("0/s").is_err());
        assert_eq!(parse_duration("1.5s").expect("valid"), Duration::from_millis(1500));
        assert_eq!(parse_duration("0").expect("valid"), Duration::ZERO);
    }

    #[test]
    fn credentials_never_show() {
        assert!(!format!("{:?}", Options::default()).contains("sandbox-secret"));
    }
}
