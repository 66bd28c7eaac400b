//! Keys as numbers: one for the values of each, and one for the rows that all of them tell apart.

use hashbrown::hash_map::Entry;
use polars::prelude::*;

use super::Groups;
use crate::codes;

/// The values of one key as numbers below a span.
pub struct Key {
    values: Values,
    /// The least number that no value has.
    pub span: u64,
}

/// Numbers as they lie in memory, so that most keys need no copy; a null is 0.
enum Values {
    /// Codes: one more is the number.
    Codes(UInt32Chunked),
    /// Days: the number is one more than the distance from the least.
    Days(Int32Chunked, i32),
    /// The numbers themselves.
    Numbers(Vec<u64>),
}

impl Key {
    /// None where the type of the key is not known here.
    ///
    /// # Errors
    /// When the column is not what its type says.
    pub fn of(key: &Column) -> PolarsResult<Option<Self>> {
        if let Some(codes) = codes::numbers(key)? {
            let span = codes.max().map_or(1, |greatest| u64::from(greatest) + 2);
            return Ok(Some(Self { values: Values::Codes(codes), span }));
        }
        let key = key.as_materialized_series().rechunk();
        let numbers: Vec<u64> = match key.dtype() {
            DataType::Null => vec![0; key.len()],
            DataType::Boolean => {
                key.bool()?.iter().map(|value| value.map_or(0, |value| 1 + u64::from(value))).collect()
            }
            DataType::String => {
                let mut known: hashbrown::HashMap<&str, u64> = hashbrown::HashMap::new();
                key.str()?.iter().map(|text| text.map_or(0, |text| numbered(&mut known, text))).collect()
            }
            DataType::Float64 => {
                let mut known: hashbrown::HashMap<u64, u64> = hashbrown::HashMap::new();
                // One zero and one NaN, as Polars groups them.
                let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() };
                let number = |value: Option<f64>| value.map_or(0, |value| numbered(&mut known, bits(value)));
                key.f64()?.iter().map(number).collect()
            }
            DataType::Int32 | DataType::Date => {
                let days = key.to_physical_repr().i32()?.clone();
                let (least, greatest) = (days.min().unwrap_or(0), days.max().unwrap_or(0));
                let span = u64::from(greatest.abs_diff(least)) + 2;
                return Ok(Some(Self { values: Values::Days(days, least), span }));
            }
            dtype if matches!(dtype.to_physical(), DataType::Int8 | DataType::Int16 | DataType::Int64) => {
                let whole = key.to_physical_repr().cast(&DataType::Int64)?;
                let whole = whole.i64()?;
                let distance = |value: i64, least: i64| 1 + value.abs_diff(least);
                if let Some(least) = least(whole) {
                    whole.iter().map(|value| value.map_or(0, |value| distance(value, least))).collect()
                } else {
                    let mut known: hashbrown::HashMap<i64, u64> = hashbrown::HashMap::new();
                    whole.iter().map(|value| value.map_or(0, |value| numbered(&mut known, value))).collect()
                }
            }
            _ => return Ok(None),
        };
        let span = numbers.iter().max().map_or(1, |greatest| greatest + 1);
        Ok(Some(Self { values: Values::Numbers(numbers), span }))
    }

    /// As [`Key::of`], in the order of the values; none where their type has no such numbers.
    ///
    /// # Errors
    /// As [`Key::of`].
    pub fn in_order(key: &Column) -> PolarsResult<Option<Self>> {
        if !codes::is_coded(key.dtype()) && *key.dtype() != DataType::String {
            let whole = key.to_physical_repr();
            let ordered = match whole.dtype() {
                DataType::Int64 => least(whole.i64()?).is_some(),
                other => !other.is_float(),
            };
            return if ordered { Self::of(key) } else { Ok(None) };
        }
        // First any numbers, then the places of the few different texts among each other.
        let Some(groups) = Groups::new(&[key])? else { return Ok(None) };
        let texts = groups.key(key)?.cast(&DataType::String)?;
        let texts: Vec<Option<&str>> = texts.str()?.iter().collect();
        let mut sorted: Vec<usize> = (0..texts.len()).collect();
        sorted.sort_unstable_by_key(|group| texts[*group]);
        let mut places = vec![0_u64; texts.len()];
        for (place, group) in (0..).zip(sorted) {
            places[group] = place;
        }
        let numbers = groups.of_row.into_iter().map(|group| places[group as usize]).collect();
        Ok(Some(Self { values: Values::Numbers(numbers), span: places.len().max(1) as u64 }))
    }
}

