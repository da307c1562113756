//! Rules of `docs/decisions`: cited files exist, and the index is complete.

use super::Finding;

/// The folder of the records.
const FOLDER: &str = "docs/decisions/";
/// The list of them.
const INDEX: &str = "docs/decisions/README.md";

/// Checks the citations of one file; `names` are all files of the repository.
pub(super) fn check(path: &str, text: &str, names: &[String], findings: &mut Vec<Finding>) {
    for (number, line) in text.lines().enumerate() {
        for cited in cited(line) {
            let file = format!("{FOLDER}{}.md", cited.trim_end_matches(".md"));
            if !names.contains(&file) {
                let message = format!("`{file}` does not exist");
                findings.push(Finding::new(path, number + 1, message));
            }
        }
        if super::files::has_extension(path, "rs") && has_bare_number(line) {
            let message = format!("cite a decision by its file in {FOLDER}");
            findings.push(Finding::new(path, number + 1, message));
        }
    }
    if path == INDEX {
        for record in names.iter().filter_map(|name| name.strip_prefix(FOLDER)) {
            if record != "README.md" && !text.contains(&format!("]({record})")) {
                findings.push(Finding::new(path, 1, format!("`{record}` is not in the index")));
            }
        }
    }
}

/// The names of records in a line.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    line.split(FOLDER).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.'));
        let name = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
        name.starts_with(|c: char| c.is_ascii_digit()).then_some(name)
    })
}

/// True for a citation by number alone.
fn has_bare_number(line: &str) -> bool {
    // written apart, so that this file does not find itself
    let word = ["deci", "sion "].concat();
    line.match_indices(&word)
        .any(|(at, _)| line[at + word.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let names = ["README.md", "0001-a-b.md", "0002-c.md"].map(|name| format!("{FOLDER}{name}"));
        let mut findings = Vec::new();
        check(path, text, &names, &mut findings);
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn cited_records_exist() {
        let of = |name: &str| messages("crates/a/src/a.rs", &format!("//! So ({FOLDER}{name})."));
        assert!(of("0001-a-b").is_empty());
        assert!(of("0001-a-b.md").is_empty());
        assert!(of("README.md").is_empty());
        assert_eq!(of("0001-a"), [format!("`{FOLDER}0001-a.md` does not exist")]);
        assert_eq!(of("0003-d.md"), [format!("`{FOLDER}0003-d.md` does not exist")]);
    }

    #[test]
    fn numbers_alone_cite_nothing() {
        let text = ["//! Why (deci", "sion 4)."].concat();
        assert_eq!(messages("crates/a/src/a.rs", &text).len(), 1);
        assert!(messages("docs/a.md", &text).is_empty());
    }

    #[test]
    fn the_index_is_complete() {
        assert!(messages(INDEX, "[1](0001-a-b.md) [2](0002-c.md)").is_empty());
        assert_eq!(messages(INDEX, "[2](0002-c.md)"), ["`0001-a-b.md` is not in the index"]);
    }
}
