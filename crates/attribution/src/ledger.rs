//! All journeys of a part: counted for the models that learn from them, and credited.

use std::ops::Range;

use crate::conversions::Conversions;
use crate::credit;
use crate::journey::{Journey, PathRule, Reader, Tactic};
use crate::markov::{End, Transitions};
use crate::model::{Model, Scratch};
use crate::shapley::Sets;
use crate::touches::Part;

/// What the journeys of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct Journeys<'a> {
    /// Tactics by number.
    pub tactics: &'a [Tactic],
    /// Channels are numbers below it.
    pub channels: usize,
    /// Which touches are steps.
    pub path: PathRule,
    /// The conversions.
    pub conversions: &'a Conversions,
    /// The stretch of time in which touches after an entity's last conversion are a journey that led to nothing; none where
    /// such journeys do not matter.
    pub open: Option<(i64, i64)>,
}

/// What is counted in journeys.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Transitions, by the orders asked for.
    pub transitions: Vec<Transitions>,
    /// Journeys by their channels.
    pub sets: Sets,
    /// Of each channel.
    pub channels: Vec<Seen>,
    /// Journeys that led to nothing.
    pub open: u64,
}

/// What is seen of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Touches in all.
    pub touches: u64,
    /// Touches inside the window of a conversion.
    pub inside: u64,
    /// Journeys to a conversion with a step of it.
    pub journeys: u64,
}

impl Journeys<'_> {
    /// Counts the journeys of a part, with the transitions of these orders.
    #[must_use]
    pub fn survey(&self, part: &Part, orders: &[usize]) -> Survey {
        let mut survey = Survey {
            transitions: orders.iter().map(|order| Transitions::new(*order, self.channels)).collect(),
            channels: vec![Seen::default(); self.channels],
            ..Survey::default()
        };
        for tactic in &part.tactics {
            survey.channels[self.tactics[*tactic as usize].channel as usize].touches += 1;
        }
        let mut met = vec![0_u64; self.channels];
        let mut number = 0;
        let mut reader = self.reader();
        for entity in part.entities() {
            let mut covered = part.of(entity).start;
            for conversion in &self.conversions.all()[self.conversions.of(entity)] {
                let touches = part.between(entity, conversion.from, conversion.at);
                for tactic in &part.tactics[touches.start.max(covered)..touches.end.max(covered)] {
                    survey.channels[self.tactics[*tactic as usize].channel as usize].inside += 1;
                }
                covered = covered.max(touches.end);
                if touches.is_empty() {
                    continue;
                }
                number += 1;
                for channel in self.count(&mut survey, &mut reader, part, touches, End::Conversion) {
                    let channel = channel as usize;
                    if std::mem::replace(&mut met[channel], number) != number {
                        survey.channels[channel].journeys += 1;
                    }
                }
            }
            if let Some((from, to)) = self.open {
                let from = self.conversions.last(entity).map_or(from, |last| from.max(last));
                let touches = part.between(entity, from, to);
                if !touches.is_empty() {
                    survey.open += 1;
                    let _ = self.count(&mut survey, &mut reader, part, touches, End::Nothing).count();
                }
            }
        }
        survey
    }

    /// Counts one journey; gives the channels of its steps.
    fn count<'s>(
        &'s self,
        survey: &mut Survey,
        reader: &'s mut Reader<'_>,
        part: &'s Part,
        touches: Range<usize>,
        end: End,
    ) -> impl Iterator<Item = u16> + 's {
        let steps = reader.steps(part, touches);
        let channels = move || steps.iter().map(|step| self.tactics[part.tactics[*step as usize] as usize].channel);
        for transitions in &mut survey.transitions {
            transitions.add(channels(), end);
        }
        if self.channels <= crate::shapley::MOST {
            survey.sets.add(channels(), end == End::Conversion);
        }
        channels()
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(self.tactics, self.channels, self.path)
    }
}

impl Survey {
    /// Adds what was counted in another part.
    pub fn merge(&mut self, other: &Self) {
        if self.channels.is_empty() {
            self.clone_from(other);
            return;
        }
        for (transitions, others) in self.transitions.iter_mut().zip(&other.transitions) {
            transitions.merge(others);
        }
        self.sets.merge(&other.sets);
        for (seen, other) in self.channels.iter_mut().zip(&other.channels) {
            seen.touches += other.touches;
            seen.inside += other.inside;
            seen.journeys += other.journeys;
        }
        self.open += other.open;
    }
}

