//! Statements that the server runs by itself: those of the connection and not of the engine.
//!
//! Owns: their reading; the values of PostgreSQL's own settings.
//! Surprise: a setting that clients set as they connect is accepted where its value changes nothing
//! here, and refused where answers would differ from what it asks for.

use std::ops::Range;

use strataql_diag::{Code, Report};

use crate::pieces::{Word, words};

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// One for the engine, with its first words.
    Run(String),
    Begin,
    Commit,
    Rollback,
    /// SAVEPOINT.
    Savepoint(String),
    /// RELEASE of a savepoint.
    Release(String),
    /// ROLLBACK TO a savepoint.
    RollbackTo(String),
    /// SET of one of PostgreSQL's settings; `None` for DEFAULT.
    Set {
        name: String,
        value: Option<String>,
    },
    /// SHOW of one of them.
    Show(String),
    /// SELECT of one value that belongs to the connection.
    Value {
        label: String,
        value: OfConnection,
    },
    /// Accepted, without a meaning here.
    Nothing(&'static str),
    /// DISCARD ALL.
    Discard,
    /// DEALLOCATE; `None` for all.
    Deallocate(Option<String>),
    /// PREPARE; the bytes of the statement.
    Prepare {
        name: String,
        body: Range<usize>,
    },
    /// EXECUTE of a prepared statement, with its values.
    Execute {
        name: String,
        values: Vec<Option<String>>,
    },
    /// DECLARE CURSOR; the bytes of the query.
    Declare {
        name: String,
        hold: bool,
        body: Range<usize>,
    },
    /// FETCH or MOVE; `None` for all rows.
    Fetch {
        name: String,
        count: Option<usize>,
        moves: bool,
    },
    /// CLOSE; `None` for all.
    Close(Option<String>),
    /// COPY (query) TO STDOUT.
    Copy {
        body: Range<usize>,
        form: CopyForm,
    },
}

/// A value of the connection, for which drivers ask as they connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfConnection {
    /// `version()`.
    Version,
    /// `current_schema()`.
    Schema,
    /// `current_database()` and `current_catalog`.
    Database,
    /// `current_user`, `session_user`, `user`.
    User,
}

/// The form of COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyForm {
    pub(crate) csv: bool,
    pub(crate) header: bool,
    pub(crate) delimiter: u8,
    pub(crate) null: String,
}

