//! `tables`.

use crate::model::{ForEach, Job, Money, Reconciles, Table, TableBody};
use crate::syntax::Entry;

use super::{Decoder, Fields, job_name, rows, source};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Table> {
    let fields = Fields(&entry.node);
    let body = if fields.get("sql").is_some() {
        TableBody::Sql(decoder.query(fields, "sql")?)
    } else {
        fields.get("columns")?;
        let columns = source::columns(fields);
        let key = fields.texts("key");
        let rows = if let Some(file) = fields.text("file") {
            rows::from_file(&file, &columns, &key, decoder)?
        } else {
            rows::inline(fields.get("rows")?.items(), &columns, &key, decoder)
        };
        let rows::Rows { rows, places } = rows;
        TableBody::Rows { columns, rows, places }
    };
    Some(Table {
        name: entry.key.value.clone(),
        body,
        for_each: match fields.words("for_each").as_str() {
            "month" => ForEach::Month,
            "period" => ForEach::Period,
            _ => ForEach::Run,
        },
        during: fields.texts("during"),
        time: fields.text("time"),
        money: fields.fields("money").and_then(money),
        key: fields.texts("key"),
        fans_out: fields.texts("fans_out"),
        reconciles: fields.fields("reconciles").and_then(reconciles),
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}

fn reconciles(fields: Fields) -> Option<Reconciles> {
    Some(Reconciles { with: fields.text("with")?, by: fields.texts("by"), columns: fields.texts("columns") })
}

fn money(fields: Fields) -> Option<Money> {
    Some(Money { columns: fields.texts("columns"), currency: fields.text("currency")?, on: fields.text("on")? })
}
