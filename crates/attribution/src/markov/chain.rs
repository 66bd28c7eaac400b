//! The chain that counted transitions make, and what its channels are worth to it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Transitions;
use super::solve::{self, Unsolved};

/// What follows a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A channel.
    Channel(usize),
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
    start: Option<usize>,
    steps: Vec<Vec<Step>>,
    converts: Vec<f64>,
    /// All transitions, by state.
    pub transitions: Vec<Transition>,
}

impl Chain {
    /// The chain of counts by state and what follows.
    pub(super) fn new(counted: &Transitions, counts: &BTreeMap<u64, Vec<(u64, u64)>>) -> Self {
        let numbers: BTreeMap<u64, usize> = counts.keys().zip(0..).map(|(state, number)| (*state, number)).collect();
        let mut chain = Self {
            channels: usize::try_from(counted.channels).unwrap_or(usize::MAX),
            start: numbers.get(&0).copied(),
            steps: vec![Vec::new(); counts.len()],
            converts: vec![0.0; counts.len()],
            transitions: Vec::new(),
        };
        for (number, (state, nexts)) in counts.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "counts of touches are below 2^53")]
            let as_float = |count: u64| count as f64;
            let all = as_float(nexts.iter().map(|(_, count)| count).sum());
            for (next, count) in nexts {
                let probability = as_float(*count) / all;
                let target = match next.cmp(&counted.channels) {
                    Ordering::Less => {
                        let channel = usize::try_from(*next).unwrap_or(usize::MAX);
                        // Every journey ends, so there is something after every channel.
                        let to = numbers.get(&counted.after(*state, *next));
                        chain.steps[number].extend(to.map(|to| Step { to: *to, channel, probability }));
                        Target::Channel(channel)
                    }
                    Ordering::Equal => {
                        chain.converts[number] = probability;
                        Target::Conversion
                    }
                    Ordering::Greater => Target::Nothing,
                };
                chain.transitions.push(Transition { state: *state, target, count: *count, probability });
            }
        }
        chain
    }

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
    pub(super) fn solve(&self, removed: Option<usize>) -> Result<f64, Unsolved> {
        let Some(start) = self.start else { return Ok(0.0) };
        // Only what can be reached from the start takes part.
        let mut number = vec![usize::MAX; self.steps.len()];
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
        solve::first(&rows, ends)
    }
}

#[cfg(test)]
impl Chain {
    /// All equations; the start is the state without channels, the first of all.
    pub(super) fn equations(&self) -> (Vec<solve::Row>, Vec<f64>) {
        let row = |steps: &Vec<Step>| steps.iter().map(|step| (step.to, step.probability)).collect();
        (self.steps.iter().map(row).collect(), self.converts.clone())
    }

    /// How likely a conversion is, by following all journeys until next to nothing is left of them.
    pub(super) fn followed(&self, removed: Option<usize>) -> f64 {
        let mut here = vec![0.0; self.steps.len()];
        let Some(start) = self.start else { return 0.0 };
        here[start] = 1.0;
        let mut converted = 0.0;
        for _ in 0..200_000 {
            let mut next = vec![0.0; here.len()];
            for (state, share) in here.iter().enumerate() {
                converted += share * self.converts[state];
                for step in self.steps[state].iter().filter(|step| Some(step.channel) != removed) {
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
}
