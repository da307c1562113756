//! Schemas as clients of databases write them.
//!
//! Such clients know two parts of a name in front of a column, and put each in quotes: a service is
//! `"provider.service"` to them, and what has no service is in `"public"`.

use std::borrow::Cow;

use crate::pieces::{Piece, pieces};

/// A text with `"provider.service".` as `provider.service.`, and without `public.`; a text in which neither
/// is written stays as it is. Places in it stay the same, but after a name that needs its quotes.
pub fn plain_schemas(text: &str, is_provider: impl Fn(&str) -> bool) -> Cow<'_, str> {
    if !text.contains('.') || !(text.contains('"') || text.contains("public")) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, piece) in pieces(text) {
        let behind = text[range.end..].trim_start();
        let is_first = !text[..range.start].trim_end().ends_with('.');
        if !is_first || !behind.starts_with('.') || !matches!(piece, Piece::Name | Piece::Keyword) {
            continue;
        }
        let word = &text[range.clone()];
        if word == "public" || word == "\"public\"" {
            let end = text.len() - behind.len() + 1;
            out.push_str(&text[done..range.start]);
            out.extend(std::iter::repeat_n(' ', end - range.start));
            done = end;
            continue;
        }
        let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
        let Some((provider, service)) = inner.and_then(|inner| inner.split_once('.')) else {
            continue;
        };
        if !is_provider(provider) {
            continue;
        }
        out.push_str(&text[done..range.start]);
        if is_plain(provider) && is_plain(service) {
            out.extend([" ", provider, ".", service, " "]);
        } else {
            out.extend(["\"", provider, "\".\"", service, "\""]);
        }
        done = range.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// True for a name that is the same without quotes.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_written_as_ours() {
        let plain = |text: &str| plain_schemas(text, |name| name == "p").into_owned();
        for (text, wanted) in [
            (r#"SELECT "p.s"."t"."c" FROM "p.s"."t""#, r#"SELECT  p.s ."t"."c" FROM  p.s ."t""#),
            (r#"SELECT * FROM "p.s-1"."t""#, r#"SELECT * FROM "p"."s-1"."t""#),
            (r#"SELECT * FROM "public"."t""#, r#"SELECT * FROM          "t""#),
            ("SELECT public.t.c FROM public.t", "SELECT        t.c FROM        t"),
            (r#"SELECT "q.s"."t", 'p.s'.x"#, r#"SELECT "q.s"."t", 'p.s'.x"#),
            (r#"SELECT a."p.s".b"#, r#"SELECT a."p.s".b"#),
            ("SELECT 1.5, '\"p.s\".'", "SELECT 1.5, '\"p.s\".'"),
        ] {
            assert_eq!(plain(text), wanted);
        }
    }
}
