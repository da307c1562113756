//! Matching of concrete paths and hosts against templates.
//!
//! Owns: the sandbox's own implementation of path templates, independent of the client's.
//! Surprise: a parameter matches one segment. Only if no route matches that way may it match
//! several (resource names contain slashes), and then only if the match is unique.

use strataql_spec::Piece;

/// Values of a template's parameters.
pub(crate) type Values = Vec<(String, String)>;

/// A path template, split into segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Vec<Piece>>,
    /// Literal segments, then literal characters: the weight of a template.
    pub(crate) weight: (usize, usize),
}

impl Template {
    /// Splits the pieces of a path (with its leading slash).
    pub(crate) fn new<'a>(pieces: impl Iterator<Item = &'a Piece>) -> Self {
        let mut segments: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in pieces {
            match piece {
                Piece::Param(name) => push(&mut segments, Piece::Param(name.clone())),
                Piece::Literal(text) => {
                    for (at, part) in text.split('/').enumerate() {
                        if at > 0 {
                            segments.push(Vec::new());
                        }
                        if !part.is_empty() {
                            push(&mut segments, Piece::Literal(part.to_owned()));
                        }
                    }
                }
            }
        }
        if segments.len() > 1 && segments[0].is_empty() {
            segments.remove(0);
        }
        let literal = |segment: &&Vec<Piece>| !segment.iter().any(|p| matches!(p, Piece::Param(_)));
        let characters = segments.iter().flatten().map(|piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Param(_) => 0,
        });
        let weight = (segments.iter().filter(literal).count(), characters.sum());
        Self { segments, weight }
    }

    /// The number of segments.
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The parameter that is the whole last segment.
    pub(crate) fn last_param(&self) -> Option<&str> {
        match self.segments.last()?.as_slice() {
            [Piece::Param(name)] => Some(name),
            _ => None,
        }
    }

    /// True when some segment holds a parameter.
    pub(crate) fn has_params(&self) -> bool {
        self.segments.iter().flatten().any(|piece| matches!(piece, Piece::Param(_)))
    }

    /// Matches segment by segment.
    pub(crate) fn matches(&self, path: &[String]) -> Option<Values> {
        if path.len() != self.segments.len() {
            return None;
        }
        let mut values = Values::new();
        for (pieces, text) in self.segments.iter().zip(path) {
            values.extend(one_way(pieces, text, true)?);
        }
        Some(values)
    }

    /// Matches with parameters that may take several segments.
    pub(crate) fn matches_across(&self, path: &[String]) -> Option<Values> {
        if path.len() <= self.segments.len() {
            return None;
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for (at, segment) in self.segments.iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Literal("/".to_owned()));
            }
            pieces.extend(segment.iter().cloned());
        }
        one_way(&pieces, &path.join("/"), false)
    }
}

fn push(segments: &mut [Vec<Piece>], piece: Piece) {
    if let Some(last) = segments.last_mut() {
        last.push(piece);
    }
}

/// The values, if the text matches; `first` accepts the first of several matches.
pub(crate) fn one_way(pieces: &[Piece], text: &str, first: bool) -> Option<Values> {
    let mut found = Vec::new();
    ways(pieces, text, if first { 1 } else { 2 }, &mut Values::new(), &mut found);
    if found.len() == 1 { found.pop() } else { None }
}

fn ways(pieces: &[Piece], text: &str, limit: usize, values: &mut Values, found: &mut Vec<Values>) {
    let Some((piece, rest)) = pieces.split_first() else {
        if text.is_empty() {
            found.push(values.clone());
        }
        return;
    };
    match piece {
        Piece::Literal(literal) => {
            if let Some(text) = text.strip_prefix(literal.as_str()) {
                ways(rest, text, limit, values, found);
            }
        }
        Piece::Param(name) if rest.is_empty() => {
            if is_value(text) {
                values.push((name.clone(), text.to_owned()));
                found.push(values.clone());
                values.pop();
            }
        }
        Piece::Param(name) => {
            let ends = text.char_indices().map(|(at, _)| at).skip(1);
            for end in ends {
                if found.len() >= limit {
                    return;
                }
                if is_value(&text[..end]) {
                    values.push((name.clone(), text[..end].to_owned()));
                    ways(rest, &text[end..], limit, values, found);
                    values.pop();
                }
            }
        }
    }
}

fn is_value(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && !text.ends_with('/') && !text.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::segments;

    fn template(text: &str) -> Template {
        Template::new(strataql_spec::path::pieces(text).iter())
    }

    fn read(text: &str, path: &str) -> Option<String> {
        let values = template(text).matches(&segments(path))?;
        Some(values.into_iter().map(|(name, value)| [&name, "=", &value, ";"].concat()).collect())
    }

    #[test]
    fn parameters_take_one_segment_or_a_part_of_it() {
        assert_eq!(read("/a/{x}", "/a/1").as_deref(), Some("x=1;"));
        assert_eq!(read("/a/{x}", "/a/1/2"), None);
        assert_eq!(read("/a/{x}", "/a/"), None);
        assert_eq!(read("/a/{x}:run", "/a/1:run").as_deref(), Some("x=1;"));
        assert_eq!(read("/f('{x}')/{y}.json", "/f('q')/z.json").as_deref(), Some("x=q;y=z;"));
        assert_eq!(read("/a/{x}", "/a/p%2Fq").as_deref(), Some("x=p/q;"));
        assert_eq!(read("/", "/").as_deref(), Some(""));
    }

    #[test]
    fn several_segments_are_taken_only_without_ambiguity() {
        let across = |text: &str, path: &str| template(text).matches_across(&segments(path));
        let values = across("/v1/{parent}/groups", "/v1/accounts/7/groups").expect("one way");
        assert_eq!(values, [("parent".to_owned(), "accounts/7".to_owned())]);
        assert!(across("/v1/{name}", "/v1/accounts/7/groups/8").is_some());
        assert!(across("/v1/{a}/{b}", "/v1/x/y/z").is_none(), "two ways");
        assert!(across("/v1/{name}", "/v1/x").is_none(), "one segment is the other rule's");
    }

    #[test]
    fn literal_segments_weigh_more() {
        assert!(template("/users/me").weight > template("/users/{id}").weight);
        assert!(template("/{parent}/groups").weight > template("/{name}").weight);
        assert_eq!(template("/a/{id}").last_param(), Some("id"));
        assert_eq!(template("/a/{id}:run").last_param(), None);
    }
}
