//! "Did you mean": ranking of known names against what the user typed.
//!
//! Owns: the one rule for suggestions (edit distance of at most two, or the same set of words).
//! Refuses: long shots; a wrong suggestion is worse than none.

/// The candidates close to `typed`, best first, at most three.
///
/// A candidate is close when its edit distance is at most 2 (at most 1 for names of up to three
/// characters), or when it has the same words in another order (`app_published` for
/// `published_app`), or differs by a plural `s`. Case is ignored.
pub fn suggest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = typed.to_lowercase();
    let limit = if wanted.chars().count() <= 3 { 1 } else { 2 };
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = edit_distance(&wanted, &lower, limit);
            match distance {
                Some(distance) => Some((distance, candidate)),
                None => (words(&wanted) == words(&lower)).then_some((limit + 1, candidate)),
            }
        })
        .collect();
    close.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    close.dedup_by(|a, b| a.1 == b.1);
    close.truncate(3);
    close.into_iter().map(|(_, name)| name).collect()
}

/// A help line such as ``did you mean `a` or `b`?``, when something is close.
pub fn did_you_mean<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let close = suggest(typed, candidates);
    let quoted: Vec<String> = close.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => None,
        [one] => Some(format!("did you mean {one}?")),
        [head @ .., last] => Some(format!("did you mean {} or {last}?", head.join(", "))),
    }
}

fn words(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.strip_suffix('s').unwrap_or(word))
        .collect();
    words.sort_unstable();
    words
}

/// Optimal string alignment distance (insert, delete, replace, swap of neighbours), if at most `limit`.
fn edit_distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_name() {
        let names = ["published_app_integration", "custom_app_integration", "oauth_published_apps"];
        let check = |typed: &str, expected: &[&str]| assert_eq!(suggest(typed, names), expected);
        check("published_app_integratoin", &["published_app_integration"]);
        check("PUBLISHED_APP_INTEGRATION", &["published_app_integration"]);
        check("published_app_integrations", &["published_app_integration"]);
        check("published_apps_oauth", &["oauth_published_apps"]);
        check("something", &[]);
    }

    #[test]
    fn short_names_allow_one_edit() {
        assert_eq!(suggest("nme", ["name", "id"]), ["name"]);
        assert!(suggest("xy", ["name", "id"]).is_empty());
    }

    #[test]
    fn help_line_reads_as_a_question() {
        assert_eq!(did_you_mean("nam", ["name"]).as_deref(), Some("did you mean `name`?"));
        assert_eq!(did_you_mean("zzz", ["name"]), None);
    }
}