/// The least value, if the distances of all values from it fit a number.
fn least(values: &Int64Chunked) -> Option<i64> {
    let (least, greatest) = (values.min().unwrap_or(0), values.max().unwrap_or(0));
    (greatest.abs_diff(least) < u64::MAX - 1).then_some(least)
}

/// A number for every row, equal where all keys so far are equal, and the least number that none has.
pub struct Numbers {
    /// The numbers.
    pub of_row: Vec<u64>,
    /// The least number that no row has.
    pub span: u64,
}

impl Numbers {
    /// No keys yet: all rows are alike.
    pub fn none(rows: usize) -> Self {
        Self { of_row: vec![0; rows], span: 1 }
    }

    /// Tells rows apart by one more key.
    pub fn add(&mut self, key: &Key) {
        if self.span.checked_mul(key.span).is_none() {
            self.close_up();
        }
        if self.span.checked_mul(key.span).is_none() {
            // So many different values that they have to be numbered anew.
            let mut alone = Self::none(self.of_row.len());
            alone.append(key);
            alone.close_up();
            let (values, span) = (Values::Numbers(alone.of_row), alone.span);
            return self.append(&Key { values, span });
        }
        self.append(key);
    }

    fn append(&mut self, key: &Key) {
        let span = key.span;
        self.span *= span;
        match &key.values {
            Values::Codes(codes) => match codes.cont_slice() {
                Ok(codes) => {
                    for (number, code) in self.of_row.iter_mut().zip(codes) {
                        *number = *number * span + u64::from(*code) + 1;
                    }
                }
                Err(_) => {
                    for (number, code) in self.of_row.iter_mut().zip(codes.iter()) {
                        *number = *number * span + code.map_or(0, |code| u64::from(code) + 1);
                    }
                }
            },
            Values::Days(days, least) => match days.cont_slice() {
                Ok(days) => {
                    for (number, day) in self.of_row.iter_mut().zip(days) {
                        *number = *number * span + u64::from(day.abs_diff(*least)) + 1;
                    }
                }
                Err(_) => {
                    for (number, day) in self.of_row.iter_mut().zip(days.iter()) {
                        *number = *number * span + day.map_or(0, |day| u64::from(day.abs_diff(*least)) + 1);
                    }
                }
            },
            Values::Numbers(numbers) => {
                for (number, more) in self.of_row.iter_mut().zip(numbers) {
                    *number = *number * span + more;
                }
            }
        }
    }

    /// The same groups with numbers that follow each other.
    fn close_up(&mut self) {
        let numbers = std::mem::replace(self, Self::none(0));
        let groups = numbers.groups();
        let span = groups.first.len().max(1) as u64;
        *self = Self { of_row: groups.of_row.into_iter().map(u64::from).collect(), span };
    }

    /// The groups of rows with equal numbers, in the order in which they first appear.
    pub fn groups(self) -> Groups {
        // Rows are counted in 32 bits, as Polars counts them.
        let mut first: Vec<IdxSize> = Vec::new();
        let few = (4 * self.of_row.len() as u64).max(1 << 16);
        let of_row = if self.span <= few {
            let mut known = vec![u32::MAX; usize::try_from(self.span).unwrap_or(usize::MAX)];
            let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            self.of_row
                .iter()
                .zip(0..)
                .map(|(number, row)| {
                    let group = &mut known[place(*number)];
                    if *group == u32::MAX {
                        *group = to_u32(first.len());
                        first.push(row);
                    }
                    *group
                })
                .collect()
        } else {
            let mut known: hashbrown::HashMap<u64, u32> = hashbrown::HashMap::with_capacity(self.of_row.len() / 2);
            self.of_row
                .iter()
                .zip(0..)
                .map(|(number, row)| match known.entry(*number) {
                    Entry::Occupied(group) => *group.get(),
                    Entry::Vacant(free) => {
                        first.push(row);
                        *free.insert(to_u32(first.len() - 1))
                    }
                })
                .collect()
        };
        Groups { of_row, first: IdxCa::from_vec("first".into(), first) }
    }
}

fn numbered<K: std::hash::Hash + Eq>(known: &mut hashbrown::HashMap<K, u64>, key: K) -> u64 {
    let next = known.len() as u64 + 1;
    *known.entry(key).or_insert(next)
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
