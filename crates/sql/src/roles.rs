//! What the words of a statement are: names of tables, columns, keys inside of a value, or output names.
//!
//! Owns: telling them apart without a document. A word behind a dot is a column only if what stands before
//! the dot names a table; else it is a key of a nested value, and stands as it is written.
//! Surprise: a table may be called like one of its columns. `flag.id` is then column `id` of the table if
//! there is such a column, else key `id` of the column.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Ident, ObjectName, Query, Select, SelectItem, Statement, TableAlias, TableFactor, Visit,
    Visitor,
};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use crate::spans::is_real;

/// What a word of a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A table, or a part of its name; also the alias of one.
    Table,
    /// A function.
    Function,
    /// Any other name, and every keyword.
    Column,
    /// A key of a nested value.
    Key,
    /// A name that the statement gives to a column.
    Output,
}

/// The names of tables in a statement, and the places where it names tables and outputs.
#[derive(Debug, Clone, Default)]
pub struct TableNames {
    /// Lower-case parts of what may stand before a column.
    names: HashSet<Vec<String>>,
    tables: HashSet<Location>,
    outputs: HashSet<Location>,
}

impl TableNames {
    /// The names in a tree.
    pub fn of(tree: &impl Visit) -> Self {
        let mut names = Self::default();
        let _done: ControlFlow<()> = tree.visit(&mut names);
        names
    }

    fn add_table(&mut self, parts: &[&Ident]) {
        let lower: Vec<String> = parts.iter().map(|part| part.value.to_lowercase()).collect();
        self.names.extend((0..lower.len()).map(|from| lower[from..].to_vec()));
        self.tables.extend(parts.iter().map(|part| part.span.start));
    }

    fn add_alias(&mut self, alias: &TableAlias) {
        self.add_table(&[&alias.name]);
        self.outputs.extend(alias.columns.iter().map(|column| column.name.span.start));
    }

    /// How many parts of a name are those of a table.
    fn prefix(&self, parts: &[String]) -> usize {
        (1..=parts.len()).rev().find(|end| self.names.contains(&parts[..*end])).unwrap_or(0)
    }
}

