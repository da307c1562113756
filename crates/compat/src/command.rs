//! Statements that the profile answers itself.
//!
//! Owns: telling them from those that the engine runs; their parts.

use crate::shapes::Wanted;

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// SHOW.
    Show(Show),
    /// DESCRIBE of a name.
    Describe {
        /// EXTENDED or FULL was given.
        extended: bool,
        /// METHOD was given.
        method: bool,
        /// The parts of the name.
        name: Vec<String>,
    },
    /// REGISTRY LIST, of one provider or all.
    RegistryList(Option<String>),
    /// REGISTRY PULL, optionally a version.
    RegistryPull(String, Option<String>),
    /// AUTH LOGIN or REVOKE.
    Auth,
    /// PURGE, optionally of one kind.
    Purge(Option<String>),
    /// NATIVEQUERY.
    Native(String),
    /// SLEEP.
    Sleep(u64),
    /// USE.
    Use(Vec<String>),
    /// SET of a credential's field: provider, field, value.
    SetAuth(String, String, String),
    /// SET of another system.
    SetUnknown(String),
    /// Any other SET, savepoints, ALTER, TRUNCATE: accepted, and nothing happens. True for definitions.
    Nothing(bool),
    /// What the engine runs.
    Engine,
}

/// SHOW.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Show {
    /// EXTENDED was given.
    pub extended: bool,
    /// What to show, in capitals: `METHODS`.
    pub what: String,
    /// The parts of the object's name.
    pub name: Vec<String>,
    /// The columns of SHOW INSERT.
    pub columns: Vec<String>,
    /// The hint REQUIRED was given.
    pub required: bool,
    /// LIKE.
    pub like: Option<String>,
    /// WHERE, as written.
    pub filter: Option<String>,
}

impl Show {
    /// What SHOW INSERT holds.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted { extended: self.extended, required: self.required, columns: &self.columns }
    }
}

/// A word of a statement: its text, and whether it was quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    quoted: bool,
    /// Where it begins.
    at: usize,
}

impl Word {
    fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(keyword)
    }
}

impl Command {
    /// Reads a statement, without comments and without its `;`.
    pub fn read(piece: &str) -> Self {
        let words = words(piece);
        let is = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is(keyword));
        let text = |at: usize| words.get(at).map(|word| word.text.clone());
        let Some(first) = words.first().filter(|word| !word.quoted) else { return Self::Engine };
        match first.text.to_ascii_uppercase().as_str() {
            "SHOW" => Self::Show(show(piece, &words[1..])),
            "DESCRIBE" | "DESC" => {
                let mut at = 1;
                let method = is(at, "METHOD");
                at += usize::from(method);
                let extended = is(at, "EXTENDED") || is(at, "FULL");
                at += usize::from(extended);
                let (name, _) = name(&words[at.min(words.len())..]);
                Self::Describe { extended, method, name }
            }
            "REGISTRY" if is(1, "LIST") => Self::RegistryList(text(2)),
            "REGISTRY" if is(1, "PULL") => match text(2) {
                Some(provider) => Self::RegistryPull(provider, version(&words[3..])),
                None => Self::Engine,
            },
            "AUTH" => Self::Auth,
            "STACKQL" if is(1, "AUTH") => Self::Auth,
            "PURGE" => Self::Purge(text(1)),
            "NATIVEQUERY" => text(1).map_or(Self::Engine, Self::Native),
            "SLEEP" => text(1).and_then(|it| it.parse().ok()).map_or(Self::Engine, Self::Sleep),
            "USE" => Self::Use(name(&words[1..]).0),
            "SET" if is(1, "TRANSACTION") => Self::Nothing(false),
            "SET" => set(&words[1..]),
            "SAVEPOINT" | "RELEASE" => Self::Nothing(false),
            "ROLLBACK" if is(1, "TO") => Self::Nothing(false),
            "ALTER" | "TRUNCATE" => Self::Nothing(true),
            _ => Self::Engine,
        }
    }
}

