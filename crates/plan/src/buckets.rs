//! Buckets: the coarsest split of time that still tells every period and window of a run apart.
//!
//! A rollup that groups by `bucket(t)` instead of by the day keeps only as many rows as the run needs, and stays
//! exact: no period and no window begins or ends inside a bucket.

use std::collections::BTreeSet;

use abmart_spec::model::{Grain, Window};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::calendar::{Period, periods};

/// First days of the buckets, in order. The first bucket reaches back to the beginning of time.
///
/// `windows` are the trailing spans that facts look back over the rollup; `monthly` says that a table evaluated for each
/// month reads it.
#[must_use]
pub fn buckets(run: &[Period], windows: &[Window], monthly: bool, history_start: Date, as_of: Date) -> Vec<Date> {
    let mut days: BTreeSet<Date> = BTreeSet::new();
    for period in run {
        days.extend([period.start, period.end, period.cutoff]);
        let starts = windows.iter().map(|window| period.window_start(*window));
        // A window of an open period begins a day later every night. Where its whole month is split by the day, what was
        // kept of that month's files serves the next night too.
        let moving = starts.clone().filter(|_| period.partial).flat_map(month_of);
        days.extend(starts.chain(moving));
    }
    if monthly {
        days.extend(periods(Grain::Month, history_start, as_of, None, 1).iter().flat_map(|p| [p.start, p.cutoff]));
    }
    days.into_iter().collect()
}

/// The days of the month that a day lies in.
fn month_of(day: Date) -> impl Iterator<Item = Date> {
    day.first_of_month().series(1.day()).take(day.days_in_month().unsigned_abs().into())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_period_or_window_begins_or_ends_inside_a_bucket(offset in 0_i64..700, days in 1_u16..400) {
            let as_of = date(2026, 11, 22).saturating_sub(offset.days());
            let run: Vec<Period> = [Grain::Week, Grain::Month, Grain::Quarter]
                .into_iter()
                .flat_map(|grain| periods(grain, date(2025, 1, 1), as_of, None, 1))
                .collect();
            let window = Window::Days(days);
            let starts = buckets(&run, &[window], false, date(2025, 1, 1), as_of);
            for period in &run {
                for edge in [period.start, period.cutoff, period.window_start(window)] {
                    prop_assert!(starts.binary_search(&edge).is_ok());
                }
            }
        }

        #[test]
        fn windows_of_the_next_night_begin_at_buckets_too(offset in 0_i64..700, length in 1_u16..400) {
            let as_of = date(2026, 11, 22).saturating_sub(offset.days());
            let window = Window::Days(length);
            let run = |as_of: Date| periods(Grain::Month, date(2025, 1, 1), as_of, None, 1);
            let starts = buckets(&run(as_of), &[window], false, date(2025, 1, 1), as_of);
            let begins = |as_of: Date| run(as_of).last().map(|period| period.window_start(window));
            let (tonight, tomorrow) = (begins(as_of), begins(as_of.saturating_add(1.day())));
            let month = |day: Option<Date>| day.map(Date::first_of_month);
            prop_assume!(run(as_of).last().is_some_and(|period| period.partial));
            prop_assume!(month(tonight) == month(tomorrow));
            prop_assert!(tomorrow.is_some_and(|day| starts.binary_search(&day).is_ok()));
        }
    }
}
