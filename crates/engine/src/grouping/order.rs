//! Rows in order, by the numbers of their keys.

use polars::prelude::*;

use super::keys::{Key, Numbers};

/// Rows in the order of some columns, ascending and nulls first.
pub struct Order {
    /// The rows.
    pub rows: IdxCa,
    /// How many rows have the values of the row before.
    pub repeated: usize,
}

impl Order {
    /// Sorts rows; none where a column's type is not known here, or there are too many different values.
    ///
    /// # Errors
    /// When a column is not what its type says.
    pub fn of(columns: &[&Column]) -> PolarsResult<Option<Self>> {
        let Some(first) = columns.first() else { return Ok(None) };
        let mut numbers = Numbers::none(first.len());
        for column in columns {
            let Some(key) = Key::in_order(column)? else { return Ok(None) };
            if numbers.span.checked_mul(key.span).is_none() {
                return Ok(None);
            }
            numbers.add(&key);
        }
        let mut rows: Vec<(u64, IdxSize)> = numbers.of_row.into_iter().zip(0..).collect();
        rows.sort_unstable();
        let repeated = rows.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Ok(Some(Self { rows: IdxCa::from_vec("row".into(), rows), repeated }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::super::tests::column_of_keys;
    use super::*;

    proptest! {
        #[test]
        fn rows_are_in_the_order_of_polars(columns in prop::collection::vec(column_of_keys(), 1..4)) {
            let names: Vec<String> = (0..columns.len()).map(|index| format!("k{index}")).collect();
            let columns: Vec<Column> =
                columns.into_iter().zip(&names).map(|(key, name)| key.with_name(name.as_str().into())).collect();
            let rows = DataFrame::new_infer_height(columns.clone()).unwrap();
            if let Some(order) = Order::of(&columns.iter().collect::<Vec<_>>()).unwrap() {
                let ours = rows.take(&order.rows).unwrap();
                let theirs = rows.sort(&names, SortMultipleOptions::default().with_maintain_order(true)).unwrap();
                prop_assert!(ours.equals_missing(&theirs), "{ours} {theirs}");
                let distinct = rows.unique::<String, String>(None, UniqueKeepStrategy::Any, None).unwrap();
                prop_assert_eq!(order.repeated, rows.height() - distinct.height());
            }
        }
    }
}
