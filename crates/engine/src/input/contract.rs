//! Row checks of a contract. Rows that break one are set aside with the reason; nothing is dropped silently.

use abmart_spec::model::{Check, Column, ColumnType, Severity, Source};
use polars::prelude::*;

use super::finding::{EXAMPLES, Finding};
use super::references::References;
use crate::codes;
use crate::error::EngineError;

/// Rows of a file of which it is known which checks they break.
pub struct Examined<'a> {
    /// The rows, in the order of the file.
    pub rows: DataFrame,
    source: &'a Source,
    file: &'a str,
    findings: Vec<Finding>,
    /// Rows to set aside, with the reason.
    broken: Vec<(BooleanChunked, String)>,
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
    /// All reasons of every row that was checked; none where it is used.
    reasons: StringChunked,
    file: String,
}

impl Aside {
    /// Of rows in the order of those checked the ones set aside, texts plain, with the columns `_reason` and `_file`.
    ///
    /// # Errors
    /// When there are not as many rows as were checked.
    pub fn rows_of(&self, rows: &DataFrame) -> Result<DataFrame, EngineError> {
        let mut rows = codes::plain(rows.clone())?;
        rows.with_column(self.reasons.clone().into_series().with_name("_reason".into()).into_column())?;
        let mut rows = rows.filter(&self.broken)?;
        let file = Series::new("_file".into(), vec![self.file.as_str(); rows.height()]);
        rows.with_column(file.into_column())?;
        Ok(rows)
    }
}

/// Checks rows one by one and sets those aside that are to be; `repeated` marks the rows whose key was met before.
///
/// # Errors
/// When a check does not fit its column.
pub fn enforce(
    frame: DataFrame,
    source: &Source,
    file: &str,
    repeated: Option<&BooleanChunked>,
) -> Result<Checked, EngineError> {
    let mut examined = Examined::new(frame, source, file, &References::default())?;
    examined.key(repeated)?;
    examined.settle()
}

impl<'a> Examined<'a> {
    /// Checks rows one by one; whether a key repeats is said afterwards, by [`Examined::key`].
    ///
    /// # Errors
    /// When a check does not fit its column.
    pub fn new(
        rows: DataFrame,
        source: &'a Source,
        file: &'a str,
        references: &References,
    ) -> Result<Self, EngineError> {
        let checks = row_checks(source, &rows, references)?;
        let flags: Vec<Expr> = checks
            .iter()
            .enumerate()
            .filter_map(|(index, check)| Some(check.failed.clone()?.fill_null(false).alias(format!("{index}"))))
            .collect();
        let flags = if flags.is_empty() { DataFrame::empty() } else { rows.clone().lazy().select(flags).collect()? };
        let mut examined = Self { rows, source, file, findings: Vec::new(), broken: Vec::new() };
        for (index, row_check) in checks.iter().enumerate() {
            let flag = match row_check.failed {
                Some(_) => Some(flags.column(&format!("{index}"))?.bool()?),
                None => None,
            };
            let column = row_check.column;
            examined.found(row_check.check, column.severity(row_check.check), &[&column.name], flag)?;
        }
        Ok(examined)
    }

    /// Says which rows repeat a key; none where no row does.
    ///
    /// # Errors
    /// When the key's columns are missing.
    pub fn key(&mut self, repeated: Option<&BooleanChunked>) -> Result<(), EngineError> {
        if self.source.key.is_empty() {
            return Ok(());
        }
        let columns: Vec<&str> = self.source.key.iter().map(|name| name.value.as_str()).collect();
        self.found(Check::Unique, self.source.severity(Check::Unique), &columns, repeated)
    }

    fn found(
        &mut self,
        check: Check,
        severity: Severity,
        columns: &[&str],
        flag: Option<&BooleanChunked>,
    ) -> Result<(), EngineError> {
        let named = columns.join(", ");
        let failed = flag.map_or(0, |flag| u64::from(flag.sum().unwrap_or(0)));
        let mut finding = Finding::of_rows(self.source, check, &named, severity);
        finding.saw(self.file, self.rows.height() as u64, failed);
        if let Some(flag) = flag.filter(|_| failed > 0) {
            if severity == Severity::Fail {
                finding.examples = examples(&self.rows, columns, flag)?;
            }
            if severity == Severity::Quarantine {
                self.broken.push((flag.clone(), format!("{} {named}", check.name())));
            }
        }
        self.findings.push(finding);
        Ok(())
    }

