//! Markov chains of journeys: how likely a journey ends in a conversion, and how much less likely it would without a channel.
//!
//! States are the last channels of a journey, as many as the order says; from each one a journey goes on to a channel, or
//! ends in a conversion or in nothing. The probabilities are shares of what was counted. The removal effect of a channel is
//! the share of the conversions that are lost where every step to it ends the journey instead
//! (Anderl, Becker, von Wangenheim, Schumann: *Mapping the customer journey*, 2016).

use std::collections::BTreeMap;

/// Where a journey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In a conversion.
    Conversion,
    /// In nothing.
    Nothing,
}

/// The highest order.
pub const MAX_ORDER: usize = 4;

/// Numbers of transitions beyond which they are kept in a map.
const DENSE: usize = 1 << 21;
/// States beyond which equations are solved step by step instead of at once.
const AT_ONCE: usize = 500;
/// Relative error at which a solution step by step is taken.
const RESIDUAL: f64 = 1e-13;

/// Transitions counted in journeys.
#[derive(Debug, Clone)]
pub struct Transitions {
    order: u32,
    channels: u64,
    /// Places of the ends among what follows a state.
    counted: Counted,
}

#[derive(Debug, Clone)]
enum Counted {
    Dense(Vec<u64>),
    Sparse(hashbrown::HashMap<(u64, u64), u64>),
}

impl Transitions {
    /// Nothing counted yet, of channels with numbers below `channels`.
    ///
    /// # Panics
    /// Where the order is 0 or above [`MAX_ORDER`].
    #[must_use]
    pub fn new(order: usize, channels: usize) -> Self {
        assert!((1..=MAX_ORDER).contains(&order), "the order is from 1 to {MAX_ORDER}");
        let channels = channels as u64;
        #[expect(clippy::cast_possible_truncation, reason = "4 at most")]
        let order = order as u32;
        let size = (channels + 1).checked_pow(order).and_then(|states| states.checked_mul(channels + 2));
        let counted = match size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= DENSE) {
            Some(size) => Counted::Dense(vec![0; size]),
            None => Counted::Sparse(hashbrown::HashMap::new()),
        };
        Self { order, channels, counted }
    }

    /// Counts a journey.
    pub fn add(&mut self, channels: impl Iterator<Item = u16>, end: End) {
        let mut state = 0;
        for channel in channels {
            self.count(state, u64::from(channel), 1);
            state = self.after(state, u64::from(channel));
        }
        let end = self.channels + u64::from(end == End::Nothing);
        self.count(state, end, 1);
    }

    /// Adds what was counted elsewhere, of the same order and channels.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.counted, &other.counted) {
            (Counted::Dense(counts), Counted::Dense(others)) => {
                for (count, other) in counts.iter_mut().zip(others) {
                    *count += other;
                }
            }
            (Counted::Sparse(counts), Counted::Sparse(others)) => {
                for (transition, other) in others {
                    *counts.entry(*transition).or_default() += other;
                }
            }
            // The same order and channels are counted the same way.
            _ => {}
        }
    }

    fn count(&mut self, state: u64, next: u64, more: u64) {
        match &mut self.counted {
            #[expect(clippy::cast_possible_truncation, reason = "below the length of a vector")]
            Counted::Dense(counts) => counts[(state * (self.channels + 2) + next) as usize] += more,
            Counted::Sparse(counts) => *counts.entry((state, next)).or_default() += more,
        }
    }

    /// The state after a channel: the last channels, as digits from old to new, 0 where there is none yet.
    fn after(&self, state: u64, channel: u64) -> u64 {
        (state * (self.channels + 1) + channel + 1) % (self.channels + 1).pow(self.order)
    }

    /// The channels of a state, from old to new.
    #[must_use]
    pub fn channels_of(&self, mut state: u64) -> Vec<usize> {
        let mut channels = Vec::new();
        while state > 0 {
            let digit = state % (self.channels + 1);
            if let Some(channel) = digit.checked_sub(1) {
                #[expect(clippy::cast_possible_truncation, reason = "a channel's number")]
                channels.push(channel as usize);
            }
            state /= self.channels + 1;
        }
        channels.reverse();
        channels
    }

    /// Counts by state and what follows, in the order of both.
    fn sorted(&self) -> BTreeMap<u64, Vec<(u64, u64)>> {
        let mut states: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
        match &self.counted {
            Counted::Dense(counts) => {
                for (place, count) in (0_u64..).zip(counts).filter(|(_, count)| **count > 0) {
                    let (state, next) = (place / (self.channels + 2), place % (self.channels + 2));
                    states.entry(state).or_default().push((next, *count));
                }
            }
            Counted::Sparse(counts) => {
                for ((state, next), count) in counts {
                    states.entry(*state).or_default().push((*next, *count));
                }
                states.values_mut().for_each(|nexts| nexts.sort_unstable());
            }
        }
        states
    }

    /// The chain that the counts make.
    #[must_use]
    pub fn chain(&self) -> Chain {
        let counts = self.sorted();
        let numbers: BTreeMap<u64, usize> = counts.keys().zip(0..).map(|(state, number)| (*state, number)).collect();
        let mut chain = Chain {
            channels: usize::try_from(self.channels).unwrap_or(usize::MAX),
            states: counts.keys().copied().collect(),
            start: numbers.get(&0).copied(),
            steps: Vec::new(),
            converts: Vec::new(),
            transitions: Vec::new(),
        };
        for (state, nexts) in &counts {
            #[expect(clippy::cast_precision_loss, reason = "counts of touches are below 2^53")]
            let as_float = |count: u64| count as f64;
            let all = as_float(nexts.iter().map(|(_, count)| count).sum());
            let (mut steps, mut converts) = (Vec::new(), 0.0);
            for (next, count) in nexts {
                let probability = as_float(*count) / all;
                let (to, target) = if *next < self.channels {
                    #[expect(clippy::cast_possible_truncation, reason = "a channel's number")]
                    let channel = *next as usize;
                    let to = self.after(*state, *next);
                    // Every journey ends, so there is something after every channel.
                    if let Some(number) = numbers.get(&to) {
                        steps.push(Step { to: *number, channel, probability });
                    }
                    (channel, Target::Channel)
                } else if *next == self.channels {
                    converts = probability;
                    (0, Target::Conversion)
                } else {
                    (0, Target::Nothing)
                };
                chain.transitions.push(Transition { state: *state, channel: to, target, count: *count, probability });
            }
            chain.steps.push(steps);
            chain.converts.push(converts);
        }
        chain
    }
}

