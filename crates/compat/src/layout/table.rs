//! A grid with a rule after every row.

use super::wrap::{lines, width};
use super::{Table, shown};

pub(super) fn print(table: &Table) -> String {
    let header: Vec<Vec<String>> = table.labels.iter().map(|label| lines(label)).collect();
    let body: Vec<Vec<Vec<String>>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| lines(shown(cell.as_deref()))).collect())
        .collect();
    let widths: Vec<usize> = (0..table.labels.len())
        .map(|column| {
            let rows = std::iter::once(&header).chain(&body);
            let cells = rows.filter_map(|row| row.get(column)).flatten();
            cells.map(|line| width(line)).max().unwrap_or_default()
        })
        .collect();
    let mut out = String::new();
    rule(&widths, &mut out);
    row(&header, &widths, centred, &mut out);
    rule(&widths, &mut out);
    for cells in &body {
        row(cells, &widths, aligned, &mut out);
        rule(&widths, &mut out);
    }
    out
}

fn rule(widths: &[usize], out: &mut String) {
    out.push('|');
    for width in widths {
        out.push_str(&"-".repeat(width + 2));
        out.push('|');
    }
    out.push('\n');
}

fn row(
    cells: &[Vec<String>],
    widths: &[usize],
    place: impl Fn(&str, usize) -> String,
    out: &mut String,
) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    for line in 0..height {
        out.push('|');
        for (cell, width) in cells.iter().zip(widths) {
            let text = cell.get(line).map_or("", String::as_str);
            out.push(' ');
            out.push_str(&place(text, *width));
            out.push_str(" |");
        }
        out.push('\n');
    }
}

fn centred(text: &str, wide: usize) -> String {
    let gap = wide.saturating_sub(width(text));
    let left = gap / 2;
    format!("{}{text}{}", " ".repeat(left), " ".repeat(gap - left))
}

/// Numbers stand on the right.
fn aligned(text: &str, wide: usize) -> String {
    let gap = " ".repeat(wide.saturating_sub(width(text)));
    if is_number(text.trim()) { format!("{gap}{text}") } else { format!("{text}{gap}") }
}

fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, is_percent) = match text.strip_suffix('%') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = |text: &str| {
        let mut groups = text.split(',');
        groups.next().is_some_and(|first| digits(first) && first.len() <= 3)
            && groups.all(|group| digits(group) && group.len() == 3)
    };
    let has_whole = digits(whole) || !is_percent && grouped(whole);
    has_whole
        && fraction.is_none_or(|fraction| digits(fraction) || is_percent && fraction.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_texts() {
        for text in ["1", "-20", "1.5", "1,000", "12,345.5", "50%", "1.%"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "1e5", "1.", "1,00", "v1", "1 2", "%", "+1"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
