//! Roll-up of the finest cut through all grouping sets: each set from the smallest finer one that is done.

use polars::prelude::*;

use super::compile::{Cube, aggregate_column};
use super::finest::{Finest, PERIOD};
use crate::error::EngineError;
use crate::sql::aggregate;
use crate::sql::prepared::Prepared;

/// The grouping set of a row: bit `i` says that dimension `i` is cut by.
pub const SET: &str = "__set";

/// The name of the cut that a grouping set is: its dimensions joined by `+`, `all` for none.
pub fn cut_name(dimensions: &[String], set: usize) -> String {
    let cut = dimensions.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
    let cut: Vec<&str> = cut.map(|(_, name)| name.as_str()).collect();
    if cut.is_empty() { "all".to_owned() } else { cut.join("+") }
}

impl Cube<'_> {
    /// All cells of all periods: period, set, dimensions (null where rolled up over), one column an aggregate.
    ///
    /// # Errors
    /// When the partial results cannot be merged.
    pub fn roll_up(&self, periods: Vec<Finest>) -> Result<DataFrame, EngineError> {
        self.roll_up_to(periods, &|_| true)
    }

    /// As [`Cube::roll_up`], with the cells of only those sets that are `wanted`, and of the grand totals, which every
    /// other cell may be compared with.
    ///
    /// # Errors
    /// As [`Cube::roll_up`].
    pub fn roll_up_to(&self, periods: Vec<Finest>, wanted: &dyn Fn(usize) -> bool) -> Result<DataFrame, EngineError> {
        let wanted = |set: &usize| *set == 0 || wanted(*set);
        let (mut partials, mut values) = (Vec::new(), Vec::new());
        for finest in periods {
            partials.extend(finest.partials.into_iter().map(IntoLazy::lazy));
            values.extend(finest.values);
        }
        let leaves = self.merged(concat_lf_diagonal(partials, UnionArgs::default())?.collect()?, self.full())?;
        let mut done: Vec<Option<DataFrame>> = vec![None; self.full() + 1];
        done[self.full()] = Some(leaves);
        let mut order: Vec<usize> = (0..self.full()).collect();
        order.sort_by_key(|set| std::cmp::Reverse(set.count_ones()));
        for set in order {
            let finer = (0..self.dimensions.len())
                .map(|bit| set | (1 << bit))
                .filter(|finer| *finer != set)
                .filter_map(|finer| done[finer].as_ref())
                .min_by_key(|frame| frame.height());
            if let Some(finer) = finer {
                done[set] = Some(self.merged(finer.clone(), set)?);
            }
        }
        let cells: Vec<LazyFrame> = done
            .into_iter()
            .enumerate()
            .filter(|(set, _)| wanted(set))
            .filter_map(|(set, frame)| Some(frame?.lazy().with_columns(self.rolled_up(set))))
            .collect();
        let mut cells = concat_lf_diagonal(cells, UnionArgs::default())?;
        for (index, rows) in by_aggregate(values)? {
            cells = cells.join(
                self.per_set(index, &rows, &wanted)?,
                self.cell_key(),
                self.cell_key(),
                JoinArgs { nulls_equal: true, ..JoinArgs::new(JoinType::Left) },
            );
        }
        Ok(cells.collect()?)
    }

    /// Columns that identify a cell.
    pub fn cell_key(&self) -> Vec<Expr> {
        [PERIOD, SET].into_iter().chain(self.dimensions.iter().map(String::as_str)).map(col).collect()
    }

    /// The set of all dimensions.
    pub fn full(&self) -> usize {
        (1 << self.dimensions.len()) - 1
    }

    fn by(&self, set: usize) -> Vec<Expr> {
        self.by_names(set).into_iter().map(col).collect()
    }

    /// Period and the dimensions of a set.
    fn by_names(&self, set: usize) -> Vec<String> {
        let cut = self.dimensions.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
        std::iter::once(PERIOD.to_owned()).chain(cut.map(|(_, name)| name.clone())).collect()
    }

    /// The set's number, and null for the dimensions that it rolls up over.
    fn rolled_up(&self, set: usize) -> Vec<Expr> {
        let over = self.dimensions.iter().enumerate().filter(|(bit, _)| set & (1 << bit) == 0);
        over.map(|(_, name)| lit(NULL).cast(DataType::String).alias(name.as_str()))
            .chain([lit(i32::try_from(set).unwrap_or(i32::MAX)).alias(SET)])
            .collect()
    }

    fn merged(&self, rows: DataFrame, set: usize) -> Result<DataFrame, EngineError> {
        let results =
            self.aggregates.iter().enumerate().map(|(index, cell)| (aggregate_column(index), cell.aggregate.kind));
        let present = results.filter(|(name, kind)| kind.decomposable() && rows.get_column_index(name).is_some());
        Prepared::of_results(present).merge_rows(rows, &self.by_names(set))
    }

    /// An aggregate that does not merge (median, quantile, distinct), computed anew for every set.
    fn per_set(
        &self,
        index: usize,
        rows: &DataFrame,
        wanted: &dyn Fn(&usize) -> bool,
    ) -> Result<LazyFrame, EngineError> {
        let kind = self.aggregates[index].aggregate.kind;
        let dtype = rows.column("value")?.dtype().clone();
        let name = aggregate_column(index);
        let value = match rows.get_column_index("order") {
            Some(_) => aggregate::ordered(col("value"), col("order")),
            None => col("value"),
        };
        let partial = aggregate::partial(kind, Some(value), None, Some(&dtype)).alias(name.as_str());
        let finished = aggregate::finish(kind, col(name.as_str()), Some(&dtype)).alias(name.as_str());
        let sets: Vec<LazyFrame> = (0..=self.full())
            .filter(wanted)
            .map(|set| {
                let grouped = rows.clone().lazy().group_by(self.by(set)).agg([partial.clone()]);
                grouped.with_column(finished.clone()).with_columns(self.rolled_up(set))
            })
            .collect();
        Ok(concat_lf_diagonal(sets, UnionArgs::default())?)
    }
}

fn by_aggregate(values: Vec<(usize, DataFrame)>) -> Result<Vec<(usize, DataFrame)>, EngineError> {
    let mut grouped: Vec<(usize, Vec<LazyFrame>)> = Vec::new();
    for (index, rows) in values {
        match grouped.iter_mut().find(|(known, _)| *known == index) {
            Some((_, frames)) => frames.push(rows.lazy()),
            None => grouped.push((index, vec![rows.lazy()])),
        }
    }
    grouped.into_iter().map(|(index, frames)| Ok((index, concat(frames, UnionArgs::default())?.collect()?))).collect()
}
