//! The contracts of the sources, as those who fill a lake want to read them.

use std::fmt::Write as _;

use crate::model::{Column, ColumnType, Project, Severity, Source, SourceKind};

/// The sources with their paths, keys and columns (a part of `docs/data-model.md`), in Markdown.
#[must_use]
pub fn source_markdown(project: &Project) -> String {
    let mut text = String::new();
    let kinds = [(SourceKind::Snapshot, "Snapshots"), (SourceKind::Events, "Events")];
    for (kind, title) in kinds {
        let _ = write!(text, "\n## {title}\n");
        for source in project.sources.values().filter(|source| source.kind == kind) {
            section(source, &mut text);
        }
    }
    text
}

fn section(source: &Source, text: &mut String) {
    let _ = write!(text, "\n### `{}`\n\n{}\n\n", source.name, source.description.trim());
    let _ = write!(text, "Files: `{}`.", source.path.value);
    if let Some(time) = &source.time {
        let _ = write!(text, " Time: `{}`.", time.value);
    }
    match &source.key[..] {
        [] => text.push_str(" No key: rows may repeat."),
        key => {
            let names: Vec<String> = key.iter().map(|name| format!("`{}`", name.value)).collect();
            let _ = write!(text, " Key: {}.", names.join(", "));
        }
    }
    text.push_str(if source.optional { " Optional.\n" } else { " Required.\n" });
    text.push_str("\n| column | type | meaning |\n|---|---|---|\n");
    for column in source.columns.values() {
        let nullable = if column.nullable { "?" } else { "" };
        let _ = writeln!(text, "| `{}` | {}{nullable} | {} |", column.name, type_name(column.ty), meaning(column));
    }
}

fn meaning(column: &Column) -> String {
    let mut meaning = cell(&column.description);
    if !column.values.is_empty() {
        let values: Vec<String> = column.values.iter().map(|value| format!("`{value}`")).collect();
        let _ = write!(meaning, " Known values: {}.", values.join(", "));
    }
    let range = match (column.min, column.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => return meaning,
    };
    let breach = match column.on_breach {
        Severity::Warn => "another value is reported and used",
        Severity::Quarantine => "a row with another value is set aside",
        Severity::Fail => "another value stops the run",
    };
    let _ = write!(meaning, " Range: {range}; {breach}.");
    meaning
}

fn type_name(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::String => "string",
        ColumnType::Integer => "integer",
        ColumnType::Number => "number",
        ColumnType::Money => "money",
        ColumnType::Boolean => "boolean",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
    }
}

/// A text that can stand in a cell of a Markdown table.
pub(crate) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
