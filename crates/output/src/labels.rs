//! Column labels that may serve as keys.
//!
//! Owns: making repeated labels unique for formats whose columns are addressed by name.
//! Surprise: a suffix never takes the label of another column: `a, a, a_2` becomes `a, a_3, a_2`.

use std::collections::HashSet;

/// The labels, repeated ones with `_2`, `_3`, … appended.
pub(crate) fn unique(labels: &[String]) -> Vec<String> {
    let given: HashSet<&str> = labels.iter().map(String::as_str).collect();
    let mut taken: HashSet<String> = HashSet::new();
    labels
        .iter()
        .map(|label| {
            let mut name = label.clone();
            let mut number = 1;
            while taken.contains(&name) || (number > 1 && given.contains(name.as_str())) {
                number += 1;
                name = format!("{label}_{number}");
            }
            taken.insert(name.clone());
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[&str], expected: &[&str]) {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(unique(&labels), expected);
    }

    #[test]
    fn repeated_labels_are_numbered() {
        check(&["name", "id", "name", "name"], &["name", "id", "name_2", "name_3"]);
        check(&["a", "a", "a_2"], &["a", "a_3", "a_2"]);
        check(&["a", "a", "a_2", "a_2"], &["a", "a_3", "a_2", "a_2_2"]);
        check(&["", ""], &["", "_2"]);
    }
}
