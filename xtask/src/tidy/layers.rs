//! Layers of modules: inside a crate, imports point down.

use std::collections::BTreeSet;

use super::Finding;
use super::module_table::{LAYERS, Layers};
use super::modules::Crate;

/// Checks a crate, if it has layers.
pub(super) fn check(folder: &str, tree: &Crate, findings: &mut Vec<Finding>) {
    let name = folder.strip_prefix("crates/").unwrap_or_default();
    if let Some(rule) = LAYERS.iter().find(|rule| rule.name == name) {
        judge(folder, tree, rule, findings);
    }
}

fn judge(folder: &str, tree: &Crate, rule: &Layers, findings: &mut Vec<Finding>) {
    let table = "LAYERS (xtask/src/tidy/module_table.rs)";
    let layer = |name: &str| rule.order.iter().position(|layer| layer.contains(&name));
    let source = |file: usize| format!("{folder}/src/{}", tree.path(file));
    let root = format!("{folder}/src/lib.rs");
    let mut tops: BTreeSet<&str> = BTreeSet::new();
    for file in 0..tree.len() {
        let top = tree.top(file);
        if !top.is_empty() && tops.insert(top) && layer(top).is_none() {
            let message = format!("the module `{top}` has no layer in {table}");
            findings.push(Finding::new(&source(file), 1, message));
        }
    }
    for name in rule.order.iter().copied().flatten().filter(|name| !tops.contains(*name)) {
        let message = format!("there is no module `{name}` any more; take it out of {table}");
        findings.push(Finding::new(&root, 1, message));
    }
    let mut needed: BTreeSet<(&str, &str)> = BTreeSet::new();
    for import in tree.imports() {
        let (from, to) = (tree.top(import.from), tree.top(import.to));
        let is_down = match (layer(from), layer(to)) {
            (Some(above), Some(below)) => above < below,
            // the root sees everything, and nothing below may need it
            (None, _) => true,
            (Some(_), None) => !to.is_empty(),
        };
        if from == to || is_down {
            continue;
        }
        needed.insert((from, to));
        if !rule.exceptions.contains(&(from, to)) {
            let to = if to.is_empty() { "the root of the crate" } else { to };
            let message =
                format!("`{from}` must not import `{to}`, which is no lower layer in {table}");
            findings.push(Finding::new(&source(import.from), import.line, message));
        }
    }
    for (from, to) in rule.exceptions.iter().filter(|exception| !needed.contains(*exception)) {
        let message = format!(
            "`{from}` imports nothing from `{to}` any more; take the exception out of {table}"
        );
        findings.push(Finding::new(&root, 1, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 5] = [
        ("lib.rs", "mod a; mod b; mod c; use a::A;"),
        ("a.rs", "mod d; use crate::b::B; pub struct A;"),
        ("a/d.rs", "use super::A;\nuse crate::c::C;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "pub struct C;"),
    ];

    fn messages(
        order: &'static [&'static [&'static str]],
        exceptions: &'static [(&'static str, &'static str)],
    ) -> Vec<String> {
        let rule = Layers { name: "x", order, exceptions };
        let mut findings = Vec::new();
        judge("crates/x", &Crate::read(FILES), &rule, &mut findings);
        let line =
            |finding: Finding| format!("{}:{} {}", finding.path, finding.line, finding.message);
        findings.into_iter().map(line).collect()
    }

    #[test]
    fn imports_point_down() {
        assert!(messages(&[&["a"], &["b"], &["c"]], &[]).is_empty());
        let found = messages(&[&["a"], &["b", "c"]], &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/x/src/b.rs:1 `b` must not import `c`,"));
        let found = messages(&[&["c"], &["a"], &["b"]], &[]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/x/src/a/d.rs:2 `a` must not import `c`"));
    }

    #[test]
    fn exceptions_are_needed() {
        assert!(messages(&[&["a"], &["b", "c"]], &[("b", "c")]).is_empty());
        let found = messages(&[&["a"], &["b"], &["c"]], &[("b", "c")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`b` imports nothing from `c` any more"), "{found:?}");
    }

    #[test]
    fn every_module_has_a_layer() {
        let found = messages(&[&["a"], &["b"], &["e"]], &[]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("the module `c` has no layer"));
        assert!(found[1].contains("there is no module `e` any more"));
    }
}
