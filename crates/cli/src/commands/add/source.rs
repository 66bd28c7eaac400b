//! What Parquet files say of a source: where they lie, and their columns.

use std::path::Path;

use abmart_scaffold::skeleton::{FileColumn, FileSource};
use abmart_spec::Project;
use abmart_spec::model::ColumnType;
use abmart_store::{ColumnKind, FooterColumn, ObjectInfo, Store};

use crate::args::Global;
use crate::exit::{Failure, config};
use crate::project;

/// Reads the footer of a file, or of the newest file of a folder. `from` is a path, or a key below the lake.
///
/// # Errors
/// When there is no Parquet file, or it cannot be read.
pub fn read(global: &Global, project: &Project, from: &str) -> Result<FileSource, Failure> {
    let path = Path::new(from);
    let here = if path.exists() { path.to_owned() } else { global.project.join(path) };
    let lake = project::open(&project.stores.lake, project, false);
    if here.exists() {
        if let Some(key) = lake.as_ref().ok().and_then(|lake| key_below(lake, &here)) {
            return of_lake(&lake?, &key);
        }
        return elsewhere(&here, from);
    }
    of_lake(&lake?, from.trim_matches('/'))
}

/// The key of a local path that lies in the lake.
fn key_below(lake: &Store, path: &Path) -> Option<String> {
    let root = lake.local_path("")?.canonicalize().ok()?;
    let path = path.canonicalize().ok()?;
    let parts = path.strip_prefix(root).ok()?.iter().map(|part| part.to_string_lossy().into_owned());
    Some(parts.collect::<Vec<_>>().join("/"))
}

fn of_lake(lake: &Store, key: &str) -> Result<FileSource, Failure> {
    let file = newest(lake, key)?
        .ok_or_else(|| config(format!("`{key}` of the lake {} holds no Parquet file", lake.label())))?;
    Ok(FileSource { path: Some(template(&file.key)), columns: columns(lake, &file)? })
}

fn elsewhere(path: &Path, from: &str) -> Result<FileSource, Failure> {
    let (folder, key) = match path.file_name() {
        Some(name) if path.is_file() => {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (above, name.to_string_lossy().into_owned())
        }
        _ => (path, String::new()),
    };
    let store = Store::open(&folder.to_string_lossy(), Path::new(""), false)?;
    let file = newest(&store, &key)?.ok_or_else(|| config(format!("`{from}` holds no Parquet file")))?;
    Ok(FileSource { path: None, columns: columns(&store, &file)? })
}

/// The Parquet file of this key, or the last one below it.
fn newest(store: &Store, key: &str) -> Result<Option<ObjectInfo>, Failure> {
    let folder = if is_parquet(key) { key.rsplit_once('/').map_or("", |(folder, _)| folder) } else { key };
    let mut files = store.list(folder)?;
    files.retain(|file| is_parquet(&file.key) && (!is_parquet(key) || file.key == key));
    Ok(files.pop())
}

fn is_parquet(key: &str) -> bool {
    Path::new(key).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

fn columns(store: &Store, file: &ObjectInfo) -> Result<Vec<FileColumn>, Failure> {
    let footer = store
        .footer(&file.key)
        .map_err(|error| if error.is_environment() { error.into() } else { config(crate::exit::chain(&error)) })?;
    Ok(footer.columns.iter().map(column).collect())
}

fn column(column: &FooterColumn) -> FileColumn {
    let ty = match &column.kind {
        ColumnKind::String => Ok(ColumnType::String),
        ColumnKind::Int { .. } | ColumnKind::Decimal { scale: 0, .. } => Ok(ColumnType::Integer),
        ColumnKind::Float { .. } | ColumnKind::Decimal { .. } => Ok(ColumnType::Number),
        ColumnKind::Bool => Ok(ColumnType::Boolean),
        ColumnKind::Date => Ok(ColumnType::Date),
        ColumnKind::Timestamp { .. } => Ok(ColumnType::Timestamp),
        ColumnKind::Other(name) => Err(name.clone()),
    };
    let without_nulls = !column.nullable || column.null_count == Some(0);
    FileColumn { name: column.name.clone(), ty, nullable: column.nullable, without_nulls }
}

/// `deals/dt={day}/*.parquet` of `deals/dt=2026-11-22/part-0.parquet`: the first part that ends with a day or month is one.
fn template(key: &str) -> String {
    let (folder, _) = key.rsplit_once('/').unwrap_or(("", key));
    let mut parts: Vec<String> = folder.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    for part in &mut parts {
        let dated = [(10, "{day}"), (7, "{month}")].into_iter().find_map(|(length, mark)| {
            let (head, date) = part.split_at_checked(part.len().checked_sub(length)?)?;
            let whole = if length == 10 { date.to_owned() } else { format!("{date}-01") };
            let is_date = whole.len() == 10 && whole.parse::<jiff::civil::Date>().is_ok();
            (is_date && (head.is_empty() || head.ends_with('='))).then(|| format!("{head}{mark}"))
        });
        if let Some(dated) = dated {
            *part = dated;
            break;
        }
    }
    parts.push("*.parquet".to_owned());
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("deals/dt=2026-11-22/part-0.parquet", "deals/dt={day}/*.parquet")]
    #[case("touches/ym=2026-11/part-7.parquet", "touches/ym={month}/*.parquet")]
    #[case("crm/deals/2026-11-22/x.parquet", "crm/deals/{day}/*.parquet")]
    #[case("deals/dt=2026-11-22/at=2026-11-23/x.parquet", "deals/dt={day}/at=2026-11-23/*.parquet")]
    #[case("deals/v2026-11/x.parquet", "deals/v2026-11/*.parquet")]
    #[case("x.parquet", "*.parquet")]
    fn a_key_gives_a_template(#[case] key: &str, #[case] expected: &str) {
        assert_eq!(template(key), expected);
    }
}
