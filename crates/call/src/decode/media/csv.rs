//! Tables in CSV as a JSON array of objects.
//!
//! Owns: the grammar of RFC 4180: quotes, quotes inside of quotes, lines inside of quotes.

use serde_json::{Map, Value as Json};

/// The rows of a table whose first line names its columns, as the text of a JSON array.
///
/// # Errors
/// What is wrong with the table, as a clause.
pub(super) fn objects(text: &str) -> Result<String, String> {
    let mut records = records(text)?.into_iter();
    let Some(names) = records.next() else { return Ok("[]".to_owned()) };
    let mut rows = Vec::new();
    for (at, record) in records.enumerate() {
        if record.len() != names.len() {
            return Err(format!(
                "row {} has {} fields and the first line {}",
                at + 1,
                record.len(),
                names.len()
            ));
        }
        let fields = names.iter().cloned().zip(record.into_iter().map(Json::from));
        rows.push(Json::Object(fields.collect::<Map<_, _>>()));
    }
    Ok(Json::Array(rows).to_string())
}

fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let mut record: Vec<String> = Vec::new();
    let mut field = String::new();
    let mut chars = text.chars().peekable();
    let (mut is_quoted, mut was_quoted) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.is_empty() && !was_quoted => (is_quoted, was_quoted) = (true, true),
            ',' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                was_quoted = false;
            }
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                was_quoted = false;
                end(&mut records, &mut record);
            }
            other => field.push(other),
        }
    }
    if is_quoted {
        return Err("a quote is not closed".to_owned());
    }
    if !field.is_empty() || was_quoted || !record.is_empty() {
        record.push(field);
        end(&mut records, &mut record);
    }
    Ok(records)
}

/// Ends a record; an empty line is none.
fn end(records: &mut Vec<Vec<String>>, record: &mut Vec<String>) {
    let record = std::mem::take(record);
    if record.len() > 1 || record.first().is_some_and(|only| !only.is_empty()) {
        records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_objects() {
        let text = "a,\"b c\"\r\n1,\"x, \"\"y\"\"\n z\"\n\n\"\",2";
        assert_eq!(
            objects(text).expect("a table"),
            r#"[{"a":"1","b c":"x, \"y\"\n z"},{"a":"","b c":"2"}]"#
        );
        assert_eq!(objects("").expect("empty"), "[]");
        assert_eq!(objects("a,b\n").expect("no rows"), "[]");
    }

    #[test]
    fn broken_tables_say_why() {
        assert_eq!(
            objects("a,b\n1").expect_err("short"),
            "row 1 has 1 fields and the first line 2"
        );
        assert_eq!(objects("a\n\"x").expect_err("open"), "a quote is not closed");
    }
}
