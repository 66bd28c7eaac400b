//! A file as a lazy frame whose columns have exactly the contract's names and types.

use std::path::Path;

use abmart_spec::model::{Column, ColumnType, Project, Source};
use abmart_store::{ColumnKind, LocalFile, ParquetFooter, TimeUnit as Unit};
use polars::prelude::*;

use super::exact;
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

/// First and last day, since 1970, that the times of a file lie in, as its footer says; none where it does not say, or
/// where rows have no time. In another zone than UTC a day more on both sides may be named.
pub fn days(footer: &ParquetFooter, source: &Source, time_zone: &str) -> Option<(i32, i32)> {
    let time = source.time.as_ref()?;
    let column = footer.columns.iter().find(|column| column.name == time.value)?;
    let day = |value: i64| match column.kind {
        ColumnKind::Date => i32::try_from(value).ok(),
        ColumnKind::Timestamp { unit, .. } => {
            let per_second: i64 = match unit {
                Unit::Milliseconds => 1_000,
                Unit::Microseconds => 1_000_000,
                Unit::Nanoseconds => 1_000_000_000,
            };
            i32::try_from(value.div_euclid(per_second * 86_400)).ok()
        }
        _ => None,
    };
    let (first, last) = (day(column.min?)?, day(column.max?)?);
    let margin = i32::from(time_zone != "UTC");
    (column.null_count == Some(0)).then_some((first - margin, last + margin))
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
        // A file of before the column's first day; the footers were held against the contract.
        (_, None) => lit(NULL).cast(wanted).alias(name),
        (ColumnType::Number | ColumnType::Money, Some(found)) if exact::may_lose(found) => exact::float(name),
        (ColumnType::Integer, Some(DataType::Decimal(..))) => exact::integer(name),
        (_, Some(found)) if codes::is_coded(&wanted) && *found != DataType::String => {
            col(name).strict_cast(DataType::String).strict_cast(wanted)
        }
        _ => col(name).strict_cast(wanted),
    }
}

/// A mart's file as input of others: only the rows that they ask for are read.
///
/// # Errors
/// When the path is none that Polars can read.
pub fn scan_local(file: &LocalFile) -> Result<LazyFrame, EngineError> {
    let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
    Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(file.path())?, args)?)
}
