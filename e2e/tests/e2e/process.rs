//! The command as a process, with its own home and none of the tester's environment.
//!
//! Surprise: every home has a profile with a canary as a secret; no run may print it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A secret that must not show up anywhere.
pub(crate) const CANARY: &str = "canary-5d0c1e";

/// The home of runs.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let profile = format!("[DEFAULT]\nhost = https://{CANARY}.example\ntoken = {CANARY}\n");
        std::fs::write(folder.path().join(".databrickscfg"), profile).expect("writable");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `strataql exec`, to which arguments are added.
    pub(crate) fn exec(&self) -> Command {
        let mut command = Command::new(strataql_e2e::binary());
        command
            .env_clear()
            .env("HOME", self.path())
            .env("STRATAQL_HOME", self.path().join("data"))
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .arg("exec");
        command
    }

    /// Runs `strataql exec` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.exec().args(arguments).output().expect("starts"))
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(&path, text).expect("writable");
        path.to_str().expect("text").to_owned()
    }
}

/// Runs `strataql exec` in a new home.
pub(crate) fn exec(arguments: &[&str]) -> Ended {
    Home::new().run(arguments)
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let ended = Self {
            exit: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        };
        for secret in [CANARY, "sandbox-secret", "sandbox-token"] {
            assert!(!ended.out.contains(secret) && !ended.err.contains(secret), "{ended:?}");
        }
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        ended
    }

    /// The output of a run that went well.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.exit, Some(0), "{self:?}");
        self.out
    }

    /// Checks a run that failed: code, exit code, next step, the parts that its message must have, and
    /// that nothing was printed as a result.
    #[track_caller]
    pub(crate) fn refused(&self, code: &str, exit: i32, parts: &[&str]) {
        assert_eq!(self.out, "", "a failure prints no result: {self:?}");
        self.failed(code, exit, parts);
    }

    /// The same for a run whose results may have begun to leave.
    #[track_caller]
    pub(crate) fn failed(&self, code: &str, exit: i32, parts: &[&str]) {
        assert!(self.err.contains(&format!("error[{code}]: ")), "{self:?}");
        assert_eq!(self.exit, Some(exit), "{self:?}");
        assert!(self.err.contains("= help: "), "no next step: {self:?}");
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is missing: {self:?}");
        }
    }
}
