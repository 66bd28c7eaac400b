//! Reading single figures out of a mart.

use arrow::array::{Array, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Why a mart cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file is no Parquet, or damaged.
    #[error("the mart cannot be read: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The file is damaged.
    #[error("the mart cannot be read: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The mart is not the one that it is taken for.
    #[error("the mart has no column `{0}`, or a null in it")]
    Column(&'static str),
}

/// The rows of a mart's file.
pub fn batches(file: Bytes) -> Result<Vec<RecordBatch>, ReportError> {
    Ok(ParquetRecordBatchReaderBuilder::try_new(file)?.build()?.collect::<Result<_, _>>()?)
}

/// A number of a row; `None` where it is null or there is no such column.
pub fn number(rows: &RecordBatch, column: &str, row: usize) -> Option<f64> {
    let values = rows.column_by_name(column)?.as_any().downcast_ref::<Float64Array>()?;
    values.is_valid(row).then(|| values.value(row))
}

/// A whole number of a row.
pub fn whole(rows: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    let values = rows.column_by_name(column)?.as_any().downcast_ref::<Int64Array>()?;
    values.is_valid(row).then(|| values.value(row))
}

/// A text of a row.
pub fn text<'a>(rows: &'a RecordBatch, column: &str, row: usize) -> Option<&'a str> {
    let values = rows.column_by_name(column)?.as_any().downcast_ref::<StringArray>()?;
    values.is_valid(row).then(|| values.value(row))
}

/// A flag of a row.
pub fn flag(rows: &RecordBatch, column: &str, row: usize) -> Option<bool> {
    let values = rows.column_by_name(column)?.as_any().downcast_ref::<BooleanArray>()?;
    values.is_valid(row).then(|| values.value(row))
}

/// A day of a row.
pub fn day(rows: &RecordBatch, column: &str, row: usize) -> Option<Date> {
    let values = rows.column_by_name(column)?.as_any().downcast_ref::<Date32Array>()?;
    values.is_valid(row).then(|| date(1970, 1, 1).saturating_add(i64::from(values.value(row)).days()))
}
