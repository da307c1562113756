//! Resolving scans: the method each scan calls, the values it sends, and what stays to be checked.
//!
//! Runs on the optimised plan. A scan becomes
//!
//! ```text
//! Projection (original columns)          only if predicates were put back
//!   Filter (predicates the method does not take over exactly)
//!     TableScan (its call: method, bindings)
//! ```
//!
//! Surprise: the row limit that DataFusion gave the scan is dropped when a predicate comes back
//! above it; the `Limit` node above keeps the meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::logical_plan::builder::LogicalPlanBuilder;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, TableScan, TableScanBuilder};
use strataql_call::Value;
use strataql_spec::{ColumnType, Location, Method, Param};

use super::bind_node::BindJoinNode;
use super::method_choice::{Choice, Lack, Needs, NoChoice, choose};
use super::number_order::written;
use super::refusal::refusal;
use crate::error::external;
use crate::outcome::default_note;
use crate::predicate::ScanCall;
use crate::predicate::alternatives::{Alternatives, PredicateValues, calls, predicate_values};
use crate::predicate::bindings::{Binding, ParameterSource, binding, combine, has_slot};
use crate::predicate::clauses::filter;
use crate::resource::is_hidden;
use crate::resource_table::{ResourceTable, table_of};
use strataql_functions::operator_of;

/// Chooses the call of every scan of a plan, subqueries included.
///
/// # Errors
/// `missing-param`, `no-such-verb`, `bad-param-value` … of the first scan that no method answers.
pub(crate) fn resolve_scans(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
        let Some(table) = table_of(scan) else { return Ok(Transformed::no(node)) };
        if table.call.is_some() {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::new(resolve_scan(scan, &table)?, true, TreeNodeRecursion::Continue))
    })?
    .data
    .transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) => {
            let local: Vec<Expr> = split_conjunction(&filter.predicate)
                .into_iter()
                .filter(|predicate| !has_slot(predicate))
                .cloned()
                .collect();
            let input = tell_local(Arc::unwrap_or_clone(filter.input), &local, true)?;
            Filter::try_new(filter.predicate, Arc::new(input))
                .map(LogicalPlan::Filter)
                .map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|transformed| transformed.data)
}

/// Tells the scan right below a filter what is checked on its rows. `same_names` while columns are
/// called as the scan calls them.
fn tell_local(plan: LogicalPlan, local: &[Expr], same_names: bool) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::TableScan(mut scan) => {
            if let Some(table) = table_of(&scan)
                && let Some(call) = &table.call
            {
                let mut call = call.as_ref().clone();
                call.local.extend(local.iter().map(shown));
                let method = &table.resource.resource().methods[call.method.as_str()];
                if same_names {
                    call.remote.extend(local.iter().filter_map(|expr| filter(expr, method)));
                }
                let call = Some(Arc::new(call));
                scan.source = provider_as_source(Arc::new(ResourceTable { call, ..table }));
            }
            Ok(LogicalPlan::TableScan(scan))
        }
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            let is_plain = match &plan {
                LogicalPlan::Projection(projection) => {
                    projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_)))
                }
                _ => true,
            };
            plan.map_children(|child| {
                tell_local(child, local, same_names && is_plain).map(Transformed::yes)
            })
            .map(|transformed| transformed.data)
        }
        other => Ok(other),
    }
}

/// True if no method can answer the scan with what it is given so far.
pub(crate) fn is_needy(scan: &TableScan) -> bool {
    let Some(table) = table_of(scan).filter(|table| table.call.is_none()) else { return false };
    match chosen(&table, &demand(scan, &table)) {
        Ok(_) | Err(NoChoice::NoMethods) => false,
        Err(_) => true,
    }
}

