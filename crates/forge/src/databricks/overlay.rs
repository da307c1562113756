//! What this project adds to the facts of the package: texts and views.
//!
//! Owns: reading `overlay/*.yaml`. Texts count only where the package's own are not wanted.

use serde_json::{Map, Value as Json};

/// Overlays by provider and service.
const OVERLAYS: &[(&str, &str)] =
    &[("databricks_account.oauth2", include_str!("overlay/databricks_account.oauth2.yaml"))];

/// The overlay of a service.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    root: Json,
}

impl Overlay {
    /// The overlay of that service, which may be empty.
    pub(super) fn of(provider: &str, service: &str) -> Result<Self, String> {
        let key = format!("{provider}.{service}");
        let Some((_, text)) = OVERLAYS.iter().find(|(name, _)| *name == key) else {
            return Ok(Self::default());
        };
        let (node, _) =
            strataql_spec::yaml::parse(text).map_err(|report| report.message.clone())?;
        Ok(Self { root: node.to_json() })
    }

    fn at(&self, path: &[&str]) -> Option<&Json> {
        path.iter().try_fold(&self.root, |node, key| node.get(key))
    }

    fn text(&self, path: &[&str]) -> Option<String> {
        self.at(path)?.as_str().map(str::to_owned)
    }

    /// The title of the service.
    pub(super) fn title(&self) -> Option<String> {
        self.text(&["title"])
    }

    /// The description of the service.
    pub(super) fn description(&self) -> Option<String> {
        self.text(&["description"])
    }

    /// The summary of an operation.
    pub(super) fn summary(&self, operation: &str) -> Option<String> {
        self.text(&["operations", operation, "summary"])
    }

    /// The description of a parameter or body attribute of an operation.
    pub(super) fn input(&self, operation: &str, name: &str) -> Option<String> {
        self.text(&["operations", operation, "inputs", name])
    }

    /// The description of a field of a message.
    pub(super) fn field(&self, message: &str, field: &str) -> Option<String> {
        self.text(&["messages", message, field])
    }

    /// The fields of a message that come first.
    pub(super) fn order(&self, message: &str) -> Vec<&str> {
        let listed = self.at(&["order", message]).and_then(Json::as_array);
        listed.into_iter().flatten().filter_map(Json::as_str).collect()
    }

    /// Fields of a message, or inputs of an operation, that the public documents have and the package does
    /// not: statements that name them keep working. `kind` is `messages`, `query` or `body`.
    pub(super) fn more(&self, kind: &str, name: &str) -> Vec<(&String, &Json)> {
        let found = self.at(&["more", kind, name]).and_then(Json::as_object);
        found.into_iter().flatten().collect()
    }

    /// The description of a resource; an empty one keeps the resource without.
    pub(super) fn resource(&self, name: &str) -> Option<String> {
        self.text(&["resources", name])
    }

    /// Views, as resources.
    pub(super) fn views(&self) -> Map<String, Json> {
        self.at(&["views"]).and_then(Json::as_object).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERLAYS, Overlay};

    #[test]
    fn every_overlay_is_read() {
        for (name, _) in OVERLAYS {
            let (provider, service) = name.split_once('.').expect(name);
            let overlay = Overlay::of(provider, service).expect(name);
            assert!(overlay.root.is_object(), "{name}");
        }
        assert!(Overlay::of("databricks_account", "none").expect("empty").views().is_empty());
    }
}
