//! What came out against what is expected; only what differs is kept.

use std::collections::BTreeSet;

use abmart_plan::calendar::{Period, grain_name};
use abmart_spec::Span;
use abmart_spec::diagnostic::{Diagnostic, did_you_mean};
use abmart_spec::model::{Expectation, Expected, Literal, TestCell, TestRow};
use arrow::array::RecordBatch;
use indexmap::IndexMap;

use crate::cell::{self, Cell, number, plain, written};
use crate::wanted::PERIOD;

/// A row that came out: column → value.
pub type Row = IndexMap<String, Cell>;

/// How what came out differs from what is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The row is there, with other values.
    Cells {
        /// Which row: what identifies it.
        row: String,
        /// Place of the expected row.
        place: Span,
        /// The values that differ.
        cells: Vec<WrongCell>,
    },
    /// No row is like the expected one.
    Missing {
        /// The row.
        row: String,
        /// Its place.
        place: Span,
    },
    /// A row that nothing expects, where all rows are told.
    Unexpected {
        /// The row, with the columns that the test names.
        row: String,
        /// Place of the expected rows.
        place: Span,
    },
    /// A row that must not be there.
    Present {
        /// The row.
        row: String,
        /// Its place.
        place: Span,
    },
    /// Another number of rows is set aside than expected.
    Quarantined {
        /// The source.
        source: String,
        /// How many are expected.
        expected: u64,
        /// How many there are.
        found: u64,
        /// What they break.
        reasons: Vec<String>,
        /// Place of the expectation, or of the test.
        place: Span,
    },
}

/// A value that is not the expected one.
#[derive(Debug, Clone, PartialEq)]
pub struct WrongCell {
    /// The column.
    pub column: String,
    /// The expected value, as it is written.
    pub expected: String,
    /// The value that came out, as a test would write it.
    pub found: String,
    /// Place of the expected value.
    pub place: Span,
}

/// What one expectation is compared by.
pub struct Comparison<'a> {
    /// What is expected.
    pub expectation: &'a Expectation,
    /// The period of each expected row, where it has one.
    pub periods: &'a [Option<Period>],
    /// The dimensions of the cube.
    pub dimensions: &'a [String],
    /// The key of a fact's entity, and that of the entity that it belongs to.
    pub keys: &'a [&'a str],
    /// How far numbers may differ.
    pub tolerance: f64,
}

