//! Splitting a script into statements.
//!
//! Owns: the lexical forms that only the reference has: comments with `//` and `#`, `/*! … */`, escapes
//! with `\`, `&&`.
//! Surprise: comments become blanks, but for hints (`/*+ … */`).

/// The statements of a script without their comments, in order. Empty ones are left out.
pub fn pieces(script: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut piece = String::new();
    let mut rest = script;
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            ';' => {
                all.push(std::mem::take(&mut piece));
                1
            }
            '\'' => text(rest, &mut piece),
            '"' => {
                let end = quoted(rest, '"');
                piece.push_str(&rest[..end]);
                end
            }
            '#' => comment(rest, &mut piece),
            '-' if rest.starts_with("--") => comment(rest, &mut piece),
            '/' if rest.starts_with("//") => comment(rest, &mut piece),
            '/' if rest.starts_with("/*") => block(rest, &mut piece),
            '&' if rest.starts_with("&&") => {
                piece.push_str(" AND ");
                2
            }
            other => {
                piece.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    all.push(piece);
    let trimmed = all.into_iter().map(|piece| with_types(piece.trim()));
    trimmed.filter(|piece| !piece.is_empty()).collect()
}

/// The types of `CAST(… AS type)` that only the reference has, as those that the engine has.
fn with_types(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len());
    let mut rest = piece;
    let mut word = String::new();
    let mut after_as = false;
    while let Some(character) = rest.chars().next() {
        if character == '\'' || character == '"' {
            let end = quoted(rest, character);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            after_as = false;
            continue;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            out.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        }
        word.clear();
        word.push_str(&rest[..end]);
        rest = &rest[end..];
        if after_as
            && (word.eq_ignore_ascii_case("signed") || word.eq_ignore_ascii_case("unsigned"))
        {
            out.push_str("BIGINT");
            let behind = rest.trim_start();
            if behind.get(..7).is_some_and(|next| next.eq_ignore_ascii_case("integer")) {
                rest = &behind[7..];
            }
        } else {
            out.push_str(&word);
        }
        after_as = word.eq_ignore_ascii_case("as");
    }
    out
}

/// Where something that begins with a quote ends; a doubled quote is inside.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            if characters.peek().is_none_or(|(_, next)| *next != quote) {
                return at + 1;
            }
            characters.next();
        }
    }
    text.len()
}

/// Takes over a text in single quotes, its escapes as they are meant.
fn text(rest: &str, piece: &mut String) -> usize {
    piece.push('\'');
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' if characters.peek().is_some_and(|(_, next)| *next == '\'') => {
                characters.next();
                piece.push_str("''");
            }
            '\'' => {
                piece.push('\'');
                return at + 1;
            }
            '\\' => match characters.peek().map(|(_, next)| *next) {
                Some(next) => match escaped(next) {
                    Some(meant) => {
                        characters.next();
                        piece.push_str(meant);
                    }
                    None => piece.push('\\'),
                },
                None => piece.push('\\'),
            },
            other => piece.push(other),
        }
    }
    rest.len()
}

/// What an escape stands for, as it is written in a text.
fn escaped(character: char) -> Option<&'static str> {
    Some(match character {
        '\'' => "''",
        '"' => "\"",
        '\\' => "\\",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        _ => return None,
    })
}

/// Passes over a comment up to the end of its line.
fn comment(rest: &str, piece: &mut String) -> usize {
    piece.push(' ');
    rest.find('\n').unwrap_or(rest.len())
}

/// Passes over a comment in `/* … */`. Hints stay, and `/*! … */` is executed.
fn block(rest: &str, piece: &mut String) -> usize {
    let end = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
    let whole = &rest[..end];
    if whole.starts_with("/*+") {
        piece.push_str(whole);
    } else if let Some(executed) = whole.strip_prefix("/*!") {
        piece.push_str(executed.strip_suffix("*/").unwrap_or(executed));
    } else {
        piece.push(' ');
    }
    end
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_split() {
        assert_eq!(
            pieces("select ';' as a; -- x; y\nselect 2 /* ; */ as \";\" ;; # z;\n"),
            ["select ';' as a", "select 2   as \";\""]
        );
        assert!(pieces(" ; // nothing\n").is_empty());
    }

    #[test]
    fn comments_become_blanks_but_hints_stay() {
        assert_eq!(
            pieces("INSERT /*+ AWAIT */ INTO t // all\n VALUES(1)"),
            ["INSERT /*+ AWAIT */ INTO t  \n VALUES(1)"]
        );
        assert_eq!(pieces("select /*! 1 */ as a"), ["select  1  as a"]);
    }

    #[test]
    fn types_of_casts_are_those_of_the_engine() {
        assert_eq!(
            pieces(
                "select cast(a as signed), cast(b AS UNSIGNED integer), 'as signed' as x, signed"
            ),
            ["select cast(a as BIGINT), cast(b AS BIGINT), 'as signed' as x, signed"]
        );
    }

    #[test]
    fn escapes_are_what_they_mean() {
        assert_eq!(
            pieces(r"select 'it\'s' as a, 'it''s', '\\d\w'"),
            ["select 'it''s' as a, 'it''s', '\\d\\w'"]
        );
        assert_eq!(pieces("a && b and 'x && y'"), ["a  AND  b and 'x && y'"]);
        assert_eq!(pieces("select 'open"), ["select 'open"]);
    }
}
