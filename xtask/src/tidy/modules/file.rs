//! Declarations, imports and names of one file.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{self, Token, Tokens};

/// Words after which the name of an item stands.
const ITEMS: [&str; 10] =
    ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "macro_rules"];

/// A file's names.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Imported names, with the paths they stand for.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// Paths that are imported whole.
    pub(super) globs: Vec<Vec<String>>,
    /// Items, modules in braces included.
    pub(super) defined: BTreeSet<String>,
    /// Child modules that only tests see.
    pub(super) test_modules: Vec<String>,
    /// What the file needs.
    pub(super) references: Vec<Reference>,
}

/// A path that a file names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    /// True for `path::*`.
    pub(super) is_glob: bool,
}

/// Reads a file.
pub(super) fn read(text: &str) -> File {
    let (tokens, test_modules) = tokens::without_tests(tokens::read(text));
    let mut reader =
        Reader { tokens: &tokens, at: 0, file: File { test_modules, ..File::default() } };
    let exports = reader.read();
    let mut file = reader.file;
    // an export that the file does not use itself is a sign on its door, not a need
    let needed = exports.into_iter().filter(|export| export.is_mentioned);
    file.references.extend(needed.map(|export| export.reference));
    file
}

/// A name that a file hands on with `pub use`.
struct Export {
    name: String,
    reference: Reference,
    is_mentioned: bool,
}

struct Reader<'a> {
    tokens: &'a Tokens,
    at: usize,
    file: File,
}

/// A leaf of an import: the path, and the name it gets; `*` has none.
type Leaf = (Vec<String>, Option<String>);

