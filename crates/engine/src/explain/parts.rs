//! A figure taken apart: what each entity adds to it, so that the parts are the whole.
//!
//! The aggregates of one cell are computed once more, entity by entity, by the code that computes the cell; sums in fixed
//! point add up to the cell's without any rounding, which is checked.

use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use super::answer::{Contributions, Member, Others, Ranked, RankedMember};
use super::cell::Cell;
use super::plain;
use super::sum::{Adding, Exact};
use crate::cube::compile::{CellAggregate, CompiledKpi, aggregate_column};
use crate::error::EngineError;
use crate::measure::fact::keys_of;
use crate::sql::aggregate::AggregateKind;
use crate::sql::prepared::Prepared;
use crate::sql::{formula, query};

/// A KPI's formula as far as entities add to it.
pub struct Split<'a> {
    /// Numbers of the formula's aggregates in the cube, each once, in the formula's order.
    pub places: Vec<usize>,
    /// What is divided, or the whole formula.
    numerator: Option<&'a Sql>,
    denominator: Option<&'a Sql>,
    kpi: &'a CompiledKpi<'a>,
}

impl<'a> Split<'a> {
    /// Takes a formula apart.
    pub fn new(kpi: &'a CompiledKpi<'a>) -> Self {
        let mut places = Vec::new();
        for place in &kpi.formula.places {
            if !places.contains(place) {
                places.push(*place);
            }
        }
        let (numerator, denominator) = match formula::as_ratio(&kpi.formula.outer) {
            Some((numerator, denominator)) => (Some(numerator), Some(denominator)),
            None => (Some(&kpi.formula.outer), None),
        };
        Self { places, numerator, denominator, kpi }
    }

    /// Entities of the aggregates, in the formula's order.
    pub fn entities<'c>(&self, cell: &Cell<'c>) -> Vec<&'c str> {
        let mut names: Vec<&str> = Vec::new();
        for aggregate in self.places.iter().map(|place| &cell.cube.aggregates[*place]) {
            if !names.contains(&aggregate.entity.as_str()) {
                names.push(&aggregate.entity);
            }
        }
        names
    }

    /// What the members of an entity add to the aggregates that add up; none where there is no such aggregate.
    ///
    /// # Errors
    /// When the parts are not the whole, which would be a mistake of this program.
    pub fn contributions(
        &self,
        cell: &Cell<'_>,
        entity: &str,
        top: usize,
    ) -> Result<Option<Contributions>, EngineError> {
        let (Some(definition), Some(frame)) =
            (cell.cube.project.entities.get(entity), cell.frames.entities.get(entity))
        else {
            return Ok(None);
        };
        let mine: Vec<(usize, &CellAggregate)> = self
            .places
            .iter()
            .map(|place| (*place, &cell.cube.aggregates[*place]))
            .filter(|(_, aggregate)| aggregate.entity == entity && adds_up(aggregate.aggregate.kind))
            .filter(|(place, _)| cell.rolled.get_column_index(&aggregate_column(*place)).is_some())
            .collect();
        if mine.is_empty() {
            return Ok(None);
        }
        let key = keys_of(cell.cube.project, definition);
        let aggregates = Prepared::new(mine.iter().map(|(place, cell)| (aggregate_column(*place), &cell.aggregate)));
        let columns = key.iter().map(|name| (name.clone(), query::column(name))).chain(aggregates.inputs());
        let rows = query::project(cell.inside(frame), columns, None, &cell.scope.clock())?;
        let grouped = aggregates.partials(rows, &key)?;
        let ids = plain::keys(&grouped, &key)?;
        let columns = mine.iter().map(|(place, _)| integers(grouped.column(&aggregate_column(*place))?));
        let columns = columns.collect::<PolarsResult<Vec<_>>>()?;
        let whole = mine.iter().map(|(place, _)| cell.exact(*place)).collect::<PolarsResult<Vec<_>>>()?;
        for ((place, aggregate), (column, (published, _))) in mine.iter().zip(columns.iter().zip(&whole)) {
            let sum: i128 = column.iter().sum();
            if sum != *published {
                let problem = format!(
                    "`{}` is {published} in `{}` and {sum} over all of {entity}, in the smallest steps",
                    aggregate.aggregate,
                    aggregate_column(*place)
                );
                return Err(EngineError::NotItsParts { kpi: self.kpi.kpi.name.clone(), problem });
            }
        }
        let fixed: Vec<bool> = whole.iter().map(|(_, fixed)| *fixed).collect();
        let total: Exact = whole.iter().map(|(published, _)| *published).collect();
        let adding = Adding {
            numerator: self.numerator,
            denominator: self.denominator,
            places: &self.kpi.formula.places,
            mine: mine.iter().map(|(place, _)| *place).collect(),
            fixed,
            total,
        };
        let mut adders: Vec<(f64, Vec<Option<String>>, Exact)> = ids
            .into_iter()
            .enumerate()
            .map(|(row, id)| (id, columns.iter().map(|column| column[row]).collect::<Exact>()))
            .filter(|(_, exact)| exact.iter().any(|value| *value != 0))
            .map(|(id, exact)| (adding.weight(&exact), id, exact))
            .collect();
        adders.sort_by(|(a, left, _), (b, right, _)| b.total_cmp(a).then(left.cmp(right)));
        let contributing = adders.len() as u64;
        let left = adders.split_off(top.min(adders.len()));
        let members = adders.into_iter().map(|(_, key, exact)| Member {
            name: cell.name_of(&key),
            key,
            adds: adding.adds(&exact),
        });
        let members = members.collect();
        let others = (!left.is_empty()).then(|| {
            let mut sum = vec![0; adding.mine.len()];
            for (.., exact) in &left {
                sum.iter_mut().zip(exact).for_each(|(sum, value)| *sum += value);
            }
            Others { count: left.len() as u64, adds: adding.adds(&sum) }
        });
        let place = |place: &usize| self.places.iter().position(|known| known == place);
        let aggregates = adding.mine.iter().filter_map(place).collect();
        Ok(Some(Contributions { entity: entity.to_owned(), key, aggregates, contributing, members, others }))
    }

    /// Members behind an aggregate that does not add up; none for one that does.
    ///
    /// # Errors
    /// When the aggregate does not fit its entity.
    pub fn ranked(&self, cell: &Cell<'_>, number: usize, top: usize) -> Result<Option<Ranked>, EngineError> {
        let CellAggregate { entity, aggregate, .. } = &cell.cube.aggregates[self.places[number]];
        let (Some(definition), Some(frame), Some(argument)) =
            (cell.cube.project.entities.get(entity), cell.frames.entities.get(entity), &aggregate.argument)
        else {
            return Ok(None);
        };
        if adds_up(aggregate.kind) {
            return Ok(None);
        }
        let key = keys_of(cell.cube.project, definition);
        let mut columns: Vec<(String, Sql)> = key.iter().map(|name| (name.clone(), query::column(name))).collect();
        columns.push(("__value".to_owned(), argument.clone()));
        columns.extend(aggregate.order.clone().map(|order| ("__order".to_owned(), order)));
        let rows = query::project(cell.inside(frame), columns, aggregate.filter.as_ref(), &cell.scope.clock())?;
        let mut rows = plain::as_text(rows.filter(col("__value").is_not_null()))?;
        // The order that decides first; keys tell equal ones apart.
        let decides =
            if aggregate.order.is_some() { ["__order", "__value"].as_slice() } else { ["__value"].as_slice() };
        let by: Vec<&str> = decides.iter().copied().chain(key.iter().map(String::as_str)).collect();
        let descending: Vec<bool> = by.iter().map(|name| *name == decides[0]).collect();
        let order = SortMultipleOptions::default().with_order_descending_multi(descending).with_nulls_last(true);
        rows = rows.sort(by, order);
        let rows = rows.collect()?;
        let first = first_shown(aggregate.kind, rows.height(), top);
        let shown = rows.slice(i64::try_from(first).unwrap_or(i64::MAX), top);
        let values = plain::values(shown.column("__value")?)?;
        let order = aggregate.order.is_some().then(|| plain::values(shown.column("__order")?)).transpose()?;
        let members = plain::keys(&shown, &key)?.into_iter().zip(values).enumerate();
        let members = members.map(|(index, (key, value))| RankedMember {
            rank: (first + index) as u64 + 1,
            name: cell.name_of(&key),
            key,
            value,
            order: order.as_ref().map(|order| order[index].clone()),
        });
        let members = members.collect();
        Ok(Some(Ranked { aggregate: number, entity: entity.clone(), key, count: rows.height() as u64, members }))
    }
}

