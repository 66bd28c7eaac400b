//! Published marts, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type};
use bytes::Bytes;
use jiff::ToSpan;
use jiff::civil::date;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Dimensions of the cube, in the order of cut names.
const DIMENSIONS: [&str; 5] = ["region", "bu", "tier", "industry", "program"];

/// The published files: mart → bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marts {
    files: BTreeMap<String, Bytes>,
}

/// A cell of `kpi_values`: one KPI in one period at one cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What is published; null where the KPI has no value.
    pub value: Option<f64>,
    /// What is divided.
    pub numerator: Option<f64>,
    /// What it is divided by.
    pub denominator: Option<f64>,
    /// Entities behind it.
    pub n: i64,
    /// Value of the period before.
    pub prior_value: Option<f64>,
    /// `alarm`, `low`, `healthy` or `strong`.
    pub status: Option<String>,
    /// Members of a cohort that still have time.
    pub immature: Option<i64>,
    /// Value over the members of a cohort that have none left.
    pub mature_value: Option<f64>,
}

/// Asserts that a value is there and equals another but for the rounding of its last digits.
#[track_caller]
pub fn assert_close(found: Option<f64>, expected: f64) {
    let found = found.expect("a value");
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

impl Marts {
    /// Reads what is published in a folder.
    pub fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let file = entry.path().join("part-0.parquet");
            if !name.starts_with(['_', '.']) && file.exists() {
                files.insert(name, Bytes::from(fs::read(file).expect("a mart that can be read")));
            }
        }
        Self { files }
    }

    /// Names of the marts.
    pub fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    /// Marts whose files are not the same, byte for byte.
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let names: BTreeSet<&String> = self.files.keys().chain(other.files.keys()).collect();
        names.into_iter().filter(|name| self.files.get(*name) != other.files.get(*name)).map(String::as_str).collect()
    }

    /// The bytes of a mart.
    pub fn bytes(&self, mart: &str) -> &Bytes {
        self.files.get(mart).unwrap_or_else(|| panic!("there is no mart `{mart}`"))
    }

    /// The rows of a mart as text: column → value as it would be written down, null as the empty text.
    pub fn rows(&self, mart: &str) -> Vec<BTreeMap<String, String>> {
        let mut rows = Vec::new();
        for batch in batches(self.bytes(mart)) {
            for row in 0..batch.num_rows() {
                let named = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
                rows.push(named.into_iter().zip(batch.columns().iter().map(|column| text(column, row))).collect());
            }
        }
        rows
    }

    /// The row of a mart whose columns hold these values.
    pub fn row(&self, mart: &str, wanted: &[(&str, &str)]) -> BTreeMap<String, String> {
        let fits = |row: &BTreeMap<String, String>| wanted.iter().all(|(column, value)| row[*column] == *value);
        let mut found: Vec<_> = self.rows(mart).into_iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "rows of `{mart}` with {wanted:?}");
        found.remove(0)
    }

    /// The cell of a KPI in the period of `grain` that starts on `start`, at the cut by these values.
    pub fn cell(&self, kpi: &str, grain: &str, start: &str, cut: &[(&str, &str)]) -> Cell {
        self.try_cell(kpi, grain, start, cut).unwrap_or_else(|| panic!("there is no {kpi} for {grain} {start} {cut:?}"))
    }

    /// As [`Marts::cell`]; nothing where the KPI has no row.
    pub fn try_cell(&self, kpi: &str, grain: &str, start: &str, cut: &[(&str, &str)]) -> Option<Cell> {
        let wanted = |dimension: &str| cut.iter().find(|(name, _)| *name == dimension).map_or("", |(_, value)| *value);
        for batch in batches(self.bytes("kpi_values")) {
            let at = |column: &str, row: usize| text(batch.column_by_name(column).expect("a column"), row);
            let found = (0..batch.num_rows()).find(|row| {
                at("kpi", *row) == kpi
                    && at("period_grain", *row) == grain
                    && at("period_start", *row) == start
                    && DIMENSIONS.iter().all(|dimension| at(dimension, *row) == wanted(dimension))
            });
            if let Some(row) = found {
                return Some(cell(&batch, row));
            }
        }
        None
    }

    /// Every value of a KPI in a period, at the cut by exactly these dimensions.
    pub fn values(&self, kpi: &str, grain: &str, start: &str, cut: &str) -> Vec<f64> {
        let mut values = Vec::new();
        for batch in batches(self.bytes("kpi_values")) {
            let at = |column: &str, row: usize| text(batch.column_by_name(column).expect("a column"), row);
            for row in 0..batch.num_rows() {
                let fits =
                    at("kpi", row) == kpi && at("period_grain", row) == grain && at("period_start", row) == start;
                if fits && at("cut", row) == cut {
                    values.extend(cell(&batch, row).value);
                }
            }
        }
        values
    }
}

/// The batches of a Parquet file.
pub fn batches(file: &Bytes) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a Parquet file");
    reader.build().expect("a reader").map(|batch| batch.expect("rows")).collect()
}

/// All rows of a Parquet file, which keeps its columns where it has none.
pub fn rows(file: &Bytes) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a Parquet file");
    let schema = builder.schema().clone();
    let parts: Vec<RecordBatch> = builder.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &parts).expect("rows of one schema")
}

fn cell(batch: &RecordBatch, row: usize) -> Cell {
    let column = |name: &str| batch.column_by_name(name).expect("a column of kpi_values");
    let number = |name: &str| column(name).is_valid(row).then(|| column(name).as_primitive::<Float64Type>().value(row));
    let count = |name: &str| column(name).is_valid(row).then(|| column(name).as_primitive::<Int64Type>().value(row));
    Cell {
        value: number("value"),
        numerator: number("numerator"),
        denominator: number("denominator"),
        n: count("n").expect("n is never null"),
        prior_value: number("prior_value"),
        status: column("status").is_valid(row).then(|| text(column("status"), row)),
        immature: count("immature"),
        mature_value: number("mature_value"),
    }
}

fn text(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => column.as_string_view().value(row).to_owned(),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            text(dictionary.values(), dictionary.normalized_keys()[row])
        }
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Date32 => {
            let days = i64::from(column.as_primitive::<Date32Type>().value(row));
            date(1970, 1, 1).saturating_add(days.days()).to_string()
        }
        other => format!("({other})"),
    }
}
