//! Spelling of wire names in SQL.
//!
//! Owns: the snake-case form that `snake_case_aliases` and `nativeCasing` use.
//! Refuses: the inverse; it is lossy, so callers compare `snake(wire)` with the user's name.

/// The snake-case form of a wire name, by the rule of botocore's `xform_name`
/// (`VPCId` → `vpc_id`, `EnableDnsHostnames` → `enable_dns_hostnames`, `ListARNs` → `list_arns`).
pub fn snake(name: &str) -> String {
    if name.contains('_') {
        return name.to_owned();
    }
    let chars: Vec<char> = name.chars().collect();
    let plural = plural_acronym(&chars);
    let mut out = String::with_capacity(name.len() + 8);
    for (at, c) in chars.iter().enumerate() {
        let boundary = at > 0
            && match plural {
                Some(start) if at == start => true,
                Some(start) if at > start => false,
                _ => boundary(&chars, at),
            };
        if boundary && !out.ends_with(['_', '-', '.', ' ']) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The start of a trailing acronym with a plural `s` (`ARNs`).
fn plural_acronym(chars: &[char]) -> Option<usize> {
    let (last, head) = chars.split_last()?;
    let capitals = head.iter().rev().take_while(|c| c.is_ascii_uppercase()).count();
    (*last == 's' && capitals >= 2 && capitals < head.len()).then(|| head.len() - capitals)
}

fn boundary(chars: &[char], at: usize) -> bool {
    let before = chars[at - 1];
    let here = chars[at];
    let after = chars.get(at + 1);
    if here.is_ascii_uppercase() {
        return before.is_ascii_lowercase()
            || before.is_ascii_digit()
            || (before.is_alphanumeric() && after.is_some_and(char::is_ascii_lowercase));
    }
    here.is_ascii_digit() && before.is_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        for (wire, expected) in [
            ("VPCId", "vpc_id"),
            ("S3Bucket", "s3_bucket"),
            ("EnableDnsHostnames", "enable_dns_hostnames"),
            ("ListARNs", "list_arns"),
            ("provisioningState", "provisioning_state"),
            ("id", "id"),
            ("already_snake", "already_snake"),
            ("DBInstanceIdentifier", "db_instance_identifier"),
        ] {
            assert_eq!(snake(wire), expected, "{wire}");
        }
    }
}
