//! Values: those of a mart's columns, and whether one is what a test expects.

use std::collections::BTreeSet;

use abmart_spec::model::Literal;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;

use crate::compare::Row;

/// A value that came out of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any number.
    Number(f64),
    /// Text.
    Text(String),
    /// A calendar day.
    Day(Date),
    /// A point in time.
    Time(DateTime),
}

impl Cell {
    /// Whether the value is the expected one; numbers may differ by the tolerance.
    #[must_use]
    pub fn is(&self, expected: &Literal, tolerance: f64) -> bool {
        match (self, expected) {
            (Self::Null, Literal::Null) => true,
            (Self::Boolean(found), Literal::Boolean(expected)) => found == expected,
            (Self::Integer(found), Literal::Integer(expected)) => found == expected,
            (Self::Integer(_) | Self::Number(_), _) => {
                number(expected).zip(self.number()).is_some_and(|(expected, found)| close(found, expected, tolerance))
            }
            (Self::Text(found), Literal::String(expected)) => found == expected,
            // An id may look like a number.
            (Self::Text(found), Literal::Integer(expected)) => *found == expected.to_string(),
            (Self::Day(found), Literal::String(expected)) => expected.parse().ok() == Some(*found),
            (Self::Time(found), Literal::String(expected)) => time(expected) == Some(*found),
            _ => false,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "compared within a tolerance")]
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as a test would write it.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => text_written(value),
            Self::Day(value) => value.to_string(),
            Self::Time(value) => value.strftime("%Y-%m-%d %H:%M:%S%.f").to_string(),
        }
    }
}

/// A literal as a test writes it.
#[must_use]
pub fn written(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(value) => value.to_string(),
        Literal::Number(value) => value.to_string(),
        Literal::String(value) => text_written(value),
    }
}

/// A literal as its bare text: of `2026-06` and of `2026` alike.
#[must_use]
pub fn plain(literal: &Literal) -> String {
    match literal {
        Literal::String(text) => text.clone(),
        other => written(other),
    }
}

