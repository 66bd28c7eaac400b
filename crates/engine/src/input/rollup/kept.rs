//! What came of a file, kept for later runs under the identity of the file and of all definitions concerned.
//!
//! ```text
//! file  key: contract, rollups, time zone, path, size, e-tag, edges → summary: counts, findings, keys
//!  ├─ rows of each rollup                                            → read only where a period asks for them
//!  └─ rows set aside
//! index key: contract, rollups                                       → the summaries of all files in one read
//! ```

use std::sync::Arc;

use abmart_plan::PlannedFile;
use abmart_spec::fingerprint;
use abmart_spec::model::Source;
use abmart_store::CacheKey;
use serde::{Deserialize, Serialize};

use super::compiled::Compiled;
use super::file::{FileOutcome, Reduced, Seen};
use super::member::Member;
use super::shelf::Span;
use crate::cache;
use crate::cache::index::Index;
use crate::context::Context;
use crate::error::EngineError;

/// What is kept of the files of a source.
pub struct Keeper<'a> {
    context: &'a Context<'a>,
    source: &'a Source,
    rollups: &'a [Arc<Compiled>],
    /// What all files' keys begin with.
    definitions: String,
    files: Index<'a, Summary>,
}

/// What is known of a file without reading any rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Summary {
    seen: Seen,
    /// Rollup by rollup.
    rollups: Vec<RollupSummary>,
    /// Whether rows were set aside.
    quarantined: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RollupSummary {
    rows: usize,
    span: Option<Span>,
}

impl<'a> Keeper<'a> {
    /// Reads what earlier runs kept of the source's files.
    pub fn new(context: &'a Context<'a>, source: &'a Source, rollups: &'a [Arc<Compiled>]) -> Self {
        let project = context.project;
        let mut definitions = fingerprint::contract(project, &source.name);
        for rollup in rollups {
            let meaning = fingerprint::relation(project, &rollup.name);
            definitions = [&definitions, rollup.name.as_str(), &meaning, &rollup.columns().join(" ")].join("\n");
        }
        definitions = [&definitions, context.time_zone()].join("\n");
        let files = Index::open(context.cache, cache::key(["index", &definitions]));
        Self { context, source, rollups, definitions, files }
    }

    /// What an earlier run kept of a file, where it serves this run.
    pub fn find(&self, file: &PlannedFile, repeated: &[u64]) -> Result<Option<FileOutcome>, EngineError> {
        if !self.context.cache.keeps() {
            return Ok(None);
        }
        let key = self.key(file, repeated);
        let name = key.to_string();
        // Where the cache has lost something, each file is asked for.
        let known = self.files.get(&name).filter(|_| self.context.cache.trusts());
        let summary = known.cloned().or_else(|| self.context.cache.meta(key));
        let fits = |summary: &Summary| summary.rollups.len() == self.rollups.len();
        let Some(summary) = summary.filter(fits) else { return Ok(None) };
        let mut quarantined = Vec::new();
        if summary.quarantined {
            let Some(frames) = self.context.cache.set_aside(key) else { return Ok(None) };
            quarantined = frames;
        }
        let mut pieces = Vec::new();
        for (rollup, known) in self.rollups.iter().zip(&summary.rollups) {
            let rows = part_key(key, &rollup.name);
            let member = Member::stored(rows, known.rows, known.span);
            let Some(member) = member.checked(self.context, &rollup.name)? else { return Ok(None) };
            self.context.cache.mark(rows);
            pieces.push(member);
        }
        self.context.cache.mark(key);
        self.context.cache.count_files(1, true);
        let outcome = FileOutcome { pieces, quarantined, seen: summary.seen.clone() };
        self.files.remember(name, summary);
        Ok(Some(outcome))
    }

    /// Keeps what came of a file, and puts its rows where this run finds them.
    ///
    /// # Errors
    /// When rows have a type that cannot be kept, or the scratch folder cannot be written.
    pub fn keep(&self, file: &PlannedFile, repeated: &[u64], reduced: Reduced) -> Result<FileOutcome, EngineError> {
        let cache = self.context.cache;
        cache.count_files(1, false);
        let key = self.key(file, repeated);
        let mut pieces = Vec::new();
        let mut rollups = Vec::new();
        for (rollup, rows) in self.rollups.iter().zip(reduced.rollups) {
            let (span, height) = (rollup.span(&rows)?, rows.height());
            let id = part_key(key, &rollup.name);
            cache.keep(id, &(), std::slice::from_ref(&rows))?;
            let piece = self.context.shelf.keep(&rollup.name, rows, span)?;
            pieces.push(Member::held(id, piece));
            rollups.push(RollupSummary { rows: height, span });
        }
        cache.keep_aside(key, &reduced.quarantined)?;
        let summary = Summary { seen: reduced.seen.clone(), rollups, quarantined: !reduced.quarantined.is_empty() };
        // Last, so that a summary never speaks of rows that are not there.
        cache.keep(key, &summary, &[])?;
        self.files.remember(key.to_string(), summary);
        Ok(FileOutcome { pieces, quarantined: reduced.quarantined, seen: reduced.seen })
    }

    /// Writes the index of this run's files.
    ///
    /// # Errors
    /// As [`Index::close`].
    pub fn finish(self) -> Result<(), EngineError> {
        self.files.close()
    }

    fn key(&self, file: &PlannedFile, repeated: &[u64]) -> CacheKey {
        let end = self.context.plan.end();
        // Rows after the run's day are left out: of a file that has none, whatever the day is.
        let up_to = match self.context.days_of(self.source, file) {
            Some((_, last)) if last < crate::input::load::day_number(end) => String::new(),
            _ => end.to_string(),
        };
        let clock =
            if self.rollups.iter().any(|rollup| rollup.reads_clock()) { end.to_string() } else { String::new() };
        let repeated = serde_json::to_string(repeated).unwrap_or_default();
        cache::key(["file", &self.definitions, &file.version(), &up_to, &clock, &repeated, &self.edges(file)])
    }

    /// First days of the buckets that divide a file's rows, rollup by rollup: rows that are grouped otherwise are others.
    fn edges(&self, file: &PlannedFile) -> String {
        let days = self.context.days_of(self.source, file);
        let divides = |edge: &i32| days.is_none_or(|(first, last)| first < *edge && *edge <= last);
        let of = |rollup: &Arc<Compiled>| rollup.edges(days).into_iter().filter(divides).collect::<Vec<_>>();
        format!("{:?}", self.rollups.iter().map(of).collect::<Vec<_>>())
    }
}

fn part_key(file: CacheKey, part: &str) -> CacheKey {
    cache::key(["part", &file.to_string(), part])
}
