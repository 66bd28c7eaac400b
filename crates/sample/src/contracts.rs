//! Contracts: the terms a customer signs one after the other, and how each of them ended.

use crate::calendar::{Day, business_time, date_of, midnight};
use crate::deals::{Kind, Teller, opportunity_id};
use crate::fx::cents;
use crate::schema::CONTRACTS;
use crate::world::World;
use crate::write::{FilePlan, dates, flags, names, numbers, texts};

/// One term. Its end, and what follows, may lie beyond the window.
#[derive(Debug)]
pub(crate) struct Contract {
    pub(crate) account: u32,
    /// The deal it was signed with: an index into the book's opportunities.
    pub(crate) opportunity: Option<usize>,
    pub(crate) start_on: Day,
    pub(crate) end_on: Day,
    pub(crate) arr: f64,
    outcome: &'static str,
    at_risk: bool,
    renewed_arr: f64,
}

/// Annual value in EUR from which a contract usually renews under a frame agreement.
const LARGE: f64 = 120e3;

impl Teller<'_> {
    /// Term after term from a first one, until the customer leaves or the window ends. The day it left, if it did.
    pub(crate) fn terms(&mut self, start_on: Day, years: f64, arr: f64, deal: Option<usize>) -> Option<Day> {
        let (mut start_on, mut arr, mut opportunity) = (start_on, arr, deal);
        let mut days = (years * 365.0) as Day;
        while start_on <= self.window.last() {
            let end_on = start_on + days;
            let (outcome, factor) = self.outcome();
            let renewed_arr = cents(arr * factor);
            let risk = match outcome {
                "churned" => 0.6,
                "contracted" => 0.45,
                _ => 0.1,
            };
            let at_risk = self.rng.chance(risk);
            let account = self.index;
            self.book.contracts.push(Contract {
                account,
                opportunity,
                start_on,
                end_on,
                arr,
                outcome,
                at_risk,
                renewed_arr,
            });
            opportunity = self.renewal(end_on, if factor > 0.0 { renewed_arr } else { arr }, factor > 0.0);
            if factor == 0.0 {
                return Some(end_on);
            }
            (start_on, arr) = (end_on, renewed_arr);
            days = self.rng.weighted(&[(365, 0.6), (730, 0.28), (1095, 0.12)]);
        }
        None
    }

    /// How a term ends, and by what factor its annual value changes.
    fn outcome(&mut self) -> (&'static str, f64) {
        let churn = if self.account.abm { 0.075 } else { 0.15 };
        let rng = &mut self.rng;
        if rng.chance(churn) {
            return ("churned", 0.0);
        }
        match rng.unit() {
            u if u < 0.3 => ("expanded", rng.between(1.12, 1.45)),
            u if u < 0.4 => ("contracted", rng.between(0.65, 0.92)),
            _ => ("renewed", 1.02),
        }
    }

    /// Some renewals are worked as deals of their own; most, and nearly all large ones, go through without one.
    fn renewal(&mut self, end_on: Day, arr: f64, stays: bool) -> Option<usize> {
        let opened = end_on - self.rng.int(70, 95);
        let eur = arr * self.fx.rate(self.account.currency, opened);
        let worked = if eur < LARGE { 0.18 } else { 0.03 };
        if opened < self.window.first() - 330 || !self.rng.chance(worked) {
            return None;
        }
        let created_at = business_time(&mut self.rng, opened);
        let deal = self.deal(Kind::Renewal, created_at, eur, if stays { 1.0 } else { 0.0 })?;
        deal.won.then_some(deal.index)
    }
}

pub(crate) fn files(world: &World) -> impl Iterator<Item = FilePlan<'_>> {
    world
        .snapshot_days()
        .into_iter()
        .map(move |day| FilePlan::whole(&CONTRACTS, format!("dt={}", date_of(day)), move || snapshot(world, day)))
}

/// The contracts that had begun by the day; outcomes are known from the day a term ends.
fn snapshot(world: &World, day: Day) -> Vec<arrow::array::ArrayRef> {
    let known: Vec<(usize, &Contract)> =
        world.book.contracts.iter().enumerate().filter(|(_, c)| c.start_on <= day).collect();
    let rows = || known.iter().map(|(_, contract)| *contract);
    let ended = |c: &Contract| c.end_on <= day;
    // A renewal can be signed after its term began: until then there is no won deal to point to.
    let signed = |&deal: &usize| world.book.opportunities[deal].closed_at < midnight(day + 1);
    let years = |c: &Contract| f64::from(c.end_on - c.start_on) / 365.0;
    vec![
        names(known.iter().map(|(index, _)| format!("CTR{:06}", index + 1))),
        names(rows().map(|c| &world.account_ids[c.account as usize])),
        texts(rows().map(|c| c.opportunity.filter(signed).map(opportunity_id))),
        dates(rows().map(|c| c.start_on)),
        dates(rows().map(|c| c.end_on)),
        numbers(rows().map(|c| cents(c.arr * years(c)))),
        numbers(rows().map(|c| c.arr)),
        names(rows().map(|c| world.accounts[c.account as usize].currency)),
        texts(rows().map(|c| ended(c).then_some(c.outcome))),
        flags(rows().map(|c| c.at_risk)),
        numbers(rows().map(|c| ended(c).then_some(c.renewed_arr))),
    ]
}
