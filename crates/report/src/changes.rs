//! The log of definitions: when KPIs came, went and changed their meaning.

use abmart_spec::Change;
use bytes::Bytes;

use crate::figures::{batches, day, text, whole};

pub use crate::figures::ReportError;

/// The entries of the log in the order of the mart.
///
/// `mart` is a file of `kpi_changes`.
///
/// # Errors
/// When the file is not a readable Parquet file, or not of this mart.
pub fn changes(mart: Bytes) -> Result<Vec<Change>, ReportError> {
    let mut changes = Vec::new();
    for rows in &batches(mart)? {
        for row in 0..rows.num_rows() {
            let owned = |column: &str| text(rows, column, row).map(str::to_owned);
            changes.push(Change {
                on: day(rows, "changed_on", row).ok_or(ReportError::Column("changed_on"))?,
                kpi: owned("kpi").ok_or(ReportError::Column("kpi"))?,
                change: owned("change").ok_or(ReportError::Column("change"))?,
                version_before: whole(rows, "version_before", row),
                version: whole(rows, "version", row),
                formula_before: owned("formula_before"),
                formula: owned("formula"),
                definition: owned("definition"),
            });
        }
    }
    Ok(changes)
}
