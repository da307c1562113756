//! JSON as rows: `json_each`, `json_tree`, `json_array_elements` and their kin in FROM.
//!
//! Owns: a scalar function that turns a JSON value into a list of structs, and the planner that
//! makes `FROM json_each(x)` an `Unnest` of such a list.
//! Surprise: DataFusion's table functions take constants only. As a list that is unnested, the
//! argument may be any expression; what refers to the tables before it is grafted onto them by
//! [`super::lateral`].

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion_common::{Column, DFSchema, NullHandling, Result, UnnestOptions, plan_err};
use datafusion_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_functions::core::expr_fn::get_field;
use sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, Ident, ObjectName, TableAlias, TableFactor,
};
use strataql_diag::{Code, Report};
use strataql_json::{Found, Row, Step, each, elements, parse_path, raw_at, tree};

use super::cell::{Cell, Cells};
use super::doc::{FunctionDoc, Section};
use super::json_column::{json_field, schema_at, typed, typed_field};
use super::json_extract::keys;
use super::json_path::{column, path_call};
use super::scalar::{Memory, signature};
use crate::error::external;

/// The internal column that holds the list.
const ROWS: &str = "\u{1}rows";

/// What a function gives per element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// SQLite's eight columns, one row per element of the value.
    Each,
    /// The same for the value and everything in it.
    Tree,
    /// `value`: JSON.
    Elements,
    /// `value`: text.
    ElementsText,
    /// `key` and `value` as text.
    EachText,
}

/// The functions.
pub(super) const NAMES: &[(&str, Shape)] = &[
    ("json_each", Shape::Each),
    ("jsonb_each", Shape::Each),
    ("json_tree", Shape::Tree),
    ("jsonb_tree", Shape::Tree),
    ("json_array_elements", Shape::Elements),
    ("jsonb_array_elements", Shape::Elements),
    ("json_array_elements_text", Shape::ElementsText),
    ("jsonb_array_elements_text", Shape::ElementsText),
    ("json_each_text", Shape::EachText),
    ("jsonb_each_text", Shape::EachText),
];

