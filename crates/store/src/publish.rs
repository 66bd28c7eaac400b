use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Intent, VERSION};
use crate::mart::{self, STAGING};
use crate::plan::Plan;
use crate::records::RunRecord;
use crate::recover::Recovery;
use crate::{Lease, Manifest, ManifestFile, MartFormat, ObjectInfo, StagedFile, Store, StoreError};

/// What one run makes visible. Marts that it does not name stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    /// The run that staged the files.
    pub run_id: String,
    /// The day that it computed for, as `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// The staged files. Of a mart that has a file here or in `kept`, all other files are removed.
    pub files: Vec<StagedFile>,
    /// Files that stay as they are published, without having been staged again: [`Store::standing`] has them.
    pub kept: Vec<KeptFile>,
    /// Marts that exist no longer; their files are removed.
    pub retired: Vec<String>,
    /// Marts that are published as Delta tables; all others are plain Parquet files.
    pub delta: BTreeSet<String>,
    /// What is kept of the run; none: the records of other runs stay as they are.
    pub record: Option<RunRecord>,
}

/// A published file that a run knows to be what it would write again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// The mart that it belongs to.
    pub mart: String,
    /// Its path below the mart's folder as it was staged, such as `part-0.parquet`.
    pub file_name: String,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
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

impl Publication {
    /// How a mart is published.
    #[must_use]
    pub fn format(&self, mart: &str) -> MartFormat {
        if self.delta.contains(mart) { MartFormat::Delta } else { MartFormat::Parquet }
    }
}

impl Store {
    /// The files of a mart that can be kept: those that are published in this format and are still there as the
    /// manifest has them, by the name under which they were staged.
    ///
    /// # Errors
    /// Those of [`Store::manifest`] and [`Store::list`].
    pub fn standing(&self, mart: &str, format: MartFormat) -> Result<BTreeMap<String, ManifestFile>, StoreError> {
        // After a publication that cannot be finished the manifest does not say what the files are.
        if self.tagged_intent()?.is_some_and(|(record, _)| record.open.is_some()) {
            return Ok(BTreeMap::new());
        }
        let Some(known) = self.manifest()?.and_then(|mut manifest| manifest.marts.remove(mart)) else {
            return Ok(BTreeMap::new());
        };
        if known.format != format {
            return Ok(BTreeMap::new());
        }
        let there = self.folder(mart, &known.files)?;
        let files = known.files.into_iter().filter(|file| is_as_recorded(file, &there));
        Ok(files.map(|file| (file.name(mart).to_owned(), file)).collect())
    }

    /// Removes what a run staged, after a failed audit for instance.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] for an unusable run id, else the store's own failures.
    pub fn discard_staging(&self, run_id: &str) -> Result<(), StoreError> {
        mart::check_name(run_id, "run id")?;
        let folder = format!("{STAGING}/{run_id}");
        let keys: Vec<String> = self.list_all(&folder)?.into_iter().map(|object| object.key).collect();
        self.delete_all(&keys)?;
        if let Some(path) = self.local_path(&folder).filter(|path| path.is_dir()) {
            // Object stores have no folders; locally the moves leave empty ones.
            std::fs::remove_dir_all(&path)
                .map_err(|source| StoreError::io(format!("removing folder `{}`", path.display()), source))?;
        }
        Ok(())
    }

    /// The visible objects of a mart's folder, by key; of those that the manifest knows, the e-tags for certain.
    pub(crate) fn folder(
        &self,
        mart: &str,
        known: &[ManifestFile],
    ) -> Result<BTreeMap<String, ObjectInfo>, StoreError> {
        let known: BTreeSet<&str> = known.iter().map(|file| file.key.as_str()).collect();
        self.with_etags(self.list(mart)?, |key| known.contains(key))
    }

    /// The staged files as the store has them, by key.
    fn staged(&self, publication: &Publication) -> Result<BTreeMap<String, ObjectInfo>, StoreError> {
        let staged = self.list_all(&format!("{STAGING}/{}", publication.run_id))?;
        let staged = self.with_etags(staged, |_| true)?;
        for file in publication.files.iter().chain(publication.record.iter().flat_map(|record| &record.files)) {
            let key = file.staged_key(&publication.run_id);
            if staged.get(&key).is_none_or(|object| object.size != file.bytes) {
                return Err(StoreError::StagedMissing { key });
            }
        }
        Ok(staged)
    }

