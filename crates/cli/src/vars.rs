//! Variables of a statement: `{{ name }}` is replaced by a value before the statement is parsed.
//!
//! Owns: replacement, names without a value, and the mapping from the filled text back to the
//! original.
//! Refuses: reading files; the caller passes text.
//! Surprise: a value can never become SQL. Inside quotes it is escaped, outside it must be a
//! literal. To vary a table name, write `"{{ name }}"`.

mod optional;
mod scan;
mod value;

use strataql_diag::{Code, Report, Result, Span, did_you_mean};

use self::optional::{OptionalLine, optional_line};
use self::scan::{Found, Place, scan};
pub(crate) use self::value::Variables;

/// Variables without a value that are marked in the statement; the message names all.
const MARKED: usize = 3;

/// A text with its variables filled in.
#[derive(Debug, Default)]
pub(crate) struct Template {
    /// The filled text.
    pub(crate) text: String,
    /// Values that were given and have no place in the text.
    pub(crate) warnings: Vec<Report>,
    pieces: Vec<Piece>,
    /// Length of the original text.
    input: usize,
}

/// A part of the filled text and its origin.
#[derive(Debug)]
struct Piece {
    start: usize,
    from: Span,
    is_copy: bool,
}

impl Template {
    /// The part of the original text for a part of the filled text; a value maps to the whole
    /// variable.
    pub(crate) fn original(&self, span: Span) -> Span {
        let start = self.source(span.start).map_or(self.input, |(from, shift, is_copy)| {
            if is_copy { from.start + shift } else { from.start }
        });
        if span.end <= span.start {
            return Span::new(start, start);
        }
        let end = self.source(span.end - 1).map_or(self.input, |(from, shift, is_copy)| {
            if is_copy { from.start + shift + 1 } else { from.end }
        });
        Span::new(start, end)
    }

    /// The report with its labels on the original text.
    pub(crate) fn relabelled(&self, mut report: Report) -> Report {
        for label in &mut report.labels {
            label.span = self.original(label.span);
        }
        report
    }

    /// The piece that contains a byte, and the offset of the byte in it.
    fn source(&self, at: usize) -> Option<(Span, usize, bool)> {
        if at >= self.text.len() {
            return None;
        }
        let piece =
            &self.pieces[..self.pieces.partition_point(|piece| piece.start <= at)].last()?;
        Some((piece.from, at - piece.start, piece.is_copy))
    }

    fn copy(&mut self, text: &str, from: Span) {
        if from.start < from.end {
            self.pieces.push(Piece { start: self.text.len(), from, is_copy: true });
            self.text.push_str(from.slice(text));
        }
    }

    fn replace(&mut self, value: &str, from: Span) {
        self.pieces.push(Piece { start: self.text.len(), from, is_copy: false });
        self.text.push_str(value);
    }
}

/// Fills the variables of `text`.
///
/// With `drop_unset`, lines such as `AND p = '{{ p }}'` are left out if their variables have no
/// value.
///
/// # Errors
/// `unset-variable` naming every variable without a value, `bad-param-value` for a value that is
/// not allowed in its place, `syntax` for braces around something that is not a name.
pub(crate) fn fill(text: &str, variables: &Variables, drop_unset: bool) -> Result<Template> {
    let scan = scan(text)?;
    let unset: Vec<&Found> = scan.found.iter().filter(|one| variables.lacks(one)).collect();
    let optional: Vec<OptionalLine> = scan
        .lines
        .iter()
        .filter(|line| is_all_unset(**line, &scan.found, variables))
        .filter_map(|line| optional_line(text, *line, &scan.found))
        .collect();
    let is_optional = |one: &Found| optional.iter().any(|line| holds(line.span, one.span));
    let needed: Vec<&Found> =
        unset.iter().copied().filter(|one| !(drop_unset && is_optional(one))).collect();
    if !needed.is_empty() {
        let hint = needed.iter().any(|one| is_optional(one));
        return Err(not_set(&needed, variables, hint));
    }
    let warnings = unused(&scan.found, variables);
    let mut template = Template { input: text.len(), warnings, ..Template::default() };
    let mut at = 0;
    let mut dropped = optional.iter().filter(|_| drop_unset).peekable();
    for found in &scan.found {
        if at > found.span.start {
            continue;
        }
        if let Some(line) = dropped.next_if(|line| holds(line.span, found.span)) {
            template.copy(text, Span::new(at, line.span.start));
            at = drop_line(text, line, &mut template);
            continue;
        }
        template.copy(text, Span::new(at, found.span.start));
        at = found.span.end;
        let mut value = variables.written(found)?;
        if found.place == Place::Code {
            value = apart(&template.text, &value, &text[at..]);
        }
        template.replace(&value, found.span);
    }
    template.copy(text, Span::new(at, text.len()));
    Ok(template)
}

