//! What changed, and why: cells before, on the way and after, laid side by side.

use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::model::Grain;
use jiff::civil::Date;
use serde::Serialize;

use crate::cell::{Cells, Cut, Figure, Key};
use crate::exact;

/// Why a figure changed, in the order in which the parts of a change are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Rows of days up to BEFORE's day that came late, were corrected or removed since it was published.
    Corrected,
    /// Rows of the days after BEFORE's day up to AFTER's, and what these days make of others: open periods that go on.
    NewData,
    /// Members of the entity whose dimensions cut the cube that moved between cuts, joined or left.
    Members,
    /// Definitions, settings and variables.
    Definitions,
    /// Rows that were corrected since AFTER was published: AFTER does not show them yet.
    Since,
}

impl Cause {
    /// All, in their order.
    pub const ALL: [Self; 5] = [Self::Corrected, Self::NewData, Self::Members, Self::Definitions, Self::Since];
}

/// A step on the way from BEFORE to AFTER.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What differs in it.
    pub cause: Cause,
    /// The cells after it.
    pub cells: &'a Cells,
}

/// A changed cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Which one.
    pub key: Key,
    /// Its value in BEFORE; none where the cell was not there or had no value.
    pub before: Option<f64>,
    /// Its value in AFTER.
    pub after: Option<f64>,
    /// AFTER less BEFORE, where no value counts as 0: exactly the sum of the parts.
    pub change: f64,
    /// The parts of the change that are not 0.
    pub parts: BTreeMap<Cause, f64>,
    /// How much the change is of what the KPI shows in that period: 1 is as much as the grand total. That of a ratio counts
    /// by the cell's share of the denominator. 0 in periods that only one side has.
    pub weight: f64,
}

/// A period of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PeriodKey {
    /// Its grain.
    pub grain: Grain,
    /// Its first day.
    pub start: Date,
}

/// How many cells changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Cells of either side with a value.
    pub compared: usize,
    /// Cells with a value on both sides, and another one.
    pub changed: usize,
    /// Cells that only AFTER has a value for.
    pub new: usize,
    /// Cells that only BEFORE has a value for.
    pub gone: usize,
    /// Of all of these, those with a part of this cause.
    pub by_cause: BTreeMap<Cause, usize>,
}

/// What changed of a KPI.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KpiSummary {
    /// The KPI.
    pub kpi: String,
    /// Its cells.
    pub cells: Tally,
    /// The grand total that changed most, else the newest one, of the periods that both sides have.
    pub total: Option<Total>,
    /// The greatest weight of a changed cell.
    pub weight: f64,
}

/// A grand total of a KPI.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Total {
    /// Its period.
    #[serde(flatten)]
    pub period: PeriodKey,
    /// Its value in BEFORE.
    pub before: Option<f64>,
    /// Its value in AFTER.
    pub after: Option<f64>,
}

/// Everything that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// In all.
    pub tally: Tally,
    /// Periods that only BEFORE has.
    pub periods_gone: Vec<PeriodKey>,
    /// Periods that only AFTER has.
    pub periods_new: Vec<PeriodKey>,
    /// KPIs with a changed cell, the greatest weight first.
    pub kpis: Vec<KpiSummary>,
    /// Changed cells, the greatest weight first.
    pub cells: Vec<Cell>,
}

/// Compares the cells of BEFORE with those after the last step. Changes smaller than `at_least` are left out.
#[must_use]
pub fn compare(before: &Cells, steps: &[Step<'_>], at_least: f64) -> Comparison {
    let after = steps.last().map_or(before, |step| step.cells);
    let (old, new) = (periods(before), periods(after));
    let totals = Totals { before, after };
    let mut keys: BTreeSet<&Key> = before.keys().collect();
    keys.extend(after.keys());
    let mut tally = Tally::default();
    let mut kpis: BTreeMap<&str, KpiSummary> = BTreeMap::new();
    let mut cells = Vec::new();
    for key in keys {
        let (first, last) = (figure(before, key), figure(after, key));
        if first.value.is_none() && last.value.is_none() {
            continue;
        }
        let kpi = kpis.entry(&key.kpi).or_insert_with(|| KpiSummary {
            kpi: key.kpi.to_string(),
            cells: Tally::default(),
            total: None,
            weight: 0.0,
        });
        tally.compared += 1;
        kpi.cells.compared += 1;
        let period = PeriodKey { grain: key.grain, start: key.start };
        let shared = old.contains(&period) && new.contains(&period);
        let weight = if shared { totals.weight(key, first, last) } else { 0.0 };
        if key.cut.is_total() && shared {
            kpi.total = Some(greater(kpi.total, Total { period, before: first.value, after: last.value }));
        }
        let cell = cell(key, first, last, steps, weight);
        let Some(cell) = cell.filter(|cell| cell.change.abs() >= at_least) else { continue };
        for tally in [&mut tally, &mut kpi.cells] {
            tally.count(&cell);
        }
        kpi.weight = kpi.weight.max(cell.weight);
        cells.push(cell);
    }
    cells.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.key.cmp(&b.key)));
    let mut kpis: Vec<KpiSummary> = kpis.into_values().filter(|kpi| kpi.cells.all() > 0).collect();
    kpis.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.kpi.cmp(&b.kpi)));
    Comparison {
        tally,
        periods_gone: old.difference(&new).copied().collect(),
        periods_new: new.difference(&old).copied().collect(),
        kpis,
        cells,
    }
}

