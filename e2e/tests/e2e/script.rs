//! SQL test files: parsing and rewriting.
//!
//! Owns: the format (README of this package), based on the parser of `sqllogictest`.
//! Refuses: running anything.
//! Surprise: rewriting changes only the lines with expectations, so that comments and blank lines
//! are kept.

use sqllogictest::parser::{ExpectedError, QueryExpect, StatementExpect};
use sqllogictest::{ColumnType, Record, SortMode};
use strataql_e2e::Table;

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Script {
    /// Options of the sandbox, as in `--sandbox=…`.
    pub(crate) options: String,
    /// Name of a file in `scenarios`.
    pub(crate) scenario: Option<String>,
    /// Environment variables that the session sees.
    pub(crate) environment: Vec<(String, String)>,
    /// The records, in order.
    pub(crate) cases: Vec<Case>,
    lines: Vec<String>,
}

/// A statement and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Line of its first word, from 1.
    pub(crate) line: usize,
    /// The statement.
    pub(crate) sql: String,
    /// Requests; without a word about them, none.
    pub(crate) calls: usize,
    /// Bind parameters.
    pub(crate) parameters: Vec<(String, String)>,
    /// Labels of the columns, if they are checked.
    pub(crate) labels: Option<Vec<String>>,
    /// Texts that some note must contain.
    pub(crate) notes: Vec<String>,
    /// Requests that may change something: verb, path and body, sorted.
    pub(crate) sent: Vec<String>,
    /// The hosts that requests go to, sorted, each once, if they are checked.
    pub(crate) hosts: Option<Vec<String>>,
    /// The result.
    pub(crate) expect: Expect,
}

/// What is expected of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expect {
    /// It succeeds, whatever its rows.
    Success,
    /// These rows, as lines of cells with two blanks between them.
    Rows {
        /// Letters of the column types; empty when they are not checked.
        kinds: String,
        /// True when the order of the rows does not count.
        sorted: bool,
        /// The lines.
        lines: Vec<String>,
    },
    /// An error: its code or SQLSTATE, and a text that its message or help contains.
    Error {
        /// The code.
        code: String,
        /// The text; may be empty.
        text: String,
    },
}

/// What a statement really did.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) calls: usize,
    pub(crate) sent: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) outcome: Result<Table, Box<strataql_diag::Report>>,
}

/// A column type of a test file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind(char);

impl ColumnType for Kind {
    fn from_char(value: char) -> Option<Self> {
        "TJIRBD?".contains(value).then_some(Self(value))
    }

    fn to_char(&self) -> char {
        self.0
    }
}

