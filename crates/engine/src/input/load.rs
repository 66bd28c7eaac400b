//! Sources that tables and facts read whole: snapshots day by day, events up to the run's day.

use std::collections::BTreeMap;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Column as ContractColumn, Source, SourceKind};
use jiff::ToSpan;
use jiff::civil::Date;
use polars::prelude::*;

use super::contract::{self, Examined};
use super::finding::{Finding, add_findings};
use super::references::References;
use super::scan;
use super::snapshot::{Checked, Keeper, Snapshot};
use crate::codes;
use crate::context::Context;
use crate::error::EngineError;

/// A source's rows.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// Day by day.
    Snapshots(BTreeMap<Date, Snapshot>),
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
    /// Rows that are used, of all snapshots together.
    pub rows_used: u64,
    /// Rows after the run's day, which do not count.
    pub rows_later: u64,
}

/// Reads all files of a source, and holds the columns that `columns` accepts; all are checked. References are those of the
/// newest snapshot: older ones were checked when they were it.
///
/// # Errors
/// When a file cannot be read or a check with severity `fail` fails.
pub fn load(
    context: &Context<'_>,
    source: &Source,
    files: &[PlannedFile],
    columns: &(dyn Fn(&str) -> bool + Sync),
    references: &References,
) -> Result<Reading, EngineError> {
    // A key is unique in a snapshot, and over all files of an events source.
    let mut by_day: BTreeMap<Date, Vec<&PlannedFile>> = BTreeMap::new();
    for file in files {
        let day = if source.kind == SourceKind::Snapshot { file.day } else { Date::MIN };
        by_day.entry(day).or_default().push(file);
    }
    let by_day: Vec<(Date, Vec<&PlannedFile>)> = by_day.into_iter().collect();
    let planned = context.plan.sources.get(&source.name).and_then(|planned| planned.snapshots.last().copied());
    let (newest, none) = (planned.or_else(|| by_day.last().map(|(day, _)| *day)), References::default());
    let keeper = (source.kind == SourceKind::Snapshot).then(|| Keeper::new(context, source, columns));
    // Of a snapshot that was checked little stays, so that the next one finds room.
    let read = context.parallel(&by_day, |(day, files)| {
        let keeper = keeper.as_ref().filter(|_| Some(*day) != newest);
        if let Some((snapshot, checked)) = keeper.and_then(|keeper| keeper.find(*day, files)) {
            context.advance(checked.rows_in);
            return Ok((*day, snapshot, checked));
        }
        let references = if Some(*day) == newest { references } else { &none };
        let mut checked = together(context, source, files, references)?;
        checked.used = held(&checked.used, columns)?;
        if let Some(keeper) = keeper {
            keeper.keep(*day, files, &checked)?;
        }
        Ok((*day, Snapshot::held(std::mem::take(&mut checked.used)), checked))
    })?;
    keeper.map_or(Ok(()), Keeper::finish)?;
    let mut reading = Reading {
        loaded: Loaded::Snapshots(BTreeMap::new()),
        findings: Vec::new(),
        quarantined: Vec::new(),
        rows_in: 0,
        rows_used: 0,
        rows_later: 0,
    };
    let mut snapshots = BTreeMap::new();
    for (day, snapshot, checked) in read {
        add_findings(&mut reading.findings, checked.findings);
        reading.quarantined.extend(checked.quarantined);
        reading.rows_in += checked.rows_in;
        reading.rows_used += snapshot.height as u64;
        reading.rows_later += checked.rows_later;
        snapshots.insert(day, snapshot);
    }
    reading.loaded = match (source.kind, snapshots.first_key_value()) {
        (SourceKind::Snapshot, _) => Loaded::Snapshots(snapshots),
        (SourceKind::Events, Some((_, rows))) => Loaded::Events(rows.rows()?),
        (SourceKind::Events, None) => Loaded::Events(scan::empty(context.project, source)),
    };
    Ok(reading)
}

/// Reads and checks the files of one key space: row by row in each file, and the key over all of them, so that a row is
/// set aside with all its reasons.
fn together(
    context: &Context<'_>,
    source: &Source,
    files: &[&PlannedFile],
    references: &References,
) -> Result<Checked, EngineError> {
    let mut all = Checked::default();
    let read = context.parallel(files, |file| {
        let frame = read(context, source, file, &|_| true)?;
        let rows_in = frame.height() as u64;
        context.advance(rows_in);
        let (frame, _, later) = up_to(frame, None, source, context.plan.end())?;
        let mut examined = Examined::new(frame, source, &file.key, references)?;
        examined.rows = codes::compact(examined.rows)?;
        Ok((examined, rows_in, later))
    })?;
    let rows: Vec<&DataFrame> = read.iter().map(|(examined, ..)| &examined.rows).collect();
    let repeated = contract::repeated(source, &rows)?;
    let mut used = Vec::new();
    for ((mut examined, rows_in, later), repeated) in read.into_iter().zip(repeated) {
        examined.key(repeated.as_ref())?;
        let rows = examined.rows.clone();
        let checked = examined.settle()?;
        add_findings(&mut all.findings, checked.findings);
        if let Some(aside) = checked.aside {
            all.quarantined.push(aside.rows_of(&rows)?);
        }
        all.rows_in += rows_in;
        all.rows_later += later;
        used.push(checked.used.lazy());
    }
    all.used = concat(used, UnionArgs::default())?.collect()?;
    Ok(all)
}

/// What stays in memory of rows that were checked.
fn held(rows: &DataFrame, columns: &dyn Fn(&str) -> bool) -> Result<DataFrame, EngineError> {
    let kept: Vec<PlSmallStr> = rows.get_column_names().into_iter().filter(|name| columns(name)).cloned().collect();
    Ok(rows.select(kept)?)
}

/// Reads the columns of a file that `wanted` accepts.
///
/// # Errors
/// When the file cannot be read.
pub fn read(
    context: &Context<'_>,
    source: &Source,
    file: &PlannedFile,
    wanted: &dyn Fn(&ContractColumn) -> bool,
) -> Result<DataFrame, EngineError> {
    context.check_interrupted()?;
    let local = context.lake_file(source, file, wanted)?;
    let read = scan::file(local.path(), source, context, wanted).and_then(|lazy| Ok(lazy.collect()?));
    let frame = read.map_err(|error| match error {
        EngineError::Polars(error) => unreadable(source, file, &error),
        other => other,
    })?;
    local.check_unchanged()?;
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

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// The beginning of a day, in microseconds since 1970.
pub fn midnight(day: Date) -> i64 {
    i64::from(day_number(day)) * DAY
}

/// The day that is so many days after 1970-01-01.
pub fn date(number: i32) -> Date {
    jiff::civil::date(1970, 1, 1).saturating_add(i64::from(number).days())
}

/// Polars' word for a file that cannot be read, with the source and the file.
pub fn unreadable(source: &Source, file: &PlannedFile, error: &PolarsError) -> EngineError {
    EngineError::Unreadable { source_name: source.name.clone(), file: file.key.clone(), reason: error.to_string() }
}
