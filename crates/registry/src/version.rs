//! Versions of providers, compared leniently.
//!
//! Owns: `v24.07.00246`, `v1`, `0.3.1-beta.2`: an optional `v`, one to three numbers with leading
//! zeros, an optional pre-release part.
//! Surprise: paths use the text as written; the parsed form only decides which is the highest.

use std::cmp::Ordering;

/// A parsed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: [u64; 3],
    /// Empty for a release.
    pre_release: Vec<Identifier>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

impl Version {
    /// Parses a version; `None` if the text is not a version.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut numbers = [0; 3];
        let parts: Vec<&str> = core.split('.').collect();
        if parts.len() > numbers.len() {
            return None;
        }
        for (number, part) in numbers.iter_mut().zip(parts) {
            // `parse` alone would accept a sign
            if !part.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            *number = part.parse().ok()?;
        }
        let pre_release = pre.map(|pre| pre.split('.').map(identifier).collect());
        Some(Self { numbers, pre_release: pre_release.unwrap_or_default() })
    }
}

fn identifier(text: &str) -> Identifier {
    text.parse().map_or_else(|_| Identifier::Text(text.to_owned()), Identifier::Number)
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let release = |version: &Self| version.pre_release.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| release(self).cmp(&release(other)))
            .then_with(|| self.pre_release.cmp(&other.pre_release))
    }
}

/// The highest of several versions.
pub(crate) fn highest(texts: impl IntoIterator<Item = String>) -> Option<String> {
    texts
        .into_iter()
        .filter_map(|text| Some((Version::parse(&text)?, text)))
        .max()
        .map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], expected: Option<&str>) {
        let found = highest(texts.iter().map(|text| (*text).to_owned()));
        assert_eq!(found.as_deref(), expected, "{texts:?}");
    }

    #[test]
    fn numbers_compare_as_numbers_and_keep_their_zeros() {
        check(&["v24.07.00246", "v25.01.00300", "v24.12.09999"], Some("v25.01.00300"));
        check(&["v0.9.0", "v0.10.0"], Some("v0.10.0"));
        check(&["v1", "0.3.1"], Some("v1"));
    }

    #[test]
    fn what_is_no_version_is_skipped() {
        check(&["latest", "v1.2.3.4", "v+1", "v1.x", "v0.1.0"], Some("v0.1.0"));
        check(&["latest", ""], None);
    }

    #[test]
    fn a_release_is_higher_than_its_pre_releases() {
        check(&["v1.0.0-beta.2", "v1.0.0", "v1.0.0-rc.1"], Some("v1.0.0"));
        check(&["v1.0.0-beta.2", "v1.0.0-beta.11"], Some("v1.0.0-beta.11"));
    }
}
