//! `scores`.

use crate::diagnostic::Diagnostic;
use crate::model::{Adaptive, Bands, Component, Job, Score, Thresholds};
use crate::syntax::Entry;

use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Score> {
    let fields = Fields(&entry.node);
    let components = fields
        .entries("components")
        .iter()
        .filter_map(|entry| Some((entry.key.value.clone(), component(entry, decoder)?)));
    Some(Score {
        name: entry.key.value.clone(),
        components: components.collect(),
        per: fields.text("per")?,
        from: fields.text("from")?,
        signal: fields.text("signal")?,
        bands: fields.fields("bands").and_then(|fields| bands(fields, decoder)),
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

fn bands(fields: Fields, decoder: &mut Decoder) -> Option<Bands> {
    let default = thresholds(fields.fields("default")?, decoder)?;
    let own: Vec<_> = fields
        .entries("thresholds")
        .iter()
        .filter_map(|entry| Some((entry.key.value.clone(), thresholds(Fields(&entry.node), decoder)?)))
        .collect();
    let adaptive = fields.fields("adaptive").and_then(|fields| adaptive(fields, decoder));
    Some(Bands { thresholds: own.into_iter().collect(), by: fields.text("by")?, default, adaptive })
}

fn adaptive(fields: Fields, decoder: &mut Decoder) -> Option<Adaptive> {
    let (hot, warm) = (fields.number("hot")?, fields.number("warm")?);
    if !(0.0 < warm && warm < hot && hot < 1.0) {
        decoder.diagnostics.push(
            Diagnostic::error("thresholds-out-of-order", format!("{warm} and {hot} are no shares in rising order"))
                .at(fields.0.span)
                .help("`warm` and `hot` are shares of the scores: 0 < warm < hot < 1"),
        );
    }
    let at_least = fields.whole("at_least").unwrap_or(30);
    Some(Adaptive { hot, warm, at_least, apply: fields.boolean("apply").unwrap_or(true) })
}

fn thresholds(fields: Fields, decoder: &mut Decoder) -> Option<Thresholds> {
    let (hot, warm) = (fields.number("hot")?, fields.number("warm")?);
    if hot < warm {
        decoder.diagnostics.push(
            Diagnostic::error("thresholds-out-of-order", format!("hot ({hot}) lies below warm ({warm})"))
                .at(fields.0.span)
                .help("above `hot` is hot, below `warm` is cold: `hot` is at least `warm`"),
        );
    }
    Some(Thresholds { hot, warm })
}
