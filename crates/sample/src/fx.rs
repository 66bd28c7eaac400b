//! Daily exchange rates to the reporting currency (EUR), from three years before the first month.

use crate::calendar::{Day, Window, date_of};
use crate::rng::{Rng, Stream};
use crate::schema::FX_RATES;
use crate::world::World;
use crate::write::{FilePlan, dates, names, numbers};

/// Rates of every currency for every day that money of the lake carries.
#[derive(Debug)]
pub(crate) struct FxRates {
    first: Day,
    /// Per currency of [`CURRENCIES`], one rate per day.
    rates: Vec<Vec<f64>>,
}

/// Days after the lake's last day that rates are fixed for.
const DAYS_AHEAD: Day = 60;
/// Days before the first month that rates reach back: the oldest running contract began then.
const DAYS_BACK: Day = 3 * 366;

/// Currency and its long-run rate to EUR.
const CURRENCIES: [(&str, f64); 4] = [("EUR", 1.0), ("USD", 0.92), ("GBP", 1.16), ("JPY", 0.0062)];

impl FxRates {
    pub(crate) fn new(seed: u64, window: &Window) -> Self {
        let first = window.first() - DAYS_BACK;
        let days = (window.last() + DAYS_AHEAD - first + 1) as usize;
        let rates = CURRENCIES
            .iter()
            .enumerate()
            .map(|(index, &(currency, base))| {
                let mut rng = Rng::new(seed, Stream::Fx, index, 0);
                let mut drift = 0.0_f64;
                (0..days)
                    .map(|_| {
                        if currency == "EUR" {
                            return 1.0;
                        }
                        drift += 0.0035 * rng.normal() - 0.008 * drift;
                        round(base * drift.exp(), 1e7)
                    })
                    .collect()
            })
            .collect();
        Self { first, rates }
    }

    /// EUR to an amount in the currency, rounded to cents, at the day's rate.
    pub(crate) fn local(&self, eur: f64, currency: &str, day: Day) -> f64 {
        cents(eur / self.rate(currency, day))
    }

    /// The rate by which an amount of that day becomes EUR.
    pub(crate) fn rate(&self, currency: &str, day: Day) -> f64 {
        let index = CURRENCIES.iter().position(|(name, _)| *name == currency).unwrap_or(0);
        let rates = &self.rates[index];
        let offset = (day - self.first).clamp(0, rates.len() as Day - 1);
        rates[offset as usize]
    }
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let fx = &world.fx;
    world
        .snapshot_days()
        .into_iter()
        .map(|day| {
            FilePlan::whole(&FX_RATES, format!("dt={}", date_of(day)), move || {
                let days = || fx.first..=day + DAYS_AHEAD;
                let each = || (0..CURRENCIES.len()).flat_map(|c| days().map(move |d| (c, d)));
                vec![
                    dates(each().map(|(_, d)| d)),
                    names(each().map(|(c, _)| CURRENCIES[c].0)),
                    numbers(each().map(|(c, d)| fx.rate(CURRENCIES[c].0, d))),
                ]
            })
        })
        .collect()
}

pub(crate) fn cents(amount: f64) -> f64 {
    round(amount, 100.0)
}

pub(crate) fn round(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}