/// The functions in words.
pub(super) static DOCS: &[FunctionDoc] = &[
    FunctionDoc::new(
        Section::Rows,
        ("json_each", &["jsonb_each"]),
        "FROM … , json_each(x[, path]) AS e",
        "One row per member of an object or element of an array, with the columns `key`, `value`, `type`, `atom` (the value unless it is an object or array), `id`, `parent`, `fullkey` and `path`. A scalar gives one row, NULL none. `x` may be a column of a table before it; where a document describes the elements, `value` has their type.",
        (
            r#"SELECT t.id, e.key, e.value, e.type, e.fullkey FROM (VALUES (1, '["a", {"b": 2}]'), (2, '[]')) AS t (id, doc), json_each(t.doc) AS e ORDER BY e.id"#,
            "1 | 0 | a | text | $[0]\n1 | 1 | {\"b\":2} | object | $[1]",
        ),
    ),
    FunctionDoc::new(
        Section::Rows,
        ("json_tree", &["jsonb_tree"]),
        "FROM … , json_tree(x[, path]) AS e",
        "The same columns as `json_each` for the value itself and everything in it; `parent` is the `id` of the row above.",
        (
            r#"SELECT fullkey, type, atom, id, parent FROM json_tree('{"a": [1, null]}') ORDER BY id"#,
            "$ | object | NULL | 0 | NULL\n$.a | array | NULL | 1 | 0\n$.a[0] | integer | 1 | 2 | 1\n$.a[1] | null | NULL | 3 | 1",
        ),
    ),
    FunctionDoc::new(
        Section::Rows,
        ("json_array_elements", &["jsonb_array_elements"]),
        "FROM … , json_array_elements(x) AS e",
        "One row per element of an array; the column `value` is its JSON. Anything else than an array gives one row, NULL none.",
        (
            r#"SELECT e.value, e.value ->> 'a' AS a FROM json_array_elements('[{"a": "x"}, "y"]') AS e"#,
            "{\"a\":\"x\"} | x\n\"y\" | NULL",
        ),
    ),
    FunctionDoc::new(
        Section::Rows,
        ("json_array_elements_text", &["jsonb_array_elements_text"]),
        "FROM … , json_array_elements_text(x) AS e",
        "One row per element of an array; the column `value` is its text.",
        (r#"SELECT value FROM json_array_elements_text('["x", 2, null]')"#, "x\n2\nNULL"),
    ),
    FunctionDoc::new(
        Section::Rows,
        ("json_each_text", &["jsonb_each_text"]),
        "FROM … , json_each_text(x) AS e",
        "One row per member of an object, with the columns `key` and `value` as text.",
        (r#"SELECT key, value FROM json_each_text('{"a": "x", "b": [1]}')"#, "a | x\nb | [1]"),
    ),
];

/// The shape of a function's rows, if it is one of ours.
pub(super) fn shape(name: &str) -> Option<Shape> {
    let found = NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map(|(_, shape)| *shape)
}

impl Shape {
    /// Fields of a row over an argument; `steps` is the constant path into it.
    fn fields(self, argument: &Field, steps: Option<&[Step]>) -> Fields {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let number = |name: &str| Field::new(name, DataType::Int64, true);
        match self {
            Self::Elements => vec![json_field("value")].into(),
            Self::ElementsText => vec![text("value")].into(),
            Self::EachText => vec![text("key"), text("value")].into(),
            Self::Each | Self::Tree => {
                let schema = steps
                    .filter(|_| self == Self::Each)
                    .and_then(|steps| schema_at(argument, &keys(steps)));
                let element = schema.as_ref().and_then(|schema| schema.get("a"));
                let (kind, schema) = element.map_or((DataType::Utf8, None), typed);
                vec![
                    text("key"),
                    typed_field("value", kind.clone(), schema),
                    text("type"),
                    Field::new("atom", kind, true),
                    number("id"),
                    number("parent"),
                    text("fullkey"),
                    text("path"),
                ]
                .into()
            }
        }
    }
}

/// The list function behind a shape.
#[derive(Debug)]
struct Rows {
    shape: Shape,
    signature: Signature,
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
    }
}

impl Eq for Rows {}

impl Hash for Rows {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
    }
}

/// The list function of a shape.
pub(super) fn rows_function(shape: Shape) -> ScalarUDF {
    ScalarUDF::new_from_impl(Rows { shape, signature: signature((1, 2), Volatility::Immutable) })
}

/// The internal names of the list functions.
pub(super) const fn rows_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Each => "json_each_rows",
        Shape::Tree => "json_tree_rows",
        Shape::Elements => "json_element_rows",
        Shape::ElementsText => "json_element_text_rows",
        Shape::EachText => "json_each_text_rows",
    }
}

