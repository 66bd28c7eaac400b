//! Sources that tables and facts read whole: snapshots day by day, events up to the run's day.

use std::collections::BTreeMap;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Source, SourceKind};
use jiff::civil::Date;
use polars::prelude::*;

use super::contract::{self, Finding};
use super::scan;
use crate::codes;
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

/// Reads all files of a source, and holds the columns that `columns` accepts; all are checked.
///
/// # Errors
/// When a file cannot be read or a check with severity `fail` fails.
pub fn load(
    context: &Context<'_>,
    source: &Source,
    files: &[PlannedFile],
    columns: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Reading, EngineError> {
    // A key is unique in a snapshot, and over all files of an events source.
    let mut by_day: BTreeMap<Date, Vec<&PlannedFile>> = BTreeMap::new();
    for file in files {
        let day = if source.kind == SourceKind::Snapshot { file.day } else { Date::MIN };
        by_day.entry(day).or_default().push(file);
    }
    let by_day: Vec<(Date, Vec<&PlannedFile>)> = by_day.into_iter().collect();
    // Of a snapshot that was checked little stays, so that the next one finds room.
    let read = context.parallel(&by_day, |(day, files)| {
        let mut rows = together(context, source, files)?;
        rows.used = held(&rows.used, columns)?;
        Ok((*day, rows))
    })?;
    let mut reading = Reading {
        loaded: Loaded::Events(scan::empty(context.project, source)),
        findings: Vec::new(),
        quarantined: Vec::new(),
        rows_in: 0,
        rows_later: 0,
    };
    let mut snapshots = BTreeMap::new();
    for (day, rows) in read {
        add_findings(&mut reading.findings, rows.findings);
        reading.quarantined.extend(rows.quarantined);
        reading.rows_in += rows.rows_in;
        reading.rows_later += rows.rows_later;
        snapshots.insert(day, rows.used);
    }
    reading.loaded = match source.kind {
        SourceKind::Snapshot => Loaded::Snapshots(snapshots),
        SourceKind::Events => {
            Loaded::Events(snapshots.into_values().next().unwrap_or_else(|| scan::empty(context.project, source)))
        }
    };
    Ok(reading)
}

/// Rows among which a key is unique, checked.
#[derive(Default)]
struct Together {
    used: DataFrame,
    findings: Vec<Finding>,
    quarantined: Vec<DataFrame>,
    rows_in: u64,
    rows_later: u64,
}

impl Together {
    fn enforced(&mut self, checked: contract::Checked, rows: &DataFrame) -> Result<DataFrame, EngineError> {
        add_findings(&mut self.findings, checked.findings);
        if let Some(aside) = checked.aside {
            self.quarantined.push(aside.rows_of(rows)?);
        }
        Ok(checked.used)
    }
}

/// Reads and checks the files of one key space: row by row in each file, then the key over all of them.
fn together(context: &Context<'_>, source: &Source, files: &[&PlannedFile]) -> Result<Together, EngineError> {
    let several = files.len() > 1;
    let read = context.parallel(files, |file| {
        let frame = read(context, source, file)?;
        let rows_in = frame.height() as u64;
        let (frame, _, later) = up_to(frame, None, source, context.plan.end())?;
        let mut rows = Together { rows_in, rows_later: later, ..Together::default() };
        let keys = if several { contract::Keys::Later } else { contract::Keys::InFrame };
        let checked = contract::enforce(frame.clone(), source, &file.key, keys)?;
        rows.used = codes::compact(rows.enforced(checked, &frame)?)?;
        Ok(rows)
    })?;
    let (mut all, mut used) = (Together::default(), Vec::new());
    for rows in read {
        add_findings(&mut all.findings, rows.findings);
        all.quarantined.extend(rows.quarantined);
        all.rows_in += rows.rows_in;
        all.rows_later += rows.rows_later;
        used.push(rows.used.lazy());
    }
    all.used = concat(used, UnionArgs::default())?.collect()?;
    if several {
        let names = files.iter().map(|file| file.key.as_str()).collect::<Vec<_>>().join(", ");
        let rows = all.used.clone();
        let checked = contract::enforce_key(rows.clone(), source, &names)?;
        all.used = all.enforced(checked, &rows)?;
    }
    Ok(all)
}

/// What stays in memory of rows that were checked.
fn held(rows: &DataFrame, columns: &dyn Fn(&str) -> bool) -> Result<DataFrame, EngineError> {
    let kept: Vec<PlSmallStr> = rows.get_column_names().into_iter().filter(|name| columns(name)).cloned().collect();
    Ok(rows.select(kept)?)
}

fn read(context: &Context<'_>, source: &Source, file: &PlannedFile) -> Result<DataFrame, EngineError> {
    context.check_interrupted()?;
    let local = context.lake_file(source, file, &|_| true)?;
    let frame =
        scan::file(local.path(), source, context, &|_| true).and_then(|lazy| Ok(lazy.collect()?)).map_err(|error| {
            match error {
                EngineError::Polars(error) => unreadable(source, file, &error),
                other => other,
            }
        })?;
    local.check_unchanged()?;
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
