//! Views in a query: names resolved, bodies put in place of names, parameters handed in.
//!
//! Owns: what each relation name of a query means (file, common table expression, view, table,
//! resource), the text of views as trees, and the rules by which a condition of the reading SELECT
//! reaches the resources inside a view.
//! Refuses: planning; the result is a tree without views.
//! Surprise: it runs twice. The first pass learns the names that occur in bodies, so that the
//! statement and the bodies can be re-spelt alike; the second makes the tree that is planned.

mod conditions;
mod inline;
mod names;
mod parts;
mod placeholders;
mod push_parameters;
mod shape;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Cte, Ident, ObjectName, Query, Select, Spanned, TableFactor, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::{Span as TextSpan, TokenWithSpan};
use strataql_diag::{Code, LineColumn, Report, Span};
use strataql_registry::Registry;
use strataql_sql::{Spelling, Statement, TableNames, mentions, respell};

use self::conditions::Givens;
use self::parts::{Place, factors_mut};
use self::shape::ctes_of;
pub use self::shape::document_view;
use super::{RelationResolver, Tables};
use crate::resource::ResourceRef;

type Found<T> = Result<T, Box<Report>>;

/// Deepest nesting of views.
const MAX_DEPTH: usize = 16;

/// First part of names that only this module gives; no SQL can spell it.
const RESERVED: &str = "\u{1}local";

/// A view that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name, for people.
    pub name: String,
    /// Its SELECT.
    pub sql: String,
    /// Names of its columns, if it gives them names of its own.
    pub columns: Vec<String>,
    /// What USE had chosen where it was made.
    pub namespace: Vec<String>,
    /// A provider document defines it: its constants may be placeholders.
    pub from_document: bool,
    /// Parameters that it needs.
    pub required: Vec<String>,
}

impl Definition {
    /// The provider whose document defines it: its body may read that provider only.
    fn provider(&self) -> Option<&str> {
        let first = self.namespace.first().map(String::as_str);
        first.filter(|_| self.from_document)
    }
}

/// Names that a statement and its views use.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) tables: Tables,
    pub(super) spelling: Spelling,
    /// Lower-case words of the bodies.
    pub(super) words: BTreeSet<String>,
    /// The views that were put in place, outer ones first, with the place of their name.
    pub(super) views: Vec<(Span, String)>,
}

/// Expands the views of one statement.
pub(super) struct Expander<'a> {
    relations: &'a dyn RelationResolver,
    registry: &'a Registry,
    text: &'a str,
    /// How bodies are spelt; nothing on the first pass.
    spelling: Option<&'a Spelling>,
    learnt: Learnt,
    /// Tokens of bodies by their text, with the tables that they name.
    bodies: HashMap<String, (Vec<TokenWithSpan>, TableNames)>,
    parameters: BTreeMap<String, BTreeSet<String>>,
    /// Bodies so far, to number their common table expressions.
    count: usize,
}

/// What a name may mean, and what is given, inside one query.
struct Frame {
    namespace: Vec<String>,
    /// Its common table expressions by lower-case name; nothing for a name that is given twice.
    ctes: BTreeMap<String, Option<Cte>>,
    /// Values from the SELECT that reads the view.
    given: Givens,
    /// Lower-case names of the views around it.
    chain: Vec<String>,
    /// For a view's body.
    body: Option<Body>,
    /// The only provider that may be read, inside a view of a document.
    provider: Option<String>,
}

impl Frame {
    /// The only provider that may be read in the body of a view here.
    fn provider_in(&self, definition: &Definition) -> Option<String> {
        self.provider.clone().or_else(|| definition.provider().map(str::to_owned))
    }
}

/// The view whose body a frame is.
struct Body {
    definition: Definition,
    /// Where its name stands in the statement.
    span: TextSpan,
    /// Lower-case names of its columns, as far as they can be told.
    outputs: Option<BTreeSet<String>>,
    number: usize,
}

/// What a relation name means.
enum Target {
    Resource(Arc<ResourceRef>),
    View(Definition),
    /// Nothing that takes parameters.
    Other,
}

/// An item of FROM.
struct Item {
    /// Its alias, or the parts of its name.
    names: Vec<String>,
    place: Place,
    target: Target,
    span: TextSpan,
}

impl Item {
    /// True if `qualifier.column` can mean a column of this item; so can a bare column.
    fn answers_to(&self, qualifier: &[String]) -> bool {
        answers_to(&self.names, qualifier)
    }
}

/// True if `qualifier.column` can mean a column of an item with these names.
fn answers_to(names: &[String], qualifier: &[String]) -> bool {
    let Some(rest) = names.len().checked_sub(qualifier.len()) else { return false };
    names[rest..].iter().zip(qualifier).all(|(own, part)| own.eq_ignore_ascii_case(part))
}

/// A name of a view or table that is read.
enum Looked {
    View(Definition),
    Table(String, Arc<dyn datafusion::catalog::TableProvider>),
    Resource(Arc<ResourceRef>),
}

impl<'a> Expander<'a> {
    pub(super) fn new(
        relations: &'a dyn RelationResolver,
        registry: &'a Registry,
        text: &'a str,
        spelling: Option<&'a Spelling>,
    ) -> Self {
        Self {
            relations,
            registry,
            text,
            spelling,
            learnt: Learnt::default(),
            bodies: HashMap::new(),
            parameters: BTreeMap::new(),
            count: 0,
        }
    }

