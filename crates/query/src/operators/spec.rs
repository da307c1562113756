//! The scan as plain data.
//!
//! Owns: everything a scan needs besides its runtime; serialisable, so that a plan can travel.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use strataql_call::{
    Arguments, ColumnPlan, DecodePlan, MethodCall, MethodRef, Mismatch, ServerVariables, Value,
};
use strataql_diag::Report;
use strataql_registry::Registry;
use strataql_spec::ColumnType;

use super::BoundKeys;
use crate::predicate::alternatives::{Alternatives, calls, combinations};
use crate::predicate::bindings::{ParameterSource, SlotId};
use crate::predicate::clauses::Clauses;

/// One scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanSpec {
    /// Provider name.
    pub provider: String,
    /// Service name.
    pub service: String,
    /// Resource name.
    pub resource: String,
    /// Method key.
    pub method: String,
    /// Values by SQL name of the parameter.
    pub bindings: BTreeMap<String, ParameterSource>,
    /// Which of the values go together; all of them where this is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternatives>,
    /// Columns of which a row must have the value of its call: a call may bring rows of other values,
    /// which are those of another call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<String>,
    /// Columns that say which object a row is, where its call asked for one by a parameter of that name.
    /// They are no output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<ScanColumn>,
    /// Columns in output order.
    pub columns: Vec<ScanColumn>,
    /// Exactly that many rows end the scan.
    pub limit: Option<usize>,
    /// True when rows may turn out to be enough: no page is fetched before it is asked for.
    pub lazy: bool,
    /// True when the first request leaves before rows are asked for.
    pub eager: bool,
    /// True when another scan of the statement may make the same calls.
    pub shared: bool,
    /// True when rows of an IN list may come in any order.
    pub arrival_order: bool,
    /// Chains of pages read at once.
    pub concurrency: usize,
    /// What a misfit becomes.
    pub mismatch: Mismatch,
    /// Clauses that the method takes over.
    #[serde(default)]
    pub clauses: Clauses,
    /// Why this method, for EXPLAIN.
    pub why: String,
    /// Predicates checked on the rows, for EXPLAIN.
    pub local: Vec<String>,
    /// Facts for the user.
    pub notes: Vec<String>,
}

/// One output column of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanColumn {
    /// Name in SQL.
    pub name: String,
    /// Key in a row, if the method returns it.
    pub wire: Option<String>,
    /// Its type.
    pub kind: ColumnType,
    /// Metadata of its field, as planned.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl ScanSpec {
    /// `provider.service.resource.method`.
    pub fn name(&self) -> String {
        format!("{}.{}.{}.{}", self.provider, self.service, self.resource, self.method)
    }

    /// True if some value comes from a join key.
    pub(crate) fn is_fed(&self) -> bool {
        self.bindings.values().any(|source| matches!(source, ParameterSource::Slot(_)))
    }

    /// True if that join key is a value of a call.
    pub(crate) fn takes(&self, slot: SlotId) -> bool {
        self.bindings.values().any(|source| *source == ParameterSource::Slot(slot))
    }

    /// True if this scan may make a call that the other one makes too.
    pub(crate) fn may_repeat(&self, other: &Self) -> bool {
        self.name() == other.name()
            && self.bindings.keys().eq(other.bindings.keys())
            && self.bindings.values().zip(other.bindings.values()).all(|pair| match pair {
                (ParameterSource::Values(own), ParameterSource::Values(others)) => {
                    let others: HashSet<String> = others.iter().map(Value::text).collect();
                    own.iter().any(|value| others.contains(&value.text()))
                }
                // a key may be anything
                _ => true,
            })
    }

    /// The method.
    ///
    /// # Errors
    /// Reports of the registry.
    pub(crate) fn target(&self, registry: &Registry) -> Result<MethodRef, Box<Report>> {
        let provider = registry.provider(&self.provider)?;
        let service = registry.service(&self.provider, &self.service)?;
        MethodRef::find(&provider, &service, &self.resource, &self.method)
            .ok_or_else(|| Box::new(Report::internal(format!("method `{}` is gone", self.name()))))
    }

    /// One call of the scan, with what the scan adds to its query. A call that several scans may make
    /// stays as it is, so that it is made once; a value of the user's is never changed.
    ///
    /// # Errors
    /// As [`MethodCall::new`].
    pub(crate) fn call(
        &self,
        target: &MethodRef,
        arguments: &Arguments,
    ) -> Result<MethodCall, Box<Report>> {
        // a plan holds every value, server variables included
        let variables = ServerVariables::none();
        let mut call = MethodCall::new(target.clone(), arguments.clone(), &variables)?;
        if !self.shared {
            for (name, value) in self.clauses.with_limit(self.limit) {
                call.add_query(name, value);
            }
        }
        Ok(call)
    }

    /// How many calls the constants make; slots count as one value.
    pub fn calls(&self) -> usize {
        calls(&self.bindings, &self.alternatives)
    }

    /// The values of each call, first parameter slowest.
    ///
    /// # Errors
    /// The number of a slot without a value.
    pub(crate) fn arguments(&self, keys: Option<&BoundKeys>) -> Result<Vec<Arguments>, SlotId> {
        let lists = self.bindings.iter().map(|(name, source)| {
            let values = match source {
                ParameterSource::Values(values) => values.clone(),
                ParameterSource::Slot(slot) => {
                    vec![keys.and_then(|keys| keys.0.get(slot)).cloned().ok_or(*slot)?]
                }
            };
            Ok((name, values))
        });
        let lists = lists.collect::<Result<Vec<_>, SlotId>>()?;
        Ok(combinations(lists, &self.alternatives).into_iter().map(Arguments).collect())
    }

    /// How to read the pages of one call.
    ///
    /// # Errors
    /// As [`MethodRef::check_readable`].
    pub(crate) fn decode_plan(&self, call: &MethodCall) -> Result<DecodePlan, Box<Report>> {
        let columns = self.columns.iter().map(|column| ColumnPlan {
            name: column.name.clone(),
            wire: column.wire.clone(),
            kind: column.kind,
            // a value in the body; those of parameters come from the call
            echo: call.arguments().0.get(&column.name).cloned(),
        });
        let asked = self.asked.iter().map(|column| ColumnPlan {
            name: column.name.clone(),
            wire: column.wire.clone(),
            kind: column.kind,
            echo: None,
        });
        call.decode_plan(columns.chain(asked).collect(), self.mismatch)
    }

    /// The spec as text that [`Self::from_text`] reads back.
    ///
    /// # Errors
    /// When a value cannot be serialised.
    pub fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Reads a spec.
    ///
    /// # Errors
    /// When the text is no spec.
    pub fn from_text(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}