/// A warning for each `--var` that the text does not have. Files of variables serve several texts.
fn unused(found: &[Found], variables: &Variables) -> Vec<Report> {
    let names = || found.iter().map(|one| one.name.as_str());
    variables
        .given()
        .filter(|given| !names().any(|name| name == *given))
        .map(|given| {
            let report = Report::warning(
                Code::Usage,
                format!(
                    "`--var {given}=…` has no effect: the statements have no `{{{{ {given} }}}}`"
                ),
            );
            match did_you_mean(given, names()) {
                Some(question) => report.with_help(question),
                None => report.with_help("leave it out, or use the variable in a statement"),
            }
        })
        .collect()
}

fn holds(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// True when the line has variables and none of them has a value.
fn is_all_unset(line: Span, found: &[Found], variables: &Variables) -> bool {
    let mut within = found.iter().filter(|one| holds(line, one.span)).peekable();
    within.peek().is_some() && within.all(|one| variables.lacks(one))
}

/// Removes a line, except for a `;` that ends the statement; returns the position after it.
fn drop_line(text: &str, line: &OptionalLine, template: &mut Template) -> usize {
    let Some(semicolon) = line.semicolon else { return line.span.end };
    template.copy(text, Span::new(semicolon, semicolon + 1));
    if text[..line.span.end].ends_with('\n') { line.span.end - 1 } else { line.span.end }
}

/// A literal, separated from neighbours that would change its meaning: `-` and `-1` are not a
/// comment, two adjacent strings are not one.
fn apart(before: &str, value: &str, after: &str) -> String {
    let meets = |sign: char| value.starts_with(sign) && before.ends_with(sign);
    let left = if meets('-') || meets('\'') { " " } else { "" };
    let right = if value.ends_with('\'') && after.starts_with('\'') { " " } else { "" };
    format!("{left}{value}{right}")
}

fn not_set(needed: &[&Found], variables: &Variables, hint: bool) -> Box<Report> {
    let mut names: Vec<&str> = Vec::new();
    for found in needed {
        if !names.contains(&found.name.as_str()) {
            names.push(&found.name);
        }
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let message = match quoted.as_slice() {
        [one] => format!("the variable {one} has no value"),
        several => format!("the variables {} have no value", several.join(", ")),
    };
    let mut report = Report::new(Code::UnsetVariable, message);
    let firsts = names.iter().filter_map(|name| needed.iter().find(|found| found.name == *name));
    for found in firsts.take(MARKED) {
        let label = if variables.is_null(&found.name) {
            "null, which is no text".to_owned()
        } else {
            match did_you_mean(&found.name, variables.names()) {
                Some(question) => format!("not set; {question}"),
                None => "not set".to_owned(),
            }
        };
        report = report.with_label(found.span, label);
    }
    report = report.with_help(format!(
        "give each with `--var {0}=…`, in a file with `--vars FILE`, or as `STRATAQL_VAR_{0}`",
        names[0]
    ));
    if hint {
        report = report
            .with_help("`--drop-unset` leaves out lines such as `AND p = '{{ p }}'` whose variables are not set");
    }
    Box::new(report)
}

#[cfg(test)]
mod tests;
