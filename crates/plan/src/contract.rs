//! A source's contract held against the footers of its files: what is missing, renamed or of another type.

use abmart_spec::model::{Column, ColumnType, Source};
use abmart_store::{ColumnKind, ParquetFooter};
use serde::Serialize;

/// A file that breaks its source's contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("source `{source_name}`, file `{file}` ({rows} rows): {problem}")]
pub struct Breach {
    /// The source.
    pub source_name: String,
    /// Key of the file.
    pub file: String,
    /// Rows of the file.
    pub rows: u64,
    /// The column.
    pub column: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// All breaches of a file. Added columns and narrower types that can be widened are none.
#[must_use]
pub fn breaches(source: &Source, file: &str, footer: &ParquetFooter) -> Vec<Breach> {
    let breach = |column: &Column, problem: String| Breach {
        source_name: source.name.clone(),
        file: file.to_owned(),
        rows: footer.rows,
        column: column.name.clone(),
        problem,
    };
    source
        .columns
        .values()
        .filter_map(|column| {
            let Some(found) = footer.columns.iter().find(|candidate| candidate.name == column.name) else {
                let unclaimed = footer.columns.iter().map(|candidate| candidate.name.as_str());
                let hint = unclaimed
                    .filter(|name| !source.columns.contains_key(*name))
                    .max_by_key(|name| likeness(name, &column.name))
                    .filter(|name| likeness(name, &column.name) >= 50)
                    .map(|name| format!("; the file has `{name}`, which may be the same under another name"))
                    .unwrap_or_default();
                return Some(breach(column, format!("column `{}` is missing{hint}", column.name)));
            };
            if accepts(column.ty, &found.kind) {
                return None;
            }
            let wanted = type_name(column.ty);
            Some(breach(
                column,
                format!("column `{}` is {}, the contract wants {wanted}", column.name, kind_name(&found.kind)),
            ))
        })
        .collect()
}

/// Whether a file's column can be read as the contract's type without losing a value.
fn accepts(wanted: ColumnType, found: &ColumnKind) -> bool {
    match wanted {
        ColumnType::String => matches!(found, ColumnKind::String),
        ColumnType::Integer => match found {
            ColumnKind::Int { bits, signed } => *signed || *bits < 64,
            _ => false,
        },
        ColumnType::Number | ColumnType::Money => {
            matches!(found, ColumnKind::Float { .. } | ColumnKind::Int { .. })
        }
        ColumnType::Boolean => matches!(found, ColumnKind::Bool),
        ColumnType::Date => matches!(found, ColumnKind::Date),
        ColumnType::Timestamp => matches!(found, ColumnKind::Timestamp { .. }),
    }
}

fn type_name(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::String => "string",
        ColumnType::Integer => "integer",
        ColumnType::Number => "number",
        ColumnType::Money => "money (a number)",
        ColumnType::Boolean => "boolean",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
    }
}

fn kind_name(kind: &ColumnKind) -> String {
    match kind {
        ColumnKind::String => "text".to_owned(),
        ColumnKind::Int { bits, signed: true } => format!("a {bits}-bit integer"),
        ColumnKind::Int { bits, signed: false } => format!("an unsigned {bits}-bit integer"),
        ColumnKind::Float { bits } => format!("a {bits}-bit float"),
        ColumnKind::Bool => "a boolean".to_owned(),
        ColumnKind::Date => "a date".to_owned(),
        ColumnKind::Timestamp { .. } => "a timestamp".to_owned(),
        ColumnKind::Decimal { precision, scale } => format!("a decimal({precision}, {scale})"),
        ColumnKind::Other(name) => name.clone(),
    }
}

/// Per cent of the longer name that both begin and end with alike: enough to see `acct_id` in `account_id`.
fn likeness(a: &str, b: &str) -> usize {
    let longest = a.len().max(b.len()).max(1);
    let head = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let tail = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
    (head + tail).min(longest) * 100 / longest
}
