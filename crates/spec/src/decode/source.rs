//! `sources` and `rollups`.

use indexmap::IndexMap;

use crate::model::{Column, ColumnType, Job, Rollup, Severity, Source, SourceKind, Spanned};
use crate::syntax::Entry;

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
        on_breach: match fields.words("on_breach").as_str() {
            "warn" => Severity::Warn,
            "fail" => Severity::Fail,
            _ => Severity::Quarantine,
        },
        description: fields.words("description"),
        span: entry.key.span,
    })
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
