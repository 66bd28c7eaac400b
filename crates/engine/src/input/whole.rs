//! Checks of a source as a whole: how old it is, how many rows it has, which columns it has beyond its contract.

use abmart_plan::calendar::before;
use abmart_plan::{SourcePlan, contract};
use abmart_spec::model::{Check, Severity, Source, SourceKind};
use jiff::civil::Date;
use polars::prelude::*;

use super::finding::Finding;
use super::load::{self, Loaded};
use super::rollup::Counted;
use crate::context::Context;
use crate::error::EngineError;
use crate::output::history::History;

/// What is to be known of a source's rows.
pub struct Census {
    /// Rows that the run works with: of a snapshot source its newest copy's, of events all.
    pub rows: u64,
    /// Day of the newest row or copy.
    pub newest: Option<Date>,
}

impl Census {
    /// Of rows that were read whole.
    ///
    /// # Errors
    /// When events have no time.
    pub fn of(source: &Source, loaded: &Loaded) -> Result<Self, EngineError> {
        Ok(match loaded {
            Loaded::Snapshots(days) => {
                let newest = days.last_key_value();
                Self { rows: newest.map_or(0, |(_, rows)| rows.height as u64), newest: newest.map(|(day, _)| *day) }
            }
            Loaded::Events(rows) => {
                let newest = match &source.time {
                    Some(time) => greatest_day(rows.column(&time.value)?)?,
                    None => None,
                };
                Self { rows: rows.height() as u64, newest }
            }
        })
    }

    /// Of rows that rollups reduce; `days` are counts by day, where the source's age is checked.
    ///
    /// # Errors
    /// When the counts have no days.
    pub fn counted(source: &Source, rows: u64, days: &[Counted]) -> Result<Self, EngineError> {
        let mut newest = None;
        if let Some(time) = &source.time {
            for Counted { rows, .. } in days {
                newest = newest.max(greatest_day(rows.column(&time.value)?)?);
            }
        }
        Ok(Self { rows, newest })
    }
}

/// Age and number of rows, of a source that has files.
pub fn findings(context: &Context<'_>, source: &Source, census: &Census, history: &History) -> Vec<Finding> {
    let as_of = context.plan.as_of;
    let mut found = Vec::new();
    if let Some(age) = source.freshness {
        let column = source.time.as_ref().map(|time| time.value.as_str()).unwrap_or_default();
        let oldest = before(as_of, age);
        let (what, breached) = match (source.kind, census.newest) {
            (SourceKind::Events, Some(day)) => (format!("the newest row is of {day}"), day < oldest),
            (SourceKind::Snapshot, Some(day)) => (format!("the newest copy is of {day}"), day < oldest),
            (_, None) => ("there is no row".to_owned(), true),
        };
        let detail = format!("{what}; on {as_of} it may be of {oldest} at the earliest");
        let finding = Finding::of_source(source, Check::Freshness, column, breached, detail);
        found.push(Finding { rows_in: census.rows, ..finding });
    }
    if let Some(wanted) = &source.row_count {
        let mut breached = false;
        let mut words = vec![format!("{} rows", census.rows)];
        if let Some(min) = wanted.min {
            breached |= census.rows < min;
            words.push(format!("at least {min} wanted"));
        }
        if let Some(max) = wanted.max {
            breached |= census.rows > max;
            words.push(format!("at most {max} wanted"));
        }
        if let Some(drift) = wanted.drift {
            match history.rows_before(&source.name, as_of) {
                None => words.push("no earlier day to compare with".to_owned()),
                Some((day, rows)) => {
                    breached |= drifts(rows, census.rows, drift);
                    words.push(format!("{rows} on {day}, {} % more or less wanted", drift * 100.0));
                }
            }
        }
        let finding = Finding::of_source(source, Check::RowCount, "", breached, words.join(", "));
        found.push(Finding { rows_in: census.rows, ..finding });
    }
    found
}

/// Whether a number of rows is further than a share of it from what it was.
#[expect(clippy::cast_precision_loss, reason = "rows are fewer than 2^53")]
fn drifts(was: u64, is: u64, share: f64) -> bool {
    was.abs_diff(is) as f64 > was as f64 * share
}

/// Columns that files have beyond the contract: no breach, but nothing that happens unseen.
pub fn added_columns(context: &Context<'_>, source: &Source, planned: &SourcePlan) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for file in &planned.files {
        let Some(footer) = context.footers.get(&file.key) else { continue };
        for (column, kind) in contract::added(source, footer) {
            let place = found.iter().position(|finding| finding.column == column).unwrap_or_else(|| {
                let mut finding = Finding::named(&source.name, "schema", column, Severity::Warn);
                finding.detail = format!("not in the contract, not read: {kind}");
                found.push(finding);
                found.len() - 1
            });
            // No row of it fails, but the files are worth knowing.
            let finding = &mut found[place];
            finding.rows_in += footer.rows;
            finding.name_file(&file.key);
        }
    }
    found.sort_by(|a, b| a.column.cmp(&b.column));
    found
}

fn greatest_day(column: &Column) -> Result<Option<Date>, EngineError> {
    let days = column.cast(&DataType::Date)?.cast(&DataType::Int32)?;
    Ok(days.i32()?.max().map(load::date))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_many(100, 100, 0.3, false)]
    #[case::on_the_edge(100, 130, 0.3, false)]
    #[case::too_many(100, 131, 0.3, true)]
    #[case::too_few(100, 69, 0.3, true)]
    #[case::out_of_nothing(0, 1, 0.3, true)]
    #[case::still_nothing(0, 0, 0.3, false)]
    fn drift(#[case] was: u64, #[case] is: u64, #[case] share: f64, #[case] expected: bool) {
        assert_eq!(drifts(was, is, share), expected);
    }
}
