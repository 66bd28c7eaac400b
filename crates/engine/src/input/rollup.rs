//! Rollups: an events source reduced per file, the results merged on read.
//!
//! Only this module touches big data. Each file is read once, in slices that fit the memory budget; all rollups of a
//! source share that pass.

use std::collections::BTreeSet;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Column, Rollup, Source};
use jiff::civil::Date;
use polars::prelude::*;
use sqlparser::ast::{self, Expr as Sql};

use super::contract::{self, Finding};
use super::{load, scan};
use crate::context::Context;
use crate::error::EngineError;
use crate::sql::aggregate::{self, Aggregate, AggregateKind};
use crate::sql::prepared::Prepared;
use crate::sql::rewrite::Clock;
use crate::sql::{query, rewrite};

/// A rollup's rows: parts with disjoint spans of days, each merged in itself.
#[derive(Debug, Clone)]
pub struct Rolled {
    parts: Vec<Part>,
    schema: SchemaRef,
}

#[derive(Debug, Clone)]
struct Part {
    /// First and last bucket, where the rollup has one as a key.
    span: Option<(i32, i32)>,
    rows: DataFrame,
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
    /// All rows.
    ///
    /// # Errors
    /// When Polars cannot put the parts together.
    pub fn all(&self) -> Result<LazyFrame, EngineError> {
        self.select(|_| true)
    }

    /// Parts that may hold buckets of `[from, to)`; the caller filters the rows.
    ///
    /// # Errors
    /// When Polars cannot put the parts together.
    pub fn around(&self, from: Date, to: Date) -> Result<LazyFrame, EngineError> {
        let (from, to) = (load::day_number(from), load::day_number(to));
        self.select(|part| part.span.is_none_or(|(first, last)| last >= from && first < to))
    }

    /// Rows of all parts.
    pub fn height(&self) -> usize {
        self.parts.iter().map(|part| part.rows.height()).sum()
    }

    /// A rollup without rows, for checks of types.
    pub fn empty(rows: &DataFrame) -> Self {
        let schema = rows.schema().clone();
        Self { parts: Vec::new(), schema }
    }