/// Whether values of parts of the rows add up to the value over all of them.
pub fn adds_up(kind: AggregateKind) -> bool {
    matches!(kind, AggregateKind::Sum | AggregateKind::Count)
}

/// The first of the members to show: those around the one that decides.
fn first_shown(kind: AggregateKind, members: usize, top: usize) -> usize {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let from_top = |share: f64| ((1.0 - share) * members.saturating_sub(1) as f64).round() as usize;
    let decides = match kind {
        AggregateKind::Median => from_top(0.5),
        AggregateKind::Quantile(share) => from_top(share),
        AggregateKind::Min => members,
        _ => 0,
    };
    decides.saturating_sub(top / 2).min(members.saturating_sub(top))
}

/// Counts and sums as whole numbers, 0 where there is none.
fn integers(column: &Column) -> PolarsResult<Vec<i128>> {
    if *column.dtype() == DataType::Int128 {
        return Ok(column.i128()?.iter().map(Option::unwrap_or_default).collect());
    }
    Ok(column.cast(&DataType::Int64)?.i64()?.iter().map(|value| i128::from(value.unwrap_or_default())).collect())
}

impl Cell<'_> {
    /// An aggregate of the cell before it is finished, and whether it is in fixed point.
    fn exact(&self, place: usize) -> PolarsResult<(i128, bool)> {
        let column = self.rolled.column(&aggregate_column(place))?;
        let fixed = *column.dtype() == DataType::Int128;
        let Some(row) = self.rolled_row else { return Ok((0, fixed)) };
        let one = column.slice(i64::try_from(row).unwrap_or(i64::MAX), 1);
        Ok((integers(&one)?.first().copied().unwrap_or_default(), fixed))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(AggregateKind::Median, 101, 10, 45)]
    #[case(AggregateKind::Quantile(0.9), 101, 10, 5)]
    #[case(AggregateKind::Max, 101, 10, 0)]
    #[case(AggregateKind::Min, 101, 10, 91)]
    #[case(AggregateKind::Median, 3, 10, 0)]
    fn members_around_the_one_that_decides_are_shown(
        #[case] kind: AggregateKind,
        #[case] members: usize,
        #[case] top: usize,
        #[case] expected: usize,
    ) {
        assert_eq!(first_shown(kind, members, top), expected);
    }
}
