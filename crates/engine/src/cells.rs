//! The cells of the cube, computed as a run computes them, and handed over instead of published.
//!
//! They come as Arrow with the columns `period_grain`, `period_start`, the dimensions (null where a cell is not cut by
//! them), `kpi`, `value`, `numerator` and `denominator`.

use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_plan::calendar::Period;
use abmart_store::Store;
use arrow::array::{Array, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;

use crate::context::{Context, Stage};
use crate::cube::compile::CompiledKpi;
use crate::cube::values::{Figures, Yardsticks};
use crate::error::EngineError;
use crate::run::{Computed, computed};

/// Columns of a cell beside its dimensions, before and after them.
const BEFORE: [&str; 2] = ["period_grain", "period_start"];
const AFTER: [&str; 4] = ["kpi", "value", "numerator", "denominator"];

/// Which cells are asked for.
pub struct CellsWanted<'a> {
    /// By the KPI's name.
    pub kpi: &'a (dyn Fn(&str) -> bool + Sync),
    /// By the period.
    pub period: &'a (dyn Fn(&Period) -> bool + Sync),
    /// By the dimensions that they are cut by.
    pub cut: &'a (dyn Fn(&[&str]) -> bool + Sync),
}

/// The cells of the plan's day that are wanted, exactly as a run of that plan would publish them in `kpi_values`. `store` is
/// the store of marts, for what earlier runs found, where there is one. Nothing is published or staged.
///
/// # Errors
/// When data cannot be read or breaks its contracts, or a definition does not compute.
pub fn cells(
    context: &Context<'_>,
    store: Option<&Store>,
    wanted: &CellsWanted<'_>,
) -> Result<Vec<RecordBatch>, EngineError> {
    match attempt(context, store, wanted) {
        Err(error) if error.is_lost_entry() && context.cache.distrust() => {
            tracing::warn!(%error, "the cache lost a result while it was relied on; the cells are computed anew");
            attempt(context, store, wanted)
        }
        result => result,
    }
}

fn attempt(
    context: &Context<'_>,
    store: Option<&Store>,
    wanted: &CellsWanted<'_>,
) -> Result<Vec<RecordBatch>, EngineError> {
    computed(context, store, &mut |_| (), |computed, _| of_cube(computed, wanted))
}

fn of_cube(computed: Computed<'_>, wanted: &CellsWanted<'_>) -> Result<Vec<RecordBatch>, EngineError> {
    let Computed { context, job, finest, .. } = computed;
    let Some(cube) = &job.cube else { return Ok(Vec::new()) };
    let dimensions: Vec<&str> = cube.dimensions.iter().map(String::as_str).collect();
    let cut_by = |set: usize| -> Vec<&str> {
        dimensions.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, name)| *name).collect()
    };
    let rolled = cube.roll_up_to(finest, &|set| (wanted.cut)(&cut_by(set)))?;
    let cells = cube.cells(&rolled, context.plan)?;
    let yardsticks = Yardsticks { targets: None, benchmarks: None, definitions: BTreeMap::new() };
    let figures = Figures::new(cube, &cells, yardsticks, context.plan)?;
    let mut kpis: Vec<&CompiledKpi<'_>> =
        cube.kpis.iter().filter(|kpi| kpi.kpi.published && (wanted.kpi)(&kpi.kpi.name)).collect();
    kpis.sort_by(|a, b| a.kpi.name.cmp(&b.kpi.name));
    context.observer.started(Stage::Marts, kpis.len() as u64);
    let batches = context.parallel(&kpis, |kpi| {
        context.check_interrupted()?;
        let rows = figures.rows(kpi)?;
        context.advance(1);
        rows.iter().map(|batch| brief(batch, &cube.dimensions, wanted.cut)).collect::<Result<Vec<_>, _>>()
    })?;
    context.observer.finished(Stage::Marts);
    batches.into_iter().flatten().map(|batch| of_periods(context, &batch, wanted)).collect()
}

