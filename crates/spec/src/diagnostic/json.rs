//! Diagnostics for machines: editors, CI annotations.

use serde_json::{Value, json};

use super::{Diagnostic, Level, SourceMap, Span};

/// The diagnostics as a JSON array; every place has `file`, `line`, `column`, `end_line` and `end_column` (from 1, in characters).
#[must_use]
pub fn to_json(diagnostics: &[Diagnostic], files: &SourceMap) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| {
            json!({
                "code": diagnostic.code,
                "severity": match diagnostic.severity {
                    Level::Error => "error",
                    Level::Warning => "warning",
                },
                "message": diagnostic.message,
                "place": diagnostic.span.and_then(|span| place(span, files)),
                "labels": diagnostic.labels.iter().map(|(span, text)| json!({
                    "place": place(*span, files),
                    "message": text,
                })).collect::<Vec<_>>(),
                "help": diagnostic.help,
            })
        })
        .collect()
}

fn place(span: Span, files: &SourceMap) -> Option<Value> {
    let (path, line, column) = files.position(span)?;
    let end = Span { start: span.end, ..span };
    let (_, end_line, end_column) = files.position(end)?;
    Some(json!({
        "file": path.to_string_lossy(),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }))
}
