//! Tables of texts, and figures as texts.

use std::fmt::Write;

use serde_json::Value;

use crate::text::count;

/// Rows below a header, the first `left` columns flush left, the others flush right.
pub fn table(text: &mut String, header: &[String], rows: &[Vec<String>], left: usize) {
    let all = || (!header.is_empty()).then_some(header).into_iter().chain(rows.iter().map(Vec::as_slice));
    let columns = all().map(<[String]>::len).max().unwrap_or(0);
    let width =
        |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in all() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0) {
            let _ = if column < left { write!(line, "  {cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A value of a row.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(value) => value.as_f64().map_or_else(|| value.to_string(), number),
        other => other.to_string(),
    }
}

/// A value in the unit of its KPI.
pub fn with_unit(value: f64, unit: &str) -> String {
    if unit == "percent" { percent(value) } else { number(value) }
}

/// A share.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A number with separators: whole ones without decimals, small ones with more.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 2,
        size if size >= 0.01 => 4,
        _ => 8,
    };
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), count);
    let fraction = fraction.map(|digits| format!(".{digits}")).unwrap_or_default();
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{whole}{fraction}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(3.0, "3")]
    #[case(-1_234_567.5, "-1,234,567.50")]
    #[case(0.6, "0.6000")]
    #[case(0.000_012_5, "0.00001250")]
    fn a_number_is_as_exact_as_it_is_small(#[case] value: f64, #[case] text: &str) {
        assert_eq!(number(value), text);
    }
}