/// The tactic of a conversion that no touch preceded.
pub const UNATTRIBUTED: u32 = u32::MAX;

/// Credit of conversions, in columns: a row for each conversion and tactic of its journey.
#[derive(Debug, Default)]
pub struct Credits {
    /// The conversion, by its place among all.
    pub conversions: Vec<u32>,
    /// The tactic, or [`UNATTRIBUTED`].
    pub tactics: Vec<u32>,
    /// Steps of the tactic.
    pub touches: Vec<u32>,
    /// Share of the conversion, by model.
    pub shares: Vec<Vec<f64>>,
    /// Part of the conversion's value, by model.
    pub values: Vec<Vec<f64>>,
    /// What is known of each journey, where it was asked for.
    pub journeys: Vec<Summary>,
    /// Credit of each touch, where it was asked for.
    pub steps: Steps,
}

/// Credit of touches, in columns.
#[derive(Debug, Default)]
pub struct Steps {
    /// The conversion, by its place among all.
    pub conversions: Vec<u32>,
    /// The row in which the touch was given.
    pub rows: Vec<u32>,
    /// Share of the conversion, by model.
    pub shares: Vec<Vec<f64>>,
}

/// What is known of a journey.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The conversion, by its place among all.
    pub conversion: u32,
    /// Touches in the window.
    pub touches: u32,
    /// Steps among them.
    pub steps: u32,
    /// When the first and the last step happened.
    pub span: Option<(i64, i64)>,
    /// The channels of the steps without repeats, the first of them.
    pub path: Vec<u16>,
    /// Whether the path goes on.
    pub cut: bool,
    /// Each channel once, in the order of its first step.
    pub channels: Vec<u16>,
}

/// Steps of a path that are kept.
const PATH: usize = 20;

/// What is wanted besides the credit of tactics.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// A summary of each journey.
    pub journeys: bool,
    /// The credit of each touch, of conversions with [`crate::conversions::Conversion::detail`].
    pub steps: bool,
}

impl Journeys<'_> {
    /// The credit of all conversions of a part by models that divide up each of them.
    #[must_use]
    pub fn credits(&self, part: &Part, models: &[Model], wanted: Wanted) -> Credits {
        let columns = || vec![Vec::new(); models.len()];
        let mut credits = Credits {
            shares: columns(),
            values: columns(),
            steps: Steps { shares: columns(), ..Steps::default() },
            ..Credits::default()
        };
        let mut reader = self.reader();
        let mut book = Book::new(self.tactics.len(), self.channels);
        for entity in part.entities() {
            for number in self.conversions.of(entity) {
                let conversion = &self.conversions.all()[number];
                let touches = part.between(entity, conversion.from, conversion.at);
                let in_window = touches.len();
                let steps = if in_window == 0 { &[] } else { reader.steps(part, touches) };
                let milestones = &conversion.milestones;
                let journey = Journey { part, tactics: self.tactics, steps, at: conversion.at, milestones };
                #[expect(clippy::cast_possible_truncation, reason = "conversions are numbered in 32 bits")]
                let number = number as u32;
                if steps.is_empty() {
                    credits.unattributed(number, conversion.value);
                } else {
                    let each_step = wanted.steps && conversion.detail;
                    book.enter(&journey, number, conversion.value, models, each_step, &mut credits);
                }
                if wanted.journeys {
                    credits.journeys.push(summary(&journey, number, in_window));
                }
            }
        }
        credits
    }
}

impl Credits {
    /// Notes a conversion that no touch preceded.
    pub fn unattributed(&mut self, conversion: u32, value: f64) {
        self.conversions.push(conversion);
        self.tactics.push(UNATTRIBUTED);
        self.touches.push(0);
        self.shares.iter_mut().for_each(|column| column.push(1.0));
        self.values.iter_mut().for_each(|column| column.push(value));
    }
}

/// Room for one journey after the other.
struct Book {
    /// Where a tactic stands in the journey.
    slot_of: Vec<u32>,
    /// The tactics of the journey in the order of their first steps, with their numbers of steps.
    slots: Vec<(u32, u32)>,
    scratch: Scratch,
    weights: Vec<f64>,
    shares: Vec<f64>,
    parts: Vec<f64>,
    of_slot: Vec<f64>,
}

