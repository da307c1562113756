//! One run of the command, measured from outside.
//!
//! Owns: its environment (an empty home, made-up credentials), its time, memory and output.
//! Surprise: memory is read from `/proc` while the process is alive, since the kernel discards it
//! at the end; processor time is read from the zombie, before it is waited for.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The command to measure, with a home of its own.
#[derive(Debug)]
pub(crate) struct Program {
    binary: PathBuf,
    home: PathBuf,
}

/// A finished run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) wall: Duration,
    /// Time of all its threads on a processor.
    pub(crate) cpu: Duration,
    /// The most memory it ever had, in megabytes.
    pub(crate) peak_mb: f64,
}

/// Ticks of a second in `/proc/<id>/stat`, the same on every Linux.
const TICKS: u64 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(2);

impl Program {
    pub(crate) fn new(binary: &Path) -> Result<Self, String> {
        if !binary.is_file() {
            return Err(format!(
                "there is no command at `{}`; build it with `cargo build --release -p strataql`, or name it with `--binary`",
                binary.display()
            ));
        }
        let home = std::env::temp_dir().join(format!("strataql-bench-{}", std::process::id()));
        fs::create_dir_all(&home).map_err(|error| format!("no temporary folder: {error}"))?;
        Ok(Self { binary: binary.to_path_buf(), home })
    }

    /// Bytes of the command's file.
    pub(crate) fn size(&self) -> u64 {
        fs::metadata(&self.binary).map_or(0, |found| found.len())
    }

    /// A file of the temporary home.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env_clear().stdin(Stdio::null());
        for name in ["HOME", "STRATAQL_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"]
        {
            command.env(name, &self.home);
        }
        for name in ["DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_ACCOUNT_ID"] {
            command.env(name, "bench");
        }
        command
    }

    /// Runs to the end and gives the output.
    pub(crate) fn output(&self, words: &[&str]) -> Result<String, String> {
        let output = self.command(words).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(refused(&String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs to the end and gives the number of lines of its output.
    pub(crate) fn lines(&self, words: &[&str]) -> Result<usize, String> {
        let (mut child, _) = self.spawn(words, Stdio::piped())?;
        let mut lines = 0;
        if let Some(mut stdout) = child.stdout.take() {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let length = stdout.read(&mut buffer).map_err(|error| error.to_string())?;
                if length == 0 {
                    break;
                }
                lines += buffer[..length].split(|byte| *byte == b'\n').count() - 1;
            }
        }
        self.end(&mut child)?;
        Ok(lines)
    }

    /// Runs to the end without looking, for runs of milliseconds.
    pub(crate) fn brief(&self, words: &[&str]) -> Result<Duration, String> {
        let (mut child, started) = self.spawn(words, Stdio::null())?;
        let status = child.wait().map_err(|error| error.to_string())?;
        let wall = started.elapsed();
        if status.success() { Ok(wall) } else { Err(self.complaint()) }
    }

    /// Runs to the end and measures everything.
    pub(crate) fn measure(&self, words: &[&str]) -> Result<Finished, String> {
        let (mut child, started) = self.spawn(words, Stdio::null())?;
        let process = PathBuf::from("/proc").join(child.id().to_string());
        let mut peak_mb = 0.0;
        loop {
            let (state, ticks) = state(&process).ok_or("`/proc` cannot be read")?;
            if state == 'Z' {
                let wall = started.elapsed();
                self.end(&mut child)?;
                let cpu = Duration::from_millis(ticks * 1_000 / TICKS);
                return Ok(Finished { wall, cpu, peak_mb });
            }
            peak_mb = peak(&process).unwrap_or(peak_mb);
            sleep(LOOK_EVERY);
        }
    }

    /// The time until the first line of output; the rest is not waited for.
    pub(crate) fn first_line(&self, words: &[&str]) -> Result<Duration, String> {
        let (mut child, started) = self.spawn(words, Stdio::piped())?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        let elapsed = started.elapsed();
        let _gone = child.kill();
        child.wait().map_err(|error| error.to_string())?;
        if line.is_empty() { Err(self.complaint()) } else { Ok(elapsed) }
    }

    fn spawn(&self, words: &[&str], stdout: Stdio) -> Result<(Child, Instant), String> {
        let stderr = File::create(self.file("stderr")).map_err(|error| error.to_string())?;
        let mut command = self.command(words);
        command.stdout(stdout).stderr(stderr);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
        Ok((child, started))
    }

    fn end(&self, child: &mut Child) -> Result<(), String> {
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(self.complaint()) }
    }

    /// Why the last run failed.
    fn complaint(&self) -> String {
        refused(&fs::read_to_string(self.file("stderr")).unwrap_or_default())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _kept = fs::remove_dir_all(&self.home);
    }
}

fn refused(stderr: &str) -> String {
    let first = stderr.lines().find(|line| line.starts_with("error")).or(stderr.lines().next());
    first.unwrap_or("it failed without a word").to_owned()
}

/// State and processor time of a process.
fn state(process: &Path) -> Option<(char, u64)> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    // the name in parentheses may hold anything
    let mut words = text.rsplit_once(") ")?.1.split(' ');
    let state = words.next()?.chars().next()?;
    let user: u64 = words.nth(10)?.parse().ok()?;
    let system: u64 = words.next()?.parse().ok()?;
    Some((state, user + system))
}

/// The most memory that a process had so far.
fn peak(process: &Path) -> Option<f64> {
    let text = fs::read_to_string(process.join("status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes / 1_024.0)
}
