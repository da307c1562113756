//! The help text, and the line of `--version`.

use std::fmt::Write as _;

use crate::flags::{FLAGS, Kind};

/// The commands with what they do.
pub const COMMANDS: &[(&str, &str)] = &[
    ("exec", "Run one or more stackql commands or queries"),
    ("help", "Help about any command"),
    ("mcp", "Run an MCP server"),
    ("registry", "Interaction with the provider registry"),
    ("shell", "Interactive shell for running stackql commands"),
    ("srv", "Run a server of the postgres wire protocol"),
];

/// The help text of the command line, or of one command.
pub fn help(command: Option<&str>) -> String {
    let mut text = String::new();
    match command.and_then(|name| COMMANDS.iter().find(|(known, _)| *known == name)) {
        Some((name, meaning)) => {
            let _ = write!(text, "{meaning}\n\nUsage:\n  stackql {name} [flags]\n");
        }
        None => {
            text.push_str(
                "Cloud asset management and automation using SQL\n\nUsage:\n  stackql [command]\n\nAvailable Commands:\n",
            );
            for (name, meaning) in COMMANDS {
                let _ = writeln!(text, "  {name:<10}  {meaning}");
            }
        }
    }
    text.push_str("\nFlags:\n");
    text.push_str(&flags());
    if command.is_none() {
        text.push_str("\nUse \"stackql [command] --help\" for more information about a command.\n");
    }
    text
}

fn flags() -> String {
    let left = FLAGS.iter().map(|flag| {
        let letter = flag.short.map_or_else(|| "    ".to_owned(), |it| format!("-{it}, "));
        let takes = match flag.kind {
            Kind::Switch => "",
            Kind::Text => " string",
            Kind::Number => " int",
            Kind::Texts => " stringArray",
        };
        format!("  {letter}--{}{takes}", flag.name)
    });
    let left: Vec<String> = left.collect();
    let width = left.iter().map(String::len).max().unwrap_or_default();
    let lines = FLAGS.iter().zip(&left).map(|(flag, left)| {
        let default = match flag.kind {
            Kind::Text if !flag.default.is_empty() => format!(" (default \"{}\")", flag.default),
            Kind::Number => format!(" (default {})", flag.default),
            _ => String::new(),
        };
        format!("{left:<width$}   {}{default}\n", flag.meaning)
    });
    lines.collect()
}

/// What stands in `--version`.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// The version, without `v`.
    pub version: &'a str,
    /// The commit.
    pub commit: &'a str,
    /// When it was built.
    pub date: &'a str,
    /// Operating system and architecture.
    pub platform: &'a str,
}

impl Build<'_> {
    /// The lines of `--version`.
    pub fn lines(&self) -> String {
        let Self { version, commit, date, platform } = self;
        format!("stackql v{version} {platform} ({commit})\nBuildDate: {date}\nhttps://stackql.io\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_and_command_is_in_the_help() {
        let text = help(None);
        for flag in FLAGS {
            assert!(text.contains(&format!("--{}", flag.name)), "{}", flag.name);
        }
        for (name, meaning) in COMMANDS {
            assert!(text.contains(&format!("  {name:<10}  {meaning}\n")), "{name}");
        }
        assert!(text.contains("  -o, --output string "), "{text}");
        assert!(help(Some("exec")).starts_with("Run one or more stackql commands or queries\n"));
        assert!(help(Some("unheard")).starts_with("Cloud asset management"));
    }

    #[test]
    fn the_version_has_three_lines() {
        let build =
            Build { version: "0.1.0", commit: "abc", date: "2026-01-01", platform: "Linux x86_64" };
        assert_eq!(
            build.lines(),
            "stackql v0.1.0 Linux x86_64 (abc)\nBuildDate: 2026-01-01\nhttps://stackql.io\n"
        );
    }
}
