//! Import circles: sets of files that all depend on each other.
//!
//! Owns: the rule (no circle across top-level modules, none of more than [`MOST`] files) and its
//! exceptions, which have today's sizes and may only shrink.

use super::Finding;
use super::module_table::{CIRCLES, Circles};
use super::modules::{Crate, Import};

/// Files of the largest circle that a crate may have.
const MOST: usize = 12;

/// Checks a crate; its name is that of its folder.
pub(super) fn check(folder: &str, tree: &Crate, findings: &mut Vec<Finding>) {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let allowed = CIRCLES.iter().find(|allowed| allowed.name == name);
    let circles = circles(tree);
    judge(folder, &Sizes::of(tree, &circles), allowed, findings);
}

/// What the rule measures.
#[derive(Debug, PartialEq, Eq)]
struct Sizes {
    /// Files of the largest circle.
    largest: usize,
    /// Files of the largest circle that spans top-level modules.
    across: usize,
}

impl Sizes {
    fn of(tree: &Crate, circles: &[Vec<usize>]) -> Self {
        let spans =
            |circle: &&Vec<usize>| circle.iter().any(|file| tree.top(*file) != tree.top(circle[0]));
        let size = |circle: Option<&Vec<usize>>| circle.map_or(0, Vec::len);
        Self { largest: size(circles.first()), across: size(circles.iter().find(spans)) }
    }
}

fn judge(folder: &str, sizes: &Sizes, allowed: Option<&Circles>, findings: &mut Vec<Finding>) {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let mut say =
        |message: String| findings.push(Finding::new(&format!("{folder}/src"), 1, message));
    let (largest, across) = allowed.map_or((MOST, 0), |allowed| (allowed.largest, allowed.across));
    if sizes.largest > largest {
        say(format!(
            "a circle of imports has {} files, {largest} are the most; see it with `cargo xtask circles {name}`",
            sizes.largest
        ));
    }
    if sizes.across > across {
        let than = if across == 0 { "no circle may" } else { "the largest that may" };
        say(format!(
            "a circle of {} files spans top-level modules, {than}{}; see it with `cargo xtask circles {name}`",
            sizes.across,
            if across == 0 { String::new() } else { format!(" has {across}") },
        ));
    }
    let Some(allowed) = allowed else { return };
    if sizes.across == 0 && sizes.largest <= MOST {
        say(format!(
            "`{name}` needs no exception in CIRCLES (xtask/src/tidy/module_table.rs) any more"
        ));
    } else if sizes.largest.max(MOST) < allowed.largest || sizes.across < allowed.across {
        say(format!(
            "the exception of `{name}` in CIRCLES (xtask/src/tidy/module_table.rs) is larger than needed: \
             write largest {} and across {}",
            sizes.largest.max(MOST),
            sizes.across
        ));
    }
}

/// The circles of a crate, the largest first; each with its files in order.
pub(super) fn circles(tree: &Crate) -> Vec<Vec<usize>> {
    let mut search = Search {
        edges: vec![Vec::new(); tree.len()],
        order: vec![None; tree.len()],
        low: vec![0; tree.len()],
        stack: Vec::new(),
        next: 0,
        found: Vec::new(),
    };
    for Import { from, to, .. } in tree.imports() {
        search.edges[from].push(to);
    }
    for file in 0..tree.len() {
        if search.order[file].is_none() {
            search.visit(file);
        }
    }
    let mut circles: Vec<Vec<usize>> =
        search.found.into_iter().filter(|circle| circle.len() > 1).collect();
    for circle in &mut circles {
        circle.sort_unstable();
    }
    circles.sort_by_key(|circle| (std::cmp::Reverse(circle.len()), circle[0]));
    circles
}

/// Tarjan's search for strongly connected components.
struct Search {
    edges: Vec<Vec<usize>>,
    order: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl Search {
    fn visit(&mut self, file: usize) {
        let own = self.next;
        self.next += 1;
        self.order[file] = Some(own);
        self.low[file] = own;
        self.stack.push(file);
        for to in self.edges[file].clone() {
            match self.order[to] {
                None => {
                    self.visit(to);
                    self.low[file] = self.low[file].min(self.low[to]);
                }
                Some(order) if self.stack.contains(&to) => {
                    self.low[file] = self.low[file].min(order);
                }
                Some(_) => {}
            }
        }
        if self.low[file] == own
            && let Some(at) = self.stack.iter().position(|other| *other == file)
        {
            self.found.push(self.stack.split_off(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)], allowed: Option<(usize, usize)>) -> Vec<String> {
        let tree = Crate::read(files.iter().copied());
        let allowed = allowed.map(|(largest, across)| Circles { name: "a", largest, across });
        let mut findings = Vec::new();
        judge("crates/a", &Sizes::of(&tree, &circles(&tree)), allowed.as_ref(), &mut findings);
        findings.into_iter().map(|finding| finding.message).collect()
    }

    /// A crate with a folder of as many files, each of which needs the next.
    fn ring(count: usize) -> Vec<(String, String)> {
        let files = (0..count).map(|at| {
            let next = (at + 1) % count;
            (format!("m/f{at}.rs"), format!("use super::f{next}::g{next};\npub fn g{at}() {{}}"))
        });
        let head = [("lib.rs", "mod m;"), ("m.rs", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        head.into_iter().chain(files).collect()
    }

    fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
    }

    const ACROSS: [(&str, &str); 4] = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "mod c; pub struct A;"),
        ("a/c.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::c::C; pub struct B;"),
    ];

    #[test]
    fn circles_are_found_with_their_files() {
        let tree = Crate::read(ACROSS);
        let names = |circle: &Vec<usize>| {
            circle.iter().map(|file| tree.path(*file).to_owned()).collect::<Vec<_>>()
        };
        let found: Vec<_> = circles(&tree).iter().map(names).collect();
        assert_eq!(found, [["a/c.rs", "b.rs"]]);
    }

    #[test]
    fn size_is_limited() {
        assert!(messages(&borrowed(&ring(MOST)), None).is_empty());
        let found = messages(&borrowed(&ring(MOST + 1)), None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a circle of imports has 13 files, 12 are the most"));
        assert!(messages(&borrowed(&ring(MOST + 1)), Some((MOST + 1, 0))).is_empty());
    }

    #[test]
    fn top_level_modules_form_no_circles() {
        let found = messages(&ACROSS, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a circle of 2 files spans top-level modules"));
        assert!(messages(&ACROSS, Some((MOST, 2))).is_empty());
    }

    #[test]
    fn exceptions_shrink() {
        let found = messages(&ACROSS, Some((14, 2)));
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("write largest 12 and across 2"), "{found:?}");
        assert_eq!(messages(&ACROSS, Some((MOST, 3))).len(), 1);
        let found = messages(&ACROSS[..1], Some((MOST, 0)));
        assert!(found[0].starts_with("`a` needs no exception"), "{found:?}");
    }
}
