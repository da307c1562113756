//! Configuration files of services' own tools: sections with keys and values.
//!
//! Owns: reading them as these tools do.
//! Surprise: indented lines belong to the value before them (nested settings of AWS), and are left
//! out. A comment needs a line of its own, or a blank before it.

use std::collections::BTreeMap;

/// Sections by name.
pub(super) type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// The sections of a file. What is no section, key or comment is ignored.
pub(super) fn parse(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut current = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.split(']').next().unwrap_or_default();
            let name =
                name.split_whitespace().collect::<Vec<_>>().join(" ").replace(['"', '\''], "");
            sections.entry(name.clone()).or_default();
            current = Some(name);
            continue;
        }
        let section = current.as_ref().and_then(|name| sections.get_mut(name));
        let (Some(section), false, Some((key, value))) =
            (section, is_indented, line.split_once('='))
        else {
            continue;
        };
        let value = [" #", " ;", "\t#", "\t;"]
            .iter()
            .filter_map(|mark| value.find(mark))
            .min()
            .map_or(value, |at| &value[..at]);
        section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keys_comments_and_nested_settings() {
        let sections = parse(
            "\u{feff}lost = 1\n# note\n[default]\nKey = a=b # why\ns3 =\n  max = 3\n\n\
             [ profile  \"my one\" ] ; odd\nx=\n; note\nnonsense\n[default]\nother=#2\n",
        );
        assert_eq!(sections.keys().collect::<Vec<_>>(), ["default", "profile my one"]);
        let default = &sections["default"];
        assert_eq!((default["key"].as_str(), default["s3"].as_str()), ("a=b", ""));
        assert_eq!(default["other"], "#2");
        assert!(!default.contains_key("max"));
        assert_eq!(sections["profile my one"]["x"], "");
    }
}
