//! Disjunctions over parameters: which values go together.
//!
//! Owns: what the arms of `(p='a' AND n=1) OR (p='b' AND n=2)` give, and the calls that values make.

use std::collections::{BTreeMap, HashMap, HashSet};

use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use strataql_call::Value;

use super::bindings::{Binding, ParameterSource, binding, combine, extend, never_holds};

/// What a predicate says of parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PredicateValues {
    /// The whole predicate is a value of one parameter.
    Binding(Binding),
    /// A disjunction over parameters; it must still be checked on the rows.
    Alternatives(Alternatives),
}

/// What a predicate says of parameters, if it says something.
pub(crate) fn predicate_values(
    expr: &Expr,
    is_parameter: &dyn Fn(&str) -> bool,
) -> Option<PredicateValues> {
    match binding(expr, is_parameter) {
        Some(binding) => Some(PredicateValues::Binding(binding)),
        None => Alternatives::of(expr, is_parameter).map(PredicateValues::Alternatives),
    }
}

/// What a disjunction needs: `(p='a' AND n=1) OR (p='b' AND n=2)` holds only where one of its arms
/// finds its values. The condition itself must still be checked on the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternatives(Vec<BTreeMap<String, Vec<Value>>>);

impl Alternatives {
    /// Those of a disjunction whose arms all give values to some parameter.
    pub(crate) fn of(expr: &Expr, is_parameter: &dyn Fn(&str) -> bool) -> Option<Self> {
        let mut arms = Vec::new();
        disjuncts(expr, &mut arms);
        arms.retain(|arm| !never_holds(arm));
        if arms.len() < 2 {
            return None;
        }
        let of_arm = |arm: &Expr| -> BTreeMap<String, Vec<Value>> {
            let parts = split_conjunction(arm);
            combine(parts.into_iter().filter_map(|part| binding(part, is_parameter)))
                .into_iter()
                .filter_map(|(name, source)| match source {
                    ParameterSource::Values(values) => Some((name, values)),
                    ParameterSource::Slot(_) => None,
                })
                .collect()
        };
        let found = Self(arms.into_iter().map(of_arm).collect());
        (!found.bindings().is_empty()).then_some(found)
    }

    /// Parameters to which every arm gives values, with the values of all arms.
    pub(crate) fn bindings(&self) -> Vec<Binding> {
        let Some((first, rest)) = self.0.split_first() else { return Vec::new() };
        let of_all = |name: &String| {
            let mut values = first[name].clone();
            for arm in rest {
                extend(&mut values, arm.get(name)?.clone());
            }
            Some(Binding { name: name.clone(), source: ParameterSource::Values(values) })
        };
        first.keys().filter_map(of_all).collect()
    }

    /// The lists that each arm leaves, without arms that leave none.
    fn narrow<'n>(&self, lists: &Lists<'n>) -> Vec<Lists<'n>> {
        let known: Vec<HashMap<String, &Value>> = lists
            .iter()
            .map(|(_, values)| values.iter().map(|value| (value.text(), value)).collect())
            .collect();
        let of_arm = |arm: &BTreeMap<String, Vec<Value>>| -> Lists<'n> {
            let narrowed = lists.iter().zip(&known).map(|((name, values), known)| {
                let values = match arm.get(*name) {
                    Some(wanted) => {
                        let found = wanted.iter().filter_map(|value| known.get(&value.text()));
                        found.map(|value| (*value).clone()).collect()
                    }
                    None => values.clone(),
                };
                (*name, values)
            });
            narrowed.collect()
        };
        let arms = self.0.iter().map(of_arm);
        arms.filter(|lists| lists.iter().all(|(_, values)| !values.is_empty())).collect()
    }
}

/// The values of one call, by parameter.
pub(crate) type Together = IndexMap<String, Value>;

/// Lists of values, by parameter.
type Lists<'n> = Vec<(&'n String, Vec<Value>)>;

/// One value of each list in every way, first list slowest, without what no arm of the disjunctions
/// asks for.
pub(crate) fn combinations(lists: Lists<'_>, alternatives: &[Alternatives]) -> Vec<Together> {
    let mut allowed = vec![lists];
    for alternatives in alternatives {
        allowed = allowed.iter().flat_map(|lists| alternatives.narrow(lists)).collect();
    }
    let mut all: Vec<Together> = allowed.iter().flat_map(product).collect();
    if allowed.len() > 1 {
        // arms may overlap
        let mut seen = HashSet::new();
        all.retain(|values| seen.insert(values.values().map(Value::text).collect::<Vec<_>>()));
    }
    all
}

