use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// The order that marts declare: ascending, nulls first, as the engine sorts by default.
pub(crate) const SORT: SortOptions = SortOptions { descending: false, nulls_first: true };

/// Checks that rows come in the order that their file declares. A reader that prunes by a false
/// declaration loses rows without a word, so no such file is written.
pub(crate) struct OrderCheck {
    columns: Vec<usize>,
    last: Option<Vec<ArrayRef>>,
    rows: u64,
}

impl OrderCheck {
    /// `columns` are the positions of the sort columns, the most significant first.
    pub(crate) fn new(columns: Vec<usize>) -> Self {
        Self { columns, last: None, rows: 0 }
    }

    /// Checks the next rows against each other and against the last one before them; gives the number of
    /// the first row out of order.
    pub(crate) fn check(&mut self, block: &RecordBatch) -> Result<Option<u64>, ArrowError> {
        let rows = block.num_rows();
        if self.columns.is_empty() || rows == 0 {
            return Ok(None);
        }
        let keys: Vec<ArrayRef> = self.columns.iter().map(|&i| comparable(block.column(i))).collect();
        if let Some(last) = &self.last
            && compare(&comparators(last, &keys)?, 0, 0) == Ordering::Greater
        {
            return Ok(Some(self.rows));
        }
        let within = comparators(&keys, &keys)?;
        if let Some(row) = (1..rows).find(|&row| compare(&within, row - 1, row) == Ordering::Greater) {
            return Ok(Some(self.rows + row as u64));
        }
        self.last = Some(keys.iter().map(|key| key.slice(rows - 1, 1)).collect());
        self.rows += rows as u64;
        Ok(None)
    }
}

fn comparators(left: &[ArrayRef], right: &[ArrayRef]) -> Result<Vec<DynComparator>, ArrowError> {
    left.iter().zip(right).map(|(left, right)| make_comparator(left, right, SORT)).collect()
}

fn compare(comparators: &[DynComparator], left: usize, right: usize) -> Ordering {
    comparators
        .iter()
        .map(|comparator| comparator(left, right))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Comparators order floats by their bits; the engine holds both zeros for equal and every NaN for the
/// greatest value.
fn comparable(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float64 => Arc::new(
            column
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v + 0.0 }),
        ),
        DataType::Float32 => Arc::new(
            column
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v + 0.0 }),
        ),
        _ => Arc::clone(column),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use arrow::array::{Float64Array, StringArray};

    use super::*;

    #[test]
    fn rows_in_order_pass_within_and_across_blocks() {
        let mut check = OrderCheck::new(vec![0, 1]);
        assert_eq!(check.check(&block(&[None, Some("a"), Some("a")], &[1.0, 0.0, -0.0])).unwrap(), None);
        assert_eq!(check.check(&block(&[Some("a"), Some("b")], &[f64::NAN, 0.0])).unwrap(), None);
    }

    #[test]
    fn the_first_row_out_of_order_is_named() {
        let mut check = OrderCheck::new(vec![0, 1]);
        assert_eq!(check.check(&block(&[Some("a"), Some("b")], &[1.0, 1.0])).unwrap(), None);
        assert_eq!(check.check(&block(&[Some("b"), Some("a")], &[1.0, 1.0])).unwrap(), Some(3));
    }

    #[test]
    fn a_row_out_of_order_at_a_block_boundary_is_found() {
        let mut check = OrderCheck::new(vec![0]);
        assert_eq!(check.check(&block(&[Some("b")], &[0.0])).unwrap(), None);
        assert_eq!(check.check(&block(&[None], &[0.0])).unwrap(), Some(1));
    }

    fn block(names: &[Option<&str>], numbers: &[f64]) -> RecordBatch {
        let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        let numbers: ArrayRef = Arc::new(Float64Array::from(numbers.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("name", names, true), ("number", numbers, true)]).unwrap()
    }
}
