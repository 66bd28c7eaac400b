//! Markov chains of journeys: how likely a journey ends in a conversion, and how much less likely it would without a channel.
//!
//! States are the last channels of a journey, as many as the order says; from each one a journey goes on to a channel, or
//! ends in a conversion or in nothing. The probabilities are shares of what was counted. The removal effect of a channel is
//! the share of the conversions that are lost where every step to it ends the journey instead
//! (Anderl, Becker, von Wangenheim, Schumann: *Mapping the customer journey*, 2016).

mod chain;
mod solve;

use std::collections::BTreeMap;

pub use chain::{Chain, Target, Transition};
pub use solve::Unsolved;

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

/// Transitions counted in journeys.
#[derive(Debug, Clone)]
pub struct Transitions {
    order: u32,
    channels: u64,
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
                for nexts in states.values_mut() {
                    nexts.sort_unstable();
                }
            }
        }
        states
    }

    /// The chain that the counts make.
    #[must_use]
    pub fn chain(&self) -> Chain {
        Chain::new(self, &self.sorted())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

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
                prop_assert!((solved - chain.followed(removed)).abs() < 1e-11);
            }
        }

        #[test]
        fn both_ways_to_solve_agree(journeys in journeys(), order in 1..=3_usize) {
            let chain = counted(order, 4, &journeys).chain();
            let (rows, ends) = chain.equations();
            let exact = solve::at_once(&rows, ends.clone());
            let close = solve::step_by_step(&rows, &ends).unwrap();
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
