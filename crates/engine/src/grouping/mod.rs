//! Rows grouped by key columns, and aggregates that merge computed over the groups.
//!
//! Every row gets the number of its group, in the order in which groups first appear; an aggregate is then one pass over
//! its column that adds to the place of that number. No list of rows is made per group, so millions of small groups, which
//! is what events of people come to, cost little more than a few large ones.

mod keys;
mod order;

use polars::prelude::*;

use self::keys::{Key, Numbers};
pub use self::order::Order;
use crate::sql::aggregate::{AggregateKind, fixed_point};

/// The group of every row.
pub struct Groups {
    of_row: Vec<u32>,
    /// The first row of each group.
    first: IdxCa,
}

impl Groups {
    /// Groups rows by keys, of which nulls are a value as any other; none where a key's type is not known here.
    ///
    /// # Errors
    /// When a key's column is not what its type says.
    pub fn new(keys: &[&Column]) -> PolarsResult<Option<Self>> {
        let Some(first) = keys.first() else { return Ok(None) };
        let mut numbers = Numbers::none(first.len());
        for key in keys {
            let Some(key) = Key::of(key)? else { return Ok(None) };
            numbers.add(&key);
        }
        Ok(Some(numbers.groups()))
    }

    /// How many groups there are.
    pub fn count_groups(&self) -> usize {
        self.first.len()
    }

    /// The value that a key has in each group.
    ///
    /// # Errors
    /// When the key has fewer rows than were grouped.
    pub fn key(&self, key: &Column) -> PolarsResult<Column> {
        key.take(&self.first)
    }

    /// Whether [`Groups::aggregate`] knows an aggregate over values of this type.
    pub fn knows(kind: AggregateKind, dtype: Option<&DataType>) -> bool {
        match (kind, dtype) {
            (AggregateKind::Count, _) => true,
            (AggregateKind::Sum, Some(dtype)) => {
                dtype.is_float() || dtype.is_integer() || dtype.is_bool() || *dtype == DataType::Null
            }
            (AggregateKind::Min | AggregateKind::Max, Some(dtype)) => {
                !crate::codes::is_coded(dtype)
                    && matches!(dtype.to_physical(), DataType::Int32 | DataType::Int64 | DataType::Float64)
            }
            _ => false,
        }
    }

    /// An aggregate over the groups: see [`crate::sql::aggregate::partial`], which says the same to Polars.
    ///
    /// # Errors
    /// When a sum leaves its type's range or a value of it is not finite.
    pub fn aggregate(
        &self,
        kind: AggregateKind,
        values: Option<&Column>,
        keep: Option<&Column>,
    ) -> PolarsResult<Column> {
        let keep = keep.map(|column| Ok::<_, PolarsError>(column.bool()?.rechunk().into_owned())).transpose()?;
        let keep = keep.as_ref();
        let Some(values) = values else { return Ok(self.count(keep)) };
        let values = values.as_materialized_series().rechunk();
        match kind {
            AggregateKind::Count if values.null_count() == 0 => Ok(self.count(keep)),
            AggregateKind::Count => {
                let present = values.is_not_null();
                Ok(self.count(Some(&keep.map_or(present.clone(), |keep| &present & keep))))
            }
            AggregateKind::Min | AggregateKind::Max => self.extreme(kind, &values, keep),
            _ => self.sum(&values, keep),
        }
    }

    fn count(&self, keep: Option<&BooleanChunked>) -> Column {
        let mut counts = vec![0_i64; self.first.len()];
        match keep {
            None => self.of_row.iter().for_each(|group| counts[*group as usize] += 1),
            Some(keep) => {
                for (group, keep) in self.of_row.iter().zip(keep.iter()) {
                    counts[*group as usize] += i64::from(keep == Some(true));
                }
            }
        }
        Int64Chunked::from_vec("count".into(), counts).into_column()
    }

    fn sum(&self, values: &Series, keep: Option<&BooleanChunked>) -> PolarsResult<Column> {
        let too_great = || polars_err!(ComputeError: "a sum of `{}` is too great for its type", values.name());
        let add_wide = |sum: &mut i128, value: i128| {
            *sum = sum.checked_add(value).ok_or_else(too_great)?;
            Ok(())
        };
        let wide = if values.dtype().is_float() {
            let values = values.cast(&DataType::Float64)?;
            self.fold(values.f64()?, keep, 0, |sum, value| add_wide(sum, fixed_point(value)?))?
        } else if *values.dtype() == DataType::Int128 {
            self.fold(values.i128()?, keep, 0, add_wide)?
        } else {
            let values = values.strict_cast(&DataType::Int64)?;
            let sums = self.fold(values.i64()?, keep, 0, |sum: &mut i64, value| {
                *sum = sum.checked_add(value).ok_or_else(too_great)?;
                Ok(())
            })?;
            return Ok(Int64Chunked::from_vec("sum".into(), sums).into_column());
        };
        Ok(Int128Chunked::from_vec("sum".into(), wide).into_column())
    }

