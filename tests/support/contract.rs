//! The contracts of the shipped project, and what a fixture's row holds where it says nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use abmart_spec::model::{Column, Source, SourceKind};
use serde_json::Value;

pub use abmart_unittest::field;

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

/// The value of a column that a row does not name: null where that is allowed, a name of its own for a key, the first
/// value of an enumeration, euros, long ago, nothing.
pub fn neutral(source: &Source, column: &Column, number: usize) -> Value {
    serde_json::to_value(abmart_unittest::neutral(source, column, number, "EUR")).expect("a single value")
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
