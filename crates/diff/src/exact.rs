//! Differences that add up to the bit.
//!
//! A difference of two floating-point numbers is rounded, and so is every sum of differences: parts of a change would add
//! up to it but for the last digits. So the numbers of one cell are first put on a common grid, fine enough to keep 15
//! significant digits of the largest of them and coarse enough that all their differences, and all sums of those, are
//! numbers of that grid which floating point holds exactly. Whole numbers up to 2⁴⁸ are on it as they are.

/// Binary digits that are kept free for sums.
const SPARE: i32 = 4;
/// Binary digits of a floating-point number.
const DIGITS: i32 = 52;

/// The steps between successive values. Added up in any order they give the same number, to the bit: the difference
/// between the last value and the first, to 14 digits of the largest of them.
pub fn steps(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let on_grid: Vec<f64> = match grid(largest) {
        Some(grid) => values.iter().map(|value| (value / grid).round() * grid).collect(),
        None => values.to_vec(),
    };
    on_grid.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The distance of neighbours on the grid of numbers of this size: a power of two. None where they need no grid.
fn grid(largest: f64) -> Option<f64> {
    if largest == 0.0 || !largest.is_finite() {
        return None;
    }
    let exponent = i32::try_from((largest.to_bits() >> 52) & 0x7ff).unwrap_or_default() - 1023;
    // Far below anything that is measured numbers lose digits anyway.
    (exponent > -900).then(|| 2.0_f64.powi(exponent - DIGITS + SPARE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], &[])]
    #[case(&[5.0], &[])]
    #[case(&[5.0, 7.0, 4.0], &[2.0, -3.0])]
    #[case(&[0.0, 0.0], &[0.0])]
    #[case::money(&[1_000_000.5, 1_000_000.75, 250.25], &[0.25, -999_750.5])]
    #[case::equal_values_have_no_difference(&[0.1, 0.1, 0.1], &[0.0, 0.0])]
    fn differences(#[case] values: &[f64], #[case] expected: &[f64]) {
        assert_eq!(steps(values), expected);
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![
            Just(0.0),
            -1e12..1e12_f64,
            -1.0..1.0_f64,
            (0_u32..1_000_000).prop_map(f64::from),
            (0_u32..100_000_000).prop_map(|cents| f64::from(cents) / 100.0),
        ];
        prop::collection::vec(value, 2..7)
    }

    proptest! {
        #[test]
        fn steps_add_up_to_the_change_in_any_order(values in values()) {
            let steps = steps(&values);
            let forwards: f64 = steps.iter().sum();
            let backwards: f64 = steps.iter().rev().sum();
            let last = values.last().copied().unwrap_or_default();
            let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
            // Adding 0 makes one zero of two.
            prop_assert_eq!((forwards + 0.0).to_bits(), (backwards + 0.0).to_bits());
            prop_assert!((forwards - (last - values[0])).abs() <= largest * 2.0_f64.powi(-46));
        }

        #[test]
        fn whole_numbers_are_exact(values in prop::collection::vec(-(1_i64 << 47)..(1_i64 << 47), 2..7)) {
            #[expect(clippy::cast_precision_loss, reason = "smaller than 2^53")]
            let floats: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            #[expect(clippy::cast_precision_loss, reason = "smaller than 2^53")]
            let expected: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
            prop_assert_eq!(steps(&floats), expected);
        }
    }
}