/// Reads the beginning of a statement.
///
/// # Errors
/// `syntax` for one of these statements that is not written as it should be.
pub(crate) fn read(text: &str) -> Result<Command, Box<Report>> {
    let all: Vec<Word<'_>> = words(text, 64).collect();
    let word = |index: usize| all.get(index).map_or("", |word| word.text).to_ascii_uppercase();
    let name = |index: usize| all.get(index).map(Word::name);
    let first = word(0);
    let command = match first.as_str() {
        "BEGIN" => Command::Begin,
        "START" if word(1) == "TRANSACTION" => Command::Begin,
        "COMMIT" | "END" if word(1) != "PREPARED" => Command::Commit,
        "ROLLBACK" | "ABORT" => match all.iter().position(|word| word.is("TO")) {
            None => Command::Rollback,
            Some(to) => {
                let at = if word(to + 1) == "SAVEPOINT" { to + 2 } else { to + 1 };
                Command::RollbackTo(name(at).unwrap_or_default())
            }
        },
        "SAVEPOINT" => Command::Savepoint(name(1).unwrap_or_default()),
        "RELEASE" => {
            let at = if word(1) == "SAVEPOINT" { 2 } else { 1 };
            Command::Release(name(at).unwrap_or_default())
        }
        "SELECT" => value(&all).unwrap_or(Command::Run(first)),
        "SET" => set(&all),
        "RESET" if word(1) == "ALL" => Command::Discard,
        "RESET" => match name(1).filter(|name| default(name).is_some()) {
            Some(name) => Command::Set { name, value: None },
            None => Command::Run(first),
        },
        "SHOW" if word(1) == "TRANSACTION" && word(2) == "ISOLATION" => {
            Command::Show("transaction_isolation".to_owned())
        }
        "SHOW" if word(1) == "TIME" && word(2) == "ZONE" => Command::Show("timezone".to_owned()),
        "SHOW" => match name(1).filter(|name| all.len() == 2 && default(name).is_some()) {
            Some(name) => Command::Show(name),
            None => Command::Run(first),
        },
        "DISCARD" => Command::Discard,
        "LISTEN" => Command::Nothing("LISTEN"),
        "UNLISTEN" => Command::Nothing("UNLISTEN"),
        "DEALLOCATE" => {
            let at = if word(1) == "PREPARE" { 2 } else { 1 };
            Command::Deallocate(if word(at) == "ALL" { None } else { name(at) })
        }
        "PREPARE" => {
            let body = after(&all, "AS", text)?;
            Command::Prepare { name: name(1).unwrap_or_default(), body }
        }
        "EXECUTE" => {
            let name = name(1).unwrap_or_default();
            Command::Execute {
                name,
                values: values(&words(text, usize::MAX).skip(2).collect::<Vec<_>>())?,
            }
        }
        "DECLARE" => {
            let body = after(&all, "FOR", text)?;
            if all.iter().any(|word| word.is("SCROLL")) && !all.iter().any(|word| word.is("NO")) {
                return Err(wrong("a cursor goes forward only", "leave out SCROLL"));
            }
            let hold = all.windows(2).any(|two| two[0].is("WITH") && two[1].is("HOLD"));
            Command::Declare { name: name(1).unwrap_or_default(), hold, body }
        }
        "FETCH" | "MOVE" => fetch(&all, first == "MOVE")?,
        "CLOSE" => Command::Close(if word(1) == "ALL" { None } else { name(1) }),
        "COPY" => copy(text)?,
        "CREATE" | "DROP" => Command::Run(definition(&all, &first)),
        "EXEC" => Command::Run("CALL".to_owned()),
        "REFRESH" => Command::Run("REFRESH MATERIALIZED VIEW".to_owned()),
        _ => Command::Run(first),
    };
    Ok(command)
}

