//! Safe display of remote text.
//!
//! Owns: replacing what a terminal would interpret: control characters, escape sequences, and
//! bidirectional marks.
//! Surprise: nothing is removed. A line feed is shown as `⏎`, an escape as `␛`, a bidirectional
//! mark as `�`, so that the reader sees that something was there.

use std::borrow::Cow;

/// The text with control characters and bidirectional overrides replaced by visible signs.
pub fn neutral(text: &str) -> Cow<'_, str> {
    if is_neutral(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| sign(c).unwrap_or(c)).collect())
}

/// True when every character can be shown as it is.
pub(crate) fn is_neutral(text: &str) -> bool {
    // almost all cells are printable ASCII
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || text.chars().all(|c| sign(c).is_none())
}

/// The replacement for a character that must not reach a terminal.
pub(crate) fn sign(c: char) -> Option<char> {
    match c {
        '\n' => Some('⏎'),
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('␡'),
        '\u{80}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(neutral("a\x1b[31mred\x07"), "a␛[31mred␇");
        assert_eq!(neutral("one\r\ntwo\tthree"), "one␍⏎two␉three");
        assert_eq!(neutral("x\u{9b}31m\u{202e}y\u{7f}"), "x�31m�y␡");
    }

    #[test]
    fn ordinary_text_is_borrowed() {
        assert!(matches!(neutral("Grüße, 日本語 👍🏽"), Cow::Borrowed(_)));
    }
}
