//! The table of settings: one row each.

use std::collections::BTreeMap;
use std::time::Duration;

use strataql_call::Mismatch;

use super::form::{Choice, Form, Limit, Memory, Number, Optional, Span, Switch};

/// A documented setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Dotted name; `<…>` stands for a part of the user's.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    values: fn() -> String,
    /// Gives the field the value of a text, or its default; false if the text is no value.
    put: fn(&mut Settings, Option<&str>) -> bool,
    show: fn(&Settings) -> String,
}

impl Setting {
    /// What to give, in words.
    pub fn values(&self) -> String {
        (self.values)()
    }

    /// The default as text.
    pub fn default(&self) -> String {
        self.show(&Settings::default())
    }

    /// The value as text; SET takes it back.
    pub fn show(&self, settings: &Settings) -> String {
        (self.show)(settings)
    }

    pub(super) fn put(&self, settings: &mut Settings, text: Option<&str>) -> bool {
        (self.put)(settings, text)
    }
}

/// Who is connected, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The database; the name of a provider shows that provider alone.
    pub database: String,
    /// What the server says of itself.
    pub version: String,
}

/// Makes the fields, their defaults and [`SETTINGS`] of one table.
macro_rules! settings {
    ($($name:literal $field:ident: $type:ty = $default:expr, $form:expr, $meaning:literal;)*) => {
        /// The settings of a session.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $(
                #[doc = concat!("`", $name, "`: ", $meaning)]
                pub $field: $type,
            )*
            /// `variable.<provider>.<name>`.
            pub variables: BTreeMap<(String, String), String>,
            /// `default.<provider>.<name>`.
            pub defaults: BTreeMap<(String, String), String>,
            /// Provider, or provider and service, that USE chose.
            pub namespace: Vec<String>,
            /// Who is connected, for sessions of a server of databases.
            pub login: Option<Login>,
            /// What the StackQL profile relaxes; `None` outside of it. It is no setting of SQL.
            pub profile: Option<Profile>,
        }

        /// What the StackQL profile relaxes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Profile {
            /// Pages of a call that are read at most.
            pub most_pages: Option<usize>,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    variables: BTreeMap::new(),
                    defaults: BTreeMap::new(),
                    namespace: Vec::new(),
                    profile: None,
                    login: None,
                }
            }
        }

        /// Every setting.
        pub const SETTINGS: &[Setting] = &[
            $(Setting {
                name: $name,
                meaning: $meaning,
                values: || Form::<$type>::values(&$form),
                put: |settings, text| {
                    let value = match text {
                        Some(text) => Form::<$type>::parse(&$form, text),
                        None => Some($default),
                    };
                    value.map(|value| settings.$field = value).is_some()
                },
                show: |settings| Form::<$type>::show(&$form, &settings.$field),
            },)*
            Setting {
                name: VARIABLE,
                meaning: "value of a server variable, such as a deployment name or a region",
                values: || "a text".to_owned(),
                // a name of the user's: `Settings::set_named` takes it
                put: |_, _| false,
                show: |settings| named(&settings.variables),
            },
            Setting {
                name: DEFAULT,
                meaning: "value of a parameter for statements that need it and do not give it; UPDATE, REPLACE, DELETE and EXEC that changes something use it with `default.writes` only",
                values: || "a text".to_owned(),
                put: |_, _| false,
                show: |settings| named(&settings.defaults),
            },
        ];
    };
}

/// Names of the settings whose names are the user's.
pub(super) const VARIABLE: &str = "variable.<provider>.<name>";
pub(super) const DEFAULT: &str = "default.<provider>.<name>";

fn named(values: &BTreeMap<(String, String), String>) -> String {
    let shown = values.iter().map(|((provider, name), value)| format!("{provider}.{name}={value}"));
    shown.collect::<Vec<_>>().join(" ")
}

settings! {
    "on_mismatch" on_mismatch: Mismatch = Mismatch::Error,
        Choice([("error", Mismatch::Error), ("null", Mismatch::Null)]),
        "what a remote value that does not fit its column becomes: `error` or `null`";
    "scan.order" arrival_order: bool = false,
        Choice([("values", false), ("arrival", true)]),
        "order of the rows of an IN list: `values` (as written) or `arrival` (faster)";
    "scan.concurrency" scan_concurrency: usize = 32,
        Number { least: 1, most: 1024 },
        "chains of pages of one scan that are read at once";
    "on_error" keeps_partial: bool = false,
        Choice([("error", false), ("partial", true)]),
        "what a failing call does to a query: `error` fails it, `partial` goes on without the call's remaining rows and lists it in `sys.last_query_issues`";
    "budget.requests" budget_requests: Option<u64> = None,
        Limit,
        "requests that a statement may send, without repetitions; one more is an error before it is sent";
    "budget.rows" budget_rows: Option<u64> = None,
        Limit,
        "rows that a statement may give; more is an error";
    "budget.seconds" budget_time: Option<Duration> = None,
        Optional { absent: &["none"], values: "seconds", in_seconds: true },
        "seconds that a statement may take; more is an error";
    "cache.ttl" cache_ttl: Option<Duration> = None,
        Optional {
            absent: &["off", "none", "0", "0s"],
            values: "a duration such as `30s` or `5m`",
            in_seconds: false,
        },
        "how long the answers to GET requests of queries are kept for later queries of the session, for example `5m`; a write to a provider drops what is kept of it";
    "read_only" read_only: bool = false,
        Switch,
        "`on` refuses every write for the rest of the session; it cannot be switched off again";
    "timeout" timeout: Option<Duration> = None,
        Optional {
            absent: &["none", "0"],
            values: "a duration such as `500ms`, `30s` or `5m`",
            in_seconds: false,
        },
        "longest run of a statement, for example `30s` or `5m`";
    "max_writes" max_writes: usize = 100,
        Number { least: 0, most: usize::MAX },
        "rows that a statement may write; more is an error before the first is sent";
    "on_write_error" continue_on_write_error: bool = false,
        Choice([("stop", false), ("continue", true)]),
        "after a write fails: `stop` sends no further row, `continue` sends them all";
    "ledger.before_image" before_image: bool = false,
        Switch,
        "`on` reads each object before it is changed and records it in the change ledger, which costs a request per row; an object that cannot be read is not changed";
    "write.all" write_all: bool = false,
        Switch,
        "`on` allows a WHERE that names only a scope, such as an account";
    "default.writes" default_writes: bool = false,
        Switch,
        "`on` lets UPDATE, REPLACE, DELETE and EXEC use default parameters (`default.<provider>.<name>`), too";
    "await.timeout" await_timeout: Duration = Duration::from_mins(20),
        Span,
        "how long AWAIT waits for a change to be done, for example `90s` or `1h`";
    "transaction.mode" eager: bool = false,
        Choice([("queued", false), ("eager", true)]),
        "`queued` writes nothing before COMMIT; `eager` writes at once, and ROLLBACK undoes it with what was read before each change";
    "transaction.irreversible" irreversible: bool = false,
        Switch,
        "`on` allows writes in an eager transaction that ROLLBACK cannot undo";
    "memory.limit" memory_limit: usize = 1 << 30,
        Memory,
        "memory that sorts, joins, shared pages and single values of a statement may use";
    "local_files" local_files: bool = true,
        Switch,
        "`off` refuses files in FROM, such as `'apps.csv'`";
}
