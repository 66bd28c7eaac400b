//! Periods: half-open stretches of days `[start, end)` of the reporting time zone.

use abmart_spec::model::{Grain, Window};
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::Serialize;

/// A period of a grain, as a run on `as_of` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Period {
    /// Its grain.
    pub grain: Grain,
    /// First day.
    pub start: Date,
    /// The day after the last one.
    pub end: Date,
    /// Rows before this day count: the period's end, or the day after `as_of` in a partial period.
    pub cutoff: Date,
    /// Whether `as_of` lies inside: the period is computed up to and including that day.
    pub partial: bool,
}

impl Period {
    /// The period of `grain` that holds `day`.
    #[must_use]
    pub fn holding(grain: Grain, day: Date, as_of: Date, fiscal_year_start: u8) -> Self {
        let start = start_of(grain, day, fiscal_year_start);
        let end = start.saturating_add(length(grain));
        let cutoff = end.min(as_of.saturating_add(1.day()));
        Self { grain, start, end, cutoff, partial: as_of < end }
    }

    /// Start of the period before this one.
    #[must_use]
    pub fn previous_start(&self) -> Date {
        self.start.saturating_sub(length(self.grain))
    }

    /// Start of the same period one year earlier: the same month or quarter, or the week 52 weeks before.
    #[must_use]
    pub fn year_before_start(&self) -> Date {
        match self.grain {
            Grain::Week => self.start.saturating_sub(52.weeks()),
            _ => self.start.saturating_sub(1.year()),
        }
    }

    /// First day of a window that ends where this period's rows end.
    #[must_use]
    pub fn window_start(&self, window: Window) -> Date {
        before(self.cutoff, window)
    }
}

/// The day that lies so long before another.
#[must_use]
pub fn before(day: Date, window: Window) -> Date {
    match window {
        Window::Days(days) => day.saturating_sub(i64::from(days).days()),
        Window::Months(months) => day.saturating_sub(i64::from(months).months()),
    }
}

/// The day that lies so long after another.
#[must_use]
pub fn after(day: Date, window: Window) -> Date {
    match window {
        Window::Days(days) => day.saturating_add(i64::from(days).days()),
        Window::Months(months) => day.saturating_add(i64::from(months).months()),
    }
}

/// All periods of a grain from the one that holds `from` to the one that holds `as_of`, or the newest `last` of them.
#[must_use]
pub fn periods(grain: Grain, from: Date, as_of: Date, last: Option<u32>, fiscal_year_start: u8) -> Vec<Period> {
    let mut found = Vec::new();
    let mut period = Period::holding(grain, as_of, as_of, fiscal_year_start);
    let wanted = last.map_or(usize::MAX, |n| n as usize);
    while found.len() < wanted && period.end > from {
        found.push(period);
        period = Period::holding(grain, period.previous_start(), as_of, fiscal_year_start);
    }
    found.reverse();
    found
}

/// The word that marts use for a grain.
#[must_use]
pub fn grain_name(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Quarter => "quarter",
        Grain::Year => "year",
        Grain::FiscalQuarter => "fiscal_quarter",
        Grain::FiscalYear => "fiscal_year",
    }
}

/// Whether every period of `coarse` is made of whole periods of `fine`.
#[must_use]
pub fn nests(fine: Grain, coarse: Grain) -> bool {
    match fine {
        Grain::Day => true,
        Grain::Week => coarse == Grain::Week,
        Grain::Month => !matches!(coarse, Grain::Day | Grain::Week),
        Grain::Quarter => matches!(coarse, Grain::Quarter | Grain::Year),
        Grain::FiscalQuarter => matches!(coarse, Grain::FiscalQuarter | Grain::FiscalYear),
        Grain::Year => coarse == Grain::Year,
        Grain::FiscalYear => coarse == Grain::FiscalYear,
    }
}

fn length(grain: Grain) -> Span {
    match grain {
        Grain::Day => 1.day(),
        Grain::Week => 1.week(),
        Grain::Month => 1.month(),
        Grain::Quarter | Grain::FiscalQuarter => 3.months(),
        Grain::Year | Grain::FiscalYear => 1.year(),
    }
}

fn start_of(grain: Grain, day: Date, fiscal_year_start: u8) -> Date {
    let month_start = day.first_of_month();
    // Months since the year (calendar or fiscal) began.
    let months_since = |first: u8| (day.month() - i8::try_from(first).unwrap_or(1)).rem_euclid(12);
    match grain {
        Grain::Day => day,
        Grain::Week => day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()),
        Grain::Month => month_start,
        Grain::Quarter => month_start.saturating_sub(i64::from(months_since(1) % 3).months()),
        Grain::Year => month_start.saturating_sub(i64::from(months_since(1)).months()),
        Grain::FiscalQuarter => month_start.saturating_sub(i64::from(months_since(fiscal_year_start) % 3).months()),
        Grain::FiscalYear => month_start.saturating_sub(i64::from(months_since(fiscal_year_start)).months()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Grain::Day, date(2026, 11, 22), date(2026, 11, 23))]
    #[case(Grain::Week, date(2026, 11, 16), date(2026, 11, 23))]
    #[case(Grain::Month, date(2026, 11, 1), date(2026, 12, 1))]
    #[case(Grain::Quarter, date(2026, 10, 1), date(2027, 1, 1))]
    #[case(Grain::Year, date(2026, 1, 1), date(2027, 1, 1))]
    #[case(Grain::FiscalQuarter, date(2026, 11, 1), date(2027, 2, 1))]
    #[case(Grain::FiscalYear, date(2026, 5, 1), date(2027, 5, 1))]
    fn a_sunday_in_november_lies_in(#[case] grain: Grain, #[case] start: Date, #[case] end: Date) {
        let period = Period::holding(grain, date(2026, 11, 22), date(2026, 11, 22), 5);
        assert_eq!((period.start, period.end), (start, end));
    }

    #[test]
    fn the_period_that_holds_as_of_is_partial() {
        let on = |as_of| Period::holding(Grain::Month, date(2026, 11, 1), as_of, 1);
        assert_eq!(on(date(2026, 11, 22)).cutoff, date(2026, 11, 23));
        assert!(on(date(2026, 11, 22)).partial);
        assert_eq!(on(date(2026, 11, 30)).cutoff, date(2026, 12, 1));
        assert!(on(date(2026, 11, 30)).partial);
        assert!(!on(date(2026, 12, 1)).partial);
    }

    #[test]
    fn periods_reach_back_to_the_one_that_holds_the_first_day() {
        let found = periods(Grain::Quarter, date(2025, 6, 1), date(2026, 11, 22), None, 1);
        let starts: Vec<_> = found.iter().map(|p| p.start).collect();
        let expected =
            [(2025, 4), (2025, 7), (2025, 10), (2026, 1), (2026, 4), (2026, 7), (2026, 10)].map(|(y, m)| date(y, m, 1));
        assert_eq!(starts, expected);
        assert_eq!(periods(Grain::Week, date(2020, 1, 1), date(2026, 11, 22), Some(2), 1).len(), 2);
    }

    #[test]
    fn a_trailing_year_ends_where_the_period_s_rows_end() {
        let period = Period::holding(Grain::Month, date(2026, 11, 22), date(2026, 11, 22), 1);
        assert_eq!(period.window_start(Window::Months(12)), date(2025, 11, 23));
        assert_eq!(period.window_start(Window::Days(90)), date(2026, 8, 25));
    }
}
