//! A file as a lazy frame whose columns have exactly the contract's names and types.

use std::path::Path;

use abmart_spec::model::{Column, ColumnType, Project, Source};
use polars::prelude::*;

use crate::codes;
use crate::context::Context;
use crate::error::EngineError;

/// The type in which the engine holds a column. Timestamps are wall-clock times of the reporting time zone, so that
/// the day of a touch at 23:59:59 is that zone's day everywhere.
pub fn plain(ty: ColumnType) -> DataType {
    match ty {
        ColumnType::String => DataType::String,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Number | ColumnType::Money => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date,
        ColumnType::Timestamp => DataType::Datetime(TimeUnit::Microseconds, None),
    }
}

/// As [`plain`]; ids of entities are coded.
fn dtype(project: &Project, column: &Column) -> DataType {
    let is_id = column.ty == ColumnType::String && codes::is_id(project, &column.name);
    if is_id { codes::dtype(&column.name) } else { plain(column.ty) }
}

/// An empty frame of a contract's columns.
pub fn empty(project: &Project, source: &Source) -> DataFrame {
    let field = |column: &Column| Field::new(column.name.as_str().into(), dtype(project, column));
    DataFrame::empty_with_schema(&source.columns.values().map(field).collect())
}

/// Scans the columns of a file that `wanted` accepts. Narrower numbers are widened, because a sum of 32-bit integers
/// would wrap silently.
///
/// # Errors
/// When the file cannot be opened or is not Parquet.
pub fn file(
    path: &Path,
    source: &Source,
    context: &Context<'_>,
    wanted: &dyn Fn(&Column) -> bool,
) -> Result<LazyFrame, EngineError> {
    let path = PlRefPath::try_from_path(path)?;
    let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
    let mut scan = LazyFrame::scan_parquet(path, args)?;
    let found = scan.collect_schema()?;
    let columns: Vec<Expr> = source
        .columns
        .values()
        .filter(|column| wanted(column))
        .map(|column| normalised(column, dtype(context.project, column), found.get(&column.name), context.time_zone()))
        .collect();
    Ok(scan.select(columns))
}

fn normalised(column: &Column, wanted: DataType, found: Option<&DataType>, time_zone: &str) -> Expr {
    let name = column.name.as_str();
    match (column.ty, found) {
        (_, Some(found)) if *found == wanted => col(name),
        (ColumnType::Timestamp, Some(DataType::Datetime(_, zone))) => {
            let utc = col(name).cast(DataType::Datetime(TimeUnit::Microseconds, zone.clone()));
            let zoned = zone.is_some() || time_zone != "UTC";
            if !zoned {
                return utc;
            }
            let instant = if zone.is_some() {
                utc
            } else {
                utc.dt().replace_time_zone(
                    TimeZone::opt_try_new(Some("UTC")).ok().flatten(),
                    lit("raise"),
                    NonExistent::Raise,
                )
            };
            let local = match TimeZone::opt_try_new(Some(time_zone)).ok().flatten() {
                Some(zone) if time_zone != "UTC" => instant.dt().convert_time_zone(zone),
                _ => instant,
            };
            local.dt().replace_time_zone(None, lit("earliest"), NonExistent::Null)
        }
        (_, Some(found)) if codes::is_coded(&wanted) && *found != DataType::String => {
            col(name).strict_cast(DataType::String).strict_cast(wanted)
        }
        _ => col(name).strict_cast(wanted),
    }
}
