//! `attributions`.

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::grammar;
use crate::model::{
    AttributedConversions, AttributedTouches, Attribution, AttributionModel, AttributionPart, CONVERTED_AT, ForEach,
    Job, ModelKind, PathRule, Project, Spanned, Table, TableBody, Window,
};
use crate::syntax::Entry;

use super::{Decoder, Fields, Kind, job_name};

/// 24 months: what the sales of large companies take from the first touch to the signature.
const WINDOW: Window = Window::Months(24);

/// Half-life of `time_decay` in days.
const HALF_LIFE: u16 = 7;

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Attribution> {
    let fields = Fields(&entry.node);
    if fields.get("models").is_some() && fields.entries("models").is_empty() {
        decoder.diagnostics.push(
            Diagnostic::error("no-models", format!("attribution `{}` has no model", entry.key.value))
                .at(entry.key.span)
                .help("for example `models: {first_touch: {}, linear: {}, last_touch: {}}`"),
        );
    }
    let models = fields
        .entries("models")
        .iter()
        .filter_map(|entry| Some((entry.key.value.clone(), model(entry, decoder)?)))
        .collect::<Vec<_>>();
    let groups = fields.entries("channels");
    let channels = groups
        .iter()
        .map(|entry| (entry.key.value.clone(), entry.node.items().iter().filter_map(super::fields::text).collect()));
    Some(Attribution {
        name: entry.key.value.clone(),
        per: fields.text("per"),
        touches: touches(fields.fields("touches")?)?,
        conversions: conversions(fields.fields("conversions")?)?,
        window: fields.text("window").and_then(|text| grammar::window(&text.value)).unwrap_or(WINDOW),
        reset_on_conversion: fields.boolean("reset_on_conversion").unwrap_or(false),
        non_converting: fields.boolean("non_converting").unwrap_or(true),
        channels: channels.collect(),
        leave_out: fields.texts("leave_out"),
        path: match fields.words("path").as_str() {
            "collapse" => PathRule::Collapse,
            "first_occurrence" => PathRule::FirstOccurrence,
            "unique" => PathRule::Unique,
            _ => PathRule::Every,
        },
        models: models.into_iter().collect(),
        description: fields.words("description"),
        job: job_name(job),
        span: entry.key.span,
    })
}

fn touches(fields: Fields) -> Option<AttributedTouches> {
    Some(AttributedTouches {
        from: fields.text("from")?,
        time: fields.text("time"),
        channel: fields.text("channel")?,
        campaign: fields.text("campaign"),
        count: fields.text("count"),
        key: fields.texts("key"),
        show: fields.texts("show"),
    })
}

fn conversions(fields: Fields) -> Option<AttributedConversions> {
    let milestones = fields.entries("milestones").iter();
    let milestones = milestones.filter_map(|entry| Some((entry.key.value.clone(), super::fields::text(&entry.node)?)));
    Some(AttributedConversions {
        from: fields.text("from")?,
        key: fields.text("key")?,
        time: fields.text("time"),
        value: fields.text("value"),
        detail: fields.text("detail"),
        milestones: milestones.collect(),
    })
}

