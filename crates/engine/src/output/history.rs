//! What earlier days' runs found: published marts that are carried over into the next ones.

use std::collections::HashMap;
use std::io::Cursor;

use abmart_plan::calendar::before;
use abmart_spec::model::{Check, Mart, MartBody, Window};
use abmart_store::Store;
use jiff::civil::Date;
use polars::prelude::*;

use super::catalog;
use crate::error::EngineError;
use crate::input::load;

/// Tables of the engine that go on from what was published last.
const CARRIED_OVER: [&str; 4] = ["data_quality", "alerts", "kpi_changes", "score_bands"];

/// What earlier runs left, as far as it could be read.
#[derive(Debug, Clone, Default)]
pub struct History {
    tables: HashMap<&'static str, DataFrame>,
}

impl History {
    /// Reads the published marts that some of these take the place of. One that cannot be read is done without, which is
    /// said: a run does not fail for what earlier runs found.
    pub fn read<'a>(store: &Store, marts: impl IntoIterator<Item = &'a Mart>) -> Self {
        let mut tables = HashMap::new();
        for mart in marts {
            // A mart that shows only a part of the table does not know the rest.
            let MartBody::From(table) = &mart.body else { continue };
            let carried = CARRIED_OVER.into_iter().find(|name| *name == table.value && mart.filter.is_none());
            let Some(name) = carried else { continue };
            let rows = published(store, &mart.name).and_then(|rows| match rows {
                Some(rows) if name == "data_quality" => findings(&rows).map(Some),
                rows => Ok(rows),
            });
            match rows {
                Ok(rows) => tables.extend(rows.map(|rows| (name, rows))),
                Err(error) => {
                    tracing::warn!(mart = mart.name, %error, "what earlier runs found cannot be read; its history begins anew");
                }
            }
        }
        Self { tables }
    }

    /// The rows of a table of the engine as they were published last.
    pub fn table(&self, name: &str) -> Option<&DataFrame> {
        self.tables.get(name)
    }

    /// How many rows a source had on the latest day before this one whose rows were counted.
    pub fn rows_before(&self, source: &str, as_of: Date) -> Option<(Date, u64)> {
        let rows = self.table("data_quality")?;
        let text = |name: &str| rows.column(name).ok()?.str().ok();
        let (sources, checks) = (text("source")?, text("check")?);
        let days = rows.column("as_of").ok()?.date().ok()?.physical().clone();
        let counts = rows.column("rows_in").ok()?.i64().ok()?;
        let of_source = (0..rows.height())
            .filter(|row| sources.get(*row) == Some(source) && checks.get(*row) == Some(Check::RowCount.name()));
        let counted =
            of_source.filter_map(|row| Some((load::date(days.get(row)?), u64::try_from(counts.get(row)?).ok()?)));
        counted.filter(|(day, _)| *day < as_of).max()
    }

    /// Today's findings with those of other days, none of which lies further than `keep` before the newest one.
    ///
    /// # Errors
    /// When Polars cannot put them together.
    pub fn joined(&self, today: DataFrame, as_of: Date, keep: Window) -> Result<DataFrame, EngineError> {
        let Some(rows) = self.table("data_quality") else { return Ok(today) };
        let newest = rows.column("as_of")?.date()?.physical().max().map(load::date);
        let first = before(newest.map_or(as_of, |day| day.max(as_of)), keep);
        let day = || col("as_of");
        let others =
            rows.clone().lazy().filter(day().gt_eq(load::day(first)).and(day().neq(load::day(as_of)))).collect()?;
        Ok(concat([others.lazy(), today.lazy()], UnionArgs::default())?.collect()?)
    }
}

/// Published findings in today's columns; a text that an earlier version did not write is empty.
fn findings(rows: &DataFrame) -> Result<DataFrame, EngineError> {
    let columns = catalog::data_quality(&[], Date::MIN)?;
    let texts = columns.schema().iter().filter(|(_, dtype)| **dtype == DataType::String);
    let filled: Vec<Expr> = texts.map(|(name, _)| col(name.clone()).fill_null(lit(""))).collect();
    Ok(conformed(rows, columns.schema())?.lazy().with_columns(filled).collect()?)
}