impl Visitor for TableNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add_alias(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.outputs.insert(alias.span.start);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::TableFunction { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. }
        | TableFactor::NestedJoin { alias: Some(alias), .. } = factor
        {
            self.add_alias(alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let parts: Option<Vec<&Ident>> = relation.0.iter().map(|part| part.as_ident()).collect();
        if let Some(parts) = parts {
            self.add_table(&parts);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        if matches!(statement, Statement::Insert(_)) {
            // ON CONFLICT calls the row that was not inserted so
            self.names.insert(vec!["excluded".to_owned()]);
        }
        ControlFlow::Continue(())
    }
}

/// The role of each token that is a word. `is_column` tells whether a lower-case word is a column that
/// some document knows.
pub(crate) fn roles(
    tokens: &[TokenWithSpan],
    tables: &TableNames,
    is_column: &dyn Fn(&str) -> bool,
) -> Vec<Option<Role>> {
    let mut roles = vec![None; tokens.len()];
    let real: Vec<usize> = (0..tokens.len()).filter(|at| is_real(&tokens[*at])).collect();
    let word = |at: usize| match real.get(at).map(|index| &tokens[*index].token) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    };
    let is = |at: usize, wanted: &Token| {
        real.get(at).is_some_and(|index| tokens[*index].token == *wanted)
    };
    let mut brackets = 0_usize;
    let mut at = 0;
    while at < real.len() {
        match &tokens[real[at]].token {
            Token::LBracket => brackets += 1,
            Token::RBracket => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        let Some(first) = word(at) else {
            at += 1;
            continue;
        };
        let mut chain: Vec<&Word> = vec![first];
        let mut end = at + 1;
        while is(end, &Token::Period)
            && let Some(next) = word(end + 1)
        {
            chain.push(next);
            end += 2;
        }
        let place = tokens[real[at]].span.start;
        let follows_value = at > 0
            && (is(at - 1, &Token::Period)
                || is(at - 1, &Token::Colon)
                    && brackets == 0
                    && at > 1
                    && is_value(&tokens[real[at - 2]].token));
        let of_chain = if tables.outputs.contains(&place) {
            vec![Role::Output]
        } else if follows_value {
            vec![Role::Key; chain.len()]
        } else if tables.tables.contains(&place)
            || (is(end, &Token::Period) && is(end + 1, &Token::Mul))
        {
            // a table where it is named, or before `.*`
            vec![Role::Table; chain.len()]
        } else {
            of_chain(&chain, tables, is_column)
        };
        let is_call = is(end, &Token::LParen);
        for (position, role) in of_chain.iter().enumerate() {
            let is_called = is_call && position + 1 == chain.len() && *role == Role::Column;
            let role = if is_called { Role::Function } else { *role };
            roles[real[at + 2 * position]] = Some(role);
        }
        at = end;
    }
    roles
}

/// True for a token that a value may end with: `:` after it reads a key.
const fn is_value(token: &Token) -> bool {
    matches!(token, Token::Word(_) | Token::RParen | Token::RBracket)
}

fn of_chain(chain: &[&Word], tables: &TableNames, is_column: &dyn Fn(&str) -> bool) -> Vec<Role> {
    let parts: Vec<String> = chain.iter().map(|word| word.value.to_lowercase()).collect();
    if parts.len() == 1 {
        return vec![Role::Column];
    }
    let mut prefix = tables.prefix(&parts);
    let is_key = |at: usize| parts.get(at).is_some_and(|part| !is_column(part));
    if prefix == 1 && is_column(&parts[0]) && is_key(1) {
        prefix = 0;
    }
    let role = |at: usize| match at {
        at if at < prefix => Role::Table,
        at if at == prefix => Role::Column,
        _ => Role::Key,
    };
    (0..parts.len()).map(role).collect()
}

/// The lower-case names of columns and parameters that the tokens name: words without those that are
/// tables, functions, keys of nested values or new names of columns.
pub fn mentions(
    tokens: &[TokenWithSpan],
    tables: &TableNames,
    is_column: &dyn Fn(&str) -> bool,
) -> BTreeSet<String> {
    let roles = roles(tokens, tables, is_column);
    let words = tokens.iter().zip(roles).filter_map(|(token, role)| match &token.token {
        Token::Word(word) if role == Some(Role::Column) => Some(word.value.to_lowercase()),
        _ => None,
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let parsed = crate::parse(text).expect("parses").pop().expect("one");
        let crate::Statement::Query(query) = &parsed.statement else { panic!("no query") };
        let tables = TableNames::of(query.as_ref());
        let is_column = |word: &str| ["id", "tags", "flag", "name"].contains(&word);
        let roles = roles(&parsed.tokens, &tables, &is_column);
        let mut out = Vec::new();
        for (token, role) in parsed.tokens.iter().zip(roles) {
            let letter = match role {
                Some(Role::Table) => 't',
                Some(Role::Function) => 'f',
                Some(Role::Key) => 'k',
                Some(Role::Output) => 'o',
                Some(Role::Column) => 'c',
                None => continue,
            };
            let Token::Word(word) = &token.token else { panic!("no word") };
            let syntax = ["SELECT", "FROM", "AS", "WITH"];
            if !syntax.contains(&word.value.as_str()) {
                out.push(format!("{}:{letter}", word.value));
            }
        }
        out.join(" ")
    }

    #[test]
    fn words_behind_a_dot_are_columns_of_tables_or_keys_of_values() {
        assert_eq!(
            shown("SELECT tags.Id, v.Id, v.tags.Id, acme.svc.vms.Id FROM acme.svc.vms v"),
            "tags:c Id:k v:t Id:c v:t tags:c Id:k acme:t svc:t vms:t Id:c acme:t svc:t vms:t v:t"
        );
        assert_eq!(
            shown("SELECT vms.Id, x['a'].Id, (x).Id FROM svc.vms"),
            "vms:t Id:c x:c Id:k x:c Id:k svc:t vms:t"
        );
        assert_eq!(shown("SELECT tags:Id.Id FROM vms"), "tags:c Id:k Id:k vms:t");
        assert_eq!(
            shown("WITH w (Id) AS (SELECT 1 AS Name) SELECT w.Id Flag, count(w.Id) FROM w"),
            "w:t Id:o Name:o w:t Id:c Flag:o count:f w:t Id:c w:t"
        );
    }

    #[test]
    fn a_table_may_be_called_like_its_column() {
        assert_eq!(shown("SELECT * FROM acme.svc.flag"), "acme:t svc:t flag:t");
        assert_eq!(shown("SELECT flag FROM acme.svc.flag"), "flag:c acme:t svc:t flag:t");
        assert_eq!(shown("SELECT flag.id FROM acme.svc.flag"), "flag:t id:c acme:t svc:t flag:t");
        assert_eq!(
            shown("SELECT flag.open FROM acme.svc.flag"),
            "flag:c open:k acme:t svc:t flag:t"
        );
        assert_eq!(
            shown("SELECT flag.*, acme.svc.flag.* FROM acme.svc.flag"),
            "flag:t acme:t svc:t flag:t acme:t svc:t flag:t"
        );
        assert_eq!(shown("SELECT x.* FROM acme.svc.flag AS x"), "x:t acme:t svc:t flag:t x:t");
    }
}
