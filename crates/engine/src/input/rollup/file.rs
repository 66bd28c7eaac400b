//! One file of an events source: read in slices, checked, reduced for all rollups.

use std::collections::BTreeSet;
use std::sync::Arc;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Column, ColumnType, Source};
use abmart_store::LocalFile;
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::compiled::Compiled;
use super::keys::{self, Stretch};
use super::member::Member;
use crate::codes;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::finding::{Finding, add_findings};
use crate::input::{contract, load, scan};

/// What reading a file showed beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Findings of the source's checks.
    pub findings: Vec<Finding>,
    /// Rows in the file.
    pub rows_in: u64,
    /// Rows that are used.
    pub rows_used: u64,
    /// Rows after the run's day.
    pub rows_later: u64,
    /// What is known of the file's keys, slice by slice.
    pub keys: Vec<Stretch>,
}

/// What came of a file, its rows where this run or the cache holds them.
pub struct FileOutcome {
    /// Rollup by rollup.
    pub pieces: Vec<Member>,
    /// Rows set aside, all columns.
    pub quarantined: Vec<DataFrame>,
    /// What reading the file showed beside its rows.
    pub seen: Seen,
}

/// What came of a file that was read just now.
#[derive(Default)]
pub struct Reduced {
    /// Rollup by rollup.
    pub rollups: Vec<DataFrame>,
    /// Rows set aside, all columns.
    pub quarantined: Vec<DataFrame>,
    /// What reading the file showed beside its rows.
    pub seen: Seen,
}

/// Reads a file and reduces it. `repeated` are the rows, counted from 0 and in order, whose key was met before.
///
/// # Errors
/// When the file cannot be read, a check with severity `fail` fails, or a rollup cannot be computed.
pub fn reduce(
    context: &Context<'_>,
    source: &Source,
    file: &PlannedFile,
    rollups: &[Arc<Compiled>],
    repeated: &[u64],
) -> Result<Reduced, EngineError> {
    let needed = needed_columns(context, source, file, rollups);
    let wanted = |column: &Column| needed.contains(&column.name);
    let width = |column: &Column| match column.ty {
        ColumnType::String if !codes::is_id(context.project, &column.name) => 24,
        _ => 8,
    };
    let bytes_per_row = source.columns.values().filter(|column| wanted(column)).map(width).sum();
    let length = context.budget.rows_per_slice(bytes_per_row);
    let slices = Slices { context, source, file, rows: context.rows_of(file), length };
    let local = slices.fetch(&wanted)?;
    let mut whole_file = None;
    let days = context.days_of(source, file);
    let mut outcome = Reduced::default();
    let mut partials: Vec<Vec<DataFrame>> = vec![Vec::new(); rollups.len()];
    for slice in slices.all() {
        context.check_interrupted()?;
        let frame = step("decode").in_scope(|| slices.read(&local, &slice, &wanted))?;
        outcome.seen.rows_in += frame.height() as u64;
        outcome.seen.keys.extend(step("keys").in_scope(|| keys::stretch(source, &frame, slice.start))?);
        let repeated = keys::mask(repeated, slice.start, frame.height());
        let (frame, repeated, later) = load::up_to(frame, repeated, source, context.plan.end())?;
        outcome.seen.rows_later += later;
        let checked = step("check").in_scope(|| contract::enforce(frame, source, &file.key, repeated.as_ref()))?;
        outcome.seen.rows_used += checked.used.height() as u64;
        add_findings(&mut outcome.seen.findings, checked.findings);
        if let Some(aside) = checked.aside {
            // What is set aside is shown whole, with the columns that nothing reads.
            let whole_file = match &mut whole_file {
                Some(fetched) => fetched,
                none => none.insert(slices.fetch(&|_| true)?),
            };
            let whole = slices.read(whole_file, &slice, &|_| true)?;
            let (whole, _, _) = load::up_to(whole, None, source, context.plan.end())?;
            outcome.quarantined.push(aside.rows_of(&whole)?);
        }
        for (rollup, partials) in rollups.iter().zip(&mut partials) {
            partials.push(rollup.reduce(checked.used.clone(), days)?);
        }
    }
    local.check_unchanged()?;
    for (rollup, partials) in rollups.iter().zip(partials) {
        outcome.rollups.push(rollup.whole(partials)?);
    }
    Ok(outcome)
}

/// A step on the way of a slice, whose time is added up.
fn step(name: &'static str) -> tracing::Span {
    tracing::debug_span!("slice", name)
}

/// The columns of a file that `wanted` accepts, in slices that fit the budget.
struct Slices<'a> {
    context: &'a Context<'a>,
    source: &'a Source,
    file: &'a PlannedFile,
    rows: u64,
    length: u64,
}

impl Slices<'_> {
    fn all(&self) -> Vec<std::ops::Range<u64>> {
        let count = self.rows.div_ceil(self.length).max(1);
        (0..count).map(|index| index * self.length..((index + 1) * self.length).min(self.rows)).collect()
    }

    fn fetch(&self, wanted: &dyn Fn(&Column) -> bool) -> Result<LocalFile, EngineError> {
        self.context.lake_file(self.source, self.file, wanted)
    }

    fn read(
        &self,
        local: &LocalFile,
        slice: &std::ops::Range<u64>,
        wanted: &dyn Fn(&Column) -> bool,
    ) -> Result<DataFrame, EngineError> {
        let scanned = scan::file(local.path(), self.source, self.context, wanted)?;
        let rows = if *slice == (0..self.rows) {
            scanned
        } else {
            let length = u32::try_from(slice.end - slice.start).unwrap_or(u32::MAX);
            scanned.slice(i64::try_from(slice.start).unwrap_or(i64::MAX), length)
        };
        rows.collect().map_err(|error| load::unreadable(self.source, self.file, &error))
    }
}

/// Columns that rollups read, the key, the time, and those whose checks the footer cannot answer.
pub fn needed_columns(
    context: &Context<'_>,
    source: &Source,
    file: &PlannedFile,
    rollups: &[Arc<Compiled>],
) -> BTreeSet<String> {
    let mut needed: BTreeSet<String> = rollups.iter().flat_map(|rollup| rollup.reads.iter().cloned()).collect();
    needed.extend(source.key.iter().map(|name| name.value.clone()));
    needed.extend(source.time.iter().map(|name| name.value.clone()));
    let footer = context.footers.get(&file.key);
    for column in source.columns.values() {
        let known = footer.and_then(|footer| footer.columns.iter().find(|found| found.name == column.name));
        let may_be_null = known.is_none_or(|found| found.nullable && found.null_count != Some(0));
        let holds_values = known.is_none_or(|found| found.null_count != Some(context.rows_of(file)));
        let checks_values = matches!(column.ty, ColumnType::Number | ColumnType::Money)
            || column.min.is_some()
            || column.max.is_some()
            || !column.values.is_empty();
        if (!column.nullable && may_be_null) || (checks_values && holds_values) {
            needed.insert(column.name.clone());
        }
    }
    needed.retain(|name| source.columns.contains_key(name));
    needed
}
