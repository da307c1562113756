//! Names: the alias table, and the lookup of a name that a user typed.
//!
//! Owns: `google` ↔ `googleapis.com` (the one provider whose folder is not named after it) and
//! "exact, else the only case-insensitive match".

use strataql_diag::{Code, Report, did_you_mean};

/// Provider name in SQL, and the name of its folder.
const ALIASES: &[(&str, &str)] = &[("google", "googleapis.com")];

/// The SQL name of a provider folder.
pub(crate) fn sql_name(folder: &str) -> &str {
    ALIASES.iter().find(|(_, alias)| *alias == folder).map_or(folder, |(name, _)| name)
}

/// The folder of a provider.
pub(crate) fn folder_name(provider: &str) -> &str {
    ALIASES.iter().find(|(name, _)| *name == provider).map_or(provider, |(_, folder)| folder)
}

/// The kind of name, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) noun: &'static str,
    pub(crate) unknown: Code,
}

/// The candidate that `typed` refers to.
pub(crate) fn find<'a>(
    typed: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
    kind: Kind,
) -> Result<&'a str, Box<Report>> {
    if let Some(exact) = candidates.clone().find(|candidate| *candidate == typed) {
        return Ok(exact);
    }
    let same: Vec<&str> =
        candidates.clone().filter(|candidate| candidate.eq_ignore_ascii_case(typed)).collect();
    match same.as_slice() {
        [one] => Ok(one),
        [] => Err(Box::new(
            Report::new(kind.unknown, format!("there is no {} `{typed}`", kind.noun))
                .with_help_if(did_you_mean(typed, candidates)),
        )),
        several => Err(Box::new(
            Report::new(Code::AmbiguousName, format!("`{typed}` fits more than one {}", kind.noun))
                .with_help(format!("write one of `{}` as it is spelt", several.join("`, `"))),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { noun: "provider", unknown: Code::UnknownProvider };

    fn code(typed: &str, names: &[&str]) -> Result<String, Code> {
        find(typed, names.iter().copied(), KIND).map(str::to_owned).map_err(|report| report.code)
    }

    #[test]
    fn exact_names_win_over_other_spellings() {
        assert_eq!(code("aws", &["AWS", "aws"]).as_deref(), Ok("aws"));
        assert_eq!(code("AwS", &["aws", "gcp"]).as_deref(), Ok("aws"));
        assert_eq!(code("AwS", &["aws", "AWS"]), Err(Code::AmbiguousName));
        assert_eq!(code("gpc", &["aws", "gcp"]), Err(Code::UnknownProvider));
    }

    #[test]
    fn the_alias_goes_from_folder_to_name() {
        assert_eq!(sql_name("googleapis.com"), "google");
        assert_eq!(sql_name("googleads"), "googleads");
        assert_eq!((folder_name("google"), folder_name("aws")), ("googleapis.com", "aws"));
    }
}
