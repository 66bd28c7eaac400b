//! The rows of `kpi_values`, KPI by KPI: value, comparison, target, benchmark, share and rank.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use abmart_plan::Plan;
use abmart_plan::calendar::grain_name;
use abmart_spec::model::Better;
use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use polars::prelude::*;

use super::cells::{Cells, lowered, ratio, value_column};
use super::compile::{CompiledKpi, Cube, aggregate_column};
use super::finest::PERIOD;
use super::sets::SET;
use crate::error::EngineError;
use crate::input::load::day;
use crate::output::arrow::{constant, schema_of, to_arrow};
use crate::output::fields;

/// Whether a cell has nothing to tell of a KPI.
pub const NOTHING: &str = "__nothing";

/// What `kpi_values` compares values with.
pub struct Yardsticks {
    /// Rows of the source of targets.
    pub targets: Option<DataFrame>,
    /// Rows of the table of benchmarks.
    pub benchmarks: Option<DataFrame>,
    /// KPI → hash of its definition.
    pub definitions: BTreeMap<String, String>,
}

/// The evaluated cube as rows of `kpi_values`. Columns that all KPIs share are made into Arrow once.
pub struct Figures<'a> {
    /// The KPIs.
    pub cube: &'a Cube<'a>,
    /// Their values.
    pub cells: &'a Cells,
    yardsticks: Yardsticks,
    plan: &'a Plan,
    identity: Vec<(String, ArrayRef)>,
    /// Rows of each grain, which lie together.
    grains: Vec<(String, usize, usize)>,
    /// Rows of each cut in each period, which lie together too.
    siblings: Vec<Range<usize>>,
}

impl<'a> Figures<'a> {
    /// Prepares the columns that say which cell a row is.
    ///
    /// # Errors
    /// When a column cannot be made into Arrow.
    pub fn new(
        cube: &'a Cube<'a>,
        cells: &'a Cells,
        yardsticks: Yardsticks,
        plan: &'a Plan,
    ) -> Result<Self, EngineError> {
        let height = cells.frame.height();
        let mut identity = vec![("as_of".to_owned(), constant_day(plan.as_of, height))];
        for name in cell_columns(&cube.dimensions) {
            identity.push((name.to_owned(), to_arrow(cells.frame.column(name)?)?));
        }
        let mut grains: Vec<(String, usize, usize)> = Vec::new();
        for (row, grain) in cells.frame.column("period_grain")?.str()?.iter().enumerate() {
            let grain = grain.unwrap_or_default();
            match grains.last_mut() {
                Some((known, _, length)) if known == grain => *length += 1,
                _ => grains.push((grain.to_owned(), row, 1)),
            }
        }
        let siblings = runs(&cells.frame)?;
        Ok(Self { cube, cells, yardsticks, plan, identity, grains, siblings })
    }