/// Parameters that the scan shows and no condition gives a value: those that are no columns, and those
/// whose value is a setting's. A join may give them one.
pub(crate) fn unbound(scan: &TableScan) -> Vec<String> {
    let Some(table) = table_of(scan).filter(|table| table.call.is_none()) else {
        return Vec::new();
    };
    let fields = table.schema.fields();
    let shown: Vec<usize> = scan.projection.clone().unwrap_or_else(|| (0..fields.len()).collect());
    let is_server = |name: &str| {
        let mut params = table.resource.select_methods().filter_map(|method| method.param(name));
        params.any(|param| param.location == Location::Server)
    };
    let mut fields_shown = shown.iter().map(|position| &fields[*position]);
    // what a scan asks for takes longer to find out
    if !table.scope.variables.has_defaults(&table.resource.provider)
        && !fields_shown.any(|field| is_hidden(field) || is_server(field.name()))
    {
        return Vec::new();
    }
    let demand = demand(scan, &table);
    shown
        .iter()
        .map(|position| fields[*position].name().as_str())
        .filter(|name| {
            demand.from_settings.contains(*name)
                || (!demand.bindings.contains_key(*name)
                    && table.schema.field_with_name(name).is_ok_and(is_hidden))
        })
        .map(str::to_owned)
        .collect()
}

/// Parameters that the scan lacks, whichever of its methods is meant.
pub(crate) fn lacking(scan: &TableScan) -> Vec<String> {
    let Some(table) = table_of(scan).filter(|table| table.call.is_none()) else {
        return Vec::new();
    };
    let Err(reason) = chosen(&table, &demand(scan, &table)) else { return Vec::new() };
    lacks(reason).into_iter().flat_map(|lack| lack.missing).collect()
}

/// True if the scan's method takes every join key as it is, so that nothing has to compare it again.
pub(crate) fn takes_all_slots(scan: &TableScan) -> bool {
    let Some(table) = table_of(scan) else { return true };
    let Some(call) = &table.call else { return false };
    let method = &table.resource.resource().methods[call.method.as_str()];
    let is_parameter = |name: &str| table.is_parameter(name);
    scan.filters.iter().filter(|filter| has_slot(filter)).all(|filter| {
        binding(filter, &is_parameter).is_some_and(|found| takes_over(&table, method, &found.name))
    })
}

