//! Periods as people write them: `2026-10`, `2026-Q4`, `2026`, `2026-W47`, `2026-11-22`, `FY2026`, `FY2026-Q1`.

use abmart_spec::model::Grain;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{Span, ToSpan};

use crate::calendar::Period;

/// Why a text names no period that a run on some day knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not written as any period is.
    #[error(
        "`{0}` is no period; periods are written 2026-10 (month), 2026-Q4, 2026, 2026-W47 (ISO week), 2026-11-22 (day), FY2026 and FY2026-Q1 (fiscal)"
    )]
    Unreadable(String),
    /// Written as a period is, but the calendar has none of this number.
    #[error("`{text}` is no period: {reason}")]
    Absent {
        /// The text.
        text: String,
        /// What the calendar has instead.
        reason: String,
    },
    /// A fiscal period in a project without a fiscal calendar.
    #[error(
        "`{0}` is a fiscal period, and the project has no fiscal year: `settings.fiscal_year_start` in pipelines.yaml"
    )]
    NoFiscalYear(String),
    /// It begins after the run's day.
    #[error("`{text}` begins on {start}, after the run's day, {as_of}")]
    Later {
        /// The text.
        text: String,
        /// Its first day.
        start: Date,
        /// The run's day.
        as_of: Date,
    },
}

/// The period that a text names, as a run on `as_of` sees it. A fiscal year has the number of the calendar year in which
/// it ends.
///
/// # Errors
/// When the text names no period, a fiscal one without a fiscal calendar, or one that begins after `as_of`.
pub fn parse_period(text: &str, as_of: Date, fiscal_year_start: Option<u8>) -> Result<Period, PeriodError> {
    let (grain, day) = first_day(text.trim(), fiscal_year_start)?;
    let period = Period::holding(grain, day, as_of, fiscal_year_start.unwrap_or(1));
    if period.start > as_of {
        return Err(PeriodError::Later { text: text.trim().to_owned(), start: period.start, as_of });
    }
    Ok(period)
}

/// The text by which [`parse_period`] finds a period of the same calendar.
#[must_use]
pub fn period_text(period: &Period, fiscal_year_start: Option<u8>) -> String {
    let start = period.start;
    match period.grain {
        Grain::Day => start.to_string(),
        Grain::Week => {
            let week = start.iso_week_date();
            format!("{}-W{:02}", week.year(), week.week())
        }
        Grain::Month => format!("{:04}-{:02}", start.year(), start.month()),
        Grain::Quarter => format!("{:04}-Q{}", start.year(), (start.month() + 2) / 3),
        Grain::Year => format!("{:04}", start.year()),
        Grain::FiscalQuarter => {
            let year = Period::holding(Grain::FiscalYear, start, start, fiscal_year_start.unwrap_or(1));
            let months = (start.month() - year.start.month()).rem_euclid(12);
            format!("FY{:04}-Q{}", last_day(&year).year(), months / 3 + 1)
        }
        Grain::FiscalYear => format!("FY{:04}", last_day(period).year()),
    }
}

fn last_day(period: &Period) -> Date {
    period.end.saturating_sub(1.day())
}

/// The grain that a text names, and the first day of the period.
fn first_day(text: &str, fiscal_year_start: Option<u8>) -> Result<(Grain, Date), PeriodError> {
    let unreadable = || PeriodError::Unreadable(text.to_owned());
    let absent = |reason: String| PeriodError::Absent { text: text.to_owned(), reason };
    let (fiscal, calendar) = match text.strip_prefix("FY") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = calendar.split('-');
    let year = parts.next().and_then(|year| number(year, 4)).ok_or_else(unreadable)?;
    let (part, day) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return Err(unreadable());
    }
    let january = |year: i16| Date::new(year, 1, 1).map_err(|_| unreadable());
    if fiscal {
        let first = fiscal_year_start.ok_or_else(|| PeriodError::NoFiscalYear(text.to_owned()))?;
        // A year that begins in January ends in its own number, others in the next.
        let begins = january(year - i16::from(first > 1))?.saturating_add((i64::from(first) - 1).months());
        return match (part, day) {
            (None, _) => Ok((Grain::FiscalYear, begins)),
            (Some(part), None) => {
                let months = quarter(part).ok_or_else(unreadable)?.map_err(absent)?;
                Ok((Grain::FiscalQuarter, begins.saturating_add(months)))
            }
            _ => Err(unreadable()),
        };
    }
    match (part, day) {
        (None, _) => Ok((Grain::Year, january(year)?)),
        (Some(part), None) => {
            if let Some(months) = quarter(part) {
                return Ok((Grain::Quarter, january(year)?.saturating_add(months.map_err(absent)?)));
            }
            if let Some(week) = part.strip_prefix('W') {
                let week = number(week, 2).and_then(|week| i8::try_from(week).ok()).ok_or_else(unreadable)?;
                let last = january(year)?.saturating_add(27.days()).iso_week_date().weeks_in_year();
                let monday = ISOWeekDate::new(year, week, Weekday::Monday);
                let monday = monday.map_err(|_| absent(format!("{year} has the weeks W01 to W{last}")))?;
                return Ok((Grain::Week, monday.date()));
            }
            let month = number(part, 2).and_then(|month| i8::try_from(month).ok()).ok_or_else(unreadable)?;
            let first = Date::new(year, month, 1).map_err(|_| absent("a year has the months 01 to 12".to_owned()))?;
            Ok((Grain::Month, first))
        }
        (Some(month), Some(day)) => {
            let two = |text: &str| number(text, 2).and_then(|value| i8::try_from(value).ok()).ok_or_else(unreadable);
            let found = Date::new(year, two(month)?, two(day)?);
            Ok((Grain::Day, found.map_err(|_| absent("the calendar has no such day".to_owned()))?))
        }
    }
}