    /// The rows of one KPI in the order of the mart.
    ///
    /// # Errors
    /// When the KPI cannot be evaluated.
    pub fn rows(&self, kpi: &CompiledKpi<'_>) -> Result<Vec<RecordBatch>, EngineError> {
        let mut figures = self.figures(kpi)?;
        let nothing = figures.drop_in_place(NOTHING)?;
        let height = self.cells.frame.height();
        let hash = self.yardsticks.definitions.get(&kpi.kpi.name).map_or("", String::as_str);
        let mut columns = self.identity.clone();
        columns.push(("kpi".to_owned(), constant(&kpi.kpi.name, height)));
        for column in figures.columns() {
            columns.push((column.name().to_string(), to_arrow(column)?));
        }
        columns.push(("definition".to_owned(), constant(hash, height)));
        let schema = schema_of(&columns);
        let whole = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, array)| array).collect())?;
        let exists = |grain: &str| {
            let of_grain = self.plan.periods.iter().find(|period| grain_name(period.grain) == grain);
            of_grain.is_some_and(|period| self.cube.applies(kpi, period))
        };
        let told: BooleanArray = nothing.bool()?.iter().map(|nothing| Some(nothing != Some(true))).collect();
        let runs = self.grains.iter().filter(|(grain, _, _)| exists(grain));
        let rows = |(_, start, length): &(String, usize, usize)| {
            filter_record_batch(&whole.slice(*start, *length), &told.slice(*start, *length))
        };
        Ok(runs.map(rows).collect::<Result<_, _>>()?)
    }

    /// One row a cell, with a column for the value of every published KPI.
    ///
    /// # Errors
    /// When Polars cannot select them.
    pub fn wide(&self) -> Result<DataFrame, EngineError> {
        let mut columns = vec![day(self.plan.as_of).alias("as_of")];
        columns.extend(cell_columns(&self.cube.dimensions).map(col));
        columns.extend(self.cube.published().map(|kpi| col(value_column(kpi)).alias(kpi)));
        Ok(self.cells.frame.clone().lazy().select(columns).collect()?)
    }

    /// The columns that a KPI's figures are made of: few of many, and Polars plans faster over few.
    fn read_by(&self, kpi: &CompiledKpi<'_>) -> BTreeSet<String> {
        let formulas = [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()];
        let aggregates = formulas.into_iter().flatten().flat_map(|formula| formula.places.iter().copied());
        let aggregates = aggregates.chain(kpi.counts.iter().copied()).chain([self.cube.members]);
        let values = std::iter::once(&kpi.kpi.name).chain(&kpi.reads).map(|name| value_column(name));
        [PERIOD, SET, "period_grain", "period_start"]
            .into_iter()
            .map(str::to_owned)
            .chain(self.cube.dimensions.iter().cloned())
            .chain(aggregates.map(aggregate_column))
            .chain(values)
            .collect()
    }

    /// What `kpi_values` says of a KPI in every cell, in the order of the cells, and in [`NOTHING`] whether it says nothing.
    ///
    /// # Errors
    /// When the KPI cannot be evaluated.
    pub fn figures(&self, kpi: &CompiledKpi<'_>) -> Result<DataFrame, EngineError> {
        let (cells, dimensions) = (self.cells, self.cube.dimensions.as_slice());
        let value_name = value_column(&kpi.kpi.name);
        let null = || lit(NULL).cast(DataType::Float64);
        let shown = |figure: Expr| self.cube.shown(kpi, figure);
        let (numerator, denominator) = match ratio(kpi)? {
            Some((numerator, denominator)) => {
                (shown(numerator.cast(DataType::Float64)), shown(denominator.cast(DataType::Float64)))
            }
            None => (null(), null()),
        };
        let counted =
            kpi.counts.iter().map(|index| col(aggregate_column(*index)).cast(DataType::Int64)).collect::<Vec<_>>();
        let n = if counted.is_empty() { lit(0_i64) } else { polars::lazy::dsl::max_horizontal(&counted)? };
        let immature = match &kpi.immature {
            Some(formula) => shown(lowered(formula, kpi)?.cast(DataType::Int64)),
            None => lit(NULL).cast(DataType::Int64),
        };
        let mature = match &kpi.mature {
            Some(formula) => shown(lowered(formula, kpi)?.cast(DataType::Float64)),
            None => null(),
        };
        let limits = limits(kpi, self.yardsticks.benchmarks.as_ref(), dimensions)?;
        let target = target(kpi, self.yardsticks.targets.as_ref(), dimensions)?;
        let located = |error: PolarsError| super::cells::located(error.into(), kpi);
        let own = cells
            .frame
            .select(self.read_by(kpi))?
            .lazy()
            .select([
                col(value_name.as_str()).alias("value"),
                numerator.alias("numerator"),
                denominator.alias("denominator"),
                n.fill_null(lit(0_i64)).alias("n"),
                col(aggregate_column(self.cube.members)).alias("__members"),
                target.alias("target"),
                limits.alarm.alias("__alarm"),
                limits.healthy.alias("benchmark"),
                limits.strong.alias("__strong"),
                immature.alias("immature"),
                mature.alias("mature_value"),
            ])
            .with_column(nothing_to_tell().alias(NOTHING))
            .collect()
            .map_err(located)?;
        // What has nothing to tell is nothing to compare with either.
        let told = own.column("value")?.f64()?.set(own.column(NOTHING)?.bool()?, None)?.into_series();
        let taken = |rows: &IdxCa| told.take(rows);
        let with = |name: &str, series: Series| lit(series.with_name(name.into())).alias(name);
        let parent = if kpi.additive { with("__parent", taken(&cells.parent)?) } else { null() };
        let descending = kpi.kpi.better == Better::Higher;
        let rank = ranks(told.f64()?, &self.siblings, descending).into_series();
        let over = |top: Expr, bottom: Expr| crate::sql::formula::divide(top, bottom);
        let frame = own
            .lazy()
            .with_columns([
                with("prior_value", taken(&cells.prior)?),
                with("yoy_value", taken(&cells.year_before)?),
                parent.alias("__parent"),
                with("rank", rank),
            ])
            .with_columns([
                (col("value") - col("prior_value")).alias("change"),
                over(col("value"), col("target")).alias("attainment"),
                status(kpi.kpi.better).alias("status"),
                over(col("value"), col("__parent")).alias("share_of_parent"),
            ])
            .select([
                col("value"),
                col("numerator"),
                col("denominator"),
                col("n"),
                col("prior_value"),
                col("change"),
                col("yoy_value"),
                col("target"),
                col("attainment"),
                col("benchmark"),
                col("status"),
                col("share_of_parent"),
                col("rank"),
                col("immature"),
                col("mature_value"),
                col(NOTHING),
            ]);
        frame.collect().map_err(located)
    }
}