/// The methods that the scans of a resolved plan call, templates of bind joins included.
pub(crate) fn methods(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut names = Vec::new();
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => {
                let table = table_of(scan);
                names.extend(table.and_then(|table| {
                    let call = table.call.as_ref()?;
                    Some(format!("{}.{}", table.resource.dotted(), call.method))
                }));
            }
            LogicalPlan::Extension(extension) => {
                if let Some(join) = extension.node.as_any().downcast_ref::<BindJoinNode>() {
                    names.extend(methods(&join.template)?);
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    names.sort();
    Ok(names)
}

/// What a scan asks of a method.
pub(crate) struct Demand {
    pub(crate) bindings: BTreeMap<String, ParameterSource>,
    pub(crate) needs: Needs,
    /// Disjunctions among the conditions.
    alternatives: Vec<Alternatives>,
    /// Names whose values come from settings or the environment.
    from_settings: BTreeSet<String>,
}

/// What a scan asks of a method. Of the parameters that a disjunction gives values all are used, as in
/// `(p='a' AND n=1) OR (p='b' AND n=2)`, or one where that is enough and makes fewer calls, as in
/// `(p='a' AND n=1) OR (p='a' AND n=2)`.
///
/// A default parameter is used only if no method can be called without it.
pub(crate) fn demand(scan: &TableScan, table: &ResourceTable) -> Demand {
    let demand = demand_without(scan, table, &BTreeMap::new());
    let Err(reason) = chosen(table, &demand) else { return demand };
    let default = |name: &String| {
        let value = table.scope.variables.default_of(&table.resource.provider, name)?;
        Some((name.clone(), value))
    };
    let mut lacks = lacks(reason);
    lacks.sort_by_key(|lack| lack.missing.len());
    let filled = lacks.iter().find_map(|lack| {
        let defaults = lack.missing.iter().map(default).collect::<Option<_>>()?;
        let filled = demand_without(scan, table, &defaults);
        chosen(table, &filled).is_ok().then_some(filled)
    });
    filled.unwrap_or(demand)
}

/// The methods that could be called, and what each lacks.
fn lacks(reason: NoChoice) -> Vec<Lack> {
    match reason {
        NoChoice::Missing(lacks) => lacks,
        NoChoice::Column { by, .. } | NoChoice::NotAccepted { by, .. } => by.into_iter().collect(),
        NoChoice::NoMethods => Vec::new(),
    }
}

/// [`demand`] with these defaults of parameters.
fn demand_without(
    scan: &TableScan,
    table: &ResourceTable,
    defaults: &BTreeMap<String, String>,
) -> Demand {
    let is_parameter = |name: &str| table.is_parameter(name);
    let (mut known, mut alternatives) = (Vec::new(), Vec::new());
    for filter in &scan.filters {
        match predicate_values(filter, &is_parameter) {
            Some(PredicateValues::Binding(binding)) => known.push(binding),
            Some(PredicateValues::Alternatives(found)) => alternatives.push(found),
            None => {}
        }
    }
    let known = combine(known);
    let most = alternatives.iter().map(|found| found.bindings().len()).max().unwrap_or(0);
    let one_of_each = |at: usize| {
        let each = alternatives.iter().map(Alternatives::bindings);
        let each = each.filter_map(|found| found.get(at).or(found.last()).cloned());
        demand_with((scan, table, defaults), known.clone(), each.collect(), alternatives.clone())
    };
    let derived = alternatives.iter().flat_map(Alternatives::bindings).collect();
    let all = demand_with((scan, table, defaults), known.clone(), derived, alternatives.clone());
    let of_all = calls(&all.bindings, &alternatives);
    let can = |demand: &Demand| chosen(table, demand).is_ok();
    let one = (0..most).map(one_of_each).find(can);
    match one {
        Some(one) if !can(&all) || calls(&one.bindings, &alternatives) < of_all => one,
        _ => all,
    }
}

fn demand_with(
    (scan, table, defaults): (&TableScan, &ResourceTable, &BTreeMap<String, String>),
    mut bindings: BTreeMap<String, ParameterSource>,
    derived: Vec<Binding>,
    alternatives: Vec<Alternatives>,
) -> Demand {
    let parameters_given: BTreeSet<String> = bindings.keys().cloned().collect();
    for found in derived {
        bindings.entry(found.name).or_insert(found.source);
    }
    let hidden: BTreeSet<&str> = table
        .schema
        .fields()
        .iter()
        .filter(|field| is_hidden(field))
        .map(|field| field.name().as_str())
        .collect();
    let parameter_only =
        parameters_given.into_iter().filter(|name| hidden.contains(name.as_str())).collect();
    let mut from_settings = BTreeSet::new();
    for param in table.resource.select_methods().flat_map(|method| &method.params) {
        if param.location == Location::Server
            && !bindings.contains_key(&param.name)
            && let Some(value) = configured(table, param)
        {
            bindings.insert(param.name.clone(), ParameterSource::Values(vec![Value::Text(value)]));
            from_settings.insert(param.name.clone());
        }
    }
    for (name, value) in defaults {
        if !bindings.contains_key(name) {
            let source = ParameterSource::Values(vec![Value::Text(value.clone())]);
            bindings.insert(name.clone(), source);
            from_settings.insert(name.clone());
        }
    }
    let projected =
        scan.projection.clone().unwrap_or_else(|| (0..table.schema.fields().len()).collect());
    let columns = projected
        .into_iter()
        .map(|position| table.schema.field(position).name().clone())
        .filter(|name| table.mentions(name) && !hidden.contains(name.as_str()))
        .collect();
    let bound = bindings.keys().cloned().collect();
    let needs = Needs { bound, parameter_only, columns };
    Demand { bindings, needs, alternatives, from_settings }
}

/// The value of a server variable that the statement does not give.
fn configured(table: &ResourceTable, param: &Param) -> Option<String> {
    let resource = &table.resource;
    table.scope.variables.value(&resource.provider.name, resource.resource(), &param.wire)
}

/// The method that a demand leads to. Predicates on columns that the chosen method does not take as
/// parameters must be checked on its rows, so it has to return them: the choice is made twice.
pub(crate) fn chosen<'a>(
    table: &'a ResourceTable,
    demand: &Demand,
) -> std::result::Result<Choice<'a>, NoChoice> {
    let methods: Vec<&Method> = table.resource.select_methods().collect();
    let fits = |method: &&&Method| {
        demand.needs.bound.iter().all(|name| {
            demand.from_settings.contains(name)
                || method.input(name).is_some()
                || method.column(name).is_some()
        })
    };
    let able: Vec<&Method> = methods.iter().filter(fits).copied().collect();
    match choose(able.iter().copied(), &demand.needs) {
        Ok(choice) => Ok(choice),
        Err(_) => choose(methods, &demand.needs),
    }
}

