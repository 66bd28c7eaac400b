//! The conversion-rate game: what a set of channels wins is the share of conversions among journeys that use no others.
//!
//! The Shapley value of a channel is what it adds to the set of those before it, on the average over all orders. The game
//! of conversions instead of rates has a closed form, for which see [`crate::Model::Shapley`].

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Channels up to which all sets are looked at.
pub const EXACT: usize = 15;
/// Channels up to which a set of them can be told apart.
pub const MOST: usize = 128;

/// Journeys by the set of channels that they use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sets {
    counts: BTreeMap<u128, Journeys>,
}

/// Journeys, and how many of them converted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Journeys {
    all: u64,
    converted: u64,
}

/// The value of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// What it adds to the rate of conversions.
    pub value: f64,
    /// Standard error of that, where it was estimated from some orders instead of all.
    pub standard_error: Option<f64>,
}

impl Sets {
    /// Counts a journey, whose channels are numbers below [`MOST`].
    pub fn add(&mut self, channels: impl Iterator<Item = u16>, converted: bool) {
        let set = channels.fold(0_u128, |set, channel| set | 1 << channel);
        if set != 0 {
            let journeys = self.counts.entry(set).or_default();
            journeys.all += 1;
            journeys.converted += u64::from(converted);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (set, more) in &other.counts {
            let journeys = self.counts.entry(*set).or_default();
            journeys.all += more.all;
            journeys.converted += more.converted;
        }
    }

    /// The value of every channel below `channels`; one that no journey uses is worth 0.
    ///
    /// Above [`EXACT`] channels in use, so many orders are drawn with a seed.
    #[must_use]
    pub fn values(&self, channels: usize, orders: u32, seed: u64) -> Vec<Value> {
        let used = self.counts.keys().fold(0, |all, set| all | set);
        let players: Vec<u32> = (0..128).filter(|channel| used & (1 << channel) != 0).collect();
        let found = if players.len() <= EXACT { self.exact(&players) } else { self.drawn(&players, orders, seed) };
        let mut values = vec![Value { value: 0.0, standard_error: None }; channels];
        for (channel, value) in players.iter().zip(found) {
            values[*channel as usize] = value;
        }
        values
    }

    fn exact(&self, players: &[u32]) -> Vec<Value> {
        let size = players.len();
        let mut within = vec![Journeys::default(); 1 << size];
        for (set, journeys) in &self.counts {
            let place = players.iter().enumerate().filter(|(_, channel)| set & (1 << **channel) != 0);
            let place: usize = place.map(|(bit, _)| 1 << bit).sum();
            within[place].all += journeys.all;
            within[place].converted += journeys.converted;
        }
        // From journeys of exactly a set to journeys within it, player by player.
        for bit in 0..size {
            for set in 0..1_usize << size {
                if set & (1 << bit) != 0 {
                    let Journeys { all, converted } = within[set ^ (1 << bit)];
                    within[set].all += all;
                    within[set].converted += converted;
                }
            }
        }
        let rates: Vec<f64> = within.iter().map(|journeys| journeys.rate()).collect();
        // How often a set of some size stands before a player: of all orders, 1 / (size × (size − 1 over those before)).
        let mut weights = Vec::new();
        let mut combinations = 1.0;
        for before in 0..size {
            #[expect(clippy::cast_precision_loss, reason = "15 at most")]
            let (all, rest) = (size as f64, (size - before) as f64);
            weights.push(1.0 / (all * combinations));
            #[expect(clippy::cast_precision_loss, reason = "15 at most")]
            let next = (before + 1) as f64;
            combinations *= (rest - 1.0) / next;
        }
        let value = |bit: usize| {
            let without = (0..1_usize << size).filter(|set| set & (1 << bit) == 0);
            let adds = without.map(|set| weights[set.count_ones() as usize] * (rates[set | (1 << bit)] - rates[set]));
            Value { value: adds.sum(), standard_error: None }
        };
        (0..size).map(value).collect()
    }

    fn drawn(&self, players: &[u32], orders: u32, seed: u64) -> Vec<Value> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..players.len()).collect();
        let (mut sums, mut squares) = (vec![0.0; players.len()], vec![0.0; players.len()]);
        for _ in 0..orders {
            for last in (1..order.len()).rev() {
                #[expect(clippy::cast_possible_truncation, reason = "below the number of players")]
                let other = (random.next_u64() % (last as u64 + 1)) as usize;
                order.swap(last, other);
            }
            let (mut set, mut before) = (0_u128, 0.0);
            for player in &order {
                set |= 1 << players[*player];
                let now = self.rate_within(set);
                sums[*player] += now - before;
                squares[*player] += (now - before) * (now - before);
                before = now;
            }
        }
        let orders = f64::from(orders);
        let value = |(sum, square): (&f64, &f64)| {
            let mean = sum / orders;
            let variance = (square / orders - mean * mean).max(0.0) / (orders - 1.0).max(1.0);
            Value { value: mean, standard_error: Some(variance.sqrt()) }
        };
        sums.iter().zip(&squares).map(value).collect()
    }

    fn rate_within(&self, set: u128) -> f64 {
        let mut within = Journeys::default();
        for (journeys_set, journeys) in &self.counts {
            if journeys_set & !set == 0 {
                within.all += journeys.all;
                within.converted += journeys.converted;
            }
        }
        within.rate()
    }
}

