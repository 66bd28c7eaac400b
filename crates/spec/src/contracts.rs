//! The contracts of the sources, as those who fill a lake want to read them.

use std::fmt::Write as _;

use crate::model::{Check, Column, Project, Severity, Source, SourceKind, Window};

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
    text.push_str(if source.optional { " Optional." } else { " Required." });
    text.push_str(&promises(source));
    text.push('\n');
    text.push_str("\n| column | type | meaning |\n|---|---|---|\n");
    for column in source.columns.values() {
        let nullable = if column.nullable { "?" } else { "" };
        let _ = writeln!(text, "| `{}` | {}{nullable} | {} |", column.name, column.ty.name(), meaning(column));
    }
}

/// What a source promises as a whole, in sentences.
fn promises(source: &Source) -> String {
    let mut text = String::new();
    if let Some(age) = source.freshness {
        let (number, unit) = match age {
            Window::Days(number) => (number, "day"),
            Window::Months(number) => (number, "month"),
        };
        let plural = if number == 1 { "" } else { "s" };
        let stops = stops(source.severity(Check::Freshness));
        let _ = write!(text, " At most {number} {unit}{plural} old{stops}.");
    }
    if let Some(count) = &source.row_count {
        let limits = [
            range(count.min.map(|min| min.to_string()), count.max.map(|max| max.to_string())),
            count.drift.map(|drift| format!("within {} % of the published day before", drift * 100.0)),
        ];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        let _ = write!(text, " Rows: {}{}.", limits.join(", "), stops(source.severity(Check::RowCount)));
    }
    text
}

fn stops(severity: Severity) -> &'static str {
    if severity == Severity::Fail { ", else the run stops" } else { "" }
}

fn meaning(column: &Column) -> String {
    let mut meaning = cell(&column.description);
    let breach = |check: Check, another: &str| match column.severity(check) {
        Severity::Warn => format!("{another} is reported and used"),
        Severity::Quarantine => format!("a row with {another} is set aside"),
        Severity::Fail => format!("{another} stops the run"),
    };
    if !column.values.is_empty() {
        let values: Vec<String> = column.values.iter().map(|value| format!("`{value}`")).collect();
        let _ = write!(meaning, " Known values: {}", values.join(", "));
        if column.severity(Check::AcceptedValues) != Severity::Warn {
            let _ = write!(meaning, "; {}", breach(Check::AcceptedValues, "another value"));
        }
        meaning.push('.');
    }
    if let Some(source) = &column.references {
        let _ = write!(meaning, " Refers to `{}`", source.value);
        if column.severity(Check::References) != Severity::Warn {
            let _ = write!(meaning, "; {}", breach(Check::References, "an unknown value"));
        }
        meaning.push('.');
    }
    let number = |limit: Option<f64>| limit.map(|limit| limit.to_string());
    if let Some(range) = range(number(column.min), number(column.max)) {
        let _ = write!(meaning, " Range: {range}; {}.", breach(Check::Range, "another value"));
    }
    if let Some(since) = &column.since {
        let _ = write!(meaning, " Since {}.", since.value);
    }
    meaning
}

/// `1 to 5`, `at least 1`, `at most 5`.
fn range(min: Option<String>, max: Option<String>) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (None, None) => None,
    }
}

/// A text that can stand in a cell of a Markdown table.
pub(crate) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
