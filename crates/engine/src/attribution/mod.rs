//! Multi-touch attribution: journeys of the run's touches and conversions, credited by the models of `abmart-attribution`.
//!
//! ```text
//! touches, conversions ──input──▶ numbers ──journeys, models──▶ credit ──tables──▶ frames
//! ```

mod credit;
mod input;
mod tables;

use std::collections::BTreeMap;
use std::ops::Range;

use abmart_attribution::markov::Transitions;
use abmart_attribution::shapley::{self, Value};
use abmart_attribution::{Conversions, Journeys, Model, Position, Positions, Survey, ledger};
use abmart_spec::model::{Attribution, AttributionPart, ModelKind};
use polars::prelude::*;
use rayon::prelude::*;

use crate::codes;
use crate::context;
use crate::error::EngineError;
use crate::input::finding::Finding;
use crate::input::load::day_number;
use crate::input::rollup::Shelf;
use crate::scope::Scope;

pub use credit::Credit;
use input::Input;
use tables::Tables;

/// Touches of a part: enough that parts are worth a thread, few enough that their credit does not fill the memory.
const PART: usize = 500_000;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

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
    scope: &Scope<'_>,
    shelf: &Shelf,
) -> Result<Attributed, EngineError> {
    let _timed = tracing::debug_span!("attribution", name = attribution.name).entered();
    let what = || format!("attribution `{}`", attribution.name);
    let wants = |part: AttributionPart| parts.contains(&part);
    let mut input = Input::read(attribution, wants(AttributionPart::Touches), scope)
        .map_err(|error| error.at(what(), attribution.span))?;
    let entities = input.entities();
    let conversions = Conversions::new(input.conversions.known.clone(), entities, attribution.reset_on_conversion);
    let tactics = input.touches.tactics.clone();
    let end = (i64::from(day_number(scope.plan.as_of)) + 1) * MICROSECONDS_A_DAY;
    let journeys = Journeys {
        tactics: &tactics,
        channels: input.touches.channels.len(),
        path: path(attribution),
        conversions: &conversions,
        open: attribution.non_converting.then(|| (input::window_start(attribution.window, end), end)),
    };
    let sorted: Vec<_> = {
        let touches = input.touches.as_columns();
        let by_entity = touches.by_entity(entities);
        let stretches: Vec<Range<usize>> = by_entity.stretches(PART);
        stretches.into_par_iter().map(|stretch| touches.part(&by_entity, stretch)).collect()
    };
    if !wants(AttributionPart::Touches) {
        input.touches.release();
    }
    let learned =
        Learned::from(attribution, parts, &journeys, &sorted).map_err(|error| error.at(what(), attribution.span))?;
    let models: Vec<Model> = attribution
        .models
        .values()
        .filter(|model| model.kind.per_conversion())
        .map(|model| learned.model(attribution, &model.kind))
        .collect();
    let wanted = ledger::Wanted { journeys: wants(AttributionPart::Journeys), steps: wants(AttributionPart::Touches) };
    let tables = Tables { attribution, input: &input, conversions: &conversions, learned: &learned };
    let divided =
        [AttributionPart::Credits, AttributionPart::Touches, AttributionPart::Journeys, AttributionPart::Channels];
    let compute = || -> Result<BTreeMap<AttributionPart, Made>, EngineError> {
        let mut taken = Vec::new();
        if divided.into_iter().any(wants) {
            let take = |part: &abmart_attribution::Part| {
                let credits = journeys.credits(part, &models, wanted);
                tables.take(credits, wants(AttributionPart::Credits).then_some(shelf))
            };
            // On threads of their own, for each one waits for Polars.
            taken = context::each(rayon::current_num_threads(), &sorted, take)?;
            taken.push(tables.take(tables.incomplete(models.len()), wants(AttributionPart::Credits).then_some(shelf))?);
        }
        parts
            .iter()
            .map(|part| {
                let made = match part {
                    AttributionPart::Credits => Made::Credit(tables.credit(&taken)?),
                    AttributionPart::Touches => Made::Whole(tables.of_touches(&taken)?),
                    AttributionPart::Journeys => Made::Whole(tables.journeys(&taken)?),
                    AttributionPart::Channels => Made::Whole(tables.channels(&taken)?),
                    AttributionPart::Models => Made::Whole(tables.models()?),
                };
                let coded = match made {
                    Made::Whole(rows) => Made::Whole(codes::only_ids(scope.project, rows)?),
                    credit @ Made::Credit(_) => credit,
                };
                Ok((*part, coded))
            })
            .collect()
    };
    let tables = compute().map_err(|error| error.at(what(), attribution.span))?;
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
        sorted: &[abmart_attribution::Part],
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
                return Err(
                    EngineError::Attribution(problem).at(format!("attribution `{}`", attribution.name), model.span)
                );
            }
            if shown {
                rates.insert(name.clone(), survey.sets.values(journeys.channels, samples, seed));
            }
        }
        Ok(Self { survey, chains, rates })
    }

    /// A model that divides up each conversion.
    fn model(&self, attribution: &Attribution, kind: &ModelKind) -> Model {
        match kind {
            ModelKind::TimeDecay { half_life } => {
                #[expect(clippy::cast_precision_loss, reason = "a day has far fewer microseconds than 2^53")]
                let day = MICROSECONDS_A_DAY as f64;
                Model::TimeDecay { half_life: f64::from(*half_life) * day }
            }
            ModelKind::Positions(shares) => {
                let milestones = &attribution.conversions.milestones;
                let mut positions = Positions { held: Vec::new(), middle: 0.0 };
                for (name, share) in shares.iter().filter(|(_, share)| **share > 0.0) {
                    match name.as_str() {
                        "first" => positions.held.push((Position::First, *share)),
                        "last" => positions.held.push((Position::Last, *share)),
                        "middle" => positions.middle = *share,
                        milestone => {
                            let index = milestones.get_index_of(milestone);
                            positions.held.extend(index.map(|index| (Position::Milestone(index), *share)));
                        }
                    }
                }
                Model::Positions(positions)
            }
            ModelKind::MarkovJourney { order } => {
                Model::Channels(self.chains.get(order).map(|chain| chain.removal_effects.clone()).unwrap_or_default())
            }
            ModelKind::Shapley => Model::Shapley,
            ModelKind::Linear | ModelKind::Markov { .. } | ModelKind::ShapleyRate { .. } => Model::Linear,
        }
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
