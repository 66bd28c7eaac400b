//! References: values of a column that are to be keys of another source.
//!
//! Keys are those of the newest copy that the run reads, whether their rows were set aside or not: one broken account
//! shall not make findings of all its touches. Of a source that is read whole every row is checked. A source that rollups
//! reduce is counted by the column's values, file by file as any rollup is, and the counts are held against the keys
//! afterwards: what comes of a file does not depend on another source then, and can be kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use abmart_plan::PlannedFile;
use abmart_spec::model::{Check, Column, Severity, Source};
use polars::prelude::*;

use super::finding::{EXAMPLES, Finding};
use super::rollup::{Counted, ROWS};
use super::{load, scan};
use crate::codes;
use crate::context::Context;
use crate::error::EngineError;

/// The keys that columns refer to.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Source → its keys; none where it is optional and absent.
    keys: BTreeMap<String, Option<Arc<Series>>>,
}

impl References {
    /// Reads the keys of all sources that columns of these refer to.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read<'a>(context: &Context<'_>, sources: impl Iterator<Item = &'a Source>) -> Result<Self, EngineError> {
        let mut keys = BTreeMap::new();
        for (_, referred) in sources.flat_map(Source::references) {
            if keys.contains_key(&referred.value) {
                continue;
            }
            let source = context.project.sources.get(&referred.value);
            let files = context.plan.sources.get(&referred.value);
            let found = match source.zip(files) {
                Some((source, planned)) => {
                    let newest = planned.snapshots.last();
                    let files: Vec<&PlannedFile> =
                        planned.files.iter().filter(|file| Some(&file.day) == newest).collect();
                    keys_of(context, source, &files)?
                }
                None => None,
            };
            keys.insert(referred.value.clone(), found.map(Arc::new));
        }
        Ok(Self { keys })
    }

    /// Rows whose value is no key of the source that the column refers to; none where it refers to nothing that is there.
    ///
    /// # Errors
    /// When the keys cannot be looked up.
    pub fn unknown(&self, column: &Column, found: &DataType) -> Result<Option<Expr>, EngineError> {
        let Some(keys) = self.of(column) else { return Ok(None) };
        let value = col(column.name.as_str());
        let plain = if codes::is_coded(found) { value.clone().cast(DataType::String) } else { value.clone() };
        let known = plain.is_in(lit(keys.implode()?.into_series()), false);
        Ok(Some(value.is_not_null().and(known.not())))
    }

    fn of(&self, column: &Column) -> Option<&Series> {
        self.keys.get(&column.references.as_ref()?.value)?.as_deref()
    }

    /// What references of an absent source are found to be: not checked, which is said.
    pub fn unchecked(&self, source: &Source) -> Vec<Finding> {
        let absent = source.references().filter(|(_, referred)| matches!(self.keys.get(&referred.value), Some(None)));
        absent
            .map(|(column, referred)| {
                let severity = column.severity(Check::References);
                let mut finding = Finding::of_rows(source, Check::References, &column.name, severity);
                finding.detail = format!("not checked: `{}` is absent", referred.value);
                finding
            })
            .collect()
    }

    /// Holds the counts of a column's values against the keys.
    ///
    /// # Errors
    /// When the counts cannot be looked up.
    pub fn judge(&self, source: &Source, column: &Column, files: &[Counted]) -> Result<Option<Finding>, EngineError> {
        if self.of(column).is_none() {
            return Ok(None);
        }
        let severity = column.severity(Check::References);
        let mut finding = Finding::of_rows(source, Check::References, &column.name, severity);
        for Counted { file, rows } in files {
            let total = rows.column(ROWS)?.i64()?.sum().unwrap_or(0);
            let unknown = self.unknown(column, rows.column(&column.name)?.dtype())?;
            let unknown = rows.clone().lazy().filter(unknown.unwrap_or(lit(false))).collect()?;
            let failed = unknown.column(ROWS)?.i64()?.sum().unwrap_or(0);
            finding.saw(file, u64::try_from(total).unwrap_or(0), u64::try_from(failed).unwrap_or(0));
            if severity == Severity::Fail && finding.examples.len() < EXAMPLES && unknown.height() > 0 {
                let mut values: Vec<String> = codes::plain(unknown)?
                    .column(&column.name)?
                    .as_materialized_series()
                    .iter()
                    .map(|value| value.str_value().into_owned())
                    .collect();
                values.sort_unstable();
                finding.examples.extend(values);
                finding.examples.truncate(EXAMPLES);
            }
        }
        Ok(Some(finding))
    }
}

fn keys_of(context: &Context<'_>, source: &Source, files: &[&PlannedFile]) -> Result<Option<Series>, EngineError> {
    let [key] = source.key.as_slice() else { return Ok(None) };
    if files.is_empty() {
        return Ok(None);
    }
    let column = context.parallel(files, |file| {
        let rows = load::read(context, source, file, &|column| column.name == key.value)?;
        Ok(codes::plain(rows)?.column(&key.value)?.as_materialized_series().clone())
    })?;
    let mut all = match source.columns.get(&key.value) {
        Some(column) => Series::new_empty("keys".into(), &scan::plain(column.ty)),
        None => return Ok(None),
    };
    for keys in &column {
        all.append(keys)?;
    }
    Ok(Some(all.unique()?.drop_nulls()))
}