/// What follows a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A channel.
    Channel,
    /// The conversion.
    Conversion,
    /// The end without one.
    Nothing,
}

/// A transition with its count and probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// The state; see [`Transitions::channels_of`].
    pub state: u64,
    /// What follows.
    pub target: Target,
    /// Which channel follows, where one does.
    pub channel: usize,
    /// How often.
    pub count: u64,
    /// In the share of all that follows the state.
    pub probability: f64,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    to: usize,
    channel: usize,
    probability: f64,
}

/// A chain with two ends.
#[derive(Debug, Clone)]
pub struct Chain {
    channels: usize,
    states: Vec<u64>,
    start: Option<usize>,
    steps: Vec<Vec<Step>>,
    converts: Vec<f64>,
    /// All transitions, by state.
    pub transitions: Vec<Transition>,
}

/// Equations that could not be solved to the accuracy wanted.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[error("the equations of the Markov chain with {states} states could not be solved: an error of {residual:e} is left")]
pub struct Unsolved {
    states: usize,
    residual: f64,
}

impl Chain {
    /// How likely a journey ends in a conversion.
    ///
    /// # Errors
    /// [`Unsolved`].
    pub fn conversion_probability(&self) -> Result<f64, Unsolved> {
        self.solve(None)
    }

    /// The removal effect of every channel: from 0 for one that no conversion needs to 1 for one that all need.
    ///
    /// # Errors
    /// [`Unsolved`].
    pub fn removal_effects(&self) -> Result<Vec<f64>, Unsolved> {
        let whole = self.conversion_probability()?;
        let mut met = vec![false; self.channels];
        for step in self.steps.iter().flatten() {
            met[step.channel] = true;
        }
        let effect = |channel: usize| {
            if whole > 0.0 && met[channel] {
                Ok((1.0 - self.solve(Some(channel))? / whole).clamp(0.0, 1.0))
            } else {
                Ok(0.0)
            }
        };
        (0..self.channels).map(effect).collect()
    }

