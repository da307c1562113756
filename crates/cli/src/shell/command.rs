//! The commands of the shell: lines that begin with `\`.
//!
//! Owns: their names, arguments and meanings.

use strataql_diag::{Code, Report, did_you_mean};

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Help,
    Quit,
    Clear,
    /// `\d [name]`.
    Describe(String),
    /// `\l`.
    List,
    /// `\timing [on|off]`.
    Timing(Option<bool>),
    /// `\format [name]`.
    Format(Option<String>),
    /// `\pager [on|off]`.
    Pager(Option<bool>),
    /// `\sandbox [off|options]`.
    Sandbox(Option<String>),
    /// `\explain statement`.
    Explain(String),
    /// `\e`.
    Edit,
    /// `\watch [seconds]`.
    Watch(f64),
    /// `\i file`.
    Include(String),
    /// `\o [file]`.
    Output(Option<String>),
    /// `\set [name value]`.
    Set(Option<(String, String)>),
    /// `\unset name`.
    Unset(String),
}

/// Name, argument, meaning.
type Row = (&'static str, &'static str, &'static str);

const ROWS: [Row; 16] = [
    ("?", "", "list these commands"),
    ("d", "[NAME]", "describe a provider, service, resource or table; local tables without a name"),
    ("l", "", "list the providers"),
    ("explain", "STATEMENT", "show the requests of a statement without sending them"),
    (
        "watch",
        "[SECONDS]",
        "repeat the last statement, every 2 seconds without a number, until Ctrl-C",
    ),
    ("e", "", "edit the last statement in `$VISUAL` or `$EDITOR`"),
    ("i", "FILE", "run the statements of a file"),
    ("o", "[FILE]", "write results to a file; to the terminal again without one"),
    ("format", "[FORMAT]", "print results as `table`, `vertical`, `csv`, `json` …"),
    ("timing", "[on|off]", "print what each statement cost"),
    ("pager", "[on|off]", "show what does not fit the screen in `$PAGER`"),
    ("set", "[NAME VALUE]", "set `{{ NAME }}`; list what is set without a name"),
    ("unset", "NAME", "take the value of `{{ NAME }}` back"),
    ("sandbox", "[off|OPTIONS]", "use simulated providers, or the real ones again"),
    ("clear", "", "clear the screen"),
    ("q", "", "leave; so do `exit`, `quit` and Ctrl-D"),
];

/// The list of commands.
pub(super) fn help() -> String {
    let line = |(name, argument, meaning): &Row| {
        let name = format!("\\{name} {argument}");
        format!("  {name:<24}{meaning}\n")
    };
    let rows: Vec<String> = ROWS.iter().map(line).collect();
    format!(
        "{}\nA statement ends with `;`. Tab completes, Ctrl-R searches the history, Alt-Enter begins a new line.\n",
        rows.concat()
    )
}

/// Words that are commands without a `\`.
fn word(line: &str) -> Option<Command> {
    let text = line.trim().trim_end_matches(';').trim_end();
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match () {
        () if is("exit") || is("quit") => Some(Command::Quit),
        () if is("help") => Some(Command::Help),
        () if is("clear") => Some(Command::Clear),
        () => None,
    }
}

/// True for a line that is a command.
pub(super) fn is_command(line: &str) -> bool {
    line.trim_start().starts_with('\\') || word(line).is_some()
}

/// The part of a line that is SQL, and where it begins: `\explain SELECT …`.
pub(super) fn argument(line: &str) -> (&str, usize) {
    let start = line.len() - line.trim_start().len();
    if !line[start..].starts_with('\\') {
        return (line, 0);
    }
    let name = &line[start + 1..];
    let end = name.find(char::is_whitespace).map_or(line.len(), |at| start + 1 + at);
    (&line[end..], end)
}

/// Choices for the end of a line.
pub(super) struct Choices {
    /// Where in the line they begin.
    pub(super) from: usize,
    pub(super) choices: Vec<(String, &'static str)>,
}

/// Completes the name of a command, and arguments that have a list.
pub(super) fn complete(line: &str) -> Option<Choices> {
    let rest = line.strip_prefix('\\')?;
    let fits = |names: &[&str], typed: &str, from: usize| {
        let fitting = names.iter().filter(|name| name.starts_with(typed));
        Some(Choices { from, choices: fitting.map(|name| ((*name).to_owned(), "")).collect() })
    };
    match rest.split_once(char::is_whitespace) {
        None => {
            let rows = ROWS.iter().filter(|row| row.0.starts_with(rest));
            let choices = rows.map(|row| (format!("\\{}", row.0), row.2)).collect();
            Some(Choices { from: 0, choices })
        }
        Some((name, typed)) => {
            let from = line.len() - typed.len();
            match name {
                "format" => fits(
                    &strataql_output::Format::ALL.map(strataql_output::Format::name),
                    typed,
                    from,
                ),
                "timing" | "pager" => fits(&["on", "off"], typed, from),
                "sandbox" => fits(&["off"], typed, from),
                "d" | "explain" => None,
                _ => fits(&[], typed, from),
            }
        }
    }
}

/// Reads a line that is a command.
///
/// # Errors
/// `usage`.
pub(super) fn parse(line: &str) -> Result<Command, Box<Report>> {
    if let Some(command) = word(line) {
        return Ok(command);
    }
    let rest = line.trim().trim_start_matches('\\');
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let given = (!argument.is_empty()).then(|| argument.to_owned());
    let needed = |what: &str| {
        given.clone().ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, format!("`\\{name}` needs {what}"))
                    .with_help("`\\?` lists the commands"),
            )
        })
    };
    let plain = || given.clone().map(|text| text.trim_end_matches(';').trim_end().to_owned());
    Ok(match name {
        "?" | "h" | "help" => Command::Help,
        "q" | "quit" | "exit" => Command::Quit,
        "clear" => Command::Clear,
        "d" => Command::Describe(plain().unwrap_or_default()),
        "l" => Command::List,
        "timing" => Command::Timing(switch(name, given.as_deref())?),
        "pager" => Command::Pager(switch(name, given.as_deref())?),
        "format" => Command::Format(plain()),
        "sandbox" => Command::Sandbox(given),
        "explain" => Command::Explain(needed("a statement")?),
        "e" | "edit" => Command::Edit,
        "watch" => Command::Watch(seconds(given.as_deref())?),
        "i" => Command::Include(needed("the name of a file")?),
        "o" => Command::Output(given),
        "set" => match given.as_deref().map(|text| text.split_once(char::is_whitespace)) {
            None => Command::Set(None),
            Some(Some((name, value))) => {
                Command::Set(Some((name.to_owned(), unquoted(value.trim()).to_owned())))
            }
            Some(None) => return Err(needed_value()),
        },
        "unset" => Command::Unset(needed("a name")?),
        _ => {
            let names = ROWS.iter().map(|row| row.0);
            return Err(Box::new(
                Report::new(Code::Usage, format!("there is no command `\\{name}`"))
                    .with_help_if(did_you_mean(name, names))
                    .with_help("`\\?` lists the commands"),
            ));
        }
    })
}

