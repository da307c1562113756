//! The exit codes of the process.
//!
//! Owns: [`Exit`], the return value of `main`.
//! Surprise: a closed pipe is success: the reader has finished, as with `… | head`.

use std::process::ExitCode;

use strataql_diag::{Code, Report};

/// The exit codes of the process. The numbers are API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(u8);

impl Exit {
    /// Success.
    pub(crate) const SUCCESS: Self = Self(0);
    /// It ran, and a check was false.
    pub(crate) const CHECK_FALSE: Self = Self(1);
    /// The command line is wrong.
    pub(crate) const USAGE: Self = Self(2);

    /// Policies forbid a plan.
    pub(crate) const FORBIDDEN: Self = Self(3);
    /// A run of `deploy` of which a part failed or was not confirmed.
    pub(crate) const PART: Self = Self(4);

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self.0
    }
}

impl From<Code> for Exit {
    fn from(code: Code) -> Self {
        Self(code.exit_code())
    }
}

impl From<&Report> for Exit {
    fn from(report: &Report) -> Self {
        if strataql_output::is_broken_pipe(report) { Self::SUCCESS } else { report.code.into() }
    }
}

impl From<&clap::Error> for Exit {
    /// `--help` and `--version` are not errors.
    fn from(error: &clap::Error) -> Self {
        if error.use_stderr() { Self::USAGE } else { Self::SUCCESS }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::CommandLine;

    #[test]
    fn codes_decide() {
        assert_eq!(Exit::from(Code::MissingParam).code(), 2);
        assert_eq!(Exit::from(&Report::new(Code::CredentialRefused, "x")).code(), 4);
        assert_eq!(Exit::from(&Report::new(Code::LocalIo, "the disk is full")).code(), 11);
        assert_eq!(Exit::CHECK_FALSE.code(), 1);
    }

    #[test]
    fn help_is_success_and_a_wrong_flag_is_not() {
        let ask = |flag: &str| {
            CommandLine::command().try_get_matches_from(["strataql", flag]).expect_err("no run")
        };
        assert_eq!(Exit::from(&ask("--help")), Exit::SUCCESS);
        assert_eq!(Exit::from(&ask("--hepl")), Exit::USAGE);
    }
}
