//! Cells with their KPI values, in the order of the mart, each knowing its previous period, last year and parent.

use abmart_plan::Plan;
use abmart_plan::calendar::{Period, grain_name};
use abmart_spec::model::Spanned;
use polars::prelude::*;

use super::compile::{CompiledFormula, CompiledKpi, Cube, aggregate_column};
use super::finest::PERIOD;
use super::sets::{SET, cut_name};
use crate::error::EngineError;
use crate::input::load::day;
use crate::sql::{aggregate, formula};

const ROW: &str = "__row";

/// Every cell of the cube.
pub struct Cells {
    /// Sorted by grain, start, cut and dimensions: those columns, the aggregates, and a column `kpi:<name>` a KPI.
    pub frame: DataFrame,
    /// Row of the same cell one period earlier.
    pub prior: IdxCa,
    /// Row of the same cell one year earlier.
    pub year_before: IdxCa,
    /// Row of the cell with the last dimension of the cut rolled up.
    pub parent: IdxCa,
}

/// The column of a KPI's value.
pub fn value_column(kpi: &str) -> String {
    format!("kpi:{kpi}")
}

impl Cube<'_> {
    /// Finishes the aggregates, puts the cells in order and evaluates all KPIs.
    ///
    /// # Errors
    /// When a formula cannot be lowered or evaluated.
    pub fn cells(&self, rolled: &DataFrame, plan: &Plan) -> Result<Cells, EngineError> {
        let by: Vec<&str> = ["period_grain", "period_start", "cut"]
            .into_iter()
            .chain(self.dimensions.iter().map(String::as_str))
            .collect();
        let sorted = rolled
            .clone()
            .lazy()
            .with_columns(self.finished(rolled))
            .join(period_table(plan)?, [col(PERIOD)], [col(PERIOD)], JoinArgs::new(JoinType::Inner))
            .with_column(self.cut_names())
            .sort(by, SortMultipleOptions::default())
            .with_row_index(ROW, None)
            .collect()?;
        let mut frame = sorted;
        // KPIs that read others come after those.
        let mut waiting: Vec<&CompiledKpi<'_>> = self.kpis.iter().collect();
        while !waiting.is_empty() {
            let there = |kpi: &&CompiledKpi<'_>| {
                kpi.reads.iter().all(|name| frame.get_column_index(&value_column(name)).is_some())
            };
            let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(there);
            if ready.is_empty() {
                // The project's checks refuse cycles.
                break;
            }
            let values = ready.iter().map(|kpi| Ok(self.value(kpi)?.alias(value_column(&kpi.kpi.name))));
            let values = values.collect::<Result<Vec<_>, EngineError>>()?;
            frame = match frame.clone().lazy().with_columns(values).collect() {
                Ok(frame) => frame,
                Err(error) => return Err(self.culprit(&frame, &ready).unwrap_or_else(|| error.into())),
            };
            waiting = later;
        }
        // Every KPI reads this frame: in one piece it is borrowed, in several Polars would put it together each time.
        frame.rechunk_mut();
        let prior = self.lookup(&frame, &period_link(plan, Period::previous_start)?)?;
        let year_before = self.lookup(&frame, &period_link(plan, Period::year_before_start)?)?;
        let parent = self.parents(&frame)?;
        Ok(Cells { frame, prior, year_before, parent })
    }

    /// The KPI whose formula cannot be evaluated, as the error that it gives alone.
    fn culprit(&self, frame: &DataFrame, kpis: &[&CompiledKpi<'_>]) -> Option<EngineError> {
        kpis.iter().find_map(|kpi| {
            let value = self.value(kpi).ok()?;
            frame.clone().lazy().select([value]).collect().err().map(|error| located(error.into(), kpi))
        })
    }

    /// The cells in which the KPI has no value: of cuts by the dimension that it compares itself, or by one that it is
    /// not measured by.
    fn without_value(&self, kpi: &CompiledKpi<'_>) -> Option<Expr> {
        let named = |dimension: &Spanned<String>, name: &String| dimension.value == *name;
        let compared = |name: &&String| kpi.kpi.compares.iter().any(|dimension| named(dimension, name));
        let unknown =
            |name: &&String| !kpi.kpi.cuts.is_empty() && !kpi.kpi.cuts.iter().any(|dimension| named(dimension, name));
        // A cell of a cut holds a value of each of its dimensions, never null.
        let held = self.dimensions.iter().filter(|name| compared(name) || unknown(name));
        let held = held.map(|name| col(name.as_str()).is_not_null());
        // A local KPI has none outside of its pack's scope, nor where cells mix the scope with the rest.
        let elsewhere = kpi.kpi.scope.iter().filter(|(name, _)| self.dimensions.contains(name));
        let elsewhere = elsewhere.map(|(name, value)| col(name.as_str()).neq_missing(lit(value.as_str())));
        held.chain(elsewhere).reduce(Expr::or)
    }

    /// The figure of a KPI, null in cells where it has none.
    pub fn shown(&self, kpi: &CompiledKpi<'_>, figure: Expr) -> Expr {
        match self.without_value(kpi) {
            None => figure,
            Some(hidden) => when(hidden).then(lit(NULL)).otherwise(figure),
        }
    }

    fn value(&self, kpi: &CompiledKpi<'_>) -> Result<Expr, EngineError> {
        Ok(self.shown(kpi, lowered(&kpi.formula, kpi)?.cast(DataType::Float64)))
    }

    /// Fixed point becomes float; sums and counts of nothing are 0; what no period has is null.
    fn finished(&self, rolled: &DataFrame) -> Vec<Expr> {
        self.aggregates
            .iter()
            .enumerate()
            .map(|(index, cell)| {
                let name = aggregate_column(index);
                let column = match rolled.schema().get(name.as_str()) {
                    None => lit(NULL).cast(DataType::Float64),
                    Some(DataType::Int128) => aggregate::from_fixed(col(name.as_str())),
                    Some(_) => col(name.as_str()),
                };
                let filled = if cell.aggregate.kind.zero_when_empty() { column.fill_null(lit(0)) } else { column };
                filled.alias(name)
            })
            .collect()
    }

    fn cut_names(&self) -> Expr {
        let names: Vec<String> = (0..=self.full()).map(|set| cut_name(&self.dimensions, set)).collect();
        let names = Series::new("names".into(), names);
        lit(names).gather(col(SET), false).alias("cut")
    }

    /// For every cell, the row of the same cell in the linked period.
    fn lookup(&self, frame: &DataFrame, link: &DataFrame) -> Result<IdxCa, EngineError> {
        let linked = [col(PERIOD).alias("__from"), col("__to").alias(PERIOD)];
        let targets = frame.clone().lazy().select(self.cell_key_and_row());
        let wanted = frame
            .clone()
            .lazy()
            .select(self.cell_key_and_row())
            .rename([ROW, PERIOD], ["__at", "__from"], true)
            .join(link.clone().lazy().select(linked), [col("__from")], [col("__from")], JoinArgs::new(JoinType::Left));
        self.rows_found(wanted, targets)
    }

    fn parents(&self, frame: &DataFrame) -> Result<IdxCa, EngineError> {
        let targets = frame.clone().lazy().select(self.cell_key_and_row());
        // The last dimension of the cut: the highest bit of the set.
        let mut parent_set = lit(NULL).cast(DataType::Int32);
        let mut wanted = frame.clone().lazy().select(self.cell_key_and_row()).rename([ROW], ["__at"], true);
        for (bit, name) in self.dimensions.iter().enumerate() {
            let weight = 1_i32 << bit;
            let is_last = col(SET).gt_eq(lit(weight)).and(col(SET).lt(lit(weight * 2)));
            parent_set = when(is_last.clone()).then(col(SET) - lit(weight)).otherwise(parent_set);
            wanted = wanted.with_column(
                when(is_last).then(lit(NULL).cast(DataType::String)).otherwise(col(name.as_str())).alias(name.as_str()),
            );
        }
        let wanted = wanted.with_column(parent_set.alias(SET));
        self.rows_found(wanted, targets)
    }

    fn rows_found(&self, wanted: LazyFrame, targets: LazyFrame) -> Result<IdxCa, EngineError> {
        let how = JoinArgs { nulls_equal: true, ..JoinArgs::new(JoinType::Left) };
        let found = wanted
            .join(targets, self.cell_key(), self.cell_key(), how)
            .sort(["__at"], SortMultipleOptions::default())
            .select([col(ROW)])
            .collect()?;
        Ok(found.column(ROW)?.idx()?.clone())
    }

    fn cell_key_and_row(&self) -> Vec<Expr> {
        self.cell_key().into_iter().chain([col(ROW)]).collect()
    }
}