/// Rows that an earlier version of the program or project may have written, in these columns: what it did not write is null.
///
/// # Errors
/// When a column holds something else.
pub fn conformed(rows: &DataFrame, schema: &Schema) -> Result<DataFrame, EngineError> {
    let known = |(name, dtype): (&PlSmallStr, &DataType)| match rows.schema().get(name) {
        None => lit(NULL).cast(dtype.clone()).alias(name.clone()),
        Some(_) => col(name.clone()).strict_cast(dtype.clone()),
    };
    Ok(rows.clone().lazy().select(schema.iter().map(known).collect::<Vec<_>>()).collect()?)
}

/// The published rows; none where the mart was not published yet.
fn published(store: &Store, mart: &str) -> Result<Option<DataFrame>, EngineError> {
    let Some(manifest) = store.manifest()? else { return Ok(None) };
    let Some(entry) = manifest.marts.get(mart) else { return Ok(None) };
    let mut all = Vec::new();
    for file in &entry.files {
        all.push(ParquetReader::new(Cursor::new(store.get(&file.key)?)).finish()?.lazy());
    }
    if all.is_empty() { Ok(None) } else { Ok(Some(concat_lf_diagonal(all, UnionArgs::default())?.collect()?)) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jiff::civil::date;
    use rstest::rstest;

    use super::*;

    /// A row of each of these days, with as many rows counted as the day's number.
    fn of(days: &[i8]) -> DataFrame {
        let frames = days.iter().map(|day| {
            let finding = crate::Finding {
                source: "accounts".to_owned(),
                check: "row_count".to_owned(),
                column: String::new(),
                severity: abmart_spec::model::Severity::Warn,
                breached: false,
                rows_in: u64::try_from(*day).unwrap(),
                rows_failed: 0,
                files: Vec::new(),
                detail: String::new(),
                examples: Vec::new(),
            };
            catalog::data_quality(&[finding], date(2026, 6, *day)).unwrap().lazy()
        });
        concat(frames.collect::<Vec<_>>(), UnionArgs::default()).unwrap().collect().unwrap()
    }

    #[rstest]
    #[case::a_new_day(&[1, 2, 3], 4, 400, &[1, 2, 3, 4])]
    #[case::a_day_again(&[1, 2, 3], 3, 400, &[1, 2, 3])]
    #[case::an_earlier_day_again(&[1, 2, 3], 2, 400, &[1, 2, 3])]
    #[case::old_days_go(&[1, 2, 3], 4, 2, &[2, 3, 4])]
    #[case::of_an_old_day_nothing_but_itself_is_old(&[10, 11], 1, 2, &[1, 10, 11])]
    fn joining(#[case] earlier: &[i8], #[case] today: i8, #[case] keep: u16, #[case] expected: &[i8]) {
        let history = History { tables: HashMap::from([("data_quality", of(earlier))]) };
        let rows = history.joined(of(&[today]), date(2026, 6, today), Window::Days(keep)).unwrap();
        let days = rows.sort(["as_of"], SortMultipleOptions::default()).unwrap();
        let days: Vec<i64> = days.column("rows_in").unwrap().i64().unwrap().iter().flatten().collect();
        assert_eq!(days, expected.iter().map(|day| i64::from(*day)).collect::<Vec<_>>());
    }

    #[test]
    fn the_day_before_is_the_latest_one_that_is_earlier() {
        let history = History { tables: HashMap::from([("data_quality", of(&[1, 3, 5]))]) };
        let before = |day: i8| history.rows_before("accounts", date(2026, 6, day)).map(|(_, rows)| rows);
        assert_eq!([before(1), before(4), before(5), before(9)], [None, Some(3), Some(3), Some(5)]);
        assert_eq!(history.rows_before("contacts", date(2026, 6, 9)), None);
    }
}
