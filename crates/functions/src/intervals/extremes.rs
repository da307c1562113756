//! `greatest` and `least` of intervals, which are compared by their length.
//!
//! Surprise: DataFusion compares them field by field, so that a month is greater than forty days.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, IntervalMonthDayNanoType};
use datafusion_common::Result;
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_functions::utils::make_scalar_function;

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
        make_scalar_function(|arrays| Ok(self.chosen(arrays)), vec![])(&arguments.args)
    }
}

impl Extreme {
    fn chosen(&self, arrays: &[ArrayRef]) -> ArrayRef {
        let columns: Vec<&IntervalMonthDayNanoArray> =
            arrays.iter().map(|array| array.as_primitive::<IntervalMonthDayNanoType>()).collect();
        let rows = columns.first().map_or(0, |column| column.len());
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
        Arc::new(made)
    }
}