/// A version behind the name of a provider; its dots may have split it.
fn version(words: &[Word]) -> Option<String> {
    let version: String = words.iter().map(|word| word.text.as_str()).collect();
    (!version.is_empty()).then_some(version)
}

fn set(words: &[Word]) -> Command {
    let at = usize::from(words.first().is_some_and(|it| it.is("SESSION") || it.is("GLOBAL")));
    let Some(target) = words.get(at) else { return Command::Nothing(false) };
    let Some(path) = target.text.strip_prefix("$.") else { return Command::Nothing(false) };
    let parts: Vec<&str> = path.split('.').collect();
    let value = words.last().map(|word| word.text.clone()).unwrap_or_default();
    match parts.as_slice() {
        ["auth", provider, field] => {
            Command::SetAuth((*provider).to_owned(), (*field).to_owned(), value)
        }
        [system, ..] => Command::SetUnknown((*system).to_owned()),
        [] => Command::Nothing(false),
    }
}

fn show(piece: &str, words: &[Word]) -> Show {
    let mut show = Show::default();
    let mut rest = words;
    let take = |rest: &mut &[Word]| {
        let word = rest.first().cloned();
        *rest = rest.get(1..).unwrap_or_default();
        word
    };
    if rest.first().is_some_and(|word| word.is("EXTENDED")) {
        show.extended = true;
        take(&mut rest);
    }
    show.what = take(&mut rest).map(|word| word.text.to_ascii_uppercase()).unwrap_or_default();
    if show.what == "INSERT" {
        show.required = piece.to_ascii_uppercase().contains("REQUIRED */")
            || piece.to_ascii_uppercase().contains("+ REQUIRED");
    }
    while let Some(word) = rest.first() {
        if word.is("LIKE") {
            take(&mut rest);
            show.like = take(&mut rest).map(|word| word.text);
        } else if word.is("WHERE") {
            let begin = word.at + "WHERE".len();
            show.filter = Some(piece[begin..].trim().to_owned());
            break;
        } else if word.text == "(" && !word.quoted {
            take(&mut rest);
            while let Some(word) = take(&mut rest).filter(|word| word.quoted || word.text != ")") {
                if word.quoted || word.text != "," {
                    show.columns.push(word.text);
                }
            }
        } else if ["IN", "FROM", "INTO"].iter().any(|keyword| word.is(keyword)) {
            take(&mut rest);
            let (name, used) = name(rest);
            show.name = name;
            rest = &rest[used..];
        } else if show.name.is_empty() {
            let (name, used) = name(rest);
            show.name = name;
            rest = &rest[used.max(1)..];
        } else {
            take(&mut rest);
        }
    }
    show
}

/// The parts of a dotted name at the start of words, and how many words it takes.
fn name(words: &[Word]) -> (Vec<String>, usize) {
    let mut parts = Vec::new();
    let mut used = 0;
    while let Some(word) = words.get(used) {
        parts.push(word.text.clone());
        used += 1;
        match words.get(used) {
            Some(dot) if dot.text == "." && !dot.quoted => used += 1,
            _ => break,
        }
    }
    (parts, used)
}

