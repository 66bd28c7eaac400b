//! The contracts of the shipped project, and what a fixture's row holds where it says nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use abmart_spec::model::{Column, ColumnType, Source, SourceKind};
use arrow::datatypes::{DataType, Field, TimeUnit};
use serde_json::{Value, json};

/// The project as it is shipped.
pub static SHIPPED: LazyLock<abmart_spec::Project> = LazyLock::new(|| {
    let (project, _) = abmart_spec::load(&root(), &BTreeMap::new(), &|_| None)
        .unwrap_or_else(|error| panic!("the shipped project does not load:\n{}", error.render(false)));
    project
});

/// The folder that holds pipelines.yaml.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A source of the shipped project.
pub fn source(name: &str) -> &'static Source {
    SHIPPED.sources.get(name).unwrap_or_else(|| panic!("the project has no source `{name}`"))
}

/// A column of a file, as the contract has it.
pub fn field(column: &Column) -> Field {
    let data_type = match column.ty {
        ColumnType::String => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Number | ColumnType::Money => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    };
    // Nullable even where the contract forbids it: a test of bad input writes nulls there.
    Field::new(&column.name, data_type, true)
}

/// The value of a column that a row does not name: null where that is allowed, a name of its own for a key, the first
/// value of an enumeration, euros, long ago, nothing.
pub fn neutral(source: &Source, column: &Column, number: usize) -> Value {
    let is_key = source.key.first().is_some_and(|key| key.value == column.name);
    match column.ty {
        _ if column.nullable => Value::Null,
        _ if column.name == "currency" => json!("EUR"),
        ColumnType::String if is_key => json!(format!("{}-{number:05}", source.name)),
        ColumnType::String => json!(column.values.first().map_or("any", String::as_str)),
        ColumnType::Integer | ColumnType::Number | ColumnType::Money => json!(column.min.unwrap_or(0.0)),
        ColumnType::Boolean => json!(false),
        ColumnType::Date | ColumnType::Timestamp => json!("2020-01-01"),
    }
}

/// The folder of a row: the day of a snapshot, the month of an event.
pub fn partition(source: &Source, snapshot: &str, row: &BTreeMap<String, Value>) -> String {
    match source.kind {
        SourceKind::Snapshot => format!("dt={snapshot}"),
        SourceKind::Events => {
            let time = source.time.as_ref().and_then(|time| row.get(&time.value)).and_then(Value::as_str);
            let time = time.unwrap_or_else(|| panic!("a row of `{}` needs its time", source.name));
            format!("ym={}", &time[..7])
        }
    }
}