impl Book {
    fn new(tactics: usize, channels: usize) -> Self {
        Self {
            slot_of: vec![u32::MAX; tactics],
            slots: Vec::new(),
            scratch: Scratch::new(channels),
            weights: Vec::new(),
            shares: Vec::new(),
            parts: Vec::new(),
            of_slot: Vec::new(),
        }
    }

    fn enter(
        &mut self,
        journey: &Journey<'_>,
        number: u32,
        value: f64,
        models: &[Model],
        each_step: bool,
        credits: &mut Credits,
    ) {
        self.slots.clear();
        for step in journey.steps {
            let tactic = journey.part.tactics[*step as usize];
            let slot = &mut self.slot_of[tactic as usize];
            if *slot == u32::MAX {
                #[expect(clippy::cast_possible_truncation, reason = "tactics are numbered in 32 bits")]
                let next = self.slots.len() as u32;
                *slot = next;
                self.slots.push((tactic, 0));
            }
            self.slots[*slot as usize].1 += 1;
        }
        let slot = |step: &u32| self.slot_of[journey.part.tactics[*step as usize] as usize] as usize;
        for (model, (shares, values)) in models.iter().zip(credits.shares.iter_mut().zip(&mut credits.values)) {
            model.weigh(journey, &mut self.scratch, &mut self.weights);
            self.shares.clear();
            self.shares.resize(self.slots.len(), 0.0);
            for (step, weight) in journey.steps.iter().zip(&self.weights) {
                self.shares[slot(step)] += weight;
            }
            credit::divide(&mut self.shares, 1.0);
            credit::portion(&self.shares, value, &mut self.parts);
            shares.extend_from_slice(&self.shares);
            values.extend_from_slice(&self.parts);
        }
        if each_step {
            self.steps(journey, number, models, credits);
        }
        for (tactic, touches) in &self.slots {
            credits.conversions.push(number);
            credits.tactics.push(*tactic);
            credits.touches.push(*touches);
            self.slot_of[*tactic as usize] = u32::MAX;
        }
    }

    /// Divides the share of each tactic further, so that its touches add up to it.
    fn steps(&mut self, journey: &Journey<'_>, number: u32, models: &[Model], credits: &mut Credits) {
        let rows = &mut credits.steps;
        rows.conversions.extend(std::iter::repeat_n(number, journey.steps.len()));
        rows.rows.extend(journey.steps.iter().map(|step| journey.part.rows[*step as usize]));
        let first = credits.shares.first().map_or(0, Vec::len) - self.slots.len();
        for ((model, of_tactics), column) in models.iter().zip(&credits.shares).zip(&mut rows.shares) {
            model.weigh(journey, &mut self.scratch, &mut self.weights);
            let begin = column.len();
            column.resize(begin + journey.steps.len(), 0.0);
            for (slot, (tactic, _)) in self.slots.iter().enumerate() {
                let mine = journey.steps.iter().enumerate();
                let mine = || {
                    mine.clone().filter(|(_, step)| journey.part.tactics[**step as usize] == *tactic).map(|(at, _)| at)
                };
                self.of_slot.clear();
                self.of_slot.extend(mine().map(|at| self.weights[at]));
                credit::divide(&mut self.of_slot, of_tactics[first + slot]);
                for (at, share) in mine().zip(&self.of_slot) {
                    column[begin + at] = *share;
                }
            }
        }
    }
}

