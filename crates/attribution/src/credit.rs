//! Credit that adds up: shares of 1 and of a value whose sum is 1 and the value to the last bit, in any order of addition.

/// Shares are whole multiples of 2⁻⁴⁰.
const SCALE: f64 = 1_099_511_627_776.0;
/// Turns weights into shares of `whole`, itself a multiple of 2⁻⁴⁰ up to 1, that add up to it.
///
/// What rounding leaves goes to the greatest weight, of equal ones to the first. Weights that are all 0 count the same.
pub fn divide(weights: &mut [f64], whole: f64) {
    if weights.is_empty() {
        return;
    }
    let mut total: f64 = weights.iter().sum();
    if total <= 0.0 || !total.is_finite() {
        weights.fill(1.0);
        total = weights.iter().sum();
    }
    let units = whole * SCALE;
    let (mut greatest, mut given) = (0, 0.0);
    for index in 0..weights.len() {
        if weights[index] > weights[greatest] {
            greatest = index;
        }
    }
    for (index, weight) in weights.iter_mut().enumerate() {
        if index == greatest {
            continue;
        }
        let share = (*weight / total * units).floor();
        given += share;
        *weight = share / SCALE;
    }
    weights[greatest] = (units - given) / SCALE;
}

/// The parts of a value that go with shares that add up to 1; they add up to the value.
///
/// All but the greatest are whole multiples of 2⁻⁴⁰, or of the last binary digit of the value where that is more, so that
/// no sum of some of them needs more digits than the value has.
pub fn portion(shares: &[f64], value: f64, parts: &mut Vec<f64>) {
    parts.clear();
    let scale = SCALE.min((DIGITS - exponent(value)).exp2());
    let mut greatest = 0;
    for (index, share) in shares.iter().enumerate() {
        parts.push((share * value * scale).trunc() / scale);
        if *share > shares[greatest] {
            greatest = index;
        }
    }
    let others: f64 = parts.iter().enumerate().filter(|(index, _)| *index != greatest).map(|(_, part)| part).sum();
    if let Some(part) = parts.get_mut(greatest) {
        *part = value - others;
    }
}

/// Binary digits of a float after its first one.
const DIGITS: f64 = 52.0;

/// The power of 2 that a float begins with.
fn exponent(value: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "eleven bits")]
    let biased = (value.to_bits() >> 52 & 0x7ff) as f64;
    biased - 1023.0
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums are exact")]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::thirds(&[1.0, 1.0, 1.0], &[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0])]
    #[case::alone(&[0.2], &[1.0])]
    #[case::nothing_weighs_anything(&[0.0, 0.0], &[0.5, 0.5])]
    #[case::one_to_three(&[1.0, 3.0], &[0.25, 0.75])]
    fn weights_become_shares(#[case] weights: &[f64], #[case] expected: &[f64]) {
        let mut shares = weights.to_vec();
        divide(&mut shares, 1.0);
        for (share, expected) in shares.iter().zip(expected) {
            assert!((share - expected).abs() < 1e-11, "{share} is not {expected}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_one_and_parts_to_the_value(
            mut weights in prop::collection::vec(0.0..1e6_f64, 1..40),
            value in prop_oneof![-1e5..1e5_f64, -1e13..1e13_f64],
        ) {
            divide(&mut weights, 1.0);
            let forwards: f64 = weights.iter().sum();
            let backwards: f64 = weights.iter().rev().sum();
            prop_assert_eq!((forwards, backwards), (1.0, 1.0));
            let mut parts = Vec::new();
            portion(&weights, value, &mut parts);
            let forwards: f64 = parts.iter().sum();
            let backwards: f64 = parts.iter().rev().sum();
            prop_assert_eq!((forwards, backwards), (value, value));
            for (part, share) in parts.iter().zip(&weights) {
                prop_assert!((part - share * value).abs() <= 1e-10_f64.max(value.abs() * 1e-13));
            }
        }

        #[test]
        fn a_share_divides_further_without_a_rest(
            mut weights in prop::collection::vec(0.1..1e3_f64, 1..9),
            inner in prop::collection::vec(0.1..1e3_f64, 1..9),
        ) {
            divide(&mut weights, 1.0);
            for share in &weights {
                let mut parts = inner.clone();
                divide(&mut parts, *share);
                prop_assert_eq!(parts.iter().sum::<f64>(), *share);
            }
        }
    }
}
