//! Optional lines: `AND p = '{{ p }}'` without a value for `p`.
//!
//! Owns: recognising such a line.
//! Surprise: a line whose comment begins with `required` is never left out. Without its condition a
//! `DELETE` would affect more than intended.

use strataql_diag::Span;

use super::scan::Found;

/// A line that compares one column with variables only.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OptionalLine {
    /// The line with its line feed.
    pub(super) span: Span,
    /// The `;` at its end, which is kept.
    pub(super) semicolon: Option<usize>,
}

/// Operators, longest first.
const SIGNS: &[&str] = &["<=", ">=", "<>", "!=", "==", "=", "<", ">"];

/// The line, if it is optional; `found` are the variables of the whole text.
pub(super) fn optional_line(text: &str, line: Span, found: &[Found]) -> Option<OptionalLine> {
    let found: Vec<&Found> = found
        .iter()
        .filter(|one| line.start <= one.span.start && one.span.end <= line.end)
        .collect();
    let mut reader = Reader { text: &text[..line.end], at: line.start, found: &found, seen: 0 };
    reader.skip_blanks();
    reader.word("and")?;
    reader.column()?;
    reader.operator()?;
    reader.operand()?;
    reader.skip_blanks();
    let semicolon = reader.rest().starts_with(';').then_some(reader.at);
    if semicolon.is_some() {
        reader.at += 1;
        reader.skip_blanks();
    }
    let rest = reader.rest().trim_end();
    let is_optional = match rest.strip_prefix("--") {
        Some(comment) => !comment.trim_start().to_ascii_lowercase().starts_with("required"),
        None => rest.is_empty(),
    };
    // a variable outside the operand would be in the column
    (is_optional && reader.seen == found.len()).then_some(OptionalLine { span: line, semicolon })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: &'a [&'a Found],
    seen: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// A keyword and its separator from the next token.
    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.rest();
        let is_word = rest.get(..word.len())?.eq_ignore_ascii_case(word)
            && !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if !is_word {
            return None;
        }
        self.at += word.len();
        self.skip_blanks();
        Some(())
    }

    /// A column name, with qualifiers.
    fn column(&mut self) -> Option<()> {
        loop {
            let rest = self.rest();
            let length = match rest.chars().next()? {
                quote @ ('"' | '`') => rest[1..].find(quote)? + 2,
                c if c.is_alphabetic() || c == '_' => rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
                    .unwrap_or(rest.len()),
                _ => return None,
            };
            self.at += length;
            if !self.rest().starts_with('.') {
                self.skip_blanks();
                return Some(());
            }
            self.at += 1;
        }
    }

    fn operator(&mut self) -> Option<()> {
        if let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            self.at += sign.len();
            self.skip_blanks();
            return Some(());
        }
        // `NOT` is optional
        self.word("not");
        ["like", "ilike", "in"].iter().find_map(|word| self.word(word))
    }

    /// A variable, a text with variables, or a list of those.
    fn operand(&mut self) -> Option<()> {
        self.skip_blanks();
        if self.rest().starts_with('(') {
            loop {
                self.at += 1;
                self.operand()?;
                self.skip_blanks();
                match self.rest().chars().next()? {
                    ',' => {}
                    ')' => {
                        self.at += 1;
                        return Some(());
                    }
                    _ => return None,
                }
            }
        }
        let end = if self.rest().starts_with('\'') {
            self.end_of_text()?
        } else {
            self.found.iter().find(|one| one.span.start == self.at)?.span.end
        };
        let within =
            self.found.iter().filter(|one| self.at <= one.span.start && one.span.end <= end);
        let count = within.count();
        self.seen += count;
        self.at = end;
        (count > 0).then_some(())
    }

    /// The end of the text that begins here.
    fn end_of_text(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match (bytes.get(at)?, bytes.get(at + 1)) {
                (b'\'', Some(b'\'')) => at += 2,
                (b'\'', _) => return Some(at + 1),
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vars::scan::scan;

    fn check(line: &str, expected: bool) {
        let scan = scan(line).expect("valid");
        let optional = optional_line(line, Span::new(0, line.len()), &scan.found);
        assert_eq!(optional.is_some(), expected, "{line}");
    }

    #[test]
    fn comparisons_of_one_column_with_variables_are_optional() {
        check("AND page_size = '{{ page_size }}'\n", true);
        check("  and t.\"Page\" >= {{ page }} -- how many\n", true);
        check("AND name NOT LIKE '%{{ a }}%'", true);
        check("AND id IN ('{{ a }}', {{ b }});", true);
    }

    #[test]
    fn everything_else_is_not() {
        check("WHERE a = '{{ a }}'", false);
        check("AND a = 'x'", false);
        check("AND a = '{{ a }}' -- required", false);
        check("AND a = '{{ a }}' --required;", false);
        check("AND a = '{{ a }}' AND b = 1", false);
        check("AND a = '{{ a }}' OR {{ b }}", false);
        check("AND a IN ('{{ a }}', 'x')", false);
        check("AND lower(a) = '{{ a }}'", false);
        check("AND \"{{ c }}\" = '{{ a }}'", false);
        check("ANDY = '{{ a }}'", false);
        check("AND (a = '{{ a }}'", false);
        check("AND a = '{{ a }}' /* x */", false);
    }
}