impl Reader<'_> {
    fn read(&mut self) -> Vec<Export> {
        let mut exports: Vec<Export> = Vec::new();
        let mut mentioned: BTreeSet<String> = BTreeSet::new();
        let mut depth = 0_usize;
        // depths at which modules in braces began
        let mut inline: Vec<usize> = Vec::new();
        while let Some((token, line)) = self.tokens.get(self.at) {
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') => {
                    depth = depth.saturating_sub(1);
                    if inline.last() == Some(&depth) {
                        inline.pop();
                    }
                }
                Token::Word(word) if word == "use" && self.begins_import() => {
                    let is_export = self.is_export();
                    self.at += 1;
                    let mut leaves = Vec::new();
                    self.leaves(Vec::new(), &mut leaves);
                    for (path, name) in leaves {
                        let path = from_file(path, inline.len());
                        let is_glob = name.is_none();
                        match &name {
                            Some(name) => {
                                self.file.imports.insert(name.clone(), path.clone());
                            }
                            None => self.file.globs.push(path.clone()),
                        }
                        let reference = Reference { path, line: *line, is_glob };
                        match name {
                            Some(name) if is_export => {
                                exports.push(Export { name, reference, is_mentioned: false });
                            }
                            None if is_export => {}
                            _ => self.file.references.push(reference),
                        }
                    }
                    continue;
                }
                Token::Word(word) if is_item(word) => {
                    if word == "mod" && self.sign(2) == Some('{') {
                        inline.push(depth);
                    }
                    // the `fn` of `const fn` is no name
                    if let Some(name) = self.item_name().filter(|name| !is_item(name)) {
                        if depth == 0 {
                            self.file.defined.insert(name);
                        }
                        self.at += 1;
                    }
                }
                Token::Word(word) => {
                    if self.is_head() {
                        let path = self.path();
                        if path.len() > 1 {
                            let path = from_file(path, inline.len());
                            let is_glob = false;
                            self.file.references.push(Reference { path, line: *line, is_glob });
                        } else {
                            mentioned.insert(word.clone());
                        }
                    }
                }
                Token::Colons | Token::Sign(_) => {}
            }
            self.at += 1;
        }
        for export in &mut exports {
            export.is_mentioned = mentioned.contains(&export.name);
        }
        exports
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(token, _)| token)
    }

    fn sign(&self, ahead: usize) -> Option<char> {
        match self.token(ahead)? {
            Token::Sign(sign) => Some(*sign),
            Token::Word(_) | Token::Colons => None,
        }
    }

    fn before(&self, back: usize) -> Option<&Token> {
        self.tokens.get(self.at.checked_sub(back)?).map(|(token, _)| token)
    }

    /// False for the `use<'a>` of a bound.
    fn begins_import(&self) -> bool {
        self.sign(1) != Some('<')
    }

    fn is_export(&self) -> bool {
        let is_word = |back, word: &str| self.before(back).and_then(Token::word) == Some(word);
        // `pub use`, `pub(crate) use`, `pub(in a::b) use`
        is_word(1, "pub") || self.before(1).is_some_and(|token| token.is(')'))
    }

    /// True if no path and no field access goes on here.
    fn is_head(&self) -> bool {
        let goes_on = |token: &Token| matches!(token, Token::Colons | Token::Sign('.' | '\''));
        !self.before(1).is_some_and(goes_on)
    }

    fn item_name(&self) -> Option<String> {
        let ahead = if self.sign(1) == Some('!') { 2 } else { 1 };
        self.token(ahead).and_then(Token::word).map(str::to_owned)
    }

    /// The path whose first word is here; the last of its words is the current token afterwards.
    fn path(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(word) = self.token(0).and_then(Token::word) {
            path.push(word.to_owned());
            let is_longer = self.token(1) == Some(&Token::Colons)
                && self.token(2).is_some_and(|token| token.word().is_some());
            if !is_longer {
                break;
            }
            self.at += 2;
        }
        path
    }

    /// The leaves of an import's tree; what follows the tree is the current token afterwards.
    fn leaves(&mut self, mut prefix: Vec<String>, leaves: &mut Vec<Leaf>) {
        loop {
            match self.token(0).cloned() {
                Some(Token::Colons) => self.at += 1,
                Some(Token::Word(word)) => {
                    self.at += 1;
                    if self.token(0) == Some(&Token::Colons) {
                        prefix.push(word);
                        continue;
                    }
                    let mut name = word.clone();
                    if word == "self" {
                        name = prefix.last().cloned().unwrap_or_default();
                    } else {
                        prefix.push(word);
                    }
                    if self.token(0).and_then(Token::word) == Some("as") {
                        let alias = self.token(1).and_then(Token::word);
                        alias.unwrap_or_default().clone_into(&mut name);
                        self.at += 2;
                    }
                    leaves.push((prefix, Some(name)));
                    return;
                }
                Some(Token::Sign('*')) => {
                    self.at += 1;
                    leaves.push((prefix, None));
                    return;
                }
                Some(Token::Sign('{')) => {
                    self.at += 1;
                    while self.token(0).is_some_and(|token| !token.is('}')) {
                        self.leaves(prefix.clone(), leaves);
                        if self.sign(0) == Some(',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                // not a tree; the caller must not wait for it
                Some(Token::Sign(_)) => {
                    self.at += 1;
                    return;
                }
                None => return,
            }
        }
    }
}

fn is_item(word: &str) -> bool {
    ITEMS.contains(&word)
}

/// A path inside of modules in braces, as the file would write it.
fn from_file(path: Vec<String>, inline: usize) -> Vec<String> {
    let supers = path.iter().take_while(|word| *word == "super").count().min(inline);
    if supers == 0 {
        return path;
    }
    let mut own = path[supers..].to_vec();
    if own.first().is_none_or(|word| word != "super") {
        own.insert(0, "self".to_owned());
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let references = read(text).references.into_iter();
        references.map(|reference| reference.path.join("::")).collect()
    }

    #[test]
    fn imports_are_trees() {
        let text = "use crate::a::{self, b::C, d::{E as F, *}}; use super::g;";
        let file = read(text);
        let imports: Vec<String> =
            file.imports.iter().map(|(name, path)| format!("{name}={}", path.join("::"))).collect();
        assert_eq!(imports, ["C=crate::a::b::C", "F=crate::a::d::E", "a=crate::a", "g=super::g"]);
        assert_eq!(file.globs, [["crate", "a", "d"].map(str::to_owned).to_vec()]);
        assert_eq!(file.references.len(), 5);
    }

    #[test]
    fn paths_are_found_in_code() {
        let text = "fn f(x: &crate::a::B) -> c::D { x.e::<F>(); g::<H>::i(); super::j!() }";
        assert_eq!(paths(text), ["crate::a::B", "c::D", "super::j"]);
    }

    #[test]
    fn names_that_are_only_handed_on_are_no_need() {
        assert_eq!(paths("pub use a::B; pub(crate) use c::D; use e::F; pub use g::*;"), ["e::F"]);
        assert_eq!(paths("pub(crate) use a::B; fn f(_: B) {}"), ["a::B"]);
        assert_eq!(paths("pub(crate) use a::B; fn f() { B::new() }"), ["B::new"]);
    }

    #[test]
    fn items_are_those_of_the_file() {
        let file =
            read("struct A; fn b() { fn c() {} } macro_rules! d { () => {} } mod e { fn f() {} }");
        assert_eq!(file.defined.into_iter().collect::<Vec<_>>(), ["A", "b", "d", "e"]);
    }

    #[test]
    fn modules_in_braces_belong_to_their_file() {
        assert_eq!(paths("mod a { use super::b; use super::super::c; }"), ["self::b", "super::c"]);
        assert_eq!(paths("mod a { mod b {} } use super::c;"), ["super::c"]);
    }
}
