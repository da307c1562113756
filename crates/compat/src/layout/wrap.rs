//! Breaking the text of a cell into lines of even length.

use unicode_width::UnicodeWidthStr;

/// Widest line, unless a word is wider.
const WIDEST: usize = 30;

/// The width of a text on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The lines of a cell. Lines of the text stay apart; each is broken between words so that the blanks at
/// the ends of its lines are even, not counting the last.
pub(super) fn lines(cell: &str) -> Vec<String> {
    let widest = cell.lines().map(width).max().unwrap_or_default();
    let limit = widest.min(WIDEST);
    let mut out: Vec<String> = cell.split('\n').flat_map(|line| wrapped(line, limit)).collect();
    if out.is_empty() {
        out.push(String::new());
    }
    out
}

fn wrapped(line: &str, limit: usize) -> Vec<String> {
    let words: Vec<&str> = line.trim().split(' ').collect();
    let widths: Vec<usize> = words.iter().map(|word| width(word)).collect();
    let limit = widths.iter().copied().max().unwrap_or_default().max(limit);
    let count = words.len();
    // the cost of the best way to break the words from each on, and where its first line ends
    let mut best: Vec<(usize, usize)> = vec![(usize::MAX, count); count];
    for start in (0..count).rev() {
        let mut used = 0;
        for end in start + 1..=count {
            used += widths[end - 1] + usize::from(end > start + 1);
            if used > limit {
                break;
            }
            let cost = if end == count {
                0
            } else {
                let left = limit - used;
                best[end].0.saturating_add(left * left)
            };
            // a rest that fits into a line stays in it
            if cost < best[start].0 || end == count {
                best[start] = (cost, end);
            }
        }
    }
    let mut out = Vec::new();
    let mut start = 0;
    while start < count {
        let end = best[start].1;
        out.push(words[start..end].join(" "));
        start = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_split_and_lines_are_even() {
        assert_eq!(
            lines("catalogName, devCenterName, resourceGroupName, subscriptionId, taskName"),
            ["catalogName, devCenterName,", "resourceGroupName,", "subscriptionId, taskName"]
        );
        let long = "x".repeat(40);
        assert_eq!(lines(&long), std::slice::from_ref(&long));
        assert_eq!(lines(""), [""]);
        assert_eq!(lines("a\nb c"), ["a", "b c"]);
    }

    #[test]
    fn a_long_word_widens_the_lines_of_its_cell() {
        let long = "y".repeat(35);
        let text = format!("{long} aaaaaaaaaa bbbbbbbbbb cccccccccc ddd");
        assert_eq!(lines(&text), [long.as_str(), "aaaaaaaaaa bbbbbbbbbb cccccccccc", "ddd"]);
    }

    #[test]
    fn a_thousand_words_are_broken_in_time() {
        let text = "word ".repeat(20_000);
        let started = std::time::Instant::now();
        assert!(lines(&text).iter().all(|line| width(line) <= 30));
        assert!(started.elapsed().as_secs() < 5);
    }
}
