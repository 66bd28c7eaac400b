//! `sources` and `rollups`.

use indexmap::IndexMap;

use crate::grammar::window;
use crate::model::{Check, Column, ColumnType, Job, OnBreach, Rollup, RowCount, Severity, Source, SourceKind, Spanned};
use crate::syntax::{Entry, Node};

use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, _: &mut Decoder) -> Option<Source> {
    let fields = Fields(&entry.node);
    let name = &entry.key.value;
    let (kind, default_path) = match fields.text("kind")?.value.as_str() {
        "snapshot" => (SourceKind::Snapshot, format!("{name}/dt={{day}}/*.parquet")),
        "events" => (SourceKind::Events, format!("{name}/ym={{month}}/*.parquet")),
        _ => return None,
    };
    Some(Source {
        name: name.clone(),
        kind,
        path: fields.text("path").unwrap_or(Spanned { value: default_path, span: entry.key.span }),
        time: fields.text("time"),
        key: fields.texts("key"),
        columns: columns(fields),
        freshness: fields.text("freshness").and_then(|text| window(&text.value)),
        row_count: fields.get("row_count").and_then(row_count),
        on_breach: fields.get("on_breach").map(on_breach).unwrap_or_default(),
        optional: fields.boolean("optional").unwrap_or(false),
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}

/// The columns of a contract.
pub(super) fn columns(fields: Fields) -> IndexMap<String, Column> {
    let columns = fields.entries("columns").iter().filter_map(column);
    columns.map(|column| (column.name.clone(), column)).collect()
}

fn column(entry: &Entry) -> Option<Column> {
    let fields = Fields(&entry.node);
    let short = entry.node.as_text();
    let (ty, nullable) = match short {
        Some(short) => (short.strip_suffix('?').unwrap_or(short).to_owned(), short.ends_with('?')),
        None => (fields.text("type")?.value, fields.boolean("nullable").unwrap_or(false)),
    };
    Some(Column {
        name: entry.key.value.clone(),
        ty: match ty.as_str() {
            "string" => ColumnType::String,
            "integer" => ColumnType::Integer,
            "number" => ColumnType::Number,
            "money" => ColumnType::Money,
            "boolean" => ColumnType::Boolean,
            "date" => ColumnType::Date,
            "timestamp" => ColumnType::Timestamp,
            _ => return None,
        },
        nullable,
        values: fields.texts("values").into_iter().map(|text| text.value).collect(),
        min: fields.number("min"),
        max: fields.number("max"),
        references: fields.text("references"),
        since: fields.text("since").and_then(|text| Some(Spanned { value: text.value.parse().ok()?, span: text.span })),
        on_breach: fields.get("on_breach").map(on_breach).unwrap_or_default(),
        description: fields.words("description"),
        span: entry.key.span,
    })
}

/// None where what is given does not read, which has been reported.
fn row_count(node: &Node) -> Option<RowCount> {
    let fields = Fields(node);
    let (min, max, drift) = (fields.whole("min"), fields.whole("max"), fields.number("drift"));
    let unread = min.is_none() && max.is_none() && drift.is_none() && !node.entries().is_empty();
    (!unread).then_some(RowCount { min, max, drift, span: node.span })
}

/// A severity for all rows, or a map from checks to severities.
fn on_breach(node: &Node) -> OnBreach {
    let checks = node.entries().iter().filter_map(|entry| {
        let value = severity(entry.node.as_text()?)?;
        Some((check(&entry.key.value)?, Spanned { value, span: entry.key.span }))
    });
    OnBreach { rows: node.as_text().and_then(severity), checks: checks.collect() }
}

fn severity(name: &str) -> Option<Severity> {
    [Severity::Warn, Severity::Quarantine, Severity::Fail].into_iter().find(|severity| severity.name() == name)
}

fn check(name: &str) -> Option<Check> {
    Check::ALL.iter().copied().find(|check| check.name() == name)
}

pub(super) fn decode_rollup(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Rollup> {
    let fields = Fields(&entry.node);
    let filter = decoder.expression(fields, "where");
    let by = decoder.expressions(fields, "by").into_iter().collect();
    let measures = decoder.expressions(fields, "measures").into_iter().collect();
    Some(Rollup {
        name: entry.key.value.clone(),
        from: fields.text("from")?,
        filter,
        by,
        measures,
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}
