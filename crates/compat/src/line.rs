//! Reading the profile's command line.
//!
//! Owns: flags anywhere on the line, `--name value`, `--name=value`, switches without a value, letters and
//! their clusters.
//! Surprise: an argument that begins with `-- ` is a statement that begins with a comment.

use std::collections::BTreeMap;

use crate::flags::{Flag, Kind, lettered, named};

/// A command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// What is no flag, in order: the command and its arguments.
    pub words: Vec<String>,
    /// Values of flags that were given, the last of each.
    given: BTreeMap<&'static str, String>,
    /// The values of `--var`, in order.
    pub vars: Vec<String>,
}

impl Line {
    /// Reads the arguments behind the name of the executable.
    ///
    /// # Errors
    /// The sentence that names a flag that is unknown, lacks its value, or cannot have it.
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let mut line = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                line.words.extend(rest.cloned());
                break;
            }
            let is_comment = argument
                .strip_prefix("--")
                .is_some_and(|text| text.starts_with(char::is_whitespace));
            if is_comment || argument == "-" || !argument.starts_with('-') {
                line.words.push(argument.clone());
            } else if let Some(long) = argument.strip_prefix("--") {
                line.long(long, &mut rest)?;
            } else {
                line.letters(argument, &mut rest)?;
            }
        }
        Ok(line)
    }

    fn long<'a>(
        &mut self,
        text: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(format!("bad flag syntax: --{text}"));
        }
        let flag = named(name).ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Switch) => "true".to_owned(),
            (None, _) => {
                rest.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?
            }
        };
        self.put(flag, value)
    }

    fn letters<'a>(
        &mut self,
        argument: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let cluster = &argument[1..];
        for (at, letter) in cluster.char_indices() {
            let flag = lettered(letter)
                .ok_or_else(|| format!("unknown shorthand flag: '{letter}' in {argument}"))?;
            let behind = &cluster[at + letter.len_utf8()..];
            if let Some(value) = behind.strip_prefix('=') {
                return self.put(flag, value.to_owned());
            }
            if flag.kind == Kind::Switch {
                self.put(flag, "true".to_owned())?;
                continue;
            }
            if !behind.is_empty() {
                return self.put(flag, behind.to_owned());
            }
            let value = rest.next().cloned();
            let value =
                value.ok_or_else(|| format!("flag needs an argument: '{letter}' in {argument}"))?;
            return self.put(flag, value);
        }
        Ok(())
    }

    fn put(&mut self, flag: &'static Flag, value: String) -> Result<(), String> {
        let unfit = |why: &str| {
            let name = flag.name;
            let shown =
                flag.short.map_or_else(|| format!("--{name}"), |it| format!("-{it}, --{name}"));
            Err(format!("invalid argument \"{value}\" for \"{shown}\" flag: {why}"))
        };
        match flag.kind {
            Kind::Switch => match truth(&value) {
                Some(truth) => {
                    self.given.insert(flag.name, truth.to_string());
                    return Ok(());
                }
                None => {
                    return unfit(&format!(
                        "strconv.ParseBool: parsing \"{value}\": invalid syntax"
                    ));
                }
            },
            Kind::Number if value.parse::<i64>().is_err() => {
                return unfit(&format!("strconv.ParseInt: parsing \"{value}\": invalid syntax"));
            }
            Kind::Texts => self.vars.push(value),
            _ => {
                self.given.insert(flag.name, value);
            }
        }
        Ok(())
    }

    /// The value of a flag: as given, else its default.
    pub fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_else(|| named(name).map_or("", |flag| flag.default))
    }

    /// The value of a flag, if it was given.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// A flag that takes a number.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// A switch.
    pub fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// Gives a flag a value unless it has one: what a file says stands behind the line.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn complete(&mut self, name: &str, value: &str) -> Result<(), String> {
        match named(name) {
            Some(flag) if flag.kind == Kind::Texts && !self.vars.is_empty() => Ok(()),
            Some(flag) if self.given(name).is_none() => self.put(flag, value.to_owned()),
            // a file may have keys of other versions
            _ => Ok(()),
        }
    }
}

/// The spellings of true and false that a switch takes.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Line, String> {
        Line::read(&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn flags_stand_anywhere_and_in_both_spellings() {
        let first =
            read(&["--output=json", "exec", "--auth", "{}", "select 1", "-H"]).expect("a line");
        let second = read(&["exec", "-o", "json", "-H", "--auth={}", "select 1"]).expect("a line");
        assert_eq!(first, second);
        assert_eq!(first.words, ["exec", "select 1"]);
        assert_eq!(first.text("output"), "json");
        assert!(first.is_on("hideheaders") && !first.is_on("verbose"));
        assert_eq!(first.text("delimiter"), ",");
        assert_eq!(first.number("http.response.pageLimit"), 20);
    }

    #[test]
    fn letters_come_in_clusters() {
        for spelling in [&["-Hojson"][..], &["-Ho", "json"], &["-Ho=json"], &["-H", "-ojson"]] {
            let line = read(spelling).expect("a line");
            assert_eq!(
                (line.text("output"), line.is_on("hideheaders")),
                ("json", true),
                "{spelling:?}"
            );
        }
    }

    #[test]
    fn switches_take_a_value_behind_the_sign_only() {
        let line = read(&["exec", "--verbose=false", "--offline", "false"]).expect("a line");
        assert!(!line.is_on("verbose") && line.is_on("offline"));
        assert_eq!(line.words, ["exec", "false"]);
    }

    #[test]
    fn variables_are_kept_in_order() {
        let line = read(&["--var", "a=1", "--var=b=2=3"]).expect("a line");
        assert_eq!(line.vars, ["a=1", "b=2=3"]);
    }

    #[test]
    fn a_statement_may_begin_with_a_comment() {
        let line = read(&["exec", "-- note\nselect 1", "--", "-x"]).expect("a line");
        assert_eq!(line.words, ["exec", "-- note\nselect 1", "-x"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (arguments, message) in [
            (&["--outptu", "x"][..], "unknown flag: --outptu"),
            (&["-zH"], "unknown shorthand flag: 'z' in -zH"),
            (&["exec", "--output"], "flag needs an argument: --output"),
            (&["exec", "-o"], "flag needs an argument: 'o' in -o"),
            (&["--=1"], "bad flag syntax: --=1"),
            (
                &["--pgsrv.port", "x"],
                "invalid argument \"x\" for \"--pgsrv.port\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            (
                &["--hideheaders=maybe"],
                "invalid argument \"maybe\" for \"-H, --hideheaders\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(read(arguments).expect_err("refused"), message);
        }
    }

    #[test]
    fn a_file_stands_behind_the_line() {
        let mut line = read(&["--output", "csv"]).expect("a line");
        line.complete("output", "json").expect("fits");
        line.complete("delimiter", ";").expect("fits");
        line.complete("of another version", "1").expect("ignored");
        assert_eq!((line.text("output"), line.text("delimiter")), ("csv", ";"));
        assert!(line.complete("pgsrv.port", "x").is_err());
    }
}
