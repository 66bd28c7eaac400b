//! Weekly health scores of customers: slow waves, noise, and a decline before they leave.

use crate::calendar::{Day, Month, weekday};
use crate::fx::round;
use crate::rng::{Rng, Stream};
use crate::schema::ACCOUNT_HEALTH;
use crate::world::World;
use crate::write::{FilePlan, dates, names, numbers};

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    world
        .window
        .months
        .iter()
        .map(|month| {
            FilePlan::whole(&ACCOUNT_HEALTH, format!("ym={}", month.label), move || {
                let rows = scores(world, month);
                vec![
                    names(rows.iter().map(|row| &world.account_ids[row.1])),
                    dates(rows.iter().map(|row| row.0)),
                    numbers(rows.iter().map(|row| row.2)),
                ]
            })
        })
        .collect()
}

/// Each customer is scored on its own working day of the week.
fn scores(world: &World, month: &Month) -> Vec<(Day, usize, f64)> {
    let mut rows = Vec::new();
    for day in month.first..=month.last {
        for (index, account) in world.accounts.iter().enumerate() {
            let customer = account.customer_since.is_some_and(|since| since <= day)
                && account.churned_on.is_none_or(|left| day < left);
            if customer && weekday(day) == (index % 5) as i32 {
                rows.push((day, index, score(world, index, day)));
            }
        }
    }
    rows
}

fn score(world: &World, index: usize, day: Day) -> f64 {
    let account = &world.accounts[index];
    let mut constant = Rng::new(world.seed, Stream::Health, index, 0);
    let level = if account.abm { 74.0 } else { 67.0 } + 9.0 * constant.normal();
    let phase = std::f64::consts::TAU * (f64::from(day) / constant.between(140.0, 260.0) + constant.unit());
    let noise = 2.5 * Rng::new(world.seed, Stream::Health, index, day as usize).normal();
    let decline = match account.churned_on {
        Some(left) if left - day < 150 => 34.0 * (1.0 - f64::from(left - day) / 150.0),
        _ => 0.0,
    };
    round((level + 6.0 * phase.sin() + noise - decline).clamp(3.0, 99.0), 10.0)
}
