use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::swap::Tag;
use crate::{Store, StoreError};

/// Which files make up the marts, all of one publication: what a reader goes by who must not mix two
/// nights. Plain files are replaced in place, so such a reader also compares each file's e-tag or size and
/// hash with the manifest's and begins again when they differ; of a Delta table it reads the version named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this record's form.
    pub version: u32,
    /// The token of the lease under which it was written; 0 when there was none.
    #[serde(default)]
    pub token: u64,
    /// The run that published last.
    pub run_id: String,
    /// The day that this run computed for, as `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// When the publication began, in RFC 3339.
    pub published_at: String,
    /// The marts by name.
    pub marts: BTreeMap<String, ManifestMart>,
    /// The runs of which the store keeps a record, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub runs: Vec<KeptRun>,
}

/// A run whose record is kept: files of no mart, that say what the run has published. Files that no entry of the manifest
/// names are of no run that has published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRun {
    /// The run.
    pub run_id: String,
    /// The pipeline; of each one so many of the newest runs are kept.
    pub pipeline: String,
    /// The day that it computed for, as `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// The files of its record, sorted by key.
    pub files: Vec<ManifestFile>,
}

/// One mart in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestMart {
    /// The run that published or confirmed it last.
    pub run_id: String,
    /// The day that this run computed for.
    pub as_of: Option<String>,
    /// How it is published.
    #[serde(default)]
    pub format: MartFormat,
    /// The version of its Delta table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delta_version: Option<u64>,
    /// Its rows in all files.
    pub rows: u64,
    /// Its files, sorted by key.
    pub files: Vec<ManifestFile>,
}

/// One file in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its key in the store.
    pub key: String,
    /// Its path below the mart's folder as the run staged it, where the key is not that: files of a Delta table bear
    /// the run's id, because older versions of the table go on using theirs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Its number of rows.
    pub rows: u64,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// What the store calls this version of it, when it has a name for it.
    pub etag: Option<String>,
}

/// How a mart is published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MartFormat {
    /// Parquet files under stable paths, replaced in place: every `*.parquet` below the mart's folder belongs to it.
    #[default]
    Parquet,
    /// A Delta table: a version a publication, files of older versions stay for time travel.
    Delta,
}

/// Where the manifest is, in the mart store.
pub const MANIFEST_KEY: &str = "_abmart/manifest.json";
/// Where a publication under way says what it is about to do.
pub(crate) const INTENT_KEY: &str = "_abmart/intent.json";
/// The version of all records that this build writes and reads.
pub(crate) const VERSION: u32 = 1;

/// The record at [`INTENT_KEY`]. It is never deleted, only replaced, so that whoever has read it before another took the
/// lease cannot replace it after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IntentRecord {
    pub(crate) version: u32,
    /// The token of the lease under which it was written.
    pub(crate) token: u64,
    /// The run that wrote it.
    pub(crate) run_id: String,
    /// The publication that is not finished.
    pub(crate) open: Option<Intent>,
}

/// Everything that a publication will do, written before its first visible step. Doing it all again
/// changes nothing, so whoever finds this record can finish the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) moves: Vec<Move>,
    /// Marts whose Delta tables are brought to the files that the manifest names.
    pub(crate) tables: Vec<String>,
    pub(crate) deletes: Vec<String>,
    /// The manifest to come; e-tags of moved files and versions of tables are not known yet.
    pub(crate) manifest: Manifest,
}

/// One staged file and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// What the store calls the staged file. A file system keeps this name when the file is moved, most object stores
    /// do when it is copied; where the place bears it, nothing needs to be read to know that the move was made.
    pub(crate) etag: Option<String>,
}

impl Manifest {
    /// The entry of the file with this key.
    #[must_use]
    pub fn file(&self, key: &str) -> Option<&ManifestFile> {
        self.marts.values().flat_map(|mart| &mart.files).find(|file| file.key == key)
    }

    /// All files that it names: those of marts, then those of records.
    pub(crate) fn files(&self) -> impl Iterator<Item = &ManifestFile> {
        self.marts.values().flat_map(|mart| &mart.files).chain(self.runs.iter().flat_map(|run| &run.files))
    }

    /// As [`Manifest::files`], to be changed.
    pub(crate) fn files_mut(&mut self) -> impl Iterator<Item = &mut ManifestFile> {
        let marts = self.marts.values_mut().flat_map(|mart| &mut mart.files);
        marts.chain(self.runs.iter_mut().flat_map(|run| &mut run.files))
    }

    /// The key under which a mart's file, named as it was staged, is published.
    #[must_use]
    pub fn key_of(&self, mart: &str, file_name: &str) -> Option<&str> {
        let files = &self.marts.get(mart)?.files;
        files.iter().find(|file| file.name(mart) == file_name).map(|file| file.key.as_str())
    }
}

impl ManifestFile {
    /// Its path below the folder of its mart, as the run staged it.
    #[must_use]
    pub fn name(&self, mart: &str) -> &str {
        let below = || self.key.strip_prefix(mart).and_then(|rest| rest.strip_prefix('/'));
        self.name.as_deref().or_else(below).unwrap_or(&self.key)
    }
}

impl Store {
    /// Reads the manifest; `None` when nothing was published here yet.
    ///
    /// # Errors
    /// [`StoreError::Record`] when it is damaged or of a later version, [`StoreError::Object`] when it cannot
    /// be read.
    pub fn manifest(&self) -> Result<Option<Manifest>, StoreError> {
        Ok(self.tagged_manifest()?.map(|(manifest, _)| manifest))
    }

    pub(crate) fn tagged_manifest(&self) -> Result<Option<(Manifest, Tag)>, StoreError> {
        let found: Option<(Manifest, Tag)> = self.read_record(MANIFEST_KEY)?;
        if let Some((manifest, _)) = &found {
            self.check_version(MANIFEST_KEY, manifest.version)?;
        }
        Ok(found)
    }

    pub(crate) fn tagged_intent(&self) -> Result<Option<(IntentRecord, Tag)>, StoreError> {
        let found: Option<(IntentRecord, Tag)> = self.read_record(INTENT_KEY)?;
        if let Some((record, _)) = &found {
            self.check_version(INTENT_KEY, record.version)?;
        }
        Ok(found)
    }

    fn read_record<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, Tag)>, StoreError> {
        let Some((bytes, tag)) = self.get_tagged(key)? else { return Ok(None) };
        let record = serde_json::from_slice(&bytes).map_err(|error| self.bad_record(key, error.to_string()))?;
        Ok(Some((record, tag)))
    }

    pub(crate) fn check_version(&self, key: &str, found: u32) -> Result<(), StoreError> {
        if found == VERSION {
            return Ok(());
        }
        Err(self.bad_record(key, format!("it has version {found}, this build reads version {VERSION}")))
    }

    pub(crate) fn bad_record(&self, key: &str, reason: String) -> StoreError {
        StoreError::Record { store: self.label().to_owned(), key: key.to_owned(), reason }
    }
}

/// A record as it is written.
pub(crate) fn json(key: &str, store: &Store, record: &impl Serialize) -> Result<Bytes, StoreError> {
    let mut json = serde_json::to_vec_pretty(record).map_err(|error| store.bad_record(key, error.to_string()))?;
    json.push(b'\n');
    Ok(Bytes::from(json))
}
