//! Output rows of a group: driver rows × the fed rows of their key, filtered by the join's condition.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
    new_null_array,
};
use datafusion::arrow::compute::{filter_record_batch, take, take_record_batch};
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;

use super::JoinParts;
use super::fetch::FedRows;
use crate::plan::bind_node::Keep;

/// The value of a condition for each row, if there is one.
pub(super) fn mask(
    condition: Option<&Arc<dyn PhysicalExpr>>,
    batch: &RecordBatch,
) -> Result<Option<BooleanArray>> {
    condition
        .map(|condition| {
            let array = condition.evaluate(batch)?.into_array(batch.num_rows())?;
            Ok(array.as_boolean().clone())
        })
        .transpose()
}

/// True if the condition holds; NULL does not.
pub(super) fn is_true(mask: &BooleanArray, row: usize) -> bool {
    !mask.is_null(row) && mask.value(row)
}

/// The output of driver rows `rows` of `driver` with the fed rows of their key. `fed` is absent when
/// no request was made for them.
pub(super) fn emit(
    parts: &JoinParts,
    driver: &RecordBatch,
    rows: &[u32],
    fed: Option<&FedRows>,
) -> Result<Vec<RecordBatch>> {
    let mut out = Vec::new();
    let mut matched = vec![false; rows.len()];
    for (index, batch) in
        fed.map(|fed| fed.batches.as_slice()).unwrap_or_default().iter().enumerate()
    {
        if batch.num_rows() == 0 {
            continue;
        }
        let pairs = paired(parts, driver, rows, batch)?;
        let mask = mask(parts.check.as_ref(), &pairs)?;
        let count = batch.num_rows();
        let holds = |pair: usize| mask.as_ref().is_none_or(|mask| is_true(mask, pair));
        for (position, matched) in matched.iter_mut().enumerate() {
            *matched |= (0..count).any(|row| holds(position * count + row));
        }
        match parts.keep {
            Keep::Inner | Keep::Left => {
                let kept = match &mask {
                    Some(mask) => filter_record_batch(&pairs, mask)?,
                    None => pairs,
                };
                if kept.num_rows() > 0 {
                    out.push(with_schema(parts, kept.columns().to_vec(), kept.num_rows())?);
                }
            }
            Keep::Fed => {
                let kept: Vec<u32> = (0..count)
                    .filter(|row| (0..rows.len()).any(|position| holds(position * count + row)))
                    .filter(|row| fed.is_some_and(|fed| fed.first_time(index, *row)))
                    .filter_map(|row| u32::try_from(row).ok())
                    .collect();
                if !kept.is_empty() {
                    let kept = take_record_batch(batch, &UInt32Array::from(kept))?;
                    out.push(with_schema(parts, kept.columns().to_vec(), kept.num_rows())?);
                }
            }
            Keep::Semi | Keep::Anti | Keep::Mark => {}
        }
    }
    out.extend(of_driver(parts, driver, rows, &matched)?);
    Ok(out)
}

/// Every driver row beside every fed row, driver rows slowest.
fn paired(
    parts: &JoinParts,
    driver: &RecordBatch,
    rows: &[u32],
    fed: &RecordBatch,
) -> Result<RecordBatch> {
    let count = fed.num_rows();
    let left =
        UInt32Array::from_iter_values(rows.iter().flat_map(|row| std::iter::repeat_n(*row, count)));
    let within = u32::try_from(count).unwrap_or(u32::MAX);
    let right = UInt32Array::from_iter_values((0..rows.len()).flat_map(|_| 0..within));
    let mut columns = driver
        .columns()
        .iter()
        .map(|column| take(column, &left, None))
        .collect::<std::result::Result<Vec<ArrayRef>, _>>()?;
    for column in fed.columns() {
        columns.push(take(column, &right, None)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(count * rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&parts.both), columns, &options)?)
}

/// Output that consists of driver rows: unmatched ones of LEFT, and those of SEMI, ANTI and MARK.
fn of_driver(
    parts: &JoinParts,
    driver: &RecordBatch,
    rows: &[u32],
    matched: &[bool],
) -> Result<Option<RecordBatch>> {
    let picked = |wanted: bool| {
        UInt32Array::from_iter_values(
            rows.iter()
                .zip(matched)
                .filter(|(_, matched)| **matched == wanted)
                .map(|(row, _)| *row),
        )
    };
    let kept = match parts.keep {
        Keep::Inner | Keep::Fed => return Ok(None),
        Keep::Left | Keep::Anti => picked(false),
        Keep::Semi => picked(true),
        Keep::Mark => UInt32Array::from(rows.to_vec()),
    };
    if kept.is_empty() {
        return Ok(None);
    }
    let count = kept.len();
    let mut columns = take_record_batch(driver, &kept)?.columns().to_vec();
    match parts.keep {
        Keep::Left => columns.extend(
            parts.schema.fields()[columns.len()..]
                .iter()
                .map(|field| new_null_array(field.data_type(), count)),
        ),
        Keep::Mark => columns.push(Arc::new(BooleanArray::from(matched.to_vec()))),
        _ => {}
    }
    with_schema(parts, columns, count).map(Some)
}

fn with_schema(parts: &JoinParts, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&parts.schema), columns, &options)?)
}