fn model(entry: &Entry, decoder: &mut Decoder) -> Option<AttributionModel> {
    let fields = Fields(&entry.node);
    let named = fields.text("kind").unwrap_or_else(|| match fields.get("weights") {
        Some(_) => Spanned { value: "custom".to_owned(), span: entry.key.span },
        None => entry.key.clone(),
    });
    let positions = |shares: &[(&str, f64)]| {
        ModelKind::Positions(shares.iter().map(|(position, share)| ((*position).to_owned(), *share)).collect())
    };
    let order = || fields.whole("order").unwrap_or(1);
    // The key that the kind goes by, if any.
    let (kind, own): (ModelKind, &[&str]) = match named.value.as_str() {
        "first_touch" => (positions(&[("first", 1.0)]), &[]),
        "last_touch" => (positions(&[("last", 1.0)]), &[]),
        "linear" => (ModelKind::Linear, &[]),
        "time_decay" => (ModelKind::TimeDecay { half_life: half_life(fields, decoder) }, &["half_life"]),
        "u_shaped_50_50" => (positions(&[("first", 0.5), ("last", 0.5)]), &[]),
        "position_40_20_40" => (positions(&[("first", 0.4), ("middle", 0.2), ("last", 0.4)]), &[]),
        "position_20_50_30" => (positions(&[("first", 0.2), ("middle", 0.5), ("last", 0.3)]), &[]),
        "w_shaped" => (positions(&[("first", 0.3), ("lead", 0.3), ("opportunity", 0.3), ("middle", 0.1)]), &[]),
        "full_path" => {
            let shares = [("first", 0.225), ("lead", 0.225), ("opportunity", 0.225), ("last", 0.225), ("middle", 0.1)];
            (positions(&shares), &[])
        }
        "custom" => (ModelKind::Positions(weights(entry, decoder)?), &["weights"]),
        "markov" => (ModelKind::Markov { order: order() }, &["order"]),
        "markov_journey" => (ModelKind::MarkovJourney { order: order() }, &["order"]),
        "shapley" => (ModelKind::Shapley, &[]),
        "shapley_rate" => {
            let samples = fields.whole("samples").unwrap_or(2000);
            (ModelKind::ShapleyRate { samples, seed: fields.whole("seed").unwrap_or(1) }, &["samples", "seed"])
        }
        other => {
            // The grammar has reported a `kind` that there is not.
            if fields.get("kind").is_none() {
                let near = did_you_mean(other, grammar::KINDS.iter().copied());
                let help =
                    near.map_or("another name needs a `kind`".to_owned(), |near| format!("did you mean `{near}`?"));
                let message = format!("`{other}` is not a kind of attribution model");
                decoder.diagnostics.push(Diagnostic::error("unknown-model", message).at(named.span).help(help));
            }
            return None;
        }
    };
    for other in ["weights", "half_life", "order", "samples", "seed"] {
        if let Some(node) = fields.get(other).filter(|_| !own.contains(&other)) {
            let message = format!("`{other}` means nothing to a model of the kind `{}`", named.value);
            decoder.diagnostics.push(Diagnostic::error("conflicting-keys", message).at(node.span));
        }
    }
    let span = fields.get("weights").map_or(entry.key.span, |node| node.span);
    Some(AttributionModel { kind, span })
}

fn half_life(fields: Fields, decoder: &mut Decoder) -> u16 {
    let Some(text) = fields.text("half_life") else { return HALF_LIFE };
    match grammar::window(&text.value) {
        Some(Window::Days(days)) => days,
        Some(Window::Months(_)) => {
            decoder.diagnostics.push(
                Diagnostic::error("half-life-in-months", "months are of different lengths: a half-life is in days")
                    .at(text.span)
                    .help("for example `30 days`"),
            );
            HALF_LIFE
        }
        None => HALF_LIFE,
    }
}

fn weights(entry: &Entry, decoder: &mut Decoder) -> Option<IndexMap<String, f64>> {
    let fields = Fields(&entry.node);
    if fields.get("weights").is_none() {
        let message = format!("the custom model `{}` has no `weights`", entry.key.value);
        let help = "for example `weights: {first: 0.2, middle: 0.5, last: 0.3}`";
        decoder.diagnostics.push(Diagnostic::error("missing-key", message).at(entry.key.span).help(help));
        return None;
    }
    let weights = Fields(fields.get("weights")?);
    let all = fields.entries("weights").iter();
    Some(all.filter_map(|entry| Some((entry.key.value.clone(), weights.number(&entry.key.value)?))).collect())
}

/// Adds the tables of an attribution to those of the project.
pub(super) fn tables(attribution: &Attribution, decoder: &mut Decoder, project: &mut Project) {
    for part in AttributionPart::ALL {
        let name = Spanned { value: attribution.table(*part), span: attribution.span };
        if let Some(place) = decoder.names.place(Kind::Table, &name.value) {
            let message = format!("`{}` is the name of a table of attribution `{}`", name.value, attribution.name);
            decoder
                .diagnostics
                .push(Diagnostic::error("reserved-name", message).at(place).label(attribution.span, "the attribution"));
            continue;
        }
        if !decoder.names.register(Kind::Table, &name, decoder.diagnostics) {
            continue;
        }
        let table = Table {
            name: name.value.clone(),
            body: TableBody::Attribution { of: attribution.name.clone(), part: *part },
            for_each: ForEach::Run,
            during: Vec::new(),
            time: part.has_time().then(|| Spanned { value: CONVERTED_AT.to_owned(), span: attribution.span }),
            money: None,
            key: Vec::new(),
            fans_out: Vec::new(),
            reconciles: None,
            description: format!("{} of the attribution `{}`.", part.meaning(), attribution.name),
            job: attribution.job.clone(),
            span: attribution.span,
        };
        project.tables.insert(name.value, table);
    }
}
