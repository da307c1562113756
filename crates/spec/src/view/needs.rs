//! What reading a view needs: the parameters that its predicate names, those that its text compares with a
//! placeholder, and those that the resources which it reads cannot do without.
//!
//! Owns: looking at the text of a view without planning it.
//! Refuses: SQL. Words, texts and `=` are all it knows, so that lists of thousands of views cost little.

use std::collections::HashSet;

use crate::method::{Location, SqlVerb};
use crate::service::{Resource, Service};

/// A part of a view's text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name, its parts joined by dots.
    Name(Vec<String>),
    /// A text in single quotes.
    Text(String),
    /// Any other character.
    Mark(char),
}

impl Service {
    /// The parameters that reading the view of a resource needs, as its document spells them.
    pub fn view_parameters(&self, resource: &Resource) -> Vec<String> {
        let sqlite = |view: &&crate::view::View| view.dialect == Some(crate::view::Dialect::Sqlite);
        let Some(view) = resource.views.iter().find(sqlite).or_else(|| resource.views.first())
        else {
            return Vec::new();
        };
        let tokens = tokens(&view.ddl);
        let mut names = view.required.clone();
        let mut given: HashSet<String> = HashSet::new();
        for at in 0..tokens.len() {
            if tokens[at] != Token::Mark('=') || at == 0 {
                continue;
            }
            let sides = (&tokens[at - 1], tokens.get(at + 1));
            let (column, value) = match sides {
                (Token::Name(column), Some(value)) => (column, value),
                (value @ Token::Text(_), Some(Token::Name(column))) => (column, value),
                _ => continue,
            };
            let Some(column) = column.last() else { continue };
            match value {
                Token::Text(text) if is_placeholder(text) => names.push(column.clone()),
                Token::Name(other) => {
                    given.insert(column.to_lowercase());
                    given.extend(other.last().map(|name| name.to_lowercase()));
                }
                Token::Text(_) | Token::Mark(_) => {
                    given.insert(column.to_lowercase());
                }
            }
        }
        for text in tokens.iter().filter_map(|token| match token {
            Token::Text(text) => Some(text),
            _ => None,
        }) {
            names.extend(held(text));
        }
        let read = tokens.windows(2).filter_map(|pair| match pair {
            [Token::Name(word), Token::Name(name)] if word.len() == 1 && reads(&word[0]) => {
                self.resources.get(name.last()?)
            }
            _ => None,
        });
        for read in read.filter(|read| read.views.is_empty()) {
            names.extend(
                read.always_needed()
                    .into_iter()
                    .filter(|name| !given.contains(&name.to_lowercase())),
            );
        }
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.to_lowercase()));
        names
    }
}

impl Resource {
    /// Parameters that every method of SELECT needs.
    fn always_needed(&self) -> Vec<String> {
        let methods: Vec<_> =
            self.candidates(SqlVerb::Select).filter(|it| it.is_selectable()).collect();
        let Some((first, others)) = methods.split_first() else { return Vec::new() };
        let required = first.required_params().filter(|param| {
            param.location != Location::Header
                && others
                    .iter()
                    .all(|other| other.param(&param.name).is_some_and(|own| own.required))
        });
        required.map(|param| param.name.clone()).collect()
    }
}

fn reads(word: &str) -> bool {
    word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("join")
}

/// True for a text that stands for the user's own value.
fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text == "replace-me"
        || (text.starts_with('<') && text.ends_with('>'))
        || !held(text).is_empty()
}

/// The names of `{{ name }}` in a text.
fn held(text: &str) -> Vec<String> {
    let parts = text.split("{{").skip(1);
    parts.filter_map(|part| Some(part.split_once("}}")?.0.trim().to_owned())).collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\'' => {
                let mut value = String::new();
                while let Some(c) = rest.next() {
                    if c == '\'' && rest.next_if_eq(&'\'').is_none() {
                        break;
                    }
                    value.push(c);
                }
                found.push(Token::Text(value));
            }
            '"' | '`' => {
                let mut value = String::new();
                for c in rest.by_ref() {
                    if c == next {
                        break;
                    }
                    value.push(c);
                }
                push_name(&mut found, value);
            }
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let mut value = c.to_string();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
                {
                    value.push(c);
                }
                push_name(&mut found, value);
            }
            c if c.is_whitespace() => {}
            c => found.push(Token::Mark(c)),
        }
    }
    found
}

/// Adds a name, or a part of the one before a dot.
fn push_name(found: &mut Vec<Token>, name: String) {
    if found.last() == Some(&Token::Mark('.'))
        && let [.., Token::Name(parts), Token::Mark('.')] = found.as_mut_slice()
    {
        parts.push(name);
        found.pop();
        return;
    }
    found.push(Token::Name(vec![name]));
}

#[cfg(test)]
mod tests {
    use crate::load::{load_provider, load_service};

    fn needs(ddl: &str) -> Vec<String> {
        let document = format!(
            "
paths:
  /{{scope}}/grants: {{get: {{responses: {{'200': {{content: {{application/json: {{schema: {{type: array, items: {{properties: {{id: {{type: string}}, note: {{type: string}}}}}}}}}}}}}}}}}}}}
components:
  x-stackQL-resources:
    grants:
      methods: {{list: {{operation: {{$ref: '#/paths/~1{{scope}}~1grants/get'}}}}}}
      sqlVerbs: {{select: [list]}}
    shown:
      config: {{views: {{select: {{predicate: 'sqlDialect == \"sqlite3\"', ddl: {ddl:?}}}}}}}
"
        );
        let provider = "name: p\nproviderServices: {s: {service: {$ref: p/v1/services/s.yaml}}}\n";
        let (provider, _) = load_provider(provider, "p").expect("valid");
        let (service, _) =
            load_service(&document, &provider, &provider.services[0], "s").expect("valid");
        service.view_parameters(&service.resources["shown"])
    }

    #[test]
    fn placeholders_and_missing_parameters_are_needed() {
        for ddl in [
            "SELECT id FROM p.s.grants WHERE scope = '{{ scope }}'",
            "SELECT id, scope FROM p.s.grants WHERE scope = 'replace-me'",
            "SELECT id, scope, note FROM p.s.grants",
            "SELECT g.id FROM p.s.grants g WHERE g.scope = '' AND note <> 'old'",
            "SELECT id FROM p.s.grants WHERE '<Scope>' = scope",
        ] {
            assert_eq!(needs(ddl), ["scope"], "{ddl}");
        }
        assert_eq!(needs("SELECT id FROM p.s.grants WHERE scope = 's1'"), [""; 0]);
        assert_eq!(
            needs("SELECT g.id FROM p.s.others o JOIN p.s.grants g ON g.scope = o.id"),
            [""; 0]
        );
        assert_eq!(
            needs("SELECT 'it''s' FROM p.s.grants WHERE \"scope\" = 's' AND note = '{{ note }}'"),
            ["note"]
        );
    }
}
