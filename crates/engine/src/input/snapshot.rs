//! Snapshots of a source: the rows of a day, in memory once somebody has asked for them.
//!
//! A snapshot that is not the newest one is as it was checked: what came of it is kept for later runs, and its rows are
//! read from there only by whoever needs them, which is nobody where all periods that see it are closed and unchanged.

use std::sync::{Arc, OnceLock};

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
    rows: Arc<OnceLock<DataFrame>>,
    content: Arc<OnceLock<String>>,
    stored: Option<Stored>,
}

/// Rows that the cache holds.
#[derive(Debug, Clone)]
struct Stored {
    cache: Arc<RunCache>,
    key: CacheKey,
}

impl Snapshot {
    /// Rows in memory.
    pub fn held(rows: DataFrame) -> Self {
        Self { height: rows.height(), rows: Arc::new(OnceLock::from(rows)), content: Arc::default(), stored: None }
    }

    /// The rows.
    ///
    /// # Errors
    /// [`EngineError::CacheLost`] when they are gone from the cache.
    pub fn rows(&self) -> Result<&DataFrame, EngineError> {
        if let (None, Some(Stored { cache, key })) = (self.rows.get(), &self.stored) {
            let ((), mut frames) = cache.frames(*key).ok_or(EngineError::CacheLost(*key))?;
            let rows = frames.pop().ok_or(EngineError::CacheLost(*key))?;
            // Where two come at once, one of two equal frames stays.
            let _ = self.rows.set(rows);
        }
        Ok(self.rows.get_or_init(DataFrame::empty))
    }

    /// What the rows are, as a text: equal for equal rows in any order.
    ///
    /// # Errors
    /// When a column has a type that cannot be looked at.
    pub fn content(&self) -> Result<String, EngineError> {
        if self.content.get().is_none() {
            let _ = self.content.set(content(self.rows()?)?);
        }
        Ok(self.content.get().cloned().unwrap_or_default())
    }
}

fn content(rows: &DataFrame) -> Result<String, EngineError> {
    let columns: Vec<&str> = rows.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    Ok(format!("{} rows {:032x}", rows.height(), Content::of(rows, &columns)?.all()))
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
            let ((), frames) = cache.frames(aside_key(key))?;
            quarantined = frames;
        }
        let snapshot = Snapshot {
            height: summary.height,
            rows: Arc::default(),
            content: Arc::new(OnceLock::from(summary.content.clone())),
            stored: Some(Stored { cache: Arc::clone(cache), key }),
        };
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
        if !checked.quarantined.is_empty() {
            let plain = checked.quarantined.iter().map(|rows| crate::codes::plain(rows.clone()));
            cache.keep(aside_key(key), &(), &plain.collect::<Result<Vec<_>, _>>()?)?;
        }
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
        let files =
            files.iter().map(|file| format!("{} {} {}", file.key, file.size, file.etag.as_deref().unwrap_or_default()));
        let parts: Vec<String> = [day.to_string(), end].into_iter().chain(files).collect();
        let parts = parts.iter().map(String::as_str);
        cache::key(["snapshot", self.definitions.as_str()].into_iter().chain(parts))
    }
}

fn aside_key(snapshot: CacheKey) -> CacheKey {
    cache::key(["rows set aside", &snapshot.to_string()])
}
