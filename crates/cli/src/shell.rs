//! `strataql shell`.
//!
//! Owns: the loop of reading a line and running it, and what the commands of the shell do.
//! Refuses: settings and statements; the session has them.
//! Surprise: Ctrl-C is a key while a line is edited, and a signal while a statement runs. It ends the
//! statement.

mod banner;
mod command;
mod editor;
mod pager;
mod statements;

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reedline::{EditCommand, Reedline, Signal};
use strataql_diag::{Code, Report, counted};
use strataql_engine::{OpenTransaction, Session};
use strataql_output::Format;
use tokio::runtime::{Handle, Runtime};

use self::command::Command;
use self::editor::{Live, Sign, editor};
use crate::args::{ExecArguments, SessionArguments, ShellArguments};
use crate::commands::exec::{self, Opened, Opening, SETTLING, Simulated, ledger, runtimes};
use crate::console::Console;
use crate::env::{EDITOR, Environment, PAGER, VISUAL};
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::settings::Settings;
use crate::vars::Variables;

/// Runs the command.
pub(crate) fn run(
    arguments: ShellArguments,
    settings: Settings,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Exit {
    if !stdin().is_terminal() || !console.stdout_is_terminal {
        let exec = ExecArguments {
            infile: Some(PathBuf::from("-")),
            common: arguments.common,
            ..ExecArguments::default()
        };
        return exec::run(&exec, settings, environment, console, interruption);
    }
    let shell = runtimes().and_then(|(own, workers)| {
        let result =
            Shell::open(&arguments, settings, environment, console, &own, workers.handle())
                .and_then(|mut shell| {
                    let result = shell.run();
                    shell.close();
                    result
                });
        workers.shutdown_background();
        own.shutdown_background();
        result
    });
    match shell {
        Ok(()) => Exit::SUCCESS,
        Err(report) => console.fail(&report, None),
    }
}

/// A shell.
struct Shell<'a> {
    arguments: &'a ShellArguments,
    /// The flags of the session as they are now; `\sandbox` changes them.
    session_flags: SessionArguments,
    settings: Settings,
    environment: &'a Environment,
    console: &'a Console,
    runtime: &'a Runtime,
    workers: &'a Handle,
    opened: Opened,
    live: Live,
    variables: Variables,
    /// Names and values of `\set`.
    set: Vec<(String, String)>,
    format: Format,
    timing: bool,
    pager: Option<String>,
    output: Option<PathBuf>,
    /// The last text that was run.
    last: String,
}

/// Whether the shell goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Over,
}

type Done = Result<(), Box<Report>>;

impl<'a> Shell<'a> {
    fn open(
        arguments: &'a ShellArguments,
        settings: Settings,
        environment: &'a Environment,
        console: &'a Console,
        runtime: &'a Runtime,
        workers: &'a Handle,
    ) -> Result<Self, Box<Report>> {
        let session_flags = arguments.common.session.clone();
        let opening = Opening {
            arguments: &session_flags,
            settings: &settings,
            environment,
            console,
            workers,
        };
        let opened = runtime.block_on(async {
            let opened = opening.open(Simulated::All).await?;
            ledger::report_open(&opened.recording, workers, console).await;
            Ok::<_, Box<Report>>(opened)
        })?;
        let live = Arc::new(RwLock::new(Arc::clone(&opened.session)));
        let pager = environment.get(PAGER).unwrap_or_else(|| "less -SFRX".to_owned());
        let mut shell = Self {
            arguments,
            session_flags,
            format: settings.output,
            settings,
            environment,
            console,
            runtime,
            workers,
            opened,
            live,
            variables: Variables::default(),
            set: Vec::new(),
            timing: false,
            pager: Some(pager),
            output: arguments.common.output.file().map(Path::to_owned),
            last: String::new(),
        };
        shell.read_variables()?;
        Ok(shell)
    }

    /// The variables of the command line, the environment apart, then those of `\set`.
    fn read_variables(&mut self) -> Done {
        let mut variables = Variables::default();
        for path in &self.arguments.common.variables.vars {
            let name = path.display().to_string();
            variables.add_file(&name, &read(path, "variables file")?)?;
        }
        let flags = self.arguments.common.variables.var.iter().cloned();
        let own = self.set.iter().map(|(name, value)| format!("{name}={value}"));
        let is_set = |pair: &String| {
            let name = pair.split('=').next().unwrap_or_default();
            self.set.iter().any(|(known, _)| known == name)
        };
        for pair in flags.filter(|pair| !is_set(pair)).chain(own) {
            variables.add_pair(&pair)?;
        }
        self.variables = variables;
        Ok(())
    }

