//! Touchpoints: an exact number of rows, spread over days and accounts, made and written chunk by chunk.
//!
//! Every day gets its rows by how busy it is; a day too big for one chunk is cut into slots of equal size by
//! time of day. A slot draws from a random stream of its own and comes out sorted, so slots one after the other make
//! a sorted file, and files can be made in any order.

mod sessions;

use arrow::array::{ArrayRef, StringBuilder};

use crate::calendar::{Day, MICROS_PER_SECOND, Month, busyness, midnight};
use crate::contacts::contact_id;
use crate::rng::{Alias, Rng, Stream};
use crate::schema::TOUCHPOINTS;
use crate::world::World;
use crate::write::{FilePlan, Fill, flags, instants, names, numbers};
use sessions::{NOBODY, Touch, sessions};

/// A share of a day: rows that are generated together.
#[derive(Clone, Copy, Debug)]
struct Slot {
    day: Day,
    /// Which of the day's slots, and how many the day has.
    index: usize,
    of: usize,
    rows: usize,
    /// Number of the first row in the whole table.
    first: u64,
    late: bool,
}

/// One row in so many of the late month arrives in a file of its own.
const LATE_ONE_IN: u64 = 50;
/// Rows added over the window, as a share of the first month's.
const GROWTH: f64 = 0.3;

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let (chunk, part) = (u64::from(world.options.chunk_rows), u64::from(world.options.file_rows));
    let rows = rows_per_day(world);
    let mut next = 0_u64;
    let mut plans = Vec::new();
    for month in &world.window.months {
        let days = &rows[(month.first - world.window.first()) as usize..][..(month.last - month.first + 1) as usize];
        let total: u64 = days.iter().sum();
        let late = late_rows(world, month, days);
        let on_time: Vec<u64> = days.iter().zip(&late).map(|(all, late)| all - late).collect();
        let parts = (total - late.iter().sum::<u64>()).div_ceil(part).max(1);
        let slots = slots(month, &on_time, chunk, &mut next, false);
        for (index, slots) in split(slots, parts).into_iter().enumerate() {
            plans.push(plan(world, month, format!("part-{index}.parquet"), slots));
        }
        let slots = self::slots(month, &late, chunk, &mut next, true);
        if !slots.is_empty() {
            plans.push(plan(world, month, "late-0.parquet".to_owned(), slots));
        }
    }
    plans
}

fn plan<'w>(world: &'w World, month: &'w Month, name: String, slots: Vec<Slot>) -> FilePlan<'w> {
    let fill: Fill<'w> = Box::new(move |rows| {
        if slots.is_empty() {
            return Ok(());
        }
        let accounts = Alias::new(&attention(world, month));
        for slot in &slots {
            rows.push(columns(world, slot, &fill_slot(world, &accounts, slot)))?;
        }
        Ok(())
    });
    FilePlan { table: &TOUCHPOINTS, partition: format!("ym={}", month.label), name, fill }
}

/// The exact number of rows of every day of the window.
fn rows_per_day(world: &World) -> Vec<u64> {
    let span = f64::from(world.window.last() - world.window.first() + 1);
    let weight = |offset: i32| busyness(world.window.first() + offset) * (1.0 + GROWTH * f64::from(offset) / span);
    let weights: Vec<f64> = (0..span as i32).map(weight).collect();
    apportion(world.options.touchpoints, &weights)
}

/// Splits a total in proportion to weights; the parts add up exactly.
fn apportion(total: u64, weights: &[f64]) -> Vec<u64> {
    let whole: f64 = weights.iter().sum();
    let (mut sum, mut given) = (0.0, 0);
    let mut parts = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        sum += weight;
        let due = if index + 1 == weights.len() { total } else { (total as f64 * sum / whole) as u64 };
        parts.push(due.saturating_sub(given));
        given = given.max(due);
    }
    parts
}

/// Rows per day that arrive in the late file: of one recent whole month, and none of the others.
fn late_rows(world: &World, month: &Month, days: &[u64]) -> Vec<u64> {
    if month.index != world.window.months.len().saturating_sub(3) {
        return vec![0; days.len()];
    }
    let total: u64 = days.iter().sum();
    let weights: Vec<f64> = days.iter().map(|&rows| rows as f64).collect();
    if total < 2 {
        return vec![0; days.len()];
    }
    let mut late = apportion((total / LATE_ONE_IN).max(1), &weights);
    for (late, &all) in late.iter_mut().zip(days) {
        *late = (*late).min(all);
    }
    late
}

/// Cuts the days of a month into slots of at most `chunk` rows and numbers their rows.
fn slots(month: &Month, days: &[u64], chunk: u64, next: &mut u64, late: bool) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (offset, &rows) in days.iter().enumerate() {
        let of = rows.div_ceil(chunk);
        for index in 0..of {
            let count = rows * (index + 1) / of - rows * index / of;
            let day = month.first + offset as Day;
            slots.push(Slot { day, index: index as usize, of: of as usize, rows: count as usize, first: *next, late });
            *next += count;
        }
    }
    slots
}

