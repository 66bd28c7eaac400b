//! The table `kpi_changes`: when KPIs came, went and changed their meaning. What it says of the days before is the
//! published table itself; folded up, it says which definitions held last.

use std::collections::BTreeMap;

use abmart_spec::model::Kpi;
use jiff::civil::Date;
use polars::prelude::*;

use super::fields;
use super::history::conformed;
use crate::error::EngineError;
use crate::input::load::{date, day, day_number};

/// A KPI's definition as a run knew it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Definition {
    hash: String,
    version: i64,
    formula: String,
}

/// What is different of a KPI.
struct Change<'a> {
    kpi: &'a str,
    kind: &'static str,
    old: Option<&'a Definition>,
    new: Option<&'a Definition>,
}

/// The table without rows.
pub fn schema() -> Schema {
    use fields::{count, day, text};
    Schema::from_iter([
        day("changed_on"),
        text("kpi"),
        text("change"),
        count("version_before"),
        count("version"),
        text("formula_before"),
        text("formula"),
        text("definition_before"),
        text("definition"),
    ])
}

/// The changes up to a day: those of earlier runs, and what this project has different from what they left.
///
/// A run of a day before the newest change knows less than the table and adds nothing to it.
///
/// # Errors
/// When Polars cannot put the rows together.
pub fn up_to(
    earlier: Option<&DataFrame>,
    kpis: &[&Kpi],
    hashes: &BTreeMap<String, String>,
    as_of: Date,
) -> Result<DataFrame, EngineError> {
    let schema = schema();
    let empty = DataFrame::empty_with_schema(&schema);
    let known = match earlier {
        Some(rows) => conformed(rows, &schema)?,
        None => empty,
    };
    let newest = known.column("changed_on")?.date()?.physical().max().map(date);
    if newest.is_some_and(|newest| newest > as_of) {
        return Ok(known);
    }
    // A run of the same day finds again what the first one found.
    let before = known.lazy().filter(col("changed_on").lt(day(as_of))).collect()?;
    let left = last_definitions(&before)?;
    let now: BTreeMap<&str, Definition> = kpis
        .iter()
        .map(|kpi| {
            let hash = hashes.get(&kpi.name).cloned().unwrap_or_default();
            let formula = kpi.formula.text.trim().to_owned();
            (kpi.name.as_str(), Definition { hash, version: i64::from(kpi.version), formula })
        })
        .collect();
    let names: std::collections::BTreeSet<&str> = now.keys().copied().chain(left.keys().map(String::as_str)).collect();
    let changed: Vec<Change<'_>> = names
        .into_iter()
        .filter_map(|kpi| {
            let (old, new) = (left.get(kpi), now.get(kpi));
            let kind = match (old, new) {
                (None, Some(_)) => "added",
                (Some(_), None) => "removed",
                (Some(old), Some(new)) if old.hash != new.hash => "redefined",
                (Some(old), Some(new)) if old.version != new.version => "version",
                _ => return None,
            };
            Some(Change { kpi, kind, old, new })
        })
        .collect();
    let text = |name: &str, of: &dyn Fn(&Change<'_>) -> Option<String>| {
        Series::new(name.into(), changed.iter().map(of).collect::<Vec<Option<String>>>()).into_column()
    };
    let count = |name: &str, of: &dyn Fn(&Change<'_>) -> Option<i64>| {
        Series::new(name.into(), changed.iter().map(of).collect::<Vec<Option<i64>>>()).into_column()
    };
    let on = Series::new("changed_on".into(), vec![day_number(as_of); changed.len()]).cast(&DataType::Date)?;
    let columns = vec![
        on.into_column(),
        text("kpi", &|row| Some(row.kpi.to_owned())),
        text("change", &|row| Some(row.kind.to_owned())),
        count("version_before", &|row| row.old.map(|old| old.version)),
        count("version", &|row| row.new.map(|new| new.version)),
        text("formula_before", &|row| row.old.map(|old| old.formula.clone())),
        text("formula", &|row| row.new.map(|new| new.formula.clone())),
        text("definition_before", &|row| row.old.map(|old| old.hash.clone())),
        text("definition", &|row| row.new.map(|new| new.hash.clone())),
    ];
    let today = DataFrame::new(changed.len(), columns)?;
    Ok(concat([before.lazy(), today.lazy()], UnionArgs::default())?.collect()?)
}

/// KPI → its definition after the newest of these changes.
fn last_definitions(changes: &DataFrame) -> Result<BTreeMap<String, Definition>, EngineError> {
    let in_order = changes.sort(["changed_on"], SortMultipleOptions::default())?;
    let text = |name: &str| Ok::<_, PolarsError>(in_order.column(name)?.str()?.clone());
    let (kpis, hashes, formulas) = (text("kpi")?, text("definition")?, text("formula")?);
    let versions = in_order.column("version")?.i64()?.clone();
    let mut left = BTreeMap::new();
    for row in 0..in_order.height() {
        let Some(kpi) = kpis.get(row) else { continue };
        match hashes.get(row) {
            None => {
                left.remove(kpi);
            }
            Some(hash) => {
                let definition = Definition {
                    hash: hash.to_owned(),
                    version: versions.get(row).unwrap_or_default(),
                    formula: formulas.get(row).unwrap_or_default().to_owned(),
                };
                left.insert(kpi.to_owned(), definition);
            }
        }
    }
    Ok(left)
}

/// KPI → the day since which its definition holds.
///
/// # Errors
/// When the rows are not those of the table.
pub fn held_since(changes: &DataFrame) -> Result<BTreeMap<String, i32>, EngineError> {
    let (kpis, kinds) = (changes.column("kpi")?.str()?, changes.column("change")?.str()?);
    let days = changes.column("changed_on")?.date()?.physical().clone();
    let mut since: BTreeMap<String, i32> = BTreeMap::new();
    for (row, kpi) in kpis.iter().enumerate() {
        let meant_anew = matches!(kinds.get(row), Some("added" | "redefined"));
        if let (Some(kpi), Some(on), true) = (kpi, days.get(row), meant_anew) {
            let known = since.entry(kpi.to_owned()).or_insert(on);
            *known = (*known).max(on);
        }
    }
    Ok(since)
}
