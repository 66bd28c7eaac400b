//! The folder in which another engine leaves results that are too large to be sent.

use abmart_store::Store;
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A run's part of the staging store.
pub struct Staging {
    store: Store,
    url: String,
    run_id: String,
}

impl Staging {
    /// The part of a run. `url` is how the engine names the store.
    pub fn new(store: Store, url: String, run_id: &str) -> Self {
        Self { store, url, run_id: run_id.to_owned() }
    }

    /// The key of the folder of a query.
    pub fn folder(&self, query: usize) -> String {
        format!("{}/{query}", self.run_id)
    }

    /// How the engine names a folder.
    pub fn url(&self, folder: &str) -> String {
        format!("{}/{folder}", self.url)
    }

    /// Hands over the rows in a folder's files; returns their bytes.
    ///
    /// # Errors
    /// When a file is not there or not Parquet.
    pub fn read(&self, folder: &str, take: &mut dyn FnMut(&RecordBatch)) -> Result<u64, String> {
        let mut bytes = 0;
        for object in self.store.list(folder).map_err(|error| error.to_string())? {
            let file = self.store.get(&object.key).map_err(|error| error.to_string())?;
            bytes += object.size;
            let failed = |error: &dyn std::error::Error| format!("{}: {error}", object.key);
            let reader =
                ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
            for batch in reader.map_err(|error| failed(&error))? {
                take(&batch.map_err(|error| failed(&error))?);
            }
        }
        Ok(bytes)
    }

    /// Removes a folder; what cannot be removed is told, and left.
    pub fn remove(&self, folder: &str) {
        if let Err(error) = self.store.remove_below(folder) {
            tracing::warn!("the staging folder {} is left: {error}", self.url(folder));
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.remove(&self.run_id.clone());
    }
}
