//! Rollups: an events source reduced per file, the results merged on read.
//!
//! Only this module touches big data. Each file is read once, in slices that fit the memory budget; all rollups of a
//! source share that pass. What comes of a file is kept in memory while there is room, else in the run's scratch folder.

mod compiled;
mod counted;
mod file;
mod kept;
mod keys;
mod member;
mod remote;
mod shelf;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use abmart_plan::PlannedFile;
use abmart_spec::model::{Rollup, Source};
use jiff::civil::Date;
use polars::prelude::*;

use self::compiled::Compiled;
pub use self::compiled::bucket_argument;
pub use self::counted::{Counted, ROWS, by as counted_by};
use self::file::FileOutcome;
use self::kept::Keeper;
use self::member::{Cluster, Member};
use self::remote::Reducer;
pub use self::shelf::{Piece, Shelf, Span};
use super::finding::{Finding, add_findings};
use super::{load, scan};
use crate::cache::RunCache;
use crate::context::Context;
use crate::error::EngineError;

/// A rollup's rows: clusters with disjoint spans of days, each merged in itself when it is asked for.
#[derive(Clone)]
pub struct Rolled {
    clusters: Vec<Cluster>,
    schema: SchemaRef,
    origin: Option<Origin>,
}

/// What it takes to have a cluster's rows.
#[derive(Clone)]
struct Origin {
    rollup: Arc<Compiled>,
    cache: Arc<RunCache>,
    shelf: Arc<Shelf>,
}

/// What reading a source for its rollups gave.
pub struct Reduction {
    /// Rollup by rollup, in the order asked for.
    pub rolled: Vec<Rolled>,
    /// Rollups that checks need, in the order asked for, file by file.
    pub counted: Vec<Vec<Counted>>,
    /// Findings of the source's checks.
    pub findings: Vec<Finding>,
    /// Rows set aside.
    pub quarantined: Vec<DataFrame>,
    /// Rows in the files.
    pub rows_in: u64,
    /// Rows that are used.
    pub rows_used: u64,
    /// Rows after the run's day, which do not count.
    pub rows_later: u64,
}

impl Rolled {
    /// All rows, part by part.
    ///
    /// # Errors
    /// When a part cannot be read back.
    pub fn all(&self) -> Result<Vec<LazyFrame>, EngineError> {
        self.select(|_| true)
    }

    /// Parts that may hold buckets of `[from, to)`; the caller filters the rows.
    ///
    /// # Errors
    /// When a part cannot be read back.
    pub fn around(&self, from: Date, to: Date) -> Result<Vec<LazyFrame>, EngineError> {
        self.select(|span| touches(span, from, to))
    }

    /// What the rows around `[from, to)` come from, of all rows without a range: equal for equal rows, whichever run asks.
    pub fn identity(&self, range: Option<(Date, Date)>) -> String {
        let wanted = |span: Option<Span>| range.is_none_or(|(from, to)| touches(span, from, to));
        let mut ids: Vec<String> = self.clusters.iter().flat_map(|cluster| cluster.ids(wanted)).collect();
        ids.sort_unstable();
        crate::cache::key(ids.iter().map(String::as_str)).to_string()
    }

    /// Rows as the files give them, before groups that lie in several files are merged.
    pub fn height(&self) -> usize {
        self.clusters.iter().map(Cluster::rows).sum()
    }

    /// A rollup without rows, for checks of types.
    pub fn empty(rows: &DataFrame) -> Self {
        Self { clusters: Vec::new(), schema: rows.schema().clone(), origin: None }
    }

    /// The clusters whose span is wanted; one without rows where there is none.
    fn select(&self, wanted: impl Fn(Option<Span>) -> bool) -> Result<Vec<LazyFrame>, EngineError> {
        let mut frames = Vec::new();
        if let Some(Origin { rollup, cache, shelf }) = &self.origin {
            for cluster in self.clusters.iter().filter(|cluster| wanted(cluster.reach)) {
                frames.extend(cluster.piece(rollup, cache, shelf)?.parts()?);
            }
        }
        if frames.is_empty() {
            frames.push(DataFrame::empty_with_schema(&self.schema).lazy());
        }
        Ok(frames)
    }
}

impl fmt::Debug for Rolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rolled").field("clusters", &self.clusters).field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Whether rows of this span may lie in buckets of `[from, to)`.
fn touches(span: Option<Span>, from: Date, to: Date) -> bool {
    let (from, to) = (load::day_number(from), load::day_number(to));
    span.is_none_or(|(first, last)| last >= from && first < to)
}

