use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// Which files make up the marts, all of one publication: what a reader goes by who must not mix two
/// nights. Files are replaced in place, so such a reader also compares each file's e-tag or size and
/// hash with the manifest's and begins again when they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this record's form.
    pub version: u32,
    /// The run that published last.
    pub run_id: String,
    /// The day that this run computed for, as `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// When the publication began, in RFC 3339.
    pub published_at: String,
    /// The marts by name.
    pub marts: BTreeMap<String, ManifestMart>,
}

/// One mart in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestMart {
    /// The run that published or confirmed it last.
    pub run_id: String,
    /// The day that this run computed for.
    pub as_of: Option<String>,
    /// Its rows in all files.
    pub rows: u64,
    /// Its files, sorted by name.
    pub files: Vec<ManifestFile>,
}

/// One file in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its key in the store.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its number of rows.
    pub rows: u64,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// What the store calls this version of it, when it has a name for it.
    pub etag: Option<String>,
}

/// Where the manifest is, in the mart store.
pub const MANIFEST_KEY: &str = "_abmart/manifest.json";
/// Where a publication under way says what it is about to do.
pub(crate) const INTENT_KEY: &str = "_abmart/intent.json";
/// The version of both records that this build writes and reads.
pub(crate) const VERSION: u32 = 1;

/// Everything that a publication will do, written before its first visible step. Doing it all again
/// changes nothing, so whoever finds this record can finish the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) moves: Vec<Move>,
    pub(crate) deletes: Vec<String>,
    /// The manifest to come; the e-tags of moved files are not known yet.
    pub(crate) manifest: Manifest,
}

/// One staged file and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

impl Manifest {
    /// The entry of the file with this key.
    #[must_use]
    pub fn file(&self, key: &str) -> Option<&ManifestFile> {
        self.marts.values().flat_map(|mart| &mart.files).find(|file| file.key == key)
    }
}

impl Store {
    /// Reads the manifest; `None` when nothing was published here yet.
    ///
    /// # Errors
    /// [`StoreError::Record`] when it is damaged or of a later version, [`StoreError::Object`] when it cannot
    /// be read.
    pub fn manifest(&self) -> Result<Option<Manifest>, StoreError> {
        let manifest: Option<Manifest> = self.read_record(MANIFEST_KEY)?;
        self.check_version(MANIFEST_KEY, manifest.as_ref())?;
        Ok(manifest)
    }

    pub(crate) fn intent(&self) -> Result<Option<Intent>, StoreError> {
        let intent: Option<Intent> = self.read_record(INTENT_KEY)?;
        self.check_version(INTENT_KEY, intent.as_ref().map(|intent| &intent.manifest))?;
        Ok(intent)
    }

    pub(crate) fn write_record(&self, key: &str, record: &impl Serialize) -> Result<(), StoreError> {
        let mut json = serde_json::to_vec_pretty(record).map_err(|error| self.bad_record(key, error.to_string()))?;
        json.push(b'\n');
        self.put_durably(key, Bytes::from(json))
    }

    fn read_record<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        match self.get(key) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|error| self.bad_record(key, error.to_string()))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn check_version(&self, key: &str, manifest: Option<&Manifest>) -> Result<(), StoreError> {
        match manifest {
            Some(manifest) if manifest.version != VERSION => Err(self
                .bad_record(key, format!("it has version {}, this build reads version {VERSION}", manifest.version))),
            _ => Ok(()),
        }
    }

    fn bad_record(&self, key: &str, reason: String) -> StoreError {
        StoreError::Record { store: self.label().to_owned(), key: key.to_owned(), reason }
    }
}