    fn select(&self, wanted: impl Fn(&Part) -> bool) -> Result<LazyFrame, EngineError> {
        let frames: Vec<LazyFrame> =
            self.parts.iter().filter(|part| wanted(part)).map(|part| part.rows.clone().lazy()).collect();
        if frames.is_empty() {
            return Ok(DataFrame::empty_with_schema(&self.schema).lazy());
        }
        Ok(concat(frames, UnionArgs { rechunk: false, ..UnionArgs::default() })?)
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
    let compiled: Vec<Compiled> = rollups.iter().map(|rollup| Compiled::new(rollup)).collect();
    let outcomes = context.parallel(files, |file| reduce_file(context, source, file, &compiled))?;
    let mut reduction =
        Reduction { rolled: Vec::new(), findings: Vec::new(), quarantined: Vec::new(), rows_in: 0, rows_later: 0 };
    let mut partials: Vec<Vec<DataFrame>> = vec![Vec::new(); compiled.len()];
    for outcome in outcomes {
        reduction.rows_in += outcome.rows_in;
        reduction.rows_later += outcome.rows_later;
        load::add_findings(&mut reduction.findings, outcome.findings);
        reduction.quarantined.extend(outcome.quarantined);
        for (all, frame) in partials.iter_mut().zip(outcome.partials) {
            all.push(frame);
        }
    }
    for (rollup, frames) in compiled.iter().zip(partials) {
        let rolled = if frames.is_empty() {
            let empty = rollup.reduce(scan::empty(source.columns.values()), context)?;
            Rolled::empty(&rollup.finish(empty)?)
        } else {
            rollup.assemble(frames)?
        };
        reduction.rolled.push(rolled);
    }
    Ok(reduction)
}

/// The columns and types of a rollup, by reducing no rows.
///
/// # Errors
/// When the rollup's expressions do not fit the source's columns.
pub fn schema_only(context: &Context<'_>, source: &Source, rollup: &Rollup) -> Result<DataFrame, EngineError> {
    let compiled = Compiled::new(rollup);
    compiled.finish(compiled.reduce(scan::empty(source.columns.values()), context)?)
}

struct FileOutcome {
    partials: Vec<DataFrame>,
    findings: Vec<Finding>,
    quarantined: Vec<DataFrame>,
    rows_in: u64,
    rows_later: u64,
}

fn reduce_file(
    context: &Context<'_>,
    source: &Source,
    file: &PlannedFile,
    rollups: &[Compiled],
) -> Result<FileOutcome, EngineError> {
    let needed = needed_columns(context, source, file, rollups);
    let wanted = |column: &Column| needed.contains(&column.name);
    let path = context.lake_path(source, file)?;
    let scanned = scan::file(&path, source, context.time_zone(), &wanted)?;
    let rows = context.rows_of(file);
    let slice = context.budget.rows_per_slice(source.columns.values().filter(|column| wanted(column)));
    let mut outcome =
        FileOutcome { partials: Vec::new(), findings: Vec::new(), quarantined: Vec::new(), rows_in: 0, rows_later: 0 };
    let mut slices: Vec<Vec<DataFrame>> = vec![Vec::new(); rollups.len()];
    let mut offset = 0_u64;
    while offset < rows.max(1) {
        context.check_interrupted()?;
        let length = u32::try_from(slice.min(rows - offset).max(1)).unwrap_or(u32::MAX);
        let lazy = if slice >= rows {
            scanned.clone()
        } else {
            scanned.clone().slice(i64::try_from(offset).unwrap_or(i64::MAX), length)
        };
        let frame = lazy.collect().map_err(|error| load::unreadable(source, file, &error))?;
        offset += u64::from(length);
        outcome.rows_in += frame.height() as u64;
        let (frame, later) = load::up_to(frame, source, context.plan.end())?;
        outcome.rows_later += later;
        let checked = contract::enforce(frame, source, &file.key, true)?;
        load::add_findings(&mut outcome.findings, checked.findings);
        outcome.quarantined.extend(checked.quarantined);
        for (rollup, partials) in rollups.iter().zip(&mut slices) {
            partials.push(rollup.reduce(checked.used.clone(), context)?);
        }
    }
    for (rollup, partials) in rollups.iter().zip(slices) {
        outcome.partials.push(rollup.merge(partials)?);
    }
    context.advance(u64::from(u32::try_from(outcome.rows_in).unwrap_or(u32::MAX)));
    Ok(outcome)
}

/// Columns that rollups read, the key, the time, and those whose checks the footer cannot answer.
fn needed_columns(
    context: &Context<'_>,
    source: &Source,
    file: &PlannedFile,
    rollups: &[Compiled],
) -> BTreeSet<String> {
    let mut needed: BTreeSet<String> = rollups.iter().flat_map(|rollup| rollup.reads.iter().cloned()).collect();
    needed.extend(source.key.iter().map(|name| name.value.clone()));
    needed.extend(source.time.iter().map(|name| name.value.clone()));
    let footer = context.footers.get(&file.key);
    for column in source.columns.values().filter(|column| !column.nullable) {
        let known = footer.and_then(|footer| footer.columns.iter().find(|found| found.name == column.name));
        if known.is_none_or(|found| found.nullable && found.null_count != Some(0)) {
            needed.insert(column.name.clone());
        }
    }
    needed.retain(|name| source.columns.contains_key(name));
    needed
}

/// A rollup ready to run: keys and aggregates as prepared columns.
struct Compiled {
    filter: Option<Sql>,
    keys: Vec<(String, Sql)>,
    buckets: Vec<String>,
    measures: Prepared,
    /// Measures that are sums, which may be in fixed point.
    sums: Vec<String>,
    reads: BTreeSet<String>,
}

impl Compiled {
    fn new(rollup: &Rollup) -> Self {
        let mut buckets = Vec::new();
        let keys = rollup
            .by
            .iter()
            .map(|(name, expr)| match bucket_argument(&expr.ast) {
                Some(inner) => {
                    buckets.push(name.clone());
                    (name.clone(), inner)
                }
                None => (name.clone(), expr.ast.clone()),
            })
            .collect();
        // A measure is exactly one aggregate; the spec refuses everything else.
        let measures: Vec<(String, Aggregate)> = rollup
            .measures
            .iter()
            .filter_map(|(name, expr)| Some((name.clone(), aggregate::split(&expr.ast).1.into_iter().next()?)))
            .collect();
        let is_sum = |(_, measure): &&(String, Aggregate)| measure.kind == AggregateKind::Sum;
        let sums = measures.iter().filter(is_sum).map(|(name, _)| name.clone()).collect();
        let measures = Prepared::new(measures.iter().map(|(name, aggregate)| (name.clone(), aggregate)));
        let mut reads = BTreeSet::new();
        let expressions = rollup.by.values().chain(rollup.measures.values()).chain(rollup.filter.iter());
        for expr in expressions {
            let _ = ast::visit_expressions(&expr.ast, |node| {
                if let Sql::Identifier(name) = node {
                    reads.insert(name.value.clone());
                }
                std::ops::ControlFlow::<()>::Continue(())
            });
        }
        let filter = rollup.filter.as_ref().map(|expr| expr.ast.clone());
        Self { filter, keys, buckets, measures, sums, reads }
    }

