//! Row checks of a contract. Rows that break one are set aside with the reason; nothing is dropped silently.

use abmart_spec::model::{Column, ColumnType, Severity, Source};
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::error::EngineError;

/// Outcome of one check over one source: a row of the `data_quality` mart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The source.
    pub source: String,
    /// `not_null`, `unique`, `finite`, `range`, `accepted_values`, `rows`.
    pub check: String,
    /// The column, or the key's columns.
    pub column: String,
    /// What a failing row means.
    pub severity: Severity,
    /// Rows looked at.
    pub rows_in: u64,
    /// Rows that fail.
    pub rows_failed: u64,
    /// Files with failing rows, the first few.
    pub files: Vec<String>,
}

/// Rows of a file after its contract was enforced.
pub struct Checked {
    /// Rows that are used.
    pub used: DataFrame,
    /// Rows set aside, if any.
    pub aside: Option<Aside>,
    /// One finding a check.
    pub findings: Vec<Finding>,
}

/// Rows set aside, of the rows that were checked.
pub struct Aside {
    broken: BooleanChunked,
    /// Why, for every row that was checked.
    reasons: StringChunked,
}

impl Aside {
    /// Of rows in the order of those checked the ones set aside, texts plain, with a column `_reason`.
    ///
    /// # Errors
    /// When there are not as many rows as were checked.
    pub fn rows_of(&self, rows: &DataFrame) -> Result<DataFrame, EngineError> {
        let mut rows = codes::plain(rows.clone())?;
        rows.with_column(self.reasons.clone().into_series().with_name("_reason".into()).into_column())?;
        Ok(rows.filter(&self.broken)?)
    }
}

/// What is known of keys that repeat.
pub enum Keys {
    /// The frame holds all rows among which a key is unique.
    InFrame,
    /// Looked for elsewhere: a mask of the rows whose key was met before, none where no row's was.
    Known(Option<BooleanChunked>),
    /// Looked for later.
    Later,
}

struct Check {
    name: &'static str,
    column: String,
    severity: Severity,
    /// None where no row can fail.
    failed: Option<Expr>,
}

/// Checks every row of a frame; `file` is what findings name.
///
/// # Errors
/// When a check with severity `fail` fails.
pub fn enforce(frame: DataFrame, source: &Source, file: &str, keys: Keys) -> Result<Checked, EngineError> {
    let mut checks = row_checks(source, &frame)?;
    match keys {
        Keys::InFrame => checks.extend(key_check(source, || keys_repeated(source, &frame))?),
        Keys::Known(mask) => {
            checks.extend(key_check(source, || Ok(mask.map(|mask| lit(mask.into_series()))))?);
        }
        Keys::Later => {}
    }
    apply(frame, source, file, &checks)
}

/// Checks only that no key repeats; `files` is what the finding names.
///
/// # Errors
/// When Polars cannot compare the key's columns.
pub fn enforce_key(frame: DataFrame, source: &Source, files: &str) -> Result<Checked, EngineError> {
    let check = key_check(source, || keys_repeated(source, &frame))?;
    apply(frame, source, files, check.as_slice())
}

fn apply(frame: DataFrame, source: &Source, file: &str, checks: &[Check]) -> Result<Checked, EngineError> {
    let rows_in = frame.height() as u64;
    let flags: Vec<Expr> = checks
        .iter()
        .enumerate()
        .filter_map(|(index, check)| Some(check.failed.clone()?.fill_null(false).alias(format!("{index}"))))
        .collect();
    let flags = if flags.is_empty() { DataFrame::empty() } else { frame.clone().lazy().select(flags).collect()? };
    let mut findings = Vec::new();
    let mut broken: Option<BooleanChunked> = None;
    let mut reasons: Vec<(BooleanChunked, String)> = Vec::new();
    for (index, check) in checks.iter().enumerate() {
        let flag = match &check.failed {
            Some(_) => Some(flags.column(&format!("{index}"))?.bool()?),
            None => None,
        };
        let failed = flag.map_or(0, |flag| u64::from(flag.sum().unwrap_or(0)));
        findings.push(Finding {
            source: source.name.clone(),
            check: check.name.to_owned(),
            column: check.column.clone(),
            severity: check.severity,
            rows_in,
            rows_failed: failed,
            files: if failed > 0 { vec![file.to_owned()] } else { Vec::new() },
        });
        let Some(flag) = flag.filter(|_| failed > 0) else { continue };
        match check.severity {
            Severity::Fail => {
                return Err(EngineError::Contract {
                    source_name: source.name.clone(),
                    file: file.to_owned(),
                    column: check.column.clone(),
                    rows: failed,
                    problem: format!("fail the check `{}`", check.name),
                });
            }
            Severity::Quarantine => {
                broken = Some(match broken {
                    None => flag.clone(),
                    Some(others) => &others | flag,
                });
                reasons.push((flag.clone(), format!("{} {}", check.name, check.column)));
            }
            Severity::Warn => {}
        }
    }
    let Some(broken) = broken else { return Ok(Checked { used: frame, aside: None, findings }) };
    let used = frame.filter(&!&broken)?;
    let reasons = (0..frame.height())
        .map(|row| {
            let found: Vec<&str> =
                reasons.iter().filter(|(flag, _)| flag.get(row) == Some(true)).map(|(_, text)| text.as_str()).collect();
            (!found.is_empty()).then(|| found.join("; "))
        })
        .collect();
    Ok(Checked { used, aside: Some(Aside { broken, reasons }), findings })
}

