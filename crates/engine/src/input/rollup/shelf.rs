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
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Memory(DataFrame),
    File(Arc<File>, SchemaRef),
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
        match &self.place {
            Place::Memory(rows) => Ok(rows.clone().lazy()),
            Place::File(file, schema) => {
                let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
                let rows = LazyFrame::scan_parquet(PlRefPath::try_from_path(&file.path)?, args)?;
                Ok(codes::from_numbers(rows, schema))
            }
        }
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
        let height = rows.height();
        let size = rows.estimated_size() as u64;
        if self.held.fetch_add(size, Ordering::Relaxed) + size <= self.limit {
            return Ok(Piece { span, rows: height, place: Place::Memory(rows) });
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
            .finish(&mut codes::to_numbers(rows.clone())?)?;
        Ok(Piece { span, rows: height, place: Place::File(Arc::new(File { path }), rows.schema().clone()) })
    }
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
