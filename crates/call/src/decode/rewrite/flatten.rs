//! The two templates of Azure, without a template engine.
//!
//! Owns: lifting the members of `properties` into their row, and recognising the templates that do so.
//! Surprise: values are copied as text. What a row says itself wins over its `properties`, as in the
//! templates, where it comes last.

use std::ops::Range;

use jiter::{Jiter, Peek};

/// Digests of the templates without white space: the list, and the single object.
const LIST: u64 = 0xa5d0_c674_e225_c66c;
const SINGLE: u64 = 0xf8b9_0a81_b65e_fd96;

/// Whether a template is one of the two, and if so whether it is that of a list.
pub(super) fn recognise(template: &str) -> Option<bool> {
    let plain = template.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let digest = plain.fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    match digest {
        LIST => Some(true),
        SINGLE => Some(false),
        _ => None,
    }
}

type Failure = jiter::JiterErrorType;

/// A list: the rows are under `value`, all else is copied.
pub(super) fn list(json: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut jiter = Jiter::new(json);
    let mut out = Vec::with_capacity(json.len() * 2);
    if jiter.peek().map_err(kind)? != Peek::Object {
        return rest(jiter, json).map(<[u8]>::to_vec);
    }
    out.push(b'{');
    let mut key = first_key(&mut jiter, json)?;
    while let Some(span) = key {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&json[span.clone()]);
        out.push(b':');
        let peek = jiter.peek().map_err(kind)?;
        if &json[span] == b"\"value\"" && peek == Peek::Array {
            out.push(b'[');
            let mut next = jiter.known_array().map_err(kind)?;
            let mut is_first = true;
            while let Some(peek) = next {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                row(&mut jiter, json, peek, &mut out)?;
                next = jiter.array_step().map_err(kind)?;
            }
            out.push(b']');
        } else {
            copy(&mut jiter, json, peek, &mut out)?;
        }
        key = next_key(&mut jiter, json)?;
    }
    out.push(b'}');
    jiter.finish().map_err(kind)?;
    Ok(out)
}

/// A single object.
pub(super) fn single(json: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut jiter = Jiter::new(json);
    let mut out = Vec::with_capacity(json.len() * 2);
    let peek = jiter.peek().map_err(kind)?;
    row(&mut jiter, json, peek, &mut out)?;
    jiter.finish().map_err(kind)?;
    Ok(out)
}

/// A row with the members of its `properties`; anything but an object stays as it is.
fn row<'j>(
    jiter: &mut Jiter<'j>,
    json: &'j [u8],
    peek: Peek,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    if peek != Peek::Object {
        return copy(jiter, json, peek, out);
    }
    let own = members(jiter, json)?;
    let mut is_first = true;
    out.push(b'{');
    let mut write = |key: &[u8], value: &[u8]| {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        out.extend_from_slice(key);
        out.push(b':');
        out.extend_from_slice(value);
    };
    for (key, value) in &own {
        if *key == b"\"properties\"" && value.first() == Some(&b'{') {
            let mut inner = Jiter::new(value);
            inner.peek().map_err(kind)?;
            for (key, value) in members(&mut inner, value)? {
                if !own.iter().any(|(known, _)| *known == key) {
                    write(key, value);
                }
            }
        }
    }
    for (key, value) in own {
        write(key, value);
    }
    out.push(b'}');
    Ok(())
}

/// A key and a value, as they are written.
type Member<'j> = (&'j [u8], &'j [u8]);

/// The members of an object.
fn members<'j>(jiter: &mut Jiter<'j>, json: &'j [u8]) -> Result<Vec<Member<'j>>, Failure> {
    let mut found = Vec::new();
    let mut key = first_key(jiter, json)?;
    while let Some(span) = key {
        let peek = jiter.peek().map_err(kind)?;
        let start = jiter.current_index();
        jiter.known_skip(peek).map_err(kind)?;
        found.push((&json[span], &json[start..jiter.current_index()]));
        key = next_key(jiter, json)?;
    }
    Ok(found)
}

/// Where the first key of an object stands.
fn first_key(jiter: &mut Jiter<'_>, json: &[u8]) -> Result<Option<Range<usize>>, Failure> {
    let from = jiter.current_index();
    let is_there = jiter.known_object().map_err(kind)?.is_some();
    Ok(is_there.then(|| span(json, from, jiter.current_index())))
}

/// Where the next key of an object stands.
fn next_key(jiter: &mut Jiter<'_>, json: &[u8]) -> Result<Option<Range<usize>>, Failure> {
    let from = jiter.current_index();
    let is_there = jiter.next_key().map_err(kind)?.is_some();
    Ok(is_there.then(|| span(json, from, jiter.current_index())))
}

/// The key, with its quotes, in what was read for it.
fn span(json: &[u8], from: usize, to: usize) -> Range<usize> {
    let read = &json[from..to];
    let start = read.iter().position(|byte| *byte == b'"').unwrap_or(0);
    let end = read.iter().rposition(|byte| *byte == b'"').map_or(read.len(), |at| at + 1);
    from + start..from + end
}

fn copy(jiter: &mut Jiter<'_>, json: &[u8], peek: Peek, out: &mut Vec<u8>) -> Result<(), Failure> {
    let start = jiter.current_index();
    jiter.known_skip(peek).map_err(kind)?;
    out.extend_from_slice(&json[start..jiter.current_index()]);
    Ok(())
}

/// A document that is not of the expected kind is left to the reader of envelopes.
fn rest<'j>(mut jiter: Jiter<'_>, json: &'j [u8]) -> Result<&'j [u8], Failure> {
    jiter.next_skip().map_err(kind)?;
    jiter.finish().map_err(kind)?;
    Ok(json)
}

fn kind(error: jiter::JiterError) -> Failure {
    error.error_type
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(made: Result<Vec<u8>, Failure>) -> String {
        String::from_utf8(made.expect("JSON")).expect("text")
    }

    #[test]
    fn properties_are_lifted_and_the_row_wins() {
        let body = br#" {"value" : [ {"id":"1", "properties": {"id":"x","a":{"b":[1, 2]}}, "n\"k":null}, 5, {} ], "nextLink":"u" } "#;
        assert_eq!(
            text(list(body)),
            r#"{"value":[{"a":{"b":[1, 2]},"id":"1","properties":{"id":"x","a":{"b":[1, 2]}},"n\"k":null},5,{}],"nextLink":"u"}"#
        );
        assert_eq!(
            text(single(br#"{"properties":{"a":12.50}}"#)),
            r#"{"a":12.50,"properties":{"a":12.50}}"#
        );
    }

    #[test]
    fn what_is_no_list_stays_as_it_is() {
        assert_eq!(text(list(br#"{"error":{"code":"x"}}"#)), r#"{"error":{"code":"x"}}"#);
        assert_eq!(text(list(b"[1]")), "[1]");
        assert!(list(b"{\"value\":[{\"a\":").is_err());
        assert!(single(b"{} x").is_err());
    }
}