    fn run(&mut self) -> Done {
        if !self.arguments.quiet {
            self.console.write_err(&banner::banner(self));
        }
        let history = self.settings.places.home.as_deref().map(|home| home.join("history"));
        let color = self.console.stdout_color;
        let mut line = editor(&self.live, history.as_deref(), color, !self.arguments.quiet);
        self.run_rc(&mut line)?;
        loop {
            let sign = self.sign();
            match line.read_line(&sign) {
                Ok(Signal::Success(text)) => {
                    if self.take(&text, &mut line)? == Going::Over {
                        return Ok(());
                    }
                }
                // an empty line again
                Ok(Signal::CtrlC) => {}
                Ok(Signal::CtrlD) => return Ok(()),
                Ok(_) => {}
                Err(error) => {
                    return Err(Box::new(
                        Report::new(Code::LocalIo, format!("the terminal cannot be read: {error}"))
                            .with_help("give statements to `strataql exec` instead"),
                    ));
                }
            }
        }
    }

    fn sign(&self) -> Sign {
        let mut place =
            if self.opened.sandbox.is_some() { "sandbox" } else { "strataql" }.to_owned();
        for part in &self.session().settings().namespace {
            place.push(if place.contains(':') { '.' } else { ':' });
            place.push_str(part);
        }
        Sign { place, is_in_transaction: self.session().open_transaction().is_some() }
    }

    fn session(&self) -> Arc<Session> {
        Arc::clone(&self.opened.session)
    }

    /// Runs the commands and statements of the rc file.
    fn run_rc(&mut self, line: &mut Reedline) -> Done {
        let named = self.arguments.rc.clone();
        let usual = || Some(self.settings.places.config.as_deref()?.parent()?.join("shellrc"));
        let path = match (named, self.arguments.no_rc) {
            (Some(path), _) => path,
            (None, true) => return Ok(()),
            (None, false) => match usual().filter(|path| path.is_file()) {
                Some(path) => path,
                None => return Ok(()),
            },
        };
        let text = read(&path, "file")?;
        let going = self.take_lines(&text, line)?;
        debug_assert!(matches!(going, Going::On | Going::Over));
        Ok(())
    }

    /// Runs a text of commands and statements; a command is a line of its own.
    fn take_lines(&mut self, text: &str, line: &mut Reedline) -> Result<Going, Box<Report>> {
        let mut statements = String::new();
        for part in text.lines() {
            let is_between = statements.trim().is_empty() || statements.trim_end().ends_with(';');
            if is_between && part.trim_start().starts_with('\\') {
                self.take(&std::mem::take(&mut statements), line)?;
                if self.take(part, line)? == Going::Over {
                    return Ok(Going::Over);
                }
            } else {
                statements.push_str(part);
                statements.push('\n');
            }
        }
        self.take(&statements, line)
    }

    /// Runs a line: a command, or statements. What fails is shown.
    fn take(&mut self, text: &str, line: &mut Reedline) -> Result<Going, Box<Report>> {
        if text.trim().is_empty() {
            return Ok(Going::On);
        }
        if !command::is_command(text) {
            text.clone_into(&mut self.last);
            self.statements(text);
            return Ok(Going::On);
        }
        let done = match command::parse(text) {
            Ok(Command::Quit) => return Ok(Going::Over),
            Ok(command) => self.obey(command, line),
            Err(report) => Err(report),
        };
        if let Err(report) = done {
            self.console.show(&report, None);
        }
        Ok(Going::On)
    }

    fn obey(&mut self, command: Command, line: &mut Reedline) -> Done {
        let shown = |flag: bool| if flag { "on" } else { "off" };
        match command {
            Command::Quit => {}
            Command::Help => self.console.write_out(&command::help())?,
            Command::Clear => drop(line.clear_screen()),
            Command::List => self.statements("SHOW PROVIDERS"),
            Command::Describe(name) => self.describe(&name),
            Command::Timing(flag) => {
                self.timing = flag.unwrap_or(!self.timing);
                self.console.note(&format!("timing is {}", shown(self.timing)));
            }
            Command::Pager(flag) => {
                let is_on = flag.unwrap_or(self.pager.is_none());
                let usual =
                    || self.environment.get(PAGER).unwrap_or_else(|| "less -SFRX".to_owned());
                self.pager = is_on.then(usual);
                self.console.note(&format!("the pager is {}", shown(is_on)));
            }
            Command::Format(None) => {
                let names = Format::ALL.map(Format::name).join("`, `");
                self.console.note(&format!("the format is `{}`; there are `{names}`", self.format));
            }
            Command::Format(Some(name)) => {
                let format: Format = name.parse()?;
                if format.is_binary() || format.is_report() {
                    return Err(Box::new(
                        Report::new(Code::Usage, format!("`{name}` is no format of a shell"))
                            .with_help(format!("run the statement with `strataql exec -o {name}`")),
                    ));
                }
                self.format = format;
            }
            Command::Sandbox(options) => self.move_to(options)?,
            Command::Explain(text) => self.statements(&format!("EXPLAIN {text}")),
            Command::Edit => {
                let text = self.edit()?;
                line.run_edit_commands(&[EditCommand::Clear, EditCommand::InsertString(text)]);
            }
            Command::Watch(seconds) => self.watch(Duration::from_secs_f64(seconds))?,
            Command::Include(name) => {
                let text = read(Path::new(&name), "file")?;
                _ = self.take_lines(&text, line)?;
            }
            Command::Output(name) => {
                self.output = name.map(PathBuf::from);
                if let Some(path) = &self.output {
                    statements::create(path)?;
                }
            }
            Command::Set(None) => {
                for (name, value) in &self.set {
                    self.console.write_out(&format!("{name} = '{value}'\n"))?;
                }
            }
            Command::Set(Some((name, value))) => {
                self.set.retain(|(known, _)| *known != name);
                self.set.push((name, value));
                if let Err(report) = self.read_variables() {
                    self.set.pop();
                    return Err(report);
                }
            }
            Command::Unset(name) => {
                self.set.retain(|(known, _)| *known != name);
                self.read_variables()?;
            }
        }
        Ok(())
    }

