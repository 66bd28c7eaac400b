//! What rows are, as a number: equal for equal rows in whatever order they come, so that a later run sees whether
//! the part of a table that a period reads has changed.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use polars::prelude::*;

use crate::codes;
use crate::error::EngineError;

/// A number for every row of a frame, from the values of some of its columns.
///
/// 128 bits a row, and sums of them for several rows: rows that differ have the same number about as often as two
/// files have the same checksum.
pub struct Content {
    rows: Vec<u128>,
}

/// Some rows of a frame: how many, and the sum of their numbers. Equal rows give the same in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    rows: usize,
    number: u128,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows {:032x}", self.rows, self.number)
    }
}

/// The rows of a frame by a time, so that what lies between two days is found without looking at every row.
pub struct Timeline {
    /// Times in microseconds, in order; rows without one are in no period.
    times: Vec<i64>,
    /// Sums of the numbers of the first rows, one more than there are times.
    sums: Vec<u128>,
}

impl Content {
    /// Numbers the rows of a frame.
    ///
    /// # Errors
    /// When a column has a type without text form, which tables do not have.
    pub fn of(frame: &DataFrame, columns: &[&str]) -> Result<Self, EngineError> {
        let mut rows = vec![(0_u64, 1_u64); frame.height()];
        for name in columns {
            let seed = text(name);
            let mut place = rows.iter_mut();
            each(frame.column(name)?, &mut |value| {
                if let Some((first, second)) = place.next() {
                    *first = mix(first.rotate_left(5) ^ value ^ seed);
                    *second = mix(second.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(value ^ seed));
                }
            })?;
        }
        let joined = |(first, second): (u64, u64)| u128::from(mix(first)) << 64 | u128::from(mix(second));
        Ok(Self { rows: rows.into_iter().map(joined).collect() })
    }

    /// All rows.
    pub fn all(&self) -> Found {
        self.chosen(|_| true)
    }

    /// The rows that `wanted` accepts.
    pub fn chosen(&self, wanted: impl Fn(usize) -> bool) -> Found {
        let chosen = self.rows.iter().enumerate().filter(|(row, _)| wanted(*row));
        chosen.fold(Found::default(), |found, (_, row)| Found {
            rows: found.rows + 1,
            number: found.number.wrapping_add(*row),
        })
    }

    /// The rows in the order of a time.
    ///
    /// # Errors
    /// When the column is no time.
    pub fn by_time(&self, time: &Column) -> Result<Timeline, EngineError> {
        let times = micros(time)?;
        let mut order: Vec<(i64, u128)> =
            times.iter().zip(&self.rows).filter_map(|(time, row)| Some(((*time)?, *row))).collect();
        order.sort_unstable();
        let mut sums = vec![0];
        let mut sum: u128 = 0;
        for (_, row) in &order {
            sum = sum.wrapping_add(*row);
            sums.push(sum);
        }
        Ok(Timeline { times: order.into_iter().map(|(time, _)| time).collect(), sums })
    }
}

impl Timeline {
    /// The rows in `[from, to)`, both in microseconds.
    pub fn between(&self, from: i64, to: i64) -> Found {
        let first = self.times.partition_point(|time| *time < from);
        let last = self.times.partition_point(|time| *time < to).max(first);
        Found { rows: last - first, number: self.sums[last].wrapping_sub(self.sums[first]) }
    }
}

/// Times in microseconds since 1970; a day is its midnight.
///
/// # Errors
/// When the column is no time.
pub fn micros(time: &Column) -> Result<Vec<Option<i64>>, EngineError> {
    let micros = time.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?.cast(&DataType::Int64)?;
    Ok(micros.i64()?.iter().collect())
}

