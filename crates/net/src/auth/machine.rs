//! The machine as credential chains see it: variables, files and programs.
//!
//! Owns: [`Machine`], which is passed in and never asks the system by itself.
//! Surprise: an empty variable counts as absent, and so does a file that does not exist.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strataql_diag::Redactor;

use crate::settings::{Environment, Program, ReadFile, RunProgram};

/// How long a program may take. Some open a browser, or ask for a password.
const PROGRAM_LIMIT: Duration = Duration::from_mins(1);

/// Variables, files and programs.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) environment: Environment,
    pub(super) read_file: ReadFile,
    pub(super) run: RunProgram,
    pub(super) redactor: Redactor,
}

impl Machine {
    /// The value of a variable, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    /// True for a variable that says `true`, in any case.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A path in which `~/` is the user's folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        let home = self.variable("HOME").or_else(|| self.variable("USERPROFILE"));
        match text.strip_prefix("~/").zip(home) {
            Some((rest, home)) => PathBuf::from(home).join(rest),
            None => PathBuf::from(text),
        }
    }

    /// A path below the user's folder; `None` for a user who has none.
    pub(super) fn home(&self, rest: &str) -> Option<PathBuf> {
        let home = self.variable("HOME").or_else(|| self.variable("USERPROFILE"))?;
        Some(PathBuf::from(home).join(rest))
    }

    /// The text of a file; `None` if it does not exist.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(&self, path: &Path) -> Result<Option<String>, String> {
        match (self.read_file)(path) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| format!("the file `{}` holds no text", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(format!("the file `{}` cannot be read ({})", path.display(), error.kind()))
            }
        }
    }

    /// The text of a file that must exist, without the blanks at its ends.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn secret_file(&self, path: &Path) -> Result<String, String> {
        let text = self.read(path)?;
        let text = text.ok_or_else(|| format!("the file `{}` does not exist", path.display()))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("the file `{}` is empty", path.display()));
        }
        self.redactor.register(text);
        Ok(text.to_owned())
    }

    /// What a program prints. Nothing that it prints is shown, except what it says when it fails.
    ///
    /// # Errors
    /// Why there is no output, in words; `None` inside if there is no such program.
    pub(super) async fn run(&self, program: Program) -> Result<String, ProgramFailure> {
        let name = program.name.clone();
        let run = (self.run)(program);
        let Ok(result) = tokio::time::timeout(PROGRAM_LIMIT, run).await else {
            return Err(ProgramFailure::Failed(format!("`{name}` took longer than one minute")));
        };
        let output = match result {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ProgramFailure::NotFound(format!("there is no program `{name}`")));
            }
            Err(error) => {
                let what = format!("`{name}` cannot be run ({})", error.kind());
                return Err(ProgramFailure::Failed(what));
            }
        };
        if output.success {
            return String::from_utf8(output.stdout)
                .map_err(|_| ProgramFailure::Failed(format!("`{name}` printed no text")));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let mut what = format!("`{name}` failed");
        if let Some(line) = line {
            let line = self.redactor.redact(line);
            what.extend([": ", &*crate::remote_error::cut(&line, 300)]);
        }
        Err(ProgramFailure::Failed(what))
    }
}

/// Why a program has no output.
#[derive(Debug)]
pub(super) enum ProgramFailure {
    /// It is not installed.
    NotFound(String),
    /// Anything else.
    Failed(String),
}

impl ProgramFailure {
    /// The reason in words.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::NotFound(text) | Self::Failed(text) => text,
        }
    }
}

/// The words of a command line: separated by blanks, with quotes and backslashes as in a shell.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(chars.next()?),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A command line as a program with arguments.
pub(super) fn program(line: &str) -> Option<Program> {
    let mut words = words(line)?.into_iter();
    let name = words.next()?;
    Some(Program { name, arguments: words.collect(), variables: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_split_as_a_shell_does() {
        let split = |line| words(line);
        let some = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
        assert_eq!(split("a  b\tc"), some(&["a", "b", "c"]));
        assert_eq!(split(r#"'/a b/c' --x "y z" w\ v"#), some(&["/a b/c", "--x", "y z", "w v"]));
        assert_eq!(split(r#"a '' "\"""#), some(&["a", "", "\""]));
        assert_eq!(split("a 'b"), None);
        assert_eq!(split("a\\"), None);
        assert!(program("  ").is_none());
    }
}
