//! The index of a registry: providers with their versions.

use std::collections::BTreeMap;

use serde::Serialize;
use strataql_diag::{Code, Report, did_you_mean};
use strataql_spec::yaml;

use crate::version::{Version, highest};

/// A provider of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name in SQL.
    pub provider: String,
    /// Its versions, from the lowest.
    pub versions: Vec<String>,
    /// SHA-256 of archives by version, where the index has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
}

impl Listed {
    /// The highest version.
    pub fn latest(&self) -> Option<&str> {
        self.versions.last().map(String::as_str)
    }

    /// The version of that name.
    pub(super) fn named(&self, version: &str) -> Result<String, Box<Report>> {
        let bare = |text: &str| text.trim_start_matches(['v', 'V']).to_owned();
        let found = self.versions.iter().find(|known| bare(known) == bare(version));
        found.cloned().ok_or_else(|| {
            let known = self.versions.iter().map(String::as_str);
            Box::new(
                Report::new(
                    Code::Usage,
                    format!("the registry has no version `{version}` of `{}`", self.provider),
                )
                .with_help_if(did_you_mean(version, known))
                .with_help(format!("it has {}", self.versions.join(", "))),
            )
        })
    }

    /// The version to pull if none is named.
    pub(super) fn newest(&self, installed: Option<&str>) -> Result<String, Box<Report>> {
        let Some(latest) = highest(self.versions.iter().cloned()) else {
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    format!("the registry lists no version of `{}`", self.provider),
                )
                .with_help("ask whoever runs the registry"),
            ));
        };
        match installed {
            Some(installed) if Version::parse(installed) > Version::parse(&latest) => {
                Err(Box::new(
                    Report::new(
                        Code::Usage,
                        format!(
                            "the newest `{}` of the registry is {latest}, older than {installed}, which is installed",
                            self.provider
                        ),
                    )
                    .with_help(format!("nothing was changed; `registry pull {} {latest}` installs it beside the other", self.provider)),
                ))
            }
            _ => Ok(latest),
        }
    }

    pub(super) fn digest(&self, version: &str) -> Option<String> {
        self.sha256.get(version).cloned()
    }
}

/// Reads an index. Versions that are none are left out, as one of them must not hide the others.
pub(super) fn read(bytes: &[u8], url: &str) -> Result<Vec<Listed>, Box<Report>> {
    let wrong = |message: String| {
        Box::new(
            Report::new(Code::BadDocument, message)
                .with_place(url, 1)
                .with_help("is that the address of a registry?"),
        )
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|_| wrong("the index of the registry is not text".to_owned()))?;
    let (root, _) = yaml::parse(text).map_err(|report| {
        wrong(format!("the index of the registry cannot be read: {}", report.message))
    })?;
    let Some(providers) = root.get("providers").filter(|node| node.map().is_some()) else {
        return Err(wrong(
            "the answer is no index of a registry: it has no `providers`".to_owned(),
        ));
    };
    let mut listed = Vec::new();
    for (provider, node) in providers.entries() {
        if !is_safe(provider) {
            continue;
        }
        let texts = node.get("versions").map(|versions| versions.items()).unwrap_or_default();
        let mut versions: Vec<(Version, String)> = texts
            .iter()
            .filter_map(|version| version.text())
            .filter(|version| is_safe(version))
            .filter_map(|version| Some((Version::parse(version)?, version.to_owned())))
            .collect();
        versions.sort_by(|left, right| left.0.cmp(&right.0));
        let digests = node.get("sha256");
        let sha256 = digests.into_iter().flat_map(|digests| {
            digests.entries().filter_map(|(version, digest)| {
                Some((version.to_owned(), digest.text()?.to_ascii_lowercase()))
            })
        });
        listed.push(Listed {
            provider: provider.to_owned(),
            versions: versions.into_iter().map(|(_, text)| text).collect(),
            sha256: sha256.collect(),
        });
    }
    listed.sort_by(|left, right| left.provider.cmp(&right.provider));
    Ok(listed)
}

/// True for names that can be folders and parts of an address.
pub(super) fn is_safe(name: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(is_inside)
}
