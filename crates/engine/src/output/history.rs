//! What earlier days' runs found: the published mart `data_quality`, carried over into the next one.

use std::io::Cursor;

use abmart_plan::calendar::before;
use abmart_spec::model::{Check, Mart, MartBody, Window};
use abmart_store::Store;
use jiff::civil::Date;
use polars::prelude::*;

use super::catalog;
use crate::error::EngineError;
use crate::input::load;

/// The findings of earlier days, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub struct History {
    rows: Option<DataFrame>,
}

impl History {
    /// Reads the published mart that one of these takes the place of. One that cannot be read is done without, which is
    /// said: a run does not fail for what earlier runs found.
    pub fn read<'a>(store: &Store, marts: impl IntoIterator<Item = &'a Mart>) -> Self {
        let is_quality = |mart: &&Mart| matches!(&mart.body, MartBody::From(name) if name.value == "data_quality");
        let Some(mart) = marts.into_iter().find(is_quality) else { return Self::default() };
        match published(store, &mart.name) {
            Ok(rows) => Self { rows },
            Err(error) => {
                tracing::warn!(mart = mart.name, %error, "what earlier runs found cannot be read; its history begins anew");
                Self::default()
            }
        }
    }

    /// How many rows a source had on the latest day before this one whose rows were counted.
    pub fn rows_before(&self, source: &str, as_of: Date) -> Option<(Date, u64)> {
        let rows = self.rows.as_ref()?;
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
        let Some(rows) = &self.rows else { return Ok(today) };
        let newest = rows.column("as_of")?.date()?.physical().max().map(load::date);
        let first = before(newest.map_or(as_of, |day| day.max(as_of)), keep);
        let day = || col("as_of");
        let others =
            rows.clone().lazy().filter(day().gt_eq(load::day(first)).and(day().neq(load::day(as_of)))).collect()?;
        Ok(concat([others.lazy(), today.lazy()], UnionArgs::default())?.collect()?)
    }
}

/// The published rows in today's columns; none where the mart was not published yet.
fn published(store: &Store, mart: &str) -> Result<Option<DataFrame>, EngineError> {
    let Some(manifest) = store.manifest()? else { return Ok(None) };
    let Some(entry) = manifest.marts.get(mart) else { return Ok(None) };
    let columns = catalog::data_quality(&[], Date::MIN)?;
    let mut all = Vec::new();
    for file in &entry.files {
        let rows = ParquetReader::new(Cursor::new(store.get(&file.key)?)).finish()?;
        let known: Vec<Expr> = columns
            .schema()
            .iter()
            .map(|(name, dtype)| match (rows.schema().get(name), dtype) {
                // A column that an earlier version did not write.
                (None, DataType::String) => lit("").alias(name.clone()),
                _ => col(name.clone()).strict_cast(dtype.clone()),
            })
            .collect();
        all.push(rows.lazy().select(known));
    }
    if all.is_empty() { Ok(None) } else { Ok(Some(concat(all, UnionArgs::default())?.collect()?)) }
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
        let history = History { rows: Some(of(earlier)) };
        let rows = history.joined(of(&[today]), date(2026, 6, today), Window::Days(keep)).unwrap();
        let days = rows.sort(["as_of"], SortMultipleOptions::default()).unwrap();
        let days: Vec<i64> = days.column("rows_in").unwrap().i64().unwrap().iter().flatten().collect();
        assert_eq!(days, expected.iter().map(|day| i64::from(*day)).collect::<Vec<_>>());
    }

    #[test]
    fn the_day_before_is_the_latest_one_that_is_earlier() {
        let history = History { rows: Some(of(&[1, 3, 5])) };
        let before = |day: i8| history.rows_before("accounts", date(2026, 6, day)).map(|(_, rows)| rows);
        assert_eq!([before(1), before(4), before(5), before(9)], [None, Some(3), Some(3), Some(5)]);
        assert_eq!(history.rows_before("contacts", date(2026, 6, 9)), None);
    }
}
