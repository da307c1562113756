//! Column builders: one JSON value into one Arrow column.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{Array, ArrayRef};
use jiter::{Jiter, NumberInt, Peek};
use strataql_spec::ColumnType;

use super::capacity::Capacity;
use super::envelope::Failure;
use super::{ColumnPlan, Mismatch};
use crate::value::Value;

/// A column under construction.
pub(super) struct ColumnBuilder<'a> {
    plan: &'a ColumnPlan,
    mismatch: Mismatch,
    cells: Cells,
    pub(super) mismatches: u64,
}

enum Cells {
    Text(StringBuilder),
    Json(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
}

/// The reason why a value does not fit.
struct Misfit {
    expected: &'static str,
}

impl<'a> ColumnBuilder<'a> {
    pub(super) fn new(plan: &'a ColumnPlan, mismatch: Mismatch, capacity: Capacity) -> Self {
        let Capacity { rows, bytes } = capacity;
        let cells = match plan.kind {
            ColumnType::Text => Cells::Text(StringBuilder::with_capacity(rows, bytes)),
            ColumnType::Json => Cells::Json(StringBuilder::with_capacity(rows, bytes)),
            ColumnType::Integer => Cells::Integer(Int64Builder::with_capacity(rows)),
            ColumnType::Number => Cells::Number(Float64Builder::with_capacity(rows)),
            ColumnType::Boolean => Cells::Boolean(BooleanBuilder::with_capacity(rows)),
        };
        Self { plan, mismatch, cells, mismatches: 0 }
    }

    /// True for a column that no key of a row feeds.
    pub(super) const fn is_echo(&self) -> bool {
        self.plan.wire.is_none()
    }

    pub(super) fn append_null(&mut self) {
        match &mut self.cells {
            Cells::Text(cells) | Cells::Json(cells) => cells.append_null(),
            Cells::Integer(cells) => cells.append_null(),
            Cells::Number(cells) => cells.append_null(),
            Cells::Boolean(cells) => cells.append_null(),
        }
    }

    /// Appends the value for a row without the key: the argument of the parameter of that name, or
    /// NULL.
    pub(super) fn append_absent(&mut self) {
        let Some(echo) = &self.plan.echo else { return self.append_null() };
        match (&mut self.cells, echo) {
            (Cells::Text(cells) | Cells::Json(cells), value) => cells.append_value(value.text()),
            (Cells::Integer(cells), value) => cells.append_option(value.text().trim().parse().ok()),
            (Cells::Number(cells), value) => cells.append_option(value.text().trim().parse().ok()),
            (Cells::Boolean(cells), Value::Boolean(flag)) => cells.append_value(*flag),
            (Cells::Boolean(cells), value) => {
                cells.append_option(value.text().trim().to_ascii_lowercase().parse().ok());
            }
        }
    }

    /// Reads the next value of `jiter` into the column.
    pub(super) fn append(
        &mut self,
        jiter: &mut Jiter<'_>,
        peek: Peek,
        row: usize,
    ) -> Result<(), Failure> {
        if peek == Peek::Null {
            jiter.known_null().map_err(Failure::syntax)?;
            self.append_null();
            return Ok(());
        }
        let start = jiter.current_index();
        let fitted = match &mut self.cells {
            Cells::Text(cells) => text(jiter, peek, cells)?,
            Cells::Json(cells) => {
                json(jiter, peek, cells)?;
                Ok(())
            }
            Cells::Integer(cells) => integer(jiter, peek, cells)?,
            Cells::Number(cells) => number(jiter, peek, cells)?,
            Cells::Boolean(cells) => boolean(jiter, peek, cells)?,
        };
        let Err(misfit) = fitted else { return Ok(()) };
        if self.mismatch == Mismatch::Null {
            self.mismatches += 1;
            self.append_null();
            return Ok(());
        }
        let raw = String::from_utf8_lossy(jiter.slice_to_current(start));
        Err(Failure::Value {
            column: self.plan.name.clone(),
            expected: misfit.expected,
            found: raw.chars().take(60).collect(),
            row: row + 1,
        })
    }

    /// Bytes of text so far.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.cells {
            Cells::Text(cells) | Cells::Json(cells) => cells.values_slice().len(),
            Cells::Integer(_) | Cells::Number(_) | Cells::Boolean(_) => 0,
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self.cells {
            Cells::Text(mut cells) | Cells::Json(mut cells) => fitting(cells.finish()),
            Cells::Integer(mut cells) => fitting(cells.finish()),
            Cells::Number(mut cells) => fitting(cells.finish()),
            Cells::Boolean(mut cells) => fitting(cells.finish()),
        }
    }
}

/// The array without the capacity that its builder did not use: pages wait for their turn in
/// memory, where half of it could be such capacity.
fn fitting(mut array: impl Array + 'static) -> ArrayRef {
    let used = array.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
    if array.get_buffer_memory_size() > used.saturating_add(used / 4) {
        array.shrink_to_fit();
    }
    Arc::new(array)
}