    /// How likely a conversion is where steps to a channel end the journey.
    fn solve(&self, removed: Option<usize>) -> Result<f64, Unsolved> {
        let Some(start) = self.start else { return Ok(0.0) };
        // Only what can be reached from the start takes part.
        let mut number = vec![usize::MAX; self.states.len()];
        let mut reached = vec![start];
        number[start] = 0;
        let mut next = 0;
        while let Some(state) = reached.get(next).copied() {
            next += 1;
            for step in self.steps[state].iter().filter(|step| Some(step.channel) != removed) {
                if number[step.to] == usize::MAX {
                    number[step.to] = reached.len();
                    reached.push(step.to);
                }
            }
        }
        let rows: Vec<Vec<(usize, f64)>> = reached
            .iter()
            .map(|state| {
                let kept = self.steps[*state].iter().filter(|step| Some(step.channel) != removed);
                kept.map(|step| (number[step.to], step.probability)).collect()
            })
            .collect();
        let ends: Vec<f64> = reached.iter().map(|state| self.converts[*state]).collect();
        if rows.len() <= AT_ONCE { Ok(at_once(&rows, ends)) } else { step_by_step(&rows, &ends) }
    }
}

/// The first unknown of `x = Qx + b`, by elimination of one state after the other from the last on.
///
/// What a state does in the end is put in the place of every step to it. Nothing is ever subtracted but what stays within
/// a state, so that no digits are lost.
fn at_once(rows: &[Vec<(usize, f64)>], mut ends: Vec<f64>) -> f64 {
    let size = rows.len();
    let mut steps = vec![0.0; size * size];
    // How likely a state is left for nothing, which the others do not need but its own rest does.
    let mut lost = vec![0.0; size];
    for (state, row) in rows.iter().enumerate() {
        let mut kept = ends[state];
        for (to, probability) in row {
            steps[state * size + to] += probability;
            kept += probability;
        }
        lost[state] = (1.0 - kept).max(0.0);
    }
    for state in (1..size).rev() {
        let leaves: f64 = steps[state * size..state * size + state].iter().sum::<f64>() + ends[state] + lost[state];
        if leaves <= 0.0 {
            continue;
        }
        let (above, own) = steps.split_at_mut(state * size);
        let own = &own[..state];
        for from in 0..state {
            let into = above[from * size + state];
            if into == 0.0 {
                continue;
            }
            let factor = into / leaves;
            for (to, probability) in own.iter().enumerate() {
                above[from * size + to] += factor * probability;
            }
            ends[from] += factor * ends[state];
            lost[from] += factor * lost[state];
        }
    }
    let leaves = ends[0] + lost[0];
    if leaves > 0.0 { ends[0] / leaves } else { 0.0 }
}

