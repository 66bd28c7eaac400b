//! Rows set aside, where people find them: `_quarantine/<run>/<source>.parquet`, out of the sight of the marts' readers.
//!
//! The folder of a run is complete before its marts are published, and the manifest names the run: whoever goes by the
//! manifest sees the rows that are missing in exactly these marts. Folders of other runs go after the publication.

use std::sync::Arc;

use abmart_engine::Outcome;
use abmart_store::{Store, StoreError};
use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use crate::exit::{Failure, chain};

/// The folder of all runs' rows.
const FOLDER: &str = "_quarantine";

/// Writes the rows that a run set aside, one file a source.
///
/// # Errors
/// When the store cannot be written.
pub fn write(outcome: &Outcome, marts: &Store, run_id: &str) -> Result<(), Failure> {
    for (source, rows) in &outcome.quarantined {
        marts.put(&format!("{FOLDER}/{run_id}/{source}.parquet"), encoded(rows)?)?;
        tracing::warn!(source, rows = rows.num_rows(), "rows quarantined");
    }
    Ok(())
}

/// Removes the rows of all runs but the one whose marts are published. What cannot be removed now, the next run removes.
pub fn keep_only(marts: &Store, run_id: &str) {
    if let Err(error) = remove(marts, |key| !of(key, run_id)) {
        tracing::warn!(%error, "rows that earlier runs set aside are still there");
    }
}

/// Removes the rows of a run that publishes nothing.
///
/// # Errors
/// When the store cannot be read or written.
pub fn discard(marts: &Store, run_id: &str) -> Result<(), StoreError> {
    remove(marts, |key| of(key, run_id))
}

fn remove(marts: &Store, unwanted: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    for object in marts.list(FOLDER)?.iter().filter(|object| unwanted(&object.key)) {
        marts.delete(&object.key)?;
    }
    Ok(())
}

fn of(key: &str, run_id: &str) -> bool {
    key.strip_prefix(FOLDER)
        .and_then(|rest| rest.strip_prefix('/')?.split_once('/'))
        .is_some_and(|(run, _)| run == run_id)
}

fn encoded(rows: &RecordBatch) -> Result<Bytes, Failure> {
    let failed = |error: parquet::errors::ParquetError| Failure::Run(chain(&error));
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, Arc::clone(&rows.schema()), None).map_err(failed)?;
    writer.write(rows).map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(Bytes::from(file))
}
