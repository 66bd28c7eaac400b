//! The tables of an attribution.

mod rows;

use abmart_attribution::ledger::UNATTRIBUTED;
use abmart_attribution::markov::Target;
use abmart_attribution::{Conversions, Credits, credit};
use abmart_spec::model::{Attribution, AttributionPart, CONVERTED_AT, ModelKind};
use polars::prelude::*;

use rows::{Channels, Figures};

use super::Learned;
use super::input::{ENTITY, Input, KEY, TIME, VALUE};
use crate::error::EngineError;
use crate::sql::aggregate;

/// The channel of conversions that no touch preceded.
const NO_CHANNEL: &str = "unattributed";

/// Between the steps of a path.
const THEN: &str = " > ";

/// What the tables are made from.
pub struct Tables<'a> {
    pub attribution: &'a Attribution,
    pub input: &'a Input,
    pub conversions: &'a Conversions,
    pub learned: &'a Learned,
    pub credits: Vec<Credits>,
}

impl Tables<'_> {
    /// One of them, in parts that may be reduced one after the other.
    ///
    /// # Errors
    /// Polars' own.
    pub fn table(&self, part: AttributionPart) -> Result<Vec<DataFrame>, EngineError> {
        match part {
            AttributionPart::Credits => self.of_tactics(),
            AttributionPart::Touches => Ok(vec![self.of_touches()?]),
            AttributionPart::Journeys => Ok(vec![self.journeys()?]),
            AttributionPart::Channels => Ok(vec![self.channels()?]),
            AttributionPart::Models => Ok(vec![self.models()?]),
        }
    }

    /// Models that divide up each conversion.
    fn dividing(&self) -> impl Iterator<Item = &String> {
        self.attribution.models.iter().filter(|(_, model)| model.kind.per_conversion()).map(|(name, _)| name)
    }

    fn valued(&self) -> bool {
        self.attribution.conversions.value.is_some()
    }

    /// A part for each model. What models have in common lies in memory once.
    fn of_tactics(&self) -> Result<Vec<DataFrame>, EngineError> {
        let alone = &self.input.conversions.incomplete;
        let rows = self.rows_of(self.credits.iter().flat_map(|credits| &credits.conversions), alone);
        let tactics = self.credits.iter().flat_map(|credits| credits.tactics.iter().copied());
        let tactics: Vec<u32> = tactics.chain(alone.iter().map(|_| UNATTRIBUTED)).collect();
        let touches = self.credits.iter().flat_map(|credits| credits.touches.iter().copied().map(i64::from));
        let mut common = self.of_conversions(&rows, self.valued().then_some("conversion_value"))?;
        common.extend(self.of_tactic(&tactics)?);
        common.push(whole("touches", touches.chain(alone.iter().map(|_| 0))));
        let values = self.input.conversions.rows.column(VALUE)?.f64()?;
        let model = |(index, model): (usize, &String)| {
            let name = Scalar::new(DataType::String, AnyValue::StringOwned(model.as_str().into()));
            let mut columns = vec![Column::new_scalar("model".into(), name, rows.len())];
            columns.extend(common.iter().cloned());
            let shares = self.credits.iter().flat_map(|credits| credits.shares[index].iter().copied());
            columns.push(numbers("conversions", shares.chain(alone.iter().map(|_| 1.0))));
            if self.valued() {
                let parts = self.credits.iter().flat_map(|credits| credits.values[index].iter().copied());
                let others = alone.iter().map(|row| values.get(*row as usize).unwrap_or(0.0));
                columns.push(numbers("value", parts.chain(others)));
            }
            Ok(DataFrame::new(rows.len(), columns)?)
        };
        let parts: Vec<DataFrame> = self.dividing().enumerate().map(model).collect::<Result<_, EngineError>>()?;
        if !parts.is_empty() {
            return Ok(parts);
        }
        // Without such a model there are the columns and no rows.
        let mut columns = vec![Column::new_empty("model".into(), &DataType::String)];
        columns.extend(common.iter().map(Column::clear));
        columns.push(Column::new_empty("conversions".into(), &DataType::Float64));
        if self.valued() {
            columns.push(Column::new_empty("value".into(), &DataType::Float64));
        }
        Ok(vec![DataFrame::new(0, columns)?])
    }

    fn of_touches(&self) -> Result<DataFrame, EngineError> {
        let (input, attribution) = (&self.input.touches, self.attribution);
        let steps = || self.credits.iter().map(|credits| &credits.steps);
        let rows = self.rows_of(steps().flat_map(|steps| &steps.conversions), &[]);
        let places: Vec<u32> = steps().flat_map(|steps| steps.rows.iter().copied()).collect();
        let at = places.iter().map(|row| Some(input.times[*row as usize]));
        let tactics: Vec<u32> = places.iter().map(|row| input.tactic_of(*row)).collect();
        let mut columns = self.of_conversions(&rows, self.valued().then_some("value"))?;
        columns.push(instants("touched_at", at)?);
        columns.extend(self.of_tactic(&tactics)?);
        let places = IdxCa::from_vec("row".into(), places.iter().map(|touch| input.row_of(*touch)).collect());
        let shown = attribution.touches.key.iter().chain(&attribution.touches.show);
        for name in shown {
            columns.push(input.shown.column(&name.value)?.take(&places)?);
        }
        for (index, model) in self.dividing().enumerate() {
            columns.push(numbers(model, steps().flat_map(|steps| steps.shares[index].iter().copied())));
        }
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    fn journeys(&self) -> Result<DataFrame, EngineError> {
        let alone = &self.input.conversions.incomplete;
        let all = || self.credits.iter().flat_map(|credits| &credits.journeys);
        let rows = self.rows_of(all().map(|journey| &journey.conversion), alone);
        let none = || alone.iter().map(|_| 0);
        let mut columns = self.of_conversions(&rows, self.valued().then_some("value"))?;
        columns.push(whole("touches", all().map(|journey| i64::from(journey.touches)).chain(none())));
        columns.push(whole("steps", all().map(|journey| i64::from(journey.steps)).chain(none())));
        let ends = |end: fn((i64, i64)) -> i64| {
            all().map(move |journey| journey.span.map(end)).chain(alone.iter().map(|_| None))
        };
        columns.push(instants("first_at", ends(|span| span.0))?);
        columns.push(instants("last_at", ends(|span| span.1))?);
        let named = |channels: &[u16], cut: bool| {
            let mut names: Vec<&str> =
                channels.iter().map(|channel| self.input.touches.channels[*channel as usize].as_str()).collect();
            names.extend(cut.then_some("…"));
            (!names.is_empty()).then(|| names.join(THEN))
        };
        let others = || alone.iter().map(|_| None);
        columns.push(texts("path", all().map(|journey| named(&journey.path, journey.cut)).chain(others())));
        columns.push(texts("channels", all().map(|journey| named(&journey.channels, false)).chain(others())));
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    /// Credit over all conversions.
    fn channels(&self) -> Result<DataFrame, EngineError> {
        let names = &self.input.touches.channels;
        let unattributed = names.len();
        let mut table = Channels::default();
        let mut dividing = 0;
        // What is not attributed is the same in every model.
        let lost = self.lost()?;
        let (attributed, attributed_value) = self.attributed()?;
        for (name, model) in &self.attribution.models {
            let weights = self.learned.weights(name, &model.kind);
            let (conversions, values) = match &weights {
                None if model.kind.per_conversion() => {
                    let index = dividing;
                    dividing += 1;
                    let of =
                        |columns: fn(&Credits) -> &Vec<Vec<f64>>| self.by_channel(|credits| &columns(credits)[index]);
                    (of(|credits| &credits.shares)?, of(|credits| &credits.values)?)
                }
                weights => {
                    let mut shares = weights.clone().unwrap_or_default();
                    shares.resize(names.len(), 0.0);
                    credit::divide(&mut shares, 1.0);
                    let part = |whole: f64| {
                        let mut parts = Vec::new();
                        credit::portion(&shares, whole, &mut parts);
                        parts
                    };
                    (part(attributed), part(attributed_value))
                }
            };
            for (channel, channel_name) in names.iter().enumerate() {
                let weight = weights.as_ref().map(|weights| weights[channel]);
                let seen = Some(self.learned.survey.channels[channel]);
                table.push(name, channel_name, (conversions[channel], values[channel]), weight, attributed, seen);
            }
            debug_assert_eq!(unattributed, conversions.len(), "a channel each");
            table.push(name, NO_CHANNEL, lost, None, attributed, None);
        }
        table.frame(self.valued())
    }

    /// Conversions that no touch preceded, and their value.
    fn lost(&self) -> Result<(f64, f64), EngineError> {
        let values = self.input.conversions.rows.column(VALUE)?.f64()?;
        let (mut count, mut value) = (0_u32, 0);
        for row in &self.input.conversions.incomplete {
            count += 1;
            value += aggregate::fixed_point(values.get(*row as usize).unwrap_or(0.0))?;
        }
        for (conversion, _) in self.credited().filter(|(_, tactic)| *tactic == UNATTRIBUTED) {
            count += 1;
            value += aggregate::fixed_point(self.conversions.all()[conversion as usize].value)?;
        }
        Ok((f64::from(count), aggregate::float_of(value)))
    }

    /// Conversions that touches preceded, and their value.
    fn attributed(&self) -> Result<(f64, f64), EngineError> {
        let (mut count, mut value, mut before) = (0_u32, 0, None);
        for (conversion, _) in self.credited().filter(|(_, tactic)| *tactic != UNATTRIBUTED) {
            // Rows of a conversion lie together.
            if before.replace(conversion) != Some(conversion) {
                count += 1;
                value += aggregate::fixed_point(self.conversions.all()[conversion as usize].value)?;
            }
        }
        Ok((f64::from(count), aggregate::float_of(value)))
    }

    /// Conversion and tactic of every row of credit.
    fn credited(&self) -> impl Iterator<Item = (u32, u32)> {
        self.credits.iter().flat_map(|credits| credits.conversions.iter().copied().zip(credits.tactics.iter().copied()))
    }

    /// Sums of a column of credit by channel; they do not depend on the order of rows.
    fn by_channel(&self, column: impl Fn(&Credits) -> &Vec<f64>) -> Result<Vec<f64>, EngineError> {
        let touches = &self.input.touches;
        let mut sums = vec![0_i128; touches.channels.len()];
        for credits in &self.credits {
            for (tactic, credit) in credits.tactics.iter().zip(column(credits)) {
                if *tactic != UNATTRIBUTED {
                    sums[touches.tactics[*tactic as usize].channel as usize] += aggregate::fixed_point(*credit)?;
                }
            }
        }
        Ok(sums.into_iter().map(aggregate::float_of).collect())
    }

    /// What the models have learned, a row a figure.
    fn models(&self) -> Result<DataFrame, EngineError> {
        let names = &self.input.touches.channels;
        let mut table = Figures::default();
        for (name, model) in &self.attribution.models {
            match &model.kind {
                ModelKind::Markov { order } | ModelKind::MarkovJourney { order } => {
                    let Some(learned) = self.learned.chains.get(order) else { continue };
                    table.push(name, "conversion_probability", None, None, learned.conversion_probability);
                    for (channel, effect) in names.iter().zip(&learned.removal_effects) {
                        table.push(name, "removal_effect", Some(channel.clone()), None, *effect);
                    }
                    for transition in &learned.chain.transitions {
                        let state = learned.transitions.channels_of(transition.state);
                        let state: Vec<&str> = state.iter().map(|channel| names[*channel].as_str()).collect();
                        let state = if state.is_empty() { "(start)".to_owned() } else { state.join(THEN) };
                        let next = match transition.target {
                            Target::Channel(channel) => names[channel].clone(),
                            Target::Conversion => "(conversion)".to_owned(),
                            Target::Nothing => "(nothing)".to_owned(),
                        };
                        table.push(name, "transition", Some(state), Some(next), transition.probability);
                        table.count(transition.count);
                    }
                }
                ModelKind::ShapleyRate { .. } => {
                    let values = self.learned.rates.get(name).map(Vec::as_slice).unwrap_or_default();
                    for (channel, value) in names.iter().zip(values) {
                        table.push(name, "shapley_value", Some(channel.clone()), None, value.value);
                        table.error(value.standard_error);
                    }
                }
                _ => {}
            }
        }
        table.frame()
    }

    /// Rows of conversions in the input.
    fn rows_of<'c>(&self, numbers: impl Iterator<Item = &'c u32>, alone: &[u32]) -> Vec<u32> {
        let known = numbers.map(|number| self.conversions.all()[*number as usize].row);
        known.chain(alone.iter().copied()).collect()
    }

    /// Entity, key and time of conversions, and their value.
    fn of_conversions(&self, rows: &[u32], value: Option<&str>) -> Result<Vec<Column>, EngineError> {
        let rows = IdxCa::from_slice("row".into(), rows);
        let found = self.input.conversions.rows.take(&rows)?;
        let entity = found.column(ENTITY)?;
        // Coded by the name of the entity's key.
        let entity_name = entity_name(entity);
        let instants = found.column(TIME)?.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
        let mut columns = vec![
            entity.clone().with_name(entity_name),
            found.column(KEY)?.clone().with_name(self.attribution.conversions.key.value.as_str().into()),
            instants.with_name(CONVERTED_AT.into()),
        ];
        if let Some(value) = value {
            columns.push(found.column(VALUE)?.clone().with_name(value.into()));
        }
        Ok(columns)
    }

    /// Channel and campaign of tactics.
    fn of_tactic(&self, tactics: &[u32]) -> Result<Vec<Column>, EngineError> {
        let input = &self.input.touches;
        // What is not attributed comes after the last tactic.
        let none = input.tactics.len();
        let channels = input.tactics.iter().map(|tactic| input.channels[tactic.channel as usize].as_str());
        let channels: StringChunked = channels.chain([NO_CHANNEL]).map(Some).collect();
        let places: Vec<u32> =
            tactics.iter().map(|tactic| (*tactic).min(u32::try_from(none).unwrap_or(u32::MAX))).collect();
        let places = IdxCa::from_vec("tactic".into(), places);
        let mut columns = vec![channels.with_name("channel".into()).into_column().take(&places)?];
        if let Some(campaign) = &self.attribution.touches.campaign {
            let campaigns = input.campaigns.iter().map(Option::as_deref).chain([None]);
            let campaigns: StringChunked = campaigns.collect();
            columns.push(campaigns.with_name(campaign.value.as_str().into()).into_column().take(&places)?);
        }
        Ok(columns)
    }
}

/// The name that an entity's codes go by.
fn entity_name(entity: &Column) -> PlSmallStr {
    match entity.dtype() {
        DataType::Categorical(categories, _) => categories.name().clone(),
        _ => entity.name().clone(),
    }
}

fn numbers(name: &str, values: impl Iterator<Item = f64>) -> Column {
    Float64Chunked::from_vec(name.into(), values.collect()).into_column()
}

fn whole(name: &str, values: impl Iterator<Item = i64>) -> Column {
    Int64Chunked::from_vec(name.into(), values.collect()).into_column()
}

fn texts(name: &str, values: impl Iterator<Item = Option<String>>) -> Column {
    let values: StringChunked = values.collect();
    values.with_name(name.into()).into_column()
}

fn instants(name: &str, values: impl Iterator<Item = Option<i64>>) -> Result<Column, EngineError> {
    let values: Int64Chunked = values.collect();
    Ok(values.with_name(name.into()).into_column().cast(&DataType::Datetime(TimeUnit::Microseconds, None))?)
}