impl Tally {
    /// Cells that are not as they were.
    #[must_use]
    pub fn all(&self) -> usize {
        self.changed + self.new + self.gone
    }

    fn count(&mut self, cell: &Cell) {
        match (cell.before, cell.after) {
            (None, _) => self.new += 1,
            (_, None) => self.gone += 1,
            _ => self.changed += 1,
        }
        for cause in cell.parts.keys() {
            *self.by_cause.entry(*cause).or_default() += 1;
        }
    }
}

/// A cell that is not as it was. One that shows 0 where it showed nothing has a change of 0.
fn cell(key: &Key, first: Figure, last: Figure, steps: &[Step<'_>], weight: f64) -> Option<Cell> {
    let mut values = vec![first.value.unwrap_or_default()];
    values.extend(steps.iter().map(|step| figure(step.cells, key).value.unwrap_or_default()));
    let steps_of = exact::steps(&values);
    let change = steps_of.iter().sum();
    // Where both have a value, what is left of less than the last digits is no change.
    if first.value.is_some() == last.value.is_some() && change == 0.0 {
        return None;
    }
    let mut parts: BTreeMap<Cause, f64> = BTreeMap::new();
    for (step, part) in steps.iter().zip(&steps_of) {
        *parts.entry(step.cause).or_default() += part;
    }
    parts.retain(|_, part| *part != 0.0);
    Some(Cell { key: key.clone(), before: first.value, after: last.value, change, parts, weight })
}

fn figure(cells: &Cells, key: &Key) -> Figure {
    cells.get(key).copied().unwrap_or_default()
}

fn periods(cells: &Cells) -> BTreeSet<PeriodKey> {
    cells.keys().map(|key| PeriodKey { grain: key.grain, start: key.start }).collect()
}

/// Of two grand totals the one that changed more for its size, else the later one.
fn greater(known: Option<Total>, other: Total) -> Total {
    let rank = |total: &Total| {
        let (before, after) = (total.before.unwrap_or_default(), total.after.unwrap_or_default());
        let scale = before.abs().max(after.abs());
        if scale > 0.0 { (after - before).abs() / scale } else { 0.0 }
    };
    match known {
        Some(known) if rank(&known) > rank(&other) => known,
        _ => other,
    }
}

/// The grand totals that changes are measured by.
struct Totals<'a> {
    before: &'a Cells,
    after: &'a Cells,
}

impl Totals<'_> {
    fn weight(&self, key: &Key, first: Figure, last: Figure) -> f64 {
        let total = Key { cut: std::sync::Arc::new(Cut::default()), ..key.clone() };
        let (before, after) = (figure(self.before, &total), figure(self.after, &total));
        let largest = |a: Option<f64>, b: Option<f64>| a.unwrap_or_default().abs().max(b.unwrap_or_default().abs());
        let change = (last.value.unwrap_or_default() - first.value.unwrap_or_default()).abs();
        let scale = largest(before.value, after.value);
        // A KPI whose total has no value, such as a local one, is measured by the cell itself.
        let scale = if scale > 0.0 { scale } else { largest(first.value, last.value) };
        let whole = largest(before.denominator, after.denominator);
        let share = if whole > 0.0 { largest(first.denominator, last.denominator) / whole } else { 1.0 };
        if scale > 0.0 { change / scale * share.min(1.0) } else { 0.0 }
    }
}
