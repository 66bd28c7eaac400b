//! Given rows written out: ranges, repetitions, and what a row does not say.

use std::ops::Range;

use abmart_spec::Diagnostic;
use abmart_spec::model::{Column, ColumnType, GivenRows, Literal, Source, TestCell, TestRow};

/// A row as it goes into a file: a value for every column of the contract, in its order.
pub type Filled = Vec<Literal>;

/// The column that is none: how often a row is written.
const TIMES: &str = "times";

/// The most rows that one row of a test may stand for.
const MOST: usize = 1_000_000;

/// The rows of a test as single rows: `{01..30}` and `times` written out.
///
/// # Errors
/// A finding at the value that cannot be understood.
pub fn expanded(given: &GivenRows) -> Result<Vec<TestRow>, Box<Diagnostic>> {
    let mut rows = Vec::new();
    for row in &given.rows {
        let mut row = row.clone();
        let times = match row.cells.shift_remove(TIMES) {
            None => 1,
            Some(TestCell { value: Literal::Integer(times), span, .. }) => usize::try_from(times)
                .ok()
                .filter(|times| *times <= MOST)
                .ok_or_else(|| bad("`times` is a number from 0 to 1,000,000", span).boxed())?,
            Some(TestCell { span, .. }) => return Err(bad("`times` is a whole number", span).boxed()),
        };
        let ranges = row.cells.values().filter_map(|cell| match &cell.value {
            Literal::String(text) => range_in(text).map(|found| (found, cell.span)),
            _ => None,
        });
        let mut steps = None;
        for (found, span) in ranges {
            let length = (found.last + 1).saturating_sub(found.first);
            if length == 0 || length > MOST || steps.is_some_and(|steps| steps != length) {
                let problem = "a range runs upwards, and all ranges of a row are equally long";
                return Err(bad(problem, span).boxed());
            }
            steps = Some(length);
        }
        for step in 0..steps.unwrap_or(1) {
            let mut stepped = row.clone();
            stepped.cells.values_mut().for_each(|cell| cell.value = at_step(&cell.value, step));
            rows.extend(std::iter::repeat_n(stepped, times));
        }
    }
    Ok(rows)
}

fn bad(problem: &str, span: abmart_spec::Span) -> Diagnostic {
    Diagnostic::error("bad-row", problem).at(span).help("`{01..30}` makes thirty rows, `times: 4` four equal ones")
}

/// `{01..30}` in a text.
struct NumberRange {
    place: Range<usize>,
    first: usize,
    last: usize,
    width: usize,
}

fn range_in(text: &str) -> Option<NumberRange> {
    let start = text.find('{')?;
    let end = start + text[start..].find('}')? + 1;
    let (first, last) = text[start + 1..end - 1].split_once("..")?;
    Some(NumberRange { place: start..end, first: first.parse().ok()?, last: last.parse().ok()?, width: first.len() })
}

fn at_step(value: &Literal, step: usize) -> Literal {
    let Literal::String(text) = value else { return value.clone() };
    match range_in(text) {
        None => value.clone(),
        Some(NumberRange { place, first, width, .. }) => {
            Literal::String(format!("{}{:0width$}{}", &text[..place.start], first + step, &text[place.end..]))
        }
    }
}

/// A row with a value in every column of the contract; `number` tells rows of a source apart.
pub fn filled(row: &TestRow, source: &Source, number: usize, currency: &str) -> Filled {
    let value = |column: &Column| match row.cells.get(&column.name) {
        Some(cell) => cell.value.clone(),
        None => neutral(source, column, number, currency),
    };
    source.columns.values().map(value).collect()
}

/// The value of a column that a row does not name: null where that is allowed, a name of its own for a key, the first of
/// the known values, the reporting currency, the least number allowed, a day long ago. `number` tells rows of a source apart.
#[must_use]
pub fn neutral(source: &Source, column: &Column, number: usize, currency: &str) -> Literal {
    let is_key = source.key.first().is_some_and(|key| key.value == column.name);
    match column.ty {
        _ if column.nullable => Literal::Null,
        ColumnType::String if is_key => Literal::String(format!("{}-{number:05}", source.name)),
        ColumnType::String if column.name == "currency" => Literal::String(currency.to_owned()),
        ColumnType::String => Literal::String(column.values.first().map_or("any", String::as_str).to_owned()),
        ColumnType::Integer | ColumnType::Number | ColumnType::Money => Literal::Number(column.min.unwrap_or(0.0)),
        ColumnType::Boolean => Literal::Boolean(false),
        ColumnType::Date | ColumnType::Timestamp => Literal::String("2020-01-01".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use abmart_spec::Span;
    use abmart_spec::model::Spanned;
    use rstest::rstest;

    use super::*;

    fn given(cells: &[(&str, Literal)]) -> GivenRows {
        let cell = |(name, value): &(&str, Literal)| {
            ((*name).to_owned(), TestCell { value: value.clone(), span: Span::none(), column: Span::none() })
        };
        let row = TestRow { cells: cells.iter().map(cell).collect(), span: Span::none() };
        GivenRows { name: Spanned { value: "s".to_owned(), span: Span::none() }, snapshot: None, rows: vec![row] }
    }

    fn ids(given: &GivenRows) -> Vec<String> {
        let id = |row: &TestRow| match &row.cells["id"].value {
            Literal::String(id) => id.clone(),
            other => format!("{other:?}"),
        };
        expanded(given).unwrap().iter().map(id).collect()
    }

    fn text(text: &str) -> Literal {
        Literal::String(text.to_owned())
    }

    #[rstest]
    #[case::a_range_keeps_its_width("a{08..10}", &["a08", "a09", "a10"])]
    #[case("{1..2}-x", &["1-x", "2-x"])]
    #[case::braces_alone_are_text("a{b}", &["a{b}"])]
    fn ranges_are_written_out(#[case] id: &str, #[case] expected: &[&str]) {
        assert_eq!(ids(&given(&[("id", text(id))])), expected);
    }

    #[test]
    fn rows_are_repeated() {
        assert_eq!(ids(&given(&[("id", text("{1..2}")), ("times", Literal::Integer(2))])), ["1", "1", "2", "2"]);
    }

    #[rstest]
    #[case(&[("id", text("{3..1}"))])]
    #[case::of_different_lengths(&[("id", text("{1..3}")), ("x", text("{1..2}"))])]
    #[case(&[("times", text("two"))])]
    fn what_makes_no_sense_is_refused(#[case] cells: &[(&str, Literal)]) {
        assert_eq!(expanded(&given(cells)).unwrap_err().code, "bad-row");
    }
}
