//! A source, with the contract that a file of it fulfils.

use std::fmt::Write as _;

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::model::ColumnType;

use super::{Skeleton, missing};
use crate::yaml::scalar;

/// What a Parquet file says of the source that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSource {
    /// Path template below the lake (`deals/dt={day}/*.parquet`); none where the file lies elsewhere.
    pub path: Option<String>,
    /// The file's columns, in its order.
    pub columns: Vec<FileColumn>,
}

/// A column of a Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileColumn {
    /// Its name.
    pub name: String,
    /// The contract's type; else what it is, for which contracts have no type.
    pub ty: Result<ColumnType, String>,
    /// Whether the file allows nulls in it.
    pub nullable: bool,
    /// Whether the file has none, as far as it says.
    pub without_nulls: bool,
}

/// A source with the contract of a file. `events` says whether it holds rows with a time instead of full copies; by default
/// the file's place or columns tell.
///
/// # Errors
/// When no column can be in a contract, or events have no column that says when they happened.
pub fn source(name: &str, file: &FileSource, events: Option<bool>) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    if file.columns.iter().all(|column| column.ty.is_err()) {
        return Err(missing(
            "the file has no column of a type that contracts know",
            "text, numbers, booleans, dates, timestamps",
        )
        .boxed());
    }
    let time = time(&file.columns);
    let path = file.path.as_deref().unwrap_or_default();
    let events = events.unwrap_or_else(|| {
        !path.contains("{day}") && time.is_some_and(|column| path.contains("{month}") || column.is_timestamp())
    });
    if events && time.is_none() {
        return Err(missing(
            "no column says when a row happened, so the files cannot be events",
            "events have a timestamp or date; `--kind snapshot` is for full copies of a table",
        )
        .boxed());
    }
    let text = text(name, file, time.filter(|_| events), events);
    Ok(vec![Skeleton::new("sources", &text, None)])
}

impl FileColumn {
    fn is_timestamp(&self) -> bool {
        self.ty == Ok(ColumnType::Timestamp)
    }

    /// Whether null is a value: not in what identifies a row or says when it happened, if the file bears it out.
    fn nullable_as(&self, essential: bool) -> bool {
        self.nullable && !(essential && self.without_nulls)
    }
}

fn text(name: &str, file: &FileSource, time: Option<&FileColumn>, events: bool) -> String {
    let mut text = format!("{name}:\n");
    let (kind, usual) = if events { ("events", "ym={month}") } else { ("snapshot", "dt={day}") };
    let meaning = if events { "rows with a time, in files of a month" } else { "a full copy a day" };
    let _ = writeln!(text, "  kind: {kind}   # {meaning}");
    let usual = format!("{name}/{usual}/*.parquet");
    match &file.path {
        Some(path) if *path != usual => {
            let _ = writeln!(text, "  path: {}", scalar(path));
        }
        Some(_) => {}
        None => {
            let _ = writeln!(text, "  # path: {usual}   # where runs look below the lake");
        }
    }
    if let Some(time) = time {
        let _ = writeln!(text, "  time: {}   # when a row happened", scalar(&time.name));
    }
    let key = key(name, &file.columns);
    if let Some(key) = key {
        let _ = writeln!(text, "  key: [{}]   # columns that identify a row", scalar(&key.name));
    } else {
        let likely = file.columns.iter().find(|column| column.name.ends_with("_id")).or(file.columns.first());
        let likely = likely.map(|column| column.name.as_str()).unwrap_or_default();
        let _ = writeln!(text, "  # key: [{likely}]   # columns that identify a row; the first row of a key counts");
    }
    text.push_str("  # freshness: 7 days   # how old the newest rows may be\n");
    text.push_str("  description: What it holds, one row each.\n  columns:\n");
    for column in &file.columns {
        let essential = [key, time].into_iter().flatten().any(|known| known.name == column.name);
        match &column.ty {
            Ok(ty) => {
                let nullable = column.nullable_as(essential);
                let mark = if nullable { "?" } else { "" };
                let remark =
                    if nullable && column.without_nulls { "   # no null in the file that was read" } else { "" };
                let _ = writeln!(text, "    {}: {}{mark}{remark}", scalar(&column.name), ty.name());
            }
            Err(found) => {
                let _ = writeln!(text, "    # {}: is {found}, for which contracts have no type", scalar(&column.name));
            }
        }
    }
    text
}

/// The column named like the source's key: `deal_id` or `id` of `deals`.
fn key<'a>(name: &str, columns: &'a [FileColumn]) -> Option<&'a FileColumn> {
    let singular = match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.strip_suffix('s').unwrap_or(name).to_owned(),
    };
    let names = [format!("{singular}_id"), format!("{name}_id"), "id".to_owned()];
    let usable = |column: &&FileColumn| column.ty.is_ok() && (!column.nullable || column.without_nulls);
    names.iter().find_map(|name| columns.iter().filter(usable).find(|column| column.name == *name))
}

/// The column that says when a row happened: a timestamp before a date, without nulls before with.
fn time(columns: &[FileColumn]) -> Option<&FileColumn> {
    let fit = |column: &&FileColumn| matches!(column.ty, Ok(ColumnType::Timestamp | ColumnType::Date));
    columns.iter().filter(fit).min_by_key(|column| (column.nullable && !column.without_nulls, !column.is_timestamp()))
}
