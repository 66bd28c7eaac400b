//! `marts`.

use crate::model::{Job, Mart, MartBody, MartColumn, MartFormat};
use crate::syntax::Entry;

use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Mart> {
    let fields = Fields(&entry.node);
    let body = match fields.text("from") {
        Some(table) => MartBody::From(table),
        None => MartBody::Sql(decoder.query(fields, "sql")?),
    };
    let filter = decoder.expression(fields, "where");
    let key = fields.texts("key");
    let sort = match fields.get("sort") {
        Some(_) => fields.texts("sort"),
        None => key.clone(),
    };
    let columns = fields.entries("columns").iter().map(|entry| {
        let fields = Fields(&entry.node);
        let column = MartColumn {
            description: fields.words("description"),
            unit: fields.text("unit").map(|unit| unit.value),
            not_null: fields.boolean("not_null").unwrap_or(false),
            span: entry.key.span,
        };
        (entry.key.value.clone(), column)
    });
    Some(Mart {
        name: entry.key.value.clone(),
        body,
        key,
        fans_out: fields.texts("fans_out"),
        sort,
        filter,
        audience: fields.text("audience").map(|text| text.value),
        grains: fields.grains("grains"),
        format: match fields.words("format").as_str() {
            "delta" => MartFormat::Delta,
            _ => MartFormat::Parquet,
        },
        columns: columns.collect(),
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}
