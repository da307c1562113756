//! Kubernetes: the user of a kubeconfig, or the service account of a pod.
//!
//! Owns: [`Kubernetes`], which finds the context, its user, and the user's token.
//! Refuses: client certificates, and the plug-ins that came before programs.
//! Surprise: the token of a context is sent to the server of that context only.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};
use strataql_spec::AuthConfig;
use url::Url;

use super::ask::Asker;
use super::grant::Grant;
use super::lookup::Lookup;
use super::machine::Machine;
use super::time::{instant, life};
use super::token::Token;
use super::trail::{Step, Trail, Tried};
use crate::failure::Failure;
use crate::sender::Sender;
use crate::settings::Program;

const HELP: &str = "choose a context with `kubectl config use-context`, or name one as `profile` in \
                    the provider's entry in `--auth`";

/// Where a pod finds the token of its service account.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// Tokens of pods are renewed in their file; this is how long one is used, in seconds.
const POD_LIFE: u64 = 300;

/// The user of a Kubernetes configuration.
pub(super) struct Kubernetes {
    asker: Asker,
    machine: Machine,
    context: Option<String>,
    files: Vec<PathBuf>,
    trail: Trail,
    identity: u64,
}

/// One entry of a kubeconfig, with the folder of its file.
struct Entry {
    value: Json,
    folder: PathBuf,
}

/// The files of a kubeconfig, merged: the first file that has something wins.
#[derive(Default)]
struct KubeConfig {
    current: Option<String>,
    clusters: Vec<(String, Entry)>,
    contexts: Vec<(String, Entry)>,
    users: Vec<(String, Entry)>,
}

impl KubeConfig {
    fn add(&mut self, json: &Json, folder: &Path) {
        let current = json.get("current-context").and_then(Json::as_str);
        let current = current.filter(|name| !name.is_empty()).map(str::to_owned);
        self.current = self.current.take().or(current);
        for (list, key, entries) in [
            ("clusters", "cluster", &mut self.clusters),
            ("contexts", "context", &mut self.contexts),
            ("users", "user", &mut self.users),
        ] {
            for item in json.get(list).and_then(Json::as_array).into_iter().flatten() {
                let name = item.get("name").and_then(Json::as_str).unwrap_or_default();
                if entries.iter().all(|(known, _)| known != name) {
                    let value = item.get(key).cloned().unwrap_or_default();
                    entries.push((name.to_owned(), Entry { value, folder: folder.to_owned() }));
                }
            }
        }
    }
}

fn find<'a>(entries: &'a [(String, Entry)], name: &str) -> Option<&'a Entry> {
    entries.iter().find(|(known, _)| known == name).map(|(_, entry)| entry)
}

impl Kubernetes {
    /// The user of the context that the configuration names, else of the current one.
    pub(super) fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Self {
        let machine = lookup.machine();
        // a document must not pick a file of this machine
        let named = config.credentials_file.as_ref().filter(|_| lookup.is_users);
        let files = match (named, machine.variable("KUBECONFIG")) {
            (Some(path), _) => vec![machine.path(path)],
            (None, Some(list)) => {
                let separator = if cfg!(windows) { ';' } else { ':' };
                list.split(separator)
                    .filter(|path| !path.is_empty())
                    .map(|p| machine.path(p))
                    .collect()
            }
            (None, None) => machine.home(".kube/config").into_iter().collect(),
        };
        let mut hasher = DefaultHasher::new();
        (&config.profile, &files, "k8s").hash(&mut hasher);
        Self {
            asker: lookup.asker(),
            machine,
            context: config.profile.clone(),
            files,
            trail: Trail::default(),
            identity: hasher.finish(),
        }
    }

    async fn token(&self, core: &Arc<dyn Sender>, origin: &str) -> Result<Token, Failure> {
        self.trail.clear();
        let step = self.of_files(core, origin).await;
        if let Some(token) = self.trail.note("kubeconfig", step)? {
            return Ok(token);
        }
        let step = self.of_pod(core);
        self.trail.note("pod", step)?.ok_or_else(|| {
            self.asker.failure(self.trail.exhausted(&self.asker.provider, HELP), None)
        })
    }

    async fn of_files(&self, core: &Arc<dyn Sender>, origin: &str) -> Result<Step<Token>, Failure> {
        let mut all = KubeConfig::default();
        let mut names = Vec::new();
        for path in &self.files {
            names.push(format!("`{}`", path.display()));
            let Some(text) = self.machine.read(path).map_err(|why| self.failed(&why))? else {
                continue;
            };
            let (node, _) = strataql_spec::yaml::parse(&text)
                .map_err(|_| self.failed(&format!("`{}` is no YAML", path.display())))?;
            all.add(&node.to_json(), path.parent().unwrap_or(Path::new("")));
        }
        let Some(name) = self.context.clone().or_else(|| all.current.clone()) else {
            let why = format!("there is no current context in {}", names.join(", "));
            return Ok(Step::Absent(why));
        };
        let part = |entry: &Entry, key: &str| entry.value.get(key)?.as_str().map(str::to_owned);
        let context = find(&all.contexts, &name)
            .ok_or_else(|| self.failed(&format!("there is no context `{name}`")))?;
        let cluster = part(context, "cluster").and_then(|name| find(&all.clusters, &name));
        let server = cluster.and_then(|cluster| part(cluster, "server"));
        let server = server.and_then(|text| Url::parse(&text).ok());
        let server = server.map(|url| url.origin().ascii_serialization());
        if let Some(server) = server.filter(|server| !origin.is_empty() && server != origin) {
            return Err(self.failed(&format!(
                "the context `{name}` is for `{server}`, and the request goes to `{origin}`"
            )));
        }
        let user_name = part(context, "user").unwrap_or_default();
        let user = find(&all.users, &user_name)
            .ok_or_else(|| self.failed(&format!("there is no user `{user_name}`")))?;
        let source = format!("context {name}");
        let token = self.of_user(core, user, &user_name).await?;
        Ok(Step::Found(token.from(source).of(user_name)))
    }

