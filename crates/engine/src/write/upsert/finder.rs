//! The SELECT of an upsert that finds existing objects: the target, joined with the inserted rows.

use datafusion::sql::sqlparser::ast as sql;
use strataql_spec::Location;

use super::super::cells::{CellValue, Destination, Row, SourceColumn};
use super::super::rows::{self, RowSource};
use super::super::statement::Marker;
use super::expressions::{literal, literal_true, number_literal, qualified};
use super::{EXCLUDED, NUMBER, Upsert};

impl Upsert<'_> {
    /// The SELECT that finds the rows that exist.
    pub(super) fn finder(&self, keys: &[usize], rows: &[Row]) -> RowSource {
        let item = |expr, alias: &str| sql::SelectItem::ExprWithAlias {
            expr,
            alias: sql::Ident::with_quote('"', alias),
        };
        let mut items =
            vec![item(qualified(EXCLUDED, NUMBER), "number"), item(literal_true(), "wanted")];
        let alias = self.statement.target.shown_as();
        let mut compared: Vec<String> = keys.iter().map(|key| self.name(*key)).collect();
        compared.retain(|name| rows::is_compared(self.resource, name));
        for name in &compared {
            items.push(item(qualified(&alias, name), &format!("shown {name}")));
            items.push(item(qualified(EXCLUDED, name), &format!("asked {name}")));
        }
        let from = vec![rows::table_item(&self.statement.target), self.excluded(rows)];
        let column =
            || SourceColumn { path: Vec::new(), marker: Marker::Text, to: Destination::KEY };
        RowSource::found(
            self.resource,
            rows::select(items, from, Some(self.matching(keys, rows))),
            vec![column(), column()],
            &compared,
        )
    }

    /// The rows of the INSERT as a relation.
    pub(super) fn excluded(&self, rows: &[Row]) -> sql::TableWithJoins {
        let mut columns = vec![NUMBER.to_owned()];
        columns.extend(self.statement.assigned.iter().map(|assigned| assigned.path.join(".")));
        let rows = rows
            .iter()
            .enumerate()
            .map(|(number, row)| {
                let mut values = vec![number_literal(number.to_string())];
                values.extend(row.iter().map(|cell| literal(&cell.value)));
                values
            })
            .collect();
        rows::values_item(EXCLUDED, &columns, rows)
    }

    /// `target.key = excluded.key` for every key, and `target.key IN (values)` for server variables:
    /// a constant comes before a setting, a join key does not.
    pub(super) fn matching(&self, keys: &[usize], rows: &[Row]) -> sql::Expr {
        let alias = self.statement.target.shown_as();
        let column = |key: usize| qualified(&alias, &self.name(key));
        let equal = |key: &usize| sql::Expr::BinaryOp {
            left: Box::new(column(*key)),
            op: sql::BinaryOperator::Eq,
            right: Box::new(qualified(EXCLUDED, &self.name(*key))),
        };
        let hosts = keys.iter().filter(|key| self.is_server_variable(**key) && !rows.is_empty());
        let in_list = |key: &usize| {
            let mut list: Vec<&CellValue> = Vec::new();
            for value in rows.iter().map(|row| &row[*key].value) {
                if !list.contains(&value) {
                    list.push(value);
                }
            }
            let list = list.into_iter().map(literal).collect();
            sql::Expr::InList { expr: Box::new(column(*key)), list, negated: false }
        };
        keys.iter()
            .map(equal)
            .chain(hosts.map(in_list))
            .reduce(|left, right| sql::Expr::BinaryOp {
                left: Box::new(left),
                op: sql::BinaryOperator::And,
                right: Box::new(right),
            })
            .unwrap_or_else(literal_true)
    }

    /// The name of an inserted column.
    fn name(&self, column: usize) -> String {
        self.statement.assigned[column].path.join(".")
    }

    fn is_server_variable(&self, column: usize) -> bool {
        let name = self.name(column);
        self.resource.select_methods().any(|method| {
            method.param(&name).is_some_and(|param| param.location == Location::Server)
        })
    }
}