/// Plain where YAML reads it back as the same text.
fn text_written(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ' ');
    let like_another = ["", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"];
    let is_plain = text.chars().all(plain)
        && text.trim() == text
        && text.chars().next().is_some_and(char::is_alphabetic)
        && !like_another.contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// An expected number: `0.6`, `3`, or the quotient `3/5`.
#[must_use]
pub fn number(literal: &Literal) -> Option<f64> {
    match literal {
        #[expect(clippy::cast_precision_loss, reason = "compared within a tolerance")]
        Literal::Integer(value) => Some(*value as f64),
        Literal::Number(value) => Some(*value),
        Literal::String(text) => {
            let (dividend, divisor) = text.split_once('/')?;
            let (dividend, divisor): (f64, f64) = (dividend.trim().parse().ok()?, divisor.trim().parse().ok()?);
            (divisor != 0.0).then(|| dividend / divisor)
        }
        Literal::Null | Literal::Boolean(_) => None,
    }
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// `2026-06-01` (midnight), `2026-06-01 12:30`, with `T` or a fraction of a second.
#[must_use]
pub fn time(text: &str) -> Option<DateTime> {
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => Some(day.into()),
        _ => text.parse().ok(),
    }
}

/// The value of a column in a row; `None` for a type that marts do not have.
#[must_use]
pub fn cell(column: &dyn Array, row: usize) -> Option<Cell> {
    if column.is_null(row) {
        return Some(Cell::Null);
    }
    Some(match column.data_type() {
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Cell::Text(column.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Cell::Text(column.as_string_view().value(row).to_owned()),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            return cell(dictionary.values(), *dictionary.normalized_keys().get(row)?);
        }
        DataType::Float64 => Cell::Number(column.as_primitive::<Float64Type>().value(row)),
        DataType::Int64 => Cell::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Int32 => Cell::Integer(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Boolean => Cell::Boolean(column.as_boolean().value(row)),
        DataType::Date32 => {
            let days = i64::from(column.as_primitive::<Date32Type>().value(row));
            Cell::Day(date(1970, 1, 1).saturating_add(days.days()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let moment = Timestamp::from_microsecond(column.as_primitive::<TimestampMicrosecondType>().value(row));
            Cell::Time(moment.ok()?.to_zoned(TimeZone::UTC).datetime())
        }
        _ => return None,
    })
}

/// The rows of batches as column → value: of these columns, and where a column holds a text.
#[must_use]
pub fn rows(batches: &[RecordBatch], columns: &BTreeSet<&str>, having: Option<(&str, &str)>) -> Vec<Row> {
    let of = |batch: &RecordBatch| {
        let schema = batch.schema();
        let wanted = schema.fields().iter().zip(batch.columns());
        let wanted: Vec<_> = wanted.filter(|(field, _)| columns.contains(field.name().as_str())).collect();
        let is_wanted = |row: usize| {
            having.is_none_or(|(column, value)| {
                let found = batch.column_by_name(column).and_then(|column| cell(column, row));
                found == Some(Cell::Text(value.to_owned()))
            })
        };
        let row = |row: usize| {
            wanted.iter().filter_map(|(field, column)| Some((field.name().clone(), cell(*column, row)?))).collect()
        };
        (0..batch.num_rows()).filter(|row| is_wanted(*row)).map(row).collect::<Vec<Row>>()
    };
    batches.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rstest::rstest;

    use super::*;

    fn text(text: &str) -> Literal {
        Literal::String(text.to_owned())
    }

    #[rstest]
    #[case(Cell::Number(0.6), Literal::Number(0.6), true)]
    #[case::a_quotient(Cell::Number(2.0 / 3.0), text("2/3"), true)]
    #[case::no_quotient(Cell::Number(0.0), text("0/0"), false)]
    #[case::within_the_tolerance(Cell::Number(1e9 + 0.1), Literal::Integer(1_000_000_000), true)]
    #[case::outside_of_it(Cell::Number(0.600_001), Literal::Number(0.6), false)]
    #[case(Cell::Integer(3), Literal::Integer(3), true)]
    #[case::whole_numbers_are_exact(Cell::Integer(1_000_000_001), Literal::Integer(1_000_000_000), false)]
    #[case::a_count_as_a_number(Cell::Integer(3), Literal::Number(3.0), true)]
    #[case::null_is_not_zero(Cell::Null, Literal::Integer(0), false)]
    #[case(Cell::Null, Literal::Null, true)]
    #[case(Cell::Number(0.0), Literal::Null, false)]
    #[case::an_id_that_looks_like_a_number(Cell::Text("17".to_owned()), Literal::Integer(17), true)]
    #[case(Cell::Text("17".to_owned()), Literal::Number(17.0), false)]
    #[case(Cell::Day(date(2026, 6, 1)), text("2026-06-01"), true)]
    #[case(Cell::Time(date(2026, 6, 1).at(0, 0, 0, 0)), text("2026-06-01"), true)]
    #[case(Cell::Time(date(2026, 6, 1).at(12, 30, 0, 0)), text("2026-06-01 12:30"), true)]
    #[case(Cell::Time(date(2026, 6, 1).at(12, 30, 1, 0)), text("2026-06-01 12:30"), false)]
    #[case(Cell::Boolean(true), text("true"), false)]
    fn a_value_is_the_expected_one(#[case] found: Cell, #[case] expected: Literal, #[case] same: bool) {
        assert_eq!(found.is(&expected, 1e-9), same, "{found:?} {expected:?}");
    }

    #[rstest]
    #[case("EMEA", "EMEA")]
    #[case("no", "'no'")]
    #[case("2026-06", "'2026-06'")]
    #[case("it's", "'it''s'")]
    #[case("", "''")]
    fn a_text_is_written_as_yaml_reads_it(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(Cell::Text(text.to_owned()).written(), expected);
    }
}