/// Gives the number of every value to `take`, in order.
fn each(column: &Column, take: &mut dyn FnMut(u64)) -> Result<(), EngineError> {
    const NULL: u64 = 0x6e75_6c6c_6e75_6c6c;
    match column.dtype() {
        DataType::Categorical(_, _) => {
            let (numbers, texts) = codes::local(column)?;
            let known: Vec<u64> = texts.str()?.iter().map(|value| value.map_or(NULL, text)).collect();
            numbers.iter().for_each(|code| take(code.map_or(NULL, |code| known[code as usize])));
        }
        DataType::String => column.str()?.iter().for_each(|value| take(value.map_or(NULL, text))),
        DataType::Boolean => {
            column.bool()?.iter().for_each(|value| take(value.map_or(NULL, |flag| 2 + u64::from(flag))));
        }
        DataType::Float64 => {
            column.f64()?.iter().for_each(|value| take(value.map_or(NULL, |value| mix(value.to_bits()))));
        }
        DataType::Float32 => {
            column.f32()?.iter().for_each(|value| take(value.map_or(NULL, |value| mix(u64::from(value.to_bits())))));
        }
        DataType::Int128 => column.i128()?.iter().for_each(|value| {
            let bytes = value.map(i128::to_le_bytes);
            take(bytes.map_or(NULL, |bytes| {
                let half =
                    |from: usize| bytes[from..from + 8].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
                mix(half(0)) ^ half(8).rotate_left(32)
            }));
        }),
        dtype if dtype.is_primitive_numeric() || dtype.is_temporal() => {
            let numbers = column.to_physical_repr().cast(&DataType::Int64)?;
            numbers.i64()?.iter().for_each(|value| take(value.map_or(NULL, |value| mix(value.cast_unsigned()))));
        }
        _ => {
            let texts = column.cast(&DataType::String)?;
            texts.str()?.iter().for_each(|value| take(value.map_or(NULL, text)));
        }
    }
    Ok(())
}

fn text(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Spreads a number over all bits (the finaliser of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn rows(values: &[(i32, Option<i64>, &str)]) -> DataFrame {
        let days: Vec<i32> = values.iter().map(|(day, _, _)| *day).collect();
        let numbers: Vec<Option<i64>> = values.iter().map(|(_, number, _)| *number).collect();
        let ids: Vec<&str> = values.iter().map(|(_, _, id)| *id).collect();
        let mut rows = df!("day" => days, "number" => numbers, "account_id" => ids).unwrap();
        let days = rows.column("day").unwrap().cast(&DataType::Date).unwrap();
        let ids = rows.column("account_id").unwrap().cast(&codes::dtype("account_id")).unwrap();
        rows.with_column(days).unwrap();
        rows.with_column(ids).unwrap();
        rows
    }

    fn number(rows: &DataFrame) -> Found {
        Content::of(rows, &["day", "number", "account_id"]).unwrap().all()
    }

    #[test]
    fn each_value_counts_and_the_order_of_rows_does_not() {
        let base = number(&rows(&[(1, Some(2), "a"), (3, None, "b")]));
        assert_eq!(base, number(&rows(&[(3, None, "b"), (1, Some(2), "a")])));
        for other in [
            rows(&[(1, Some(2), "b"), (3, None, "a")]),
            rows(&[(1, Some(2), "a"), (3, Some(0), "b")]),
            rows(&[(2, Some(1), "a"), (3, None, "b")]),
            rows(&[(1, Some(2), "a")]),
            rows(&[(1, Some(2), "a"), (3, None, "b"), (3, None, "b")]),
        ] {
            assert_ne!(base, number(&other), "{other}");
        }
    }

    #[test]
    fn a_text_has_one_number_whatever_its_code_is() {
        // The codes of this process: `y` before `x`.
        let first = rows(&[(1, None, "content-y"), (1, None, "content-x")]);
        let second = rows(&[(1, None, "content-x")]);
        let of = |rows: &DataFrame| Content::of(rows, &["account_id"]).unwrap();
        assert_eq!(of(&first).chosen(|row| row == 1), of(&second).all());
    }

    proptest! {
        #[test]
        fn rows_between_two_days_have_the_number_of_those_rows(
            days in prop::collection::vec(0_i32..20, 0..40), from in 0_i32..20, length in 0_i32..20,
        ) {
            let all: Vec<(i32, Option<i64>, &str)> = days.iter().map(|day| (*day, Some(i64::from(*day)), "a")).collect();
            let inside: Vec<_> = all.iter().copied().filter(|(day, _, _)| (from..from + length).contains(day)).collect();
            let frame = rows(&all);
            let content = Content::of(&frame, &["day", "number", "account_id"]).unwrap();
            let timeline = content.by_time(frame.column("day").unwrap()).unwrap();
            let found = timeline.between(i64::from(from) * DAY, i64::from(from + length) * DAY);
            prop_assert_eq!(found, number(&rows(&inside)));
        }
    }
}
