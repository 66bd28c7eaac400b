//! Models that divide up one conversion: what each step of a journey weighs.

use crate::journey::Journey;

/// How a conversion is divided up among the steps of its journey.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Every step the same.
    Linear,
    /// A step weighs half of one that is so many microseconds later.
    TimeDecay {
        /// Half-life in microseconds.
        half_life: f64,
    },
    /// Shares of positions.
    Positions(Positions),
    /// Every channel of the journey the same: the Shapley value of the game in which channels win a conversion when all
    /// channels of its journey are among them.
    Shapley,
    /// Every channel of the journey in proportion to a weight that it has everywhere, such as its removal effect.
    Channels(Vec<f64>),
}

/// A place in a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The first step.
    First,
    /// The last step.
    Last,
    /// The last step at or before a milestone was reached: its place in the list of milestones.
    Milestone(usize),
}

/// Shares of positions, and of all steps that hold none of them together.
///
/// A step that holds several positions has the sum of their shares. The share of a position that no step holds, and of a
/// middle without steps, goes to the others in proportion.
#[derive(Debug, Clone, PartialEq)]
pub struct Positions {
    /// Position and share.
    pub held: Vec<(Position, f64)>,
    /// Share of the steps between.
    pub middle: f64,
}

impl Model {
    /// What each step weighs, in no particular unit; `weights` holds one for each step afterwards.
    pub fn weigh(&self, journey: &Journey<'_>, scratch: &mut Scratch, weights: &mut Vec<f64>) {
        weights.clear();
        match self {
            Self::Linear => weights.resize(journey.steps.len(), 1.0),
            Self::TimeDecay { half_life } => {
                // From the last step on, so that old journeys do not weigh nothing at all.
                let last = journey.steps.last().map_or(journey.at, |step| journey.time(*step));
                #[expect(clippy::cast_precision_loss, reason = "spans of centuries are below 2^53 microseconds")]
                let ages = journey.steps.iter().map(|step| (last - journey.time(*step)) as f64);
                weights.extend(ages.map(|age| (-age / half_life).exp2()));
            }
            Self::Positions(positions) => positions.weigh(journey, &mut scratch.held, weights),
            Self::Shapley => scratch.by_channel(journey, &|_| 1.0, weights),
            Self::Channels(of_channel) => {
                scratch.by_channel(journey, &|channel| of_channel[channel as usize], weights);
            }
        }
    }
}

impl Positions {
    fn weigh(&self, journey: &Journey<'_>, held: &mut Vec<usize>, weights: &mut Vec<f64>) {
        weights.resize(journey.steps.len(), 0.0);
        held.clear();
        for (position, share) in &self.held {
            let Some(step) = position.step(journey) else { continue };
            weights[step] += share;
            if !held.contains(&step) {
                held.push(step);
            }
        }
        let between = journey.steps.len() - held.len();
        if self.middle > 0.0 && between > 0 {
            #[expect(clippy::cast_precision_loss, reason = "steps are numbered in 32 bits")]
            let each = self.middle / between as f64;
            for (step, weight) in weights.iter_mut().enumerate() {
                if !held.contains(&step) {
                    *weight = each;
                }
            }
        }
    }
}

impl Position {
    fn step(self, journey: &Journey<'_>) -> Option<usize> {
        match self {
            Self::First => Some(0),
            Self::Last => Some(journey.steps.len() - 1),
            Self::Milestone(index) => {
                let at = journey.milestones.get(index).copied().flatten()?;
                journey.steps.partition_point(|step| journey.time(*step) <= at).checked_sub(1)
            }
        }
    }
}

/// Room for what is counted in a journey, used for one after the other.
#[derive(Debug)]
pub struct Scratch {
    /// Steps of each channel.
    steps: Vec<u32>,
    channels: Vec<u16>,
    /// Steps that hold a position.
    held: Vec<usize>,
}

impl Scratch {
    /// For journeys of channels with numbers below `channels`.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self { steps: vec![0; channels], channels: Vec::new(), held: Vec::new() }
    }

    /// Weights of channels, each divided up evenly among its steps.
    fn by_channel(&mut self, journey: &Journey<'_>, weight: &dyn Fn(u16) -> f64, weights: &mut Vec<f64>) {
        self.channels.clear();
        for channel in journey.channels() {
            let steps = &mut self.steps[channel as usize];
            if *steps == 0 {
                self.channels.push(channel);
            }
            *steps += 1;
        }
        weights.extend(journey.channels().map(|channel| weight(channel) / f64::from(self.steps[channel as usize])));
        for channel in &self.channels {
            self.steps[*channel as usize] = 0;
        }
    }
}

