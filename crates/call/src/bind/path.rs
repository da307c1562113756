//! Filling path templates.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use strataql_diag::Report;
use strataql_spec::{Location, Method, Param, Piece};

use super::Binder;

/// Characters that RFC 3986 does not allow in a path segment, and `/`-lookalikes; `%` and `/` are
/// handled separately.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'#')
    .add(b'?')
    .add(b'\\')
    .add(b'{')
    .add(b'}')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'|');

/// The path with every placeholder replaced by its encoded value.
pub(super) fn fill(binder: &Binder<'_>) -> Result<String, Box<Report>> {
    let mut path = String::new();
    let mut slashed: Option<&Param> = None;
    for piece in &binder.method.path.path {
        match piece {
            Piece::Literal(text) => path.push_str(&encode(text)),
            Piece::Param(name) => {
                let Some(param) = binder.params(Location::Path).find(|param| &param.wire == name)
                else {
                    continue;
                };
                let Some(value) = binder.args.value(param) else {
                    binder.require(param)?;
                    continue;
                };
                let text = binder.text(param, value)?;
                check(binder, param, &text)?;
                if text.contains('/') {
                    slashed = Some(param);
                }
                path.push_str(&encode(&text));
            }
        }
    }
    if let Some(param) = slashed
        && let Some(other) = other_endpoint(binder, &path)
    {
        return Err(binder.bad(
            param,
            "a value that keeps the call on this path",
            &format!("with it the path would be that of `{other}`"),
        ));
    }
    Ok(path)
}

/// Rejects values that disappear from the path or go up in it.
fn check(binder: &Binder<'_>, param: &Param, text: &str) -> Result<(), Box<Report>> {
    if text.is_empty() {
        return Err(binder.bad(
            param,
            "a non-empty value",
            "an empty path value would call another endpoint",
        ));
    }
    let climbs = text.split(['/', '\\']).any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    });
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy().to_string();
    let climbs_decoded =
        decoded != text && decoded.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."));
    if climbs || climbs_decoded {
        return Err(binder.bad(
            param,
            "a value without `.` and `..` segments",
            "such a segment would call another endpoint",
        ));
    }
    Ok(())
}

/// Percent-encodes characters that are not allowed in a path; existing `%XX` are kept.
fn encode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.extend(utf8_percent_encode(&rest[..at], SEGMENT));
        let hex = rest.get(at + 1..at + 3);
        if hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
            out.push('%');
        } else {
            out.push_str("%25");
        }
        rest = &rest[at + 1..];
    }
    out.extend(utf8_percent_encode(rest, SEGMENT));
    out
}

/// The path key of another endpoint that the path matches, if there is one.
fn other_endpoint<'a>(binder: &Binder<'a>, path: &str) -> Option<&'a str> {
    let own = &binder.method.path.raw;
    let methods = binder.service.resources.values().flat_map(|resource| resource.methods.values());
    methods
        .filter(|method| method.path.raw != *own && shape(method) != shape(binder.method))
        .find(|method| spells(&method.path.path, path))
        .map(|method| method.path.raw.as_str())
}

/// The template with anonymous placeholders: two keys of one shape are one endpoint.
fn shape(method: &Method) -> Vec<Option<&str>> {
    method
        .path
        .path
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Param(_) => None,
        })
        .collect()
}

/// True if a template matches the path with placeholders that contain no `/`.
fn spells(template: &[Piece], path: &str) -> bool {
    match template.split_first() {
        None => path.is_empty(),
        Some((Piece::Literal(text), rest)) => {
            path.strip_prefix(text.as_str()).is_some_and(|path| spells(rest, path))
        }
        Some((Piece::Param(_), rest)) => {
            let end = path.find('/').unwrap_or(path.len());
            (1..=end).filter(|at| path.is_char_boundary(*at)).any(|at| spells(rest, &path[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_but_existing_escapes_stay() {
        assert_eq!(encode("a b?c#d\\e"), "a%20b%3Fc%23d%5Ce");
        assert_eq!(encode("50%"), "50%25");
        assert_eq!(encode("a%2Fb"), "a%2Fb");
        assert_eq!(encode("ä:@!$&'()*+,;="), "%C3%A4:@!$&'()*+,;=");
    }

    #[test]
    fn templates_match_single_segments() {
        let template = strataql_spec::path::pieces("/a/{x}/b/{y}");
        assert!(spells(&template, "/a/1/b/2"));
        assert!(!spells(&template, "/a/1/b/2/3"));
        assert!(!spells(&template, "/a//b/2"));
    }
}
