//! Where results of rollups lie until the periods ask for them: in memory while there is room, else on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use polars::prelude::*;

use crate::codes;
use crate::error::EngineError;

/// First and last bucket of some rows, as days since 1970.
pub type Span = (i32, i32);

/// Rows of a rollup.
#[derive(Debug, Clone)]
pub struct Piece {
    /// First and last bucket, where the rollup has one as a key.
    pub span: Option<Span>,
    /// How many rows.
    pub rows: usize,
    /// Names and types of the rows as they were given, texts coded.
    schema: SchemaRef,
    /// Where they lie, a part at each.
    places: Vec<Place>,
}

#[derive(Debug, Clone)]
enum Place {
    Memory(DataFrame),
    File(Arc<File>),
}

/// A file that goes with its last user.
#[derive(Debug)]
struct File {
    path: PathBuf,
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Piece {
    /// Names and types of the columns, texts coded.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The rows, in parts that are worked on one after the other.
    ///
    /// # Errors
    /// When a file behind them is gone.
    pub fn parts(&self) -> Result<Vec<LazyFrame>, EngineError> {
        self.places.iter().map(|place| self.at(place)).collect()
    }

    /// The rows in one piece.
    ///
    /// # Errors
    /// When a file behind them is gone.
    pub fn lazy(&self) -> Result<LazyFrame, EngineError> {
        let mut parts = self.parts()?;
        if parts.len() == 1 {
            return Ok(parts.swap_remove(0));
        }
        Ok(concat(parts, UnionArgs { rechunk: false, ..UnionArgs::default() })?)
    }

    fn at(&self, place: &Place) -> Result<LazyFrame, EngineError> {
        let rows = match place {
            Place::Memory(rows) => rows.clone().lazy(),
            Place::File(file) => {
                let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
                let rows = LazyFrame::scan_parquet(PlRefPath::try_from_path(&file.path)?, args)?;
                codes::from_numbers(rows, &self.schema)
            }
        };
        let wide = self.schema.iter().filter(|(_, dtype)| **dtype == DataType::Int64);
        let wide: Vec<Expr> = wide.map(|(name, _)| col(name.clone()).cast(DataType::Int64)).collect();
        Ok(if wide.is_empty() { rows } else { rows.with_columns(wide) })
    }
}

/// Keeps pieces in memory up to a limit, the others in a folder that it makes when it needs it.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    limit: u64,
    held: AtomicU64,
    files: AtomicUsize,
}

impl Shelf {
    /// A shelf that holds `limit` bytes in memory and the rest in `folder`, which goes with it.
    #[must_use]
    pub fn new(folder: &Path, limit: u64) -> Self {
        Self { folder: folder.to_owned(), limit, held: AtomicU64::new(0), files: AtomicUsize::new(0) }
    }

    /// The scratch folder, which is made by whoever needs it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the rows of a rollup.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn keep(&self, rollup: &str, rows: DataFrame, span: Option<Span>) -> Result<Piece, EngineError> {
        let rows = codes::compact(rows)?;
        let schema = rows.schema().clone();
        let rows = narrow(rows)?;
        let height = rows.height();
        let parts = height.div_ceil(PART_ROWS).max(1);
        // All parts share their memory, so that one kept there would keep all of it.
        let fits = self.has_room(rows.estimated_size() as u64);
        let place = |part: usize| {
            let rows = rows.slice(i64::try_from(part * PART_ROWS).unwrap_or(i64::MAX), PART_ROWS);
            if fits { Ok(Place::Memory(rows)) } else { self.file(rollup, rows) }
        };
        let places = (0..parts).map(place).collect::<Result<Vec<_>, _>>()?;
        Ok(Piece { span, rows: height, schema, places })
    }

    /// Whether so many bytes still fit; then they count as held.
    fn has_room(&self, size: u64) -> bool {
        let fits = self.held.fetch_add(size, Ordering::Relaxed) + size <= self.limit;
        if !fits {
            self.held.fetch_sub(size, Ordering::Relaxed);
        }
        fits
    }

    fn file(&self, rollup: &str, rows: DataFrame) -> Result<Place, EngineError> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{rollup}-{number}.parquet"));
        let failed = |error: std::io::Error| EngineError::Scratch { path: path.clone(), reason: error.to_string() };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let file = std::fs::File::create(&path).map_err(failed)?;
        ParquetWriter::new(file)
            .with_compression(ParquetCompression::Lz4Raw)
            .with_row_group_size(Some(PART_ROWS))
            .finish(&mut codes::to_numbers(rows)?)?;
        Ok(Place::File(Arc::new(File { path })))
    }
}

/// Rows of a part: what a thread works on at once.
const PART_ROWS: usize = 1 << 20;

/// Whole numbers in as few bytes as they need; most are counts of a handful.
fn narrow(mut rows: DataFrame) -> PolarsResult<DataFrame> {
    let wide: Vec<PlSmallStr> = rows
        .columns()
        .iter()
        .filter(|column| *column.dtype() == DataType::Int64)
        .map(|column| column.name().clone())
        .collect();
    for name in wide {
        let column = rows.column(&name)?.clone();
        let (least, greatest) = (column.i64()?.min().unwrap_or(0), column.i64()?.max().unwrap_or(0));
        let fits = |range: std::ops::RangeInclusive<i64>| range.contains(&least) && range.contains(&greatest);
        let dtype = if fits(i64::from(i16::MIN)..=i64::from(i16::MAX)) {
            DataType::Int16
        } else if fits(i64::from(i32::MIN)..=i64::from(i32::MAX)) {
            DataType::Int32
        } else {
            continue;
        };
        rows.with_column(column.strict_cast(&dtype)?)?;
    }
    Ok(rows)
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.files.load(Ordering::Relaxed) > 0 {
            let _ = std::fs::remove_dir_all(&self.folder);
        } else {
            // Others may have made it; what they put there is theirs.
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::all_of_it(u64::MAX, true)]
    #[case::only_the_last_part(4_096, false)]
    fn a_piece_lies_in_memory_as_a_whole_or_not_at_all(#[case] limit: u64, #[case] in_memory: bool) {
        let height = i64::try_from(PART_ROWS).unwrap() + 10;
        let rows = df!("touches" => (0..height).collect::<Vec<_>>(), "kind" => vec!["visit"; PART_ROWS + 10]).unwrap();
        let folder = std::env::temp_dir().join(format!("abmart-shelf-{}-{in_memory}", std::process::id()));
        let piece = Shelf::new(&folder, limit).keep("touches", rows.clone(), None).unwrap();
        assert_eq!(piece.places.len(), 2);
        assert!(piece.places.iter().all(|place| matches!(place, Place::Memory(_)) == in_memory));
    }

    #[test]
    fn what_went_to_a_file_comes_back_as_it_was() {
        let rows = df!("touches" => [Some(3_i64), None, Some(70_000)], "kind" => [Some("visit"), Some("mail"), None]);
        let rows = rows.unwrap();
        let shelf = Shelf::new(&std::env::temp_dir().join(format!("abmart-shelf-{}", std::process::id())), 0);
        let piece = shelf.keep("touches", rows.clone(), None).unwrap();
        assert!(matches!(piece.places.as_slice(), [Place::File(_)]));
        let back = codes::plain(piece.lazy().unwrap().collect().unwrap()).unwrap();
        assert!(back.equals_missing(&rows) && back.schema() == rows.schema(), "{back}");
    }
}
