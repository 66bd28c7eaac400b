//! `scores`.

use crate::model::{Bands, Component, Job, Score, Thresholds};
use crate::syntax::Entry;

use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Score> {
    let fields = Fields(&entry.node);
    let components = fields.entries("components").iter().filter_map(|entry| {
        Some((entry.key.value.clone(), component(entry, decoder)?))
    });
    Some(Score {
        name: entry.key.value.clone(),
        components: components.collect(),
        per: fields.text("per")?,
        from: fields.text("from")?,
        signal: fields.text("signal")?,
        bands: fields.fields("bands").and_then(bands),
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}

fn component(entry: &Entry, decoder: &mut Decoder) -> Option<Component> {
    let fields = Fields(&entry.node);
    Some(Component {
        weight: fields.number("weight").unwrap_or(1.0),
        measure: decoder.expression(fields, "measure")?,
        by_signal: fields.boolean("by_signal").unwrap_or(false),
        span: entry.key.span,
    })
}

fn bands(fields: Fields) -> Option<Bands> {
    let own = fields.entries("thresholds").iter().filter_map(|entry| {
        Some((entry.key.value.clone(), thresholds(Fields(&entry.node))?))
    });
    Some(Bands {
        by: fields.text("by")?,
        default: thresholds(fields.fields("default")?)?,
        thresholds: own.collect(),
    })
}

fn thresholds(fields: Fields) -> Option<Thresholds> {
    Some(Thresholds {
        hot: fields.number("hot")?,
        warm: fields.number("warm")?,
    })
}
