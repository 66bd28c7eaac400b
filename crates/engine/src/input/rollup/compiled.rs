//! A rollup ready to run: keys and aggregates as prepared columns.

use std::collections::BTreeSet;

use abmart_spec::model::Rollup;
use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use super::shelf::Span;
use crate::codes;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::load;
use crate::sql::aggregate::{self, Aggregate, AggregateKind};
use crate::sql::prepared::Prepared;
use crate::sql::rewrite::Clock;
use crate::sql::{names, query, rewrite};

/// A rollup ready to run.
pub struct Compiled {
    /// The rollup's name.
    pub name: String,
    /// Columns of the source that it reads.
    pub reads: BTreeSet<String>,
    filter: Option<Sql>,
    keys: Vec<(String, Sql)>,
    /// Keys that are buckets.
    buckets: Vec<String>,
    /// First days of the buckets, as days since 1970.
    starts: Vec<i32>,
    measures: Prepared,
    kinds: Vec<(String, AggregateKind)>,
    clock: Clock,
    reads_clock: bool,
}

impl Compiled {
    /// Takes a rollup apart.
    pub fn new(rollup: &Rollup, context: &Context<'_>) -> Self {
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
        let expressions = || rollup.by.values().chain(rollup.measures.values()).chain(&rollup.filter);
        let reads = expressions().flat_map(|expr| names::columns(&expr.ast)).map(|name| name.value).collect();
        let reads_clock = expressions().any(|expr| names::run_day(&expr.ast));
        let days = context.plan.buckets.get(&rollup.name).map_or(&[][..], Vec::as_slice);
        Self {
            name: rollup.name.clone(),
            reads,
            filter: rollup.filter.as_ref().map(|expr| expr.ast.clone()),
            keys,
            buckets,
            starts: days.iter().map(|day| load::day_number(*day)).collect(),
            kinds: measures.iter().map(|(name, measure)| (name.clone(), measure.kind)).collect(),
            measures: Prepared::new(measures.iter().map(|(name, aggregate)| (name.clone(), aggregate))),
            clock: Clock { as_of: context.plan.as_of, period: None },
            reads_clock,
        }
    }

    /// First days of the buckets that a file's rows are grouped by: the run's, and the file's own first day, so that
    /// rows are never said to be older than their file, whatever day the bucket around it began.
    pub fn edges(&self, days: Option<Span>) -> Vec<i32> {
        if self.buckets.is_empty() {
            return Vec::new();
        }
        let mut edges = self.starts.clone();
        if let Some((first, _)) = days
            && let Err(place) = edges.binary_search(&first)
        {
            edges.insert(place, first);
        }
        edges
    }

    /// Names of its columns, in their order.
    pub fn columns(&self) -> Vec<&str> {
        let keys = self.keys.iter().map(|(name, _)| name.as_str());
        keys.chain(self.kinds.iter().map(|(name, _)| name.as_str())).collect()
    }

    /// Whether the result depends on the run's day beyond the rows that count.
    pub fn reads_clock(&self) -> bool {
        self.reads_clock
    }

    /// Groups rows of a file of these days by the keys; sums of floats stay in fixed point.
    pub fn reduce(&self, rows: DataFrame, days: Option<Span>) -> Result<DataFrame, EngineError> {
        let _timed = tracing::debug_span!("rollup", name = self.name).entered();
        let columns = self.keys.iter().cloned().chain(self.measures.inputs());
        let mut prepared = query::project(rows.lazy(), columns, self.filter.as_ref(), &self.clock)?;
        let edges = self.edges(days);
        for name in &self.buckets {
            prepared = prepared.with_column(bucketed(col(name.as_str()), edges.clone()));
        }
        self.measures.partials(prepared, &self.key_names())
    }

    /// Merges what came of the slices of a file and turns it into values.
    pub fn whole(&self, slices: Vec<DataFrame>) -> Result<DataFrame, EngineError> {
        self.finish(self.measures.merge(slices, &self.key_names())?)
    }

    /// Merges the values of several files. A sum of floats is exact, as those in the files are.
    pub fn merge(&self, files: Vec<LazyFrame>) -> Result<DataFrame, EngineError> {
        // Those that the run holds are compact, those of the cache are not.
        let compact = |rows: LazyFrame| codes::compact(rows.collect()?);
        self.whole(files.into_iter().map(compact).collect::<Result<Vec<_>, _>>()?)
    }

    /// Fixed point becomes float.
    pub fn finish(&self, frame: DataFrame) -> Result<DataFrame, EngineError> {
        let in_fixed_point = |name: &str| frame.schema().get(name) == Some(&DataType::Int128);
        let sums = self.kinds.iter().filter(|(name, kind)| *kind == AggregateKind::Sum && in_fixed_point(name));
        let fixed: Vec<Expr> =
            sums.map(|(name, _)| aggregate::from_fixed(col(name.as_str())).alias(name.as_str())).collect();
        if fixed.is_empty() { Ok(frame) } else { Ok(frame.lazy().with_columns(fixed).collect()?) }
    }

    /// First and last bucket of a rollup's rows, where it has one as a key.
    pub fn span(&self, rows: &DataFrame) -> Result<Option<Span>, EngineError> {
        let Some(bucket) = self.buckets.first() else { return Ok(None) };
        let days = rows.column(bucket)?.cast(&DataType::Int32)?;
        let days = days.i32()?;
        // Rows without a time belong to no bucket, so they may share a group with any other's.
        if days.null_count() > 0 {
            return Ok(Some((i32::MIN, days.max().unwrap_or(i32::MAX))));
        }
        Ok(days.min().zip(days.max()))
    }

    fn key_names(&self) -> Vec<String> {
        self.keys.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// The first day of the bucket that holds a moment.
fn bucketed(moment: Expr, starts: Vec<i32>) -> Expr {
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

/// What is put into buckets by an expression that does so.
pub fn bucket_argument(expr: &Sql) -> Option<Sql> {
    match expr {
        Sql::Function(function) if function.name.to_string().eq_ignore_ascii_case("bucket") => {
            rewrite::plain_arguments(function).into_iter().next()
        }
        _ => None,
    }
}
