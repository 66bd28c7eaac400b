//! What is kept of runs beside their marts: `_abmart/runs/<run>/…`, named by the manifest from the moment on at which the
//! run's marts are.

use std::collections::BTreeSet;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::mart::{self, staged_key};
use crate::{KeptRun, Lease, Manifest, StagedFile, Store, StoreError};

/// The folder of all records.
const FOLDER: &str = "_abmart/runs";
/// What stands for a mart's name in the staged keys of a record. No mart has it: it is hidden.
const STAGED: &str = "_record";

/// What a publication keeps of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRecord {
    /// The pipeline.
    pub pipeline: String,
    /// The files, staged by [`Store::stage_record`]; none: nothing is kept of this run.
    pub files: Vec<StagedFile>,
    /// Of how many runs of the pipeline records are kept, this one included. Those of the others are removed.
    pub kept: usize,
}

impl Store {
    /// Stages a file of the record of run `run_id`.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] for an unusable name, else the store's own failures.
    pub fn stage_record(&self, run_id: &str, file_name: &str, content: Bytes) -> Result<StagedFile, StoreError> {
        mart::check_name(run_id, "run id")?;
        mart::check_name(file_name, "file name")?;
        let staged = StagedFile {
            mart: STAGED.to_owned(),
            file_name: file_name.to_owned(),
            rows: 0,
            bytes: content.len() as u64,
            sha256: digest(&content),
        };
        self.put_durably(&staged_key(run_id, STAGED, file_name), content)?;
        Ok(staged)
    }

    /// A file of a run's record; none where the record has no such file, or where what lies there is not what the
    /// manifest says: the run was forgotten meanwhile, or somebody else has written there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn record_file(&self, run: &KeptRun, file_name: &str) -> Result<Option<Bytes>, StoreError> {
        let wanted = key(&run.run_id, file_name);
        let Some(file) = run.files.iter().find(|file| file.key == wanted) else { return Ok(None) };
        match self.get(&file.key) {
            Ok(content) => Ok(Some(content).filter(|content| digest(content) == file.sha256)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Lease {
    /// Removes the records that the manifest does not name. What cannot be removed now, the next publication removes.
    pub(crate) fn sweep_records(&self, manifest: &Manifest) {
        let sweep = || {
            let named: BTreeSet<&str> = manifest.files().map(|file| file.key.as_str()).collect();
            let there = self.store().list_all(FOLDER)?;
            let keys: Vec<String> =
                there.into_iter().map(|object| object.key).filter(|key| !named.contains(key.as_str())).collect();
            if keys.is_empty() {
                return Ok(());
            }
            self.renew()?;
            self.store().delete_all(&keys)?;
            self.store().remove_empty(FOLDER)
        };
        if let Err::<(), StoreError>(error) = sweep() {
            tracing::warn!(%error, "records of earlier runs are still there");
        }
    }
}

/// Where a file of a run's record is kept.
pub(crate) fn key(run_id: &str, file_name: &str) -> String {
    format!("{FOLDER}/{run_id}/{file_name}")
}

/// Whether a key is that of a record's file.
pub(crate) fn is_one(key: &str) -> bool {
    key.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

fn digest(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

impl Store {
    /// Removes the empty folders below a local one. Object stores have none.
    fn remove_empty(&self, folder: &str) -> Result<(), StoreError> {
        let Some(path) = self.local_path(folder).filter(|path| path.is_dir()) else { return Ok(()) };
        let failed = |source| StoreError::io(format!("removing empty folders of `{}`", path.display()), source);
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let inner = entry.map_err(failed)?.path();
            if inner.is_dir() && std::fs::read_dir(&inner).map_err(failed)?.next().is_none() {
                std::fs::remove_dir(&inner).map_err(failed)?;
            }
        }
        Ok(())
    }
}
