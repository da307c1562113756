//! Approvals: a person sees the requests and says yes or no.
//!
//! Owns: what is approved. The digest of a plan covers the statements, every request that the engine
//! says it would send, and the mode; an approval is for that digest, for a time, for so many rows.
//! Surprise: the plan is made again after the answer. If it is another one, nothing runs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strataql_diag::{Code, Report};

use crate::backend::Planned;
use crate::digest;
use crate::mode::Mode;
use crate::text;

/// Requests that are shown to a person; the others are counted.
const SHOWN: usize = 20;

/// What a person is asked about.
pub(crate) struct Plan {
    /// The digest.
    pub(crate) hash: String,
    planned: Vec<Planned>,
    sql: String,
}

impl Plan {
    pub(crate) fn new(sql: &str, planned: Vec<Planned>, mode: Mode) -> Self {
        let steps: Vec<Value> = planned
            .iter()
            .map(|one| json!({ "statement": one.keyword, "steps": one.steps }))
            .collect();
        let whole = json!({ "sql": sql, "plan": steps, "mode": mode.name() });
        Self { hash: digest::sha256(&whole.to_string()), planned, sql: sql.to_owned() }
    }

    /// What a person reads: the requests as the engine makes them, then the text that was given.
    pub(crate) fn question(&self, tool: &str, rows: u64, ttl: Duration) -> String {
        let mut lines = vec![format!("Approve `{tool}`? It would send:")];
        let mut count = 0;
        for one in &self.planned {
            for step in &one.steps {
                count += 1;
                if count <= SHOWN {
                    lines.push(request(step));
                }
            }
            if one.steps.is_empty() {
                lines.push(format!("  {} (no request)", one.keyword));
            }
        }
        if count > SHOWN {
            lines.push(format!("  and {} more", count - SHOWN));
        }
        lines.push(format!(
            "It may write at most {rows} rows. The approval is for plan {} and ends in {} minutes.",
            &self.hash[..12],
            ttl.as_secs().div_ceil(60)
        ));
        lines.push("The statements, as the client wrote them:".to_owned());
        lines.push(text::clean(&self.sql));
        lines.join("\n")
    }

    /// The plan as structured content.
    pub(crate) fn as_json(&self) -> Value {
        let statements = self.planned.iter();
        let statements: Vec<Value> = statements
            .map(|one| json!({ "statement": one.keyword, "requests": one.steps }))
            .collect();
        json!({ "plan_hash": self.hash, "statements": statements })
    }
}

/// An approval that was given.
pub(crate) struct Approval {
    hash: String,
    until: Instant,
}

impl Approval {
    pub(crate) fn of(plan: &Plan, until: Instant) -> Self {
        Self { hash: plan.hash.clone(), until }
    }

    /// Checks that it is for this plan, and that it holds still.
    ///
    /// # Errors
    /// `read-only`: without an approval nothing runs.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), Box<Report>> {
        if Instant::now() > self.until {
            return Err(refused("the approval has expired"));
        }
        if plan.hash != self.hash {
            return Err(refused("the requests are not those that were approved"));
        }
        Ok(())
    }
}

/// The report of statements that were not approved.
pub(crate) fn refused(why: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::ReadOnly, format!("nothing was run: {why}"))
            .with_help("do not try again in another way; ask the user what to do"),
    )
}

/// A step of EXPLAIN as one line.
fn request(step: &crate::backend::Row) -> String {
    let cell = |name: &str| match step.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(value) => text::cell(value),
    };
    let mut line = format!("  {} {}", cell("http"), cell("url"));
    for name in ["body", "why"] {
        let value = cell(name);
        if !value.is_empty() {
            _ = write!(line, " ({name}: {value})");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(url: &str) -> Plan {
        let step = json!({ "http": "DELETE", "url": url, "body": null, "why": "sent once" });
        let steps = vec![step.as_object().cloned().expect("object")];
        Plan::new("DELETE x", vec![Planned { keyword: "DELETE".to_owned(), steps }], Mode::Safe)
    }

    #[test]
    fn an_approval_is_for_one_plan_and_a_time() {
        let asked = plan("https://h/a");
        let later = Instant::now() + Duration::from_mins(1);
        let approval = Approval::of(&asked, later);
        assert!(approval.check(&plan("https://h/a")).is_ok());
        let other = approval.check(&plan("https://h/b")).expect_err("another plan");
        assert!(other.message.contains("not those that were approved"));
        let past = Instant::now().checked_sub(Duration::from_secs(1)).expect("a time");
        assert!(Approval::of(&asked, past).check(&asked).is_err());
    }

    #[test]
    fn a_person_sees_the_requests_first() {
        let question =
            plan("https://h/a").question("run_mutation_query", 5, Duration::from_mins(10));
        let lines: Vec<&str> = question.lines().collect();
        assert_eq!(lines[1], "  DELETE https://h/a (why: sent once)");
        assert!(
            lines[2].contains("at most 5 rows") && lines[2].contains("10 minutes"),
            "{question}"
        );
        assert_eq!(lines[4], "DELETE x");
    }
}
