//! `file(path)`, `text(path)` and `base64file(path)` in values.
//!
//! Owns: reading the files. A path stays in the folder of the stack, and no file includes itself.

use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use strataql_diag::{Code, Report};

use super::bad;

/// Includes the files of a manifest.
pub(super) struct Includes<'a> {
    /// The folder `resources`.
    pub(super) folder: PathBuf,
    /// The manifest.
    pub(super) file: &'a str,
    /// The bytes of every file.
    pub(super) read: Vec<u8>,
}

impl Includes<'_> {
    /// The value with its includes in place.
    pub(super) fn resolved(
        &mut self,
        value: Json,
        line: usize,
        inside: &mut Vec<PathBuf>,
    ) -> Result<Json, Box<Report>> {
        Ok(match value {
            Json::String(text) => match directive(&text) {
                Some((how, path)) => self.included(how, path, line, inside)?,
                None => Json::String(text),
            },
            Json::Array(items) => Json::Array(
                items
                    .into_iter()
                    .map(|item| self.resolved(item, line, inside))
                    .collect::<Result<_, _>>()?,
            ),
            Json::Object(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(key, member)| Ok((key, self.resolved(member, line, inside)?)))
                    .collect::<Result<_, Box<Report>>>()?,
            ),
            other => other,
        })
    }

    fn included(
        &mut self,
        how: &str,
        path: &str,
        line: usize,
        inside: &mut Vec<PathBuf>,
    ) -> Result<Json, Box<Report>> {
        let escapes = Path::new(path).components().any(|part| {
            matches!(part, Component::ParentDir | Component::RootDir | Component::Prefix(_))
        });
        if escapes {
            return Err(Box::new(
                bad(self.file, line, format!("`{how}({path})` leaves the folder `resources`"))
                    .with_help("copy the file below `resources`"),
            ));
        }
        let full = self.folder.join(path);
        if inside.contains(&full) || inside.len() > 16 {
            return Err(Box::new(
                bad(self.file, line, format!("the file `{path}` includes itself"))
                    .with_help("remove one of the includes"),
            ));
        }
        let bytes = std::fs::read(&full).map_err(|error| {
            Box::new(
                Report::new(
                    Code::Config,
                    format!("the file of `{how}({path})` cannot be read: {error}"),
                )
                .with_place(self.file, line)
                .with_help(format!("it is looked for at `{}`", full.display())),
            )
        })?;
        self.read.extend_from_slice(&bytes);
        if how == "base64file" {
            return Ok(Json::String(STANDARD.encode(bytes)));
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            bad(self.file, line, format!("the file `{path}` is not UTF-8 text"))
                .with_help("`base64file(…)` includes any file")
        })?;
        if how == "text" {
            return Ok(Json::String(text));
        }
        let included = parsed(&full, &text).map_err(|error| {
            bad(self.file, line, format!("the file `{path}` is neither JSON nor YAML: {error}"))
                .with_help("`text(…)` includes a file as it is")
        })?;
        inside.push(full);
        let resolved = self.resolved(included, line, inside);
        inside.pop();
        resolved
    }
}

fn parsed(path: &Path, text: &str) -> Result<Json, String> {
    let yaml = || {
        strataql_spec::yaml::parse(text)
            .map(|(node, _)| node.to_json())
            .map_err(|report| report.message)
    };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => serde_json::from_str(text).map_err(|error| error.to_string()),
        Some("yml" | "yaml") => yaml(),
        _ => serde_json::from_str(text).or_else(|_| yaml()),
    }
}

/// The kind and the path of an include.
fn directive(text: &str) -> Option<(&'static str, &str)> {
    ["file", "text", "base64file"].into_iter().find_map(|how| {
        let path =
            text.trim().strip_prefix(how)?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
        let path = path.trim().trim_matches(['"', '\'']);
        (!path.is_empty() && !path.contains(['(', ')', '{', '\n'])).then_some((how, path))
    })
}