impl ScalarUDFImpl for Rows {
    fn name(&self) -> &'static str {
        rows_name(self.shape)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("{} is typed by its argument's field", self.name())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let path = match args.scalar_arguments.get(1) {
            None => Some(Vec::new()),
            Some(path) => match path.and_then(|path| path.try_as_str().flatten()) {
                Some(path) => Some(parse_path(path).map_err(external)?),
                None => None,
            },
        };
        let fields = self.shape.fields(&args.arg_fields[0], path.as_deref());
        let item = Field::new_list_field(DataType::Struct(fields), true);
        Ok(Arc::new(Field::new(self.name(), DataType::List(Arc::new(item)), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::List(item) = args.return_field.data_type() else {
            return plan_err!("{} gives a list", self.name());
        };
        let DataType::Struct(fields) = item.data_type() else {
            return plan_err!("{} gives a list of structs", self.name());
        };
        let columns: Vec<Cells> = args
            .args
            .iter()
            .zip(&args.arg_fields)
            .map(|(value, field)| Cells::new(&value.to_array(args.number_rows)?, field))
            .collect::<Result<_>>()?;
        let mut rows = Vec::new();
        let mut lengths = Vec::with_capacity(args.number_rows);
        let mut memory = Memory::default();
        for row in 0..args.number_rows {
            let before = rows.len();
            let cells: Vec<Cell<'_>> = columns.iter().map(|cells| cells.at(row)).collect();
            unfold(self.shape, &cells, &mut memory, &mut rows).map_err(external)?;
            lengths.push(rows.len() - before);
        }
        let values = array(&rows, self.shape, fields)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let list = ListArray::try_new(Arc::clone(item), offsets, values, None::<NullBuffer>)?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}

/// Adds the rows of one value.
fn unfold(
    shape: Shape,
    cells: &[Cell<'_>],
    memory: &mut Memory,
    rows: &mut Vec<Row>,
) -> std::result::Result<(), Box<Report>> {
    if cells.iter().any(Cell::is_null) {
        return Ok(());
    }
    let (root, base) = match cells.get(1).and_then(Cell::text) {
        None => (super::json::tree(&cells[0])?, Cow::Borrowed("$")),
        Some(path) => {
            let whole = cells[0].text().unwrap_or_default();
            let part = raw_at(&whole, memory.path(&path)?).map(|raw| Cell::Json(raw.into()));
            (part.map_or(Ok(None), |part| super::json::tree(&part))?, path)
        }
    };
    let Some(root) = root else { return Ok(()) };
    match shape {
        Shape::Tree => tree(&root, &base, rows),
        Shape::Elements | Shape::ElementsText => elements(&root, rows),
        Shape::Each | Shape::EachText => each(&root, &base, rows),
    }
    Ok(())
}

/// The rows as structs.
fn array(rows: &[Row], shape: Shape, fields: &Fields) -> Result<ArrayRef> {
    let columns: Vec<ArrayRef> =
        fields.iter().map(|field| values(rows, shape, field)).collect::<Result<_>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, rows.len())?))
}

/// One column of the rows.
fn values(rows: &[Row], shape: Shape, field: &Field) -> Result<ArrayRef> {
    fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        Arc::new(texts.collect::<StringArray>())
    }
    let numbers = |read: fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(read).collect::<Int64Array>())
    };
    let typed = |read: fn(&Row) -> Option<&Found>| {
        let found = rows.iter().map(|row| read(row).cloned());
        column(found, field.data_type(), &["value".to_owned()])
    };
    Ok(match field.name().as_str() {
        "key" => texts(rows.iter().map(|row| row.key.as_deref())),
        "type" => texts(rows.iter().map(|row| Some(row.kind))),
        "id" => numbers(|row| Some(row.id)),
        "parent" => numbers(|row| row.parent),
        "fullkey" => texts(rows.iter().map(|row| Some(row.fullkey.as_str()))),
        "path" => texts(rows.iter().map(|row| Some(row.path.as_str()))),
        "value" if shape == Shape::Elements => {
            Arc::new(rows.iter().map(|row| Some(row.json())).collect::<StringArray>())
        }
        "atom" => typed(Row::atom)?,
        _ => typed(|row| row.value.as_ref())?,
    })
}

/// The call of one of our functions in FROM: its name, arguments and alias.
type Call<'a> = (Shape, &'a str, Vec<&'a FunctionArg>, Option<&'a TableAlias>);

fn call(relation: &TableFactor) -> Option<Call<'_>> {
    let (name, args, alias): (&ObjectName, Vec<&FunctionArg>, _) = match relation {
        TableFactor::Table { name, args: Some(args), alias, .. } => {
            (name, args.args.iter().collect(), alias.as_ref())
        }
        TableFactor::Function { name, args, alias, .. } => {
            (name, args.iter().collect(), alias.as_ref())
        }
        _ => return None,
    };
    let [part] = name.0.as_slice() else { return None };
    let name = part.as_ident()?.value.as_str();
    Some((shape(name)?, name, args, alias))
}

