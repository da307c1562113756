//! Recognising that the profile is wanted.
//!
//! Owns: the name of the executable, and `--compat stackql`.

use std::path::Path;

/// What is said about the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// The strict command line.
    Strict,
    /// The profile, with the arguments that are left for it.
    StackQl(Vec<String>),
    /// `--compat` with another value.
    Unknown(String),
}

/// Reads the arguments of a process, the name of the executable first.
pub fn called(arguments: &[String]) -> Called {
    let (first, rest) = arguments.split_first().map_or(("", arguments), |(a, rest)| (a, rest));
    let mut left = Vec::with_capacity(rest.len());
    let mut wanted = is_named(first);
    let mut rest = rest.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            left.push(argument.clone());
            left.extend(rest.cloned());
            break;
        }
        let value = match argument.strip_prefix("--compat") {
            Some("") => rest.next().cloned().unwrap_or_default(),
            Some(value) if value.starts_with('=') => value[1..].to_owned(),
            _ => {
                left.push(argument.clone());
                continue;
            }
        };
        match value.as_str() {
            "stackql" => wanted = true,
            "none" => wanted = false,
            _ => return Called::Unknown(value),
        }
    }
    if wanted { Called::StackQl(left) } else { Called::Strict }
}

/// True if the executable is called `stackql`, in whatever folder and with whatever extension.
fn is_named(program: &str) -> bool {
    Path::new(program).file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("stackql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Called {
        called(&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_name_of_the_executable_counts() {
        let plain = Called::StackQl(vec!["exec".to_owned()]);
        for name in ["stackql", "/usr/bin/stackql", "./stackql.exe", "../StackQL"] {
            assert_eq!(of(&[name, "exec"]), plain, "{name}");
        }
        for name in ["strataql", "/opt/stackql/strataql", "stackql-deploy"] {
            assert_eq!(of(&[name, "exec"]), Called::Strict, "{name}");
        }
    }

    #[test]
    fn the_flag_counts_in_both_spellings() {
        let plain = Called::StackQl(vec!["exec".to_owned(), "select 1".to_owned()]);
        assert_eq!(of(&["strataql", "--compat", "stackql", "exec", "select 1"]), plain);
        assert_eq!(of(&["strataql", "exec", "--compat=stackql", "select 1"]), plain);
        assert_eq!(of(&["stackql", "--compat=none", "exec"]), Called::Strict);
        assert_eq!(of(&["strataql", "--compat", "psql"]), Called::Unknown("psql".to_owned()));
        assert_eq!(of(&["strataql", "exec", "--", "--compat=stackql"]), Called::Strict);
    }
}
