//! The credentials of `--auth`.
//!
//! Owns: checking its keys, types and providers; what an entry takes from the provider's document.
//! Surprise: an entry says what the secret is. Where the document says how it is sent, such as the name
//! of a header, the entry need not repeat it.

use std::collections::HashMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use strataql_diag::{Code, Report, did_you_mean};
use strataql_registry::Registry;
use strataql_spec::{AuthConfig, AuthKind, Node};

/// Types of authentication, for suggestions.
const TYPES: [&str; 8] = [
    "null_auth",
    "bearer",
    "basic",
    "api_key",
    "custom",
    "oauth2",
    "aws_signing_v4",
    "service_account",
];

/// Keys that hold secrets themselves, and those of entries in entries.
const OTHER_KEYS: [&str; 8] = [
    "client_secret",
    "password",
    "api_key",
    "api_secret",
    "private_key",
    "token",
    "username",
    "successor",
];

/// Reads `--auth`: credentials by the providers' own names.
///
/// # Errors
/// `usage` for another shape, an unknown key or type; `unknown-provider` for a misspelled one.
pub(super) fn read(
    secret: &SecretString,
    registry: &Registry,
) -> Result<HashMap<String, AuthConfig>, Box<Report>> {
    let (root, _) = strataql_spec::yaml::parse(secret.expose_secret())
        .map_err(|_| wrong("is neither JSON nor YAML".to_owned(), None))?;
    if root.map().is_none() {
        return Err(wrong("is not an object".to_owned(), None));
    }
    root.entries()
        .filter_map(|(provider, entry)| one(provider, entry, registry).transpose())
        .collect()
}

fn one(
    provider: &str,
    entry: &Node,
    registry: &Registry,
) -> Result<Option<(String, AuthConfig)>, Box<Report>> {
    let mut config = AuthConfig::read(entry)
        .ok_or_else(|| wrong(format!("has no object of texts for `{provider}`"), None))?;
    let known = keys();
    if let Some((key, _)) = entry.entries().find(|(key, _)| !known.contains(key)) {
        let question = did_you_mean(key, known.iter().copied());
        return Err(wrong(format!("has an unknown key `{key}` for `{provider}`"), question));
    }
    if let AuthKind::Unknown(kind) = &config.kind {
        let question = did_you_mean(kind, TYPES);
        return Err(wrong(format!("has an unknown type `{kind}` for `{provider}`"), question));
    }
    let model = match registry.provider(provider) {
        Ok(model) => model,
        // a credential may be kept for a provider that is installed elsewhere, a misspelled name not
        Err(report)
            if report.code == Code::UnknownProvider && !is_misspelled(provider, registry) =>
        {
            return Ok(None);
        }
        Err(mut report) => {
            report.notes.insert(0, "`--auth` has a credential for it".to_owned());
            return Err(report);
        }
    };
    if let Some(document) = &model.auth {
        inherit(&mut config, document);
    }
    Ok(Some((model.name.clone(), config)))
}

/// True if a name is close to that of a provider.
fn is_misspelled(name: &str, registry: &Registry) -> bool {
    let known = registry.providers();
    did_you_mean(name, known.iter().map(|provider| provider.name.as_str())).is_some()
}

/// Takes from the document how a secret is sent, where the entry has the same type or none.
pub(crate) fn inherit(config: &mut AuthConfig, document: &AuthConfig) {
    if config.kind == AuthKind::Unspecified {
        config.kind = document.kind.clone();
    }
    if config.kind != document.kind {
        return;
    }
    let fill = |own: &mut Option<String>, other: &Option<String>| {
        if own.is_none() {
            own.clone_from(other);
        }
    };
    fill(&mut config.location, &document.location);
    fill(&mut config.name, &document.name);
    fill(&mut config.value_prefix, &document.value_prefix);
    fill(&mut config.grant_type, &document.grant_type);
    fill(&mut config.token_url, &document.token_url);
    if config.account_id.is_none() && config.account_id_env_var.is_none() {
        config.account_id.clone_from(&document.account_id);
        config.account_id_env_var.clone_from(&document.account_id_env_var);
    }
    config.auth_style = config.auth_style.or(document.auth_style);
    if config.scopes.is_empty() {
        config.scopes.clone_from(&document.scopes);
    }
    if config.values.is_empty() {
        config.values.clone_from(&document.values);
    }
}

fn wrong(what: String, question: Option<String>) -> Box<Report> {
    Box::new(Report::new(Code::Usage, format!("`--auth` {what}")).with_help_if(question).with_help(
        r#"write `--auth '{"provider": {"type": "bearer", "credentialsenvvar": "NAME"}}'`"#,
    ))
}

/// Every key of an entry, in all spellings.
fn keys() -> Vec<&'static str> {
    let mut names = Names(&[]);
    // the names are what is wanted; reading always ends with an error
    let _refused = AuthConfig::deserialize(&mut names);
    names.0.iter().copied().chain(OTHER_KEYS).collect()
}

/// Reads the names of a struct's fields, which its derived code passes to a deserializer.
struct Names(&'static [&'static str]);

/// The end of reading.
#[derive(Debug)]
struct Read;

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only names are read")
    }
}

impl std::error::Error for Read {}

impl serde::de::Error for Read {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for &mut Names {
    type Error = Read;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Read> {
        Err(Read)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Read> {
        self.0 = fields;
        Err(Read)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_all_spellings() {
        let known = keys();
        for key in
            ["type", "credentialsenvvar", "credentials_env_var", "client_id_env_var", "token"]
        {
            assert!(known.contains(&key), "{key}");
        }
        assert!(!known.contains(&"credentialenvvar"));
    }

    #[test]
    fn an_entry_says_what_and_the_document_how() {
        let read = |text: &str| {
            AuthConfig::from_json(serde_json::from_str(text).expect("JSON")).expect("an object")
        };
        let document = read(
            r#"{"type": "custom", "location": "header", "name": "X-Key", "credentialsenvvar": "DOC"}"#,
        );
        let mut entry = read(r#"{"credentialsenvvar": "MINE"}"#);
        inherit(&mut entry, &document);
        assert_eq!((entry.kind, entry.name.as_deref()), (AuthKind::Custom, Some("X-Key")));
        assert_eq!(entry.credentials_env_var.as_deref(), Some("MINE"));
        let mut other = read(r#"{"type": "bearer", "credentialsenvvar": "MINE"}"#);
        inherit(&mut other, &document);
        assert_eq!(other.name, None);
    }
}
