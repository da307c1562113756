//! Filling path templates.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use strataql_diag::Report;
use strataql_spec::{Location, Method, Param, Piece};
use url::Url;

use super::Binder;

/// What may not stand in the text of a template; its own `%XX` and `/` are meant.
const LITERAL: &AsciiSet = &CONTROLS
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

/// All that a value may not say for itself: everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path with every placeholder replaced by its encoded value.
pub(super) fn fill(binder: &Binder<'_>) -> Result<String, Box<Report>> {
    let mut path = String::new();
    let mut slashed: Option<&Param> = None;
    for piece in &binder.method.path.path {
        match piece {
            Piece::Literal(text) => path.push_str(&literal(text)),
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
                if param.multi_segment && text.contains('/') {
                    slashed = Some(param);
                }
                path.push_str(&encoded(&text, param.multi_segment));
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

/// What is to be said of a 404 of an address in which the `/` of a value is encoded.
pub(crate) fn slash_note(url: &Url) -> Option<String> {
    url.path().to_ascii_uppercase().contains("%2F").then(|| {
        "the `/` in a path value was sent as `%2F`, in one segment; if the service expects several segments, \
         list the parameter in the document (`x-strataql: {path: […]}`)"
            .to_owned()
    })
}

/// Refuses values that vanish from the path or climb out of it.
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

/// A value in a path: one segment, or as many as it has.
fn encoded(text: &str, multi_segment: bool) -> String {
    if !multi_segment {
        return utf8_percent_encode(text, SEGMENT).to_string();
    }
    let segments: Vec<String> =
        text.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
    segments.join("/")
}

/// Text of a template: what may not stand in a path is encoded, existing `%XX` stay as they are.
fn literal(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.extend(utf8_percent_encode(&rest[..at], LITERAL));
        let hex = rest.get(at + 1..at + 3);
        if hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
            out.push('%');
        } else {
            out.push_str("%25");
        }
        rest = &rest[at + 1..];
    }
    out.extend(utf8_percent_encode(rest, LITERAL));
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
    fn values_are_one_segment_unless_they_may_be_more() {
        assert_eq!(encoded("a b?c#d\\e", false), "a%20b%3Fc%23d%5Ce");
        assert_eq!(encoded("50%", false), "50%25");
        assert_eq!(encoded("a%2Fb", false), "a%252Fb");
        assert_eq!(encoded("/a/b;c/", false), "%2Fa%2Fb%3Bc%2F");
        assert_eq!(encoded("/a/b;c%2F/", true), "/a/b%3Bc%252F/");
        assert_eq!(
            encoded("ä:@!$&'()*+,;=", false),
            "%C3%A4%3A%40%21%24%26%27%28%29%2A%2B%2C%3B%3D"
        );
        assert_eq!(encoded("A-z_0.9~", false), "A-z_0.9~");
    }

    #[test]
    fn the_text_of_a_template_keeps_its_escapes() {
        assert_eq!(literal("/a%2Fb c/50%:x"), "/a%2Fb%20c/50%25:x");
    }

    #[test]
    fn a_404_tells_how_a_slash_was_sent() {
        let url = |text| Url::parse(text).expect("a URL");
        assert!(slash_note(&url("https://h/a%2fb")).is_some());
        assert!(slash_note(&url("https://h/a/b?c=%2F")).is_none());
    }

    #[test]
    fn templates_match_single_segments() {
        let template = strataql_spec::path::pieces("/a/{x}/b/{y}");
        assert!(spells(&template, "/a/1/b/2"));
        assert!(!spells(&template, "/a/1/b/2/3"));
        assert!(!spells(&template, "/a//b/2"));
    }
}