    /// Sets rows aside.
    ///
    /// # Errors
    /// When a mask is not as long as the rows, which would be a mistake of this program.
    pub fn settle(self) -> Result<Checked, EngineError> {
        let Some((first, others)) = self.broken.split_first() else {
            return Ok(Checked { used: self.rows, aside: None, findings: self.findings });
        };
        let broken = others.iter().fold(first.0.clone(), |all, (flag, _)| &all | flag);
        let used = self.rows.filter(&!&broken)?;
        let reasons = (0..self.rows.height())
            .map(|row| {
                let of_row = self.broken.iter().filter(|(flag, _)| flag.get(row) == Some(true));
                let found: Vec<&str> = of_row.map(|(_, text)| text.as_str()).collect();
                (!found.is_empty()).then(|| found.join("; "))
            })
            .collect();
        let aside = Aside { broken, reasons, file: self.file.to_owned() };
        Ok(Checked { used, aside: Some(aside), findings: self.findings })
    }
}

/// Different values of failing rows, the first ones; of a key, its parts together.
fn examples(rows: &DataFrame, columns: &[&str], failed: &BooleanChunked) -> Result<Vec<String>, EngineError> {
    let mut found: Vec<String> = Vec::new();
    for row in failed.iter().enumerate().filter_map(|(row, failed)| failed.unwrap_or(false).then_some(row)) {
        let parts = columns.iter().map(|name| Ok(rows.column(name)?.get(row)?.str_value().into_owned()));
        let text = parts.collect::<Result<Vec<_>, PolarsError>>()?.join(", ");
        let text: String = text.chars().take(EXAMPLE_LENGTH).collect();
        if !found.contains(&text) {
            found.push(text);
        }
        if found.len() == EXAMPLES {
            break;
        }
    }
    Ok(found)
}

/// Characters of an example that are shown.
const EXAMPLE_LENGTH: usize = 80;

struct RowCheck<'a> {
    check: Check,
    column: &'a Column,
    /// None where no row can fail.
    failed: Option<Expr>,
}

fn row_checks<'a>(
    source: &'a Source,
    frame: &DataFrame,
    references: &References,
) -> Result<Vec<RowCheck<'a>>, EngineError> {
    let mut checks = Vec::new();
    let present = |column: &&Column| frame.get_column_index(&column.name).is_some();
    for column in source.columns.values().filter(present) {
        let name = column.name.as_str();
        let values = frame.column(name)?;
        let mut add = |check: Check, failed: Option<Expr>| checks.push(RowCheck { check, column, failed });
        if !column.nullable {
            add(Check::NotNull, (values.null_count() > 0).then(|| col(name).is_null()));
        }
        if matches!(column.ty, ColumnType::Number | ColumnType::Money) {
            add(Check::Finite, Some(col(name).is_finite().not()));
        }
        if column.min.is_some() || column.max.is_some() {
            let below = column.min.map_or(lit(false), |min| col(name).lt(lit(min)));
            let above = column.max.map_or(lit(false), |max| col(name).gt(lit(max)));
            // A NaN is greater than everything to Polars; it is another check's matter.
            let number = if values.dtype().is_float() { col(name).is_not_nan() } else { lit(true) };
            add(Check::Range, Some(below.or(above).and(number)));
        }
        if !column.values.is_empty() {
            let known = Series::new("known".into(), &column.values).implode()?.into_series();
            let text = if codes::is_coded(values.dtype()) { col(name).cast(DataType::String) } else { col(name) };
            add(Check::AcceptedValues, Some(col(name).is_not_null().and(text.is_in(lit(known), false).not())));
        }
        if let Some(unknown) = references.unknown(column, values.dtype())? {
            add(Check::References, Some(unknown));
        }
    }
    Ok(checks)
}

/// The rows of several files, one after the other, whose key was met in a row before; none where no row's was. A null in
/// the key is another check's matter.
///
/// # Errors
/// When Polars cannot compare the key's columns.
pub fn repeated(source: &Source, files: &[&DataFrame]) -> Result<Vec<Option<BooleanChunked>>, EngineError> {
    let nothing = || files.iter().map(|_| None).collect();
    let names: Vec<&str> = source.key.iter().map(|name| name.value.as_str()).collect();
    if names.is_empty() {
        return Ok(nothing());
    }
    if let [rows] = files
        && is_strictly_increasing(source, rows)?
    {
        return Ok(nothing());
    }
    let keys =
        files.iter().map(|rows| Ok(rows.select(names.iter().copied())?.lazy())).collect::<PolarsResult<Vec<_>>>()?;
    let flags = concat(keys, UnionArgs::default())?.select([repeats(&names).alias("repeats")]).collect()?;
    let flags = flags.column("repeats")?.bool()?.clone();
    if !flags.any() {
        return Ok(nothing());
    }
    let mut begun = 0;
    let of_file = files.iter().map(|rows| {
        let own = flags.slice(begun, rows.height());
        begun += i64::try_from(rows.height()).unwrap_or(i64::MAX);
        own.any().then_some(own)
    });
    Ok(of_file.collect())
}

fn repeats(columns: &[&str]) -> Expr {
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
