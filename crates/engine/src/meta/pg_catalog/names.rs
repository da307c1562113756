//! Names of schemas and relations, as clients of PostgreSQL write them.

use strataql_query::statement::Statement;

/// The database that a statement's client is connected to.
pub(super) fn database(statement: &Statement) -> String {
    let settings = &statement.settings;
    let login = settings.login.as_ref().map(|login| login.database.clone());
    login.or_else(|| settings.namespace.first().cloned()).unwrap_or_else(|| "strataql".to_owned())
}

/// The provider that a statement's client sees alone.
pub(crate) fn provider(statement: &Statement) -> Option<String> {
    let login = statement.settings.login.as_ref()?;
    let mut all = statement.registry().providers().into_iter();
    all.find(|provider| provider.name == login.database).map(|provider| provider.name)
}

/// The schema of a service in a database.
pub(super) fn schema_name(provider: &str, service: &str, database: &str) -> String {
    if provider == database { service.to_owned() } else { format!("{provider}.{service}") }
}

/// A name as SQL takes it.
pub(super) fn quoted(name: &str) -> String {
    let mut bytes = name.bytes();
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_plain = bytes.next().is_some_and(is_first)
        && bytes.all(|byte| is_first(byte) || byte.is_ascii_digit() || byte == b'$');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The parts of a name; a service of another database is two of them.
pub(super) fn parts(text: &str) -> Vec<String> {
    let mut written = split(text);
    // the last part is a relation, whose name may hold dots
    let last = written.pop();
    let mut parts = Vec::new();
    for part in written {
        match part.name.split_once('.') {
            Some((provider, service)) if part.is_quoted => {
                parts.extend([provider.to_owned(), service.to_owned()]);
            }
            _ => parts.push(part.name),
        }
    }
    parts.extend(last.map(|part| part.name));
    parts
}

/// A part of a name as it is written.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) is_quoted: bool,
}

/// A name at its dots outside of quotes.
pub(super) fn split(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = Part { name: String::new(), is_quoted: false };
    let mut is_inside = false;
    let mut chars = text.trim().chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if is_inside && chars.peek() == Some(&'"') => {
                chars.next();
                part.name.push('"');
            }
            '"' => {
                is_inside = !is_inside;
                part.is_quoted = true;
            }
            '.' if !is_inside => {
                let next = Part { name: String::new(), is_quoted: false };
                parts.push(std::mem::replace(&mut part, next));
            }
            char => part.name.push(char),
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_their_dots() {
        assert_eq!(parts("a.b.c"), ["a", "b", "c"]);
        assert_eq!(parts("\"a.b\".\"C\""), ["a", "b", "C"]);
        assert_eq!(parts("\"a\"\"b\".c"), ["a\"b", "c"]);
        assert_eq!(parts("t"), ["t"]);
    }

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        assert_eq!(quoted("plain_1"), "plain_1");
        assert_eq!(quoted("a.b"), "\"a.b\"");
        assert_eq!(quoted("Upper"), "\"Upper\"");
        assert_eq!(quoted("1st"), "\"1st\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