    async fn of_user(
        &self,
        core: &Arc<dyn Sender>,
        user: &Entry,
        name: &str,
    ) -> Result<Token, Failure> {
        let text =
            |key: &str| user.value.get(key).and_then(Json::as_str).filter(|it| !it.is_empty());
        let (asked, wall) = (core.clock().now(), core.clock().wall());
        let odd = || self.failed(&format!("the token of user `{name}` is no text of a header"));
        if let Some(token) = text("token") {
            let token = self.asker.registered(token);
            return Token::new("Bearer", &token, asked, None).ok_or_else(odd);
        }
        if let Some(path) = text("tokenFile") {
            let path = user.folder.join(path);
            let token = self.machine.secret_file(&path).map_err(|why| self.failed(&why))?;
            let life = Some(std::time::Duration::from_secs(POD_LIFE));
            return Token::new("Bearer", &token.into(), asked, life).ok_or_else(odd);
        }
        if let Some(exec) = user.value.get("exec") {
            let status = self.of_program(exec, name).await?;
            let token = status.get("token").and_then(Json::as_str);
            let token = token.ok_or_else(|| {
                self.failed(&format!("the program of user `{name}` printed no token"))
            })?;
            let token = self.asker.registered(token);
            let ends = status.get("expirationTimestamp").and_then(Json::as_str).and_then(instant);
            return Token::new("Bearer", &token, asked, life(ends, wall)).ok_or_else(odd);
        }
        if let (Some(user), Some(password)) = (text("username"), text("password")) {
            self.machine.redactor.register(password);
            let pair = STANDARD.encode(format!("{user}:{password}"));
            self.machine.redactor.register_exact(&pair);
            return Token::new("Basic", &pair.into(), asked, None).ok_or_else(odd);
        }
        let has = |key: &str| user.value.get(key).is_some();
        Err(self.failed(&if has("client-certificate") || has("client-certificate-data") {
            format!(
                "the user `{name}` has a client certificate, which is not supported; make a token \
                 with `kubectl create token`"
            )
        } else if has("auth-provider") {
            format!("the user `{name}` has an `auth-provider`, which `kubectl` has given up too")
        } else {
            format!("the user `{name}` has no token")
        }))
    }

    /// Runs the program of a user. It learns which version of the protocol is spoken.
    async fn of_program(&self, exec: &Json, name: &str) -> Result<Json, Failure> {
        let text = |key: &str| exec.get(key).and_then(Json::as_str);
        let list = |key: &str| exec.get(key).and_then(Json::as_array).into_iter().flatten();
        let command = text("command");
        let command = command
            .ok_or_else(|| self.failed(&format!("the program of user `{name}` has no name")))?;
        let version = text("apiVersion").unwrap_or("client.authentication.k8s.io/v1");
        let info = json!({"apiVersion": version, "kind": "ExecCredential",
            "spec": {"interactive": false}});
        let mut variables = vec![("KUBERNETES_EXEC_INFO".to_owned(), info.to_string())];
        variables.extend(list("env").filter_map(|pair| {
            let part = |key: &str| Some(pair.get(key)?.as_str()?.to_owned());
            Some((part("name")?, part("value")?))
        }));
        let program = Program {
            name: command.to_owned(),
            arguments: list("args").filter_map(Json::as_str).map(str::to_owned).collect(),
            variables,
        };
        let printed = self.machine.run(program).await;
        let printed = printed.map_err(|why| self.failed(&why.into_text()))?;
        let json: Option<Json> = serde_json::from_str(&printed).ok();
        json.and_then(|json| json.get("status").cloned()).ok_or_else(|| {
            self.failed(&format!("the program of user `{name}` printed no credential"))
        })
    }

    fn of_pod(&self, core: &Arc<dyn Sender>) -> Result<Step<Token>, Failure> {
        if self.machine.variable("KUBERNETES_SERVICE_HOST").is_none() {
            return Ok(Step::Absent("`KUBERNETES_SERVICE_HOST` is not set".to_owned()));
        }
        let token = self.machine.secret_file(Path::new(POD_TOKEN));
        let token = token.map_err(|why| self.failed(&why))?;
        let life = Some(std::time::Duration::from_secs(POD_LIFE));
        Token::new("Bearer", &token.into(), core.clock().now(), life)
            .map(|token| Step::Found(token.from("service account of the pod")))
            .ok_or_else(|| self.failed("the token of the pod is no text of a header"))
    }

    fn failed(&self, why: &str) -> Failure {
        let message = format!("provider `{}` has no credential: {why}", self.asker.provider);
        self.asker.failure(Report::new(Code::NoCredential, message).with_help(HELP), None)
    }
}

impl Grant for Kubernetes {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> String {
        match &self.context {
            Some(context) => format!("context {context}"),
            None => "current context".to_owned(),
        }
    }

    fn audience(&self, url: Option<&Url>) -> String {
        url.map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    fn tried(&self) -> Vec<Tried> {
        self.trail.tried()
    }

    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        audience: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>> {
        self.token(core, audience).boxed()
    }
}