type Fitted = Result<Result<(), Misfit>, Failure>;

const fn is_number(peek: Peek) -> bool {
    peek.is_num()
}

/// Strings unchanged, other scalars as written, structures as JSON.
fn text(jiter: &mut Jiter<'_>, peek: Peek, cells: &mut StringBuilder) -> Fitted {
    match peek {
        Peek::String => cells.append_value(jiter.known_str().map_err(Failure::syntax)?),
        Peek::True | Peek::False => {
            let flag = jiter.known_bool(peek).map_err(Failure::syntax)?;
            cells.append_value(if flag { "true" } else { "false" });
        }
        _ => json(jiter, peek, cells)?,
    }
    Ok(Ok(()))
}

/// The JSON text of the value, without blanks between tokens.
fn json(jiter: &mut Jiter<'_>, peek: Peek, cells: &mut StringBuilder) -> Result<(), Failure> {
    let start = jiter.current_index();
    jiter.known_skip(peek).map_err(Failure::syntax)?;
    let raw = jiter.slice_to_current(start);
    let raw = std::str::from_utf8(raw).map_err(|_| Failure::Syntax("it is no UTF-8".to_owned()))?;
    let spaced = raw.bytes().any(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    if spaced {
        cells.append_value(compact(raw));
    } else {
        cells.append_value(raw);
    }
    Ok(())
}

/// Valid JSON without blanks between its tokens.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut in_text = false;
    let mut escaped = false;
    for c in json.chars() {
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else if !matches!(c, ' ' | '\n' | '\r' | '\t') {
            out.push(c);
            in_text = c == '"';
        }
    }
    out
}

fn integer(jiter: &mut Jiter<'_>, peek: Peek, cells: &mut Int64Builder) -> Fitted {
    const MISFIT: Result<(), Misfit> = Err(Misfit { expected: "a whole number of 64 bits" });
    if is_number(peek) {
        let bytes = jiter.known_number_bytes(peek).map_err(Failure::syntax)?;
        return Ok(match exact_integer(bytes) {
            Some(number) => {
                cells.append_value(number);
                Ok(())
            }
            None => MISFIT,
        });
    }
    if peek == Peek::String {
        let text = jiter.known_str().map_err(Failure::syntax)?;
        return Ok(match exact_integer(text.as_bytes()) {
            Some(number) => {
                cells.append_value(number);
                Ok(())
            }
            None => MISFIT,
        });
    }
    jiter.known_skip(peek).map_err(Failure::syntax)?;
    Ok(MISFIT)
}

/// The 64-bit integer that a JSON number is, without passing through a float.
fn exact_integer(bytes: &[u8]) -> Option<i64> {
    if let Ok(NumberInt::Int(number)) = NumberInt::from_bytes(bytes) {
        return Some(number);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte == b'0')
    {
        return whole.parse().ok();
    }
    // `1e3`: exact as long as it is below 2^53
    let has_exponent = text.contains(['e', 'E']);
    let number: f64 = has_exponent.then(|| text.parse().ok()).flatten()?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

fn number(jiter: &mut Jiter<'_>, peek: Peek, cells: &mut Float64Builder) -> Fitted {
    const MISFIT: Result<(), Misfit> = Err(Misfit { expected: "a number that 64-bit floats hold" });
    let parsed = if is_number(peek) {
        exact_float(jiter.known_number_bytes(peek).map_err(Failure::syntax)?)
    } else if peek == Peek::String {
        exact_float(jiter.known_str().map_err(Failure::syntax)?.as_bytes())
    } else {
        jiter.known_skip(peek).map_err(Failure::syntax)?;
        None
    };
    Ok(match parsed {
        Some(number) => {
            cells.append_value(number);
            Ok(())
        }
        None => MISFIT,
    })
}

/// The float of a number; whole numbers that a float would change are refused.
fn exact_float(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    if let Ok(whole) = text.parse::<i128>() {
        #[expect(clippy::cast_possible_truncation, reason = "compared with the exact value")]
        let back = number as i128;
        return (back == whole).then_some(number);
    }
    Some(number)
}

fn boolean(jiter: &mut Jiter<'_>, peek: Peek, cells: &mut BooleanBuilder) -> Fitted {
    const MISFIT: Result<(), Misfit> = Err(Misfit { expected: "`true` or `false`" });
    let flag = match peek {
        Peek::True | Peek::False => Some(jiter.known_bool(peek).map_err(Failure::syntax)?),
        Peek::String => match jiter.known_str().map_err(Failure::syntax)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ if is_number(peek) => match jiter.known_number_bytes(peek).map_err(Failure::syntax)? {
            b"1" => Some(true),
            b"0" => Some(false),
            _ => None,
        },
        _ => {
            jiter.known_skip(peek).map_err(Failure::syntax)?;
            None
        }
    };
    Ok(match flag {
        Some(flag) => {
            cells.append_value(flag);
            Ok(())
        }
        None => MISFIT,
    })
}
