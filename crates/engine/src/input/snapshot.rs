//! Snapshots of a source: the rows of a day, in memory once somebody has asked for them.
//!
//! A snapshot that is not the newest one is as it was checked: what came of it is kept for later runs, and its rows are
//! read from there only by whoever needs them, which is nobody where all periods that see it are closed and unchanged.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use abmart_plan::PlannedFile;
use abmart_spec::fingerprint;
use abmart_spec::model::Source;
use abmart_store::CacheKey;
use jiff::civil::Date;
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::cache::content::Content;
use crate::cache::index::Index;
use crate::cache::{self, RunCache};
use crate::context::Context;
use crate::error::EngineError;

/// The rows of a day.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// How many.
    pub height: usize,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// With this run; what the rows are once somebody has asked.
    Held { rows: DataFrame, content: Arc<OnceLock<String>> },
    /// In the cache, and here once somebody has asked for them.
    Stored { cache: Arc<RunCache>, key: CacheKey, content: String, read: Arc<Mutex<Option<DataFrame>>> },
}

impl Snapshot {
    /// Rows in memory.
    pub fn held(rows: DataFrame) -> Self {
        Self { height: rows.height(), place: Place::Held { rows, content: Arc::default() } }
    }

    /// The rows.
    ///
    /// # Errors
    /// [`EngineError::CacheLost`] when they are gone from the cache.
    pub fn rows(&self) -> Result<DataFrame, EngineError> {
        match &self.place {
            Place::Held { rows, .. } => Ok(rows.clone()),
            Place::Stored { cache, key, read, .. } => {
                // Whoever comes second waits for the first instead of reading the same.
                let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(rows) = read.as_ref() {
                    return Ok(rows.clone());
                }
                let frames = cache.frames(*key).and_then(|((), mut frames)| frames.pop());
                let rows = frames.ok_or(EngineError::CacheLost(*key))?;
                *read = Some(rows.clone());
                Ok(rows)
            }
        }
    }

    /// What the rows are, as a text: equal for equal rows in any order.
    ///
    /// # Errors
    /// When a column has a type that cannot be looked at.
    pub fn content(&self) -> Result<String, EngineError> {
        match &self.place {
            Place::Stored { content, .. } => Ok(content.clone()),
            Place::Held { rows, content: known } => {
                if let Some(known) = known.get() {
                    return Ok(known.clone());
                }
                let found = content(rows)?;
                Ok(known.get_or_init(|| found).clone())
            }
        }
    }
}

fn content(rows: &DataFrame) -> Result<String, EngineError> {
    let columns: Vec<&str> = rows.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    Ok(Content::of(rows, &columns)?.all().to_string())
}

/// What came of the files of a day.
#[derive(Default)]
pub struct Checked {
    /// The rows that are used.
    pub used: DataFrame,
    /// Findings of the source's checks.
    pub findings: Vec<Finding>,
    /// Rows set aside, all columns.
    pub quarantined: Vec<DataFrame>,
    /// Rows in the files.
    pub rows_in: u64,
    /// Rows after the run's day.
    pub rows_later: u64,
}

/// What is kept of the older snapshots of a source.
pub struct Keeper<'a> {
    context: &'a Context<'a>,
    source: &'a Source,
    definitions: String,
    snapshots: Index<'a, Summary>,
}

/// What is known of a snapshot without reading its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Summary {
    height: usize,
    content: String,
    findings: Vec<Finding>,
    rows_in: u64,
    rows_later: u64,
    quarantined: bool,
}

impl<'a> Keeper<'a> {
    /// Reads what earlier runs kept, of snapshots of which these columns are held.
    pub fn new(context: &'a Context<'a>, source: &'a Source, columns: &dyn Fn(&str) -> bool) -> Self {
        let held: Vec<&str> = source.columns.keys().map(String::as_str).filter(|name| columns(name)).collect();
        let contract = fingerprint::contract(context.project, &source.name);
        let definitions = [source.name.as_str(), &contract, context.time_zone(), &held.join(" ")].join("\n");
        let snapshots = Index::open(context.cache, cache::key(["snapshots", &definitions]));
        Self { context, source, definitions, snapshots }
    }

    /// What an earlier run kept of a day's files, with the rows as they can be had.
    pub fn find(&self, day: Date, files: &[&PlannedFile]) -> Option<(Snapshot, Checked)> {
        let cache = self.context.cache;
        if !cache.keeps() {
            return None;
        }
        let key = self.key(day, files);
        let summary = self.snapshots.get(&key.to_string())?;
        let mut quarantined = Vec::new();
        if summary.quarantined {
            quarantined = cache.set_aside(key)?;
        }
        let content = summary.content.clone();
        let place = Place::Stored { cache: Arc::clone(cache), key, content, read: Arc::default() };
        let snapshot = Snapshot { height: summary.height, place };
        if !cache.trusts() {
            snapshot.rows().ok()?;
        }
        cache.mark(key);
        cache.count_files(files.len(), true);
        self.snapshots.remember(key.to_string(), summary.clone());
        let Summary { findings, rows_in, rows_later, .. } = summary.clone();
        Some((snapshot, Checked { used: DataFrame::empty(), findings, quarantined, rows_in, rows_later }))
    }

    /// Keeps what came of a day's files.
    ///
    /// # Errors
    /// When rows have a type that cannot be kept.
    pub fn keep(&self, day: Date, files: &[&PlannedFile], checked: &Checked) -> Result<(), EngineError> {
        let cache = self.context.cache;
        cache.count_files(files.len(), false);
        if !cache.keeps() {
            return Ok(());
        }
        let key = self.key(day, files);
        cache.keep(key, &(), std::slice::from_ref(&checked.used))?;
        cache.keep_aside(key, &checked.quarantined)?;
        let summary = Summary {
            height: checked.used.height(),
            content: content(&checked.used)?,
            findings: checked.findings.clone(),
            rows_in: checked.rows_in,
            rows_later: checked.rows_later,
            quarantined: !checked.quarantined.is_empty(),
        };
        self.snapshots.remember(key.to_string(), summary);
        Ok(())
    }

    /// Writes the index of this run's snapshots.
    ///
    /// # Errors
    /// As [`Index::close`].
    pub fn finish(self) -> Result<(), EngineError> {
        self.snapshots.close()
    }

    fn key(&self, day: Date, files: &[&PlannedFile]) -> CacheKey {
        // Rows after the run's day are left out, in the rare snapshot that has a time.
        let end = if self.source.time.is_some() { self.context.plan.end().to_string() } else { String::new() };
        let files = files.iter().map(|file| file.version());
        let parts: Vec<String> = [day.to_string(), end].into_iter().chain(files).collect();
        let parts = parts.iter().map(String::as_str);
        cache::key(["snapshot", self.definitions.as_str()].into_iter().chain(parts))
    }
}
