//! `strataql completions`.

use clap::CommandFactory;

use crate::args::CommandLine;
use crate::console::Console;
use crate::exit::Exit;

/// Prints the completion script of a shell.
pub(crate) fn run(shell: clap_complete::Shell, console: &Console) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "strataql", &mut script);
    match console.write_out(&String::from_utf8_lossy(&script)) {
        Ok(()) => Exit::SUCCESS,
        Err(report) => console.fail(&report, None),
    }
}
