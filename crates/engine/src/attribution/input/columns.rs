//! Columns of what an attribution reads, looked up by name and type.

use abmart_spec::model::{Attribution, Spanned};
use polars::prelude::*;

use super::super::what;
use crate::codes;
use crate::error::EngineError;
use crate::scope::Scope;

/// The entity of a touch or conversion.
pub const ENTITY: &str = "entity";
/// When it happened.
pub const TIME: &str = "at";

/// Columns of an input.
pub struct Columns {
    /// The attribution as messages name it.
    what: String,
    pub rows: LazyFrame,
    schema: SchemaRef,
}

impl Columns {
    pub fn of(attribution: &Attribution, mut rows: LazyFrame) -> Result<Self, EngineError> {
        let schema = rows.collect_schema()?;
        Ok(Self { what: what(attribution), rows, schema })
    }

    fn dtype(&self, name: &str, place: &Spanned<String>) -> Result<&DataType, EngineError> {
        self.schema.get(name).ok_or_else(|| {
            let valid = self.schema.iter_names().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            let error = polars_err!(ColumnNotFound: "{:?} not found; valid columns: [{}]", name, valid);
            EngineError::from(error).at(&self.what, place.span)
        })
    }

    fn wrong(&self, name: &str, what: &str, found: &DataType, place: &Spanned<String>) -> EngineError {
        EngineError::Attribution(format!("column `{name}` is to hold {what}, and holds {found}"))
            .at(&self.what, place.span)
    }

    pub fn any(&self, name: &Spanned<String>) -> Result<Expr, EngineError> {
        self.dtype(&name.value, name)?;
        Ok(col(name.value.as_str()))
    }

    /// The key of the entity, as a code.
    pub fn id(&self, key: &str, place: &Spanned<String>) -> Result<Expr, EngineError> {
        self.dtype(key, place)?;
        Ok(col(key).cast(codes::dtype(key)).alias(ENTITY))
    }

    pub fn text(&self, name: &Spanned<String>) -> Result<Expr, EngineError> {
        let dtype = self.dtype(&name.value, name)?;
        let column = col(name.value.as_str());
        Ok(if *dtype == DataType::String || codes::is_coded(dtype) { column } else { column.cast(DataType::String) })
    }

    pub fn number(&self, name: &Spanned<String>) -> Result<Expr, EngineError> {
        let dtype = self.dtype(&name.value, name)?;
        if dtype.is_primitive_numeric() || *dtype == DataType::Null {
            Ok(col(name.value.as_str()).cast(DataType::Float64))
        } else {
            Err(self.wrong(&name.value, "numbers", dtype, name))
        }
    }

    /// A time in microseconds.
    pub fn time(&self, name: Option<&str>, place: &Spanned<String>) -> Result<Expr, EngineError> {
        let Some(name) = name else {
            return Err(EngineError::Attribution(format!("nothing says when the rows of `{}` happened", place.value)));
        };
        let dtype = self.dtype(name, place)?;
        if dtype.is_temporal() || *dtype == DataType::Null {
            let instant = col(name).cast(DataType::Datetime(TimeUnit::Microseconds, None));
            Ok(instant.cast(DataType::Int64).alias(TIME))
        } else {
            Err(self.wrong(name, "points in time", dtype, place))
        }
    }
}

/// The column that says when rows of an input happened.
pub fn time_column<'a>(
    from: &Spanned<String>,
    time: Option<&'a Spanned<String>>,
    scope: &Scope<'a>,
) -> Option<&'a str> {
    time.map(|time| time.value.as_str()).or_else(|| scope.time_of(&from.value))
}
