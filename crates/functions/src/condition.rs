//! `iif`: a choice, planned as CASE so that only the chosen branch is computed.

use std::hash::{Hash, Hasher};

use arrow::array::{Array, AsArray, new_null_array};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::binary::type_union_resolution;
use datafusion_expr::expr::Case;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::doc::{Example, FunctionDoc, Section};

pub(super) static DOC: FunctionDoc = FunctionDoc {
    name: "iif",
    aliases: &["if"],
    section: Section::Text,
    syntax: "iif(condition, x[, y])",
    text: "The second argument if the condition is true, otherwise the third, or NULL without one.",
    example: Example { sql: "SELECT iif(2 > 1, 'yes', 'no'), iif(NULL, 1, 0)", rows: "yes | 0" },
};

#[derive(Debug)]
struct Choice {
    aliases: Vec<String>,
    signature: Signature,
    documentation: Documentation,
}

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Choice {
        aliases: DOC.other_names(),
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: DOC.documentation(),
    })
}

impl PartialEq for Choice {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Choice {}

impl Hash for Choice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        DOC.name.hash(state);
    }
}

impl ScalarUDFImpl for Choice {
    fn name(&self) -> &'static str {
        DOC.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if !(2..=3).contains(&types.len()) {
            return plan_err!("iif takes a condition, a value and, if wanted, another value");
        }
        let Some(common) = type_union_resolution(&types[1..]) else {
            return plan_err!(
                "the two values of iif have no common type: {} and {}",
                types[1],
                types[2]
            );
        };
        let mut coerced = vec![common; types.len()];
        coerced[0] = DataType::Boolean;
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[1].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let condition = args.args[0].to_array(args.number_rows)?;
        let yes = args.args[1].to_array(args.number_rows)?;
        let no = match args.args.get(2) {
            Some(value) => value.to_array(args.number_rows)?,
            None => new_null_array(args.return_field.data_type(), args.number_rows),
        };
        // an unknown condition chooses as a false one
        let chosen = zip(condition.as_boolean(), &yes, &no)?;
        if args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) && chosen.len() == 1
        {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&chosen, 0)?));
        }
        Ok(ColumnarValue::Array(chosen))
    }

    fn short_circuits(&self) -> bool {
        true
    }

    fn simplify(&self, mut args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if !(2..=3).contains(&args.len()) {
            return Ok(ExprSimplifyResult::Original(args));
        }
        let no = (args.len() == 3).then(|| args.pop()).flatten().map(Box::new);
        let yes = args.pop().map(Box::new);
        let (Some(condition), Some(yes)) = (args.pop().map(Box::new), yes) else {
            return plan_err!("iif takes a condition and a value");
        };
        Ok(ExprSimplifyResult::Simplified(Expr::Case(Case {
            expr: None,
            when_then_expr: vec![(condition, yes)],
            else_expr: no,
        })))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