/// The months before a quarter in its year: none where the text names no quarter, an error where it is none of four.
fn quarter(part: &str) -> Option<Result<Span, String>> {
    let quarter = number(part.strip_prefix('Q')?, 1)?;
    let known = (1..=4).contains(&quarter);
    Some(if known {
        Ok((i64::from(quarter - 1) * 3).months())
    } else {
        Err("a year has the quarters Q1 to Q4".to_owned())
    })
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i16> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const AS_OF: Date = date(2026, 11, 22);

    #[rstest]
    #[case("2026-10", Grain::Month, date(2026, 10, 1), date(2026, 11, 1))]
    #[case("2026-Q4", Grain::Quarter, date(2026, 10, 1), date(2027, 1, 1))]
    #[case("2026", Grain::Year, date(2026, 1, 1), date(2027, 1, 1))]
    #[case("2026-W47", Grain::Week, date(2026, 11, 16), date(2026, 11, 23))]
    #[case("2026-W01", Grain::Week, date(2025, 12, 29), date(2026, 1, 5))]
    #[case("2026-11-22", Grain::Day, date(2026, 11, 22), date(2026, 11, 23))]
    #[case("FY2026", Grain::FiscalYear, date(2025, 7, 1), date(2026, 7, 1))]
    #[case("FY2027-Q2", Grain::FiscalQuarter, date(2026, 10, 1), date(2027, 1, 1))]
    #[case(" 2026-10 ", Grain::Month, date(2026, 10, 1), date(2026, 11, 1))]
    fn a_text_names(#[case] text: &str, #[case] grain: Grain, #[case] start: Date, #[case] end: Date) {
        let period = parse_period(text, AS_OF, Some(7)).map(|period| (period.grain, period.start, period.end));
        assert_eq!(period, Ok((grain, start, end)));
    }

    #[test]
    fn a_fiscal_year_from_january_is_the_calendar_s() {
        let period = parse_period("FY2026", AS_OF, Some(1)).map(|period| (period.start, period.end));
        assert_eq!(period, Ok((date(2026, 1, 1), date(2027, 1, 1))));
    }

    #[test]
    fn the_period_of_the_run_s_day_is_partial() {
        let partial = |text| parse_period(text, AS_OF, None).map(|period| (period.partial, period.cutoff));
        assert_eq!(partial("2026-11"), Ok((true, date(2026, 11, 23))));
        assert_eq!(partial("2026-10"), Ok((false, date(2026, 11, 1))));
    }

    #[rstest]
    #[case("October")]
    #[case("")]
    #[case("26-10")]
    #[case("2026-1")]
    #[case("2026-10-1")]
    #[case("2026-10-01-02")]
    #[case("2026-q4")]
    #[case("2026-Q44")]
    #[case("2026-W4")]
    #[case("FY2026-10")]
    #[case("FY26")]
    fn what_is_no_period_is_told_how_they_are_written(#[case] text: &str) {
        let expected = format!(
            "`{text}` is no period; periods are written 2026-10 (month), 2026-Q4, 2026, 2026-W47 (ISO week), 2026-11-22 (day), FY2026 and FY2026-Q1 (fiscal)"
        );
        assert_eq!(parse_period(text, AS_OF, Some(7)).map_err(|error| error.to_string()), Err(expected));
    }

    #[rstest]
    #[case("2026-13", "`2026-13` is no period: a year has the months 01 to 12")]
    #[case("2026-Q5", "`2026-Q5` is no period: a year has the quarters Q1 to Q4")]
    #[case("2025-W53", "`2025-W53` is no period: 2025 has the weeks W01 to W52")]
    #[case("2026-02-30", "`2026-02-30` is no period: the calendar has no such day")]
    #[case(
        "FY2026",
        "`FY2026` is a fiscal period, and the project has no fiscal year: `settings.fiscal_year_start` in pipelines.yaml"
    )]
    #[case("2026-12", "`2026-12` begins on 2026-12-01, after the run's day, 2026-11-22")]
    fn what_the_calendar_or_the_run_does_not_have_is_told(#[case] text: &str, #[case] expected: &str) {
        let told = parse_period(text, AS_OF, None).map_err(|error| error.to_string());
        assert_eq!(told, Err(expected.to_owned()));
    }

    proptest! {
        #[test]
        fn what_a_period_is_called_names_it(offset in 0_i64..5000, fiscal in 1_u8..=12, grain in 0_usize..7) {
            let grains = [
                Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year, Grain::FiscalQuarter, Grain::FiscalYear,
            ];
            let period = Period::holding(grains[grain], AS_OF.saturating_sub(offset.days()), AS_OF, fiscal);
            prop_assert_eq!(parse_period(&period_text(&period, Some(fiscal)), AS_OF, Some(fiscal)), Ok(period));
        }
    }
}