impl Script {
    /// Reads a file.
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        // the order of rows may be free while types are not checked
        let standard = text.replace("\nquery rowsort\n", "\nquery ? rowsort\n");
        let records = sqllogictest::parser::parse_with_name::<Kind>(&standard, name.to_owned())
            .unwrap_or_else(|error| panic!("{error}"));
        let mut script = Self {
            options: String::new(),
            scenario: None,
            environment: Vec::new(),
            cases: Vec::new(),
            lines: text.lines().map(str::to_owned).collect(),
        };
        let mut comments: Vec<String> = Vec::new();
        for record in records {
            match record {
                Record::Comment(lines) => comments = lines,
                Record::Newline => {
                    script.read_header(&comments);
                    comments.clear();
                }
                Record::Statement { loc, sql, expected, .. } => {
                    let expect = match expected {
                        StatementExpect::Ok => Expect::Success,
                        StatementExpect::Error(error) => error_of(&error),
                        StatementExpect::Count(_) => panic!("{loc}: counts are not supported"),
                    };
                    script.cases.push(case(loc.line(), sql, expect, &comments));
                    comments.clear();
                }
                Record::Query { loc, sql, expected, .. } => {
                    let expect = match expected {
                        QueryExpect::Error(error) => error_of(&error),
                        QueryExpect::Results { types, sort_mode, results, .. } => {
                            let sorted = match sort_mode {
                                None | Some(SortMode::NoSort) => false,
                                Some(SortMode::RowSort) => true,
                                Some(SortMode::ValueSort) => panic!("{loc}: write `rowsort`"),
                            };
                            let kinds: String = types.iter().map(ColumnType::to_char).collect();
                            let kinds = if kinds == "?" { String::new() } else { kinds };
                            let lines = results.iter().map(|line| normal(line)).collect();
                            Expect::Rows { kinds, sorted, lines: in_order(lines, sorted) }
                        }
                    };
                    script.cases.push(case(loc.line(), sql, expect, &comments));
                    comments.clear();
                }
                other => panic!("{name}: this kind of record is not supported: {other:?}"),
            }
        }
        script
    }

    fn read_header(&mut self, comments: &[String]) {
        for line in comments {
            match directive(line) {
                Some(("sandbox", value)) => value.clone_into(&mut self.options),
                Some(("scenario", value)) => self.scenario = Some(value.to_owned()),
                Some(("environment", value)) => self.environment = pairs(value),
                _ => {}
            }
        }
    }

    /// The text with what was seen in place of what was expected; `seen` has one entry per case.
    pub(crate) fn rewritten(&self, seen: &[Seen]) -> String {
        let mut out: Vec<String> = Vec::new();
        let mut next = 0;
        for (case, seen) in self.cases.iter().zip(seen) {
            let head = case.line - 1;
            out.extend_from_slice(&self.lines[next..head]);
            let own = out.iter().rev().take_while(|line| line.starts_with('#')).count();
            let mut comments = out.split_off(out.len() - own);
            comments.retain(|line| directive(&line[1..]).is_none_or(|(key, _)| key != "sent"));
            let sent = seen.sent.iter().map(|request| format!("# sent: {request}"));
            let place = comments
                .iter()
                .position(|line| directive(&line[1..]).is_some_and(|(key, _)| key == "calls"))
                .unwrap_or(comments.len());
            comments.splice(place..place, sent);
            for line in &mut comments {
                if directive(&line[1..]).is_some_and(|(key, _)| key == "hosts") {
                    *line = format!("# hosts: {}", seen.hosts.join(", "));
                }
            }
            out.append(&mut comments);
            let calls = format!("# calls: {}", seen.calls);
            match out
                .iter_mut()
                .rev()
                .take_while(|line| line.starts_with('#'))
                .find(|line| directive(&line[1..]).is_some_and(|(key, _)| key == "calls"))
            {
                Some(line) => *line = calls,
                None if seen.calls > 0 => out.push(calls),
                None => {}
            }
            out.extend(record_lines(case, seen));
            next = head + 1;
            while next < self.lines.len() && !self.lines[next].is_empty() {
                next += 1;
            }
        }
        out.extend_from_slice(&self.lines[next..]);
        out.join("\n") + "\n"
    }
}

fn case(line: u32, sql: String, expect: Expect, comments: &[String]) -> Case {
    let mut case = Case {
        line: line as usize,
        sql,
        calls: 0,
        parameters: Vec::new(),
        labels: None,
        notes: Vec::new(),
        sent: Vec::new(),
        hosts: None,
        expect,
    };
    for line in comments {
        match directive(line) {
            Some(("calls", value)) => {
                case.calls = value.parse().unwrap_or_else(|_| panic!("`# calls: {value}`"));
            }
            Some(("labels", value)) => {
                case.labels = Some(value.split(" | ").map(|text| text.trim().to_owned()).collect());
            }
            Some(("sent", value)) => case.sent.push(value.to_owned()),
            Some(("note", value)) => case.notes.push(value.to_owned()),
            Some(("hosts", value)) => case.hosts = Some(words(value)),
            Some(("params", value)) => case.parameters = pairs(value),
            _ => {}
        }
    }
    case
}

/// `a=1, b=2`.
fn pairs(text: &str) -> Vec<(String, String)> {
    text.split(", ")
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `a, b`.
fn words(text: &str) -> Vec<String> {
    text.split(", ").filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// `key: value` of a comment.
fn directive(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim().split_once(':')?;
    Some((key.trim(), value.trim()))
}

fn error_of(error: &ExpectedError) -> Expect {
    let text = match error {
        ExpectedError::Inline(text) => text.as_str().to_owned(),
        ExpectedError::SqlState(state) => state.clone(),
        ExpectedError::Empty | ExpectedError::Multiline(_) => panic!("an error without its code"),
    };
    let (code, text) = text.split_once(' ').unwrap_or((&text, ""));
    Expect::Error { code: code.to_owned(), text: text.to_owned() }
}

/// A line whose cells have exactly two blanks between them.
fn normal(line: &str) -> String {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
}

fn in_order(mut lines: Vec<String>, sorted: bool) -> Vec<String> {
    if sorted {
        lines.sort();
    }
    lines
}

/// The rows as lines of a test file.
pub(crate) fn lines(table: &Table, sorted: bool) -> Vec<String> {
    let lines = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.replace('\n', "\\n")).collect::<Vec<_>>().join("  "));
    in_order(lines.collect(), sorted)
}

