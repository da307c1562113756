//! Looking secrets up.
//!
//! Owns: the order of places (variable, file, pair of variables, literals) and the errors that name
//! them. Every secret that is found is registered with the redactor.
//! Refuses: remembering.
//! Surprise: a fixed credential answers for every place; environment and files are not touched then.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::{Code, Redactor, Report};
use strataql_spec::AuthConfig;

use super::ask::Asker;
use super::machine::Machine;
use crate::settings::{Environment, FixedCredential, ReadFile, RunProgram};

/// Why a credential is not there.
#[derive(Debug)]
pub(crate) enum Missing {
    /// An environment variable has no value.
    Variable { name: String, how: &'static str },
    /// Anything else.
    Other(Box<Report>),
}

impl From<Report> for Missing {
    fn from(report: Report) -> Self {
        Self::Other(Box::new(report))
    }
}

/// A credential, or a part of one.
pub(crate) type Built<T> = Result<T, Missing>;

/// Where secrets of one provider are looked up.
pub(super) struct Lookup<'a> {
    pub(super) provider: &'a str,
    pub(super) environment: &'a Environment,
    pub(super) read_file: &'a ReadFile,
    pub(super) fixed: Option<&'a FixedCredential>,
    pub(super) redactor: &'a Redactor,
    pub(super) run: &'a RunProgram,
    /// True for a configuration of the user's, false for one of a document.
    pub(super) is_users: bool,
}