impl Comparison<'_> {
    /// Holds the rows of a mart against the expectation.
    ///
    /// # Errors
    /// Columns that the mart does not have and rows that cannot be told apart, each at its place.
    pub fn differences(&self, mart: &[RecordBatch]) -> Result<Vec<Difference>, Vec<Diagnostic>> {
        self.check_columns(mart)?;
        let named = self.expectation.rows.iter().chain(&self.expectation.lacks).flat_map(|row| row.cells.keys());
        let mut columns: BTreeSet<&str> = named.map(String::as_str).collect();
        columns.extend(["period_grain", "period_start"]);
        let name = self.expectation.name.value.as_str();
        match self.expectation.of {
            Expected::Kpi => {
                columns.extend(self.dimensions.iter().map(String::as_str));
                self.one_by_one(&cell::rows(mart, &columns, Some(("kpi", name))))
            }
            Expected::Fact => {
                columns.extend(self.keys);
                self.one_by_one(&cell::rows(mart, &columns, None))
            }
            Expected::Alert => {
                columns.insert("state");
                let rows = cell::rows(mart, &columns, Some(("alert", name)));
                let resolved = Cell::Text("resolved".to_owned());
                let open = rows.iter().filter(|row| row.get("state") != Some(&resolved));
                Ok(self.matched(&open.collect::<Vec<_>>()))
            }
            Expected::Table | Expected::Mart => {
                Ok(self.matched(&cell::rows(mart, &columns, None).iter().collect::<Vec<_>>()))
            }
        }
    }

    fn check_columns(&self, mart: &[RecordBatch]) -> Result<(), Vec<Diagnostic>> {
        let schema = mart.first().map(RecordBatch::schema);
        let columns: Vec<String> =
            schema.iter().flat_map(|schema| schema.fields()).map(|field| field.name().clone()).collect();
        let rows = self.expectation.rows.iter().chain(&self.expectation.lacks);
        let unknown = rows.flat_map(|row| &row.cells).filter(|(name, _)| *name != PERIOD && !columns.contains(name));
        let findings = unknown.map(|(name, cell)| {
            let near = did_you_mean(name, columns.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("its columns are {}", columns.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message =
                format!("{} `{}` has no column `{name}`", self.expectation.of.noun(), self.expectation.name.value);
            Diagnostic::error("unknown-column", message).at(cell.column).help(help)
        });
        let findings: Vec<Diagnostic> = findings.collect();
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }

    /// Rows that are found by what identifies them.
    fn one_by_one(&self, rows: &[Row]) -> Result<Vec<Difference>, Vec<Diagnostic>> {
        let mut differences = Vec::new();
        for (expected, period) in self.expectation.rows.iter().zip(self.periods) {
            let mut identified = rows.iter().filter(|row| self.identifies(expected, *period, row));
            let found = identified.next();
            if identified.next().is_some() {
                let problem = format!("several rows of `{}` are like this one", self.expectation.name.value);
                let help = format!("{} tell them apart", self.keys.join(" and "));
                return Err(vec![Diagnostic::error("ambiguous-row", problem).at(expected.span).help(help)]);
            }
            let compared = expected.cells.iter().filter(|(column, _)| !self.is_identity(column));
            let wrong = compared.filter_map(|(column, cell)| self.wrong(column, cell, found));
            let cells: Vec<WrongCell> = wrong.collect();
            if !cells.is_empty() {
                let mut row = self.label(expected, *period);
                if found.is_none() {
                    row.push_str(" (there is no such row)");
                }
                differences.push(Difference::Cells { row, place: expected.span, cells });
            }
        }
        Ok(differences)
    }

    fn is_identity(&self, column: &str) -> bool {
        column == PERIOD
            || match self.expectation.of {
                Expected::Kpi => self.dimensions.iter().any(|dimension| dimension == column),
                _ => self.keys.contains(&column),
            }
    }

    fn identifies(&self, expected: &TestRow, period: Option<Period>, row: &Row) -> bool {
        if !of_period(row, period) {
            return false;
        }
        let is_kpi = self.expectation.of == Expected::Kpi;
        let is = |column: &str| {
            let found = row.get(column).unwrap_or(&Cell::Null);
            match expected.cells.get(column) {
                Some(cell) => found.is(&cell.value, self.tolerance),
                // A dimension that is not named is not cut by; a key that is not named may be any.
                None => !is_kpi || *found == Cell::Null,
            }
        };
        if is_kpi { self.dimensions.iter().all(|dimension| is(dimension)) } else { self.keys.iter().all(|key| is(key)) }
    }

    /// A value that differs; a row that is not there has none.
    fn wrong(&self, column: &str, cell: &TestCell, row: Option<&Row>) -> Option<WrongCell> {
        let found = row.and_then(|row| row.get(column)).unwrap_or(&Cell::Null);
        (!found.is(&cell.value, self.tolerance)).then(|| WrongCell {
            column: column.to_owned(),
            expected: expected_text(&cell.value),
            found: found.written(),
            place: cell.span,
        })
    }

    /// Rows in any order: those that agree are paired off, the others with what differs least from them.
    fn matched(&self, rows: &[&Row]) -> Vec<Difference> {
        let expectation = self.expectation;
        let mut open: Vec<&Row> = rows.to_vec();
        let mut waiting = Vec::new();
        for (expected, period) in expectation.rows.iter().zip(self.periods) {
            match open.iter().position(|row| self.count_wrong(expected, *period, row) == 0) {
                Some(at) => {
                    open.remove(at);
                }
                None => waiting.push((expected, *period)),
            }
        }
        let mut differences = Vec::new();
        for (expected, period) in waiting {
            let nearest = open.iter().enumerate().min_by_key(|(_, row)| self.count_wrong(expected, period, row));
            // A row that has nothing in common with the expected one is another row.
            let nearest = nearest.filter(|(_, row)| self.count_wrong(expected, period, row) < expected.cells.len());
            let Some((at, row)) = nearest else {
                differences.push(Difference::Missing { row: as_written(expected), place: expected.span });
                continue;
            };
            let compared = expected.cells.iter().filter(|(column, _)| *column != PERIOD);
            let mut cells: Vec<WrongCell> =
                compared.filter_map(|(column, cell)| self.wrong(column, cell, Some(row))).collect();
            if let Some(cell) = expected.cells.get(PERIOD).filter(|_| !of_period(row, period)) {
                cells.push(wrong_period(cell, row));
            }
            let row = agreeing(expected, &cells);
            differences.push(Difference::Cells { row, place: expected.span, cells });
            open.remove(at);
        }
        if expectation.all {
            let named: Vec<&String> = expectation.rows.iter().flat_map(|row| row.cells.keys()).collect();
            let shown = |row: &Row| {
                let shown = row.iter().filter(|(column, _)| named.is_empty() || named.contains(column));
                shown.map(|(column, cell)| format!("{column}: {}", cell.written())).collect::<Vec<_>>().join(", ")
            };
            let unexpected =
                |row: &&Row| Difference::Unexpected { row: format!("{{{}}}", shown(row)), place: expectation.span };
            differences.extend(open.iter().map(unexpected));
        }
        for lacking in &expectation.lacks {
            if rows.iter().any(|row| self.count_wrong(lacking, None, row) == 0) {
                differences.push(Difference::Present { row: as_written(lacking), place: lacking.span });
            }
        }
        differences
    }

    fn count_wrong(&self, expected: &TestRow, period: Option<Period>, row: &Row) -> usize {
        let wrong = |(column, cell): &(&String, &TestCell)| match column.as_str() {
            PERIOD => !of_period(row, period),
            column => !row.get(column).unwrap_or(&Cell::Null).is(&cell.value, self.tolerance),
        };
        expected.cells.iter().filter(wrong).count()
    }

    /// What identifies an expected row, in words.
    fn label(&self, expected: &TestRow, period: Option<Period>) -> String {
        let period = period.map(|period| format!("{} {}", grain_name(period.grain), period.start));
        let identity = expected.cells.iter().filter(|(column, _)| self.is_identity(column) && *column != PERIOD);
        let identity = identity.map(|(column, cell)| format!("{column} {}", plain(&cell.value)));
        period.into_iter().chain(identity).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a row is of a period; without one it is.
fn of_period(row: &Row, period: Option<Period>) -> bool {
    let Some(period) = period else { return true };
    row.get("period_grain") == Some(&Cell::Text(grain_name(period.grain).to_owned()))
        && row.get("period_start") == Some(&Cell::Day(period.start))
}

fn wrong_period(cell: &TestCell, row: &Row) -> WrongCell {
    let part = |column: &str| row.get(column).unwrap_or(&Cell::Null).written();
    WrongCell {
        column: PERIOD.to_owned(),
        expected: written(&cell.value),
        found: format!("{} {}", part("period_grain"), part("period_start")),
        place: cell.span,
    }
}

/// An expected value as it is written; of a quotient also what it is.
fn expected_text(value: &Literal) -> String {
    match (value, number(value)) {
        (Literal::String(quotient), Some(number)) => format!("{quotient} = {number}"),
        _ => written(value),
    }
}

fn as_written(row: &TestRow) -> String {
    let cells = row.cells.iter().map(|(column, cell)| format!("{column}: {}", plain(&cell.value)));
    format!("{{{}}}", cells.collect::<Vec<_>>().join(", "))
}

/// The part of an expected row that agrees with the one that is compared to it.
fn agreeing(row: &TestRow, wrong: &[WrongCell]) -> String {
    let agrees = |column: &&String| !wrong.iter().any(|cell| cell.column == **column);
    let cells = row.cells.iter().filter(|(column, _)| agrees(column));
    cells.map(|(column, cell)| format!("{column} {}", plain(&cell.value))).collect::<Vec<_>>().join(", ")
}