/// The words and signs of a statement. Hints are left out; letters, digits, `_`, `$`, `@` and `-` inside of
/// a word make one.
fn words(piece: &str) -> Vec<Word> {
    let mut all = Vec::new();
    let mut rest = piece.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        match character {
            '\'' | '"' => {
                let mut text = String::new();
                while let Some((_, inner)) = rest.next() {
                    if inner == character {
                        if rest.peek().is_none_or(|(_, next)| *next != character) {
                            break;
                        }
                        rest.next();
                    }
                    text.push(inner);
                }
                all.push(Word { text, quoted: true, at });
            }
            '/' if piece[at..].starts_with("/*") => {
                let end = piece[at..].find("*/").map_or(piece.len(), |end| at + end + 2);
                while rest.peek().is_some_and(|(next, _)| *next < end) {
                    rest.next();
                }
            }
            character if character.is_whitespace() => {}
            character if is_word(character) => {
                let mut text = String::from(character);
                while let Some((_, next)) = rest.next_if(|(_, next)| is_word(*next) || *next == '-')
                {
                    text.push(next);
                }
                all.push(Word { text, quoted: false, at });
            }
            other => all.push(Word { text: other.to_string(), quoted: false, at }),
        }
    }
    all
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    fn shown(piece: &str) -> Show {
        match Command::read(piece) {
            Command::Show(show) => show,
            other => panic!("{piece}: {other:?}"),
        }
    }

    #[test]
    fn show_has_an_object_and_a_condition() {
        let show = shown(
            "show extended methods in google.container.\"projects.zones.clusters\" like '%x'",
        );
        assert!(show.extended);
        assert_eq!(show.what, "METHODS");
        assert_eq!(show.name, owned(&["google", "container", "projects.zones.clusters"]));
        assert_eq!(show.like.as_deref(), Some("%x"));
        let show = shown("SHOW SERVICES FROM google WHERE name = 'a' and title like 'b'");
        assert_eq!(show.name, owned(&["google"]));
        assert_eq!(show.filter.as_deref(), Some("name = 'a' and title like 'b'"));
        let show = shown("SHOW INSERT /*+ REQUIRED */ INTO a.b.c (x, \"y z\")");
        assert!(show.required);
        assert_eq!((show.name, show.columns), (owned(&["a", "b", "c"]), owned(&["x", "y z"])));
        assert_eq!(shown("show auth google").name, owned(&["google"]));
        assert_eq!(shown("SHOW TRANSACTION ISOLATION LEVEL").what, "TRANSACTION");
    }

    #[test]
    fn describe_has_flags_before_the_name() {
        assert_eq!(
            Command::read("DESC FULL a.b.c"),
            Command::Describe { extended: true, method: false, name: owned(&["a", "b", "c"]) }
        );
        assert_eq!(
            Command::read("describe method extended a.b.c.\"list\""),
            Command::Describe {
                extended: true,
                method: true,
                name: owned(&["a", "b", "c", "list"])
            }
        );
    }

    #[test]
    fn commands_of_the_reference_are_read() {
        for (piece, command) in [
            ("registry list", Command::RegistryList(None)),
            ("REGISTRY LIST google", Command::RegistryList(Some("google".to_owned()))),
            (
                "registry pull google v0.1.2",
                Command::RegistryPull("google".to_owned(), Some("v0.1.2".to_owned())),
            ),
            (
                "registry pull google 'v0.1.1-alpha01'",
                Command::RegistryPull("google".to_owned(), Some("v0.1.1-alpha01".to_owned())),
            ),
            ("registry pull google", Command::RegistryPull("google".to_owned(), None)),
            ("PURGE CONSERVATIVE", Command::Purge(Some("CONSERVATIVE".to_owned()))),
            ("purge", Command::Purge(None)),
            ("NATIVEQUERY 'select ''a'''", Command::Native("select 'a'".to_owned())),
            ("sleep 10", Command::Sleep(10)),
            ("use google", Command::Use(owned(&["google"]))),
            (
                "set session \"$.auth.google.credentialsfilepath\" = 'x'",
                Command::SetAuth(
                    "google".to_owned(),
                    "credentialsfilepath".to_owned(),
                    "x".to_owned(),
                ),
            ),
            ("SET \"$.other.a\" = 'x'", Command::SetUnknown("other".to_owned())),
            ("set search_path = 'x'", Command::Nothing(false)),
            ("rollback to a", Command::Nothing(false)),
            ("truncate t", Command::Nothing(true)),
            ("AUTH LOGIN google", Command::Auth),
            ("rollback", Command::Engine),
            ("select 1", Command::Engine),
        ] {
            assert_eq!(Command::read(piece), command, "{piece}");
        }
    }
}
