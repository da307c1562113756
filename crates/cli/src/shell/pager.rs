//! Results that do not fit the screen, and other programs on the terminal.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use strataql_diag::{Code, Report};

use crate::console::Console;

/// Prints a result, in a pager if it is wider or longer than the screen.
///
/// # Errors
/// `local-io`.
pub(super) fn show(
    console: &Console,
    pager: Option<&str>,
    bytes: &[u8],
) -> Result<(), Box<Report>> {
    let text = String::from_utf8_lossy(bytes);
    let Some(pager) = pager.filter(|_| !fits(&text)) else { return console.write_out(&text) };
    let failed = |error: io::Error| {
        Box::new(
            Report::new(Code::LocalIo, format!("the pager `{pager}` could not be run: {error}"))
                .with_help("`\\pager off` prints without one"),
        )
    };
    let mut child =
        Command::new("sh").args(["-c", pager]).stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // a reader that has seen enough closes it
        drop(input.write_all(bytes));
    }
    let status = child.wait().map_err(failed)?;
    if status.code() == Some(127) {
        return console.write_out(&text);
    }
    Ok(())
}

/// True if a text fits the screen.
fn fits(text: &str) -> bool {
    let Some((width, height)) = terminal_size::terminal_size() else { return true };
    let (width, height) = (usize::from(width.0), usize::from(height.0));
    let mut lines = 0;
    text.lines().all(|line| {
        lines += 1;
        lines < height && columns(line) <= width
    })
}

/// Characters of a line, without its colours.
fn columns(line: &str) -> usize {
    let mut count = 0;
    let mut is_escape = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => is_escape = true,
            'm' if is_escape => is_escape = false,
            _ if is_escape => {}
            _ => count += 1,
        }
    }
    count
}

/// Runs a command line with a path as its argument, on the terminal.
///
/// # Errors
/// What the system says, also if the program fails.
pub(super) fn shell(line: &str, path: &Path) -> io::Result<()> {
    let status = Command::new("sh").args(["-c", line, "sh"]).arg(path).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) }
}

/// Makes a folder that only its owner can read.
///
/// # Errors
/// What the system says, also if it is there.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room() {
        assert_eq!(columns("\u{1b}[1mab\u{1b}[0m c"), 4);
        assert_eq!(columns("日本"), 2);
    }
}
