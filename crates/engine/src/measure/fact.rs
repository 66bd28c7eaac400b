//! A fact inside one period: its rows chosen by kind, grouped by entity, and its measures.

use abmart_plan::calendar::{Period, nests};
use abmart_spec::model::{Entity, Fact, FactInput, FactKind, Project};
use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use crate::error::EngineError;
use crate::scope::Scope;
use crate::sql::aggregate::{self, Aggregate};
use crate::sql::prepared::Prepared;
use crate::sql::select::Rows;
use crate::sql::{formula, names, query};

/// A fact with its aggregates taken out of its measures.
pub struct CompiledFact<'a> {
    /// The definition.
    pub fact: &'a Fact,
    aggregates: Prepared,
    /// Measure → expression over placeholders, and which aggregate each placeholder is.
    measures: Vec<(String, Sql, Vec<usize>)>,
}

/// Names of the columns that identify a row of an entity: the parent's key, then its own.
pub fn keys_of(project: &Project, entity: &Entity) -> Vec<String> {
    let parent = entity.parent.as_ref().and_then(|name| project.entities.get(&name.value));
    parent.map(|parent| parent.key.clone()).into_iter().chain([entity.key.clone()]).collect()
}

impl<'a> CompiledFact<'a> {
    /// Takes the aggregates out of the measures.
    pub fn new(fact: &'a Fact) -> Self {
        let mut aggregates: Vec<Aggregate> = Vec::new();
        let mut measures = Vec::new();
        for (name, expr) in &fact.measures {
            let (outer, found) = aggregate::split(&expr.ast);
            let places = found
                .into_iter()
                .map(|aggregate| {
                    aggregates.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
                        aggregates.push(aggregate);
                        aggregates.len() - 1
                    })
                })
                .collect();
            measures.push((name.clone(), outer, places));
        }
        let column = |index: usize| format!("{}#{index}", fact.name);
        let aggregates =
            Prepared::new(aggregates.iter().enumerate().map(|(index, aggregate)| (column(index), aggregate)));
        Self { fact, aggregates, measures }
    }

    /// Whether the fact means something at the period's grain.
    pub fn applies(&self, period: &Period) -> bool {
        self.fact.grain.is_none_or(|finest| nests(finest, period.grain))
    }

    /// The fact's rows in the scope's period, one a group of `keys` (and of the fallback dimensions where the last
    /// key is null), with the aggregates as columns. `children` are the rows of the finer entity, where it reads one.
    ///
    /// # Errors
    /// When an expression does not fit the input.
    pub fn rows(
        &self,
        scope: &Scope<'_>,
        keys: &[String],
        children: Option<LazyFrame>,
    ) -> Result<DataFrame, EngineError> {
        let _timed = tracing::debug_span!("fact", name = self.fact.name).entered();
        let clock = scope.clock();
        let filter = self.fact.filter.as_ref().map(|filter| &filter.ast);
        let input = self.input(scope, keys, children)?;
        let mut columns: Vec<(String, Sql)> = keys.iter().map(|key| (key.clone(), query::column(key))).collect();
        for (dimension, column) in &self.fact.dimensions {
            columns.push((format!("{dimension}@"), query::column(&column.value)));
        }
        columns.extend(self.aggregates.inputs());
        // Rows with an entity have its dimensions; only those without one group by their own.
        let unkeyed = keys.last().map_or_else(|| lit(NULL), |key| col(key.as_str())).is_null();
        let own = |dimension: &String| {
            let own = when(unkeyed.clone()).then(col(format!("{dimension}@"))).otherwise(lit(NULL));
            own.alias(dimension.as_str())
        };
        let own: Vec<Expr> = self.fact.dimensions.keys().map(own).collect();
        let prepared = |rows: LazyFrame| -> Result<LazyFrame, EngineError> {
            let rows = query::project(rows, columns.iter().cloned(), filter, &clock)?;
            Ok(if own.is_empty() { rows } else { rows.with_columns(own.clone()) })
        };
        let by: Vec<String> = keys.iter().chain(self.fact.dimensions.keys()).cloned().collect();
        self.aggregates.group(input.parts().into_iter().map(prepared), &by)
    }

    /// The rows of the scope's period that the fact aggregates, each as its input holds it; `children` as above.
    ///
    /// # Errors
    /// As [`CompiledFact::rows`].
    pub fn taken(&self, scope: &Scope<'_>, keys: &[String], children: Option<LazyFrame>) -> Result<Rows, EngineError> {
        let (clock, filter) = (scope.clock(), self.fact.filter.as_ref().map(|filter| &filter.ast));
        self.input(scope, keys, children)?.try_map(|rows| query::filter(rows, filter, &clock))
    }

    /// The rows of the scope's period, before the filter.
    fn input(&self, scope: &Scope<'_>, keys: &[String], children: Option<LazyFrame>) -> Result<Rows, EngineError> {
        Ok(match (children, &self.fact.keep_last) {
            (Some(children), _) => Rows::Whole(children),
            (None, None) => self.within_period(scope, keys)?,
            (None, Some(keep)) => {
                let filter = self.fact.filter.as_ref().map(|filter| &filter.ast);
                let by: Vec<&str> = keep.by.iter().map(|column| column.value.as_str()).collect();
                let counting = query::filter(self.within_period(scope, keys)?.whole()?, filter, &scope.clock())?;
                Rows::Whole(last_of_each(counting, &by, &keep.order.value)?)
            }
        })
    }

    /// Fills what an entity without rows has: 0 for sums and counts.
    pub fn zeros(&self) -> Vec<Expr> {
        self.aggregates.zeros()
    }

    /// The measures over the aggregates' columns, named `fact.measure`.
    ///
    /// # Errors
    /// When a measure combines aggregates in a way that formulas do not know.
    pub fn measures(&self) -> Result<Vec<Expr>, EngineError> {
        self.measures
            .iter()
            .map(|(name, outer, places)| {
                let resolve = |placeholder: &str| {
                    let local: usize = placeholder.strip_prefix("__agg_")?.parse().ok()?;
                    Some(col(self.column(*places.get(local)?)))
                };
                let expr = formula::lower(outer, &resolve).map_err(|error| self.located(error.into(), name))?;
                Ok(expr.alias(measure_column(&self.fact.name, name)))
            })
            .collect()
    }

    /// The plain expressions of a state fact, under the names of its measures.
    pub fn states(&self) -> impl Iterator<Item = (String, Sql)> {
        self.fact.measures.iter().map(|(name, expr)| (measure_column(&self.fact.name, name), expr.ast.clone()))
    }

    /// The plain expressions of a state fact over the snapshot's columns, with the keys.
    ///
    /// # Errors
    /// When an expression does not fit the snapshot.
    pub fn state(&self, snapshot: LazyFrame, keys: &[String], scope: &Scope<'_>) -> Result<LazyFrame, EngineError> {
        let columns = keys.iter().map(|key| (key.clone(), query::column(key))).chain(self.states());
        query::project(snapshot, columns, self.fact.filter.as_ref().map(|filter| &filter.ast), &scope.clock())
    }

    /// Names the fact, or the measure in it, as the place of an error.
    pub fn located(&self, error: EngineError, measure: &str) -> EngineError {
        let span = self.fact.measures.get(measure).map_or(self.fact.span, |expr| expr.span);
        error.at(format!("fact `{}`, measure `{measure}`", self.fact.name), span)
    }

    /// Names the fact as the place of an error.
    pub fn located_here(&self, error: EngineError) -> EngineError {
        error.at(format!("fact `{}`", self.fact.name), self.fact.span)
    }

    fn column(&self, index: usize) -> String {
        format!("{}#{index}", self.fact.name)
    }

    fn within_period(&self, scope: &Scope<'_>, keys: &[String]) -> Result<Rows, EngineError> {
        let FactInput::Table(from) = &self.fact.from else { return scope.input(&self.fact.per.value, false) };
        let from = from.value.as_str();
        let Some(period) = scope.period else { return scope.input(from, false) };
        let start = match &self.fact.kind {
            FactKind::State => return scope.input(from, false),
            FactKind::Stock { from: begin, to: end } => {
                return scope.alive(from, (&begin.value, &end.value), period.cutoff, &self.columns(keys));
            }
            FactKind::Flow => period.start,
            FactKind::Trailing(window) => period.window_start(*window),
        };
        scope.between(from, self.time(scope, from), (start, period.cutoff), &self.columns(keys))
    }

    /// The columns of its input that the fact looks at; none where all of them count.
    fn columns(&self, keys: &[String]) -> Vec<String> {
        // The last of equal rows is told by all columns.
        if self.fact.keep_last.is_some() {
            return Vec::new();
        }
        let mut columns: Vec<String> = keys.to_vec();
        columns.extend(self.fact.dimensions.values().map(|column| column.value.clone()));
        for expr in self.fact.measures.values().chain(&self.fact.filter) {
            columns.extend(names::columns(&expr.ast).into_iter().map(|name| name.value));
        }
        columns
    }

    fn time(&self, scope: &Scope<'a>, from: &str) -> Option<&'a str> {
        self.fact.time.as_ref().map(|time| time.value.as_str()).or_else(|| scope.time_of(from))
    }
}

/// The column of a measure in an entity's frame.
pub fn measure_column(fact: &str, measure: &str) -> String {
    format!("{fact}.{measure}")
}

/// The row with the greatest `order` of each key. Ties go by the other columns, so that the order of rows in the
/// files does not matter; a row with a null in its key stands for itself.
fn last_of_each(mut rows: LazyFrame, by: &[&str], order: &str) -> Result<LazyFrame, EngineError> {
    let schema = rows.collect_schema()?;
    let others = schema.iter_names().filter(|name| name.as_str() != order).map(|name| col(name.clone()));
    let sorted_by: Vec<Expr> = std::iter::once(col(order)).chain(others).collect();
    let complete = by.iter().map(|name| col(*name).is_not_null()).reduce(Expr::and).unwrap_or_else(|| lit(true));
    let alone = rows.clone().filter(complete.clone().not());
    let sort = SortMultipleOptions::default().with_maintain_order(true);
    let subset = by_name(by.iter().copied(), true, false);
    let last =
        rows.filter(complete).sort_by_exprs(sorted_by, sort).unique_stable(Some(subset), UniqueKeepStrategy::Last);
    Ok(concat([last, alone], UnionArgs::default())?)
}