    /// Puts views in place; gives what was learnt on the way.
    pub(super) fn expand(mut self, query: &mut Query, namespace: &[String]) -> Found<Learnt> {
        let frame = Frame {
            namespace: namespace.to_vec(),
            ctes: ctes_of(query),
            given: Givens::new(),
            chain: Vec::new(),
            body: None,
            provider: None,
        };
        self.walk(query, &frame)?;
        let mut learnt = self.learnt;
        // words of bodies that no document knows: only now are all documents known
        let mut bodies: Vec<_> = self.bodies.into_iter().collect();
        bodies.sort_by(|left, right| left.0.cmp(&right.0));
        for (_, (tokens, names)) in &bodies {
            let is_column = |word: &str| learnt.spelling.is_known(word);
            learnt.words.extend(mentions(tokens, names, &is_column));
        }
        for (_, (tokens, names)) in &bodies {
            learnt.spelling.complete(tokens, names);
        }
        Ok(learnt)
    }

    fn walk(&mut self, query: &mut Query, frame: &Frame) -> Found<()> {
        match query.visit(&mut Walk { expander: self, frame }) {
            ControlFlow::Break(report) => Err(report),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// Resolves the items of a SELECT, hands in what is given and puts views in place.
    fn select(&mut self, select: &mut Select, frame: &Frame) -> Found<()> {
        let mut items = Vec::new();
        for (place, factor) in factors_mut(&mut select.from) {
            let span = match &*factor {
                TableFactor::Table { name, .. } => name.span(),
                other => other.span(),
            };
            let target = self.resolve(factor, frame)?;
            items.push(Item { names: names_of(factor), place, target, span });
        }
        self.push_parameters(select, &items, frame)?;
        self.inline(select, &items, frame)
    }

    /// The tree of a view's text; every name in it stands where the view's name stands.
    fn body(&mut self, definition: &Definition, span: TextSpan) -> Found<Query> {
        let unreadable = |report: &Report| self.unreadable(definition, span, &report.message);
        let (tokens, names) = match self.bodies.get(&definition.sql) {
            Some(body) => body.clone(),
            None => {
                let mut all =
                    strataql_sql::parse(&definition.sql).map_err(|report| unreadable(&report))?;
                match (all.pop(), all.is_empty()) {
                    (Some(parsed), true) if parsed.execs.is_empty() => {
                        let names = match &parsed.statement {
                            Statement::Query(query) => TableNames::of(query.as_ref()),
                            _ => TableNames::default(),
                        };
                        (parsed.tokens, names)
                    }
                    _ => return Err(self.unreadable(definition, span, "it is not one SELECT")),
                }
            }
        };
        self.bodies.insert(definition.sql.clone(), (tokens.clone(), names.clone()));
        let mut placed = tokens;
        if let Some(spelling) = self.spelling {
            respell(&mut placed, spelling, &names);
        }
        for token in &mut placed {
            token.span = span;
        }
        match strataql_sql::reparse(self.text, &placed) {
            Ok(Statement::Query(query)) => Ok(*query),
            Ok(_) => Err(self.unreadable(definition, span, "it is not a SELECT")),
            Err(report) => Err(self.unreadable(definition, span, &report.message)),
        }
    }

    fn unreadable(&self, definition: &Definition, span: TextSpan, why: &str) -> Box<Report> {
        let (code, help) = if definition.from_document {
            (
                Code::BadDocument,
                "read the resources that the view reads; the provider's document has to be corrected",
            )
        } else {
            (Code::Syntax, "correct it with CREATE OR REPLACE VIEW")
        };
        Box::new(
            Report::new(code, format!("the view `{}` cannot be read: {why}", definition.name))
                .with_label(self.bytes(span), "")
                .with_help(help),
        )
    }

    /// The bytes of a place in the statement.
    fn bytes(&self, span: TextSpan) -> Span {
        if span.start.line == 0 {
            return Span::new(0, 0);
        }
        let offset = |line: u64, column: u64| {
            let line = usize::try_from(line).unwrap_or(usize::MAX);
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            Span::offset(self.text, LineColumn { line, column })
        };
        Span::new(
            offset(span.start.line, span.start.column),
            offset(span.end.line, span.end.column),
        )
    }
}

/// Visits the SELECTs of one query, inner ones first.
struct Walk<'e, 'a, 'f> {
    expander: &'e mut Expander<'a>,
    frame: &'f Frame,
}

impl VisitorMut for Walk<'_, '_, '_> {
    type Break = Box<Report>;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        match self.expander.select(select, self.frame) {
            Ok(()) => ControlFlow::Continue(()),
            Err(report) => ControlFlow::Break(report),
        }
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        // DataFusion refuses a common table expression named as one around it
        if let (Some(body), Some(with)) = (&self.frame.body, &mut query.with) {
            for cte in &mut with.cte_tables {
                cte.alias.name = renamed(&cte.alias.name.value.to_lowercase(), body.number);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The name of a body's common table expression.
fn renamed(key: &str, number: usize) -> Ident {
    Ident::with_quote('"', format!("\u{1}{number}:{key}"))
}

/// The identifiers of a name.
fn idents(name: &ObjectName) -> Option<Vec<Ident>> {
    name.0.iter().map(|part| part.as_ident().cloned()).collect()
}

/// The names that qualify an item's columns.
fn names_of(factor: &TableFactor) -> Vec<String> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::TableFunction { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => vec![alias.name.value.clone()],
        TableFactor::Table { name, .. } => {
            idents(name).unwrap_or_default().into_iter().map(|ident| ident.value).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
