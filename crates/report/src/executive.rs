//! The three figures that executives ask for: accounts engaged, opportunities created, return on investment.

use std::fmt::Write;

use arrow::array::RecordBatch;
use bytes::Bytes;
use jiff::civil::Date;

use crate::figures::{ReportError, batches, day, flag, number, text};

/// The figures of the newest whole month and of the month under way, for everything and for the ABM programme.
///
/// `mart` is the file of `executive_summary`.
///
/// # Errors
/// When the file is not a readable Parquet file.
pub fn figures(mart: Bytes) -> Result<String, ReportError> {
    let batches = batches(mart)?;
    let mut months: Vec<(Date, bool, &RecordBatch, usize)> = Vec::new();
    for rows in &batches {
        for row in 0..rows.num_rows() {
            let is_total = text(rows, "region", row).is_none() && text(rows, "bu", row).is_none();
            if is_total
                && text(rows, "period_grain", row) == Some("month")
                && let Some(start) = day(rows, "period_start", row)
            {
                months.push((start, flag(rows, "partial", row).unwrap_or(false), rows, row));
            }
        }
    }
    months.sort_by_key(|(start, ..)| *start);
    let whole = months.iter().rev().find(|(_, partial, ..)| !partial);
    let under_way = months.iter().rev().find(|(_, partial, ..)| *partial);
    let mut out = String::new();
    for (start, partial, rows, row) in [whole, under_way].into_iter().flatten() {
        let note = if *partial { " so far" } else { "" };
        let _ = writeln!(out, "{}{note}", start.strftime("%B %Y"));
        let _ = writeln!(
            out,
            "  {:<22} {:>12} {:>12} {:>12} {:>12} {:>12}",
            "", "all", "before", "year before", "target", "ABM"
        );
        for (column, title) in FIGURES {
            let at = |suffix: &str| shown(column, number(rows, &format!("{column}{suffix}"), *row));
            let abm = shown(column, number(rows, &format!("abm_{column}"), *row));
            let _ = writeln!(
                out,
                "  {title:<22} {:>12} {:>12} {:>12} {:>12} {abm:>12}",
                at(""),
                at("_prior"),
                at("_yoy"),
                at("_target")
            );
        }
    }
    Ok(out)
}

const FIGURES: [(&str, &str); 3] = [
    ("engaged_accounts", "engaged accounts"),
    ("opportunities_created", "opportunities"),
    ("roi", "return on investment"),
];

fn shown(column: &str, value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if column == "roi" => format!("{:.0} %", value * 100.0),
        Some(value) => format!("{value:.0}"),
    }
}
