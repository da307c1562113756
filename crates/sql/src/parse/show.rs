//! SHOW and DESCRIBE.

use sqlparser::tokenizer::Token;
use strataql_diag::{Code, Report, did_you_mean};

use super::{Read, chains, distinct, precedence};
use crate::ast::{Describe, Name, NamePart, Show, ShowWhat, Statement, Template};
use crate::cursor::Cursor;
use crate::limits;

/// The objects of SHOW, for suggestions.
const WORDS: &[&str] = &[
    "PROVIDERS",
    "SERVICES",
    "RESOURCES",
    "METHODS",
    "VIEWS",
    "TABLES",
    "FUNCTIONS",
    "SETTINGS",
    "INSERT",
    "UPDATE",
    "REPLACE",
    "DELETE",
    "EXEC",
    "AUTH",
    "VERSION",
    "TRANSACTION",
    "COLUMNS",
];

/// Its syntax, for help lines.
const FORMS: &str = "SHOW takes PROVIDERS, SERVICES IN provider, RESOURCES IN provider.service, METHODS \
                     IN provider.service.resource, COLUMNS IN provider.service.resource, VIEWS, TABLES, FUNCTIONS, SETTINGS, VERSION, \
                     or, for a statement to fill in, INSERT INTO, UPDATE, REPLACE, DELETE FROM or \
                     EXEC with a resource";

