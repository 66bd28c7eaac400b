use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{INTENT_KEY, Intent, MANIFEST_KEY, Move, VERSION};
use crate::mart::{self, STAGING, is_parquet};
use crate::recover::Recovery;
use crate::{Manifest, ManifestFile, ManifestMart, StagedFile, Store, StoreError, durable};

/// What one run makes visible. Marts that it does not name stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    /// The run that staged the files.
    pub run_id: String,
    /// The day that it computed for, as `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// The staged files. Of a mart that has a file here, all other files are removed.
    pub files: Vec<StagedFile>,
    /// Marts that exist no longer; their files are removed.
    pub retired: Vec<String>,
}

/// What a publication did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The manifest as it now stands.
    pub manifest: Manifest,
    /// The keys of the files that were written.
    pub written: Vec<String>,
    /// The keys of the files that were already there with the same bytes, and were not touched.
    pub unchanged: Vec<String>,
    /// The keys of the files that were removed.
    pub deleted: Vec<String>,
}

impl Store {
    /// Makes staged files visible: intent record, moves, deletions, manifest, clean-up, in this order.
    ///
    /// Killed at any instant, it is finished by the next [`Store::recover`] or `publish`; no file is ever
    /// visible half-written. A publication that another run left unfinished is finished first.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] and [`StoreError::Mart`] for unusable or repeated names,
    /// [`StoreError::StagedMissing`] when a staged file is not there in full; until then nothing has changed.
    /// Afterwards only the store's own failures.
    pub fn publish(&self, publication: &Publication) -> Result<Published, StoreError> {
        check(publication)?;
        let settled = self.settle()?;
        if let Some(done) = self.already_published(publication, &settled)? {
            return Ok(done);
        }
        self.check_staged(publication)?;
        // After an incomplete publication the manifest does not say what the files are.
        let trusted = !matches!(settled, Recovery::Incomplete { .. });
        let (intent, unchanged) = self.plan(publication, trusted)?;
        self.write_record(INTENT_KEY, &intent)?;
        let manifest = self.apply(&intent)?;
        Ok(Published {
            manifest,
            written: intent.moves.into_iter().map(|step| step.to).collect(),
            unchanged,
            deleted: intent.deletes,
        })
    }

    /// Removes what a run staged, after a failed audit for instance.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] for an unusable run id, else the store's own failures.
    pub fn discard_staging(&self, run_id: &str) -> Result<(), StoreError> {
        mart::check_name(run_id, "run id")?;
        let folder = format!("{STAGING}/{run_id}");
        for object in self.list_all(&folder)? {
            self.delete(&object.key)?;
        }
        if let Some(path) = self.local_path(&folder).filter(|path| path.is_dir()) {
            // Object stores have no folders; locally the moves leave empty ones.
            std::fs::remove_dir_all(&path)
                .map_err(|source| StoreError::io(format!("removing folder `{}`", path.display()), source))?;
        }
        Ok(())
    }

    /// Carries out an intent; steps that are done already are passed over.
    pub(crate) fn apply(&self, intent: &Intent) -> Result<Manifest, StoreError> {
        for step in &intent.moves {
            match self.rename(&step.from, &step.to) {
                Err(error) if error.is_not_found() && self.has_size(&step.to, step.size)? => {}
                result => result?,
            }
        }
        for key in &intent.deletes {
            self.delete(key)?;
        }
        if let Some(root) = self.local_root() {
            // All of the manifest's files: one moved before a kill may not have reached the disk yet.
            let marts = intent.manifest.marts.values();
            let files = marts.flat_map(|mart| &mart.files).map(|file| &file.key);
            durable::sync_folders(root, files.chain(&intent.deletes).map(String::as_str))?;
        }
        let manifest = self.with_etags(&intent.manifest)?;
        self.write_record(MANIFEST_KEY, &manifest)?;
        self.close_intent(&manifest.run_id)?;
        Ok(manifest)
    }

    /// The last steps of a publication, when the manifest is in place.
    pub(crate) fn close_intent(&self, run_id: &str) -> Result<(), StoreError> {
        self.delete(INTENT_KEY)?;
        self.discard_staging(run_id)
    }

