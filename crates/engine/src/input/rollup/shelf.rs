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
    place: Place,
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
    /// The rows.
    ///
    /// # Errors
    /// When the file behind them is gone.
    pub fn lazy(&self) -> Result<LazyFrame, EngineError> {
        let (rows, numbers) = match &self.place {
            Place::Memory(rows) => (rows.clone().lazy(), false),
            Place::File(file) => {
                let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
                (LazyFrame::scan_parquet(PlRefPath::try_from_path(&file.path)?, args)?, true)
            }
        };
        let rows = if numbers { codes::from_numbers(rows, &self.schema) } else { rows };
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

    /// Keeps the rows of a rollup.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn keep(&self, rollup: &str, rows: DataFrame, span: Option<Span>) -> Result<Piece, EngineError> {
        let rows = codes::compact(rows)?;
        let schema = rows.schema().clone();
        let rows = narrow(rows)?;
        let height = rows.height();
        let size = rows.estimated_size() as u64;
        if self.held.fetch_add(size, Ordering::Relaxed) + size <= self.limit {
            return Ok(Piece { span, rows: height, schema, place: Place::Memory(rows) });
        }
        self.held.fetch_sub(size, Ordering::Relaxed);
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{rollup}-{number}.parquet"));
        let failed = |error: std::io::Error| EngineError::Scratch { path: path.clone(), reason: error.to_string() };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let file = std::fs::File::create(&path).map_err(failed)?;
        ParquetWriter::new(file)
            .with_compression(ParquetCompression::Lz4Raw)
            .with_row_group_size(Some(ROW_GROUP_ROWS))
            .finish(&mut codes::to_numbers(rows)?)?;
        Ok(Piece { span, rows: height, schema, place: Place::File(Arc::new(File { path })) })
    }
}

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

/// Rows of a row group: small enough to skip those outside a period, large enough to read fast.
const ROW_GROUP_ROWS: usize = 1 << 18;

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.files.load(Ordering::Relaxed) > 0 {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
