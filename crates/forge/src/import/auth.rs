//! The credential that requests carry.

use serde_json::{Value as Json, json};

use super::Guess;
use super::document::{Description, VERBS};

/// A guessed credential.
pub(super) struct Auth {
    /// The `auth` block.
    pub(super) config: Json,
    /// Environment variables that it reads.
    pub(super) variables: Vec<String>,
}

/// The credential of most operations, or of the whole document.
pub(super) fn guess(
    description: &Description<'_>,
    provider: &str,
    guesses: &mut Vec<Guess>,
) -> Auth {
    let prefix = provider.to_ascii_uppercase();
    let schemes = description.root().pointer("/components/securitySchemes");
    let schemes = schemes.and_then(Json::as_object);
    let mut note = |auth: &Auth, why: String, open: bool| {
        let kind = auth.config.get("type").and_then(Json::as_str).unwrap_or_default();
        let guess = match auth.variables.as_slice() {
            [] => kind.to_owned(),
            names => format!("{kind}, from ${}", names.join(" and $")),
        };
        let guess = Guess::new("credential", guess, why);
        guesses.push(if open { guess.open() } else { guess });
    };
    let requirement = requirement(description);
    let names: Vec<&str> = match &requirement {
        Some(names) => names.clone(),
        // schemes that nothing refers to are meant for everything
        None => schemes.into_iter().flatten().map(|(name, _)| name.as_str()).take(1).collect(),
    };
    let mut found: Vec<(Auth, String)> = Vec::new();
    let mut unknown = Vec::new();
    for name in &names {
        let scheme =
            schemes.and_then(|schemes| schemes.get(*name)).map(|node| description.resolve(node));
        let suffix = if names.len() > 1 { format!("_{}", variable(name)) } else { String::new() };
        match scheme.and_then(|scheme| of_scheme(scheme, &format!("{prefix}{suffix}"))) {
            Some((auth, why)) => found.push((auth, format!("`securitySchemes.{name}` is {why}"))),
            None => unknown.push(*name),
        }
    }
    if !unknown.is_empty() {
        let auth = none();
        note(
            &auth,
            format!(
                "`{}` is of a kind that is not supported; see docs/auth.md",
                unknown.join("`, `")
            ),
            true,
        );
        return auth;
    }
    // each further one is sent with the first
    let Some((mut auth, why)) = found.pop() else {
        let auth = none();
        note(&auth, "the document names no credential".to_owned(), requirement.is_none());
        return auth;
    };
    let mut reasons = vec![why];
    while let Some((mut outer, why)) = found.pop() {
        outer.config["successor"] = auth.config;
        outer.variables.extend(auth.variables);
        auth = outer;
        reasons.insert(0, why);
    }
    note(&auth, reasons.join(", "), false);
    auth
}

fn none() -> Auth {
    Auth { config: json!({"type": "null_auth"}), variables: Vec::new() }
}

/// The names of the schemes that most operations require together.
fn requirement<'a>(description: &Description<'a>) -> Option<Vec<&'a str>> {
    let first = |node: &'a Json| {
        let list = node.get("security").and_then(Json::as_array)?;
        let chosen = list.iter().find(|it| it.as_object().is_some_and(|map| !map.is_empty()));
        let names = chosen.and_then(Json::as_object).into_iter().flatten();
        Some(names.map(|(name, _)| name.as_str()).collect::<Vec<_>>())
    };
    if let Some(names) = first(description.root()) {
        return Some(names);
    }
    let mut counts: Vec<(Vec<&str>, usize)> = Vec::new();
    for (_, item) in description.paths() {
        for names in VERBS.iter().filter_map(|verb| first(item.get(*verb)?)) {
            match counts.iter_mut().find(|(other, _)| *other == names) {
                Some((_, count)) => *count += 1,
                None => counts.push((names, 1)),
            }
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(names, _)| names)
}

fn of_scheme(scheme: &Json, prefix: &str) -> Option<(Auth, String)> {
    let text = |key: &str| scheme.get(key).and_then(Json::as_str);
    let one = |config: Json, variable: String| Auth { config, variables: vec![variable] };
    let token = format!("{prefix}_TOKEN");
    match text("type")? {
        "apiKey" => {
            let variable = format!("{prefix}_API_KEY");
            let (location, name) = (text("in")?, text("name")?);
            if !matches!(location, "header" | "query") {
                return None;
            }
            let config = json!({
                "type": "custom",
                "location": location,
                "name": name,
                "credentialsenvvar": variable,
            });
            Some((one(config, variable), format!("a key in the {location} `{name}`")))
        }
        "http" if text("scheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) => {
            Some((
                one(json!({"type": "bearer", "credentialsenvvar": token}), token),
                "a bearer token".to_owned(),
            ))
        }
        "http" if text("scheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic")) => {
            let (user, password) = (format!("{prefix}_USERNAME"), format!("{prefix}_PASSWORD"));
            let config = json!({"type": "basic", "username_var": user, "password_var": password});
            let auth = Auth { config, variables: vec![user, password] };
            Some((auth, "a user name and a password".to_owned()))
        }
        "oauth2" => {
            if let Some(flow) = scheme.pointer("/flows/clientCredentials")
                && let Some(url) = flow.get("tokenUrl").and_then(Json::as_str)
                && url.starts_with("https://")
            {
                let (id, secret) =
                    (format!("{prefix}_CLIENT_ID"), format!("{prefix}_CLIENT_SECRET"));
                let config = json!({
                    "type": "oauth2",
                    "grant_type": "client_credentials",
                    "client_id_env_var": id,
                    "client_secret_env_var": secret,
                    "token_url": url,
                });
                let auth = Auth { config, variables: vec![id, secret] };
                return Some((auth, "the grant of a client".to_owned()));
            }
            if let Some(scopes) = scheme.get("x-google-scopes").and_then(Json::as_array) {
                let variable = "GOOGLE_CREDENTIALS".to_owned();
                let config = json!({"type": "service_account", "credentialsenvvar": variable, "scopes": scopes});
                return Some((one(config, variable), "a Google service account".to_owned()));
            }
            Some((
                one(json!({"type": "bearer", "credentialsenvvar": token}), token),
                "a grant that needs a person: give an access token".to_owned(),
            ))
        }
        "openIdConnect" => Some((
            one(json!({"type": "bearer", "credentialsenvvar": token}), token),
            "OpenID Connect: give an access token".to_owned(),
        )),
        _ => None,
    }
}

/// A word as part of a variable's name.
fn variable(name: &str) -> String {
    super::names::word(name).to_ascii_uppercase()
}