impl Lookup<'_> {
    /// The secret of a configuration.
    pub(super) fn secret(&self, config: &AuthConfig) -> Built<SecretString> {
        if let Some(FixedCredential::Client { secret, .. }) = self.fixed {
            return Ok(self.registered(secret.expose_secret()));
        }
        if let Some(name) = &config.credentials_env_var {
            return Ok(self.registered(&self.variable(name)?));
        }
        if let Some(path) = self.path(config)? {
            return self.file(&path);
        }
        if let Some(pair) = self.pair(config)? {
            return Ok(self.encoded(&pair));
        }
        let literal =
            ["token", "api_key", "password"].iter().find_map(|key| config.literal.get(*key));
        match literal.filter(|text| !text.is_empty()) {
            Some(text) => Ok(self.registered(text)),
            None => Err(self.nothing_configured().into()),
        }
    }

    /// The same for `basic`, where a fixed pair is encoded and a lone password has an empty user.
    pub(super) fn basic(&self, config: &AuthConfig) -> Built<SecretString> {
        if let Some(FixedCredential::Client { id, secret }) = self.fixed {
            return Ok(self.encoded(&(id.clone(), secret.expose_secret().to_owned())));
        }
        self.secret(config)
    }

    /// The value of a variable, which must be set and not empty.
    pub(super) fn variable(&self, name: &str) -> Built<String> {
        match (self.environment)(name) {
            Some(value) if !value.is_empty() => Ok(value),
            Some(_) => Err(missing(name, "is empty")),
            None => Err(missing(name, "is not set")),
        }
    }

    /// The value of a variable if it is named, else a literal.
    pub(super) fn variable_or(
        &self,
        variable: Option<&str>,
        literal: Option<&str>,
    ) -> Built<Option<String>> {
        match variable {
            Some(name) => self.variable(name).map(Some),
            None => Ok(literal.filter(|text| !text.is_empty()).map(str::to_owned)),
        }
    }

    /// What grants send their requests with.
    pub(super) fn asker(&self) -> Asker {
        Asker { provider: self.provider.to_owned(), redactor: self.redactor.clone() }
    }

    /// The machine, for chains that look further.
    pub(super) fn machine(&self) -> Machine {
        Machine {
            environment: Arc::clone(self.environment),
            read_file: Arc::clone(self.read_file),
            run: Arc::clone(self.run),
            redactor: self.redactor.clone(),
        }
    }

    /// Marks a text as secret.
    pub(super) fn registered(&self, secret: &str) -> SecretString {
        self.redactor.register(secret);
        SecretString::from(secret)
    }

    /// A report about this provider's credential.
    pub(super) fn report(&self, what: &str) -> Report {
        Report::new(Code::NoCredential, format!("provider `{}` {what}", self.provider))
    }

    /// The report about what is missing. Where it is a variable, every other one that has no value is
    /// named too: whoever sets one after the other runs the statement as often.
    pub(super) fn report_of(&self, missing: Missing, config: &AuthConfig) -> Box<Report> {
        let (name, how) = match missing {
            Missing::Variable { name, how } => (name, how),
            Missing::Other(report) => return report,
        };
        let mut names = Vec::new();
        let mut next = Some(config);
        while let Some(config) = next {
            names.extend(variables(config));
            next = config.successor.as_deref();
        }
        let is_unset = |name: &String| (self.environment)(name).is_none_or(|text| text.is_empty());
        names.retain(|name| is_unset(name) && !name.is_empty());
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let report = match names.as_slice() {
            [head @ .., last] if !head.is_empty() && names.contains(&name) => {
                let quoted: Vec<String> = head.iter().map(|name| format!("`{name}`")).collect();
                let list = format!("{} and `{last}`", quoted.join(", "));
                self.report(&format!("needs the environment variables {list}, which are not set"))
                    .with_help("set them, or give the credential with `--auth`")
            }
            _ => self
                .report(&format!("needs the environment variable `{name}`, which {how}"))
                .with_help(format!("set `{name}`, or give the credential with `--auth`")),
        };
        Box::new(report)
    }

    /// The report about a configuration that names no place to look.
    fn nothing_configured(&self) -> Report {
        self.report("has no credential configured").with_help(
            "name its place in `--auth`, for example \
                 `{\"credentialsenvvar\": \"MY_TOKEN\"}` beside the type",
        )
    }

    fn path(&self, config: &AuthConfig) -> Built<Option<PathBuf>> {
        let variable = config.credentials_file_env_var.as_deref();
        if variable.is_none() && !self.is_users {
            // a document must not pick a file of this machine and send it somewhere
            let file = config.credentials_file.as_deref().filter(|path| !path.is_empty());
            return file.map_or(Ok(None), |path| Err(self.not_allowed(path).into()));
        }
        let Some(path) = self.variable_or(variable, config.credentials_file.as_deref())? else {
            return Ok(None);
        };
        let home = path.strip_prefix("~/").zip((self.environment)("HOME"));
        Ok(Some(match home {
            Some((rest, home)) => PathBuf::from(home).join(rest),
            None => PathBuf::from(path),
        }))
    }

    fn not_allowed(&self, path: &str) -> Report {
        let what = format!(
            "has a document that names the file `{path}` for its credential, and your configuration does not"
        );
        self.report(&what).with_help(format!(
            "if that is right, name the file in `--auth`: `{{\"{}\": {{\"credentialsfilepath\": \"{path}\", …}}}}`",
            self.provider
        ))
    }

    fn file(&self, path: &std::path::Path) -> Built<SecretString> {
        let refuse = |how: &str| {
            let what = format!("needs the file `{}`, which {how}", path.display());
            self.report(&what).with_help("check the path and the permissions of the file")
        };
        let bytes = (self.read_file)(path)
            .map_err(|error| refuse(&format!("cannot be read ({})", error.kind())))?;
        let text = String::from_utf8(bytes).map_err(|_| refuse("holds no text"))?;
        // editors end files with a line break, which belongs to no secret
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(refuse("is empty").into());
        }
        Ok(self.registered(text))
    }

    /// User name and password, or key and secret.
    fn pair(&self, config: &AuthConfig) -> Built<Option<(String, String)>> {
        let literal = |keys: [&str; 2]| keys.iter().find_map(|key| config.literal.get(*key));
        let user = (config.username_env_var.as_deref(), literal(["username", "api_key"]));
        let password = (config.password_env_var.as_deref(), literal(["password", "api_secret"]));
        let is_single = password == (None, None) && user.0.is_none();
        if is_single && !config.literal.contains_key("username") {
            // a lone literal key is a secret by itself
            return Ok(None);
        }
        let value = |(variable, literal): (Option<&str>, Option<&String>)| -> Built<String> {
            match variable {
                Some(name) => (self.environment)(name).ok_or_else(|| missing(name, "is not set")),
                None => Ok(literal.cloned().unwrap_or_default()),
            }
        };
        let pair = (value(user)?, value(password)?);
        if pair.0.is_empty() && pair.1.is_empty() {
            let name = user.0.or(password.0).unwrap_or("username");
            return Err(missing(name, "is empty"));
        }
        Ok(Some(pair))
    }

    fn encoded(&self, (user, password): &(String, String)) -> SecretString {
        self.redactor.register(password);
        // a lone key stands in the place of the user name
        if password.is_empty() {
            self.redactor.register(user);
        }
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        self.redactor.register_exact(&encoded);
        SecretString::from(encoded)
    }
}

fn missing(name: &str, how: &'static str) -> Missing {
    Missing::Variable { name: name.to_owned(), how }
}

/// The variables that a configuration reads, its token address included.
fn variables(config: &AuthConfig) -> Vec<String> {
    let mut names: Vec<String> = [
        &config.credentials_env_var,
        &config.client_id_env_var,
        &config.client_secret_env_var,
        &config.username_env_var,
        &config.password_env_var,
    ]
    .into_iter()
    .flatten()
    .cloned()
    .collect();
    if config.credentials_env_var.is_none() {
        names.extend(config.credentials_file_env_var.clone());
    }
    let template = config.token_url.as_deref().unwrap_or_default();
    for part in template.split("__env__").skip(1) {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        names.push(part[..end].to_owned());
    }
    if template.contains(".account_id") {
        names.extend(config.account_id_env_var.clone());
    }
    names
}
