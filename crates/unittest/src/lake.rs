//! The rows of a test as a lake: a folder of Parquet files, laid out as the contracts say.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use abmart_plan::layout::Layout;
use abmart_spec::Span;
use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::model::{Column, ColumnType, Literal, Project, Source, SourceKind, TestRow, UnitTest};
use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use parquet::arrow::ArrowWriter;

use crate::cell::time;
use crate::given::{Filled, expanded, filled};

/// What all files are called in their folders.
const FILE: &str = "part-0";

/// Why a lake could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Rows of the test that do not fit the contract.
    #[error("the given rows do not fit")]
    Rows(Vec<Diagnostic>),
    /// The scratch folder cannot be written.
    #[error("the scratch folder cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// Rows that Parquet cannot hold.
    #[error("the given rows cannot be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Rows that Arrow cannot hold.
    #[error("the given rows cannot be written: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// Writes the given rows of the project's sources below a folder. Sources without rows have an empty file; events have
/// one in the month of `from` as well, so that history reaches back to it.
///
/// # Errors
/// What does not fit the contracts, each finding at its place; a folder that cannot be written.
pub fn write(test: &UnitTest, project: &Project, from: Date, folder: &Path) -> Result<(), LakeError> {
    let mut findings = Vec::new();
    for source in project.sources.values() {
        let layout = Layout::parse(&source.path.value);
        let mut files: BTreeMap<String, Vec<Filled>> = BTreeMap::new();
        let mut number = 0;
        for given in test.given.iter().filter(|given| given.name.value == source.name) {
            let rows = match expanded(given) {
                Ok(rows) => rows,
                Err(finding) => {
                    findings.push(*finding);
                    continue;
                }
            };
            for row in rows {
                findings.extend(misfits(&row, source));
                let day = match source.kind {
                    SourceKind::Snapshot => given.snapshot.unwrap_or(test.as_of.value),
                    SourceKind::Events => day_of(&row, source).unwrap_or(test.as_of.value),
                };
                let row = filled(&row, source, number, &project.settings.currency);
                files.entry(layout.key(day, FILE)).or_default().push(row);
                number += 1;
            }
        }
        if source.kind == SourceKind::Events {
            files.entry(layout.key(from, FILE)).or_default();
        } else if files.is_empty() {
            files.insert(layout.key(test.as_of.value, FILE), Vec::new());
        }
        if findings.is_empty() {
            for (key, rows) in &files {
                put(&folder.join(key), source, rows)?;
            }
        }
    }
    findings.dedup();
    if findings.is_empty() { Ok(()) } else { Err(LakeError::Rows(findings)) }
}

fn day_of(row: &TestRow, source: &Source) -> Option<Date> {
    let cell = row.cells.get(&source.time.as_ref()?.value)?;
    match &cell.value {
        Literal::String(text) => time(text).map(DateTime::date),
        _ => None,
    }
}

/// Values that are of another type than their columns.
fn misfits<'a>(row: &'a TestRow, source: &'a Source) -> impl Iterator<Item = Diagnostic> + 'a {
    row.cells.iter().filter_map(|(name, cell)| {
        let column = source.columns.get(name)?;
        let fits = match (&cell.value, column.ty) {
            (Literal::String(text), ColumnType::Date) => text.parse::<Date>().is_ok() && text.len() == 10,
            (Literal::String(text), ColumnType::Timestamp) => time(text).is_some(),
            (Literal::String(text), ColumnType::Number | ColumnType::Money) => text.parse::<f64>().is_ok(),
            // Whether null is a value is for the contract to say when the run reads it.
            (Literal::Null, _)
            | (Literal::String(_), ColumnType::String)
            | (Literal::Boolean(_), ColumnType::Boolean)
            | (Literal::Integer(_), ColumnType::Integer | ColumnType::Number | ColumnType::Money)
            | (Literal::Number(_), ColumnType::Number | ColumnType::Money) => true,
            _ => false,
        };
        (!fits).then(|| misfit(column, cell.span))
    })
}

fn misfit(column: &Column, span: Span) -> Diagnostic {
    let (wants, help) = match column.ty {
        ColumnType::String => ("a text", "quotes make it a text"),
        ColumnType::Integer => ("a whole number", "a number without quotes and without a point"),
        ColumnType::Number | ColumnType::Money => ("a number", "a number without quotes"),
        ColumnType::Boolean => ("`true` or `false`", "`true` or `false`, without quotes"),
        ColumnType::Date => ("a day", "a day is written `2026-06-15`"),
        ColumnType::Timestamp => ("a time", "a time is written `2026-06-15 12:30`, in UTC"),
    };
    Diagnostic::error("wrong-type", format!("column `{}` wants {wants}", column.name))
        .at(span)
        .label(column.span, "the column's type stands here")
        .help(help)
}