fn row_checks(source: &Source, frame: &DataFrame) -> Result<Vec<Check>, EngineError> {
    let mut checks = Vec::new();
    let present = |column: &&Column| frame.get_column_index(&column.name).is_some();
    for column in source.columns.values().filter(present) {
        let name = column.name.as_str();
        let nulls = frame.column(name)?.null_count();
        let mut add = |check: &'static str, severity: Severity, failed: Option<Expr>| {
            checks.push(Check { name: check, column: name.to_owned(), severity, failed });
        };
        if !column.nullable {
            let failed = (nulls > 0).then(|| col(name).is_null());
            add("not_null", column.on_breach.max(Severity::Quarantine), failed);
        }
        if matches!(column.ty, ColumnType::Number | ColumnType::Money) {
            add("finite", column.on_breach.max(Severity::Quarantine), Some(col(name).is_finite().not()));
        }
        if column.min.is_some() || column.max.is_some() {
            let below = column.min.map_or(lit(false), |min| col(name).lt(lit(min)));
            let above = column.max.map_or(lit(false), |max| col(name).gt(lit(max)));
            add("range", column.on_breach, Some(below.or(above)));
        }
        if !column.values.is_empty() {
            let known = Series::new("known".into(), &column.values).implode()?.into_series();
            let unknown = col(name).is_in(lit(known), false).not();
            add("accepted_values", Severity::Warn, Some(col(name).is_not_null().and(unknown)));
        }
    }
    Ok(checks)
}

fn key_check(
    source: &Source,
    repeated: impl FnOnce() -> Result<Option<Expr>, EngineError>,
) -> Result<Option<Check>, EngineError> {
    if source.key.is_empty() {
        return Ok(None);
    }
    let column = source.key.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ");
    Ok(Some(Check { name: "unique", column, severity: Severity::Quarantine, failed: repeated()? }))
}

/// Rows whose key was met in a row before.
fn keys_repeated(source: &Source, frame: &DataFrame) -> Result<Option<Expr>, EngineError> {
    let columns = source.key.iter().map(|name| name.value.as_str()).collect::<Vec<_>>();
    Ok(if is_strictly_increasing(source, frame)? { None } else { Some(repeated(&columns)) })
}

/// The first row of a key in file order is used, its repetitions are set aside. A null in the key is another check's
/// matter.
fn repeated(columns: &[&str]) -> Expr {
    let key = match columns {
        [one] => col(*one).to_physical(),
        several => concat_str(
            several.iter().map(|name| col(*name).cast(DataType::String)).collect::<Vec<_>>(),
            "\u{1f}",
            false,
        ),
    };
    key.clone().is_first_distinct().not().and(key.is_not_null())
}

/// A key column that only grows cannot repeat: one pass without a hash table.
fn is_strictly_increasing(source: &Source, frame: &DataFrame) -> Result<bool, EngineError> {
    let [key] = source.key.as_slice() else { return Ok(false) };
    let key = frame.column(&key.value)?;
    if key.null_count() > 0 {
        return Ok(false);
    }
    let Ok(text) = key.str() else { return Ok(false) };
    let mut previous: Option<&str> = None;
    for value in text.iter().flatten() {
        if previous.is_some_and(|before| before >= value) {
            return Ok(false);
        }
        previous = Some(value);
    }
    Ok(true)
}