/// The columns of `kpi_values` that say which cell a row is and what it shows, of the cells whose cut is wanted.
///
/// # Errors
/// When a column is missing.
pub(crate) fn brief(
    rows: &RecordBatch,
    dimensions: &[String],
    cut: &dyn Fn(&[&str]) -> bool,
) -> Result<RecordBatch, EngineError> {
    let names = BEFORE.into_iter().chain(dimensions.iter().map(String::as_str)).chain(AFTER);
    let places = names.map(|name| rows.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let rows = rows.project(&places)?;
    let by: Vec<_> = (0..dimensions.len()).map(|number| Arc::clone(rows.column(BEFORE.len() + number))).collect();
    // Rows of a cut lie together: few combinations, each asked for once.
    let mut known: BTreeMap<u64, bool> = BTreeMap::new();
    let mut kept: Vec<u32> = Vec::new();
    for row in 0..rows.num_rows() {
        let held = by.iter().enumerate().fold(0, |held, (bit, column)| held | (u64::from(column.is_valid(row)) << bit));
        let wanted = *known.entry(held).or_insert_with(|| {
            let named = dimensions.iter().enumerate().filter(|(bit, _)| held & (1 << bit) != 0);
            cut(&named.map(|(_, name)| name.as_str()).collect::<Vec<_>>())
        });
        if wanted {
            kept.extend(u32::try_from(row));
        }
    }
    Ok(take_record_batch(&rows, &UInt32Array::from(kept))?)
}

/// The rows of the periods that are wanted.
fn of_periods(context: &Context<'_>, rows: &RecordBatch, wanted: &CellsWanted<'_>) -> Result<RecordBatch, EngineError> {
    use abmart_plan::calendar::grain_name;
    use arrow::array::AsArray as _;
    use arrow::datatypes::Date32Type;
    let periods: Vec<(&str, i32)> = context
        .plan
        .periods
        .iter()
        .filter(|period| (wanted.period)(period))
        .map(|period| (grain_name(period.grain), crate::input::load::day_number(period.start)))
        .collect();
    let (grains, starts) = (rows.column(0).as_string::<i32>(), rows.column(1).as_primitive::<Date32Type>());
    let kept: BooleanArray =
        (0..rows.num_rows()).map(|row| Some(periods.contains(&(grains.value(row), starts.value(row))))).collect();
    Ok(arrow::compute::filter_record_batch(rows, &kept)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use arrow::array::{ArrayRef, AsArray as _, Date32Array, Float64Array, StringArray};
    use arrow::datatypes::Float64Type;
    use rstest::rstest;

    use super::*;

    /// A grand total of 1, regions of 2 and 3, a tier of 4, a region and tier of 5.
    fn rows() -> RecordBatch {
        let text = |values: [Option<&str>; 5]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
        let number: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.0]));
        let days: ArrayRef = Arc::new(Date32Array::from(vec![20_600; 5]));
        RecordBatch::try_from_iter([
            ("as_of", Arc::clone(&days)),
            ("period_grain", text([Some("month"); 5])),
            ("period_start", days),
            ("cut", text([Some("all"), Some("region"), Some("region"), Some("tier"), Some("region+tier")])),
            ("region", text([None, Some("APAC"), Some("EMEA"), None, Some("EMEA")])),
            ("tier", text([None, None, None, Some("gold"), Some("gold")])),
            ("kpi", text([Some("orders"); 5])),
            ("value", Arc::clone(&number)),
            ("numerator", Arc::clone(&number)),
            ("denominator", number),
        ])
        .unwrap()
    }

    #[rstest]
    #[case::totals_and_single_dimensions(&|cut: &[&str]| cut.len() <= 1, &[1.0, 2.0, 3.0, 4.0])]
    #[case::one_cut(&|cut: &[&str]| cut == ["region", "tier"], &[5.0])]
    #[case::totals(&|cut: &[&str]| cut.is_empty(), &[1.0])]
    fn cells_are_chosen_by_what_they_are_cut_by(#[case] cut: &dyn Fn(&[&str]) -> bool, #[case] values: &[f64]) {
        let dimensions = ["region".to_owned(), "tier".to_owned()];
        let brief = brief(&rows(), &dimensions, cut).unwrap();
        assert_eq!(brief.column_by_name("value").unwrap().as_primitive::<Float64Type>().values(), values);
        let names: Vec<&str> = brief.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        let expected = ["period_grain", "period_start", "region", "tier", "kpi", "value", "numerator", "denominator"];
        assert_eq!(names, expected);
    }
}
