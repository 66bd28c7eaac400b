//! Columns of the tables that the engine makes.

use polars::prelude::*;

/// A column of texts.
pub fn text(name: &str) -> Field {
    Field::new(name.into(), DataType::String)
}

/// A column of numbers.
pub fn number(name: &str) -> Field {
    Field::new(name.into(), DataType::Float64)
}

/// A column of whole numbers.
pub fn count(name: &str) -> Field {
    Field::new(name.into(), DataType::Int64)
}

/// A column of days.
pub fn day(name: &str) -> Field {
    Field::new(name.into(), DataType::Date)
}

/// A column of truth values.
pub fn flag(name: &str) -> Field {
    Field::new(name.into(), DataType::Boolean)
}
