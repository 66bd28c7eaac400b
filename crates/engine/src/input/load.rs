//! Sources that tables and facts read whole: snapshots day by day, events up to the run's day.

use std::collections::BTreeMap;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Source, SourceKind};
use jiff::civil::Date;
use polars::prelude::*;

use super::contract::{self, Finding};
use super::scan;
use crate::context::Context;
use crate::error::EngineError;

/// How many file names a finding keeps.
const FILES_NAMED: usize = 5;

/// A source's rows.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// One frame a snapshot day.
    Snapshots(BTreeMap<Date, DataFrame>),
    /// All rows up to the run's day.
    Events(DataFrame),
}

/// What reading a source gave.
pub struct Reading {
    /// Its rows.
    pub loaded: Loaded,
    /// Findings of its checks.
    pub findings: Vec<Finding>,
    /// Rows set aside.
    pub quarantined: Vec<DataFrame>,
    /// Rows in the files.
    pub rows_in: u64,
    /// Rows after the run's day, which do not count.
    pub rows_later: u64,
}

/// Reads all files of a source.
///
/// # Errors
/// When a file cannot be read or a check with severity `fail` fails.
pub fn load(context: &Context<'_>, source: &Source, files: &[PlannedFile]) -> Result<Reading, EngineError> {
    let frames = context.parallel(files, |file| read(context, source, file))?;
    let mut reading = Reading {
        loaded: Loaded::Events(scan::empty(source.columns.values())),
        findings: Vec::new(),
        quarantined: Vec::new(),
        rows_in: 0,
        rows_later: 0,
    };
    let mut by_day: BTreeMap<Date, Vec<(String, DataFrame)>> = BTreeMap::new();
    for (file, frame) in files.iter().zip(frames) {
        reading.rows_in += frame.height() as u64;
        let (frame, _, later) = up_to(frame, None, source, context.plan.end())?;
        reading.rows_later += later;
        // A key is unique in a snapshot, and over all files of an events source.
        let day = if source.kind == SourceKind::Snapshot { file.day } else { Date::MIN };
        by_day.entry(day).or_default().push((file.key.clone(), frame));
    }
    let mut snapshots = BTreeMap::new();
    for (day, frames) in by_day {
        let frame = together(source, frames, &mut reading)?;
        snapshots.insert(day, frame);
    }
    reading.loaded = match source.kind {
        SourceKind::Snapshot => Loaded::Snapshots(snapshots),
        SourceKind::Events => {
            Loaded::Events(snapshots.into_values().next().unwrap_or_else(|| scan::empty(source.columns.values())))
        }
    };
    Ok(reading)
}

/// Checks the files of one key space: row by row in each file, then the key over all of them.
fn together(
    source: &Source,
    frames: Vec<(String, DataFrame)>,
    reading: &mut Reading,
) -> Result<DataFrame, EngineError> {
    let several = frames.len() > 1;
    let names = frames.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let mut used = Vec::new();
    for (name, frame) in frames {
        let keys = if several { contract::Keys::Later } else { contract::Keys::InFrame };
        let checked = contract::enforce(frame.clone(), source, &name, keys)?;
        add_findings(&mut reading.findings, checked.findings);
        if let Some(aside) = checked.aside {
            reading.quarantined.push(aside.rows_of(&frame)?);
        }
        used.push(checked.used.lazy());
    }
    let all = concat(used, UnionArgs::default())?.collect()?;
    if !several {
        return Ok(all);
    }
    let checked = contract::enforce_key(all.clone(), source, &names)?;
    add_findings(&mut reading.findings, checked.findings);
    if let Some(aside) = checked.aside {
        reading.quarantined.push(aside.rows_of(&all)?);
    }
    Ok(checked.used)
}

fn read(context: &Context<'_>, source: &Source, file: &PlannedFile) -> Result<DataFrame, EngineError> {
    context.check_interrupted()?;
    let path = context.lake_path(source, file)?;
    let frame = scan::file(&path, source, context.time_zone(), &|_| true)
        .and_then(|lazy| Ok(lazy.collect()?))
        .map_err(|error| match error {
            EngineError::Polars(error) => unreadable(source, file, &error),
            other => other,
        })?;
    context.advance(frame.height() as u64);
    Ok(frame)
}

/// Keeps the rows before `end` (and those without a time, which a check will find), with a mask over them if there is
/// one; counts the others.
///
/// # Errors
/// When the time column cannot be compared.
pub fn up_to(
    frame: DataFrame,
    mask: Option<BooleanChunked>,
    source: &Source,
    end: Date,
) -> Result<(DataFrame, Option<BooleanChunked>, u64), EngineError> {
    let Some(time) = &source.time else { return Ok((frame, mask, 0)) };
    let before_end = col(time.value.as_str()).lt(day(end)).fill_null(true).alias("before_end");
    let kept = frame.clone().lazy().select([before_end]).collect()?;
    let kept = kept.column("before_end")?.bool()?;
    if kept.all() {
        return Ok((frame, mask, 0));
    }
    let later = u64::from((!kept).sum().unwrap_or(0));
    let mask = mask.map(|mask| mask.filter(kept)).transpose()?;
    Ok((frame.filter(kept)?, mask, later))
}

/// A day as a literal that compares with dates and with timestamps.
pub fn day(day: Date) -> Expr {
    lit(day_number(day)).cast(DataType::Date)
}

/// Days since 1970-01-01.
pub fn day_number(day: Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    day.since(epoch).map_or(if day < epoch { i32::MIN } else { i32::MAX }, |span| span.get_days())
}

/// Adds the findings of a file to those of the source.
pub fn add_findings(all: &mut Vec<Finding>, more: Vec<Finding>) {
    for finding in more {
        match all.iter_mut().find(|known| known.check == finding.check && known.column == finding.column) {
            Some(known) => {
                known.rows_in += finding.rows_in;
                known.rows_failed += finding.rows_failed;
                known.files.extend(finding.files);
                known.files.truncate(FILES_NAMED);
            }
            None => all.push(finding),
        }
    }
}

/// Polars' word for a file that cannot be read, with the source and the file.
pub fn unreadable(source: &Source, file: &PlannedFile, error: &PolarsError) -> EngineError {
    EngineError::Unreadable { source_name: source.name.clone(), file: file.key.clone(), reason: error.to_string() }
}
