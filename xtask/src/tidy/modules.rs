//! The files of a crate and their imports.
//!
//! Owns: a reading of Rust that is good enough for paths: declarations, imports, paths in code.
//! Refuses: types. A method call is not an import, and names from macros belong to the file that a
//! path leads to.
//! Surprise: an import counts for the file that defines the name. Names that a file re-exports with
//! `pub use` do not make it part of a circle, and importing a module counts only when it is used.

mod file;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use file::File;

/// How many re-exports lead from a name to its definition, at most.
const STEPS: u8 = 8;

/// A crate, without what only tests see.
#[derive(Debug)]
pub(super) struct Crate {
    files: Vec<Module>,
    places: BTreeMap<Vec<String>, usize>,
}

#[derive(Debug)]
struct Module {
    /// The file below `src`.
    path: String,
    /// Its module, from the root of the crate.
    name: Vec<String>,
    file: File,
}

/// One file needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The first line that says so.
    pub(super) line: usize,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
enum Found {
    Module(usize),
    /// Something in a file.
    Item(usize),
    /// Another crate's.
    Foreign,
}

impl Crate {
    /// Reads files, given with their paths below `src`.
    pub(super) fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut modules: Vec<Module> = files
            .into_iter()
            .map(|(path, text)| Module {
                path: path.to_owned(),
                name: module_of(path),
                file: file::read(text),
            })
            .collect();
        let tests: Vec<Vec<String>> = modules
            .iter()
            .flat_map(|module| {
                let names = module.file.test_modules.iter();
                names.map(|name| [module.name.clone(), vec![name.clone()]].concat())
            })
            .collect();
        modules.retain(|module| !tests.iter().any(|test| module.name.starts_with(test)));
        modules.sort_by(|a, b| a.name.cmp(&b.name));
        // a library's root hides its program's
        modules.dedup_by(|program, library| program.name == library.name);
        let places =
            modules.iter().enumerate().map(|(at, module)| (module.name.clone(), at)).collect();
        Self { files: modules, places }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// The path of a file below `src`.
    pub(super) fn path(&self, file: usize) -> &str {
        &self.files[file].path
    }

    /// The top-level module of a file; empty for the root of the crate.
    pub(super) fn top(&self, file: usize) -> &str {
        self.files[file].name.first().map_or("", String::as_str)
    }

    /// Every import of one file by another, once.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, module) in self.files.iter().enumerate() {
            let mut known: BTreeSet<usize> = BTreeSet::from([from]);
            let mut references: Vec<_> = module.file.references.iter().collect();
            references.sort_by_key(|reference| reference.line);
            for reference in references {
                let to = match self.walk(from, &reference.path, STEPS) {
                    Some(Found::Item(to)) => to,
                    Some(Found::Module(to)) if reference.is_glob => to,
                    _ => continue,
                };
                if known.insert(to) {
                    imports.push(Import { from, to, line: reference.line });
                }
            }
        }
        imports
    }

    fn child(&self, file: usize, name: &str) -> Option<usize> {
        let name = [self.files[file].name.clone(), vec![name.to_owned()]].concat();
        self.places.get(&name).copied()
    }

    fn parent(&self, file: usize) -> Option<usize> {
        let name = &self.files[file].name;
        self.places.get(name.get(..name.len().checked_sub(1)?)?).copied()
    }

    /// Follows a path that stands in a file; nothing for names that the file does not know.
    fn walk(&self, from: usize, path: &[String], steps: u8) -> Option<Found> {
        let steps = steps.checked_sub(1)?;
        let (mut current, mut rest, mut is_ours) = (from, path, false);
        while let Some((first, others)) = rest.split_first() {
            current = match first.as_str() {
                "crate" => self.places.get(&Vec::new()).copied()?,
                "self" => current,
                "super" => self.parent(current)?,
                _ => break,
            };
            (rest, is_ours) = (others, true);
        }
        for (at, name) in rest.iter().enumerate() {
            match self.step(current, name, at + 1 == rest.len(), steps) {
                Some(Found::Module(module)) => current = module,
                Some(found) => return Some(found),
                // what a macro made, say
                None if is_ours || at > 0 => return Some(Found::Item(current)),
                None => return None,
            }
        }
        Some(Found::Module(current))
    }

    /// What a name means in a file.
    fn step(&self, file: usize, name: &str, is_last: bool, steps: u8) -> Option<Found> {
        let steps = steps.checked_sub(1)?;
        let child = self.child(file, name).map(Found::Module);
        if child.is_some() && !is_last {
            return child;
        }
        let names = &self.files[file].file;
        if let Some(path) = names.imports.get(name) {
            return Some(self.walk(file, path, steps).unwrap_or(Found::Foreign));
        }
        if names.defined.contains(name) && child.is_none() {
            return Some(Found::Item(file));
        }
        child.or_else(|| {
            names.globs.iter().find_map(|glob| match self.walk(file, glob, steps) {
                Some(Found::Module(module)) if module != file => {
                    self.step(module, name, is_last, steps)
                }
                _ => None,
            })
        })
    }
}