/// SHOW; `SHOW COLUMNS IN name` is DESCRIBE.
pub(super) fn statement(text: &str, cursor: &mut Cursor<'_>) -> Read<Statement> {
    let extended = usize::from(cursor.sees_all(&["SHOW", "EXTENDED"]));
    let at_columns = cursor.peek_at(1 + extended).is_some_and(|token| {
        matches!(&token.token, Token::Word(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("COLUMNS"))
    });
    if !at_columns {
        return show(text, cursor).map(Statement::Show);
    }
    for _ in 0..2 + extended {
        cursor.next();
    }
    let name = object(cursor, "provider.service.resource")?;
    cursor.expect_end()?;
    Ok(Statement::Describe(Describe { extended: extended > 0, method: false, name, file: false }))
}

/// `SHOW [EXTENDED] what [IN name] [LIKE 'pattern' | WHERE condition]`.
fn show(text: &str, cursor: &mut Cursor<'_>) -> Read<Show> {
    let whole = cursor.all();
    cursor.next();
    let extended = cursor.accept("EXTENDED");
    let here = cursor.here();
    let Some(Token::Word(word)) = cursor.next().map(|token| &token.token) else {
        return Err(Box::new(
            Report::new(Code::Syntax, "SHOW needs to know what to show")
                .with_label(here, "")
                .with_help(FORMS),
        ));
    };
    let what = match word.value.to_ascii_uppercase().as_str() {
        // the words that other databases have for the same levels
        "PROVIDERS" | "CATALOGS" | "DATABASES" => ShowWhat::Providers,
        "SERVICES" | "SCHEMAS" => ShowWhat::Services(object(cursor, "provider")?),
        "RESOURCES" => ShowWhat::Resources(optional_object(cursor, "provider.service")?),
        "METHODS" => ShowWhat::Methods(object(cursor, "provider.service.resource")?),
        "VIEWS" => ShowWhat::Views,
        "TABLES" => match optional_object(cursor, "provider.service")? {
            None => ShowWhat::Tables,
            some => ShowWhat::Resources(some),
        },
        "FUNCTIONS" => ShowWhat::Functions,
        "SETTINGS" => ShowWhat::Settings,
        "INSERT" => {
            cursor.expect("INTO")?;
            let required = cursor.hints.iter().any(|hint| hint == "REQUIRED");
            let name = cursor.name("provider.service.resource")?;
            ShowWhat::Template(Template::Insert { required }, name)
        }
        "UPDATE" => ShowWhat::Template(Template::Update, cursor.name("provider.service.resource")?),
        "REPLACE" => {
            ShowWhat::Template(Template::Replace, cursor.name("provider.service.resource")?)
        }
        "EXEC" => ShowWhat::Template(Template::Exec, cursor.name("provider.service.resource")?),
        "DELETE" => {
            cursor.accept("FROM");
            ShowWhat::Template(Template::Delete, cursor.name("provider.service.resource")?)
        }
        "AUTH" => {
            let named = !cursor.is_at_end() && !cursor.sees("LIKE") && !cursor.sees("WHERE");
            ShowWhat::Auth(if named { Some(object_or_bare(cursor)?) } else { None })
        }
        "VERSION" => ShowWhat::Version,
        "TRANSACTION" => {
            cursor.expect("ISOLATION")?;
            cursor.expect("LEVEL")?;
            ShowWhat::TransactionIsolation
        }
        _ => {
            return Err(Box::new(
                Report::new(Code::UnsupportedSyntax, format!("there is no SHOW {}", word.value))
                    .with_label(here, "")
                    .with_help(
                        did_you_mean(&word.value, WORDS.iter().copied())
                            .unwrap_or_else(|| FORMS.to_owned()),
                    ),
            ));
        }
    };
    let span = match &what {
        ShowWhat::Services(name)
        | ShowWhat::Resources(Some(name))
        | ShowWhat::Methods(name)
        | ShowWhat::Template(_, name) => name.span,
        _ => whole,
    };
    let mut show = Show { extended, what, like: None, filter: None, span };
    if cursor.accept("LIKE") {
        show.like = Some(cursor.quoted_text("a quoted pattern")?);
    } else if cursor.accept("WHERE") {
        let rest = cursor.rest();
        let mut is_too_long = false;
        let parsed = limits::read(text, &rest, rest.clone(), |parser| {
            let mut filter = parser.parse_expr()?;
            is_too_long = chains::balance(&mut filter).is_err();
            Ok(filter)
        });
        if is_too_long {
            return Err(Box::new(
                Report::new(Code::Syntax, "the condition has a chain of too many operators")
                    .with_label(crate::spans::piece_span(text, &rest), "")
                    .with_help("write a shorter condition"),
            ));
        }
        let (mut filter, next) = parsed?;
        if next.token != Token::EOF {
            return Err(Box::new(
                Report::new(Code::Syntax, "the condition does not end where the statement ends")
                    .with_label(crate::spans::byte_span(text, &next), "")
                    .with_help("join conditions with AND or OR, and end the statement after them"),
            ));
        }
        distinct::normalize(&mut filter, &rest);
        precedence::operators(&mut filter);
        show.filter = Some(Box::new(filter));
        return Ok(show);
    }
    cursor.expect_end()?;
    Ok(show)
}

fn object(cursor: &mut Cursor<'_>, what: &str) -> Read<Name> {
    if !cursor.accept("IN") {
        cursor.expect("FROM").map_err(|_| cursor.unexpected(&format!("`IN {what}`")))?;
    }
    cursor.name(what)
}

/// `IN name`, or nothing.
fn optional_object(cursor: &mut Cursor<'_>, what: &str) -> Read<Option<Name>> {
    let ends = cursor.is_at_end() || cursor.sees("LIKE") || cursor.sees("WHERE");
    if ends { Ok(None) } else { object(cursor, what).map(Some) }
}

fn object_or_bare(cursor: &mut Cursor<'_>) -> Read<Name> {
    if !cursor.accept("IN") {
        cursor.accept("FROM");
    }
    cursor.name("a provider name")
}

/// `DESCRIBE|DESC [EXTENDED|FULL] [METHOD [EXTENDED]] name`; a quoted name is a file.
pub(super) fn describe(cursor: &mut Cursor<'_>) -> Read<Describe> {
    cursor.next();
    let mut extended = cursor.accept("EXTENDED") || cursor.accept("FULL");
    // `DESCRIBE TABLE name`, as elsewhere; a relation may be called `table`
    if cursor.sees("TABLE") && cursor.peek_at(1).is_some_and(|next| next.token != Token::Period) {
        cursor.accept("TABLE");
    }
    let method = cursor.sees("METHOD") && cursor.accept("METHOD");
    extended |= cursor.accept("EXTENDED") || cursor.accept("FULL");
    let file = cursor.sees_text() && !method;
    let name = if file {
        let span = cursor.here();
        let value = cursor.quoted_text("a quoted path")?;
        Name { parts: vec![NamePart { value, quoted: true, span }], span }
    } else {
        cursor.name("provider.service.resource")?
    };
    cursor.expect_end()?;
    Ok(Describe { extended, method, name, file })
}
