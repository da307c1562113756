//! What the profile does to a SELECT: the columns of `*`, and which columns a statement computes.

use strataql_compat::layout::Table;
use strataql_registry::Registry;
use strataql_spec::{Location, SqlVerb};
use strataql_sql::sqlparser::ast::{Expr, Query, SelectItem, SetExpr, TableFactor};

/// What is known of a SELECT.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// `SELECT *` of one resource: its columns come in byte order.
    pub(super) is_sorted: bool,
    /// Server variables that `*` shows, too.
    pub(super) more: Vec<String>,
    /// Which columns are computed; empty if that cannot be told.
    pub(super) computed: Vec<bool>,
}

impl Shape {
    /// Reads a query; `namespace` is what USE chose.
    pub(super) fn of(query: &Query, registry: &Registry, namespace: &[String]) -> Self {
        let SetExpr::Select(select) = query.body.as_ref() else { return Self::default() };
        let mut shape = Self::default();
        if select.projection.iter().all(|item| !is_wildcard(item)) {
            shape.computed = select.projection.iter().map(is_computed).collect();
        }
        let [SelectItem::Wildcard(_)] = select.projection.as_slice() else { return shape };
        let [from] = select.from.as_slice() else { return shape };
        let (TableFactor::Table { name, args: None, .. }, true) =
            (&from.relation, from.joins.is_empty())
        else {
            return shape;
        };
        let parts: Option<Vec<String>> =
            name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.clone())).collect();
        let Some(mut parts) = parts else { return shape };
        if parts.len() < 3 {
            let missing = 3 - parts.len();
            let Some(prefix) = namespace.get(..missing) else { return shape };
            parts.splice(0..0, prefix.iter().cloned());
        }
        let Ok(service) = registry.service(&parts[0], &parts[1]) else { return shape };
        let Some(resource) = service.resources.get(&parts[2]) else { return shape };
        shape.is_sorted = true;
        let Some(first) = resource.candidates(SqlVerb::Select).next() else { return shape };
        let shown = |name: &str| first.response.columns.iter().any(|column| column.name == name);
        let servers = first.params.iter().filter(|param| param.location == Location::Server);
        shape.more = servers.map(|param| param.name.clone()).filter(|name| !shown(name)).collect();
        shape
    }

    /// The text of the statement with the columns that `*` lacks.
    pub(super) fn completed(&self, text: &str) -> String {
        if self.more.is_empty() {
            return text.to_owned();
        }
        let more: String = self.more.iter().flat_map(|name| [", \"", name, "\""]).collect();
        text.replacen('*', &format!("*{more}"), 1)
    }

    /// Puts the columns of `*` in order.
    pub(super) fn order(&self, table: &mut Table) {
        if !self.is_sorted {
            return;
        }
        let mut order: Vec<usize> = (0..table.labels.len()).collect();
        order.sort_by(|one, other| table.labels[*one].cmp(&table.labels[*other]));
        table.labels = order.iter().map(|at| table.labels[*at].clone()).collect();
        for row in &mut table.rows {
            *row = order.iter().map(|at| row[*at].take()).collect();
        }
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

fn is_computed(item: &SelectItem) -> bool {
    let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
        return false;
    };
    !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}
