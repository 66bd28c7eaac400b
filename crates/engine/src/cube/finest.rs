//! Aggregates at the finest cut of one period: one row a leaf cell, mergeable.

use abmart_plan::calendar::{Period, nests};
use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use super::compile::{CellAggregate, Cube, aggregate_column};
use crate::error::EngineError;
use crate::measure::frame::PeriodFrames;
use crate::scope::Scope;
use crate::sql::prepared::Prepared;
use crate::sql::query;

/// The number of the period, the first column of everything in the cube.
pub const PERIOD: &str = "__period";

/// A period's contribution to the cube.
#[derive(Default)]
pub struct Finest {
    /// Partial results of the decomposable aggregates, one frame an entity.
    pub partials: Vec<DataFrame>,
    /// Values that the other aggregates need in full, one frame an aggregate: period, dimensions, `value` and, where the
    /// rows' order decides, `order`.
    pub values: Vec<(usize, DataFrame)>,
}

impl Cube<'_> {
    /// Computes a period's partial results from its entity frames.
    ///
    /// # Errors
    /// When a formula does not fit the measures it reads.
    pub fn finest(&self, number: usize, frames: &PeriodFrames, scope: &Scope<'_>) -> Result<Finest, EngineError> {
        let mut finest = Finest::default();
        for entity in self.entities() {
            let _timed = tracing::debug_span!("leaves", name = entity).entered();
            let Some(frame) = frames.entities.get(entity) else { continue };
            let mine: Vec<(usize, &CellAggregate)> = self
                .aggregates
                .iter()
                .enumerate()
                .filter(|(_, cell)| cell.entity == entity && self.has_facts(cell, scope.period.as_ref()))
                .collect();
            let (merged, whole): (Vec<_>, Vec<_>) =
                mine.into_iter().partition(|(_, cell)| cell.aggregate.kind.decomposable());
            if let Some(partials) = self.partials(number, frame, &merged, scope)? {
                finest.partials.push(partials);
            }
            for (index, cell) in whole {
                finest.values.push((index, self.values_of(number, frame, cell, scope)?));
            }
        }
        Ok(finest)
    }

    /// Computes one aggregate alone, to see whether it fits the measures it reads.
    ///
    /// # Errors
    /// When it does not.
    pub fn aggregate_alone(&self, index: usize, frames: &PeriodFrames, scope: &Scope<'_>) -> Result<(), EngineError> {
        let cell = &self.aggregates[index];
        let Some(frame) = frames.entities.get(&cell.entity) else { return Ok(()) };
        if cell.aggregate.kind.decomposable() {
            self.partials(0, frame, &[(index, cell)], scope)?;
        } else {
            self.values_of(0, frame, cell, scope)?;
        }
        Ok(())
    }

    fn entities(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for cell in &self.aggregates {
            if !names.contains(&cell.entity.as_str()) {
                names.push(&cell.entity);
            }
        }
        names
    }

    fn has_facts(&self, cell: &CellAggregate, period: Option<&Period>) -> bool {
        cell.facts.iter().filter_map(|name| self.project.facts.get(name)).all(|fact| match (fact.grain, period) {
            (Some(finest), Some(period)) => nests(finest, period.grain),
            _ => true,
        })
    }

    fn partials(
        &self,
        number: usize,
        frame: &DataFrame,
        cells: &[(usize, &CellAggregate)],
        scope: &Scope<'_>,
    ) -> Result<Option<DataFrame>, EngineError> {
        if cells.is_empty() {
            return Ok(None);
        }
        let named = cells.iter().map(|(index, cell)| (aggregate_column(*index), &cell.aggregate));
        let aggregates = Prepared::new(named);
        let columns = self.dimension_columns().into_iter().chain(aggregates.inputs());
        let prepared = query::project(frame.clone().lazy(), columns, None, &scope.clock())?;
        let grouped = aggregates.partials(prepared, &self.dimensions)?;
        let grouped = grouped.lazy().with_column(period_literal(number)).collect()?;
        Ok(Some(grouped))
    }

    fn values_of(
        &self,
        number: usize,
        frame: &DataFrame,
        cell: &CellAggregate,
        scope: &Scope<'_>,
    ) -> Result<DataFrame, EngineError> {
        let mut columns = self.dimension_columns();
        columns.extend(cell.aggregate.argument.clone().map(|sql| ("value".to_owned(), sql)));
        columns.extend(cell.aggregate.order.clone().map(|sql| ("order".to_owned(), sql)));
        let rows = query::project(frame.clone().lazy(), columns, cell.aggregate.filter.as_ref(), &scope.clock())?;
        Ok(rows.filter(col("value").is_not_null()).with_column(period_literal(number)).collect()?)
    }

    fn dimension_columns(&self) -> Vec<(String, Sql)> {
        self.dimensions.iter().map(|name| (name.clone(), query::column(name))).collect()
    }
}

/// The same under another number of the period.
///
/// # Errors
/// Polars' own.
pub fn renumbered(finest: Finest, number: usize) -> Result<Finest, EngineError> {
    let under = |rows: DataFrame| rows.lazy().with_column(period_literal(number)).collect();
    Ok(Finest {
        partials: finest.partials.into_iter().map(under).collect::<PolarsResult<_>>()?,
        values: finest
            .values
            .into_iter()
            .map(|(index, rows)| Ok((index, under(rows)?)))
            .collect::<PolarsResult<_>>()?,
    })
}

fn period_literal(number: usize) -> Expr {
    lit(i32::try_from(number).unwrap_or(i32::MAX)).alias(PERIOD)
}
