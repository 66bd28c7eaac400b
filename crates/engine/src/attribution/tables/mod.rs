//! The tables of an attribution.

mod rows;

use abmart_attribution::ledger::{Steps, Summary, UNATTRIBUTED};
use abmart_attribution::markov::Target;
use abmart_attribution::{Conversions, Credits, credit};
use abmart_spec::model::{Attribution, CONVERTED_AT, ModelKind};
use polars::prelude::*;

use rows::{Channels, Figures};

use super::Learned;
use super::credit::{Credit, share_of, value_of};
use super::input::{ENTITY, Input, KEY, TIME, VALUE};
use crate::error::EngineError;
use crate::input::rollup::{Piece, Shelf};
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
}

/// What is kept of the credit of a part.
pub struct Taken {
    /// Credit of tactics, where it is wanted.
    piece: Option<Piece>,
    totals: Totals,
    journeys: Vec<Summary>,
    steps: Steps,
}

/// Sums in steps of 2⁻⁴⁰, which do not depend on the order of what is added.
#[derive(Default)]
struct Totals {
    /// Model → channel → conversions and their value.
    by_channel: Vec<Vec<(i128, i128)>>,
    /// Conversions that touches preceded, and their value.
    attributed: (u64, i128),
    /// Those that none did.
    lost: (u64, i128),
}

