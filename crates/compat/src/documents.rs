//! The value of `--registry`: where provider documents are.
//!
//! Owns: its keys and defaults, in JSON and YAML.
//! Surprise: what stands behind a JSON value is ignored, as the reference does.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// The server that documents are pulled from unless the flag says otherwise.
pub const PUBLIC: &str = "https://registry.stackql.app/providers";

/// Where documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder, with `src` and `dist` in it.
    Folder(PathBuf),
    /// A server, whose documents are pulled into the local root.
    Server(String),
}

/// What `--registry` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Where they are.
    pub place: Place,
    /// Folder of single documents below the place and the local root; empty for none.
    pub src: String,
    /// Folder of archives below the place; empty for none.
    pub dist: String,
    /// Where pulled documents are kept.
    pub local_root: PathBuf,
}

impl Documents {
    /// Reads the flag; `approot` is the folder of the application.
    ///
    /// # Errors
    /// The sentence that says what cannot be read; it has the words `cannot unmarshal`.
    pub fn read(text: &str, approot: &Path) -> Result<Self, String> {
        let object =
            if text.trim().is_empty() { Json::Null } else { mapping(text, "RegistryCfg")? };
        let field = |key: &str| -> Result<Option<String>, String> {
            match object.get(key) {
                None | Some(Json::Null) => Ok(None),
                Some(Json::String(text)) => Ok(Some(text.clone())),
                Some(other) => Err(mismatch(other, &format!("RegistryCfg.{key} of type string"))),
            }
        };
        let url = field("url")?.unwrap_or_else(|| PUBLIC.to_owned());
        let place = match file_path(&url) {
            Some(path) => Place::Folder(path),
            None => Place::Server(url.trim_end_matches('/').to_owned()),
        };
        let local_root = match (field("localDocRoot")?, &place) {
            (Some(root), _) if !root.is_empty() => PathBuf::from(root),
            (_, Place::Folder(path)) => path.parent().unwrap_or(path).to_owned(),
            _ => approot.to_owned(),
        };
        Ok(Self {
            place,
            src: field("srcPrefix")?.unwrap_or_else(|| "src".to_owned()),
            dist: field("distPrefix")?.unwrap_or_else(|| "dist".to_owned()),
            local_root,
        })
    }

    /// The folders that documents are read from, the first to be asked first.
    pub fn folders(&self) -> Vec<PathBuf> {
        let root = match &self.place {
            Place::Folder(root) => root,
            Place::Server(_) => &self.local_root,
        };
        vec![if self.src.is_empty() { root.clone() } else { root.join(&self.src) }]
    }

    /// The address of the index of a server, or `None` for a folder.
    pub fn index_url(&self) -> Option<String> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Server(url) => Some(url.clone()),
        }
    }
}

/// The path of a `file:` address.
fn file_path(url: &str) -> Option<PathBuf> {
    let rest =
        url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("file:")).map(|_| &url[5..])?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    Some(PathBuf::from(
        path.strip_prefix("localhost/").map_or(path.to_owned(), |it| format!("/{it}")),
    ))
}

/// The object in a text: JSON, or YAML. `what` is named in errors.
///
/// # Errors
/// The sentence that says why it is none.
pub fn mapping(text: &str, what: &str) -> Result<Json, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        _ => {
            let (node, _) = strataql_spec::yaml::parse(text).map_err(|report| {
                format!("yaml: cannot unmarshal into dto.{what}: {}", report.message)
            })?;
            node.to_json()
        }
    };
    if value.is_object() { Ok(value) } else { Err(mismatch(&value, what)) }
}

fn mismatch(value: &Json, target: &str) -> String {
    let (tag, shown) = match value {
        Json::Null => ("!!null", String::new()),
        Json::Bool(flag) => ("!!bool", flag.to_string()),
        Json::Number(number) => ("!!int", number.to_string()),
        Json::String(text) => ("!!str", text.chars().take(7).collect()),
        Json::Array(_) => ("!!seq", String::new()),
        Json::Object(_) => ("!!map", String::new()),
    };
    let shown = if shown.is_empty() { shown } else { format!(" `{shown}`") };
    format!("yaml: unmarshal errors:\n  line 1: cannot unmarshal {tag}{shown} into dto.{target}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Documents {
        Documents::read(text, Path::new("/srv/.stackql")).expect(text)
    }

    #[test]
    fn the_default_is_the_public_server() {
        let documents = read("");
        assert_eq!(documents.place, Place::Server(PUBLIC.to_owned()));
        assert_eq!(documents.folders(), [PathBuf::from("/srv/.stackql/src")]);
        assert_eq!(documents.index_url().as_deref(), Some(PUBLIC));
    }

    #[test]
    fn folders_come_in_many_spellings() {
        for text in [
            r#"{"url": "file:///docs/registry", "localDocRoot": "/docs/registry", "verifyConfig": {"nopVerify": true}}"#,
            r#"{"url":"file:///docs/registry","useEmbedded":false}} trailing"#,
            "{ url: 'file:///docs/registry', verifyConfig: { nopVerify: true } }",
            "url: FILE://localhost/docs/registry\nlocalDocRoot: /docs\n",
            r#"{"url": "file:/docs/registry"}"#,
        ] {
            let documents = read(text);
            assert_eq!(documents.folders(), [PathBuf::from("/docs/registry/src")], "{text}");
            assert_eq!(documents.index_url(), None);
        }
        assert_eq!(
            read(r#"{"url":"file://./rel/../x"}"#).folders(),
            [PathBuf::from("./rel/../x/src")]
        );
    }

    #[test]
    fn prefixes_may_be_empty() {
        let text = r#"{"url":"http://localhost:1234/","srcPrefix":"","distPrefix":"d","localDocRoot":"/cache"}"#;
        let documents = read(text);
        assert_eq!(documents.place, Place::Server("http://localhost:1234".to_owned()));
        assert_eq!(documents.folders(), [PathBuf::from("/cache")]);
        assert_eq!(documents.dist, "d");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for text in ["some rubbish", "[1]", "7", r#"{"url": {"a": 1}}"#, "{\"url\": "] {
            let message = Documents::read(text, Path::new("x")).expect_err(text);
            assert!(message.contains("cannot unmarshal"), "{text}: {message}");
        }
    }
}
