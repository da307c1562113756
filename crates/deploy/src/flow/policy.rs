//! Policies: queries over a plan, each row of which forbids it.
//!
//! Owns: the table `plan.changes`, with a row per field that differs, or per resource if none does.

use serde_json::Value as Json;
use strataql_diag::Report;

use super::{Flow, Step};
use crate::manifest::Policy;
use crate::plan::{Plan, Violation};
use crate::runner::Ask;
use crate::template::json::plain;

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value of the table; null stays null.
fn cell(value: &Json) -> String {
    if value.is_null() { "CAST(NULL AS TEXT)".to_owned() } else { text(&plain(value)) }
}

/// The statement of a policy with its table in front.
fn with_changes(sql: &str, plan: &Plan) -> String {
    let row = |resource: &str,
               action: &str,
               path: &str,
               before: &Json,
               after: &Json,
               replaces: bool| {
        format!(
            "SELECT {} AS resource, {} AS action, {} AS path, {} AS before, {} AS after, {replaces} AS replaces",
            text(resource),
            text(action),
            text(path),
            cell(before),
            cell(after)
        )
    };
    let mut rows = Vec::new();
    for change in &plan.changes {
        let action = change.action.word();
        if change.fields.is_empty() {
            rows.push(row(&change.resource, action, "", &Json::Null, &Json::Null, false));
        }
        for field in &change.fields {
            rows.push(row(
                &change.resource,
                action,
                &field.path,
                &field.before,
                &field.after,
                field.is_replacing,
            ));
        }
    }
    if rows.is_empty() {
        rows.push(row("", "", "", &Json::Null, &Json::Null, false) + " WHERE 1 = 0");
    }
    let table = format!("plan_changes AS ({})", rows.join(" UNION ALL "));
    let sql = sql.trim().trim_end_matches(';').replace("plan.changes", "plan_changes");
    match sql.get(..5) {
        Some(word) if word.eq_ignore_ascii_case("with ") => format!("WITH {table}, {}", &sql[5..]),
        _ => format!("WITH {table} {sql}"),
    }
}

impl Flow<'_> {
    /// The rows of all policies.
    ///
    /// # Errors
    /// A policy that cannot be run.
    pub(super) fn violations(&self, plan: &Plan) -> Step<Vec<Violation>> {
        let mut all = Vec::new();
        for policy in &self.stack.policies {
            let sql = with_changes(&policy.sql, plan);
            let ask = Ask { sql: &sql, auth: None, only_reads: true };
            let answer = self.runner.run(&ask).map_err(|report| self.broken(policy, *report))?;
            for row in answer.rows {
                let row = self.host.masked(&Json::Object(row).to_string());
                all.push(Violation { policy: policy.name.clone(), row });
            }
        }
        Ok(all)
    }

    fn broken(&self, policy: &Policy, mut report: Report) -> Box<Report> {
        // a span is of the statement with its table, which nobody sees
        report.labels.clear();
        Box::new(
            report
                .with_place(&*self.stack.file, policy.line)
                .with_note(format!("the policy `{}`", policy.name)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_front() {
        let plan: Plan = Plan::parse(
            r#"{"format":"deploy-plan/1","folder":".","stack":"s","env":"dev","manifest_sha256":"","values_sha256":"","providers":{},
               "changes":[{"resource":"a","action":"update","fields":[{"path":"ttl","before":null,"after":"it's","replaces":false}],"statements":[]}],"sha256":""}"#,
        )
        .expect("a plan");
        assert_eq!(
            with_changes("SELECT * FROM plan.changes WHERE action = 'delete';", &plan),
            "WITH plan_changes AS (SELECT 'a' AS resource, 'update' AS action, 'ttl' AS path, CAST(NULL AS TEXT) AS before, 'it''s' AS after, false AS replaces) SELECT * FROM plan_changes WHERE action = 'delete'"
        );
        assert!(with_changes("with x as (select 1) select 1 from x", &plan).contains("), x as"));
        assert!(plan.forbidden().is_none());
    }
}
