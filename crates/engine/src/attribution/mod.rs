//! Multi-touch attribution: journeys of the run's touches and conversions, credited by the models of `abmart-attribution`.
//!
//! ```text
//! touches, conversions ──input──▶ numbers ──journeys, models──▶ credit ──tables──▶ frames
//! ```

mod credit;
mod input;
mod tables;

use std::collections::BTreeMap;

use abmart_attribution::markov::Transitions;
use abmart_attribution::shapley::{self, Value};
use abmart_attribution::{Conversions, Journeys, Model, Part, Position, Positions, Survey, ledger};
use abmart_spec::model::{Attribution, AttributionPart, ModelKind};
use indexmap::IndexMap;
use polars::prelude::*;
use rayon::prelude::*;

use crate::codes;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::load::{DAY, midnight};
use crate::scope::{Frames, Scope};

pub use credit::Credit;
use input::Input;
use tables::Tables;

/// Touches of a part: enough that parts are worth a thread, few enough that their credit does not fill the memory.
const PART: usize = 500_000;

/// A table of an attribution.
pub enum Made {
    /// In one piece.
    Whole(DataFrame),
    /// Credit, with a row for each model to those who read it.
    Credit(Credit),
}

/// What came of an attribution.
pub struct Attributed {
    /// The tables that were asked for.
    pub tables: BTreeMap<AttributionPart, Made>,
    /// What is to be said about its input.
    pub findings: Vec<Finding>,
}

/// Computes some tables of an attribution; what is large is put aside on the shelf.
///
/// # Errors
/// When a column is missing or of the wrong type, there are too many channels, or a Markov chain cannot be solved.
pub fn attribute(
    attribution: &Attribution,
    parts: &[AttributionPart],
    frames: &Frames,
    context: &Context<'_>,
) -> Result<Attributed, EngineError> {
    let _timed = tracing::debug_span!("attribution", name = attribution.name).entered();
    attempt(attribution, parts, frames, context).map_err(|error| error.at(what(attribution), attribution.span))
}

/// An attribution as messages name it.
fn what(attribution: &Attribution) -> String {
    format!("attribution `{}`", attribution.name)
}

fn attempt(
    attribution: &Attribution,
    parts: &[AttributionPart],
    frames: &Frames,
    context: &Context<'_>,
) -> Result<Attributed, EngineError> {
    let wants = |part: AttributionPart| parts.contains(&part);
    let scope = Scope::of_run(context.project, context.plan, frames);
    let mut input = Input::read(attribution, wants(AttributionPart::Touches), &scope)?;
    let entities = input.entities();
    let known = std::mem::take(&mut input.conversions.known);
    let conversions = Conversions::new(known, entities, attribution.reset_on_conversion);
    let tactics = input.touches.tactics.clone();
    let end = midnight(context.plan.as_of) + DAY;
    let journeys = Journeys {
        tactics: &tactics,
        channels: input.touches.channels.len(),
        path: path(attribution),
        conversions: &conversions,
        open: attribution.non_converting.then(|| (input::window_start(attribution.window, end), end)),
    };
    let sorted: Vec<Part> = {
        let tie = |a, b| input.touches.tie(a, b);
        let touches = input.touches.columns(&tie);
        let by_entity = touches.by_entity(entities);
        by_entity.stretches(PART).into_par_iter().map(|stretch| touches.part(&by_entity, stretch)).collect()
    };
    if !wants(AttributionPart::Touches) {
        input.touches.release();
    }
    let learned = Learned::from(attribution, parts, &journeys, &sorted)?;
    let models: Vec<Model> =
        attribution.models.values().filter_map(|model| learned.model(attribution, &model.kind)).collect();
    let wanted = ledger::Wanted { journeys: wants(AttributionPart::Journeys), steps: wants(AttributionPart::Touches) };
    let tables = Tables { attribution, input: &input, conversions: &conversions, learned: &learned };
    let shelf = wants(AttributionPart::Credits).then_some(&**context.shelf);
    let mut taken = Vec::new();
    if parts.iter().any(|part| *part != AttributionPart::Models) {
        taken = context.parallel(&sorted, |part| {
            context.check_interrupted()?;
            tables.take(journeys.credits(part, &models, wanted), shelf)
        })?;
        taken.push(tables.take(tables.incomplete(models.len()), shelf)?);
    }
    let make = |part: &AttributionPart| {
        let rows = match part {
            AttributionPart::Credits => return Ok((*part, Made::Credit(tables.credit(&taken)?))),
            AttributionPart::Touches => tables.of_touches(&taken)?,
            AttributionPart::Journeys => tables.journeys(&taken)?,
            AttributionPart::Channels => tables.channels(&taken)?,
            AttributionPart::Models => tables.models()?,
        };
        Ok((*part, Made::Whole(codes::only_ids(context.project, rows)?)))
    };
    let tables = parts.iter().map(make).collect::<Result<_, EngineError>>()?;
    Ok(Attributed { tables, findings: input.findings(attribution) })
}

