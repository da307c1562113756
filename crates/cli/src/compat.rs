//! The StackQL profile: the executable is called `stackql`, or `--compat stackql` is given.
//!
//! Owns: the commands of the profile, its exit codes, which stream what goes to.
//! Refuses: the forms of flags, results and messages (`strataql_compat`), running statements (the engine).
//! Surprise: a statement that fails does not change the exit code. Only what stops the program from
//! starting does.

mod answer;
mod cells;
mod failure;
mod filter;
mod http;
mod local;
mod registry;
mod run;
mod seeds;
mod select;
mod server;
mod session;
mod shell;
mod statement;

use std::fs;
use std::io::{Read, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};

use strataql_compat::layout::{Style, Table};
use strataql_compat::{Build, COMMANDS, Line, Script, help};

use self::run::Runner;
use self::session::Session;
use crate::args::ErrorFormat;
use crate::console::Console;
use crate::env::{self, Environment};
use crate::exit::Exit;
use crate::interruption::interruptible;

/// What is said about the build.
pub(super) fn build() -> Build<'static> {
    Build {
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("STRATAQL_COMMIT").unwrap_or("none"),
        date: option_env!("STRATAQL_BUILD_DATE").unwrap_or("unknown"),
        platform: PLATFORM,
    }
}

const PLATFORM: &str = if cfg!(target_os = "macos") {
    "darwin"
} else if cfg!(target_os = "windows") {
    "windows"
} else {
    "Linux"
};

/// Why the program does not start, or what it says instead of running something.
enum Stop {
    /// A text for stdout.
    Said(String),
    /// A mistake.
    Failed(String),
}

/// Runs the profile.
pub(crate) fn run(arguments: &[String], environment: Environment) -> Exit {
    match prepare(arguments, environment) {
        Ok((line, environment)) => command(line, environment),
        Err(Stop::Said(text)) => {
            print(&text);
            Exit::SUCCESS
        }
        Err(Stop::Failed(message)) => fail(&message),
    }
}

/// A mistake that stops the program.
fn fail(message: &str) -> Exit {
    // nobody can be told that stderr is closed
    let _ignored = writeln!(stderr(), "{message}");
    Exit::CHECK_FALSE
}

/// Prints a text; whoever closed the pipe does not want it.
fn print(text: &str) {
    let mut out = stdout().lock();
    let _ignored = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The command line with its file of settings, and the environment with its file.
fn prepare(arguments: &[String], environment: Environment) -> Result<(Line, Environment), Stop> {
    let mut line = Line::read(arguments)
        .map_err(|message| Stop::Failed(format!("Error: {message}\n{}", help(None))))?;
    let command = line.words.first().cloned();
    if line.is_on("version") {
        return Err(Stop::Said(build().lines()));
    }
    let topic = match command.as_deref() {
        None => None,
        Some("help") => line.words.get(1).cloned(),
        Some(name) if line.is_on("help") => Some(name.to_owned()),
        Some(name) => {
            if !COMMANDS.iter().any(|(known, _)| *known == name) {
                let message = format!("Error: unknown command \"{name}\" for \"stackql\"");
                return Err(Stop::Failed(format!("{message}\nRun 'stackql --help' for usage.")));
            }
            settings_file(&mut line).map_err(Stop::Failed)?;
            let environment = with_file(&line, environment).map_err(Stop::Failed)?;
            return Ok((line, environment));
        }
    };
    Err(Stop::Said(help(topic.as_deref())))
}

/// Reads `.stackqlrc`: lines `flag=value`, which stand behind the command line.
fn settings_file(line: &mut Line) -> Result<(), String> {
    let named = line.given("configfile").map(str::to_owned);
    let path = named.clone().map_or_else(|| PathBuf::from(".stackqlrc"), PathBuf::from);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(_) if named.is_none() => return Ok(()),
        Err(error) => return Err(format!("cannot read config file '{}': {error}", path.display())),
    };
    for entry in
        text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with(['#', '!']))
    {
        let Some((name, value)) = entry.split_once(['=', ':']) else { continue };
        line.complete(name.trim(), value.trim())?;
    }
    Ok(())
}

