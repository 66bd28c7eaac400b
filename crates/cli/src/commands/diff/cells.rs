//! Rows of `kpi_values`, from the engine or from a file, as cells to compare.

use std::collections::HashMap;
use std::sync::Arc;

use abmart_diff::{Cells, Cut, Figure, Key};
use abmart_plan::calendar::grain_name;
use abmart_spec::model::Grain;
use abmart_store::Bytes;
use arrow::array::{Array, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Float64Type, Schema};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::wanted::Wanted;

/// Columns that stand before those of dimensions; `kpi` is the first one after them.
const LEADING: [&str; 6] = ["as_of", "period_grain", "period_start", "period_end", "partial", "cut"];

/// The grain that a word stands for.
pub fn grain(word: &str) -> Option<Grain> {
    use Grain::{Day, FiscalQuarter, FiscalYear, Month, Quarter, Week, Year};
    [Day, Week, Month, Quarter, Year, FiscalQuarter, FiscalYear].into_iter().find(|grain| grain_name(*grain) == word)
}

/// Adds the cells of some rows that are wanted. A row that is none of `kpi_values` is passed over.
pub fn add(cells: &mut Cells, rows: &RecordBatch, wanted: &Wanted) {
    let text = |name: &str| rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let number = |name: &str| rows.column_by_name(name).and_then(|column| column.as_primitive_opt::<Float64Type>());
    let starts = rows.column_by_name("period_start").and_then(|column| column.as_primitive_opt::<Date32Type>());
    let (Some(grains), Some(kpis), Some(values), Some(denominators), Some(starts)) =
        (text("period_grain"), text("kpi"), number("value"), number("denominator"), starts)
    else {
        return;
    };
    let schema = rows.schema();
    let dimensions: Vec<(&str, &StringArray)> =
        dimensions(&schema).filter_map(|name| Some((name, text(name)?))).collect();
    // A cut stands in the rows of many KPIs and periods.
    let mut cuts: HashMap<Vec<Option<&str>>, Option<Arc<Cut>>> = HashMap::new();
    let mut names: HashMap<&str, Option<Arc<str>>> = HashMap::new();
    let given = |array: &StringArray, row: usize| array.is_valid(row).then_some(row);
    for row in 0..rows.num_rows() {
        let name = kpis.value(row);
        let known = names.entry(name).or_insert_with(|| wanted.kpi(name).then(|| Arc::from(name)));
        let Some(kpi) = known.clone() else { continue };
        let by: Vec<Option<&str>> =
            dimensions.iter().map(|(_, values)| given(values, row).map(|row| values.value(row))).collect();
        let cut = cuts.entry(by).or_insert_with_key(|by| {
            let named = dimensions.iter().zip(by).filter_map(|((name, _), value)| Some((*name, (*value)?)));
            let cut = Cut::new(named.map(|(name, value)| (name.to_owned(), value.to_owned())));
            wanted.cell(&cut).then(|| Arc::new(cut))
        });
        let (Some(cut), Some(grain)) = (cut.clone(), grain(grains.value(row))) else { continue };
        let start = day(starts.value(row));
        if wanted.period(grain, start) {
            let of = |numbers: &arrow::array::Float64Array| numbers.is_valid(row).then(|| numbers.value(row));
            cells.insert(Key { kpi, grain, start, cut }, Figure { value: of(values), denominator: of(denominators) });
        }
    }
}

/// Adds the cells of a Parquet file that are wanted.
///
/// # Errors
/// When it cannot be read.
pub fn add_file(cells: &mut Cells, file: Bytes, wanted: &Wanted) -> Result<(), parquet::errors::ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let schema = builder.schema();
    let read = ["period_grain", "period_start", "kpi", "value", "denominator"].into_iter().chain(dimensions(schema));
    let places: Vec<usize> = read.filter_map(|name| schema.index_of(name).ok()).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), places);
    for rows in builder.with_projection(mask).with_batch_size(1 << 16).build()? {
        add(cells, &rows?, wanted);
    }
    Ok(())
}

/// The columns that cells are cut by.
fn dimensions(schema: &Schema) -> impl Iterator<Item = &str> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    names.take_while(|name| *name != "kpi").filter(|name| !LEADING.contains(name))
}

fn day(since_1970: i32) -> Date {
    date(1970, 1, 1).saturating_add(i64::from(since_1970).days())
}