/// `SELECT version() [AS name]`, and nothing else in it.
fn value(all: &[Word<'_>]) -> Option<Command> {
    let (name, mut rest) = all[1..].split_first()?;
    let lower = name.text.to_ascii_lowercase();
    let label = lower.strip_prefix("pg_catalog.").unwrap_or(&lower);
    let called = matches!(rest, [open, close, ..] if open.text == "(" && close.text == ")");
    if called {
        rest = &rest[2..];
    }
    let value = match (label, called) {
        ("version", true) => OfConnection::Version,
        ("current_schema", _) => OfConnection::Schema,
        ("current_database", true) | ("current_catalog", false) => OfConnection::Database,
        ("current_user" | "session_user" | "user", false) => OfConnection::User,
        _ => return None,
    };
    let label = match rest {
        [] => label.to_owned(),
        [word, name] if word.is("AS") => name.name(),
        _ => return None,
    };
    Some(Command::Value { label, value })
}

/// `CREATE VIEW` and the like.
fn definition(all: &[Word<'_>], first: &str) -> String {
    let kind = all.iter().map(|word| word.text.to_ascii_uppercase());
    let mut kind = kind.filter(|word| matches!(word.as_str(), "VIEW" | "TABLE"));
    let kind = kind.next().unwrap_or_default();
    let materialized = all.iter().any(|word| word.is("MATERIALIZED"));
    format!("{first} {}{kind}", if materialized { "MATERIALIZED " } else { "" })
}

/// The bytes after a keyword.
fn after(all: &[Word<'_>], keyword: &str, text: &str) -> Result<Range<usize>, Box<Report>> {
    let found = all.iter().skip(2).find(|word| word.is(keyword));
    let found = found.ok_or_else(|| {
        wrong(&format!("there is no {keyword} in the statement"), "it stands before the query")
    })?;
    Ok(found.span.end..text.len())
}

fn set(all: &[Word<'_>]) -> Command {
    let mut rest = &all[1..];
    if rest.first().is_some_and(|word| word.is("SESSION") || word.is("LOCAL")) {
        rest = &rest[1..];
    }
    let first = rest.first().map(|word| word.text.to_ascii_uppercase()).unwrap_or_default();
    match first.as_str() {
        "CHARACTERISTICS" | "TRANSACTION" => return Command::Nothing("SET"),
        "NAMES" => {
            let value = rest.get(1).map(Word::name);
            return Command::Set { name: "client_encoding".to_owned(), value };
        }
        "TIME" => return Command::Set { name: "timezone".to_owned(), value: None },
        _ => {}
    }
    let name = rest.first().map(Word::name).filter(|name| default(name).is_some());
    let Some(name) = name else { return Command::Run("SET".to_owned()) };
    let value: Vec<String> = rest[1..]
        .iter()
        .skip_while(|word| word.is("TO") || word.text == "=")
        .map(|word| if word.text == "-" { "-".to_owned() } else { word.name() })
        .collect();
    let value = value.concat();
    let value = (!value.eq_ignore_ascii_case("default")).then_some(value);
    Command::Set { name, value }
}

/// `FETCH [FORWARD] [n|ALL] [FROM|IN] cursor`.
fn fetch(all: &[Word<'_>], moves: bool) -> Result<Command, Box<Report>> {
    let is_filler =
        |word: &&Word<'_>| ["FORWARD", "FROM", "IN", "NEXT"].iter().any(|filler| word.is(filler));
    let rest: Vec<&Word<'_>> = all[1..].iter().filter(|word| !is_filler(word)).collect();
    let (count, name) = match rest.as_slice() {
        [name] => (Some(1), name),
        [count, name] if count.is("ALL") => (None, name),
        [count, name] if count.text.parse::<usize>().is_ok() => (count.text.parse().ok(), name),
        _ => return Err(wrong("a cursor goes forward only", "write `FETCH 100 FROM name`")),
    };
    Ok(Command::Fetch { name: name.name(), count, moves })
}

/// `(1, 'a', NULL)`.
fn values(rest: &[Word<'_>]) -> Result<Vec<Option<String>>, Box<Report>> {
    let refuse =
        || wrong("the values of EXECUTE are literals", "write `EXECUTE name(1, 'text', NULL)`");
    let Some((open, rest)) = rest.split_first() else { return Ok(Vec::new()) };
    let Some((close, inner)) = rest.split_last() else { return Err(refuse()) };
    if open.text != "(" || close.text != ")" {
        return Err(refuse());
    }
    inner
        .split(|word| word.text == ",")
        .map(|value| match value {
            [word] if word.is("NULL") => Ok(None),
            [word] => Ok(Some(word.name())),
            [sign, word] if sign.text == "-" => Ok(Some(format!("-{}", word.text))),
            _ => Err(refuse()),
        })
        .collect()
}

fn copy(text: &str) -> Result<Command, Box<Report>> {
    let all: Vec<Word<'_>> = words(text, usize::MAX).collect();
    let refuse = || {
        wrong(
            "COPY sends the rows of a query here",
            "write `COPY (SELECT …) TO STDOUT (FORMAT csv, HEADER)`",
        )
    };
    if all.get(1).is_none_or(|word| word.text != "(") {
        return Err(refuse());
    }
    let mut depth = 0;
    let close = all.iter().position(|word| {
        depth += match word.text {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        word.text == ")" && depth == 0
    });
    let close = close.ok_or_else(refuse)?;
    let rest = &all[close + 1..];
    if !(rest.len() >= 2 && rest[0].is("TO") && rest[1].is("STDOUT")) {
        return Err(refuse());
    }
    let mut form = CopyForm { csv: false, header: false, delimiter: b'\t', null: "\\N".to_owned() };
    let (mut delimiter, mut null) = (None, None);
    let mut options = rest[2..].iter();
    while let Some(word) = options.next() {
        match word.text.to_ascii_uppercase().as_str() {
            "(" | ")" | "," | "WITH" | "FORMAT" | "TEXT" | "AS" | "TRUE" | "ON" => {}
            "CSV" => form.csv = true,
            "HEADER" => form.header = true,
            "FALSE" | "OFF" => form.header = false,
            "DELIMITER" => delimiter = options.find(|word| !word.is("AS")).map(Word::name),
            "NULL" => null = options.find(|word| !word.is("AS")).map(Word::name),
            "ENCODING" => drop(options.next()),
            other => {
                return Err(wrong(
                    &format!("COPY does not take the option {other}"),
                    "FORMAT text or csv, HEADER, DELIMITER and NULL are there",
                ));
            }
        }
    }
    if form.csv {
        (form.delimiter, form.null) = (b',', String::new());
    }
    if let Some(text) = delimiter {
        form.delimiter = match text.as_bytes() {
            [one] => *one,
            _ => return Err(wrong("the delimiter is no single byte", "write `DELIMITER ';'`")),
        };
    }
    form.null = null.unwrap_or(form.null);
    Ok(Command::Copy { body: all[1].span.end..all[close].span.start, form })
}

fn wrong(message: &str, help: &str) -> Box<Report> {
    Box::new(Report::new(Code::Syntax, message).with_help(help))
}

/// The version that clients are told.
pub const VERSION: &str = concat!("16.0 (strataql ", env!("CARGO_PKG_VERSION"), ")");

/// The value of one of PostgreSQL's settings in a new session; `None` for any other name.
pub(crate) fn default(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "application_name" => "",
        "bytea_output" => "hex",
        "client_encoding" | "server_encoding" => "UTF8",
        "client_min_messages" => "notice",
        "datestyle" => "ISO, MDY",
        "default_transaction_isolation" | "transaction_isolation" => "read committed",
        "default_transaction_read_only" | "transaction_read_only" | "is_superuser" => "off",
        "extra_float_digits" => "1",
        "idle_in_transaction_session_timeout" | "lock_timeout" | "statement_timeout" => "0",
        "integer_datetimes" | "standard_conforming_strings" | "row_security" | "jit" => "on",
        "intervalstyle" => "postgres",
        "lc_collate" | "lc_ctype" | "lc_messages" | "lc_monetary" | "lc_numeric" | "lc_time" => {
            "C.UTF-8"
        }
        "in_hot_standby" | "ssl_renegotiation_limit" => "off",
        "max_identifier_length" => "63",
        "max_index_keys" => "32",
        "search_path" => "\"$user\", public",
        "server_version" => VERSION,
        "server_version_num" => "160000",
        "synchronize_seqscans" | "enable_seqscan" | "array_nulls" => "on",
        "session_authorization" | "role" => "none",
        "timezone" => "UTC",
        "transaction_deferrable" | "default_transaction_deferrable" => "off",
        "xmloption" => "content",
        "geqo" | "check_function_bodies" => "on",
        _ => return None,
    })
}

/// Why a value of a setting is refused, if it is.
pub(crate) fn refusal(name: &str, value: &str) -> Option<Box<Report>> {
    let lower = value.to_ascii_lowercase();
    let fits = match name.to_ascii_lowercase().as_str() {
        "client_encoding" => matches!(lower.as_str(), "utf8" | "utf-8" | "unicode" | "'utf8'"),
        "datestyle" => lower.starts_with("iso"),
        "intervalstyle" => lower == "postgres",
        "bytea_output" => lower == "hex",
        "standard_conforming_strings" | "integer_datetimes" => {
            matches!(lower.as_str(), "on" | "true" | "1")
        }
        "server_version" | "server_version_num" | "server_encoding" | "is_superuser" => false,
        _ => true,
    };
    (!fits).then(|| {
        let only = default(name).unwrap_or_default();
        Box::new(
            Report::new(Code::BadParamValue, format!("`{name}` cannot be `{value}` here"))
                .with_help(format!("it is `{only}` in every session")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_the_connection_are_known() {
        let read = |text| read(text).expect("reads");
        assert_eq!(read("select 1"), Command::Run("SELECT".to_owned()));
        assert_eq!(read("/* x */ start transaction read only"), Command::Begin);
        assert_eq!(read("ROLLBACK TO SAVEPOINT a"), Command::RollbackTo("a".to_owned()));
        let set = |name: &str, value: &str| Command::Set {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        };
        assert_eq!(read("SET extra_float_digits = 3"), set("extra_float_digits", "3"));
        assert_eq!(read("set DateStyle to 'ISO'"), set("datestyle", "ISO"));
        assert_eq!(read("SET SESSION statement_timeout = 100"), set("statement_timeout", "100"));
        assert_eq!(read("SET read_only = on"), Command::Run("SET".to_owned()));
        assert_eq!(read("SHOW server_version"), Command::Show("server_version".to_owned()));
        let value = |label: &str, value| Command::Value { label: label.to_owned(), value };
        assert_eq!(read("select pg_catalog.version()"), value("version", OfConnection::Version));
        assert_eq!(read("SELECT current_user AS me"), value("me", OfConnection::User));
        assert_eq!(read("SELECT version() || 'x'"), Command::Run("SELECT".to_owned()));
        assert_eq!(read("SHOW PROVIDERS"), Command::Run("SHOW".to_owned()));
        assert_eq!(
            read("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 1"),
            Command::Run("CREATE MATERIALIZED VIEW".to_owned())
        );
        assert_eq!(read("deallocate all"), Command::Deallocate(None));
        assert_eq!(
            read("EXECUTE p(1, -2, 'a,''b', NULL)"),
            Command::Execute {
                name: "p".to_owned(),
                values: vec![Some("1".into()), Some("-2".into()), Some("a,'b".into()), None],
            }
        );
        let text = "DECLARE \"C\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1";
        let Command::Declare { name, hold, body } = read(text) else { panic!("no cursor") };
        assert_eq!((name.as_str(), hold, text[body].trim()), ("C", true, "SELECT 1"));
        assert_eq!(
            read("FETCH FORWARD 10 FROM \"C\""),
            Command::Fetch { name: "C".to_owned(), count: Some(10), moves: false }
        );
        assert_eq!(
            read("fetch all in c"),
            Command::Fetch { name: "c".to_owned(), count: None, moves: false }
        );
    }

    #[test]
    fn copy_sends_rows_of_a_query() {
        let text = "COPY  ( SELECT (1), 'a)' ) TO STDOUT WITH (FORMAT csv, HEADER true, NULL 'x')";
        let Command::Copy { body, form } = read(text).expect("reads") else { panic!("no copy") };
        assert_eq!(text[body].trim(), "SELECT (1), 'a)'");
        assert_eq!(
            form,
            CopyForm { csv: true, header: true, delimiter: b',', null: "x".to_owned() }
        );
        for wrong in [
            "COPY t FROM STDIN",
            "COPY (SELECT 1) TO '/tmp/x'",
            "COPY (SELECT 1) TO STDOUT (FORMAT binary)",
            "COPY (SELECT 1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_that_would_change_answers_are_refused() {
        assert!(refusal("client_encoding", "LATIN1").is_some());
        assert!(refusal("client_encoding", "UTF8").is_none());
        assert!(refusal("DateStyle", "German").is_some());
        assert!(refusal("extra_float_digits", "3").is_none());
    }
}
