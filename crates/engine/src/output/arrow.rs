//! Polars columns as Arrow arrays, value by value: marts are small, and no foreign memory changes hands.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema, SchemaRef as ArrowSchemaRef,
};
use polars::prelude::*;

use crate::codes;
use crate::error::EngineError;

/// A frame as a record batch; integers become 64-bit, floats double, timestamps microseconds in UTC.
///
/// # Errors
/// When a column has a type that marts do not have.
pub fn batch(frame: &DataFrame) -> Result<RecordBatch, EngineError> {
    let columns = frame
        .columns()
        .iter()
        .map(|column| Ok((column.name().to_string(), to_arrow(column)?)))
        .collect::<Result<Vec<_>, EngineError>>()?;
    let schema = schema_of(&columns);
    Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect())?)
}

/// The schema of named arrays, all columns nullable.
pub fn schema_of(columns: &[(String, ArrayRef)]) -> ArrowSchemaRef {
    let fields: Vec<ArrowField> =
        columns.iter().map(|(name, array)| ArrowField::new(name, array.data_type().clone(), true)).collect();
    Arc::new(ArrowSchema::new(fields))
}

/// The same text in every row.
pub fn constant(text: &str, height: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, height)))
}

/// What a column of this type is called where marts are described: as [`to_arrow`] makes it.
pub fn type_name(dtype: &DataType) -> &'static str {
    match dtype {
        DataType::Boolean => "boolean",
        DataType::Date => "date",
        DataType::Datetime(_, _) => "timestamp",
        other if other.is_integer() => "integer",
        other if other.is_float() => "number",
        _ => "string",
    }
}

/// A column as an array.
///
/// # Errors
/// When the column has a type that marts do not have.
pub fn to_arrow(column: &Column) -> Result<ArrayRef, EngineError> {
    Ok(match column.dtype() {
        DataType::String => Arc::new(column.str()?.iter().collect::<StringArray>()),
        DataType::Boolean => Arc::new(column.bool()?.iter().collect::<BooleanArray>()),
        DataType::Float64 => Arc::new(column.f64()?.iter().collect::<Float64Array>()),
        DataType::Date => Arc::new(column.date()?.physical().iter().collect::<Date32Array>()),
        DataType::Datetime(_, _) => {
            let micros = column.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
            let values: TimestampMicrosecondArray = micros.datetime()?.physical().iter().collect();
            Arc::new(values.with_timezone("UTC"))
        }
        coded if codes::is_coded(coded) => return to_arrow(&column.cast(&DataType::String)?),
        DataType::Null => arrow::array::new_null_array(&ArrowType::Utf8, column.len()),
        other if other.is_integer() => Arc::new(column.cast(&DataType::Int64)?.i64()?.iter().collect::<Int64Array>()),
        other if other.is_float() => Arc::new(column.cast(&DataType::Float64)?.f64()?.iter().collect::<Float64Array>()),
        other => {
            let refused = format!("column `{}` has the type {other}, which a mart cannot hold", column.name());
            return Err(PolarsError::InvalidOperation(refused.into()).into());
        }
    })
}