/// As [`at_once`], by the stabilised method of biconjugate gradients (van der Vorst, 1992), for many states with few steps.
fn step_by_step(rows: &[Vec<(usize, f64)>], ends: &[f64]) -> Result<f64, Unsolved> {
    let size = rows.len();
    let stays: Vec<f64> = rows
        .iter()
        .enumerate()
        .map(|(state, row)| row.iter().filter(|(to, _)| *to == state).map(|(_, probability)| probability).sum())
        .collect();
    // Every equation divided by what leaves its state.
    let leaves: Vec<f64> = stays.iter().map(|stays| (1.0 - stays).max(f64::MIN_POSITIVE)).collect();
    let right: Vec<f64> = ends.iter().zip(&leaves).map(|(end, leaves)| end / leaves).collect();
    let apply = |x: &[f64]| -> Vec<f64> {
        let state = |(state, row): (usize, &Vec<(usize, f64)>)| {
            let others = row.iter().filter(|(to, _)| *to != state);
            x[state] - others.map(|(to, probability)| probability * x[*to]).sum::<f64>() / leaves[state]
        };
        rows.iter().enumerate().map(state).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let greatest = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let scale = greatest(&right).max(f64::MIN_POSITIVE);
    let mut x = vec![0.0; size];
    let mut residual = f64::INFINITY;
    // Each round begins with what is truly left, which the rounds before have lost sight of.
    for _ in 0..50 {
        let mut rest: Vec<f64> = right.iter().zip(apply(&x)).map(|(right, left)| right - left).collect();
        residual = greatest(&rest) / scale;
        if residual <= RESIDUAL {
            return Ok(x[0].clamp(0.0, 1.0));
        }
        let shadow = rest.clone();
        let (mut rho, mut alpha, mut omega) = (1.0, 1.0, 1.0);
        let (mut v, mut p) = (vec![0.0; size], vec![0.0; size]);
        for _ in 0..500 {
            let next = dot(&shadow, &rest);
            if next.abs() < f64::MIN_POSITIVE || omega == 0.0 {
                break;
            }
            let beta = (next / rho) * (alpha / omega);
            rho = next;
            for index in 0..size {
                p[index] = rest[index] + beta * (p[index] - omega * v[index]);
            }
            v = apply(&p);
            let along = dot(&shadow, &v);
            if along.abs() < f64::MIN_POSITIVE {
                break;
            }
            alpha = rho / along;
            let half: Vec<f64> = rest.iter().zip(&v).map(|(rest, v)| rest - alpha * v).collect();
            let turned = apply(&half);
            let length = dot(&turned, &turned);
            omega = if length > 0.0 { dot(&turned, &half) / length } else { 0.0 };
            for index in 0..size {
                x[index] += alpha * p[index] + omega * half[index];
                rest[index] = half[index] - omega * turned[index];
            }
            if greatest(&rest) / scale <= RESIDUAL / 4.0 {
                break;
            }
        }
    }
    Err(Unsolved { states: size, residual })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(order: usize, channels: usize, journeys: &[(Vec<u16>, End)]) -> Transitions {
        let mut transitions = Transitions::new(order, channels);
        for (channels, end) in journeys {
            transitions.add(channels.iter().copied(), *end);
        }
        transitions
    }

    const YES: End = End::Conversion;
    const NO: End = End::Nothing;

    /// Two journeys convert, web then email and web alone; one ends after web, one after email.
    ///
    /// start → web 3/4, email 1/4; web → email 1/3, conversion 1/3, nothing 1/3; email → conversion 1/2, nothing 1/2.
    /// P = 3/4 × (1/3 × 1/2 + 1/3) + 1/4 × 1/2 = 3/8 + 1/8 = 1/2. Without email: 3/4 × 1/3 = 1/4, half is lost.
    /// Without web: 1/4 × 1/2 = 1/8, three quarters are lost.
    #[test]
    fn removal_effects_solved_by_hand() {
        let journeys = [(vec![0, 1], YES), (vec![0], YES), (vec![0], NO), (vec![1], NO)];
        let chain = counted(1, 2, &journeys).chain();
        assert!((chain.conversion_probability().unwrap() - 0.5).abs() < 1e-15);
        let effects = chain.removal_effects().unwrap();
        assert!((effects[0] - 0.75).abs() < 1e-15 && (effects[1] - 0.5).abs() < 1e-15, "{effects:?}");
    }

    #[test]
    fn a_second_order_tells_apart_what_came_before() {
        // After web and web again a journey always converts, after email and web never.
        let journeys = [(vec![0, 0], YES), (vec![1, 0], NO)];
        let first = counted(1, 2, &journeys).chain();
        let second = counted(2, 2, &journeys).chain();
        assert!((second.conversion_probability().unwrap() - 0.5).abs() < 1e-15);
        assert!((second.removal_effects().unwrap()[1] - 0.0).abs() < 1e-15);
        // The first order takes the journeys for one: web leads to a conversion in one of two ends.
        assert!((first.conversion_probability().unwrap() - 0.5).abs() < 1e-15);
        assert!((first.removal_effects().unwrap()[1] - 0.5).abs() < 1e-15);
    }

    #[test]
    fn a_channel_that_nobody_met_is_missed_by_nobody() {
        let chain = counted(1, 3, &[(vec![0, 1], YES), (vec![], NO)]).chain();
        assert_eq!(chain.removal_effects().unwrap()[2].to_bits(), 0.0_f64.to_bits());
    }

    /// How likely a conversion is, by following all journeys until next to nothing is left of them.
    fn followed(chain: &Chain, removed: Option<usize>) -> f64 {
        let mut here = vec![0.0; chain.states.len()];
        let Some(start) = chain.start else { return 0.0 };
        here[start] = 1.0;
        let mut converted = 0.0;
        for _ in 0..200_000 {
            let mut next = vec![0.0; here.len()];
            for (state, share) in here.iter().enumerate() {
                converted += share * chain.converts[state];
                for step in chain.steps[state].iter().filter(|step| Some(step.channel) != removed) {
                    next[step.to] += share * step.probability;
                }
            }
            here = next;
            if here.iter().sum::<f64>() < 1e-16 {
                break;
            }
        }
        converted
    }

    fn journeys() -> impl Strategy<Value = Vec<(Vec<u16>, End)>> {
        let end = prop_oneof![Just(YES), Just(NO)];
        prop::collection::vec((prop::collection::vec(0..4_u16, 0..7), end), 1..30)
    }

    proptest! {
        #[test]
        fn the_equations_say_what_following_every_journey_says(journeys in journeys(), order in 1..=4_usize) {
            let chain = counted(order, 4, &journeys).chain();
            for removed in [None, Some(0), Some(3)] {
                let solved = chain.solve(removed).unwrap();
                prop_assert!((solved - followed(&chain, removed)).abs() < 1e-11);
            }
        }

        #[test]
        fn both_ways_to_solve_agree(journeys in journeys(), order in 1..=3_usize) {
            let chain = counted(order, 4, &journeys).chain();
            let rows: Vec<Vec<(usize, f64)>> = chain
                .steps
                .iter()
                .map(|steps| steps.iter().map(|step| (step.to, step.probability)).collect())
                .collect();
            // The start is the state without channels, the first of all.
            prop_assert_eq!(chain.start, Some(0));
            let exact = at_once(&rows, chain.converts.clone());
            let close = step_by_step(&rows, &chain.converts).unwrap();
            prop_assert!((exact - close).abs() < 1e-11, "{} and {}", exact, close);
        }

        #[test]
        fn what_is_counted_apart_is_counted_together(journeys in journeys(), cut in 0..30_usize, order in 1..=4_usize) {
            let (left, right) = journeys.split_at(cut.min(journeys.len()));
            let mut apart = counted(order, 4, left);
            apart.merge(&counted(order, 4, right));
            prop_assert_eq!(apart.chain().transitions, counted(order, 4, &journeys).chain().transitions);
        }

        #[test]
        fn repeats_change_no_first_order(journeys in journeys()) {
            let collapsed: Vec<_> = journeys
                .iter()
                .map(|(channels, end)| {
                    let mut channels = channels.clone();
                    channels.dedup();
                    (channels, *end)
                })
                .collect();
            let (whole, short) = (counted(1, 4, &journeys).chain(), counted(1, 4, &collapsed).chain());
            for (one, other) in whole.removal_effects().unwrap().iter().zip(short.removal_effects().unwrap()) {
                prop_assert!((one - other).abs() < 1e-12);
            }
        }
    }
}