/// True for a call of one of our functions in FROM.
pub fn is_row_function(relation: &TableFactor) -> bool {
    call(relation).is_some()
}

/// The columns of these functions.
pub const COLUMNS: &[&str] = &["key", "value", "type", "atom", "id", "parent", "fullkey", "path"];

/// Makes a call of one of our functions in FROM lateral, so that it may use what stands before it.
pub fn make_lateral(relation: &mut TableFactor, lateral: bool) {
    let Some((_, name, args, alias)) = call(relation) else { return };
    let name = name.to_lowercase();
    let alias = alias.cloned().unwrap_or_else(|| TableAlias {
        explicit: false,
        name: Ident::with_quote('"', name.clone()),
        columns: vec![],
        at: None,
    });
    let args = args.into_iter().cloned().collect();
    // a side that was made not lateral before stays so
    let lateral = lateral && !matches!(relation, TableFactor::Function { lateral: false, .. });
    *relation = TableFactor::Function {
        lateral,
        name: ObjectName::from(vec![Ident::new(name)]),
        args,
        with_ordinality: false,
        alias: Some(alias),
    };
}

/// Plans our functions in FROM.
#[derive(Debug)]
pub struct JsonRows;

impl RelationPlanner for JsonRows {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some((shape, name, args, alias)) = call(&relation) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let alias = alias.cloned();
        let mut planned = Vec::new();
        for arg in args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else {
                return Err(wrong_arguments(name));
            };
            planned.push(argument(expr, context)?);
        }
        if planned.is_empty() || planned.len() > 2 {
            return Err(wrong_arguments(name));
        }
        let plan = plan(shape, planned)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn wrong_arguments(name: &str) -> datafusion_common::DataFusionError {
    external(Box::new(
        Report::new(
            Code::TypeMismatch,
            format!("`{name}` takes a JSON value and, if wanted, a path"),
        )
        .with_help(format!("write `{name}(x)` or `{name}(x, '$.path')`")),
    ))
}

/// An argument. Names after a column are keys, which DataFusion does not plan on outer columns.
fn argument(expr: &SqlExpr, context: &mut dyn RelationPlannerContext) -> Result<Expr> {
    let empty = DFSchema::empty();
    let whole = context.sql_to_expr(expr.clone(), &empty);
    let SqlExpr::CompoundIdentifier(parts) = expr else { return whole };
    if whole.is_ok() {
        return whole;
    }
    for length in (1..parts.len()).rev() {
        let (column, keys) = parts.split_at(length);
        let column = match column {
            [one] => SqlExpr::Identifier(one.clone()),
            several => SqlExpr::CompoundIdentifier(several.to_vec()),
        };
        if let Ok(column) = context.sql_to_expr(column, &empty) {
            return Ok(path_call(column, keys.iter().map(|key| key.value.clone())));
        }
    }
    whole
}

/// The rows of a call.
fn plan(shape: Shape, args: Vec<Expr>) -> Result<LogicalPlan> {
    let list = rows_function(shape).call(args).alias(ROWS);
    let options = UnnestOptions { null_handling: NullHandling::Drop, recursions: vec![] };
    let unnested = LogicalPlanBuilder::empty(true)
        .project(vec![list])?
        .unnest_column_with_options(Column::from_name(ROWS), options)?;
    let DataType::Struct(fields) = unnested.schema().field(0).data_type().clone() else {
        return plan_err!("{} gives structs", rows_name(shape));
    };
    let columns = fields.iter().map(|field| {
        let name = field.name().as_str();
        get_field(Expr::Column(Column::from_name(ROWS)), name).alias(name)
    });
    unnested.project(columns.collect::<Vec<_>>())?.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_described() {
        for (name, _) in NAMES {
            let is_described = |doc: &FunctionDoc| doc.name == *name || doc.aliases.contains(name);
            assert!(DOCS.iter().any(is_described), "{name}");
        }
    }
}
