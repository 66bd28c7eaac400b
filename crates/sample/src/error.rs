//! What can go wrong while a lake is made.

/// Why no lake, or only part of one, was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The options describe no lake.
    #[error("invalid sample options: {0}")]
    Options(&'static str),
    /// The target already holds Parquet files.
    #[error(
        "the target `{prefix}` already holds Parquet files (such as `{example}`): \
         an empty target is needed, or the overwrite option, which deletes the model's tables there first"
    )]
    NotEmpty {
        /// The target prefix.
        prefix: String,
        /// One of the files found.
        example: String,
    },
    /// The object store refused a request.
    #[error("the object store failed: {0}")]
    Store(#[from] object_store::Error),
    /// Rows could not be encoded.
    #[error("a Parquet file could not be encoded: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Generated columns do not fit their table's schema.
    #[error("generated rows of `{table}` do not fit its schema: {source}")]
    Rows {
        /// The table.
        table: &'static str,
        /// What does not fit.
        source: arrow::error::ArrowError,
    },
    /// The requested months leave the calendar.
    #[error("the requested months leave the calendar: {0}")]
    Calendar(#[from] jiff::Error),
    /// The runtime that drives the store could not start.
    #[error("the runtime that drives the object store could not start: {0}")]
    Runtime(#[from] std::io::Error),
    /// A worker thread stopped; a defect of the generator.
    #[error("a worker thread of the generator stopped unexpectedly")]
    Worker,
}