/// Lowers a formula over the cells' columns.
///
/// # Errors
/// When the formula holds what formulas cannot.
pub fn lowered(formula: &CompiledFormula, kpi: &CompiledKpi<'_>) -> Result<Expr, EngineError> {
    lower_part(&formula.outer, formula, kpi)
}

/// Numerator and denominator, where the formula is a ratio.
///
/// # Errors
/// As [`lowered`].
pub fn ratio(kpi: &CompiledKpi<'_>) -> Result<Option<(Expr, Expr)>, EngineError> {
    let Some((numerator, denominator)) = formula::as_ratio(&kpi.formula.outer) else { return Ok(None) };
    Ok(Some((lower_part(numerator, &kpi.formula, kpi)?, lower_part(denominator, &kpi.formula, kpi)?)))
}

fn lower_part(
    part: &sqlparser::ast::Expr,
    formula: &CompiledFormula,
    kpi: &CompiledKpi<'_>,
) -> Result<Expr, EngineError> {
    let resolve = |name: &str| {
        if let Some(local) = name.strip_prefix("__agg_") {
            return Some(col(aggregate_column(*formula.places.get(local.parse::<usize>().ok()?)?)));
        }
        let (read, overall) = formula::as_overall(name).map_or((name, false), |read| (read, true));
        let value = kpi.reads.iter().any(|known| known == read).then(|| col(value_column(read)))?;
        if overall { of_everything(value).ok() } else { Some(value) }
    };
    formula::lower(part, &resolve).map_err(|error| located(error.into(), kpi))
}