fn product(lists: &Lists<'_>) -> Vec<Together> {
    let mut all: Vec<Together> = vec![IndexMap::new()];
    for (name, values) in lists {
        let extended = |given: Together| {
            values.iter().map(move |value| {
                let mut given = given.clone();
                given.insert((*name).clone(), value.clone());
                given
            })
        };
        all = all.into_iter().flat_map(extended).collect();
    }
    all
}

/// How many calls the constants make; slots count as one value.
pub(crate) fn calls(
    bindings: &BTreeMap<String, ParameterSource>,
    alternatives: &[Alternatives],
) -> usize {
    let constants = bindings.iter().filter_map(|(name, source)| match source {
        ParameterSource::Values(values) => Some((name, values)),
        ParameterSource::Slot(_) => None,
    });
    if alternatives.is_empty() {
        return constants.map(|(_, values)| values.len()).product();
    }
    combinations(constants.map(|(name, values)| (name, values.clone())).collect(), alternatives)
        .len()
}

fn disjuncts<'e>(expr: &'e Expr, arms: &mut Vec<&'e Expr>) {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            disjuncts(left, arms);
            disjuncts(right, arms);
        }
        other => arms.push(other),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn disjunctions_give_the_values_that_every_arm_needs() {
        let is_parameter = |name: &str| name == "p" || name == "q";
        let values = |expr: &Expr| {
            let found = Alternatives::of(expr, &is_parameter)?.bindings();
            match &found.first()?.source {
                ParameterSource::Values(values) => {
                    Some(values.iter().map(Value::text).collect::<Vec<_>>())
                }
                ParameterSource::Slot(_) => None,
            }
        };
        let arm = |p: &str, n: i64| col("p").eq(lit(p)).and(col("n").eq(lit(n)));
        assert_eq!(values(&arm("a", 1).or(arm("b", 2))), Some(vec!["a".into(), "b".into()]));
        let three = arm("a", 1).or(arm("b", 2)).or(col("p").eq(lit("c")));
        assert_eq!(values(&three).map(|values| values.len()), Some(3));
        assert_eq!(values(&arm("a", 1).or(col("n").eq(lit(2i64)))), None);
        assert_eq!(values(&col("p").eq(lit("a")).or(col("q").eq(lit("b")))), None);
        assert_eq!(values(&arm("a", 1)), None);
        let never = lit(ScalarValue::Boolean(None));
        assert_eq!(
            values(&never.or(arm("a", 1)).or(arm("b", 2))).map(|values| values.len()),
            Some(2)
        );
    }

    #[test]
    fn values_of_an_arm_stay_together() {
        let is_parameter = |name: &str| name == "p" || name == "q";
        let arm = |p: &str, q: &str| col("p").eq(lit(p)).and(col("q").eq(lit(q)));
        let shown = |expr: Expr, names: &[&str]| {
            let found = Alternatives::of(&expr, &is_parameter).expect("every arm gives values");
            let bindings = combine(found.bindings());
            let lists: Vec<(&String, Vec<Value>)> = bindings
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .filter_map(|(name, source)| match source {
                    ParameterSource::Values(values) => Some((name, values.clone())),
                    ParameterSource::Slot(_) => None,
                })
                .collect();
            let calls = combinations(lists, &[found]);
            let text = |call: &Together| call.values().map(Value::text).collect::<String>();
            calls.iter().map(text).collect::<Vec<_>>()
        };
        let pairs = arm("a", "x").or(arm("b", "y"));
        assert_eq!(shown(pairs.clone(), &["p", "q"]), ["ax", "by"]);
        assert_eq!(shown(pairs, &["p"]), ["a", "b"]);
        let twice = arm("a", "x").or(arm("b", "y")).or(arm("a", "x"));
        assert_eq!(shown(twice, &["p", "q"]), ["ax", "by"]);
        let open = arm("a", "x").or(col("p").in_list(vec![lit("b"), lit("c")], false));
        assert_eq!(shown(open, &["p", "q"]), ["a", "b", "c"]);
    }
}
