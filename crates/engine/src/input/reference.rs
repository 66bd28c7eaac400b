//! Reference tables of the project as frames.

use abmart_spec::model::{Column, ColumnType, Literal};
use indexmap::IndexMap;
use polars::prelude::*;

use super::scan;
use crate::error::EngineError;

/// The rows of a reference table, typed by its columns.
///
/// # Errors
/// When a date does not read as one; the spec has checked the other types.
pub fn frame(columns: &IndexMap<String, Column>, rows: &[Vec<Literal>]) -> Result<DataFrame, EngineError> {
    let height = rows.len();
    let series = columns
        .values()
        .enumerate()
        .map(|(index, column)| {
            let values = rows.iter().map(|row| row.get(index).unwrap_or(&Literal::Null));
            let name = PlSmallStr::from(column.name.as_str());
            let series = match column.ty {
                ColumnType::Integer => Series::new(name, values.map(integer).collect::<Vec<Option<i64>>>()),
                ColumnType::Number | ColumnType::Money => {
                    Series::new(name, values.map(number).collect::<Vec<Option<f64>>>())
                }
                ColumnType::Boolean => Series::new(name, values.map(boolean).collect::<Vec<Option<bool>>>()),
                ColumnType::String | ColumnType::Date | ColumnType::Timestamp => {
                    let text = Series::new(name, values.map(text).collect::<Vec<Option<String>>>());
                    if column.ty == ColumnType::String { text } else { text.strict_cast(&scan::plain(column.ty))? }
                }
            };
            Ok(series.into_column())
        })
        .collect::<Result<Vec<_>, PolarsError>>()?;
    Ok(DataFrame::new(height, series)?)
}

fn integer(value: &Literal) -> Option<i64> {
    match value {
        Literal::Integer(number) => Some(*number),
        _ => None,
    }
}

fn number(value: &Literal) -> Option<f64> {
    match value {
        Literal::Number(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "reference values are small")]
        Literal::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

fn boolean(value: &Literal) -> Option<bool> {
    match value {
        Literal::Boolean(flag) => Some(*flag),
        _ => None,
    }
}

fn text(value: &Literal) -> Option<String> {
    match value {
        Literal::String(text) => Some(text.clone()),
        _ => None,
    }
}
