//! JSON values, appended to a byte buffer.
//!
//! Owns: escaping, number forms, and compact copies of JSON text.
//! Surprise: DEL and the C1 control characters are escaped too, although JSON does not require it:
//! some terminals interpret them.

use arrow::datatypes::ArrowNativeType;
use serde_json::value::RawValue;

/// Whole numbers of every width.
pub(crate) trait Integer: ArrowNativeType {
    /// Appends the decimal digits.
    fn push(self, out: &mut Vec<u8>);
}

macro_rules! integers {
    ($($signed:ty, $unsigned:ty;)+) => {$(
        impl Integer for $signed {
            fn push(self, out: &mut Vec<u8>) {
                if self < 0 {
                    out.push(b'-');
                }
                push_digits(u64::from(self.unsigned_abs()), out);
            }
        }

        impl Integer for $unsigned {
            fn push(self, out: &mut Vec<u8>) {
                push_digits(u64::from(self), out);
            }
        }
    )+};
}

integers! { i8, u8; i16, u16; i32, u32; i64, u64; }

fn push_digits(mut number: u64, out: &mut Vec<u8>) {
    // 2^64 has twenty digits
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        let digit = (number % 10) as u8;
        digits[at] = b'0' + digit;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Floating-point numbers of every width.
pub(crate) trait Float: ArrowNativeType {
    /// True when JSON can hold it.
    fn is_number(self) -> bool;

    /// Appends the shortest form that reads back as the same number, or `NaN`, `Infinity`.
    fn push(self, out: &mut Vec<u8>);
}

macro_rules! floats {
    ($($float:ty)+) => {$(
        impl Float for $float {
            fn is_number(self) -> bool {
                self.is_finite()
            }

            fn push(self, out: &mut Vec<u8>) {
                if self.is_finite() {
                    serde_json::to_writer(out, &self).expect("a buffer takes every number");
                } else if self.is_nan() {
                    out.extend_from_slice(b"NaN");
                } else if self.is_sign_negative() {
                    out.extend_from_slice(b"-Infinity");
                } else {
                    out.extend_from_slice(b"Infinity");
                }
            }
        }
    )+};
}

floats! { f32 f64 }

/// Bytes that must be escaped in a JSON string, or may begin such a character.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special[0x7f] = true;
    special[0xc2] = true;
    special
};

/// Appends a JSON string.
pub(crate) fn push_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let byte = bytes[at];
        if !SPECIAL[usize::from(byte)] {
            at += 1;
            continue;
        }
        if byte == 0xc2 && !is_c1(bytes, at) {
            at += 2;
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        at += push_escape(bytes, at, out);
        copied = at;
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// True when a C1 control character begins at this position.
fn is_c1(bytes: &[u8], at: usize) -> bool {
    bytes[at] == 0xc2 && bytes.get(at + 1).is_some_and(|next| (0x80..0xa0).contains(next))
}

/// Appends the escape of the character at this position and returns its length.
fn push_escape(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match bytes[at] {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        other => {
            let (code, length) = if other == 0xc2 { (bytes[at + 1], 2) } else { (other, 1) };
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(code >> 4)]);
            out.push(HEX[usize::from(code & 15)]);
            return length;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
    1
}

/// Appends JSON text as a value, without white space; text that is not JSON becomes a string.
pub(crate) fn push_document(text: &str, out: &mut Vec<u8>) {
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return push_text(text, out);
    }
    let bytes = text.as_bytes();
    let (mut copied, mut at, mut in_string) = (0, 0, false);
    while at < bytes.len() {
        let byte = bytes[at];
        let skipped = match byte {
            b'"' => {
                in_string = !in_string;
                0
            }
            b'\\' => {
                at += 2;
                continue;
            }
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => 1,
            0x7f => 1,
            0xc2 if is_c1(bytes, at) => 2,
            _ => 0,
        };
        if skipped > 0 {
            out.extend_from_slice(&bytes[copied..at]);
            if in_string {
                push_escape(bytes, at, out);
            }
            copied = at + skipped;
        }
        at += skipped.max(1);
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        let mut out = Vec::new();
        push_text(text, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    fn document(text: &str) -> String {
        let mut out = Vec::new();
        push_document(text, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn strings_are_escaped_and_nothing_else() {
        assert_eq!(text("Grüße £ \u{85}"), r#""Grüße £ \u0085""#);
        assert_eq!(text("a\"b\\c\nd\u{1b}[0m\u{7f}"), r#""a\"b\\c\nd\u001b[0m\u007f""#);
        assert_eq!(text(""), r#""""#);
        let everything: String = (0..0x300).filter_map(char::from_u32).collect();
        let back: String = serde_json::from_str(&text(&everything)).expect("valid");
        assert_eq!(back, everything);
    }

    #[test]
    fn documents_are_copied_compactly_and_exactly() {
        assert_eq!(
            document("{ \"a b\" : [ 1.10, 12345678901234567890123 ],\n \"c\": \"x  y\\\" {\" }"),
            r#"{"a b":[1.10,12345678901234567890123],"c":"x  y\" {"}"#
        );
        assert_eq!(document("\"\u{9b}m\""), r#""\u009bm""#);
        assert_eq!(document(" null "), "null");
    }

    #[test]
    fn what_is_no_json_becomes_a_string() {
        assert_eq!(document("{oops"), r#""{oops""#);
        assert_eq!(document(""), r#""""#);
        assert_eq!(document("1 2"), r#""1 2""#);
    }
}
