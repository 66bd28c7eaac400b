//! A file of a source as a relation whose columns have the contract's names and types.

use abmart_spec::model::{Column, ColumnType, Source};
use jiff::civil::Date;

use crate::kind::{Kind, literal, quoted};

/// The type of a column in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// UTF-8 text.
    Text,
    /// A whole number of so many bits.
    Whole {
        /// Its width.
        bits: u8,
        /// Whether it may be negative.
        signed: bool,
    },
    /// A float of so many bits.
    Real {
        /// Its width.
        bits: u8,
    },
    /// True or false.
    Flag,
    /// A calendar day.
    Day,
    /// A timestamp, to the millisecond or microsecond.
    Moment,
    /// The file has no such column.
    Missing,
    /// What is read here instead: it takes care that no engine promises.
    Other,
}

/// What is known of a file when a query is made of it.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// Where the engine finds the file.
    pub location: &'a str,
    /// First and last day that its rows may lie in, as days since 1970, where that is known.
    pub days: Option<(i32, i32)>,
    /// The reporting time zone.
    pub time_zone: &'a str,
    /// The day after the run's: rows from it on do not count.
    pub end: Date,
}

/// A file as a relation.
#[derive(Debug, Clone)]
pub struct FileInput {
    location: String,
    /// Name and expression.
    columns: Vec<(String, String)>,
    /// Rows that may break the contract.
    pub(crate) doubtful: String,
    /// Rows after the run's day.
    pub(crate) later: String,
}

impl FileInput {
    /// A file of a source; none where the engine may read it otherwise than this program does, so that it is read here.
    ///
    /// `found` says which type a column has in the file, `surely_full` of which columns it is known that no value is null.
    #[must_use]
    pub fn of(
        source: &Source,
        slice: &Slice<'_>,
        found: &dyn Fn(&str) -> Found,
        surely_full: &dyn Fn(&str) -> bool,
    ) -> Option<Self> {
        // Engines read patterns and escapes in a path, each in its own way; some take a file that they do not find for one
        // without rows.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/:.-_=".contains(c);
        if !slice.location.chars().all(plain) {
            return None;
        }
        let column = |column: &Column| {
            let sql = normalised(column, found(&column.name), slice.time_zone)?;
            Some((column.name.clone(), sql))
        };
        let columns = source.columns.values().map(column).collect::<Option<Vec<_>>>()?;
        Some(Self {
            location: slice.location.to_owned(),
            columns,
            doubtful: doubts(source, found, surely_full),
            later: later(source, slice),
        })
    }

    /// The file's rows, with the contract's columns; the engine reads those that a query asks for.
    pub(crate) fn relation(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, sql)| format!("{sql} AS {}", quoted(name))).collect();
        format!("SELECT {} FROM parquet.{}", columns.join(", "), quoted(&self.location))
    }
}

/// The column of a file as one of the contract; none where this program alone knows how.
fn normalised(column: &Column, found: Found, time_zone: &str) -> Option<String> {
    let (name, wanted) = (quoted(&column.name), Kind::of(column.ty));
    let cast = || format!("CAST({name} AS {})", wanted.sql());
    Some(match (column.ty, found) {
        (_, Found::Missing) => format!("CAST(NULL AS {})", wanted.sql()),
        // Not every engine widens a narrow float that is no number, nor what has no sign.
        (ColumnType::String, Found::Text | Found::Whole { bits: 8..=32, signed: true })
        | (ColumnType::Integer, Found::Whole { signed: true, .. })
        | (
            ColumnType::Number | ColumnType::Money,
            Found::Real { bits: 64 } | Found::Whole { bits: 8..=32, signed: true },
        )
        | (ColumnType::Boolean, Found::Flag)
        | (ColumnType::Date, Found::Day) => cast(),
        (ColumnType::Timestamp, Found::Moment) if time_zone == "UTC" => cast(),
        (ColumnType::Timestamp, Found::Moment) => {
            format!("FROM_UTC_TIMESTAMP({}, {})", cast(), literal(time_zone))
        }
        _ => return None,
    })
}

/// Whether a row may break a check of its contract. It is never null, and may be true of a row that breaks none.
fn doubts(source: &Source, found: &dyn Fn(&str) -> Found, surely_full: &dyn Fn(&str) -> bool) -> String {
    let mut doubts = Vec::new();
    for column in source.columns.values() {
        let name = quoted(&column.name);
        if !column.nullable && !surely_full(&column.name) {
            doubts.push(format!("{name} IS NULL"));
        }
        if found(&column.name) == Found::Missing {
            continue;
        }
        let mut value = Vec::new();
        let is_number = matches!(column.ty, ColumnType::Number | ColumnType::Money | ColumnType::Integer);
        if matches!(column.ty, ColumnType::Number | ColumnType::Money) {
            // No other float lies between the greatest ones: neither an infinity nor what is no number.
            value.push(format!("NOT ({name} >= {} AND {name} <= {})", double(f64::MIN), double(f64::MAX)));
        }
        if is_number {
            value.extend(column.min.map(|min| format!("{name} < {}", double(min))));
            value.extend(column.max.map(|max| format!("{name} > {}", double(max))));
        }
        if !column.values.is_empty() {
            let known: Vec<String> = column.values.iter().map(|value| literal(value)).collect();
            let text = if column.ty == ColumnType::String { name.clone() } else { format!("CAST({name} AS STRING)") };
            value.push(format!("{text} NOT IN ({})", known.join(", ")));
        }
        if !value.is_empty() {
            doubts.push(format!("COALESCE({}, FALSE)", value.join(" OR ")));
        }
    }
    if doubts.is_empty() { "FALSE".to_owned() } else { format!("({})", doubts.join(" OR ")) }
}

fn later(source: &Source, slice: &Slice<'_>) -> String {
    let Some(time) = &source.time else { return "FALSE".to_owned() };
    let before = |last: i32| day(last).is_some_and(|last| last < slice.end);
    if slice.days.is_some_and(|(_, last)| before(last)) {
        return "FALSE".to_owned();
    }
    format!("COALESCE({} >= {}, FALSE)", quoted(&time.value), date(slice.end))
}

/// A float in SQL, to the last bit.
fn double(value: f64) -> String {
    format!("CAST('{value:e}' AS DOUBLE)")
}

/// The day that is so many days after 1970-01-01.
pub(crate) fn day(number: i32) -> Option<Date> {
    jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(number)).ok()
}

/// A day in SQL.
pub(crate) fn date(day: Date) -> String {
    format!("DATE'{day}'")
}