    /// `\d`: what a name has, by its number of parts.
    fn describe(&mut self, name: &str) {
        let is_provider =
            || self.opened.registry.providers().iter().any(|known| known.name == name);
        let text = match name.split('.').count() {
            _ if name.is_empty() => "SHOW TABLES".to_owned(),
            1 if is_provider() => format!("SHOW SERVICES IN {name}"),
            2 if !name.starts_with("sys.") && !name.starts_with("information_schema.") => {
                format!("SHOW RESOURCES IN {name}")
            }
            _ => format!("DESCRIBE {name}"),
        };
        self.statements(&text);
    }

    /// `\sandbox`: another session, with simulated providers or with the real ones.
    fn move_to(&mut self, options: Option<String>) -> Done {
        let mut flags = self.session_flags.clone();
        flags.sandbox = match options.as_deref() {
            Some("off") => None,
            None | Some("on") => Some(None),
            Some(_) => Some(options),
        };
        let opening = Opening {
            arguments: &flags,
            settings: &self.settings,
            environment: self.environment,
            console: self.console,
            workers: self.workers,
        };
        let opened = self.runtime.block_on(opening.open(Simulated::All))?;
        self.close();
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&opened.session);
        self.opened = opened;
        self.session_flags = flags;
        self.console.write_err(&banner::banner(self));
        Ok(())
    }

    /// `\e`: the last statement in an editor; gives what it was changed to.
    fn edit(&self) -> Result<String, Box<Report>> {
        let named = self.environment.get(VISUAL).or_else(|| self.environment.get(EDITOR));
        let program = named.unwrap_or_else(|| "vi".to_owned());
        let failed = |error: std::io::Error| {
            Box::new(
                Report::new(Code::LocalIo, format!("`{program}` could not be run: {error}"))
                    .with_help("set `VISUAL` or `EDITOR` to the name of an editor"),
            )
        };
        let folder = std::env::temp_dir().join(format!("strataql-{}", std::process::id()));
        pager::private_folder(&folder).map_err(failed)?;
        let path = folder.join("statement.sql");
        let edited = std::fs::write(&path, &self.last)
            .and_then(|()| pager::shell(&format!("{program} \"$1\""), &path))
            .and_then(|()| std::fs::read_to_string(&path))
            .map_err(failed);
        // the folder is ours alone, and a leftover does no harm
        drop(std::fs::remove_dir_all(&folder));
        Ok(edited?.trim_end().to_owned())
    }

    /// `\watch`: the last statement again and again, until Ctrl-C.
    fn watch(&mut self, pause: Duration) -> Done {
        if self.last.is_empty() {
            return Err(Box::new(
                Report::new(Code::Usage, "there is no statement to repeat")
                    .with_help("run one, then `\\watch`"),
            ));
        }
        let text = self.last.clone();
        let pager = self.pager.take();
        loop {
            if self.run_all(&text) == statements::Ended::Interrupted {
                break;
            }
            #[expect(clippy::disallowed_methods, reason = "the shell waits for a person")]
            let wait = async {
                tokio::select! {
                    () = tokio::time::sleep(pause) => false,
                    _ = tokio::signal::ctrl_c() => true,
                }
            };
            if self.runtime.block_on(wait) {
                break;
            }
        }
        self.pager = pager;
        Ok(())
    }

    /// Ends the session: an open transaction, the ledger, the sandbox.
    fn close(&mut self) {
        let console = self.console;
        let session = self.session();
        self.runtime.block_on(async {
            match session.open_transaction() {
                None | Some(OpenTransaction::Eager(0)) => {}
                Some(OpenTransaction::Queued(count)) => {
                    let writes = counted(count as u64, "queued write");
                    console
                        .note(&format!("the session ends inside a transaction: {writes} not sent"));
                }
                Some(OpenTransaction::Eager(_)) => {
                    console.note("the session ends inside a transaction, which is undone");
                    if let Err(report) = statements::roll_back(&session).await {
                        console.show(&report, None);
                    }
                }
            }
            session.idle(SETTLING).await;
            ledger::close(&self.opened.recording, console).await;
            if let Some(sandbox) = self.opened.sandbox.take()
                && let Err(report) = sandbox.end(SETTLING).await
            {
                console.show(&report, None);
            }
        });
    }
}

/// Reads a file of the user's.
fn read(path: &Path, what: &str) -> Result<String, Box<Report>> {
    std::fs::read_to_string(path).map_err(|error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the {what} `{}` cannot be read: {error}", path.display()),
            )
            .with_help("give the path of a text file"),
        )
    })
}