/// Cells are made by what falls into any of them: spend without an account, campaigns of a region. Where no account is and
/// a KPI measures nothing either, a 0 would only take a place among those that do something.
fn nothing_to_tell() -> Expr {
    let zero = |name: &str| col(name).fill_null(lit(0.0)).eq(lit(0.0));
    let nobody = col("__members").fill_null(lit(0_i64)).eq(lit(0_i64)).and(col("n").eq(lit(0_i64)));
    nobody.and(zero("value")).and(zero("numerator")).and(zero("denominator"))
}

/// Stretches of rows of one period and one cut.
fn runs(cells: &DataFrame) -> Result<Vec<Range<usize>>, EngineError> {
    let (periods, sets) = (cells.column(PERIOD)?.i32()?, cells.column(SET)?.i32()?);
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut before = None;
    for (row, group) in periods.iter().zip(sets.iter()).enumerate() {
        match runs.last_mut() {
            Some(run) if before == Some(group) => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
        before = Some(group);
    }
    Ok(runs)
}

/// The place of every value among its siblings, the best first; equal values share a place, and no value has none.
fn ranks(values: &Float64Chunked, siblings: &[Range<usize>], descending: bool) -> Int64Chunked {
    let all: Vec<Option<f64>> = values.iter().collect();
    let mut ranks: Vec<Option<i64>> = vec![None; all.len()];
    let mut sorted: Vec<(f64, usize)> = Vec::new();
    for run in siblings {
        sorted.clear();
        sorted.extend(run.clone().filter_map(|row| Some((all[row]?, row))));
        sorted.sort_unstable_by(|a, b| if descending { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
        let (mut rank, mut before) = (0, None);
        for (place, (value, row)) in (1..).zip(&sorted) {
            if before != Some(value) {
                rank = place;
            }
            before = Some(value);
            ranks[*row] = Some(rank);
        }
    }
    Int64Chunked::from_iter_options("rank".into(), ranks.into_iter())
}

/// `kpi_wide` without rows.
pub fn empty_wide(cube: &Cube<'_>) -> DataFrame {
    let values = cube.published().map(fields::number);
    DataFrame::empty_with_schema(&cell_fields(&cube.dimensions).into_iter().chain(values).collect::<Schema>())
}

/// `kpi_values` without rows.
pub fn empty(dimensions: &[String]) -> DataFrame {
    use fields::{count, number, text};
    let mut fields = cell_fields(dimensions);
    fields.extend([text("kpi"), number("value"), number("numerator"), number("denominator"), count("n")]);
    fields.extend(["prior_value", "change", "yoy_value", "target", "attainment", "benchmark"].map(number));
    fields.extend([
        text("status"),
        number("share_of_parent"),
        count("rank"),
        count("immature"),
        number("mature_value"),
    ]);
    fields.push(text("definition"));
    DataFrame::empty_with_schema(&Schema::from_iter(fields))
}

/// The columns that say which cell a row is, after the run's day.
fn cell_columns(dimensions: &[String]) -> impl Iterator<Item = &str> {
    let of_period = ["period_grain", "period_start", "period_end", "partial", "cut"];
    of_period.into_iter().chain(dimensions.iter().map(String::as_str))
}

/// These columns with their types, the run's day first.
fn cell_fields(dimensions: &[String]) -> Vec<Field> {
    let typed = |name: &str| match name {
        "period_start" | "period_end" => fields::day(name),
        "partial" => fields::flag(name),
        _ => fields::text(name),
    };
    std::iter::once(fields::day("as_of")).chain(cell_columns(dimensions).map(typed)).collect()
}

/// `alarm`, `low`, `healthy` or `strong`; null without a value or a benchmark.
fn status(better: Better) -> Expr {
    let worse = |limit: &str| match better {
        Better::Higher => col("value").lt(col(limit)),
        Better::Lower => col("value").gt(col(limit)),
    };
    let as_good = |limit: &str| match better {
        Better::Higher => col("value").gt_eq(col(limit)),
        Better::Lower => col("value").lt_eq(col(limit)),
    };
    let any_limit = col("__alarm").is_not_null().or(col("benchmark").is_not_null()).or(col("__strong").is_not_null());
    when(col("value").is_null().or(any_limit.not()))
        .then(lit(NULL).cast(DataType::String))
        .when(as_good("__strong"))
        .then(lit("strong"))
        .when(as_good("benchmark"))
        .then(lit("healthy"))
        .when(worse("__alarm"))
        .then(lit("alarm"))
        // Not worse than the alarm, and no healthy level to fall short of.
        .when(col("benchmark").is_null())
        .then(lit("healthy"))
        .otherwise(lit("low"))
}

struct Limits {
    alarm: Expr,
    healthy: Expr,
    strong: Expr,
}

/// The KPI's own benchmark, or the row of the table that fits the cell best.
fn limits(kpi: &CompiledKpi<'_>, table: Option<&DataFrame>, dimensions: &[String]) -> Result<Limits, EngineError> {
    let own = kpi.kpi.benchmark.unwrap_or_default();
    let number = |value: Option<f64>| value.map_or(lit(NULL).cast(DataType::Float64), lit);
    let mut limits = Limits { alarm: number(own.alarm), healthy: number(own.healthy), strong: number(own.strong) };
    let Some(table) = table else { return Ok(limits) };
    for scoped in scoped_rows(table, &kpi.kpi.name, dimensions)? {
        let choose = |value: Option<f64>, otherwise: Expr| {
            when(scoped.condition.clone()).then(number(value)).otherwise(otherwise)
        };
        limits.alarm = choose(scoped.numbers.get("low").copied(), limits.alarm);
        limits.healthy = choose(scoped.numbers.get("healthy").copied(), limits.healthy);
        limits.strong = choose(scoped.numbers.get("strong").copied(), limits.strong);
    }
    Ok(limits)
}

/// The target with the narrowest scope that holds the cell.
fn target(kpi: &CompiledKpi<'_>, table: Option<&DataFrame>, dimensions: &[String]) -> Result<Expr, EngineError> {
    let mut target = lit(NULL).cast(DataType::Float64);
    let Some(table) = table else { return Ok(target) };
    for scoped in scoped_rows(table, &kpi.kpi.name, dimensions)? {
        let value = scoped.numbers.get("target").copied();
        let value = value.map_or(lit(NULL).cast(DataType::Float64), lit);
        target = when(scoped.condition).then(value).otherwise(target);
    }
    Ok(target)
}

/// A row of a table of targets or benchmarks: the cells it is for, and its numbers.
struct ScopedRow {
    condition: Expr,
    numbers: BTreeMap<String, f64>,
}

/// The rows for a KPI, the widest scope first, so that a narrower one overrides it. A null in a scope column means
/// any; a scope by a column that does not cut the cube (size band) fits no cell.
fn scoped_rows(table: &DataFrame, kpi: &str, dimensions: &[String]) -> Result<Vec<ScopedRow>, EngineError> {
    let rows = table.clone().lazy().filter(col("kpi").eq(lit(kpi))).collect()?;
    let mut found: Vec<(usize, String, ScopedRow)> = Vec::new();
    for index in 0..rows.height() {
        let (mut breadth, mut condition, mut label) = (0, lit(true), String::new());
        let (mut numbers, mut fits) = (BTreeMap::new(), true);
        for column in rows.columns() {
            let name = column.name().as_str();
            let value = column.get(index)?;
            if name == "kpi" || name == "source" || value.is_null() {
                continue;
            }
            if let Some(number) = value.extract::<f64>().filter(|_| column.dtype().is_primitive_numeric()) {
                numbers.insert(name.to_owned(), number);
            } else if name == "period_start" {
                let starts = col(name).eq(lit(column.date()?.physical().get(index).unwrap_or(0)).cast(DataType::Date));
                condition = condition.and(starts);
                breadth += 1;
            } else if dimensions.iter().any(|dimension| dimension == name) || name == "period_grain" {
                let text = column.str()?.get(index).unwrap_or_default();
                condition = condition.and(col(name).eq_missing(lit(text.to_owned())));
                breadth += usize::from(name != "period_grain");
                label.push_str(text);
            } else {
                fits = false;
            }
        }
        if fits {
            found.push((breadth, label, ScopedRow { condition, numbers }));
        }
    }
    // Two rows of one breadth are told apart by their text, so that the order of rows in the file does not matter.
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    Ok(found.into_iter().map(|(_, _, row)| row).collect())
}

fn constant_day(day: jiff::civil::Date, height: usize) -> ArrayRef {
    let number = crate::input::load::day_number(day);
    Arc::new(arrow::array::Date32Array::from(vec![number; height]))
}
