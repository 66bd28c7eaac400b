//! Polars columns as plain values.

use polars::prelude::*;
use serde_json::Value;

use crate::codes;

/// A column's values; what is neither a number nor true or false becomes text.
///
/// # Errors
/// When a type has no text.
pub fn values(column: &Column) -> PolarsResult<Vec<Value>> {
    let dtype = column.dtype();
    Ok(match dtype {
        DataType::Boolean => column.bool()?.iter().map(|value| value.map_or(Value::Null, Value::Bool)).collect(),
        DataType::Int128 => {
            column.cast(&DataType::Float64)?.f64()?.iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
        }
        _ if dtype.is_integer() => {
            column.cast(&DataType::Int64)?.i64()?.iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
        }
        _ if dtype.is_float() => {
            column.cast(&DataType::Float64)?.f64()?.iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
        }
        DataType::Datetime(..) => {
            // Whole seconds are shown without fractions of them.
            let shortened = |text: String| text.strip_suffix(".000000").map(str::to_owned).unwrap_or(text);
            texts(column)?.into_iter().map(|value| value.map_or(Value::Null, |text| shortened(text).into())).collect()
        }
        _ => texts(column)?.into_iter().map(|value| value.map_or(Value::Null, Value::String)).collect(),
    })
}

/// A column's values as texts.
///
/// # Errors
/// As [`values`].
pub fn texts(column: &Column) -> PolarsResult<Vec<Option<String>>> {
    let texts = column.cast(&DataType::String)?;
    Ok(texts.str()?.iter().map(|value| value.map(str::to_owned)).collect())
}

/// Rows of some columns as texts, row by row.
///
/// # Errors
/// As [`values`].
pub fn keys(rows: &DataFrame, columns: &[String]) -> PolarsResult<Vec<Vec<Option<String>>>> {
    let all = columns.iter().map(|name| texts(rows.column(name)?)).collect::<PolarsResult<Vec<_>>>()?;
    Ok((0..rows.height()).map(|row| all.iter().map(|column| column[row].clone()).collect()).collect())
}

/// The number in a row of a column.
///
/// # Errors
/// When the column holds no numbers.
pub fn number(rows: &DataFrame, column: &str, row: usize) -> PolarsResult<Option<f64>> {
    Ok(rows.column(column)?.cast(&DataType::Float64)?.f64()?.get(row))
}

/// The rows with all texts plain, so that they compare with what somebody has typed.
///
/// # Errors
/// When the rows have no schema.
pub fn as_text(rows: LazyFrame) -> PolarsResult<LazyFrame> {
    codes::as_text(rows, |_| true)
}