    fn extreme(&self, kind: AggregateKind, values: &Series, keep: Option<&BooleanChunked>) -> PolarsResult<Column> {
        let greatest = kind == AggregateKind::Max;
        let physical = values.to_physical_repr();
        let found = if let DataType::Float64 = physical.dtype() {
            let best = self.fold(physical.f64()?, keep, None, |best: &mut Option<f64>, value| {
                *best = Some(best.map_or(value, |best| if greatest { best.max(value) } else { best.min(value) }));
                Ok(())
            })?;
            Series::new("extreme".into(), best)
        } else {
            let whole = physical.strict_cast(&DataType::Int64)?;
            let best = self.fold(whole.i64()?, keep, None, |best: &mut Option<i64>, value| {
                *best = Some(best.map_or(value, |best| if greatest { best.max(value) } else { best.min(value) }));
                Ok(())
            })?;
            Series::new("extreme".into(), best).strict_cast(physical.dtype())?
        };
        Ok(found.cast(values.dtype())?.into_column())
    }

    /// For every group what `add` makes of `start` and its values that are kept, one after the other.
    fn fold<T: PolarsNumericType, A: Clone>(
        &self,
        values: &ChunkedArray<T>,
        keep: Option<&BooleanChunked>,
        start: A,
        mut add: impl FnMut(&mut A, T::Native) -> PolarsResult<()>,
    ) -> PolarsResult<Vec<A>> {
        let mut so_far = vec![start; self.first.len()];
        match (values.cont_slice(), keep) {
            (Ok(values), None) => {
                for (group, value) in self.of_row.iter().zip(values) {
                    add(&mut so_far[*group as usize], *value)?;
                }
            }
            (Ok(values), Some(keep)) => {
                for ((group, value), keep) in self.of_row.iter().zip(values).zip(keep.iter()) {
                    if keep == Some(true) {
                        add(&mut so_far[*group as usize], *value)?;
                    }
                }
            }
            (Err(_), None) => {
                for (group, value) in self.of_row.iter().zip(values.iter()) {
                    if let Some(value) = value {
                        add(&mut so_far[*group as usize], value)?;
                    }
                }
            }
            (Err(_), Some(keep)) => {
                for ((group, value), keep) in self.of_row.iter().zip(values.iter()).zip(keep.iter()) {
                    if let (Some(value), Some(true)) = (value, keep) {
                        add(&mut so_far[*group as usize], value)?;
                    }
                }
            }
        }
        Ok(so_far)
    }
}