/// The module of a file: `a/b.rs` is `a::b`, `lib.rs` and `main.rs` are the root.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    if matches!(path, "lib" | "main") {
        return Vec::new();
    }
    path.split('/').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let tree = Crate::read(files.iter().copied());
        let arrow =
            |import: Import| format!("{} > {}", tree.path(import.from), tree.path(import.to));
        tree.imports().into_iter().map(arrow).collect()
    }

    #[test]
    fn a_name_belongs_to_the_file_that_defines_it() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::deep::Deep;"),
            ("a.rs", "pub mod deep; pub use deep::{Deep, other as more}; pub struct A;"),
            ("a/deep.rs", "pub struct Deep; pub fn other() {} pub enum E { X }"),
            ("b.rs", "use crate::a::{Deep, more};"),
        ];
        assert_eq!(imports(&files), ["b.rs > a/deep.rs"]);
        for (text, to) in [
            ("use crate::Deep;", "a/deep.rs"),
            ("use crate::a::A;", "a.rs"),
            ("fn f() { crate::a::deep::E::X }", "a/deep.rs"),
            ("use crate::a; fn f() { a::more() }", "a/deep.rs"),
            ("use super::a::deep as d; fn f() { d::other() }", "a/deep.rs"),
            ("use crate::a::*;", "a.rs"),
            ("fn f() { crate::a::made_by_a_macro() }", "a.rs"),
        ] {
            let mut files = files;
            files[3].1 = text;
            assert_eq!(imports(&files), [format!("b.rs > {to}")], "{text}");
        }
        for text in ["use crate::a;", "use std::a::Deep;", "// crate::a::A", "fn f(a: X) { a.b() }"]
        {
            let mut files = files;
            files[3].1 = text;
            assert!(imports(&files).is_empty(), "{text}");
        }
    }

    #[test]
    fn children_import_their_parents() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; use std::fmt; use b::B; pub struct A;"),
            ("a/b.rs", "use super::{A, fmt}; pub struct B;"),
        ];
        assert_eq!(imports(&files), ["a.rs > a/b.rs", "a/b.rs > a.rs"]);
    }

    #[test]
    fn a_function_may_have_its_modules_name() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod go; pub use go::go;"),
            ("a/go.rs", "pub fn go() {}"),
            ("b.rs", "use crate::a::go;"),
        ];
        assert_eq!(imports(&files), ["b.rs > a/go.rs"]);
    }

    #[test]
    fn names_come_through_globs() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub use crate::c::*;"),
            ("b.rs", "use crate::a::C;"),
            ("c.rs", "pub struct C;"),
        ];
        assert_eq!(imports(&files), ["b.rs > c.rs"]);
    }

    #[test]
    fn what_only_tests_see_is_left_out() {
        let files = [
            ("lib.rs", "mod a; #[cfg(test)] mod testing;"),
            ("a.rs", "#[cfg(test)] mod tests; pub struct A; "),
            ("a/tests.rs", "use super::A; use crate::testing::x;"),
            ("testing.rs", "use crate::a::A;"),
        ];
        assert!(imports(&files).is_empty());
    }
}
