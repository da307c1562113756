//! `greatest` and `least` of intervals, which are compared by their length.
//!
//! Surprise: DataFusion compares them field by field, so that a month is greater than forty days.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, IntervalMonthDayNanoType};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{INTERVAL, length};

static GREATEST: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| udf(true));
static LEAST: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| udf(false));

/// The function of intervals that stands for one of DataFusion's, by its name.
pub(super) fn of(name: &str) -> Option<Arc<ScalarUDF>> {
    match name {
        "greatest" => Some(Arc::clone(&GREATEST)),
        "least" => Some(Arc::clone(&LEAST)),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    is_greatest: bool,
    signature: Signature,
}

fn udf(is_greatest: bool) -> Arc<ScalarUDF> {
    let signature = Signature::variadic(vec![INTERVAL], Volatility::Immutable);
    Arc::new(ScalarUDF::from(Extreme { is_greatest, signature }))
}

impl ScalarUDFImpl for Extreme {
    fn name(&self) -> &'static str {
        if self.is_greatest { "interval_greatest" } else { "interval_least" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let arrays: Vec<ArrayRef> =
            arguments.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<_>>()?;
        let columns: Vec<&IntervalMonthDayNanoArray> =
            arrays.iter().map(|array| array.as_primitive::<IntervalMonthDayNanoType>()).collect();
        let made: IntervalMonthDayNanoArray = (0..rows)
            .map(|row| {
                // NULL is left out; of equal ones the first is taken
                let values = columns
                    .iter()
                    .filter(|column| !column.is_null(row))
                    .map(|column| column.value(row));
                if self.is_greatest {
                    values.reduce(|best, one| if length(one) > length(best) { one } else { best })
                } else {
                    values.reduce(|best, one| if length(one) < length(best) { one } else { best })
                }
            })
            .collect();
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(made)))
    }
}