    /// Listed objects by key. Some stores list no e-tags: those of the objects asked for are then looked up one by one.
    fn with_etags(
        &self,
        listed: Vec<ObjectInfo>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, ObjectInfo>, StoreError> {
        let without = |object: &&ObjectInfo| object.etag.is_none() && wanted(&object.key);
        let without: Vec<String> = listed.iter().filter(without).map(|object| object.key.clone()).collect();
        let found = self.all_at_once(&without, |key| self.look_up(key))?;
        let mut objects: BTreeMap<String, ObjectInfo> =
            listed.into_iter().map(|object| (object.key.clone(), object)).collect();
        objects.extend(found.into_iter().flatten().map(|object| (object.key.clone(), object)));
        Ok(objects)
    }
}

impl Lease {
    /// Makes staged files visible: intent record, moves, Delta commits, deletions, manifest, clean-up, in this order.
    ///
    /// Killed at any instant, it is finished by the next [`Lease::recover`] or `publish`; no file is ever
    /// visible half-written. A publication that another run left unfinished is finished first. A holder that
    /// has lost its lease gets no further than to the next check.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] and [`StoreError::Mart`] for unusable or repeated names,
    /// [`StoreError::StagedMissing`] when a staged file is not there in full, [`StoreError::KeptMissing`] when a
    /// published one is not; until then nothing has changed. Afterwards only [`StoreError::LeaseLost`],
    /// [`StoreError::Delta`] and the store's own failures.
    pub fn publish(&self, publication: &Publication) -> Result<Published, StoreError> {
        check(publication)?;
        self.renew()?;
        let settled = self.settle()?;
        if let Some(done) = self.already_published(publication, &settled.outcome)? {
            return Ok(done);
        }
        let before = self.store().tagged_manifest()?;
        if let Some((manifest, _)) = &before
            && self.is_guarded()
            && manifest.token > self.token()
        {
            return Err(self.lost_to(manifest.run_id.clone()));
        }
        let staged = self.store().staged(publication)?;
        let (before, tag) = before.unzip();
        // After an incomplete publication the manifest does not say what the files are.
        let trusted = !matches!(settled.outcome, Recovery::Incomplete { .. });
        let mut plan = Plan {
            store: self.store(),
            publication,
            before: before.as_ref(),
            trusted,
            staged: &staged,
            moves: Vec::new(),
            deletes: settled.strays,
            unchanged: Vec::new(),
        };
        let marts = plan.marts()?;
        let runs = plan.runs();
        let Plan { moves, deletes, unchanged, .. } = plan;
        let manifest = Manifest {
            version: VERSION,
            token: self.token(),
            run_id: publication.run_id.clone(),
            as_of: publication.as_of.clone(),
            published_at: jiff::Timestamp::now().to_string(),
            marts,
            runs,
        };
        let tables = manifest.marts.keys().filter(|mart| publication.delta.contains(*mart)).cloned().collect();
        let intent = Intent { moves, tables, deletes, manifest };
        self.write_intent(Some(&intent))?;
        let manifest = self.apply(&intent, tag.as_ref())?;
        if publication.record.is_some() {
            self.sweep_records(&manifest);
        }
        Ok(Published {
            manifest,
            written: intent.moves.into_iter().map(|step| step.to).collect(),
            unchanged,
            deleted: intent.deletes,
        })
    }

    /// Removes what this lease's run has staged, when it has failed. What another run will have to finish stays, and a
    /// failure to remove the rest is no matter: the next run sweeps it.
    pub fn abandon(&self) {
        let unfinished = || Ok::<_, StoreError>(self.open_intent()?.is_some());
        if matches!(self.check().and_then(|()| unfinished()), Ok(false)) {
            drop(self.store().discard_staging(self.run_id()));
        }
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
        let Some(manifest) = self.store().manifest()?.filter(|_| *run_id == publication.run_id) else {
            return Ok(None);
        };
        let key = |file: &StagedFile| {
            let files = &manifest.marts.get(&file.mart)?.files;
            let same = |known: &&ManifestFile| known.name(&file.mart) == file.file_name && known.sha256 == file.sha256;
            files.iter().find(same).map(|known| known.key.clone())
        };
        let written: Option<Vec<String>> = publication.files.iter().map(key).collect();
        Ok(written.map(|written| Published { manifest, written, unchanged: Vec::new(), deleted: Vec::new() }))
    }

    pub(crate) fn lost_to(&self, by: String) -> StoreError {
        StoreError::LeaseLost { store: self.store().label().to_owned(), run_id: self.run_id().to_owned(), by }
    }
}

/// Whether the file that the manifest describes is still there, untouched as far as the store can tell.
pub(crate) fn is_as_recorded(known: &ManifestFile, there: &BTreeMap<String, ObjectInfo>) -> bool {
    there.get(&known.key).is_some_and(|object| object.size == known.size && object.etag == known.etag)
}

fn check(publication: &Publication) -> Result<(), StoreError> {
    mart::check_name(&publication.run_id, "run id")?;
    let mut names = BTreeSet::new();
    let staged = publication.files.iter().map(|file| (&file.mart, &file.file_name));
    for (mart, file_name) in staged.chain(publication.kept.iter().map(|file| (&file.mart, &file.file_name))) {
        mart::check_name(mart, "mart name")?;
        mart::check_file_name(file_name)?;
        let refused = |reason: String| StoreError::Mart { mart: mart.clone(), reason };
        if !names.insert((mart, file_name)) {
            return Err(refused(format!("file `{file_name}` is published twice")));
        }
        if publication.retired.contains(mart) {
            return Err(refused("it is published and retired at once".to_owned()));
        }
    }
    for file in publication.record.iter().flat_map(|record| &record.files) {
        mart::check_name(&file.file_name, "file name")?;
    }
    publication.retired.iter().try_for_each(|name| mart::check_name(name, "mart name"))
}
