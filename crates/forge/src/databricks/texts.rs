//! Texts from docstrings.
//!
//! Owns: the two ways to read them: as they are meant, and as the reference pages of early 2026 show
//! them, whose maker lost some and moved others.

use crate::sdk::Field;

/// Which texts a document gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descriptions {
    /// Those of the package.
    Sdk,
    /// None of the package: short ones of this project.
    None,
    /// Those of the package, as the reference pages of early 2026 have them.
    SeedEra,
}

impl Descriptions {
    /// All of them, with the names that the command line has.
    pub const NAMES: [(&'static str, Self); 3] =
        [("sdk", Self::Sdk), ("none", Self::None), ("seed-era", Self::SeedEra)];

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(own, _)| *own == name).map(|(_, found)| found)
    }

    /// The summary and description of an operation.
    pub(super) fn operation(self, doc: &str) -> (Option<String>, Option<String>) {
        let doc = doc.trim();
        if doc.is_empty() {
            return (None, None);
        }
        match self {
            Self::None => (None, None),
            Self::SeedEra => (doc.lines().next().map(str::to_owned), Some(dedented(doc))),
            Self::Sdk => {
                let text = before_fields(doc);
                let first = text.split("\n\n").next().map(collapsed);
                let whole = dedented(text);
                let more = (first.as_deref() != Some(collapsed(text).as_str())).then_some(whole);
                (first.filter(|text| !text.is_empty()), more)
            }
        }
    }

    /// The description of a parameter.
    pub(super) fn parameter(self, doc: &str, name: &str) -> Option<String> {
        let found = match self {
            Self::None => return None,
            Self::Sdk => parameter(doc, name, false)?,
            Self::SeedEra => parameter(doc, name, true)?,
        };
        (!found.is_empty()).then_some(found)
    }

    /// The description of a field.
    pub(super) fn field(self, field: &Field) -> Option<String> {
        let lost = self == Self::None || (self == Self::SeedEra && field.is_first);
        let text = collapsed(field.doc.as_deref()?);
        (!lost && !text.is_empty()).then_some(text)
    }
}

/// The text before the list of parameters.
fn before_fields(doc: &str) -> &str {
    let end = ["\n:param ", "\n:returns:"];
    let found = end.iter().filter_map(|marker| find_line(doc, marker)).min();
    doc[..found.unwrap_or(doc.len())].trim()
}

/// Where a line begins with the marker, whatever its indentation.
fn find_line(doc: &str, marker: &str) -> Option<usize> {
    let wanted = marker.trim_start();
    let mut at = 0;
    for line in doc.split_inclusive('\n') {
        if line.trim_start().starts_with(wanted) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// What follows `:param NAME:`, without the type. The older rule let the gap behind the type reach over
/// the end of the line: a parameter without text took the next one's line.
fn parameter(doc: &str, name: &str, over_lines: bool) -> Option<String> {
    let doc = doc.trim();
    let marker = format!(":param {name}:");
    let after = &doc[doc.find(&marker)? + marker.len()..];
    let gap = |text: &str| -> usize {
        let rest =
            if over_lines { text.trim_start() } else { text.trim_start_matches([' ', '\t']) };
        text.len() - rest.len()
    };
    let mut rest = &after[gap(after)..];
    let word = rest.find(char::is_whitespace);
    match word {
        // the type has text behind it
        Some(end) if over_lines || !rest.starts_with('\n') => {
            let behind = &rest[end..];
            if gap(behind) > 0 {
                rest = &behind[gap(behind)..];
            } else {
                rest = behind;
            }
        }
        None if !over_lines => rest = "",
        _ => {}
    }
    if let Some(behind) = rest.strip_prefix("(optional)") {
        rest = &behind[gap(behind)..];
    }
    if over_lines && rest.starts_with(":returns") {
        return Some(String::new());
    }
    // the first line of the rest may itself be a parameter's, if the gap went over it
    let mut end = rest.len();
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        let marks = line.trim_start();
        if at > 0 && (marks.starts_with(":param") || marks.starts_with(":returns")) {
            end = at;
            break;
        }
        if at == 0 && !over_lines && (marks.starts_with(":param") || marks.starts_with(":returns"))
        {
            end = 0;
            break;
        }
        at += line.len();
    }
    Some(collapsed(&rest[..end]))
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without the indentation that its lines share, and without spaces at their ends.
fn dedented(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim_end();
    let rest: Vec<&str> = lines.collect();
    let indent = rest
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let mut out = first.to_owned();
    for line in rest {
        out.push('\n');
        out.push_str(line.get(indent..).unwrap_or("").trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Descriptions;
    use crate::sdk::{Field, Type};

    const DOC: &str = "Makes a thing. It is wrapped and goes\n        on here.\n\n        More about it.\n\n        \
        :param size: int (optional)\n        :param kind: :class:`Kind` (optional)\n          Which kind\n          \
        it is.\n        :param token: str (optional)\n\n        :returns: :class:`Thing`\n        ";

    #[test]
    fn docstrings_are_read_as_they_are_meant() {
        let own = Descriptions::Sdk;
        let (summary, description) = own.operation(DOC);
        assert_eq!(summary.as_deref(), Some("Makes a thing. It is wrapped and goes on here."));
        assert_eq!(
            description.as_deref(),
            Some("Makes a thing. It is wrapped and goes\non here.\n\nMore about it.")
        );
        assert_eq!(own.parameter(DOC, "size"), None);
        assert_eq!(own.parameter(DOC, "kind").as_deref(), Some("Which kind it is."));
        assert_eq!(own.parameter(DOC, "token"), None);
        assert_eq!(own.parameter(DOC, "none"), None);
        assert_eq!(Descriptions::None.parameter(DOC, "kind"), None);
    }

    #[test]
    fn the_older_rules_move_and_lose_texts() {
        let old = Descriptions::SeedEra;
        assert_eq!(old.operation(DOC).0.as_deref(), Some("Makes a thing. It is wrapped and goes"));
        assert_eq!(
            old.parameter(DOC, "size").as_deref(),
            Some(":param kind: :class:`Kind` (optional) Which kind it is.")
        );
        assert_eq!(old.parameter(DOC, "token"), None);
        assert_eq!(old.parameter("Does.\n\n:param id: str\n\n\n", "id").as_deref(), Some("str"));
        let field = |is_first| Field {
            name: "a".into(),
            wire: "a".into(),
            kind: Type::Text,
            required: false,
            doc: Some("It is\n    wrapped".into()),
            is_first,
        };
        assert_eq!(old.field(&field(true)), None);
        assert_eq!(old.field(&field(false)).as_deref(), Some("It is wrapped"));
        assert_eq!(Descriptions::Sdk.field(&field(true)).as_deref(), Some("It is wrapped"));
    }
}
