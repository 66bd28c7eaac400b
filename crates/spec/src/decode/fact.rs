//! `facts`.

use crate::grammar;
use crate::model::{Fact, FactInput, FactKind, Job, KeepLast};
use crate::syntax::Entry;

use super::fields::grain;
use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Fact> {
    let fields = Fields(&entry.node);
    let filter = decoder.expression(fields, "where");
    let measures = decoder.expressions(fields, "measures").into_iter().collect();
    let from = match fields.text("from_entity") {
        Some(entity) => FactInput::Entity(entity),
        None => FactInput::Table(fields.text("from")?),
    };
    let dimensions = fields.entries("dimensions");
    let places = dimensions.iter().map(|entry| entry.key.clone());
    decoder.names.dimensions.extend(places);
    let dimensions =
        dimensions.iter().filter_map(|entry| Some((entry.key.value.clone(), super::fields::text(&entry.node)?)));
    Some(Fact {
        name: entry.key.value.clone(),
        per: fields.text("per")?,
        from,
        kind: kind(fields)?,
        time: fields.text("time"),
        filter,
        keep_last: fields.fields("keep_last").and_then(keep_last),
        grain: fields.text("grain").and_then(|name| grain(&name.value)),
        dimensions: dimensions.collect(),
        measures,
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}

fn kind(fields: Fields) -> Option<FactKind> {
    if fields.get("alive").is_some() {
        let mut ends = fields.texts("alive").into_iter();
        return Some(FactKind::Stock { from: ends.next()?, to: ends.next()? });
    }
    if let Some(window) = fields.text("window") {
        return grammar::window(&window.value).map(FactKind::Trailing);
    }
    Some(match fields.boolean("state") {
        Some(true) => FactKind::State,
        _ => FactKind::Flow,
    })
}

fn keep_last(fields: Fields) -> Option<KeepLast> {
    Some(KeepLast { by: fields.texts("by"), order: fields.text("order")? })
}