fn resolve_scan(scan: &TableScan, table: &ResourceTable) -> Result<LogicalPlan> {
    let demand = demand(scan, table);
    let choice = chosen(table, &demand).map_err(|reason| external(refusal(table, &reason)))?;
    let method = choice.method;
    if let Some(target) = table.resource.method(&method.name) {
        target.check_readable().map_err(external)?;
    }
    let is_parameter = |name: &str| table.is_parameter(name);
    let mut residual: Vec<Expr> = Vec::new();
    for filter in &scan.filters {
        let is_taken_over = match predicate_values(filter, &is_parameter) {
            // a join key is compared by the join itself
            Some(PredicateValues::Binding(found)) => {
                has_slot(filter) || takes_over(table, method, &found.name)
            }
            // the disjunction is still above the scan
            Some(PredicateValues::Alternatives(_)) => true,
            None => has_slot(filter),
        };
        if !is_taken_over {
            residual.push(filter.clone());
        }
    }
    let by_default: Vec<String> = demand
        .from_settings
        .iter()
        .filter(|name| method.param(name).is_none_or(|param| param.location != Location::Server))
        .cloned()
        .collect();
    let bindings: BTreeMap<String, ParameterSource> =
        demand.bindings.into_iter().filter(|(name, _)| method.input(name).is_some()).collect();
    let call = ScanCall {
        method: method.name.clone(),
        why: reason(table, &choice, &demand.needs),
        local: Vec::new(),
        remote: Vec::new(),
        notes: notes(table, method, scan, &bindings, &by_default),
        alternatives: demand.alternatives,
        compared: compared(table, method, &bindings),
        asked: asked(method, &bindings),
        bindings,
    };
    let projection = extended(scan, table, &residual, &call.compared);
    let source =
        provider_as_source(Arc::new(ResourceTable { call: Some(Arc::new(call)), ..table.clone() }));
    let fetch = if residual.is_empty() { scan.fetch } else { None };
    let new_scan = TableScanBuilder::new(scan.table_name.clone(), source)
        .with_projection(Some(projection.clone()))
        .with_filters(scan.filters.clone())
        .with_fetch(fetch)
        .build()?;
    let mut plan = LogicalPlan::TableScan(new_scan);
    if let Some(predicate) = conjunction(residual) {
        plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(plan))?);
    }
    let columns: Vec<Expr> = scan
        .projected_schema
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
        .collect();
    if columns.len() == projection.len() {
        return Ok(plan);
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The scan's columns, and those that are checked on the rows.
fn extended(
    scan: &TableScan,
    table: &ResourceTable,
    residual: &[Expr],
    compared: &[String],
) -> Vec<usize> {
    let mut projection =
        scan.projection.clone().unwrap_or_else(|| (0..table.schema.fields().len()).collect());
    let checked = residual.iter().flat_map(Expr::column_refs).map(|column| column.name.as_str());
    for name in checked.chain(compared.iter().map(String::as_str)) {
        if let Ok(position) = table.schema.index_of(name)
            && !projection.contains(&position)
        {
            projection.push(position);
        }
    }
    projection
}

/// True if sending the value makes checking it on the rows unnecessary
/// (docs/decisions/0007-predicates-on-parameters.md).
fn takes_over(table: &ResourceTable, method: &Method, name: &str) -> bool {
    let Some(input) = method.input(name) else { return false };
    if !matches!(input.location, Some(Location::Query) | None) || input.required {
        return true;
    }
    let is_column = table.resource.select_methods().any(|method| method.column(name).is_some());
    !is_column || method.extension.exact.iter().any(|name| name == input.name || name == input.wire)
}

/// Parameters whose values make several calls, each of which may answer with more than was asked for:
/// a row counts only in the call that asked for it.
fn compared(
    table: &ResourceTable,
    method: &Method,
    bindings: &BTreeMap<String, ParameterSource>,
) -> Vec<String> {
    let several = bindings.iter().filter(
        |(_, source)| matches!(source, ParameterSource::Values(values) if values.len() > 1),
    );
    several
        .map(|(name, _)| name.clone())
        .filter(|name| method.column(name).is_some() && !takes_over(table, method, name))
        .collect()
}

/// Parameters that say which object is requested, and which a row of the answer has as a column
/// (docs/decisions/0007-predicates-on-parameters.md).
fn asked(method: &Method, bindings: &BTreeMap<String, ParameterSource>) -> Vec<String> {
    let names = bindings.keys().filter(|name| {
        let is_identity = method.input(name).is_some_and(|input| {
            input.required || matches!(input.location, Some(Location::Path | Location::Header))
        });
        is_identity && method.column(name).is_some_and(|column| column.kind != ColumnType::Json)
    });
    names.cloned().collect()
}

fn reason(table: &ResourceTable, choice: &Choice<'_>, needs: &Needs) -> String {
    let required: Vec<&str> = choice
        .method
        .inputs()
        .filter(|input| input.required)
        .map(|input| input.name)
        .filter(|name| needs.bound.contains(*name))
        .collect();
    let position = if choice.is_first { "first" } else { "first that fits" };
    let count = table.resource.select_methods().count();
    if count == 1 {
        return "the only select method".to_owned();
    }
    if required.is_empty() {
        return format!("{position} of {count} select methods; it needs no parameter");
    }
    format!("{position} of {count} select methods; {} given", listed(&required))
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is"),
        [head @ .., last] => format!("{} and {last} are", head.join(", ")),
    }
}

