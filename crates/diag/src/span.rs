//! Positions in a source text.
//!
//! Owns: byte spans and their conversion to 1-based lines and columns.
//! Surprise: columns count characters, not bytes, as editors do.

use serde::Serialize;

/// A half-open byte range `start..end` of a source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A 1-based line and column (in characters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LineColumn {
    /// 1-based line.
    pub line: usize,
    /// 1-based column in characters.
    pub column: usize,
}

impl Span {
    /// A span from `start` to `end`; an inverted range becomes empty at `start`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The line and column of the first byte in `text`; past the end counts as the end.
    pub fn position(self, text: &str) -> LineColumn {
        let start = floor_char_boundary(text, self.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        LineColumn {
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The byte offset of a 1-based line and column of `text`, clamped to the text.
    pub fn offset(text: &str, at: LineColumn) -> usize {
        let mut start = 0;
        for _ in 1..at.line {
            match text[start..].find('\n') {
                Some(end) => start += end + 1,
                None => return text.len(),
            }
        }
        if at.line == 0 {
            return text.len();
        }
        let line = &text[start..];
        let line = line.find('\n').map_or(line, |end| &line[..=end]);
        let column = at.column.saturating_sub(1).min(line.len());
        // a statement may be one long line with many positions
        if line.as_bytes()[..column].is_ascii() {
            return start + column;
        }
        start + line.char_indices().nth(column).map_or(line.len(), |at| at.0)
    }

    /// The text under the span.
    pub fn slice(self, text: &str) -> &str {
        let start = floor_char_boundary(text, self.start);
        let end = floor_char_boundary(text, self.end).max(start);
        &text[start..end]
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_round_trip() {
        let text = "SELECT 'ä'\nFROM t";
        let at = text.find("FROM").expect("in the text");
        let span = Span::new(at, at + 4);
        assert_eq!(span.position(text), LineColumn { line: 2, column: 1 });
        assert_eq!(Span::offset(text, LineColumn { line: 2, column: 1 }), at);
        let quote = text.rfind('\'').expect("in the text");
        assert_eq!(Span::new(quote, quote).position(text), LineColumn { line: 1, column: 10 });
        assert_eq!(Span::offset(text, LineColumn { line: 1, column: 10 }), quote);
    }

    #[test]
    fn out_of_range_spans_are_clamped() {
        assert_eq!(Span::new(90, 99).slice("abc"), "");
        assert_eq!(Span::new(90, 99).position("abc"), LineColumn { line: 1, column: 4 });
        assert_eq!(Span::offset("abc", LineColumn { line: 7, column: 1 }), 3);
    }
}