fn record_lines(case: &Case, seen: &Seen) -> Vec<String> {
    let table = match &seen.outcome {
        Ok(table) => table,
        Err(report) => {
            let text = match &case.expect {
                Expect::Error { text, .. } if !text.is_empty() => format!(" {text}"),
                _ => String::new(),
            };
            return vec![format!("statement error {}{text}", report.code), case.sql.clone()];
        }
    };
    let sorted = match &case.expect {
        Expect::Success => return vec!["statement ok".to_owned(), case.sql.clone()],
        Expect::Rows { sorted, .. } => *sorted,
        Expect::Error { .. } => false,
    };
    let mut head = vec!["query"];
    let is_typed = matches!(&case.expect, Expect::Rows { kinds, .. } if !kinds.is_empty());
    if is_typed {
        head.push(&table.kinds);
    }
    if sorted {
        head.push("rowsort");
    }
    let mut out = vec![head.join(" "), case.sql.clone(), "----".to_owned()];
    out.extend(aligned(table, sorted));
    out
}

/// The rows with their columns below each other.
fn aligned(table: &Table, sorted: bool) -> Vec<String> {
    let width = |at: usize| {
        table.rows.iter().map(|row| row[at].chars().count()).filter(|width| *width < 40).max()
    };
    let widths: Vec<usize> = (0..table.labels.len()).map(|at| width(at).unwrap_or(0)).collect();
    let mut lines: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let cell = cell.replace('\n', "\\n");
                let fill = width.saturating_sub(cell.chars().count());
                cell + &" ".repeat(fill)
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    if sorted {
        lines.sort();
    }
    lines
}

#[test]
fn a_file_is_read_and_only_its_expectations_are_rewritten() {
    let text = "# scenario: market\n# sandbox: page-size=2\n# environment: A=1, B=2\n\n# why\n# sent: POST /old\n# hosts: old\n# calls: 3\n# labels: a | b\n# params: 1=x, n=y\nquery TI\nSELECT 1,\n 2\n----\na     1\nb b   2\n\n\nstatement error missing-param needs\nSELECT 3\n\nquery rowsort\nSELECT 4\n----\nz\na\n";
    let script = Script::parse("x.slt", text);
    assert_eq!(
        (script.options.as_str(), script.scenario.as_deref()),
        ("page-size=2", Some("market"))
    );
    let first = &script.cases[0];
    assert_eq!((first.line, first.calls, first.sql.as_str()), (11, 3, "SELECT 1,\n 2"));
    assert_eq!(script.environment, [("A".into(), "1".into()), ("B".into(), "2".into())]);
    assert_eq!(first.sent, ["POST /old"]);
    assert_eq!(first.hosts.as_deref(), Some(&["old".to_owned()][..]));
    assert_eq!(first.labels.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(first.parameters, [("1".into(), "x".into()), ("n".into(), "y".into())]);
    let rows = |kinds: &str, sorted: bool, lines: &[&str]| Expect::Rows {
        kinds: kinds.to_owned(),
        sorted,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(first.expect, rows("TI", false, &["a  1", "b b  2"]));
    let error = Expect::Error { code: "missing-param".into(), text: "needs".into() };
    assert_eq!(script.cases[1].expect, error);
    assert_eq!(script.cases[2].expect, rows("", true, &["a", "z"]));
    let table = |rows: &[&[&str]], kinds: &str| Table {
        labels: kinds.chars().map(String::from).collect(),
        rows: rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect(),
        kinds: kinds.to_owned(),
    };
    let seen = [
        Seen {
            calls: 1,
            sent: vec!["PUT /a 1".to_owned()],
            hosts: vec!["h".to_owned(), "i".to_owned()],
            outcome: Ok(table(&[&["abc", "1"], &["d", "22"]], "TI")),
        },
        Seen {
            calls: 2,
            sent: vec!["PUT /b".to_owned()],
            hosts: Vec::new(),
            outcome: Ok(table(&[&["x"]], "T")),
        },
        Seen {
            calls: 0,
            sent: Vec::new(),
            hosts: Vec::new(),
            outcome: Ok(table(&[&["b"], &["a"]], "T")),
        },
    ];
    let expected = "# scenario: market\n# sandbox: page-size=2\n# environment: A=1, B=2\n\n# why\n# hosts: h, i\n# sent: PUT /a 1\n# calls: 1\n# labels: a | b\n# params: 1=x, n=y\nquery TI\nSELECT 1,\n 2\n----\nabc  1\nd    22\n\n\n# sent: PUT /b\n# calls: 2\nquery\nSELECT 3\n----\nx\n\nquery rowsort\nSELECT 4\n----\na\nb\n";
    assert_eq!(script.rewritten(&seen), expected);
}