/// A predicate as people write it.
pub(crate) fn shown(expr: &Expr) -> String {
    let plain = expr.clone().transform_up(|expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => match operator_of(&other) {
                Some(operator) => Transformed::yes(operator),
                None => written(other),
            },
        })
    });
    let expr = plain.map_or_else(|_| expr.clone(), |transformed| transformed.data);
    match datafusion::sql::unparser::expr_to_sql(&expr) {
        Ok(sql) => sql.to_string().replace('"', ""),
        Err(_) => expr.to_string(),
    }
}

/// Facts that the user should know about the choice.
fn notes(
    table: &ResourceTable,
    method: &Method,
    scan: &TableScan,
    bindings: &BTreeMap<String, ParameterSource>,
    by_default: &[String],
) -> Vec<String> {
    let mut notes = Vec::new();
    for name in by_default {
        if let Some(ParameterSource::Values(values)) = bindings.get(name)
            && let [Value::Text(value)] = values.as_slice()
        {
            notes.push(default_note(name, value));
        }
    }
    let projected =
        scan.projection.clone().unwrap_or_else(|| (0..table.schema.fields().len()).collect());
    let absent: Vec<String> = projected
        .iter()
        .map(|position| table.schema.field(*position))
        .filter(|field| {
            !is_hidden(field)
                && method.column(field.name()).is_none()
                && !bindings.contains_key(field.name())
        })
        .map(|field| format!("`{}`", field.name()))
        .collect();
    if !absent.is_empty() {
        notes.push(format!(
            "{} of `{}` NULL: method `{}` does not return {}",
            absent.join(", "),
            table.resource.dotted(),
            method.name,
            if absent.len() == 1 { "it" } else { "them" }
        ));
    }
    let server = method.servers.first();
    for param in method.params.iter().filter(|param| param.location == Location::Server) {
        if bindings.contains_key(&param.name) {
            continue;
        }
        if let (Some(default), Some(server)) = (&param.default, server) {
            notes.push(format!(
                "`{}` is not given; its default `{default}` makes the server `{}`",
                param.name,
                server.url.replace(&format!("{{{}}}", param.wire), default)
            ));
        }
    }
    notes
}