/// Cuts a month's slots into parts of about the same number of rows.
fn split(slots: Vec<Slot>, parts: u64) -> Vec<Vec<Slot>> {
    let total: u64 = slots.iter().map(|slot| slot.rows as u64).sum();
    let mut out: Vec<Vec<Slot>> = (0..parts).map(|_| Vec::new()).collect();
    let mut before = 0;
    for slot in slots {
        out[(before * parts / total.max(1)) as usize].push(slot);
        before += slot.rows as u64;
    }
    out
}

/// How much of a month's activity each account draws. Accounts being won are busier, many others pause.
fn attention(world: &World, month: &Month) -> Vec<f64> {
    let mut courted = vec![false; world.accounts.len()];
    for &(account, from, to) in &world.book.courted {
        if from <= month.last && to >= month.first {
            courted[account as usize] = true;
        }
    }
    let mut weights: Vec<f64> = world
        .accounts
        .iter()
        .zip(&courted)
        .enumerate()
        .map(|(index, (account, &courted))| {
            let mut rng = Rng::new(world.seed, Stream::Dormancy, index, month.index);
            let awake = courted || account.intensity > 8.0 || rng.chance(if account.abm { 0.8 } else { 0.6 });
            let boost = if courted { 2.2 } else { 1.0 };
            if awake { account.intensity * boost } else { 0.0 }
        })
        .collect();
    if weights.iter().all(|&weight| weight <= 0.0) {
        weights.fill(1.0);
    }
    weights
}

/// Sessions until the slot has its rows, sorted by time.
fn fill_slot(world: &World, accounts: &Alias, slot: &Slot) -> Vec<Touch> {
    let counter = slot.index * 2 + usize::from(slot.late);
    let mut rng = Rng::new(world.seed, Stream::Touches, slot.day as usize, counter);
    let (from, to) = (slot.index as f64 / slot.of as f64, (slot.index + 1) as f64 / slot.of as f64);
    let ends = if slot.index + 1 == slot.of { SECONDS_PER_DAY } else { time_of_day(to) };
    let mut touches = Vec::with_capacity(slot.rows + 16);
    while touches.len() < slot.rows {
        let account = accounts.draw(&mut rng) as u32;
        let begins = time_of_day(rng.between(from, to));
        sessions(world, &mut rng, account, slot.day, begins, &mut touches);
    }
    touches.truncate(slot.rows);
    // What a session did last may lie past the slot's end: it is drawn back into it.
    for touch in &mut touches {
        touch.second = touch.second.min(ends - 1);
    }
    touches.sort_by_key(|touch| touch.second);
    touches
}

const SECONDS_PER_DAY: u32 = 86_400;

/// The second of the day by which a share of the day's activity is over.
fn time_of_day(share: f64) -> u32 {
    const HOURS: [f64; 24] = [
        0.4, 0.3, 0.3, 0.3, 0.5, 1.0, 2.0, 4.0, 7.0, 9.0, 9.5, 8.5, 6.5, 8.0, 9.0, 8.5, 7.5, 5.5, 3.5, 2.5, 2.0, 1.6,
        1.2, 0.8,
    ];
    let total: f64 = HOURS.iter().sum();
    let mut left = share.clamp(0.0, 1.0) * total;
    for (hour, weight) in HOURS.iter().enumerate() {
        if left < *weight {
            return hour as u32 * 3600 + (left / weight * 3600.0) as u32;
        }
        left -= weight;
    }
    SECONDS_PER_DAY - 1
}

fn columns(world: &World, slot: &Slot, touches: &[Touch]) -> Vec<ArrayRef> {
    let base = midnight(slot.day);
    let each = || touches.iter();
    vec![
        ids(touches.len(), 10, (0..touches.len()).map(|i| Some(touch_id(slot.first + i as u64)))),
        names(each().map(|t| &world.account_ids[t.account as usize])),
        ids(touches.len(), 8, each().map(|t| (t.contact != NOBODY).then(|| contact_id(t.contact)))),
        instants(each().map(|t| base + i64::from(t.second) * MICROS_PER_SECOND)),
        names(each().map(|t| t.channel)),
        names(each().map(|t| t.kind.name())),
        names(each().map(|t| if t.inbound { "inbound" } else { "outbound" })),
        crate::write::texts(each().map(|t| t.campaign.map(|c| &world.campaigns.all[c as usize].id))),
        crate::write::texts(each().map(|t| t.content.map(|c| world.campaigns.content_id(c)))),
        numbers(each().map(|t| t.duration.map(f64::from))),
        numbers(each().map(|t| t.consumed.map(|percent| f64::from(percent) / 100.0))),
        flags(each().map(|t| t.requested)),
    ]
}

fn ids(count: usize, width: usize, values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(count, count * width);
    builder.extend(values);
    std::sync::Arc::new(builder.finish())
}

fn touch_id(number: u64) -> String {
    format!("T{:09}", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apportioned_rows_add_up() {
        for total in [0, 1, 7, 1000, 99_999] {
            let parts = apportion(total, &[0.3, 0.0, 2.0, 1.1, 0.7]);
            assert_eq!(parts.iter().sum::<u64>(), total);
            assert_eq!(parts[1], 0);
        }
    }

    #[test]
    fn the_day_runs_from_midnight_to_midnight() {
        assert_eq!(time_of_day(0.0), 0);
        assert_eq!(time_of_day(1.0), SECONDS_PER_DAY - 1);
        let noon = time_of_day(0.5);
        assert!((10 * 3600..15 * 3600).contains(&noon));
    }
}
