//! Names as words: snake case, singular and plural.

/// `PublishedAppIntegration` → `published_app_integration`, by the rule that public names follow.
pub(super) fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    for (at, c) in chars.iter().enumerate() {
        if at > 0 && c.is_ascii_uppercase() {
            let before = chars[at - 1];
            let after = chars.get(at + 1);
            let starts_word = after.is_some_and(char::is_ascii_lowercase) && before != '_';
            if before.is_ascii_lowercase() || before.is_ascii_digit() || starts_word {
                out.push('_');
            }
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Endings of plurals, with those of the singular.
const ENDINGS: &[(&str, &str)] =
    &[("ies", "y"), ("sses", "ss"), ("uses", "us"), ("ches", "ch"), ("shes", "sh"), ("xes", "x")];

/// The singular of a name: of its last word.
pub(super) fn singular(name: &str) -> String {
    if is_uncountable(name) {
        return name.to_owned();
    }
    for (plural, singular) in ENDINGS {
        if let Some(stem) = name.strip_suffix(plural) {
            return format!("{stem}{singular}");
        }
    }
    match name.strip_suffix('s') {
        Some(stem) if !name.ends_with("ss") && !name.ends_with("us") => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// The plural of a name: of its last word.
pub(super) fn plural(name: &str) -> String {
    let one = singular(name);
    if is_uncountable(name) || one != name {
        return name.to_owned();
    }
    let before_y = one.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{stem}ies"),
        None if one.ends_with("ch") || one.ends_with("sh") || one.ends_with(['s', 'x']) => {
            format!("{one}es")
        }
        None => format!("{one}s"),
    }
}

fn is_uncountable(name: &str) -> bool {
    let last = name.rsplit(['_', ' ']).next().unwrap_or(name);
    matches!(last, "metadata" | "access" | "data" | "status" | "compute" | "dbfs" | "lineage")
}

/// `app_id` → `app`: what an identifier names.
pub(super) fn named_by(parameter: &str) -> &str {
    let stem = parameter.strip_suffix("_id").or_else(|| parameter.strip_suffix("_name"));
    stem.filter(|stem| !stem.is_empty()).unwrap_or(parameter)
}

#[cfg(test)]
mod tests {
    use super::{plural, singular, snake};

    #[test]
    fn class_names_become_resource_names() {
        for (class, name) in [
            ("PublishedAppIntegration", "published_app_integration"),
            ("OAuthPublishedApps", "o_auth_published_apps"),
            ("AccountIamV2", "account_iam_v2"),
            ("CustomLLMs", "custom_ll_ms"),
            ("IpAccessLists", "ip_access_lists"),
        ] {
            assert_eq!(snake(class), name);
        }
    }

    #[test]
    fn singular_and_plural_are_inverse() {
        for (one, many) in [
            ("policy", "policies"),
            ("branch", "branches"),
            ("index", "indexes"),
            ("app", "apps"),
            ("gateway", "gateways"),
            ("budget_spend_status", "budget_spend_status"),
            ("address", "addresses"),
            ("metadata", "metadata"),
        ] {
            assert_eq!((singular(many).as_str(), plural(one).as_str()), (one, many));
        }
    }
}