/// The value of the period's grand total.
fn of_everything(value: Expr) -> PolarsResult<Expr> {
    // One cell a period is that total.
    when(col(SET).eq(lit(0))).then(value).otherwise(lit(NULL)).max().over([col(PERIOD)])
}

/// Names the KPI as the place of an error.
pub fn located(error: EngineError, kpi: &CompiledKpi<'_>) -> EngineError {
    error.at(format!("kpi `{}`", kpi.kpi.name), kpi.kpi.formula.span)
}

/// The columns that say which period a number stands for.
///
/// # Errors
/// When Polars cannot build the frame.
pub fn period_table(plan: &Plan) -> Result<LazyFrame, EngineError> {
    let rows: Vec<LazyFrame> = plan
        .periods
        .iter()
        .enumerate()
        .map(|(number, period)| {
            DataFrame::empty().lazy().select([
                lit(i32::try_from(number).unwrap_or(i32::MAX)).alias(PERIOD),
                lit(grain_name(period.grain)).alias("period_grain"),
                day(period.start).alias("period_start"),
                day(period.end).alias("period_end"),
                lit(period.partial).alias("partial"),
            ])
        })
        .collect();
    Ok(concat(rows, UnionArgs::default())?.collect()?.lazy())
}

/// Number of each period → number of the period of its grain that starts where `start_of` says.
fn period_link(plan: &Plan, start_of: fn(&Period) -> jiff::civil::Date) -> Result<DataFrame, EngineError> {
    let number = |index: usize| i32::try_from(index).unwrap_or(i32::MAX);
    let linked = |period: &Period| {
        let start = start_of(period);
        plan.periods.iter().position(|other| other.grain == period.grain && other.start == start).map(number)
    };
    let from: Vec<i32> = (0..plan.periods.len()).map(number).collect();
    let to: Vec<Option<i32>> = plan.periods.iter().map(linked).collect();
    let columns = vec![Series::new(PERIOD.into(), from).into_column(), Series::new("__to".into(), to).into_column()];
    Ok(DataFrame::new(plan.periods.len(), columns)?)
}