/// Reads a source's files and reduces each for all of the rollups, and for those that `checks` need, which are given back
/// where they are `judged`.
///
/// # Errors
/// When a file cannot be read, a check with severity `fail` fails, or a rollup cannot be computed.
pub fn reduce(
    context: &Context<'_>,
    source: &Source,
    files: &[PlannedFile],
    rollups: &[&Rollup],
    checks: &[Rollup],
    judged: bool,
) -> Result<Reduction, EngineError> {
    let definitions: Vec<&Rollup> = rollups.iter().copied().chain(checks).collect();
    let compiled: Vec<Arc<Compiled>> =
        definitions.iter().map(|rollup| Arc::new(Compiled::new(rollup, context))).collect();
    let reducer = match context.remote {
        Some(remote) => Some(Reducer::new(context, remote, source, &definitions, &compiled)?),
        None => None,
    };
    let keeper = Keeper::new(context, source, &compiled);
    let outcome = |file: &PlannedFile, repeated: &[u64]| {
        if let Some(outcome) = keeper.find(file, repeated)? {
            return Ok(outcome);
        }
        let reduced = file::reduce(context, source, file, &compiled, repeated)?;
        keeper.keep(file, repeated, reduced)
    };
    let elsewhere =
        reducer.as_ref().map_or_else(|| Ok(BTreeMap::new()), |reducer| remotely(context, reducer, &keeper, files))?;
    let elsewhere = Mutex::new(elsewhere);
    let mut outcomes = context.parallel(files, |file| {
        let reduced = elsewhere.lock().unwrap_or_else(PoisonError::into_inner).remove(file.key.as_str());
        if let Some(reduced) = reduced {
            return Ok(reduced);
        }
        let outcome = outcome(file, &[])?;
        context.advance(outcome.seen.rows_in);
        Ok(outcome)
    })?;
    let repeated = {
        let keys: Vec<&[keys::Stretch]> = outcomes.iter().map(|outcome| outcome.seen.keys.as_slice()).collect();
        keys::repeated(context, source, files, &keys, reducer.as_ref())?
    };
    // A key that was met before is rare enough for its file to be read again.
    for (index, rows) in repeated {
        outcomes[index] = outcome(&files[index], &rows)?;
    }
    keeper.finish()?;
    let (compiled, checks) = compiled.split_at(rollups.len());
    assemble(context, source, files, (compiled, if judged { checks } else { &[] }), outcomes)
}

/// What another engine made of the files that the cache does not hold, by their keys.
fn remotely<'f>(
    context: &Context<'_>,
    reducer: &Reducer<'_>,
    keeper: &Keeper<'_>,
    files: &'f [PlannedFile],
) -> Result<BTreeMap<&'f str, FileOutcome>, EngineError> {
    let mut outcomes = BTreeMap::new();
    let mut missing = Vec::new();
    for file in files {
        match keeper.find(file, &[])? {
            Some(known) => {
                context.advance(known.seen.rows_in);
                outcomes.insert(file.key.as_str(), known);
            }
            None => missing.push(file),
        }
    }
    reducer.reduce(&missing, &mut |place, reduced| {
        let file = missing[place];
        context.advance(reduced.seen.rows_in);
        outcomes.insert(file.key.as_str(), keeper.keep(file, &[], reduced)?);
        Ok(())
    })?;
    Ok(outcomes)
}

/// The columns and types of a rollup, by reducing no rows.
///
/// # Errors
/// When the rollup's expressions do not fit the source's columns.
pub fn schema_only(context: &Context<'_>, source: &Source, rollup: &Rollup) -> Result<DataFrame, EngineError> {
    let compiled = Compiled::new(rollup, context);
    compiled.finish(compiled.reduce(scan::empty(context.project, source), None)?)
}

fn assemble(
    context: &Context<'_>,
    source: &Source,
    files: &[PlannedFile],
    (rollups, checks): (&[Arc<Compiled>], &[Arc<Compiled>]),
    outcomes: Vec<FileOutcome>,
) -> Result<Reduction, EngineError> {
    let mut reduction = Reduction {
        rolled: Vec::new(),
        counted: Vec::new(),
        findings: Vec::new(),
        quarantined: Vec::new(),
        rows_in: 0,
        rows_used: 0,
        rows_later: 0,
    };
    // What was not asked to be judged has pieces too, which are left.
    let mut pieces: Vec<Vec<Member>> = vec![Vec::new(); rollups.len() + checks.len()];
    for outcome in outcomes {
        reduction.rows_in += outcome.seen.rows_in;
        reduction.rows_used += outcome.seen.rows_used;
        reduction.rows_later += outcome.seen.rows_later;
        add_findings(&mut reduction.findings, outcome.seen.findings);
        reduction.quarantined.extend(outcome.quarantined);
        for (all, piece) in pieces.iter_mut().zip(outcome.pieces) {
            all.push(piece);
        }
    }
    for members in pieces.split_off(rollups.len()) {
        let of_file = |(file, member): (&PlannedFile, Member)| {
            let parts = member.parts(context.cache)?;
            let rows = concat(parts, UnionArgs::default())?.collect()?;
            Ok(Counted { file: file.key.clone(), rows })
        };
        let counted: Result<Vec<_>, EngineError> = files.iter().zip(members).map(of_file).collect();
        reduction.counted.push(counted?);
    }
    for (rollup, members) in rollups.iter().zip(pieces) {
        let empty = rollup.finish(rollup.reduce(scan::empty(context.project, source), None)?)?;
        let origin =
            Origin { rollup: Arc::clone(rollup), cache: Arc::clone(context.cache), shelf: Arc::clone(context.shelf) };
        reduction.rolled.push(Rolled {
            clusters: Cluster::all(members),
            schema: empty.schema().clone(),
            origin: Some(origin),
        });
    }
    Ok(reduction)
}
