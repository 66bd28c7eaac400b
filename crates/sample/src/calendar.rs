//! Days as integers since 1970-01-01, instants as microseconds, and the months a lake covers.

use jiff::civil::Date;

use crate::SampleError;
use crate::rng::Rng;

/// The months a lake covers; the last one ends on the lake's last day.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) months: Vec<Month>,
}

/// One month of the window, clipped at the lake's last day.
#[derive(Clone, Debug)]
pub(crate) struct Month {
    pub(crate) index: usize,
    /// `YYYY-MM`
    pub(crate) label: String,
    pub(crate) first: Day,
    /// The last day with data: the month's last day, or the lake's.
    pub(crate) last: Day,
    /// 1 for a whole month, less for one that the lake's last day cuts short.
    pub(crate) share: f64,
}

/// Days since 1970-01-01, as in Arrow's `Date32`.
pub(crate) type Day = i32;
/// Microseconds since 1970-01-01 UTC.
pub(crate) type Instant = i64;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_HOUR: i64 = 3600 * MICROS_PER_SECOND;
pub(crate) const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

impl Window {
    pub(crate) fn new(months: u32, until: Date) -> Result<Self, SampleError> {
        let start = until.first_of_month().checked_sub(jiff::Span::new().try_months(i64::from(months) - 1)?)?;
        let mut out = Vec::new();
        for index in 0..months as usize {
            let first = start.checked_add(jiff::Span::new().try_months(index as i64)?)?;
            let whole = first.last_of_month();
            let last = whole.min(until);
            out.push(Month {
                index,
                label: first.strftime("%Y-%m").to_string(),
                first: day_of(first),
                last: day_of(last),
                share: f64::from(last.day()) / f64::from(whole.day()),
            });
        }
        Ok(Self { months: out })
    }

    pub(crate) fn first(&self) -> Day {
        self.months.first().map_or(0, |month| month.first)
    }

    pub(crate) fn last(&self) -> Day {
        self.months.last().map_or(0, |month| month.last)
    }

    /// The first instant after the lake's last day: nothing at or past it is known.
    pub(crate) fn end(&self) -> Instant {
        midnight(self.last() + 1)
    }
}

/// The rows of one month of a slice that is sorted by day.
pub(crate) fn of_month<'a, T>(rows: &'a [T], month: &Month, day: impl Fn(&T) -> Day) -> &'a [T] {
    let from = rows.partition_point(|row| day(row) < month.first);
    let to = rows.partition_point(|row| day(row) <= month.last);
    &rows[from..to]
}

pub(crate) fn day_of(date: Date) -> Day {
    let epoch = Date::constant(1970, 1, 1);
    (date - epoch).get_days()
}

pub(crate) fn date_of(day: Day) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    epoch.saturating_add(jiff::Span::new().days(day))
}

pub(crate) fn midnight(day: Day) -> Instant {
    i64::from(day) * MICROS_PER_DAY
}

pub(crate) fn day_of_instant(at: Instant) -> Day {
    at.div_euclid(MICROS_PER_DAY) as Day
}

/// 0 for Monday to 6 for Sunday.
pub(crate) fn weekday(day: Day) -> i32 {
    (day + 3).rem_euclid(7)
}

/// A moment of a working day, at or after `day`.
pub(crate) fn business_time(rng: &mut Rng, day: Day) -> Instant {
    let working = match weekday(day) {
        5 => day + 2,
        6 => day + 1,
        _ => day,
    };
    midnight(working) + i64::from(rng.int(8 * 3600, 18 * 3600)) * MICROS_PER_SECOND
}

/// How busy a day is against a usual Monday: weekends, August and the end of the year are quiet.
pub(crate) fn busyness(day: Day) -> f64 {
    let week = [1.0, 1.12, 1.15, 1.08, 0.9, 0.16, 0.11][weekday(day) as usize];
    let date = date_of(day);
    let season = match (date.month(), date.day()) {
        (8, _) => 0.62,
        (12, 20..) => 0.35,
        (1, 1..=3) => 0.4,
        (7, _) => 0.88,
        (9..=11, _) => 1.08,
        _ => 1.0,
    };
    week * season
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_count_from_the_epoch() {
        assert_eq!(day_of(date(1970, 1, 1)), 0);
        assert_eq!(day_of(date(2026, 11, 22)), 20_779);
        assert_eq!(date_of(20_779), date(2026, 11, 22));
        assert_eq!(weekday(day_of(date(2026, 11, 23))), 0);
    }

    #[test]
    fn a_window_ends_on_its_last_day() {
        let window = Window::new(3, date(2026, 11, 22)).unwrap();
        let labels: Vec<_> = window.months.iter().map(|m| m.label.as_str()).collect();
        assert_eq!(labels, ["2026-09", "2026-10", "2026-11"]);
        assert_eq!(date_of(window.last()), date(2026, 11, 22));
        assert_eq!(date_of(window.months[1].last), date(2026, 10, 31));
        assert!((window.months[2].share - 22.0 / 30.0).abs() < 1e-12);
    }
}