    fn key_columns(&self) -> Vec<Expr> {
        self.keys.iter().map(|(name, _)| col(name.as_str())).collect()
    }

    /// Groups rows by the keys; sums of floats stay in fixed point.
    fn reduce(&self, rows: DataFrame, context: &Context<'_>) -> Result<DataFrame, EngineError> {
        let clock = Clock { as_of: context.plan.as_of, period: None };
        let columns = self.keys.iter().cloned().chain(self.measures.inputs());
        let mut prepared = query::project(rows.lazy(), columns, self.filter.as_ref(), &clock)?;
        for name in &self.buckets {
            prepared = prepared.with_column(bucketed(col(name.as_str()), context));
        }
        let schema = prepared.collect_schema()?;
        Ok(prepared.group_by(self.key_columns()).agg(self.measures.partials(&schema)).collect()?)
    }

    fn merge(&self, mut frames: Vec<DataFrame>) -> Result<DataFrame, EngineError> {
        if frames.len() == 1 {
            return Ok(frames.swap_remove(0));
        }
        let all = concat(frames.into_iter().map(IntoLazy::lazy).collect::<Vec<_>>(), UnionArgs::default())?;
        Ok(all.group_by(self.key_columns()).agg(self.measures.merged()).collect()?)
    }

    /// Fixed point becomes float.
    fn finish(&self, frame: DataFrame) -> Result<DataFrame, EngineError> {
        let in_fixed_point = |name: &&String| frame.schema().get(name.as_str()) == Some(&DataType::Int128);
        let fixed: Vec<Expr> = self
            .sums
            .iter()
            .filter(in_fixed_point)
            .map(|name| aggregate::from_fixed(col(name.as_str())).alias(name.as_str()))
            .collect();
        if fixed.is_empty() { Ok(frame) } else { Ok(frame.lazy().with_columns(fixed).collect()?) }
    }

    /// Merges the files whose buckets overlap; files of different days cannot share a group and stay apart.
    fn assemble(&self, frames: Vec<DataFrame>) -> Result<Rolled, EngineError> {
        let schema = self.finish(frames[0].clear())?.schema().clone();
        let Some(bucket) = self.buckets.first() else {
            let rows = self.finish(self.merge(frames)?)?;
            return Ok(Rolled { parts: vec![Part { span: None, rows }], schema });
        };
        let mut spans: Vec<(i32, i32, DataFrame)> = Vec::new();
        for frame in frames.into_iter().filter(|frame| frame.height() > 0) {
            let days = frame.column(bucket)?.cast(&DataType::Int32)?;
            let days = days.i32()?;
            spans.push((days.min().unwrap_or(i32::MIN), days.max().unwrap_or(i32::MAX), frame));
        }
        spans.sort_by_key(|(first, last, _)| (*first, *last));
        let mut parts: Vec<(i32, i32, Vec<DataFrame>)> = Vec::new();
        for (first, last, frame) in spans {
            match parts.last_mut() {
                Some((_, reach, members)) if first <= *reach => {
                    *reach = (*reach).max(last);
                    members.push(frame);
                }
                _ => parts.push((first, last, vec![frame])),
            }
        }
        let parts = parts
            .into_iter()
            .map(|(first, last, frames)| {
                Ok(Part { span: Some((first, last)), rows: self.finish(self.merge(frames)?)? })
            })
            .collect::<Result<_, EngineError>>()?;
        Ok(Rolled { parts, schema })
    }
}

fn bucket_argument(expr: &Sql) -> Option<Sql> {
    match expr {
        Sql::Function(function) if function.name.to_string().eq_ignore_ascii_case("bucket") => {
            rewrite::plain_arguments(function).into_iter().next()
        }
        _ => None,
    }
}

/// The first day of the bucket that holds a moment.
fn bucketed(moment: Expr, context: &Context<'_>) -> Expr {
    let starts: Vec<i32> = context.plan.buckets.iter().map(|day| load::day_number(*day)).collect();
    let before = starts.first().map_or(0, |first| first - 1);
    let find = move |day: i32| match starts.partition_point(|start| *start <= day) {
        0 => before,
        after => starts[after - 1],
    };
    moment.cast(DataType::Date).map(
        move |column| {
            let days = column.cast(&DataType::Int32)?;
            let mut last = (i32::MIN, 0);
            let found: Int32Chunked = days
                .i32()?
                .iter()
                .map(|day| {
                    day.map(|day| {
                        if last.0 != day {
                            last = (day, find(day));
                        }
                        last.1
                    })
                })
                .collect();
            found.with_name(column.name().clone()).into_series().into_column().cast(&DataType::Date)
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Date)),
    )
}