fn path(attribution: &Attribution) -> abmart_attribution::PathRule {
    use abmart_attribution::PathRule as Steps;
    use abmart_spec::model::PathRule;
    match attribution.path {
        PathRule::Every => Steps::Every,
        PathRule::Collapse => Steps::Collapse,
        PathRule::FirstOccurrence => Steps::FirstOccurrence,
        PathRule::Unique => Steps::Unique,
    }
}

/// What models have learned from all journeys.
struct Learned {
    survey: Survey,
    /// By order.
    chains: BTreeMap<usize, LearnedChain>,
    /// By model.
    rates: BTreeMap<String, Vec<Value>>,
}

/// A Markov chain with what follows from it.
struct LearnedChain {
    transitions: Transitions,
    chain: abmart_attribution::markov::Chain,
    conversion_probability: f64,
    removal_effects: Vec<f64>,
}

impl Learned {
    fn from(
        attribution: &Attribution,
        parts: &[AttributionPart],
        journeys: &Journeys<'_>,
        sorted: &[Part],
    ) -> Result<Self, EngineError> {
        let mut orders: Vec<usize> = Vec::new();
        for model in attribution.models.values() {
            if let ModelKind::Markov { order } | ModelKind::MarkovJourney { order } = model.kind
                && !orders.contains(&order)
            {
                orders.push(order);
            }
        }
        let shown = parts.iter().any(|part| matches!(part, AttributionPart::Channels | AttributionPart::Models));
        let mut survey = Survey::default();
        if shown || !orders.is_empty() {
            let surveys: Vec<Survey> = sorted.par_iter().map(|part| journeys.survey(part, &orders)).collect();
            for other in &surveys {
                survey.merge(other);
            }
        }
        survey.channels.resize(journeys.channels, ledger::Seen::default());
        let mut chains = BTreeMap::new();
        for (index, order) in orders.into_iter().enumerate() {
            let transitions = survey.transitions.get(index).cloned();
            let transitions = transitions.unwrap_or_else(|| Transitions::new(order, journeys.channels));
            let chain = transitions.chain();
            let solved =
                chain.conversion_probability().and_then(|probability| Ok((probability, chain.removal_effects()?)));
            let (conversion_probability, removal_effects) =
                solved.map_err(|error| EngineError::Attribution(error.to_string()))?;
            chains.insert(order, LearnedChain { transitions, chain, conversion_probability, removal_effects });
        }
        let mut rates = BTreeMap::new();
        for (name, model) in &attribution.models {
            let ModelKind::ShapleyRate { samples, seed } = model.kind else { continue };
            if journeys.channels > shapley::MOST {
                let problem = format!(
                    "model `{name}` tells {} channels apart, and there are {}; `channels` puts some together",
                    shapley::MOST,
                    journeys.channels,
                );
                return Err(EngineError::Attribution(problem).at(what(attribution), model.span));
            }
            if shown {
                rates.insert(name.clone(), survey.sets.values(journeys.channels, samples, seed));
            }
        }
        Ok(Self { survey, chains, rates })
    }

    /// A model that divides up each conversion; none for others.
    fn model(&self, attribution: &Attribution, kind: &ModelKind) -> Option<Model> {
        Some(match kind {
            ModelKind::Linear => Model::Linear,
            ModelKind::TimeDecay { half_life } => {
                #[expect(clippy::cast_precision_loss, reason = "a day has far fewer microseconds than 2^53")]
                let day = DAY as f64;
                Model::TimeDecay { half_life: f64::from(*half_life) * day }
            }
            ModelKind::Positions(shares) => Model::Positions(positions(attribution, shares)),
            ModelKind::Shapley => Model::Shapley,
            ModelKind::MarkovJourney { order } => Model::Channels(self.chains.get(order)?.removal_effects.clone()),
            ModelKind::Markov { .. } | ModelKind::ShapleyRate { .. } => return None,
        })
    }

    /// The weights of channels in a model that does not divide up each conversion; none for others.
    fn weights(&self, name: &str, kind: &ModelKind) -> Option<Vec<f64>> {
        match kind {
            ModelKind::Markov { order } => self.chains.get(order).map(|chain| chain.removal_effects.clone()),
            // A channel without which more would convert has no credit to give back.
            ModelKind::ShapleyRate { .. } => {
                self.rates.get(name).map(|values| values.iter().map(|value| value.value.max(0.0)).collect())
            }
            _ => None,
        }
    }
}

/// Shares of positions by their names.
fn positions(attribution: &Attribution, shares: &IndexMap<String, f64>) -> Positions {
    let mut positions = Positions { held: Vec::new(), middle: 0.0 };
    for (name, share) in shares.iter().filter(|(_, share)| **share > 0.0) {
        let position = match name.as_str() {
            "middle" => {
                positions.middle = *share;
                continue;
            }
            "first" => Some(Position::First),
            "last" => Some(Position::Last),
            milestone => attribution.conversions.milestones.get_index_of(milestone).map(Position::Milestone),
        };
        positions.held.extend(position.map(|position| (position, *share)));
    }
    positions
}
