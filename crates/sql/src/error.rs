//! `sqlparser`'s errors as reports with spans.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use strataql_diag::{Code, LineColumn, Report, Span, did_you_mean};

use crate::spans::{byte_span, is_real, position};

/// The report of a parse error; the error has its position in its text only.
pub(crate) fn report(message: &str, text: &str, tokens: &[TokenWithSpan]) -> Box<Report> {
    let (message, location) = split_location(message);
    let span = location.and_then(|at| token_at(text, tokens, at)).or_else(|| {
        let last = tokens.iter().rev().find(|token| is_real(token))?;
        Some(byte_span(text, last))
    });
    Box::new(
        Report::new(Code::Syntax, readable(message)).with_span(span, "").with_help(
            span.and_then(|span| misspelled(text, tokens, span))
                .or_else(|| habit(text, tokens))
                .unwrap_or_else(|| next_step(message, text)),
        ),
    )
}

/// `…, found: x at Line: 2, Column: 10` into message and position.
fn split_location(message: &str) -> (&str, Option<LineColumn>) {
    let Some((head, place)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let Some((line, column)) = place.split_once(", Column: ") else { return (message, None) };
    match (line.trim().parse(), column.trim().parse()) {
        (Ok(line), Ok(column)) => (head, Some(LineColumn { line, column })),
        _ => (message, None),
    }
}

fn token_at(text: &str, tokens: &[TokenWithSpan], at: LineColumn) -> Option<Span> {
    let key = |at: LineColumn| (at.line, at.column);
    let at = key(at);
    let real = || tokens.iter().filter(|token| is_real(token));
    let begins = |token: &&TokenWithSpan| key(position(token.span.start)) == at;
    let holds = |token: &&TokenWithSpan| {
        key(position(token.span.start)) <= at && at < key(position(token.span.end))
    };
    let found = real().find(begins).or_else(|| real().find(holds))?;
    Some(byte_span(text, found))
}

/// `Expected: x, found: y` as one lower-case sentence with literals in backticks.
fn readable(message: &str) -> String {
    let message = message.trim();
    // a final stop may be the token that was found
    let message =
        if message.ends_with("found: .") { message } else { message.trim_end_matches('.') };
    let Some(rest) =
        message.strip_prefix("Expected: ").or_else(|| message.strip_prefix("Expected "))
    else {
        let mut chars = message.chars();
        return match chars.next() {
            Some(first) => first.to_lowercase().chain(chars).collect(),
            None => "the statement is not valid SQL".to_owned(),
        };
    };
    match rest.split_once(", found: ").or_else(|| rest.split_once(" found: ")) {
        Some((wanted, "EOF")) => format!("expected {wanted}, found the end of the statement"),
        Some((wanted, found)) => format!("expected {wanted}, found `{found}`"),
        None => format!("expected {rest}"),
    }
}

/// Words that statements begin with.
const BEGINNINGS: [&str; 17] = [
    "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "REPLACE", "DELETE", "EXEC", "EXPLAIN", "SHOW",
    "DESCRIBE", "USE", "SET", "ASSERT", "CREATE", "DROP", "REFRESH",
];

/// Words that clauses begin with, or consist of.
const CLAUSES: [&str; 24] = [
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "LEFT",
    "RIGHT",
    "INNER",
    "OUTER",
    "CROSS",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "VALUES",
    "RETURNING",
    "USING",
    "BETWEEN",
    "SELECT",
    "INTO",
    "SET",
    "DISTINCT",
];

/// How many words before the mark may be the mistake: an unknown word is first read as an alias.
const LOOK_BACK: usize = 2;

/// The keyword that was meant by a word at the mark or shortly before it.
pub(crate) fn misspelled(text: &str, tokens: &[TokenWithSpan], mark: Span) -> Option<String> {
    let real: Vec<&TokenWithSpan> = tokens.iter().filter(|token| is_real(token)).collect();
    let at = real
        .iter()
        .position(|token| byte_span(text, token).start >= mark.start)
        .unwrap_or(real.len());
    // the first word is what `next_step` looks at
    let from = at.saturating_sub(LOOK_BACK).max(1);
    let words = real.get(from..(at + 1).min(real.len()))?;
    let meant = words.iter().rev().find_map(|token| {
        let Token::Word(word) = &token.token else { return None };
        if word.quote_style.is_some() || word.keyword != Keyword::NoKeyword {
            return None;
        }
        let typed = word.value.to_uppercase();
        CLAUSES.into_iter().find(|known| is_slip(&typed, known)).map(|known| (word, known))
    });
    meant.map(|(word, known)| format!("did you mean `{known}` where `{}` is?", word.value))
}

/// True if the letters are the same in another order, or one is missing or too many. Any other
/// difference is more likely a name.
fn is_slip(typed: &str, known: &str) -> bool {
    let letters = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let (short, long) = if typed.len() < known.len() { (typed, known) } else { (known, typed) };
    match long.len() - short.len() {
        0 => typed.len() > 3 && letters(typed) == letters(known),
        1 => {
            short.len() > 3
                && long.char_indices().any(|(at, letter)| {
                    let (before, after) = (&long[..at], &long[at + letter.len_utf8()..]);
                    short.strip_prefix(before) == Some(after)
                })
        }
        _ => false,
    }
}

/// Commands of other tools, and what does the same here.
fn habit(text: &str, tokens: &[TokenWithSpan]) -> Option<String> {
    let first = tokens.iter().find(|token| is_real(token))?;
    let rest = &text[byte_span(text, first).start..];
    let mut words = rest.split_whitespace();
    let command = words.next()?.trim_end_matches(';').to_lowercase();
    let resource = "provider.service.resource";
    let named = words.next().map_or(resource, |word| word.trim_end_matches(';'));
    Some(match command.as_str() {
        "\\d" | "\\d+" | ".inspect" if named == resource => {
            "`SHOW RESOURCES IN provider.service` lists resources, `DESCRIBE` with a name lists columns"
                .to_owned()
        }
        "\\d" | "\\d+" | ".inspect" => format!("write `DESCRIBE {named}`"),
        "\\dt" | ".tables" => "write `SHOW RESOURCES IN provider.service`".to_owned(),
        "\\l" | "\\dn" => "write `SHOW PROVIDERS`, or `SHOW SERVICES IN provider`".to_owned(),
        "\\q" | "quit" | "exit" => "a run ends with its last statement".to_owned(),
        "terraform" | "plan" | "apply" => {
            "EXPLAIN before a statement, or `strataql exec --dry-run`, shows the requests without sending them"
                .to_owned()
        }
        _ => return None,
    })
}

/// Help for a syntax error.
pub(crate) fn next_step(message: &str, text: &str) -> String {
    let found = message.rsplit_once("found: ").map_or("", |(_, found)| found);
    let word = found.split_whitespace().next().unwrap_or_default();
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if message.contains("an SQL statement") {
        let known = did_you_mean(word, BEGINNINGS.iter().copied());
        return known.unwrap_or_else(|| format!("a statement begins with {}", or(&BEGINNINGS)));
    }
    if is_word && word != "EOF" && message.contains("identifier") {
        return format!("`{word}` is a keyword here; as a name it is written `\"{word}\"`");
    }
    if word == "EOF" || message.contains("the end of the statement") {
        let opened = text.matches('(').count();
        if opened > text.matches(')').count() {
            return "close the parenthesis that is still open".to_owned();
        }
        return "complete the statement; `strataql exec --help` has examples".to_owned();
    }
    "look for a comma, an operator or a bracket that is missing or too many before the mark; \
     text is written in single quotes, a name with special characters in double quotes"
        .to_owned()
}

fn or(words: &[&str]) -> String {
    match words {
        [head @ .., last] if !head.is_empty() => format!("{} or {last}", head.join(", ")),
        _ => words.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::is_slip;

    #[test]
    fn slips_are_not_other_words() {
        for (typed, known) in [
            ("FORM", "FROM"),
            ("WHER", "WHERE"),
            ("ODER", "ORDER"),
            ("SELCT", "SELECT"),
            ("LIMITT", "LIMIT"),
        ] {
            assert!(is_slip(typed, known), "{typed}");
        }
        for (typed, known) in
            [("ROME", "FROM"), ("USER", "USING"), ("SE", "SET"), ("LISTS", "LIMIT"), ("Ä", "SET")]
        {
            assert!(!is_slip(typed, known), "{typed}");
        }
    }
}