fn put(path: &Path, source: &Source, rows: &[Filled]) -> Result<(), LakeError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let schema = Arc::new(Schema::new(source.columns.values().map(field).collect::<Vec<_>>()));
    let columns = schema.fields().iter().enumerate();
    let columns: Vec<ArrayRef> =
        columns.map(|(index, field)| array(field.data_type(), rows.iter().map(|row| &row[index]))).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path)?, schema, None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

/// A column of a file in the type that its contract asks for.
#[must_use]
pub fn field(column: &Column) -> Field {
    let data_type = match column.ty {
        ColumnType::String => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Number | ColumnType::Money => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    };
    // Nullable even where the contract forbids it: a test may show what becomes of a null there.
    Field::new(&column.name, data_type, true)
}

fn array<'a>(data_type: &DataType, values: impl Iterator<Item = &'a Literal>) -> ArrayRef {
    match data_type {
        DataType::Utf8 => Arc::new(values.map(text).collect::<StringArray>()),
        DataType::Int64 => Arc::new(values.map(whole).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(values.map(number).collect::<Float64Array>()),
        DataType::Boolean => {
            let truth = |value: &Literal| if let Literal::Boolean(value) = value { Some(*value) } else { None };
            Arc::new(values.map(truth).collect::<BooleanArray>())
        }
        DataType::Date32 => Arc::new(values.map(|value| days(text(value)?)).collect::<Date32Array>()),
        _ => {
            let moments = values.map(|value| microseconds(text(value)?));
            Arc::new(moments.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    }
}

fn text(value: &Literal) -> Option<&str> {
    if let Literal::String(text) = value { Some(text) } else { None }
}

fn whole(value: &Literal) -> Option<i64> {
    match value {
        Literal::Integer(value) => Some(*value),
        #[expect(clippy::cast_possible_truncation, reason = "limits of whole numbers are whole")]
        Literal::Number(value) => Some(*value as i64),
        _ => None,
    }
}

/// A number, or the words for what is none: `NaN`, `inf`.
fn number(value: &Literal) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a number column holds floats")]
        Literal::Integer(value) => Some(*value as f64),
        Literal::Number(value) => Some(*value),
        Literal::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Days since 1970-01-01.
fn days(text: &str) -> Option<i32> {
    Some(text.parse::<Date>().ok()?.since(date(1970, 1, 1)).ok()?.get_days())
}

fn microseconds(text: &str) -> Option<i64> {
    Some(time(text)?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// Reference table → its rows, where a test gives them.
///
/// # Errors
/// Values that do not fit their columns, and columns that are missing.
pub fn reference_rows(
    test: &UnitTest,
    project: &Project,
) -> Result<HashMap<String, Vec<Vec<Literal>>>, Vec<Diagnostic>> {
    let mut tables = HashMap::new();
    let mut findings = Vec::new();
    for given in &test.given {
        let table = project.tables.get(&given.name.value).map(|table| &table.body);
        let Some(abmart_spec::model::TableBody::Rows { columns, .. }) = table else { continue };
        let rows = match expanded(given) {
            Ok(rows) => rows,
            Err(finding) => {
                findings.push(*finding);
                continue;
            }
        };
        let typed = rows.iter().map(|row| {
            let value = |column: &Column| match row.cells.get(&column.name) {
                Some(cell) => as_typed(&cell.value, column).ok_or_else(|| misfit(column, cell.span).boxed()),
                None if column.nullable => Ok(Literal::Null),
                None => {
                    let message = format!("a row of `{}` lacks `{}`", given.name.value, column.name);
                    Err(Diagnostic::error("missing-column", message).at(row.span).boxed())
                }
            };
            columns.values().map(value).collect::<Result<Vec<_>, _>>()
        });
        let mut of_table = Vec::new();
        for row in typed {
            match row {
                Ok(row) => of_table.push(row),
                Err(finding) => findings.push(*finding),
            }
        }
        tables.insert(given.name.value.clone(), of_table);
    }
    if findings.is_empty() { Ok(tables) } else { Err(findings) }
}

/// A value of a reference table in the type of its column.
fn as_typed(value: &Literal, column: &Column) -> Option<Literal> {
    Some(match (value, column.ty) {
        (Literal::Null, _) if column.nullable => Literal::Null,
        #[expect(clippy::cast_precision_loss, reason = "a number column holds floats")]
        (Literal::Integer(value), ColumnType::Number | ColumnType::Money) => Literal::Number(*value as f64),
        (Literal::Integer(_), ColumnType::Integer)
        | (Literal::Number(_), ColumnType::Number | ColumnType::Money)
        | (Literal::Boolean(_), ColumnType::Boolean)
        | (Literal::String(_), ColumnType::String) => value.clone(),
        (Literal::String(text), ColumnType::Date) if text.parse::<Date>().is_ok() => value.clone(),
        (Literal::String(text), ColumnType::Timestamp) if time(text).is_some() => value.clone(),
        _ => return None,
    })
}
