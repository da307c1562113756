//! Profiles of the shared configuration files.
//!
//! Owns: reading both files into one view, and what a profile can refer to: keys, another profile, a
//! role, a web identity, a single sign-on session, a program.
//! Surprise: keys of the credentials file win over those of the configuration file. A profile with
//! `role_arn` and keys of its own assumes the role, as all tools do.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value as Json;

use super::sts::Role;
use super::{AwsChain, Found};
use crate::auth::ini;
use crate::auth::machine::{Machine, program};
use crate::auth::trail::Step;
use crate::failure::Failure;
use crate::sender::Sender;

/// The settings of a profile.
pub(super) type Profile = BTreeMap<String, String>;

/// Everything in the shared files.
pub(super) struct Profiles {
    profiles: BTreeMap<String, Profile>,
    sessions: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Both files; those that do not exist are empty.
    pub(super) fn read(machine: &Machine) -> Result<Self, String> {
        let file = |variable: &str, usual: &str| {
            let named = machine.variable(variable).map(|path| machine.path(&path));
            let Some(path) = named.or_else(|| machine.home(usual)) else { return Ok(None) };
            machine.read(&path)
        };
        let mut this = Self { profiles: BTreeMap::new(), sessions: BTreeMap::new() };
        if let Some(text) = file("AWS_CONFIG_FILE", ".aws/config")? {
            for (name, section) in ini::parse(&text) {
                if let Some(session) = name.strip_prefix("sso-session ") {
                    this.sessions.insert(session.to_owned(), section);
                } else if let Some(profile) = name.strip_prefix("profile ") {
                    this.profiles.insert(profile.to_owned(), section);
                } else if name == "default" {
                    this.profiles.entry(name).or_insert(section);
                }
            }
        }
        if let Some(text) = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")? {
            for (name, section) in ini::parse(&text) {
                this.profiles.entry(name).or_default().extend(section);
            }
        }
        Ok(this)
    }

    /// A profile.
    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// A single sign-on session.
    pub(super) fn session(&self, name: &str) -> Option<&Profile> {
        self.sessions.get(name)
    }
}

/// A setting that is there and not empty.
pub(super) fn setting<'a>(profile: &'a Profile, name: &str) -> Option<&'a str> {
    profile.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

impl AwsChain {
    /// The keys of a profile. `above` has the profiles that refer to this one.
    pub(super) fn of_profile<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        profiles: &'a Profiles,
        name: &'a str,
        above: &'a mut Vec<String>,
    ) -> BoxFuture<'a, Result<Step<Found>, Failure>> {
        async move {
            let Some(profile) = profiles.get(name) else {
                let is_named = self.profile.is_some()
                    || !above.is_empty()
                    || self.machine.variable("AWS_PROFILE").is_some();
                let why = format!("there is no profile `{name}` in the shared files");
                return if is_named { Err(self.broken(&why)) } else { Ok(Step::Absent(why)) };
            };
            let source = format!("profile {name}");
            let of_itself = self.static_keys(profile, &source);
            if above.iter().any(|other| other == name) {
                // a profile may be the source of its own role, with its own keys
                return match of_itself {
                    Some(found) => Ok(Step::Found(found)),
                    None => Err(self.broken(&format!("the profile `{name}` refers to itself"))),
                };
            }
            if setting(profile, "role_arn").is_some() {
                return self.of_role(core, profiles, name, profile, above).await;
            }
            if setting(profile, "sso_session").is_some()
                || setting(profile, "sso_start_url").is_some()
            {
                let found = self.of_sso(core, profiles, name, profile).await?;
                return Ok(Step::Found(found));
            }
            if let Some(found) = of_itself {
                return Ok(Step::Found(found));
            }
            if let Some(line) = setting(profile, "credential_process") {
                return self.of_process(line, name).await.map(Step::Found);
            }
            Ok(Step::Absent(format!("the profile `{name}` has no keys and refers to none")))
        }
        .boxed()
    }

    fn static_keys(&self, profile: &Profile, source: &str) -> Option<Found> {
        let id = setting(profile, "aws_access_key_id")?.to_owned();
        let secret = setting(profile, "aws_secret_access_key")?;
        let keys = self.keys(id, secret, setting(profile, "aws_session_token"));
        Some(Found::lasting(keys, source))
    }

    async fn of_role(
        &self,
        core: &Arc<dyn Sender>,
        profiles: &Profiles,
        name: &str,
        profile: &Profile,
        above: &mut Vec<String>,
    ) -> Result<Step<Found>, Failure> {
        let role = Role::of_profile(profile).ok_or_else(|| self.broken("a role has no name"))?;
        let region = setting(profile, "region");
        if let Some(file) = setting(profile, "web_identity_token_file") {
            let region = self.sts_region(region);
            return self.assume_with_token(core, &role, file, &region).await.map(Step::Found);
        }
        if setting(profile, "mfa_serial").is_some() {
            return Err(self.broken(&format!(
                "the role of the profile `{name}` needs a code of a second factor; sign in with \
                 another tool and use its temporary keys"
            )));
        }
        above.push(name.to_owned());
        let base = match (setting(profile, "source_profile"), setting(profile, "credential_source"))
        {
            (Some(source), _) => self.of_profile(core, profiles, source, above).await?,
            (None, Some("Environment")) => self.of_environment()?,
            (None, Some("EcsContainer")) => self.of_container(core).await?,
            (None, Some("Ec2InstanceMetadata")) => self.of_machine(core).await?,
            (None, other) => {
                let what = match other {
                    Some(other) => format!("an unknown `credential_source` (`{other}`)"),
                    None => "neither `source_profile` nor `credential_source`".to_owned(),
                };
                return Err(self.broken(&format!("the profile `{name}` has {what}")));
            }
        };
        match base {
            Step::Found(base) => {
                let found = self.assume(core, &role, &base, region).await?;
                Ok(Step::Found(Found {
                    source: format!("profile {name}, {}", found.source),
                    ..found
                }))
            }
            Step::Absent(why) => Err(self.broken(&format!(
                "the role of the profile `{name}` has no keys to be assumed with: {why}"
            ))),
        }
    }

    async fn of_process(&self, line: &str, name: &str) -> Result<Found, Failure> {
        let broken =
            |why: &str| self.broken(&format!("the `credential_process` of profile `{name}` {why}"));
        let program = program(line).ok_or_else(|| broken("has open quotes, or is empty"))?;
        let text = self.machine.run(program).await;
        let text = text.map_err(|why| broken(&format!("has no keys: {}", why.into_text())))?;
        let json: Json = serde_json::from_str(&text).map_err(|_| broken("printed no JSON"))?;
        if json.get("Version").and_then(Json::as_i64) != Some(1) {
            return Err(broken("printed an unknown version"));
        }
        let (keys, ends) =
            self.keys_of_json(&json).ok_or_else(|| broken("printed no access key"))?;
        Ok(Found { keys, ends, source: format!("program of profile {name}") })
    }
}