impl Journeys {
    fn rate(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "journeys are below 2^53")]
        let (all, converted) = (self.all as f64, self.converted as f64);
        if self.all == 0 { 0.0 } else { converted / all }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn counted(journeys: &[(Vec<u16>, bool)]) -> Sets {
        let mut sets = Sets::default();
        for (channels, converted) in journeys {
            sets.add(channels.iter().copied(), *converted);
        }
        sets
    }

    /// Web alone converts in 1 of 2, email alone in 0 of 1, both together in 1 of 1.
    ///
    /// v(web) = 1/2, v(email) = 0, v(both) = 2/4. Web adds 1/2 to nothing and 1/2 to email: 1/2.
    /// Email adds 0 to nothing and 0 to web: 0.
    #[test]
    fn values_by_hand() {
        let sets = counted(&[(vec![0], true), (vec![0], false), (vec![1], false), (vec![0, 1], true)]);
        let values: Vec<f64> = sets.values(3, 1, 0).iter().map(|value| value.value).collect();
        assert!((values[0] - 0.5).abs() < 1e-15 && values[1].abs() < 1e-15 && values[2] == 0.0, "{values:?}");
    }

    /// The definition: what a channel adds to what a set wins, in every order.
    fn by_definition(wins: &dyn Fn(u128) -> f64, players: &[u16]) -> Vec<f64> {
        fn orders(players: &[u16]) -> Vec<Vec<u16>> {
            if players.is_empty() {
                return vec![Vec::new()];
            }
            let mut all = Vec::new();
            for (index, first) in players.iter().enumerate() {
                let mut rest = players.to_vec();
                rest.remove(index);
                for mut order in orders(&rest) {
                    order.insert(0, *first);
                    all.push(order);
                }
            }
            all
        }
        let mut sums = vec![0.0; players.len()];
        let orders = orders(players);
        for order in &orders {
            let mut set = 0_u128;
            for player in order {
                let before = wins(set);
                set |= 1 << player;
                sums[*player as usize] += wins(set) - before;
            }
        }
        sums.iter().map(|sum| sum / orders.len() as f64).collect()
    }

    fn journeys() -> impl Strategy<Value = Vec<(Vec<u16>, bool)>> {
        prop::collection::vec((prop::collection::vec(0..5_u16, 1..6), any::<bool>()), 1..40)
    }

    proptest! {
        #[test]
        fn values_are_those_of_the_definition(journeys in journeys()) {
            let sets = counted(&journeys);
            let expected = by_definition(&|set| sets.rate_within(set), &[0, 1, 2, 3, 4]);
            let values = sets.values(5, 1, 0);
            let whole: f64 = values.iter().map(|value| value.value).sum();
            prop_assert!((whole - sets.rate_within(0b11111)).abs() < 1e-12);
            for (value, expected) in values.iter().zip(expected) {
                prop_assert!((value.value - expected).abs() < 1e-12);
            }
        }

        #[test]
        fn equal_shares_inside_journeys_are_the_values_of_the_game_of_conversions(journeys in journeys()) {
            let sets = counted(&journeys);
            let wins = |set: u128| {
                let within = sets.counts.iter().filter(|(journeys, _)| **journeys & !set == 0);
                within.map(|(_, journeys)| journeys.converted).sum::<u64>() as f64
            };
            let expected = by_definition(&wins, &[0, 1, 2, 3, 4]);
            let mut closed = [0.0; 5];
            for (channels, _) in journeys.iter().filter(|(_, converted)| *converted) {
                for (channel, share) in channels.iter().zip(crate::model::shares_of_channels(channels)) {
                    closed[*channel as usize] += share;
                }
            }
            for (closed, expected) in closed.iter().zip(expected) {
                prop_assert!((closed - expected).abs() < 1e-9, "{} is not {}", closed, expected);
            }
        }

        #[test]
        fn drawn_orders_come_near(journeys in journeys(), seed in any::<u64>()) {
            let sets = counted(&journeys);
            let exact = sets.exact(&[0, 1, 2, 3, 4]);
            let drawn = sets.drawn(&[0, 1, 2, 3, 4], 4000, seed);
            for (exact, drawn) in exact.iter().zip(&drawn) {
                let error = drawn.standard_error.unwrap();
                prop_assert!((exact.value - drawn.value).abs() <= 6.0 * error + 1e-9);
            }
            // The same seed draws the same.
            prop_assert_eq!(&drawn, &sets.drawn(&[0, 1, 2, 3, 4], 4000, seed));
        }
    }
}
