//! Which object a row is, and which one its call requested.
//!
//! Owns: the note about a response that is about another object, and that no object counts twice among
//! the calls of an IN list (docs/decisions/0007-predicates-on-parameters.md).
//! Surprise: the row stays. What a parameter is compared with is the service's to decide; the reader is told. But no
//! write is decided by a lookup that shows another object: that is an error.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::common::Result;
use strataql_call::{Arguments, MethodRef, Value, wrong_object};
use strataql_diag::{MASK, is_secret_name};

use super::ScanSpec;
use crate::error::external;
use crate::outcome::Outcome;
use crate::run::Run;

/// Columns that were noted, in all executions of a scan.
pub(super) type Noted = Arc<Mutex<HashSet<usize>>>;

/// The objects of one execution of a scan.
pub(super) struct Identities {
    shared: Arc<Shared>,
}

struct Shared {
    method: String,
    /// Names of the columns that say which object a row is.
    names: Vec<String>,
    /// Position of the first of them.
    first: usize,
    /// True if a call brings one object.
    is_lookup: bool,
    /// The values of each call.
    calls: Vec<Arguments>,
    /// The call that an object came from, by its values.
    owners: Mutex<HashMap<Vec<String>, usize>>,
    outcome: Outcome,
    /// True if a write follows.
    decides_write: bool,
    noted: Noted,
}

/// What one call requested.
pub(super) struct Requested {
    shared: Arc<Shared>,
    number: usize,
    /// The values of the call, those of the columns first.
    values: Vec<Value>,
    rest: Vec<String>,
}

impl Identities {
    pub(super) fn of(
        spec: &ScanSpec,
        target: &MethodRef,
        calls: &[Arguments],
        (outcome, run): (&Outcome, &Run),
        noted: &Noted,
    ) -> Self {
        let shared = Shared {
            method: spec.name(),
            names: spec.asked.iter().map(|column| column.name.clone()).collect(),
            first: spec.columns.len(),
            is_lookup: target.method().is_lookup(),
            calls: if calls.len() > 1 { calls.to_vec() } else { Vec::new() },
            owners: Mutex::default(),
            outcome: outcome.clone(),
            decides_write: run.decides_write(),
            noted: Arc::clone(noted),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What a call requests.
    pub(super) fn requested(&self, number: usize, arguments: &Arguments) -> Requested {
        let names = &self.shared.names;
        let values = names.iter().map(|name| {
            arguments.0.get(name).cloned().unwrap_or_else(|| Value::Text(String::new()))
        });
        let rest = arguments.0.iter().filter(|(name, _)| !names.contains(name));
        Requested {
            shared: Arc::clone(&self.shared),
            number,
            values: values.collect(),
            rest: rest.map(|(_, value)| value.text()).collect(),
        }
    }
}

impl Requested {
    /// The output columns of a page, without rows that another call of the scan has brought.
    pub(super) fn rows(&self, page: &RecordBatch) -> Result<RecordBatch> {
        let shared = &self.shared;
        let outputs: Vec<usize> = (0..shared.first).collect();
        let batch = page.project(&outputs)?;
        if self.values.is_empty() || batch.num_rows() == 0 {
            return Ok(batch);
        }
        let answered: Vec<_> = (shared.first..page.num_columns())
            .map(|position| page.column(position).as_string::<i32>())
            .collect();
        let mut kept = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            // a structure names no object
            let value = |at: usize| {
                let text = answered[at].is_valid(row).then(|| answered[at].value(row));
                text.filter(|text| !text.starts_with(['{', '[']))
            };
            let other = (0..self.values.len()).find(|at| {
                value(*at).is_some_and(|answer| !self.values[*at].is_same_object(answer))
            });
            if let Some(at) = other {
                self.tell(at, value(at).unwrap_or_default())?;
            }
            kept.push(shared.calls.is_empty() || self.counts(&value, other.is_some()));
        }
        if kept.iter().all(|kept| *kept) {
            return Ok(batch);
        }
        Ok(filter_record_batch(&batch, &BooleanArray::from(kept))?)
    }

    /// True if a row of this call counts, and no row of another call.
    fn counts<'r>(&self, value: &impl Fn(usize) -> Option<&'r str>, is_other: bool) -> bool {
        let shared = &self.shared;
        if !shared.is_lookup {
            let is_taken = shared.calls.iter().enumerate().any(|(number, call)| {
                number != self.number && self.takes(number, call, value, is_other)
            });
            if is_taken || !is_other {
                return !is_taken;
            }
        }
        let own = (0..self.values.len()).map(|at| match value(at) {
            Some(answer) => answer.to_owned(),
            None => self.values[at].text(),
        });
        let identity = own.chain(self.rest.iter().cloned()).collect();
        let mut owners = shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        *owners.entry(identity).or_insert(self.number) == self.number
    }

    /// True if a row of a list is one of another call's: that call requested the row's own value, or the
    /// same one in another spelling.
    fn takes<'r>(
        &self,
        number: usize,
        call: &Arguments,
        value: &impl Fn(usize) -> Option<&'r str>,
        is_other: bool,
    ) -> bool {
        let names = &self.shared.names;
        let requested = |at: usize| call.0.get(&names[at]);
        let answers = |at: usize| {
            requested(at).zip(value(at)).is_none_or(|(own, answer)| own.is_same_object(answer))
        };
        if !(0..names.len()).all(answers) {
            return false;
        }
        if is_other {
            return true;
        }
        let rest = call.0.iter().filter(|(name, _)| !names.contains(name));
        if !rest.map(|(_, value)| value.text()).eq(self.rest.iter().cloned()) {
            return false;
        }
        // both requested the object: the exact spelling counts, else the first
        let is_exact = |values: &dyn Fn(usize) -> Option<String>| {
            (0..names.len())
                .all(|at| value(at).is_none_or(|answer| values(at).as_deref() == Some(answer)))
        };
        let is_own = is_exact(&|at| Some(self.values[at].text()));
        let is_theirs = is_exact(&|at| requested(at).map(Value::text));
        match (is_own, is_theirs) {
            (true, false) => false,
            (false, true) => true,
            _ => number < self.number,
        }
    }

    /// Tells of the first such row; a list may have thousands.
    fn tell(&self, at: usize, answer: &str) -> Result<()> {
        let name = &self.shared.names[at];
        if self.shared.decides_write && self.shared.is_lookup {
            let asked = self.values[at].text();
            let (asked, shown) =
                if is_secret_name(name) { (MASK, MASK) } else { (asked.as_str(), answer) };
            let report = wrong_object(&self.shared.method, name, asked, shown);
            return Err(external(Box::new(report.with_note("nothing was sent"))));
        }
        if !self.shared.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(at) {
            return Ok(());
        }
        let method = &self.shared.method;
        let about = if is_secret_name(name) {
            format!("another `{name}`")
        } else {
            format!("`{name}` '{answer}' and not '{}'", self.values[at].text())
        };
        self.shared.outcome.note(format!(
            "`{method}` responded with {about}: the service returned another object than requested"
        ));
        Ok(())
    }
}
