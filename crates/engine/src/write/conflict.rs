//! ON CONFLICT, read from its tree.

use datafusion::sql::sqlparser::ast as sql;
use datafusion::sql::sqlparser::ast::Spanned;
use strataql_diag::{Code, Report, Span};
use strataql_sql::WHOLE_ROW;

use super::statement::{Assigned, path_of, span_of, unmarked, unsupported};

/// ON CONFLICT.
pub(crate) struct Conflict {
    /// What identifies an object; empty when the document shall tell.
    pub(super) keys: Vec<(String, Span)>,
    pub(super) action: Action,
}

/// What is done with an object that is there.
pub(super) enum Action {
    Nothing,
    Update {
        /// Empty for every column that is no key.
        set: Vec<Assigned>,
        condition: Option<sql::Expr>,
    },
}

impl Conflict {
    /// Reads the clause.
    ///
    /// # Errors
    /// `unsupported-syntax` for constraints, which resources do not have.
    pub(super) fn read(on: &sql::OnInsert, text: &str) -> Result<Self, Box<Report>> {
        let sql::OnInsert::OnConflict(on) = on else {
            return Err(Box::new(
                Report::new(
                    Code::UnsupportedSyntax,
                    "ON DUPLICATE KEY UPDATE cannot be run by this version",
                )
                .with_help("write `ON CONFLICT (column) DO UPDATE SET column = excluded.column`"),
            ));
        };
        let keys = match &on.conflict_target {
            None => Vec::new(),
            Some(sql::ConflictTarget::Columns(columns)) => columns
                .iter()
                .map(|column| (column.value.clone(), span_of(column.span, text)))
                .collect(),
            Some(sql::ConflictTarget::OnConstraint(name)) => {
                return Err(unsupported("ON CONFLICT ON CONSTRAINT", name.span(), text));
            }
        };
        let action = match &on.action {
            sql::OnConflictAction::DoNothing => Action::Nothing,
            sql::OnConflictAction::DoUpdate(update) => Action::Update {
                set: assignments(&update.assignments, text)?,
                condition: update.selection.clone(),
            },
        };
        Ok(Self { keys, action })
    }
}

fn assignments(all: &[sql::Assignment], text: &str) -> Result<Vec<Assigned>, Box<Report>> {
    let mut set = Vec::new();
    for assignment in all {
        let sql::AssignmentTarget::ColumnName(name) = &assignment.target else {
            return Err(unsupported("SET of several columns at once", assignment.span(), text));
        };
        let path = path_of(name);
        if path == [WHOLE_ROW] {
            return Ok(Vec::new());
        }
        let (value, marker) = unmarked(&assignment.value);
        let span = span_of(name.span(), text);
        set.push(Assigned { path, span, value: Some(value), marker });
    }
    Ok(set)
}
