//! Display widths in terminal columns.
//!
//! Owns: measuring and cutting text, and fitting columns into a terminal.
//! Surprise: a CJK character takes two columns, so a cut may leave a cell one column short.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Minimum width of a column on a terminal.
pub(crate) const NARROWEST: usize = 8;

/// Blanks between two columns of a table.
pub(crate) const GAP: usize = 2;

/// The width of a text without control characters.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The text cut to at most `limit` columns, ending in `…` when something is missing.
pub(crate) fn cut(text: &str, limit: usize) -> (&str, bool) {
    if width(text) <= limit {
        return (text, false);
    }
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used + 1 > limit {
            return (&text[..at], true);
        }
    }
    (text, false)
}

/// Narrows the widest columns until a row fits into `room`, none below [`NARROWEST`].
///
/// Returns the number of columns that are shown; the others do not fit.
pub(crate) fn fit(widths: &mut [usize], room: usize) -> usize {
    if total(widths) <= room {
        return widths.len();
    }
    let mut cap = widths.iter().copied().max().unwrap_or(0);
    let mut capped = widths.to_vec();
    while cap > NARROWEST && total(&capped) > room {
        cap -= 1;
        for width in &mut capped {
            *width = (*width).min(cap);
        }
    }
    // the last step may have freed a few columns more than needed
    let mut spare = room.saturating_sub(total(&capped));
    for (narrow, wide) in capped.iter_mut().zip(widths.iter_mut()) {
        if spare > 0 && *narrow < *wide {
            *narrow += 1;
            spare -= 1;
        }
        *wide = *narrow;
    }
    if total(widths) <= room {
        return widths.len();
    }
    let mut shown = widths.len() - 1;
    while shown > 1 && total(&widths[..shown]) + GAP + width(&more(widths.len() - shown)) > room {
        shown -= 1;
    }
    shown
}

/// The width of a row.
pub(crate) fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// The header of the column that stands for `count` columns without room.
pub(crate) fn more(count: usize) -> String {
    format!("+{count} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(widths: &[usize], room: usize, expected: &[usize], shown: usize) {
        let mut fitted = widths.to_vec();
        assert_eq!(fit(&mut fitted, room), shown);
        assert_eq!(fitted, expected);
    }

    #[test]
    fn wide_columns_give_way_first() {
        check(&[4, 10], 80, &[4, 10], 2);
        check(&[4, 60, 20], 50, &[4, 22, 20], 3);
        check(&[4, 60, 60], 51, &[4, 22, 21], 3);
        check(&[30, 30], 10, &[8, 8], 1);
    }

    #[test]
    fn columns_without_room_are_counted() {
        check(&[10, 10, 10, 10], 25, &[8, 8, 8, 8], 2);
        assert_eq!(more(2), "+2 …");
    }

    #[test]
    fn cuts_respect_wide_characters() {
        assert_eq!(width("日本"), 4);
        assert_eq!(cut("日本語", 6), ("日本語", false));
        assert_eq!(cut("日本語", 5), ("日本", true));
        assert_eq!(cut("日本語", 4), ("日", true));
        assert_eq!(cut("abcdef", 4), ("abc", true));
    }
}