    /// Decides what to move and delete; also gives the keys that can stay as they are.
    fn plan(&self, publication: &Publication, trusted: bool) -> Result<(Intent, Vec<String>), StoreError> {
        let before = self.manifest()?;
        let (mut moves, mut unchanged) = (Vec::new(), Vec::new());
        let mut published: BTreeMap<String, ManifestMart> = BTreeMap::new();
        let mut files: Vec<&StagedFile> = publication.files.iter().collect();
        files.sort_by_key(|file| file.published_key());
        for file in files {
            let key = file.published_key();
            let known = before.as_ref().filter(|_| trusted).and_then(|manifest| manifest.file(&key));
            let etag = match known {
                Some(known) if known.sha256 == file.sha256 && self.is_as_recorded(known)? => {
                    unchanged.push(key.clone());
                    known.etag.clone()
                }
                _ => {
                    moves.push(Move {
                        from: file.staged_key(&publication.run_id),
                        to: key.clone(),
                        size: file.bytes,
                        sha256: file.sha256.clone(),
                    });
                    None
                }
            };
            let mart = published.entry(file.mart.clone()).or_insert_with(|| ManifestMart {
                run_id: publication.run_id.clone(),
                as_of: publication.as_of.clone(),
                rows: 0,
                files: Vec::new(),
            });
            mart.rows += file.rows;
            mart.files.push(ManifestFile { key, size: file.bytes, rows: file.rows, sha256: file.sha256.clone(), etag });
        }
        let deletes = self.leftovers(publication, &published)?;
        let mut marts = before.map(|manifest| manifest.marts).unwrap_or_default();
        marts.retain(|name, _| !publication.retired.contains(name));
        marts.extend(published);
        let manifest = Manifest {
            version: VERSION,
            run_id: publication.run_id.clone(),
            as_of: publication.as_of.clone(),
            published_at: jiff::Timestamp::now().to_string(),
            marts,
        };
        Ok((Intent { moves, deletes, manifest }, unchanged))
    }

    /// The visible Parquet files in the folders of published and retired marts that belong there no longer.
    fn leftovers(
        &self,
        publication: &Publication,
        published: &BTreeMap<String, ManifestMart>,
    ) -> Result<Vec<String>, StoreError> {
        let kept: BTreeSet<&str> =
            published.values().flat_map(|mart| &mart.files).map(|file| file.key.as_str()).collect();
        let mut leftovers = Vec::new();
        for mart in published.keys().chain(&publication.retired) {
            let keys = self.list(mart)?.into_iter().map(|object| object.key);
            leftovers.extend(keys.filter(|key| is_parquet(key) && !kept.contains(key.as_str())));
        }
        Ok(leftovers)
    }

    fn check_staged(&self, publication: &Publication) -> Result<(), StoreError> {
        for file in &publication.files {
            let key = file.staged_key(&publication.run_id);
            if !self.has_size(&key, file.bytes)? {
                return Err(StoreError::StagedMissing { key });
            }
        }
        Ok(())
    }

    /// When this very publication was begun before and has just been finished, there is nothing left to do.
    fn already_published(
        &self,
        publication: &Publication,
        settled: &Recovery,
    ) -> Result<Option<Published>, StoreError> {
        let Recovery::RolledForward { run_id, .. } = settled else {
            return Ok(None);
        };
        let Some(manifest) = self.manifest()?.filter(|_| *run_id == publication.run_id) else {
            return Ok(None);
        };
        let keys: Vec<String> = publication.files.iter().map(StagedFile::published_key).collect();
        let complete = publication
            .files
            .iter()
            .zip(&keys)
            .all(|(file, key)| manifest.file(key).is_some_and(|known| known.sha256 == file.sha256));
        Ok(complete.then(|| Published { manifest, written: keys, unchanged: Vec::new(), deleted: Vec::new() }))
    }

    fn with_etags(&self, manifest: &Manifest) -> Result<Manifest, StoreError> {
        let mut manifest = manifest.clone();
        let unnamed = manifest.marts.values_mut().flat_map(|mart| &mut mart.files).filter(|file| file.etag.is_none());
        for file in unnamed {
            file.etag = self.head(&file.key)?.and_then(|object| object.etag);
        }
        Ok(manifest)
    }

    /// Whether the file that the manifest describes is still there, untouched as far as the store can tell.
    fn is_as_recorded(&self, known: &ManifestFile) -> Result<bool, StoreError> {
        Ok(self.head(&known.key)?.is_some_and(|object| object.size == known.size && object.etag == known.etag))
    }

    fn has_size(&self, key: &str, size: u64) -> Result<bool, StoreError> {
        Ok(self.head(key)?.is_some_and(|object| object.size == size))
    }
}

fn check(publication: &Publication) -> Result<(), StoreError> {
    mart::check_name(&publication.run_id, "run id")?;
    let mut keys = BTreeSet::new();
    for file in &publication.files {
        file.check()?;
        let refused = |reason: String| StoreError::Mart { mart: file.mart.clone(), reason };
        if !keys.insert(file.published_key()) {
            return Err(refused(format!("file `{}` was staged twice", file.file_name)));
        }
        if publication.retired.contains(&file.mart) {
            return Err(refused("it is published and retired at once".to_owned()));
        }
    }
    publication.retired.iter().try_for_each(|name| mart::check_name(name, "mart name"))
}
