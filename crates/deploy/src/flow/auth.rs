//! `auth` of a resource.

use serde_json::Value as Json;
use strataql_diag::{Code, Report};

use super::{Flow, Step};
use crate::manifest::Resource;
use crate::scope::Names;
use crate::template::Failure;
use crate::template::json::plain;

/// Keys whose text is the name of a variable.
const NAMES: &[&str] = &[
    "username_var",
    "password_var",
    "credentialsenvvar",
    "keyIDenvvar",
    "client_id_env_var",
    "client_secret_env_var",
    "api_key_var",
    "api_secret_var",
];

impl Flow<'_> {
    /// The credentials of a resource's statements. Names of variables that are props or exports become
    /// their values, by the same name, in the member `variables`.
    pub(super) fn auth(&self, resource: &Resource, names: &Names) -> Step<Option<Json>> {
        let Some(auth) = &resource.auth else { return Ok(None) };
        let rendered =
            self.scope.rendered(auth, &names.context()).map_err(|failure| match failure {
                Failure::Undefined { names, .. } => Box::new(
                    Report::new(
                        Code::UnsetVariable,
                        format!(
                            "`auth` of `{}` needs {}, which has no value",
                            resource.name,
                            crate::words::listed(&names)
                        ),
                    )
                    .with_place(&self.stack.file, resource.line),
                ),
                Failure::Invalid { message, .. } => self.stack.error(
                    resource.line,
                    format!("the template of `auth` of `{}` is wrong: {message}", resource.name),
                ),
            })?;
        let mut variables = serde_json::Map::new();
        self.collect(&rendered, names, &mut variables);
        Ok(Some(serde_json::json!({"providers": rendered, "variables": variables})))
    }

    fn collect(&self, value: &Json, names: &Names, out: &mut serde_json::Map<String, Json>) {
        match value {
            Json::Object(members) => {
                for (key, member) in members {
                    if let (true, Json::String(name)) = (NAMES.contains(&key.as_str()), member)
                        && let Some(value) = names.get(name)
                    {
                        let text = plain(value);
                        self.host.keep_secret(&text);
                        out.insert(name.clone(), Json::String(text));
                    } else {
                        self.collect(member, names, out);
                    }
                }
            }
            Json::Array(items) => items.iter().for_each(|item| self.collect(item, names, out)),
            _ => {}
        }
    }
}
