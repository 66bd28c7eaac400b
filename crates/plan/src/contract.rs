//! A source's contract held against the footers of its files: what is missing, renamed or of another type.

use abmart_spec::model::{Column, ColumnType, Source};
use abmart_store::{ColumnKind, ParquetFooter};
use serde::Serialize;

use crate::PlannedFile;

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

/// All breaches of a file. Added columns are none, nor are types that can be widened, nor a column that a file of before
/// its first day lacks.
#[must_use]
pub fn breaches(source: &Source, file: &PlannedFile, footer: &ParquetFooter) -> Vec<Breach> {
    let breach = |column: &Column, problem: String| Breach {
        source_name: source.name.clone(),
        file: file.key.clone(),
        rows: footer.rows,
        column: column.name.clone(),
        problem,
    };
    source
        .columns
        .values()
        .filter_map(|column| {
            let Some(found) = footer.columns.iter().find(|candidate| candidate.name == column.name) else {
                if column.may_lack(file.day) {
                    return None;
                }
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
            let wanted = match column.ty {
                ColumnType::Money => "money (a number)",
                other => other.name(),
            };
            Some(breach(
                column,
                format!("column `{}` is {}, the contract wants {wanted}", column.name, kind_name(&found.kind)),
            ))
        })
        .collect()
}

/// The columns of a file that its source's contract does not have, with their types in words.
pub fn added<'a>(source: &Source, footer: &'a ParquetFooter) -> impl Iterator<Item = (&'a str, String)> {
    let added = footer.columns.iter().filter(|column| !source.columns.contains_key(&column.name));
    added.map(|column| (column.name.as_str(), kind_name(&column.kind)))
}

/// Whether a file's column can be read as the contract's type. Where that depends on the values – a large whole number or
/// a decimal that a float may not hold – reading finds out.
fn accepts(wanted: ColumnType, found: &ColumnKind) -> bool {
    match wanted {
        ColumnType::String => matches!(found, ColumnKind::String),
        ColumnType::Integer => match found {
            ColumnKind::Int { bits, signed } => *signed || *bits < 64,
            ColumnKind::Decimal { scale, .. } => *scale == 0,
            _ => false,
        },
        ColumnType::Number | ColumnType::Money => {
            matches!(found, ColumnKind::Float { .. } | ColumnKind::Int { .. } | ColumnKind::Decimal { .. })
        }
        ColumnType::Boolean => matches!(found, ColumnKind::Bool),
        ColumnType::Date => matches!(found, ColumnKind::Date),
        ColumnType::Timestamp => matches!(found, ColumnKind::Timestamp { .. }),
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
