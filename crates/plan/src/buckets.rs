//! Buckets: the coarsest split of time that still tells every period and window of a run apart.
//!
//! A rollup that groups by `bucket(t)` instead of by the day keeps only as many rows as the run needs, and stays
//! exact: no period and no window begins or ends inside a bucket.

use std::collections::BTreeSet;

use abmart_spec::model::{Grain, Window};
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
        days.extend(windows.iter().map(|window| period.window_start(*window)));
    }
    if monthly {
        days.extend(periods(Grain::Month, history_start, as_of, None, 1).iter().flat_map(|p| [p.start, p.cutoff]));
    }
    days.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
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
    }
}