fn summary(journey: &Journey<'_>, conversion: u32, touches: usize) -> Summary {
    #[expect(clippy::cast_possible_truncation, reason = "touches are numbered in 32 bits")]
    let count = |touches: usize| touches as u32;
    let mut path: Vec<u16> = journey.channels().collect();
    path.dedup();
    let mut channels: Vec<u16> = Vec::new();
    for channel in &path {
        if !channels.contains(channel) {
            channels.push(*channel);
        }
    }
    let cut = path.len() > PATH;
    path.truncate(PATH);
    let ends = journey.steps.first().zip(journey.steps.last());
    Summary {
        conversion,
        touches: count(touches),
        steps: count(journey.steps.len()),
        span: ends.map(|(first, last)| (journey.time(*first), journey.time(*last))),
        path,
        cut,
        channels,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums are exact")]

    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::conversions::Conversion;
    use crate::model::{Position, Positions};
    use crate::touches::Touches;

    /// Entity, time and tactic of touches; entity, time and value of conversions.
    #[derive(Debug, Clone)]
    struct World {
        touches: Vec<(u32, i64, u32)>,
        conversions: Vec<(u32, i64, f64)>,
    }

    const ENTITIES: usize = 4;

    /// Six tactics of three channels; the last one is left out.
    fn tactics() -> Vec<Tactic> {
        (0..6).map(|tactic| Tactic { channel: tactic / 2, left_out: tactic == 5 }).collect()
    }

    fn models() -> Vec<Model> {
        let held = vec![(Position::First, 0.2), (Position::Last, 0.3), (Position::Milestone(0), 0.2)];
        vec![
            Model::Linear,
            Model::TimeDecay { half_life: 10.0 },
            Model::Positions(Positions { held, middle: 0.3 }),
            Model::Shapley,
            Model::Channels(vec![0.5, 0.0, 0.25]),
        ]
    }

    fn conversions(world: &World, reset: bool) -> Conversions {
        let all = world.conversions.iter().zip(0..).map(|((entity, at, value), row)| Conversion {
            entity: *entity,
            from: at - 40,
            at: *at,
            value: *value,
            milestones: vec![(at % 2 == 0).then_some(at - 5)],
            detail: true,
            row,
        });
        Conversions::new(all.collect(), ENTITIES, reset)
    }

    /// Credits of all parts, for parts of so many touches.
    fn credits(world: &World, path: PathRule, size: usize) -> Vec<Credits> {
        let conversions = conversions(world, false);
        let tactics = tactics();
        let journeys =
            Journeys { tactics: &tactics, channels: 3, path, conversions: &conversions, open: Some((0, 1000)) };
        parts(world, size)
            .iter()
            .map(|part| journeys.credits(part, &models(), Wanted { journeys: true, steps: true }))
            .collect()
    }

    fn parts(world: &World, size: usize) -> Vec<Part> {
        let entities: Vec<u32> = world.touches.iter().map(|touch| touch.0).collect();
        let times: Vec<i64> = world.touches.iter().map(|touch| touch.1).collect();
        let tactics: Vec<u32> = world.touches.iter().map(|touch| touch.2).collect();
        let touches = Touches { entities: &entities, times: &times, tactics: &tactics, tie: &|_, _| Ordering::Equal };
        let by_entity = touches.by_entity(ENTITIES);
        let stretches = by_entity.stretches(size);
        stretches.into_iter().map(|stretch| touches.part(&by_entity, stretch)).collect()
    }

    /// What everybody gets, by conversion and tactic.
    fn told(credits: &[Credits]) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        for credits in credits {
            for row in 0..credits.conversions.len() {
                let shares: Vec<f64> = credits.shares.iter().map(|column| column[row]).collect();
                let values: Vec<f64> = credits.values.iter().map(|column| column[row]).collect();
                let (conversion, tactic) = (credits.conversions[row], credits.tactics[row]);
                told.push(format!("{conversion:03} {tactic} {} {shares:?} {values:?}", credits.touches[row]));
            }
        }
        told.sort();
        told
    }

    fn world() -> impl Strategy<Value = World> {
        let touches = prop::collection::vec((0..4_u32, 0..100_i64, 0..6_u32), 0..80);
        let conversions = prop::collection::vec((0..4_u32, 0..110_i64, 0.0..5000.0_f64), 0..12);
        (touches, conversions).prop_map(|(touches, conversions)| World { touches, conversions })
    }

    fn path() -> impl Strategy<Value = PathRule> {
        prop_oneof![
            Just(PathRule::Every),
            Just(PathRule::Collapse),
            Just(PathRule::FirstOccurrence),
            Just(PathRule::Unique)
        ]
    }

    proptest! {
        #[test]
        fn every_conversion_is_given_away_exactly_once(world in world(), path in path()) {
            let all = credits(&world, path, 20);
            let conversions = conversions(&world, false);
            for (model, _) in models().iter().enumerate() {
                let mut shares = vec![0.0; conversions.all().len()];
                let mut values = shares.clone();
                let mut steps = vec![0.0; shares.len()];
                let mut attributed = vec![false; shares.len()];
                for credits in &all {
                    for (row, conversion) in credits.conversions.iter().enumerate() {
                        shares[*conversion as usize] += credits.shares[model][row];
                        values[*conversion as usize] += credits.values[model][row];
                        attributed[*conversion as usize] |= credits.tactics[row] != UNATTRIBUTED;
                    }
                    for (row, conversion) in credits.steps.conversions.iter().enumerate() {
                        steps[*conversion as usize] += credits.steps.shares[model][row];
                    }
                }
                for (number, conversion) in conversions.all().iter().enumerate() {
                    prop_assert_eq!(shares[number], 1.0);
                    prop_assert_eq!(values[number], conversion.value);
                    prop_assert_eq!(steps[number], f64::from(u8::from(attributed[number])));
                    let (entity, from, at) = (conversion.entity, conversion.from, conversion.at);
                    let touched = world.touches.iter().any(|touch| touch.0 == entity && (from..at).contains(&touch.1));
                    prop_assert_eq!(attributed[number], touched);
                }
            }
        }

        #[test]
        fn neither_the_order_of_rows_nor_the_parts_matter(world in world(), path in path(), size in 1..50_usize) {
            let mut turned = world.clone();
            turned.touches.reverse();
            prop_assert_eq!(told(&credits(&world, path, 1000)), told(&credits(&turned, path, size)));
        }

        #[test]
        fn journeys_counted_in_parts_are_counted_whole(world in world(), path in path(), size in 1..50_usize) {
            let conversions = conversions(&world, true);
            let tactics = tactics();
            let journeys =
                Journeys { tactics: &tactics, channels: 3, path, conversions: &conversions, open: Some((0, 1000)) };
            let survey = |size: usize| {
                let mut all = Survey::default();
                for part in parts(&world, size) {
                    all.merge(&journeys.survey(&part, &[1, 2]));
                }
                all
            };
            let (whole, apart) = (survey(1000), survey(size));
            prop_assert_eq!(&whole.channels, &apart.channels);
            prop_assert_eq!(&whole.sets, &apart.sets);
            for (one, other) in whole.transitions.iter().zip(&apart.transitions) {
                prop_assert_eq!(one.chain().transitions, other.chain().transitions);
            }
            // With windows that begin after the conversion before, every touch is in one journey at most.
            let steps: u64 = whole.channels.iter().map(|seen| seen.inside).sum();
            prop_assert!(steps <= world.touches.len() as u64);
        }

        #[test]
        fn repeats_mean_nothing_to_a_model_of_channels(world in world()) {
            let shares = |path: PathRule| {
                let mut shares = vec![[0.0; 3]; world.conversions.len()];
                for credits in credits(&world, path, 1000) {
                    for (row, conversion) in credits.conversions.iter().enumerate() {
                        if credits.tactics[row] != UNATTRIBUTED {
                            shares[*conversion as usize][credits.tactics[row] as usize / 2] += credits.shares[3][row];
                        }
                    }
                }
                shares
            };
            let (every, collapsed) = (shares(PathRule::Every), shares(PathRule::Collapse));
            for (every, collapsed) in every.iter().flatten().zip(collapsed.iter().flatten()) {
                prop_assert!((every - collapsed).abs() < 1e-9);
            }
        }

        #[test]
        fn channels_of_one_role_are_worth_the_same(mut world in world()) {
            // The first and the second channel change places.
            let credit = |world: &World| {
                let mut sums = vec![[0.0; 3]; 5];
                for credits in credits(world, PathRule::Every, 1000) {
                    for (row, tactic) in credits.tactics.iter().enumerate().filter(|(_, tactic)| **tactic != UNATTRIBUTED) {
                        for (model, column) in credits.shares.iter().enumerate() {
                            sums[model][*tactic as usize / 2] += column[row];
                        }
                    }
                }
                sums
            };
            // Equal times are told apart by the tactic's number, which is no role.
            let mut times = std::collections::BTreeSet::new();
            world.touches.retain(|touch| times.insert((touch.0, touch.1)));
            let before = credit(&world);
            for touch in &mut world.touches {
                touch.2 = match touch.2 { 0 => 2, 1 => 3, 2 => 0, 3 => 1, other => other };
            }
            let after = credit(&world);
            for model in 0..4 {
                prop_assert!((before[model][0] - after[model][1]).abs() < 1e-9);
                prop_assert!((before[model][1] - after[model][0]).abs() < 1e-9);
                prop_assert!((before[model][2] - after[model][2]).abs() < 1e-9);
            }
        }
    }
}
