//! Small projects whose lineage a person can check by hand, and the shipped one.

#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abmart_lineage::{ColumnRef, Definition, Input, Lineage, Target};
use abmart_spec::Project;
use tempfile::TempDir;

const PIPELINES: &str = include_str!("../fixture/pipelines.yaml");
const BASE: &str = include_str!("../fixture/base.yaml");

/// The small project.
pub fn small() -> Project {
    with("")
}

/// The small project with more definitions, as a second job.
pub fn with(definitions: &str) -> Project {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("jobs")).expect("a folder");
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).expect("a file");
    write("pipelines.yaml", PIPELINES);
    write("jobs/base.yaml", BASE);
    if !definitions.is_empty() {
        write("jobs/more.yaml", &format!("job: more\ntitle: {{en: More, fr: Plus}}\n{definitions}"));
    }
    load(folder.path())
}

/// The project in the repository's root.
pub fn shipped() -> Project {
    load(&root())
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn load(folder: &Path) -> Project {
    match abmart_spec::load(folder, &BTreeMap::new(), &|_| None) {
        Ok((project, _)) => project,
        Err(error) => panic!("{}", error.render(false)),
    }
}

/// The lineage of a table with a query, over the small project.
pub fn table(sql: &str) -> (Lineage, Definition) {
    let indented = sql.lines().map(|line| format!("      {line}\n")).collect::<String>();
    let project = with(&format!("tables:\n  t:\n    sql: |\n{indented}"));
    let lineage = Lineage::of(&project);
    let definition = lineage.definition(&abmart_spec::Node::Table("t".to_owned())).expect("the table").clone();
    (lineage, definition)
}

/// A column by its name.
pub fn column(lineage: &Lineage, name: &str) -> ColumnRef {
    match lineage.find(name) {
        Ok(Target::Column(column)) => column,
        other => panic!("{name} is no column: {other:?}"),
    }
}

/// `source:deals.amount transformation` for each input, in order.
pub fn said<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Vec<String> {
    inputs.into_iter().map(|input| format!("{} {}", input.column, input.how.subtype().to_lowercase())).collect()
}

/// Every column of a definition with its inputs, and its rows, a line each.
pub fn written(definition: &Definition) -> String {
    let mut lines: Vec<String> = definition
        .columns
        .iter()
        .map(|(name, column)| format!("{name} <- {}", said(&column.inputs).join(", ")).trim_end().to_owned())
        .collect();
    if !definition.rows.is_empty() {
        lines.push(format!("(rows) <- {}", said(&definition.rows).join(", ")));
    }
    lines.join("\n")
}
