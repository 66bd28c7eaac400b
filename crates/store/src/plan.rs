use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::Move;
use crate::mart::is_parquet;
use crate::publish::is_as_recorded;
use crate::records;
use crate::{
    KeptRun, Manifest, ManifestFile, ManifestMart, MartFormat, ObjectInfo, Publication, Store, StoreError, delta,
};

/// Decides what to move and delete, mart by mart.
pub(crate) struct Plan<'a> {
    pub(crate) store: &'a Store,
    pub(crate) publication: &'a Publication,
    pub(crate) before: Option<&'a Manifest>,
    pub(crate) trusted: bool,
    pub(crate) staged: &'a BTreeMap<String, ObjectInfo>,
    pub(crate) moves: Vec<Move>,
    pub(crate) deletes: Vec<String>,
    /// The keys that stay as they are.
    pub(crate) unchanged: Vec<String>,
}

impl Plan<'_> {
    /// All marts as the manifest to come has them.
    pub(crate) fn marts(&mut self) -> Result<BTreeMap<String, ManifestMart>, StoreError> {
        let publication = self.publication;
        let mut marts = self.before.map(|manifest| manifest.marts.clone()).unwrap_or_default();
        let staged = publication.files.iter().map(|file| &file.mart);
        let named: BTreeSet<&String> = staged.chain(publication.kept.iter().map(|file| &file.mart)).collect();
        for name in named {
            let there = self.store.folder(name, self.known(name))?;
            let mart = self.mart(name, &there)?;
            self.clear(name, &there, Some(&mart))?;
            marts.insert(name.clone(), mart);
        }
        for name in &publication.retired {
            let there = self.store.folder(name, &[])?;
            self.clear(name, &there, None)?;
            marts.remove(name);
        }
        Ok(marts)
    }

    /// The runs whose records are kept. Files of the publication's own are moved last: a record without its marts would
    /// be of no use.
    pub(crate) fn runs(&mut self) -> Vec<KeptRun> {
        let publication = self.publication;
        let mut runs = self.before.map(|manifest| manifest.runs.clone()).unwrap_or_default();
        let Some(record) = &publication.record else { return runs };
        runs.retain(|run| run.run_id != publication.run_id);
        let mut files = Vec::new();
        for file in &record.files {
            let (from, to) = (file.staged_key(&publication.run_id), records::key(&publication.run_id, &file.file_name));
            let etag = self.staged.get(&from).and_then(|object| object.etag.clone());
            let (size, sha256) = (file.bytes, file.sha256.clone());
            self.moves.push(Move { from, to: to.clone(), size, sha256: sha256.clone(), etag });
            files.push(ManifestFile { key: to, name: None, size, rows: file.rows, sha256, etag: None });
        }
        files.sort_by(|a, b| a.key.cmp(&b.key));
        if !files.is_empty() {
            runs.push(KeptRun {
                run_id: publication.run_id.clone(),
                pipeline: record.pipeline.clone(),
                as_of: publication.as_of.clone(),
                files,
            });
        }
        let mut surplus = runs.iter().filter(|run| run.pipeline == record.pipeline).count().saturating_sub(record.kept);
        runs.retain(|run| {
            let goes = run.pipeline == record.pipeline && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
        runs
    }

    /// A mart's files as they are published.
    fn known(&self, name: &str) -> &[ManifestFile] {
        self.before.and_then(|manifest| manifest.marts.get(name)).map_or(&[], |mart| &mart.files)
    }

    fn mart(&mut self, name: &str, there: &BTreeMap<String, ObjectInfo>) -> Result<ManifestMart, StoreError> {
        let publication = self.publication;
        let format = publication.format(name);
        let before = self.before.and_then(|manifest| manifest.marts.get(name));
        let known = before.filter(|mart| self.trusted && mart.format == format);
        let standing = |file_name: &str, sha256: &str| {
            let mut files = known.into_iter().flat_map(|mart| &mart.files);
            files
                .find(|file| file.name(name) == file_name && file.sha256 == sha256 && is_as_recorded(file, there))
                .cloned()
        };
        let mut files = Vec::new();
        for file in publication.files.iter().filter(|file| file.mart == name) {
            if let Some(known) = standing(&file.file_name, &file.sha256) {
                self.unchanged.push(known.key.clone());
                files.push(known);
                continue;
            }
            let from = file.staged_key(&publication.run_id);
            if format == MartFormat::Delta {
                delta::check(self.store, name, &from)?;
            }
            let key = file.published_key(format, &publication.run_id);
            self.moves.push(Move {
                to: key.clone(),
                size: file.bytes,
                sha256: file.sha256.clone(),
                etag: self.staged.get(&from).and_then(|object| object.etag.clone()),
                from,
            });
            files.push(ManifestFile {
                name: (format == MartFormat::Delta).then(|| file.file_name.clone()),
                key,
                size: file.bytes,
                rows: file.rows,
                sha256: file.sha256.clone(),
                etag: None,
            });
        }
        for file in publication.kept.iter().filter(|file| file.mart == name) {
            let known = standing(&file.file_name, &file.sha256)
                .ok_or_else(|| StoreError::KeptMissing { key: format!("{name}/{}", file.file_name) })?;
            self.unchanged.push(known.key.clone());
            files.push(known);
        }
        files.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(ManifestMart {
            run_id: publication.run_id.clone(),
            as_of: publication.as_of.clone(),
            format,
            delta_version: None,
            rows: files.iter().map(|file| file.rows).sum(),
            files,
        })
    }

    /// Plans to delete what belongs into a mart's folder no longer; `mart` is what it becomes, `None` when it is retired.
    fn clear(
        &mut self,
        name: &str,
        there: &BTreeMap<String, ObjectInfo>,
        mart: Option<&ManifestMart>,
    ) -> Result<(), StoreError> {
        let before = self.before.and_then(|manifest| manifest.marts.get(name));
        let was = before.map(|mart| mart.format);
        if mart.is_some_and(|mart| mart.format == MartFormat::Delta) {
            // Files that are not the table's newest version's may be those of an older one: they stay. Only what the
            // mart was made of as plain files is known to be of no more use.
            let plain = before.filter(|_| was == Some(MartFormat::Parquet)).into_iter().flat_map(|mart| &mart.files);
            self.deletes.extend(plain.map(|file| file.key.clone()).filter(|key| there.contains_key(key)));
            return Ok(());
        }
        if was == Some(MartFormat::Delta) {
            // Without its log the table is gone at once, and its files are plain ones.
            let log = self.store.list_all(&format!("{name}/_delta_log"))?;
            self.deletes.extend(log.into_iter().map(|object| object.key));
        }
        let kept: BTreeSet<&str> =
            mart.into_iter().flat_map(|mart| &mart.files).map(|file| file.key.as_str()).collect();
        self.deletes.extend(there.keys().filter(|key| is_parquet(key) && !kept.contains(key.as_str())).cloned());
        Ok(())
    }
}