fn needed_value() -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, "`\\set` needs a name and a value")
            .with_help("`\\unset NAME` takes a value back"),
    )
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text)
}

fn switch(name: &str, given: Option<&str>) -> Result<Option<bool>, Box<Report>> {
    match given {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(other) => Err(Box::new(
            Report::new(Code::Usage, format!("`\\{name}` cannot be `{other}`"))
                .with_help("write `on` or `off`"),
        )),
    }
}

fn seconds(given: Option<&str>) -> Result<f64, Box<Report>> {
    let Some(text) = given else { return Ok(2.0) };
    let seconds = text.parse::<f64>().ok().filter(|number| (0.1..=86_400.0).contains(number));
    seconds.ok_or_else(|| {
        Box::new(
            Report::new(Code::Usage, format!("`\\watch` cannot wait `{text}` seconds"))
                .with_help("write a number from 0.1 to 86400"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        assert_eq!(parse("\\d a.b").ok(), Some(Command::Describe("a.b".to_owned())));
        assert!(parse("\\d;").is_err());
        assert_eq!(parse("EXIT;").ok(), Some(Command::Quit));
        assert_eq!(parse("\\watch").ok(), Some(Command::Watch(2.0)));
        assert_eq!(parse("\\timing off").ok(), Some(Command::Timing(Some(false))));
        let set = Command::Set(Some(("a".to_owned(), "b c".to_owned())));
        assert_eq!(parse("\\set a 'b c'").ok(), Some(set));
        for wrong in
            ["\\nothing", "\\explain", "\\watch x", "\\watch 0", "\\timing maybe", "\\set a"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(is_command(" \\q") && is_command("help") && !is_command("helpers"));
        assert_eq!(argument("\\explain SELECT"), (" SELECT", 8));
        assert_eq!(argument("SELECT"), ("SELECT", 0));
        let names = complete("\\s").expect("a command").choices;
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(complete("SELECT").is_none() && complete("\\d data").is_none());
    }
}