impl Tables<'_> {
    /// Sums up the credit of a part and puts it aside.
    ///
    /// # Errors
    /// Polars' own, or when a scratch file cannot be written.
    pub fn take(&self, credits: Credits, shelf: Option<&Shelf>) -> Result<Taken, EngineError> {
        let totals = self.totals(&credits)?;
        let piece = match shelf {
            Some(shelf) => Some(shelf.keep(&self.attribution.name, self.of_tactics(&credits)?, None)?),
            None => None,
        };
        Ok(Taken { piece, totals, journeys: credits.journeys, steps: credits.steps })
    }

    /// The credit of conversions without an entity or a time, numbered after all others.
    pub fn incomplete(&self, models: usize) -> Credits {
        let mut credits =
            Credits { shares: vec![Vec::new(); models], values: vec![Vec::new(); models], ..Credits::default() };
        credits.steps.shares = vec![Vec::new(); models];
        let first = self.conversions.all().len();
        for (number, _) in self.input.conversions.incomplete.iter().enumerate() {
            let number = u32::try_from(first + number).unwrap_or(u32::MAX);
            credits.unattributed(number, self.value(number));
            credits.journeys.push(Summary { conversion: number, ..Summary::default() });
        }
        credits
    }

    fn totals(&self, credits: &Credits) -> Result<Totals, EngineError> {
        let touches = &self.input.touches;
        let mut totals = Totals::default();
        for (shares, values) in credits.shares.iter().zip(&credits.values) {
            let mut sums = vec![(0, 0); touches.channels.len()];
            for (tactic, (share, value)) in credits.tactics.iter().zip(shares.iter().zip(values)) {
                if *tactic != UNATTRIBUTED {
                    let sum = &mut sums[touches.tactics[*tactic as usize].channel as usize];
                    sum.0 += aggregate::fixed_point(*share)?;
                    sum.1 += aggregate::fixed_point(*value)?;
                }
            }
            totals.by_channel.push(sums);
        }
        let mut before = None;
        for (conversion, tactic) in credits.conversions.iter().zip(&credits.tactics) {
            // Rows of a conversion lie together.
            if before.replace(*conversion) != Some(*conversion) {
                let of = if *tactic == UNATTRIBUTED { &mut totals.lost } else { &mut totals.attributed };
                of.0 += 1;
                of.1 += aggregate::fixed_point(self.value(*conversion))?;
            }
        }
        Ok(totals)
    }

    /// What a conversion is worth, by its number.
    fn value(&self, number: u32) -> f64 {
        match self.conversions.all().get(number as usize) {
            Some(conversion) => conversion.value,
            None => self.input.conversions.value_of(self.row(number)),
        }
    }

    /// The row of a conversion in the input, by its number.
    fn row(&self, number: u32) -> u32 {
        let known = self.conversions.all();
        match known.get(number as usize) {
            Some(conversion) => conversion.row,
            None => self.input.conversions.incomplete[number as usize - known.len()],
        }
    }

    fn rows_of(&self, numbers: impl Iterator<Item = u32>) -> Vec<u32> {
        numbers.map(|number| self.row(number)).collect()
    }

    /// Models that divide up each conversion.
    fn dividing(&self) -> impl Iterator<Item = &String> {
        self.attribution.models.iter().filter(|(_, model)| model.kind.per_conversion()).map(|(name, _)| name)
    }

    fn valued(&self) -> bool {
        self.attribution.conversions.value.is_some()
    }

    /// Credit of tactics, with columns for each model.
    fn of_tactics(&self, credits: &Credits) -> Result<DataFrame, EngineError> {
        let rows = self.rows_of(credits.conversions.iter().copied());
        let mut columns = self.common(&rows, &credits.tactics)?;
        columns.push(whole("touches", credits.touches.iter().copied().map(i64::from)));
        for (index, (shares, values)) in credits.shares.iter().zip(&credits.values).enumerate() {
            columns.push(Float64Chunked::from_slice(share_of(index), shares).into_column());
            if self.valued() {
                columns.push(Float64Chunked::from_slice(value_of(index), values).into_column());
            }
        }
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    /// Keys, time and value of conversions, and tactics.
    fn common(&self, rows: &[u32], tactics: &[u32]) -> Result<Vec<Column>, EngineError> {
        let mut columns = self.of_conversions(rows, self.valued().then_some("conversion_value"))?;
        columns.extend(self.of_tactic(tactics)?);
        Ok(columns)
    }

    /// The table of credit.
    ///
    /// # Errors
    /// Polars' own.
    pub fn credit(&self, taken: &[Taken]) -> Result<Credit, EngineError> {
        let common = self.common(&[], &[])?.into_iter().map(|column| column.name().clone()).chain(["touches".into()]);
        Ok(Credit {
            pieces: taken.iter().filter_map(|taken| taken.piece.clone()).collect(),
            models: self.dividing().cloned().collect(),
            common: common.collect(),
            valued: self.valued(),
        })
    }

    /// The table of touches.
    ///
    /// # Errors
    /// Polars' own.
    pub fn of_touches(&self, taken: &[Taken]) -> Result<DataFrame, EngineError> {
        let (input, attribution) = (&self.input.touches, self.attribution);
        let steps = || taken.iter().map(|taken| &taken.steps);
        let rows = self.rows_of(steps().flat_map(|steps| steps.conversions.iter().copied()));
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

    /// The table of journeys.
    ///
    /// # Errors
    /// Polars' own.
    pub fn journeys(&self, taken: &[Taken]) -> Result<DataFrame, EngineError> {
        let all = || taken.iter().flat_map(|taken| &taken.journeys);
        let rows = self.rows_of(all().map(|journey| journey.conversion));
        let mut columns = self.of_conversions(&rows, self.valued().then_some("value"))?;
        columns.push(whole("touches", all().map(|journey| i64::from(journey.touches))));
        columns.push(whole("steps", all().map(|journey| i64::from(journey.steps))));
        let ends = |end: fn((i64, i64)) -> i64| all().map(move |journey| journey.span.map(end));
        columns.push(instants("first_at", ends(|span| span.0))?);
        columns.push(instants("last_at", ends(|span| span.1))?);
        let named = |channels: &[u16], cut: bool| {
            let mut names: Vec<&str> =
                channels.iter().map(|channel| self.input.touches.channels[*channel as usize].as_str()).collect();
            names.extend(cut.then_some("…"));
            (!names.is_empty()).then(|| names.join(THEN))
        };
        columns.push(texts("path", all().map(|journey| named(&journey.path, journey.cut))));
        columns.push(texts("channels", all().map(|journey| named(&journey.channels, false))));
        Ok(DataFrame::new(rows.len(), columns)?)
    }

    /// The table of channels: credit over all conversions.
    ///
    /// # Errors
    /// Polars' own.
    pub fn channels(&self, taken: &[Taken]) -> Result<DataFrame, EngineError> {
        let names = &self.input.touches.channels;
        let mut table = Channels::default();
        let mut dividing = 0;
        // What is not attributed is the same in every model.
        let of = |which: fn(&Totals) -> (u64, i128)| {
            let sums = taken.iter().map(|taken| which(&taken.totals));
            let (count, value) = sums.fold((0, 0), |(count, value), (more, worth)| (count + more, value + worth));
            #[expect(clippy::cast_precision_loss, reason = "conversions are below 2^53")]
            let count = count as f64;
            (count, aggregate::float_of(value))
        };
        let (lost, attributed) = (of(|totals| totals.lost), of(|totals| totals.attributed));
        for (name, model) in &self.attribution.models {
            let weights = self.learned.weights(name, &model.kind);
            let credit: Vec<(f64, f64)> = if model.kind.per_conversion() {
                let index = dividing;
                dividing += 1;
                let mut sums = vec![(0, 0); names.len()];
                for by_channel in taken.iter().filter_map(|taken| taken.totals.by_channel.get(index)) {
                    for (sum, more) in sums.iter_mut().zip(by_channel) {
                        *sum = (sum.0 + more.0, sum.1 + more.1);
                    }
                }
                sums.into_iter().map(|sum| (aggregate::float_of(sum.0), aggregate::float_of(sum.1))).collect()
            } else {
                let mut shares = weights.clone().unwrap_or_default();
                shares.resize(names.len(), 0.0);
                credit::divide(&mut shares, 1.0);
                let (mut conversions, mut values) = (Vec::new(), Vec::new());
                credit::portion(&shares, attributed.0, &mut conversions);
                credit::portion(&shares, attributed.1, &mut values);
                conversions.into_iter().zip(values).collect()
            };
            for (channel, (channel_name, credit)) in names.iter().zip(credit).enumerate() {
                let weight = weights.as_ref().map(|weights| weights[channel]);
                let seen = Some(self.learned.survey.channels[channel]);
                table.push(name, channel_name, credit, weight, attributed.0, seen);
            }
            table.push(name, NO_CHANNEL, lost, None, attributed.0, None);
        }
        table.frame(self.valued())
    }

    /// What the models have learned, a row a figure.
    ///
    /// # Errors
    /// Polars' own.
    pub fn models(&self) -> Result<DataFrame, EngineError> {
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

    /// Entity, key and time of conversions, and their value.
    fn of_conversions(&self, rows: &[u32], value: Option<&str>) -> Result<Vec<Column>, EngineError> {
        let rows = IdxCa::from_slice("row".into(), rows);
        let found = self.input.conversions.rows.take(&rows)?;
        let instants = found.column(TIME)?.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
        let mut columns = vec![
            found.column(ENTITY)?.clone().with_name(self.input.entity.as_str().into()),
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