/// For every value of `keys` the row of `found` that holds it, of values that stand there once; `nowhere` for nulls and
/// values that are not there.
///
/// # Errors
/// When the columns are of different types, or of one that is not known here.
pub fn places(keys: &Column, found: &Column, nowhere: IdxSize) -> PolarsResult<Vec<IdxSize>> {
    let mut both = found.as_materialized_series().clone();
    both.append(keys.as_materialized_series())?;
    let Some(groups) = Groups::new(&[&both.into_column()])? else {
        polars_bail!(InvalidOperation: "rows cannot be found by a column of type {}", keys.dtype());
    };
    let (ours, theirs) = groups.of_row.split_at(found.len());
    let mut row_of = vec![nowhere; groups.first.len()];
    for (group, row) in ours.iter().zip(0..) {
        row_of[*group as usize] = row;
    }
    if keys.null_count() == 0 {
        return Ok(theirs.iter().map(|group| row_of[*group as usize]).collect());
    }
    let nulls = keys.is_null();
    let place =
        |(group, null): (&u32, Option<bool>)| if null == Some(true) { nowhere } else { row_of[*group as usize] };
    Ok(theirs.iter().zip(nulls.iter()).map(place).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::sql::aggregate::partial;

    fn grouped(
        rows: &DataFrame,
        keys: &[&str],
        kind: AggregateKind,
        value: Option<&str>,
        keep: Option<&str>,
    ) -> DataFrame {
        let columns: Vec<&Column> = keys.iter().map(|key| rows.column(key).unwrap()).collect();
        let groups = Groups::new(&columns).unwrap().unwrap();
        let mut found: Vec<Column> = columns.iter().map(|key| groups.key(key).unwrap()).collect();
        let (value, keep) = (value.map(|name| rows.column(name).unwrap()), keep.map(|name| rows.column(name).unwrap()));
        found.push(groups.aggregate(kind, value, keep).unwrap().with_name("r".into()));
        DataFrame::new_infer_height(found).unwrap()
    }

    fn touches() -> DataFrame {
        df!(
            "account" => [Some("A1"), Some("A2"), Some("A1"), None, None],
            "day" => [Some(3), Some(3), Some(3), None, Some(-7)],
            "touches" => [Some(2), None, Some(5), Some(1), Some(1)],
            "hours" => [Some(0.25), Some(1.0), None, Some(-2.0), Some(4.0)],
            "inbound" => [Some(true), Some(true), Some(false), None, Some(true)],
        )
        .unwrap()
    }

    #[rstest]
    #[case::rows(AggregateKind::Count, None, None, &[2, 1, 2])]
    #[case::rows_kept(AggregateKind::Count, None, Some("inbound"), &[1, 1, 1])]
    #[case::values(AggregateKind::Count, Some("touches"), None, &[2, 0, 2])]
    #[case::sum(AggregateKind::Sum, Some("touches"), None, &[7, 0, 2])]
    #[case::sum_kept(AggregateKind::Sum, Some("touches"), Some("inbound"), &[2, 0, 1])]
    fn whole_numbers_by_account(
        #[case] kind: AggregateKind,
        #[case] value: Option<&str>,
        #[case] keep: Option<&str>,
        #[case] expected: &[i64],
    ) {
        let found = grouped(&touches(), &["account"], kind, value, keep);
        assert_eq!(found.column("r").unwrap().i64().unwrap().iter().flatten().collect::<Vec<_>>(), expected);
        assert_eq!(found.column("account").unwrap().null_count(), 1);
    }

    #[rstest]
    #[case::least(AggregateKind::Min, [Some(0.25), Some(1.0), Some(-2.0)])]
    #[case::greatest(AggregateKind::Max, [Some(0.25), Some(1.0), Some(4.0)])]
    fn extremes_by_account(#[case] kind: AggregateKind, #[case] expected: [Option<f64>; 3]) {
        let found = grouped(&touches(), &["account"], kind, Some("hours"), None);
        assert_eq!(found.column("r").unwrap().f64().unwrap().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_sum_past_32_bits_is_whole_and_one_past_64_bits_is_refused() {
        let rows = df!("k" => [1, 1], "narrow" => [i32::MAX, i32::MAX], "wide" => [i64::MAX, 1]).unwrap();
        let found = grouped(&rows, &["k"], AggregateKind::Sum, Some("narrow"), None);
        assert_eq!(found.column("r").unwrap().i64().unwrap().get(0), Some(4_294_967_294));
        let groups = Groups::new(&[rows.column("k").unwrap()]).unwrap().unwrap();
        let refused = groups.aggregate(AggregateKind::Sum, Some(rows.column("wide").unwrap()), None).unwrap_err();
        assert!(refused.to_string().contains("`wide` is too great"), "{refused}");
    }

    pub(super) fn column_of_keys() -> impl Strategy<Value = Column> {
        let rows = 40;
        prop_oneof![
            prop::collection::vec(prop::option::of(-3..3_i32), rows)
                .prop_map(|days| Series::new("k".into(), days).cast(&DataType::Date).unwrap().into_column()),
            prop::collection::vec(prop::option::of(prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX])), rows)
                .prop_map(|numbers| Series::new("k".into(), numbers).into_column()),
            prop::collection::vec(prop::option::of("[ab]{0,2}"), rows)
                .prop_map(|texts| Series::new("k".into(), texts).into_column()),
            prop::collection::vec(prop::option::of("[ab]{0,2}"), rows).prop_map(|texts| {
                Series::new("k".into(), texts).cast(&crate::codes::dtype("k")).unwrap().into_column()
            }),
            prop::collection::vec(prop::option::of(prop::sample::select(vec![0.0, -0.0, 1.5, f64::NAN])), rows)
                .prop_map(|numbers| Series::new("k".into(), numbers).into_column()),
            prop::collection::vec(prop::option::of(any::<bool>()), rows).prop_map(|flags| Series::new(
                "k".into(),
                flags
            )
            .into_column()),
        ]
    }

    proptest! {
        /// Whatever the keys, the groups and what they come to are those of Polars.
        #[test]
        fn groups_are_those_of_polars(
            keys in prop::collection::vec(column_of_keys(), 1..4),
            values in prop::collection::vec(prop::option::of(-9..9_i64), 40),
            keep in prop::collection::vec(prop::option::of(any::<bool>()), 40),
            kind in prop::sample::select(vec![
                AggregateKind::Count, AggregateKind::Sum, AggregateKind::Min, AggregateKind::Max,
            ]),
        ) {
            let names: Vec<String> = (0..keys.len()).map(|index| format!("k{index}")).collect();
            let mut columns: Vec<Column> =
                keys.into_iter().zip(&names).map(|(key, name)| key.with_name(name.as_str().into())).collect();
            columns.push(Series::new("v".into(), values).into_column());
            columns.push(Series::new("f".into(), keep).into_column());
            let rows = DataFrame::new_infer_height(columns).unwrap();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let ours = grouped(&rows, &names, kind, Some("v"), Some("f"));
            let aggregate = partial(kind, Some(col("v")), Some(col("f")), Some(&DataType::Int64)).alias("r");
            let by: Vec<Expr> = names.iter().map(|name| col(*name)).collect();
            let theirs = rows.lazy().group_by_stable(by).agg([aggregate]).collect().unwrap();
            prop_assert!(ours.equals_missing(&theirs), "{ours} {theirs}");
        }
    }
}