/// The shares that [`Model::Shapley`] gives to steps of these channels.
#[cfg(test)]
pub(crate) fn shares_of_channels(channels: &[u16]) -> Vec<f64> {
    use crate::journey::Tactic;
    let part = crate::touches::Part::of_one((0..).zip(channels.iter().copied().map(u32::from)));
    let tactics: Vec<Tactic> = (0..8).map(|channel| Tactic { channel, left_out: false }).collect();
    let steps: Vec<u32> = (0..).take(channels.len()).collect();
    let journey = Journey { part: &part, tactics: &tactics, steps: &steps, at: i64::MAX, milestones: &[] };
    let mut weights = Vec::new();
    Model::Shapley.weigh(&journey, &mut Scratch::new(8), &mut weights);
    crate::credit::divide(&mut weights, 1.0);
    weights
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::journey::Tactic;
    use crate::touches::Part;

    const DAY: i64 = 86_400_000_000;

    /// Weights, as shares of 1, of touches on these days with these channels, before a conversion on day 100.
    fn shares(model: &Model, touches: &[(i64, u16)], milestones: &[Option<i64>]) -> Vec<f64> {
        let part = Part::of_one(touches.iter().map(|(day, channel)| (day * DAY, u32::from(*channel))));
        let tactics: Vec<Tactic> = (0..4).map(|channel| Tactic { channel, left_out: false }).collect();
        let steps: Vec<u32> = (0..).take(touches.len()).collect();
        let milestones: Vec<Option<i64>> = milestones.iter().map(|day| day.map(|day| day * DAY)).collect();
        let journey = Journey { part: &part, tactics: &tactics, steps: &steps, at: 100 * DAY, milestones: &milestones };
        let mut weights = Vec::new();
        model.weigh(&journey, &mut Scratch::new(4), &mut weights);
        crate::credit::divide(&mut weights, 1.0);
        weights
    }

    fn positions(first: f64, milestones: &[f64], middle: f64, last: f64) -> Model {
        let milestones = milestones.iter().enumerate().map(|(index, share)| (Position::Milestone(index), *share));
        let held = [(Position::First, first), (Position::Last, last)].into_iter().chain(milestones);
        Model::Positions(Positions { held: held.filter(|(_, share)| *share > 0.0).collect(), middle })
    }

    #[track_caller]
    fn assert_shares(model: &Model, touches: &[(i64, u16)], milestones: &[Option<i64>], expected: &[f64]) {
        let shares = shares(model, touches, milestones);
        let close = shares.len() == expected.len()
            && shares.iter().zip(expected).all(|(share, expected)| (share - expected).abs() < 1e-9);
        assert!(close, "{shares:?} instead of {expected:?}");
    }

    const ONE: &[(i64, u16)] = &[(10, 0)];
    const TWO: &[(i64, u16)] = &[(10, 0), (20, 1)];
    const THREE: &[(i64, u16)] = &[(10, 0), (20, 1), (30, 2)];
    const FIVE: &[(i64, u16)] = &[(10, 0), (20, 1), (30, 2), (40, 1), (50, 3)];

    #[rstest]
    #[case::first_touch(1.0, 0.0, 0.0, &[1.0, 0.0], &[1.0, 0.0, 0.0], &[1.0, 0.0, 0.0, 0.0, 0.0])]
    #[case::last_touch(0.0, 0.0, 1.0, &[0.0, 1.0], &[0.0, 0.0, 1.0], &[0.0, 0.0, 0.0, 0.0, 1.0])]
    #[case::u_shaped(0.5, 0.0, 0.5, &[0.5, 0.5], &[0.5, 0.0, 0.5], &[0.5, 0.0, 0.0, 0.0, 0.5])]
    #[case::position_40_20_40(0.4, 0.2, 0.4, &[0.5, 0.5], &[0.4, 0.2, 0.4], &[0.4, 0.2 / 3.0, 0.2 / 3.0, 0.2 / 3.0, 0.4])]
    #[case::position_20_50_30(0.2, 0.5, 0.3, &[0.4, 0.6], &[0.2, 0.5, 0.3], &[0.2, 0.5 / 3.0, 0.5 / 3.0, 0.5 / 3.0, 0.3])]
    fn positions_of_one_two_three_and_five(
        #[case] first: f64,
        #[case] middle: f64,
        #[case] last: f64,
        #[case] two: &[f64],
        #[case] three: &[f64],
        #[case] five: &[f64],
    ) {
        let model = positions(first, &[], middle, last);
        assert_shares(&model, ONE, &[], &[1.0]);
        assert_shares(&model, TWO, &[], two);
        assert_shares(&model, THREE, &[], three);
        assert_shares(&model, FIVE, &[], five);
    }

    #[rstest]
    #[case::all_the_same(Model::Linear, THREE, &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0])]
    // 20, 10 and 0 days before the last: 1/4, 1/2 and 1 of it.
    #[case::half_in_ten_days(Model::TimeDecay { half_life: 10.0 * 86_400e6 }, THREE, &[1.0 / 7.0, 2.0 / 7.0, 4.0 / 7.0])]
    // Four channels of a quarter each; the second one has two steps.
    #[case::channels_alike(Model::Shapley, FIVE, &[0.25, 0.125, 0.25, 0.125, 0.25])]
    // 0.1, 0.2, 0.3 and 0.4 of 1; the second one has two steps.
    #[case::channels_by_weight(Model::Channels(vec![0.1, 0.2, 0.3, 0.4]), FIVE, &[0.1, 0.1, 0.3, 0.1, 0.4])]
    #[case::channels_by_weight_of_those_met(Model::Channels(vec![0.1, 0.3, 0.3, 0.4]), TWO, &[0.25, 0.75])]
    fn others(#[case] model: Model, #[case] touches: &[(i64, u16)], #[case] expected: &[f64]) {
        assert_shares(&model, touches, &[], expected);
    }

    // First 30, lead 30, opportunity 30, the rest 10.
    #[rstest]
    #[case::each_has_its_own(&[Some(25), Some(45)], &[0.3, 0.3, 0.05, 0.3, 0.05])]
    #[case::on_the_day_of_the_touch(&[Some(20), Some(40)], &[0.3, 0.3, 0.05, 0.3, 0.05])]
    #[case::the_first_is_the_lead_too(&[Some(12), Some(45)], &[0.6, 0.1 / 3.0, 0.1 / 3.0, 0.3, 0.1 / 3.0])]
    #[case::one_touch_holds_both(&[Some(40), Some(45)], &[0.3, 0.1 / 3.0, 0.1 / 3.0, 0.6, 0.1 / 3.0])]
    #[case::no_lead(&[None, Some(45)], &[3.0 / 7.0, 1.0 / 21.0, 1.0 / 21.0, 3.0 / 7.0, 1.0 / 21.0])]
    #[case::the_lead_came_before_all_touches(&[Some(5), Some(45)], &[3.0 / 7.0, 1.0 / 21.0, 1.0 / 21.0, 3.0 / 7.0, 1.0 / 21.0])]
    fn w_shaped(#[case] milestones: &[Option<i64>], #[case] expected: &[f64]) {
        assert_shares(&positions(0.3, &[0.3, 0.3], 0.1, 0.0), FIVE, milestones, expected);
    }

    #[rstest]
    #[case::of_one(ONE, &[1.0])]
    // The first holds 30, the second lead and opportunity: an empty middle goes to both, 30 to 60.
    #[case::of_two(TWO, &[1.0 / 3.0, 2.0 / 3.0])]
    #[case::of_three(THREE, &[0.3, 0.1, 0.6])]
    fn w_shaped_of_few(#[case] touches: &[(i64, u16)], #[case] expected: &[f64]) {
        assert_shares(&positions(0.3, &[0.3, 0.3], 0.1, 0.0), touches, &[Some(60), Some(70)], expected);
    }

    #[test]
    fn full_path() {
        let model = positions(0.225, &[0.225, 0.225], 0.1, 0.225);
        assert_shares(&model, FIVE, &[Some(25), Some(45)], &[0.225, 0.225, 0.1, 0.225, 0.225]);
        assert_shares(&model, THREE, &[Some(15), Some(25)], &[0.45 / 0.9, 0.225 / 0.9, 0.225 / 0.9]);
        assert_shares(&model, TWO, &[Some(15), Some(25)], &[0.5, 0.5]);
        assert_shares(&model, ONE, &[Some(15), None], &[1.0]);
    }

    #[test]
    fn a_middle_alone_without_steps_counts_all_the_same() {
        let model = Model::Positions(Positions { held: vec![(Position::Milestone(0), 1.0)], middle: 0.0 });
        assert_shares(&model, TWO, &[None], &[0.5, 0.5]);
    }
}
