use std::collections::VecDeque;

use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// Regroups record batches into blocks of a fixed number of rows, the last one shorter.
///
/// The encoder's page boundaries depend on how its input is cut, and the engine cuts differently from
/// run to run; equal rows give equal bytes only when the cuts are equal too.
pub(crate) struct Blocks {
    schema: SchemaRef,
    size: usize,
    pending: VecDeque<RecordBatch>,
    rows: usize,
}

impl Blocks {
    pub(crate) fn new(schema: SchemaRef, size: usize) -> Self {
        Self { schema, size, pending: VecDeque::new(), rows: 0 }
    }

    pub(crate) fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.rows += batch.num_rows();
            self.pending.push_back(batch);
        }
    }

    /// The next full block, when there are rows enough.
    pub(crate) fn next_full(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows < self.size {
            return Ok(None);
        }
        self.take(self.size).map(Some)
    }

    /// What is left after the last full block; `None` when nothing is.
    pub(crate) fn rest(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.take(self.rows).map(Some)
    }

    /// Copies only when a block spans several batches.
    fn take(&mut self, rows: usize) -> Result<RecordBatch, ArrowError> {
        let mut parts = Vec::new();
        let mut missing = rows;
        while missing > 0 {
            let Some(batch) = self.pending.pop_front() else {
                break;
            };
            if batch.num_rows() > missing {
                let left = batch.num_rows() - missing;
                self.pending.push_front(batch.slice(missing, left));
                parts.push(batch.slice(0, missing));
                missing = 0;
            } else {
                missing -= batch.num_rows();
                parts.push(batch);
            }
        }
        self.rows -= rows;
        match <[RecordBatch; 1]>::try_from(parts) {
            Ok([only]) => Ok(only),
            Err(parts) => concat_batches(&self.schema, &parts),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray as _, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn any_cutting_of_the_rows_gives_the_same_blocks() {
        for cuts in [vec![10], vec![1; 10], vec![3, 0, 7], vec![4, 4, 2], vec![9, 1]] {
            assert_eq!(blocks(&cuts), [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]], "{cuts:?}");
        }
    }

    fn blocks(cuts: &[i64]) -> Vec<Vec<i64>> {
        let batch = |from: i64, to: i64| {
            let column: ArrayRef = Arc::new(Int64Array::from_iter_values(from..to));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let mut blocks = Blocks::new(batch(0, 0).schema(), 4);
        let mut found = Vec::new();
        let mut next = 0;
        for cut in cuts {
            blocks.push(batch(next, next + cut));
            next += cut;
            while let Some(block) = blocks.next_full().unwrap() {
                found.push(block);
            }
        }
        found.extend(blocks.rest().unwrap());
        found.iter().map(|block| block.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
    }
}
