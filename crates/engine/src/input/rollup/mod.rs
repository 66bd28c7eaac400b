//! Rollups: an events source reduced per file, the results merged on read.
//!
//! Only this module touches big data. Each file is read once, in slices that fit the memory budget; all rollups of a
//! source share that pass. What comes of a file is kept in memory while there is room, else in the run's scratch folder.

mod compiled;
mod file;
mod keys;
mod shelf;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Rollup, Source};
use jiff::civil::Date;
use polars::prelude::*;

use self::compiled::Compiled;
use self::file::FileOutcome;
use self::shelf::Span;
pub use self::shelf::{Piece, Shelf};
use super::contract::Finding;
use super::{load, scan};
use crate::context::Context;
use crate::error::EngineError;

/// A rollup's rows: parts with disjoint spans of days, each merged in itself.
#[derive(Debug, Clone)]
pub struct Rolled {
    parts: Vec<Piece>,
    schema: SchemaRef,
}

/// What reading a source for its rollups gave.
pub struct Reduction {
    /// Rollup by rollup, in the order asked for.
    pub rolled: Vec<Rolled>,
    /// Findings of the source's checks.
    pub findings: Vec<Finding>,
    /// Rows set aside.
    pub quarantined: Vec<DataFrame>,
    /// Rows in the files.
    pub rows_in: u64,
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
        let (from, to) = (load::day_number(from), load::day_number(to));
        self.select(|span| span.is_none_or(|(first, last)| last >= from && first < to))
    }

    /// Rows of all parts.
    pub fn height(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// A rollup without rows, for checks of types.
    pub fn empty(rows: &DataFrame) -> Self {
        Self { parts: Vec::new(), schema: rows.schema().clone() }
    }

    /// The parts whose span is wanted; one without rows where there is none.
    fn select(&self, wanted: impl Fn(Option<Span>) -> bool) -> Result<Vec<LazyFrame>, EngineError> {
        let parts = self.parts.iter().filter(|part| part.rows > 0 && wanted(part.span));
        let mut frames = parts.map(Piece::parts).collect::<Result<Vec<_>, _>>()?.concat();
        if frames.is_empty() {
            frames.push(DataFrame::empty_with_schema(&self.schema).lazy());
        }
        Ok(frames)
    }
}

/// Reads a source's files and reduces each for all of the rollups.
///
/// # Errors
/// When a file cannot be read, a check with severity `fail` fails, or a rollup cannot be computed.
pub fn reduce(
    context: &Context<'_>,
    source: &Source,
    files: &[PlannedFile],
    rollups: &[&Rollup],
) -> Result<Reduction, EngineError> {
    let compiled: Vec<Compiled> = rollups.iter().map(|rollup| Compiled::new(rollup, context)).collect();
    let mut outcomes = context.parallel(files, |file| {
        let outcome = file::reduce(context, source, file, &compiled, &[])?;
        context.advance(outcome.rows_in);
        Ok(outcome)
    })?;
    let repeated = {
        let keys: Vec<&[keys::Stretch]> = outcomes.iter().map(|outcome| outcome.keys.as_slice()).collect();
        keys::repeated(context, source, files, &keys)?
    };
    // A key that was met before is rare enough for its file to be read again.
    for (index, rows) in repeated {
        outcomes[index] = file::reduce(context, source, &files[index], &compiled, &rows)?;
    }
    assemble(context, source, &compiled, outcomes)
}

/// The columns and types of a rollup, by reducing no rows.
///
/// # Errors
/// When the rollup's expressions do not fit the source's columns.
pub fn schema_only(context: &Context<'_>, source: &Source, rollup: &Rollup) -> Result<DataFrame, EngineError> {
    let compiled = Compiled::new(rollup, context);
    compiled.finish(compiled.reduce(scan::empty(context.project, source))?)
}

fn assemble(
    context: &Context<'_>,
    source: &Source,
    rollups: &[Compiled],
    outcomes: Vec<FileOutcome>,
) -> Result<Reduction, EngineError> {
    let mut reduction =
        Reduction { rolled: Vec::new(), findings: Vec::new(), quarantined: Vec::new(), rows_in: 0, rows_later: 0 };
    let mut pieces: Vec<Vec<Piece>> = vec![Vec::new(); rollups.len()];
    for outcome in outcomes {
        reduction.rows_in += outcome.rows_in;
        reduction.rows_later += outcome.rows_later;
        load::add_findings(&mut reduction.findings, outcome.findings);
        reduction.quarantined.extend(outcome.quarantined);
        for (all, piece) in pieces.iter_mut().zip(outcome.pieces) {
            all.push(piece);
        }
    }
    for (rollup, pieces) in rollups.iter().zip(pieces) {
        let empty = rollup.finish(rollup.reduce(scan::empty(context.project, source))?)?;
        let parts = disjoint(context, rollup, pieces)?;
        reduction.rolled.push(Rolled { parts, schema: empty.schema().clone() });
    }
    Ok(reduction)
}

/// Merges the pieces whose buckets overlap; pieces of different days cannot share a group and stay apart.
fn disjoint(context: &Context<'_>, rollup: &Compiled, pieces: Vec<Piece>) -> Result<Vec<Piece>, EngineError> {
    let mut pieces: Vec<Piece> = pieces.into_iter().filter(|piece| piece.rows > 0).collect();
    pieces.sort_by_key(|piece| piece.span);
    let mut clusters: Vec<(Option<Span>, Vec<Piece>)> = Vec::new();
    for piece in pieces {
        match clusters.last_mut() {
            Some((reach, members)) if overlap(*reach, piece.span) => {
                *reach = reach.zip(piece.span).map(|(reach, span)| (reach.0, reach.1.max(span.1)));
                members.push(piece);
            }
            _ => clusters.push((piece.span, vec![piece])),
        }
    }
    clusters
        .into_iter()
        .map(|(span, mut members)| {
            if members.len() == 1 {
                return Ok(members.swap_remove(0));
            }
            let merged = rollup.merge(members.iter().map(Piece::parts).collect::<Result<Vec<_>, _>>()?.concat())?;
            context.shelf.keep(&rollup.name, merged, span)
        })
        .collect()
}

/// Rows without buckets may share groups with all others.
fn overlap(reach: Option<Span>, span: Option<Span>) -> bool {
    reach.zip(span).is_none_or(|(reach, span)| span.0 <= reach.1)
}
