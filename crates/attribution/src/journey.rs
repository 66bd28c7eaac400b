//! Journeys: the touches before a conversion, as the steps that models see.

use std::ops::Range;

use crate::touches::Part;

/// Which touches of a journey are steps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathRule {
    /// Every touch.
    #[default]
    Every,
    /// Of touches of one channel in a row the first.
    Collapse,
    /// Of each channel the first touch.
    FirstOccurrence,
    /// Of each channel and campaign the first touch.
    Unique,
}

/// What a tactic is, as far as journeys are concerned.
#[derive(Debug, Clone, Copy)]
pub struct Tactic {
    /// The channel, a number below the number of channels.
    pub channel: u16,
    /// Whether its touches are no steps, unless a journey has no others.
    pub left_out: bool,
}

/// The steps of a journey.
#[derive(Debug, Clone, Copy)]
pub struct Journey<'a> {
    /// The touches.
    pub part: &'a Part,
    /// The tactics, by number.
    pub tactics: &'a [Tactic],
    /// Which touches of the part are steps, in the order of time; never none.
    pub steps: &'a [u32],
    /// When it ended, in microseconds.
    pub at: i64,
    /// When each milestone was reached, where it was.
    pub milestones: &'a [Option<i64>],
}

impl Journey<'_> {
    /// The channel of each step.
    pub fn channels(&self) -> impl Iterator<Item = u16> {
        self.steps.iter().map(|step| self.channel(*step))
    }

    /// The channel of a touch.
    #[must_use]
    pub fn channel(&self, step: u32) -> u16 {
        self.tactics[self.part.tactics[step as usize] as usize].channel
    }

    /// When a touch happened.
    #[must_use]
    pub fn time(&self, step: u32) -> i64 {
        self.part.times[step as usize]
    }
}

/// Finds the steps of one journey after the other.
#[derive(Debug)]
pub struct Reader<'a> {
    tactics: &'a [Tactic],
    rule: PathRule,
    steps: Vec<u32>,
    /// Which journey met a channel or tactic last.
    met: Vec<u32>,
    journey: u32,
}

impl<'a> Reader<'a> {
    /// A reader of journeys of these tactics, whose channels are numbers below `channels`.
    #[must_use]
    pub fn new(tactics: &'a [Tactic], channels: usize, rule: PathRule) -> Self {
        Self { tactics, rule, steps: Vec::new(), met: vec![0; channels.max(tactics.len())], journey: 0 }
    }

    /// The steps among some touches in the order of time.
    pub fn steps(&mut self, part: &Part, touches: Range<usize>) -> &[u32] {
        self.steps.clear();
        #[expect(clippy::cast_possible_truncation, reason = "rows are numbered in 32 bits")]
        self.steps.extend(touches.map(|touch| touch as u32));
        let tactic = |step: u32| self.tactics[part.tactics[step as usize] as usize];
        if self.steps.iter().any(|step| !tactic(*step).left_out) {
            self.steps.retain(|step| !tactic(*step).left_out);
        }
        self.journey += 1;
        let journey = self.journey;
        let mut first = |place: usize| std::mem::replace(&mut self.met[place], journey) != journey;
        match self.rule {
            PathRule::Every => {}
            PathRule::Collapse => self.steps.dedup_by_key(|step| tactic(*step).channel),
            PathRule::FirstOccurrence => self.steps.retain(|step| first(tactic(*step).channel as usize)),
            PathRule::Unique => self.steps.retain(|step| first(part.tactics[*step as usize] as usize)),
        }
        &self.steps
    }
}