/// The environment above a file of credentials, which is made if it is not there.
fn with_file(line: &Line, environment: Environment) -> Result<Environment, String> {
    const FIRST: &str = "# StackQL credential store\n";
    let Some(path) = line.given("env.file").filter(|path| !path.is_empty()) else {
        return Ok(environment);
    };
    let path = Path::new(path);
    if !path.exists() {
        new_private(path)
            .and_then(|mut file| file.write_all(FIRST.as_bytes()))
            .map_err(|error| format!("cannot create env file '{}': {error}", path.display()))?;
    }
    let pairs = env::read(path).map_err(|report| report.message.clone())?;
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(environment.with_overriding(pairs.collect()))
}

/// A new file that nobody but its owner can read.
fn new_private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn command(line: Line, environment: Environment) -> Exit {
    let console = Console::new(&environment, ErrorFormat::Text);
    let own = console.clone();
    interruptible(&console, move |interruption| {
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        let done = match words.as_slice() {
            ["exec", rest @ ..] => exec(&line, rest.first().copied(), &environment, &own),
            ["registry", "list", rest @ ..] => {
                statement(&line, &format!("REGISTRY LIST {}", rest.join(" ")), &environment, &own)
            }
            ["registry", "pull", provider, version, ..] => {
                let text = format!("REGISTRY PULL {provider} '{version}'");
                statement(&line, &text, &environment, &own)
            }
            ["registry", ..] => {
                print(&help(Some("registry")));
                Ok(())
            }
            ["shell", ..] => shell::run(&line, &environment, &own),
            ["srv", ..] => server::srv(&line, &environment, &own, &interruption),
            _ => {
                return server::mcp(&line, &environment, &own, &interruption)
                    .unwrap_or_else(|message| fail(&own.redactor.redact(&message)));
            }
        };
        match done {
            Ok(()) => Exit::SUCCESS,
            Err(message) => fail(&own.redactor.redact(&message)),
        }
    })
}

/// `exec`.
fn exec(
    line: &Line,
    query: Option<&str>,
    environment: &Environment,
    console: &Console,
) -> Result<(), String> {
    let text = match (query, line.text("infile")) {
        (Some(query), _) => query.to_owned(),
        (None, "stdin") if line.given("infile").is_none() => String::new(),
        (None, "stdin") => {
            let mut text = String::new();
            stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
            text
        }
        (None, path) => {
            fs::read_to_string(path).map_err(|error| format!("open {path}: {}", reason(&error)))?
        }
    };
    if text.trim().is_empty() {
        print(&help(Some("exec")));
        return Ok(());
    }
    statement(line, &text, environment, console)
}

/// The reason of an error, as programs in Go word it.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The script after its templates.
fn rendered(line: &Line, text: &str) -> Result<String, String> {
    let path = line.given("iqldata").filter(|path| !path.is_empty()).map(Path::new);
    let content = path
        .map(|path| {
            fs::read_to_string(path)
                .map_err(|error| format!("open {}: {}", path.display(), reason(&error)))
        })
        .transpose()?;
    let data = path.zip(content.as_deref());
    Script { text, data, vars: &line.vars }.render()
}

/// Runs the statements of a text and prints what they give.
fn statement(
    line: &Line,
    text: &str,
    environment: &Environment,
    console: &Console,
) -> Result<(), String> {
    let text = rendered(line, text)?;
    let session = Session::open(line, environment, console)?;
    let answers = if line.is_on("dryrun") {
        vec![answer::Answer::rows(Table::of(&["query"], [vec![text.as_str()]]))]
    } else {
        Runner::new(line, &session, console).all(&text)
    };
    let style = match line.text("output").parse() {
        Ok(layout) => Style {
            layout,
            hides_headers: line.is_on("hideheaders"),
            delimiter: line.text("delimiter").chars().next().unwrap_or(','),
        },
        Err(message) => {
            console.write_err(&format!("{message}\n"));
            return Ok(());
        }
    };
    session.close();
    let is_record = line.text("errorpresentation") == "record";
    let mut out = String::new();
    for answer in &answers {
        answer.print(style, is_record, &mut out, &mut |text| console.write_err(text));
    }
    match line.text("outfile") {
        "stdout" | "" => print(&out),
        path => fs::write(path, out).map_err(|error| format!("open {path}: {}", reason(&error)))?,
    }
    Ok(())
}
