//! Where in a Parquet file things lie.

use std::ops::Range;

use parquet::file::metadata::ParquetMetaData;
use serde::{Deserialize, Serialize};

/// Where the columns of a file lie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Per top-level column, in the file's order: its chunks and their page indexes.
    columns: Vec<Vec<Range<u64>>>,
    /// Where the last chunk ends: indexes and the footer follow.
    data_end: u64,
}

/// Gaps up to this size are fetched as well: bytes are cheaper than one more request.
const GAP: u64 = 128 << 10;

impl Layout {
    pub fn of(metadata: &ParquetMetaData) -> Self {
        let schema = metadata.file_metadata().schema_descr();
        let mut layout = Self { columns: vec![Vec::new(); schema.root_schema().get_fields().len()], data_end: 4 };
        for chunk in metadata.row_groups().iter().flat_map(|group| group.columns().iter().enumerate()) {
            let (leaf, chunk) = chunk;
            let (start, length) = chunk.byte_range();
            layout.data_end = layout.data_end.max(start + length);
            let index = |offset: Option<i64>, length: Option<i32>| {
                let (start, length) = (u64::try_from(offset?).ok()?, u64::try_from(length?).ok()?);
                Some(start..start + length)
            };
            let indexes = [
                index(chunk.column_index_offset(), chunk.column_index_length()),
                index(chunk.offset_index_offset(), chunk.offset_index_length()),
            ];
            if let Some(column) = layout.columns.get_mut(schema.get_column_root_idx(leaf)) {
                column.push(start..start + length);
                column.extend(indexes.into_iter().flatten());
            }
        }
        layout
    }

    /// What is to be fetched of a file of `size` bytes for the columns that are `wanted`, in the file's order.
    pub fn ranges(&self, wanted: impl Iterator<Item = bool>, size: u64) -> Vec<Range<u64>> {
        let columns = self.columns.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        let chunks = columns.flat_map(|(ranges, _)| ranges.iter().cloned());
        // The magic bytes at the beginning, and all that follows the data.
        chunks.chain([0..4, self.data_end..size]).filter(|range| range.end <= size && !range.is_empty()).collect()
    }
}

/// Ranges in order, near ones together, none longer than `longest`.
pub(crate) fn pieces(mut ranges: Vec<Range<u64>>, longest: u64) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut together: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match together.last_mut() {
            Some(last) if range.start <= last.end + GAP => last.end = last.end.max(range.end),
            _ => together.push(range),
        }
    }
    let parts = |range: Range<u64>| {
        let count = (range.end - range.start).div_ceil(longest);
        (0..count).map(move |n| range.start + n * longest..(range.start + (n + 1) * longest).min(range.end))
    };
    together.into_iter().flat_map(parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges: &[(u64, u64)], longest: u64) -> Vec<(u64, u64)> {
        let ranges = ranges.iter().map(|(start, end)| *start..*end).collect();
        pieces(ranges, longest).into_iter().map(|piece| (piece.start, piece.end)).collect()
    }

    #[test]
    fn what_is_near_is_fetched_together_and_what_is_long_in_parts() {
        let apart = of(&[(500_000, 600_000), (0, 4), (4, 1000), (1000, 2000)], 1 << 20);
        assert_eq!(apart, [(0, 2000), (500_000, 600_000)]);
        assert_eq!(of(&[(0, 10), (100, 110)], 1 << 20), [(0, 110)], "a small gap is no reason for a request");
        assert_eq!(of(&[(0, 25)], 10), [(0, 10), (10, 20), (20, 25)]);
        assert_eq!(of(&[(10, 20), (12, 15)], 100), [(10, 20)], "one within the other");
        assert_eq!(of(&[], 10), []);
    }
}
