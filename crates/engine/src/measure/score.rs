//! The `score` operator: a weighted sum of components, each explained by the signals that make it up.

use abmart_spec::model::{Component, Score, Thresholds};
use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use super::fact::measure_column;
use crate::error::EngineError;
use crate::scope::Scope;
use crate::sql::aggregate::{self, Aggregate, AggregateKind};
use crate::sql::prepared::Prepared;
use crate::sql::{formula, query};

/// A score inside one period.
pub struct Scored {
    /// One row an entity: its key and a column a component (already weighted).
    pub rows: LazyFrame,
    /// Entities without signals have 0 in every component.
    pub zeros: Vec<Expr>,
    /// The score and its components as measures.
    pub measures: Vec<Expr>,
    signals: Vec<LazyFrame>,
}

impl Scored {
    /// Every signal's contribution: key, component, signal, measure, weight, contribution; they add up to the score.
    ///
    /// # Errors
    /// When Polars cannot put the components together.
    pub fn signals(&self) -> Result<DataFrame, EngineError> {
        let all = concat(self.signals.clone(), UnionArgs::default())?;
        Ok(all.filter(col("contribution").neq(lit(0.0))).collect()?)
    }
}

/// Computes a score's components for every entity with signals in the scope's period.
///
/// # Errors
/// When a component's measure does not fit the table of signals.
pub fn evaluate(score: &Score, scope: &Scope<'_>, key: &str) -> Result<Scored, EngineError> {
    let _timed = tracing::debug_span!("score", name = score.name).entered();
    let located = |error: EngineError, component: &str, span| {
        error.at(format!("score `{}`, component `{component}`", score.name), span)
    };
    let input = scope
        .rows(&score.from.value, false)
        .map_err(|error| error.at(format!("score `{}`", score.name), score.from.span))?;
    let mut scored =
        Scored { rows: DataFrame::empty().lazy(), zeros: Vec::new(), measures: Vec::new(), signals: Vec::new() };
    let mut per_entity: Vec<LazyFrame> = Vec::new();
    for (name, component) in &score.components {
        let signals = signals_of(score, name, component, input.clone(), scope, key)
            .map_err(|error| located(error, name, component.measure.span))?
            .collect()?;
        let column = format!("{}#{name}", score.name);
        per_entity.push(totals(&signals, key, &column)?.lazy());
        scored.zeros.push(col(column.as_str()).fill_null(lit(0.0)));
        scored.measures.push(col(column.as_str()).alias(measure_column(&score.name, name)));
        scored.signals.push(signals.lazy());
    }
    let keys: Vec<LazyFrame> = per_entity.iter().map(|rows| rows.clone().select([col(key)])).collect();
    let mut rows = concat(keys, UnionArgs::default())?.unique(None, UniqueKeepStrategy::Any);
    for totals in per_entity {
        rows = rows.join(totals, [col(key)], [col(key)], JoinArgs::new(JoinType::Left));
    }
    scored.rows = rows;
    let sum = score
        .components
        .keys()
        .map(|name| col(format!("{}#{name}", score.name)))
        .reduce(|left, right| left + right)
        .unwrap_or_else(|| lit(0.0));
    scored.measures.push(sum.alias(measure_column(&score.name, "score")));
    Ok(scored)
}

/// What the signals of every entity add up to.
fn totals(signals: &DataFrame, key: &str, column: &str) -> Result<DataFrame, EngineError> {
    let contribution = query::column("contribution");
    let sum = Aggregate { kind: AggregateKind::Sum, argument: Some(contribution), order: None, filter: None };
    let sum = Prepared::new([(column.to_owned(), &sum)]);
    let inputs = sum.inputs().map(|(name, _)| col("contribution").alias(name));
    let rows = signals.clone().lazy().select([col(key)].into_iter().chain(inputs).collect::<Vec<_>>());
    sum.group([Ok(rows)], &[key.to_owned()])
}

/// The band of every entity: hot above the threshold of its dimension's value, cold below, warm between.
pub fn band(score: &Score, key: &str) -> Option<Expr> {
    let bands = score.bands.as_ref()?;
    let by = col(bands.by.value.as_str());
    let limit = |of: fn(&Thresholds) -> f64| {
        bands.thresholds.iter().fold(lit(of(&bands.default)), |otherwise, (value, thresholds)| {
            when(by.clone().eq(lit(value.as_str()))).then(lit(of(thresholds))).otherwise(otherwise)
        })
    };
    // A score that is a threshold but for the rounding of its addends is that threshold.
    let value = col(measure_column(&score.name, "score")).round(9, RoundMode::HalfToEven);
    let band = when(value.clone().gt(limit(|thresholds| thresholds.hot)))
        .then(lit("hot"))
        .when(value.lt(limit(|thresholds| thresholds.warm)))
        .then(lit("cold"))
        .otherwise(lit("warm"));
    let known = when(col(key).is_not_null()).then(band).otherwise(lit(NULL));
    Some(known.alias(measure_column(&score.name, "band")))
}

/// The contributions of one component, one row an entity and signal.
fn signals_of(
    score: &Score,
    name: &str,
    component: &Component,
    input: LazyFrame,
    scope: &Scope<'_>,
    key: &str,
) -> Result<LazyFrame, EngineError> {
    let (outer, aggregates) = aggregate::split(&component.measure.ast);
    let mut columns: Vec<(String, Sql)> = vec![(key.to_owned(), query::column(key))];
    let mut by = vec![key.to_owned()];
    if component.by_signal {
        columns.push(("signal".to_owned(), query::column(&score.signal.value)));
        by.push("signal".to_owned());
    }
    let named = aggregates.iter().enumerate().map(|(index, aggregate)| (aggregate::placeholder(index), aggregate));
    let aggregates = Prepared::new(named);
    columns.extend(aggregates.inputs());
    let prepared = query::project(input, columns, None, &scope.clock())?;
    let measure = formula::lower(&outer, &|name| name.starts_with("__agg_").then(|| col(name)))?;
    let signal = if component.by_signal { col("signal").cast(DataType::String) } else { lit(name) };
    // A signal without an entity can raise nobody's score.
    let rows = aggregates.group([Ok(prepared.filter(col(key).is_not_null()))], &by)?.lazy();
    let measure = measure.cast(DataType::Float64).fill_null(lit(0.0));
    Ok(rows.select([
        col(key),
        lit(name).alias("component"),
        signal.alias("signal"),
        measure.clone().alias("measure"),
        lit(component.weight).alias("weight"),
        (measure * lit(component.weight)).alias("contribution"),
    ]))
}
