//! Lakes made of small YAML rows.
//!
//! A fixture says `as_of` and the rows of some tables; a row names only the columns that the example is about.
//! `{01..30}` in a text makes thirty rows of one, `times: 75` writes a row 75 times, `table@2026-05-31` is an older
//! snapshot. Tables that a fixture does not name exist without rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abmart_spec::model::{Source, SourceKind};
use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use super::contract::{self, SHIPPED};

/// A row: column → value.
pub type Row = BTreeMap<String, Value>;

/// The files of a lake, not yet written.
#[derive(Debug, Clone)]
pub struct Lake {
    /// Day of the newest snapshots.
    pub as_of: String,
    /// Key below the lake → rows and their source.
    files: BTreeMap<String, (&'static str, Vec<Row>)>,
    /// Key below the lake → what lies there instead of rows.
    raw: BTreeMap<String, Vec<u8>>,
}

impl Lake {
    /// The lake of a file in `tests/fixtures`.
    pub fn fixture(name: &str) -> Self {
        let path = contract::root().join("tests/fixtures").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text)
    }

    /// The lake of a YAML text.
    pub fn parse(text: &str) -> Self {
        let tables: BTreeMap<String, Value> = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        let as_of = tables["as_of"].as_str().expect("a fixture says `as_of`").to_owned();
        let mut lake = Self { as_of, files: BTreeMap::new(), raw: BTreeMap::new() };
        for (name, rows) in tables.iter().filter(|(name, _)| *name != "as_of") {
            let rows: Vec<Row> = serde_json::from_value(rows.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
            lake.add(name, rows.iter().flat_map(expanded));
        }
        for source in SHIPPED.sources.values() {
            let day = lake.as_of.clone();
            let folder = match source.kind {
                SourceKind::Snapshot => format!("dt={day}"),
                SourceKind::Events => format!("ym={}", &day[..7]),
            };
            if !lake.files.values().any(|(name, _)| *name == source.name) {
                lake.files
                    .insert(format!("{}/{folder}/part-0.parquet", source.name), (source.name.as_str(), Vec::new()));
            }
        }
        lake
    }

    /// Adds rows to a table (`accounts`) or to an older snapshot of it (`accounts@2026-05-31`).
    pub fn add(&mut self, table: &str, rows: impl IntoIterator<Item = Row>) {
        let (name, day) = table.split_once('@').unwrap_or((table, &self.as_of));
        let (source, day) = (contract::source(name), day.to_owned());
        for mut row in rows {
            let number =
                self.files.values().filter(|(known, _)| *known == source.name).map(|(_, rows)| rows.len()).sum();
            for column in row.keys() {
                assert!(source.columns.contains_key(column), "`{name}` has no column `{column}`");
            }
            for column in source.columns.values() {
                row.entry(column.name.clone()).or_insert_with(|| contract::neutral(source, column, number));
            }
            let key = format!("{name}/{}/part-0.parquet", contract::partition(source, &day, &row));
            self.files.entry(key).or_insert((source.name.as_str(), Vec::new())).1.push(row);
        }
    }

    /// The rows of all files of a table, to be changed.
    pub fn rows(&mut self, table: &str) -> impl Iterator<Item = &mut Row> {
        self.files.values_mut().filter(move |(name, _)| *name == table).flat_map(|(_, rows)| rows)
    }

    /// Takes a table away.
    pub fn without(mut self, table: &str) -> Self {
        self.files.retain(|_, (name, _)| *name != table);
        self
    }

    /// Puts a file of any content into the lake.
    pub fn with_file(mut self, key: &str, content: Vec<u8>) -> Self {
        self.raw.insert(key.to_owned(), content);
        self
    }

    /// Replaces a table's only file by what a change of its rows gives, in any types.
    pub fn with_batch(mut self, table: &str, change: impl Fn(&RecordBatch) -> RecordBatch) -> Self {
        let key = self.key_of(table);
        let batch = match self.raw.get(&key) {
            None => self.batch(table),
            Some(file) => super::marts::rows(&file.clone().into()),
        };
        self.raw.insert(key, parquet(&change(&batch)));
        self
    }

    /// Leaves a table's files without rows.
    pub fn clear(&mut self, table: &str) {
        self.files.values_mut().filter(|(name, _)| *name == table).for_each(|(_, rows)| rows.clear());
    }

    /// Deals the rows of every table out to `parts` files in turn, the last row first.
    pub fn shuffled(mut self, parts: usize) -> Self {
        for source in SHIPPED.sources.keys() {
            self.files.values_mut().filter(|(name, _)| name == source).for_each(|(_, rows)| rows.reverse());
            self = self.dealt(source, parts);
        }
        self
    }

    /// Deals the rows of a table out to `parts` files in turn.
    pub fn dealt(mut self, table: &str, parts: usize) -> Self {
        let (own, others) = std::mem::take(&mut self.files).into_iter().partition(|(_, (name, _))| *name == table);
        let own: BTreeMap<String, (&'static str, Vec<Row>)> = own;
        self.files = others;
        for (key, (source, rows)) in own {
            let folder = key.rsplit_once('/').map(|(folder, _)| folder.to_owned()).expect("a key has a folder");
            let mut dealt: Vec<Vec<Row>> = vec![Vec::new(); parts];
            for (number, row) in rows.into_iter().enumerate() {
                dealt[number % parts].push(row);
            }
            for (number, rows) in dealt.into_iter().enumerate() {
                self.files.insert(format!("{folder}/part-{number}.parquet"), (source, rows));
            }
        }
        self
    }

    /// The only file of a table.
    pub fn key_of(&self, table: &str) -> String {
        let keys: Vec<&String> =
            self.files.iter().filter(|(_, (name, _))| *name == table).map(|(key, _)| key).collect();
        assert_eq!(keys.len(), 1, "`{table}` has one file");
        keys[0].clone()
    }

    /// The rows of a table's only file as Arrow, in the contract's types.
    pub fn batch(&self, table: &str) -> RecordBatch {
        let (name, rows) = &self.files[&self.key_of(table)];
        to_batch(contract::source(name), rows)
    }

    /// Writes all files below `folder`.
    pub fn write(&self, folder: &Path) {
        for (key, (name, rows)) in &self.files {
            put(&folder.join(key), &parquet(&to_batch(contract::source(name), rows)));
        }
        for (key, content) in &self.raw {
            put(&folder.join(key), content);
        }
    }
}

/// A Parquet file of one batch.
pub fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("rows that can be written");
    writer.close().expect("a finished file");
    file
}

fn put(path: &PathBuf, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder that can be made");
    fs::write(path, content).expect("a file that can be written");
}

/// `times` and `{01..30}` written out; all ranges of a row advance together.
fn expanded(row: &Row) -> Vec<Row> {
    let mut row = row.clone();
    let times = row.remove("times").map_or(1, |times| times.as_u64().expect("`times` is a number"));
    let ranges = row.values().filter_map(|value| range_in(value.as_str()?)).map(|(_, first, last, _)| last - first + 1);
    let steps = ranges.max().unwrap_or(1);
    let mut rows = Vec::new();
    for step in 0..steps {
        let stepped: Row = row.iter().map(|(column, value)| (column.clone(), at_step(value, step))).collect();
        rows.extend((0..times).map(|_| stepped.clone()));
    }
    rows
}

fn at_step(value: &Value, step: usize) -> Value {
    match value.as_str().and_then(|text| Some((text, range_in(text)?))) {
        None => value.clone(),
        Some((text, (span, first, _, width))) => {
            let number = format!("{:0width$}", first + step);
            Value::String(format!("{}{number}{}", &text[..span.start], &text[span.end..]))
        }
    }
}

/// The place of `{01..30}` in a text, with its ends and its width.
fn range_in(text: &str) -> Option<(std::ops::Range<usize>, usize, usize, usize)> {
    let (start, end) = (text.find('{')?, text.find('}')? + 1);
    let (first, last) = text[start + 1..end - 1].split_once("..")?;
    Some((start..end, first.parse().ok()?, last.parse().ok()?, first.len()))
}

fn to_batch(source: &Source, rows: &[Row]) -> RecordBatch {
    let fields: Vec<_> = source.columns.values().map(contract::field).collect();
    let columns = fields.iter().map(|field| {
        let values = rows.iter().map(|row| row.get(field.name()).unwrap_or(&Value::Null));
        array(field.data_type(), values)
    });
    let columns: Vec<ArrayRef> = columns.collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
}

fn array<'a>(data_type: &DataType, values: impl Iterator<Item = &'a Value>) -> ArrayRef {
    let text = |value: &'a Value| value.as_str().map(str::to_owned);
    match data_type {
        DataType::Utf8 => Arc::new(values.map(text).collect::<StringArray>()),
        DataType::Int64 => {
            Arc::new(values.map(|value| value.as_f64().map(|number| number as i64)).collect::<Int64Array>())
        }
        DataType::Float64 => Arc::new(values.map(number).collect::<Float64Array>()),
        DataType::Boolean => Arc::new(values.map(Value::as_bool).collect::<BooleanArray>()),
        DataType::Date32 => Arc::new(values.map(|value| value.as_str().map(day)).collect::<Date32Array>()),
        _ => {
            let moments = values.map(|value| value.as_str().map(microseconds));
            Arc::new(moments.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    }
}

/// A number, or the words for what is none: `NaN`, `inf`, `-inf`.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Days since 1970-01-01.
fn day(text: &str) -> i32 {
    let day: Date = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    day.since(date(1970, 1, 1)).expect("a day in range").get_days()
}

/// `2026-06-01` or `2026-06-01 12:30`, in UTC.
fn microseconds(text: &str) -> i64 {
    let moment: DateTime = match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => day.into(),
        _ => text.parse().unwrap_or_else(|error| panic!("{text}: {error}")),
    };
    moment.to_zoned(TimeZone::UTC).expect("a moment in range").timestamp().as_microsecond()
}
