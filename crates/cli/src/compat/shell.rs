//! `shell`: statements from stdin, each run when its `;` is read.
//!
//! Surprise: results and errors go to stdout both.

use std::io::{BufRead, IsTerminal, Write, stdin, stdout};

use strataql_compat::Line;
use strataql_compat::layout::Style;

use super::run::Runner;
use super::session::Session;
use super::{build, print};
use crate::console::Console;
use crate::env::Environment;

/// What stands before a line.
const PROMPT: &str = "stackql  >>";

/// What `help` says.
const HELP: &str = "Statements end with a semicolon. `clear` clears the screen; `exit`, `quit` and `\\q` end the shell.\n";

/// Runs the shell up to `exit` or the end of the input.
///
/// # Errors
/// As for opening a session.
pub(super) fn run(line: &Line, environment: &Environment, console: &Console) -> Result<(), String> {
    let session = Session::open(line, environment, console)?;
    let style = Style {
        layout: line.text("output").parse()?,
        hides_headers: line.is_on("hideheaders"),
        delimiter: line.text("delimiter").chars().next().unwrap_or(','),
    };
    let is_terminal = stdin().is_terminal();
    if is_terminal {
        print(&format!("{}\n", build().lines()));
    }
    let mut runner = Runner::new(line, &session, console);
    let mut pending = String::new();
    let prompt = || {
        if is_terminal {
            print(PROMPT);
            print(" ");
        }
    };
    prompt();
    for input in stdin().lock().lines() {
        let input = input.map_err(|error| error.to_string())?;
        // two dashes end a line
        let read = input.split("--").next().unwrap_or_default();
        match (pending.trim(), read.trim().trim_end_matches(';').trim()) {
            ("", "exit" | "quit" | "\\q") => {
                session.close();
                return Ok(());
            }
            ("", "help") => print(HELP),
            ("", "clear") => print("\x1b[2J\x1b[H"),
            _ => {
                pending.push_str(read);
                pending.push('\n');
                if ends(&pending) {
                    for answer in runner.all(&std::mem::take(&mut pending)) {
                        let mut out = String::new();
                        let mut said = String::new();
                        answer.print(style, false, &mut out, &mut |text| said.push_str(text));
                        print(&console.redactor.redact(&(out + &said)));
                        if stdout().flush().is_err() {
                            session.close();
                            return Ok(());
                        }
                    }
                }
            }
        }
        prompt();
    }
    console.write_err("goodbye\n");
    session.close();
    Ok(())
}

/// True if a text ends with a semicolon that ends a statement.
fn ends(text: &str) -> bool {
    if !text.trim_end().ends_with(';') {
        return false;
    }
    // a semicolon in an open quote leaves the piece as it is
    let pieces = strataql_compat::pieces(text);
    pieces.last().is_none_or(|piece| !piece.ends_with(';'))
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn a_semicolon_in_quotes_does_not_end() {
        assert!(ends("select 1;\n") && ends("select ';' ; "));
        assert!(!ends("select 1\n") && !ends("select 'a;\n"));
    }
}
