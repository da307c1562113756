//! Method choice: a pure function from what a statement gives and names to a method.
//!
//! Why: docs/decisions/0006-method-choice-has-no-score.md.
//!
//! The rule: the first method in document order
//! 1. whose required parameters all have values,
//! 2. that accepts every value given for something that is only a parameter, and
//! 3. that returns every column the statement names (a bound parameter counts as returned, since it
//!    is echoed).
//!
//! No scoring: the order of the document decides. When no method fits, the reason names the nearest
//! method and what it lacks, so that the error can say so.

use std::collections::{BTreeSet, HashSet};

use strataql_spec::{Input, Method};

/// What a statement gives and names.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Names that have values: from predicates, join keys or settings.
    pub bound: BTreeSet<String>,
    /// The subset of `bound` that stands for nothing but a parameter: no method returns a column of
    /// that name, so ignoring the value would ignore the condition.
    pub parameter_only: BTreeSet<String>,
    /// Columns that the statement names.
    pub columns: BTreeSet<String>,
}

/// The chosen method.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The method.
    pub method: &'a Method,
    /// True when it is the first of the resource's select methods.
    pub is_first: bool,
}

/// Why no method fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoChoice {
    /// The resource has no method for the verb.
    NoMethods,
    /// Every method that would do lacks parameters.
    Missing(Vec<Lack>),
    /// No method that can be called returns a named column.
    Column {
        /// The column.
        column: String,
        /// The method that returns it and the parameters it lacks.
        by: Option<Lack>,
    },
    /// A value was given that no callable method accepts.
    NotAccepted {
        /// The parameter.
        name: String,
        /// The method that accepts it and the parameters it lacks.
        by: Option<Lack>,
    },
}

/// A method and the parameters it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Method name.
    pub method: String,
    /// SQL names of the missing parameters.
    pub missing: Vec<String>,
    /// True when the method answers with a single row.
    pub is_lookup: bool,
}

/// Chooses among candidate methods, given in document order.
///
/// # Errors
/// Why none fits.
pub fn choose<'a>(
    candidates: impl IntoIterator<Item = &'a Method>,
    needs: &Needs,
) -> Result<Choice<'a>, NoChoice> {
    let methods: Vec<&Method> =
        candidates.into_iter().filter(|method| method.is_selectable()).collect();
    if methods.is_empty() {
        return Err(NoChoice::NoMethods);
    }
    let fits = |method: &&Method| {
        missing(method, needs).is_empty()
            && not_accepted(method, needs).is_none()
            && not_returned(method, needs).is_none()
    };
    if let Some(position) = methods.iter().position(fits) {
        return Ok(Choice { method: methods[position], is_first: position == 0 });
    }
    Err(reason(&methods, needs))
}

/// SQL names of required parameters without a value.
fn missing(method: &Method, needs: &Needs) -> Vec<String> {
    method
        .inputs()
        .filter(|input| input.required && !is_bound(*input, needs))
        .map(|input| input.name.to_owned())
        .collect()
}

fn is_bound(input: Input<'_>, needs: &Needs) -> bool {
    needs.bound.contains(input.name) || needs.bound.contains(input.wire)
}

fn not_accepted<'n>(method: &Method, needs: &'n Needs) -> Option<&'n str> {
    needs.parameter_only.iter().map(String::as_str).find(|name| method.input(name).is_none())
}

fn not_returned<'n>(method: &Method, needs: &'n Needs) -> Option<&'n str> {
    let returned: HashSet<&str> =
        method.response.columns.iter().map(|column| column.name.as_str()).collect();
    needs.columns.iter().map(String::as_str).find(|column| {
        !returned.contains(column)
            && !method.input(column).is_some_and(|input| is_bound(input, needs))
    })
}

fn lack(method: &Method, needs: &Needs) -> Lack {
    Lack {
        method: method.name.clone(),
        missing: missing(method, needs),
        is_lookup: method.is_lookup(),
    }
}

fn reason(methods: &[&Method], needs: &Needs) -> NoChoice {
    let callable: Vec<&&Method> =
        methods.iter().filter(|method| missing(method, needs).is_empty()).collect();
    if callable.is_empty() {
        let suitable: Vec<Lack> = methods
            .iter()
            .filter(|method| not_returned(method, needs).is_none())
            .map(|method| lack(method, needs))
            .collect();
        let all = || methods.iter().map(|method| lack(method, needs)).collect();
        return NoChoice::Missing(if suitable.is_empty() { all() } else { suitable });
    }
    // a parameter that was named but has no value is missing, not unknown
    let refused = callable.iter().find_map(|method| not_accepted(method, needs));
    if let Some(name) = refused {
        let by = methods.iter().find(|method| method.input(name).is_some());
        return NoChoice::NotAccepted {
            name: name.to_owned(),
            by: by.map(|method| lack(method, needs)),
        };
    }
    let column = callable.iter().find_map(|method| not_returned(method, needs)).unwrap_or_default();
    let by = methods.iter().find(|method| method.column(column).is_some());
    NoChoice::Column { column: column.to_owned(), by: by.map(|method| lack(method, needs)) }
}

#[cfg(test)]
mod tests;
