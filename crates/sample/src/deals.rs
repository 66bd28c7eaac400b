//! Opportunities: how deals are opened, climb their stages and close. The programme's accounts close larger deals,
//! faster and more often: the effect that the KPIs are there to show.

use crate::accounts::Account;
use crate::calendar::{
    Day, Instant, MICROS_PER_DAY, MICROS_PER_HOUR, Window, business_time, date_of, day_of_instant, midnight, of_month,
};
use crate::contracts::{self, Contract};
use crate::funnel::{self, StageEntry};
use crate::fx::{FxRates, cents, round};
use crate::owners::Owners;
use crate::rng::{Rng, Stream};
use crate::schema::{OPPORTUNITIES, OPPORTUNITY_STAGES};
use crate::world::World;
use crate::write::{FilePlan, dates, flags, instants, names, numbers};

/// Everything commercial that happens to the accounts, what lies beyond the window included.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// In the order of their creation.
    pub(crate) opportunities: Vec<Opportunity>,
    /// In the order of the accounts.
    pub(crate) contracts: Vec<Contract>,
    /// In the order of entry.
    pub(crate) stages: Vec<StageEntry>,
    /// Spans of days in which an account was being won: it touches more in them.
    pub(crate) courted: Vec<(u32, Day, Day)>,
}

#[derive(Debug)]
pub(crate) struct Opportunity {
    pub(crate) account: u32,
    owner: u32,
    kind: Kind,
    origin: &'static str,
    marketing_sourced: bool,
    amount: f64,
    tcv: f64,
    created_at: Instant,
    /// When each stage of [`LADDER`] was entered, as far as the deal got.
    entered: Vec<Instant>,
    pub(crate) closed_at: Instant,
    won: bool,
    expected_close_on: Option<Day>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    New,
    Expansion,
    Renewal,
}

/// How a deal went: what the account's story needs to go on.
pub(crate) struct Outcome {
    pub(crate) index: usize,
    pub(crate) won: bool,
    pub(crate) closed_at: Instant,
    pub(crate) amount: f64,
    pub(crate) years: f64,
}

/// The stages of an open deal, each with its probability of being won.
const LADDER: [(&str, f64); 5] =
    [("discovery", 0.1), ("qualification", 0.25), ("solution", 0.4), ("proposal", 0.6), ("negotiation", 0.8)];
/// When the stages are entered, as shares of the cycle.
const PACE: [f64; 5] = [0.0, 0.13, 0.34, 0.56, 0.8];
const QUALIFICATION: usize = 1;
const PROPOSAL: usize = 3;

/// Tells one account's commercial story into the book.
pub(crate) struct Teller<'a> {
    pub(crate) rng: Rng,
    pub(crate) index: u32,
    pub(crate) account: &'a Account,
    pub(crate) window: &'a Window,
    pub(crate) fx: &'a FxRates,
    owners: &'a Owners,
    pub(crate) book: &'a mut Book,
}

/// Plays every account's story and notes since when, and until when, it is a customer.
pub(crate) fn simulate(seed: u64, accounts: &mut [Account], window: &Window, owners: &Owners, fx: &FxRates) -> Book {
    let mut book = Book::default();
    for (index, account) in accounts.iter_mut().enumerate() {
        if account.intensity <= 0.0 {
            continue;
        }
        let mut teller = Teller {
            rng: Rng::new(seed, Stream::Deals, index, 0),
            index: index as u32,
            account,
            window,
            fx,
            owners,
            book: &mut book,
        };
        let (since, churned) = funnel::story(&mut teller);
        account.customer_since = since;
        account.churned_on = churned;
    }
    book.stages.sort_by_key(|entry| (entry.entered_at, entry.account));
    book.number_by_creation();
    book
}

impl Teller<'_> {
    /// Plays a deal. One that would open after the lake's last day leaves no trace.
    pub(crate) fn deal(&mut self, kind: Kind, created_at: Instant, eur: f64, win: f64) -> Option<Outcome> {
        if created_at >= self.window.end() {
            return None;
        }
        let (account, rng) = (self.account, &mut self.rng);
        let won = rng.chance(win);
        let kind_pace = match kind {
            Kind::New => 1.0,
            Kind::Expansion => 0.92,
            Kind::Renewal => 0.8,
        };
        let usual = if account.abm { 56.0 } else { 86.0 } * kind_pace;
        let drive = if won { 1.0 } else { rng.between(0.4, 1.15) };
        let cycle = (rng.lognormal(usual, 0.36) * drive).max(6.0);
        let closed_at = later(rng, created_at, cycle);
        let got = if won { LADDER.len() } else { 1 + rng.below(LADDER.len()) };
        let span = (closed_at - created_at) as f64;
        let stretch = if won { 1.0 } else { PACE[got - 1] + 0.2 };
        let entered =
            (0..got).map(|stage| created_at + (span * PACE[stage] / stretch) as i64 / SECOND * SECOND).collect();
        let amount = self.fx.local(eur, account.currency, day_of_instant(created_at));
        let years = rng.weighted(&[(1.0, 0.5), (2.0, 0.3), (3.0, 0.2)]);
        let tcv = cents(amount * years * rng.between(1.02, 1.18));
        let origin = origin(rng, account.abm, kind);
        let forecast = if account.abm { 1.14 } else { 0.98 } * rng.lognormal(1.0, 0.2);
        let expected = day_of_instant(created_at) + (usual * forecast) as Day;
        let owner = if rng.chance(0.88) { account.owner } else { self.owners.executive(rng, account.region) };
        self.book.courted.push((self.index, day_of_instant(created_at) - 50, day_of_instant(closed_at)));
        self.book.opportunities.push(Opportunity {
            account: self.index,
            owner,
            kind,
            origin,
            marketing_sourced: rng.chance(sourced(origin)),
            amount,
            tcv,
            created_at,
            entered,
            closed_at,
            won,
            expected_close_on: rng.chance(0.95).then_some(expected),
        });
        let index = self.book.opportunities.len() - 1;
        Some(Outcome { index, won, closed_at, amount, years })
    }

    /// The annual value in EUR that a deal of this account usually has.
    pub(crate) fn deal_size(&mut self) -> f64 {
        let program = if self.account.abm { 42e3 } else { 20.5e3 };
        round(self.rng.lognormal(program, 0.5) * self.account.size.factor(), 0.01)
    }

    /// How likely this account is to sign a deal it is offered.
    pub(crate) fn win_chance(&self) -> f64 {
        let program = if self.account.abm { 0.43 } else { 0.29 };
        program + if self.account.intensity > 2.0 { 0.08 } else { -0.02 }
    }
}

impl Book {
    /// Contracts of the same account lie together; those of one account in the order of their start.
    pub(crate) fn contracts_of(&self, account: u32) -> &[Contract] {
        let from = self.contracts.partition_point(|c| c.account < account);
        let to = self.contracts.partition_point(|c| c.account <= account);
        &self.contracts[from..to]
    }

    /// Won amounts in EUR, by the day of the signature, over the window.
    pub(crate) fn bookings(&self, world: &World) -> f64 {
        let won = self.opportunities.iter().filter(|o| o.won && o.closed_at < world.window.end());
        won.filter(|o| o.closed_at >= midnight(world.window.first()))
            .map(|o| {
                let currency = world.accounts[o.account as usize].currency;
                o.amount * world.fx.rate(currency, day_of_instant(o.closed_at))
            })
            .sum()
    }

    /// Identifiers follow the order of creation, as a CRM's would.
    fn number_by_creation(&mut self) {
        let mut order: Vec<usize> = (0..self.opportunities.len()).collect();
        order.sort_by_key(|&i| (self.opportunities[i].created_at, i));
        let mut number = vec![0; order.len()];
        for (place, &old) in order.iter().enumerate() {
            number[old] = place;
        }
        for contract in &mut self.contracts {
            contract.opportunity = contract.opportunity.map(|old| number[old]);
        }
        self.opportunities.sort_by_key(|o| o.created_at);
    }
}

impl Opportunity {
    /// The last stage entered before the instant, or the closing stage.
    fn stage_at(&self, end: Instant) -> &'static str {
        if self.closed_at < end {
            return self.closing_stage();
        }
        LADDER[self.open_stage_at(end)].0
    }

    fn open_stage_at(&self, end: Instant) -> usize {
        self.entered.iter().filter(|&&at| at < end).count().saturating_sub(1)
    }

    fn closing_stage(&self) -> &'static str {
        if self.won { "closed_won" } else { "closed_lost" }
    }

    fn probability_at(&self, end: Instant) -> Option<f64> {
        if self.closed_at < end {
            return Some(if self.won { 1.0 } else { 0.0 });
        }
        // A deal nobody has qualified yet has no estimate.
        let stage = self.open_stage_at(end);
        (stage >= QUALIFICATION).then(|| LADDER[stage].1)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Expansion => "expansion",
            Self::Renewal => "renewal",
        }
    }
}

/// A working moment some days after another, never before it.
pub(crate) fn later(rng: &mut Rng, from: Instant, days: f64) -> Instant {
    let day = day_of_instant(from + (days * MICROS_PER_DAY as f64) as i64);
    business_time(rng, day).max(from + MICROS_PER_HOUR)
}

pub(crate) fn opportunity_id(index: usize) -> String {
    format!("OPP{:06}", index + 1)
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let snapshots = world
        .snapshot_days()
        .into_iter()
        .map(|day| FilePlan::whole(&OPPORTUNITIES, format!("dt={}", date_of(day)), move || snapshot(world, day)));
    let mut entries: Vec<(Instant, usize, &'static str)> = Vec::new();
    for (index, deal) in world.book.opportunities.iter().enumerate() {
        entries.extend(deal.entered.iter().zip(LADDER).map(|(&at, (stage, _))| (at, index, stage)));
        entries.push((deal.closed_at, index, deal.closing_stage()));
    }
    entries.sort_unstable();
    let entries = std::sync::Arc::new(entries);
    let stages = world.window.months.iter().map(move |month| {
        let entries = entries.clone();
        FilePlan::whole(&OPPORTUNITY_STAGES, format!("ym={}", month.label), move || {
            let rows = of_month(&entries, month, |row| day_of_instant(row.0));
            vec![
                names(rows.iter().map(|row| opportunity_id(row.1))),
                names(rows.iter().map(|row| row.2)),
                instants(rows.iter().map(|row| row.0)),
            ]
        })
    });
    snapshots.chain(stages).chain(contracts::files(world)).collect()
}

const SECOND: i64 = crate::calendar::MICROS_PER_SECOND;

/// The opportunities as the CRM showed them at the end of a day.
fn snapshot(world: &World, day: Day) -> Vec<arrow::array::ArrayRef> {
    let end = midnight(day + 1);
    let all = &world.book.opportunities;
    let known = &all[..all.partition_point(|o| o.created_at < end)];
    let closed = |o: &Opportunity| o.closed_at < end;
    let entered = |o: &Opportunity, stage: usize| o.entered.get(stage).copied().filter(|&at| at < end);
    vec![
        names((0..known.len()).map(opportunity_id)),
        names(known.iter().map(|o| &world.account_ids[o.account as usize])),
        names(known.iter().map(|o| world.owners.id(o.owner))),
        names(known.iter().map(|o| o.kind.name())),
        names(known.iter().map(|o| o.origin)),
        flags(known.iter().map(|o| o.marketing_sourced)),
        names(known.iter().map(|o| o.stage_at(end))),
        flags(known.iter().map(|o| entered(o, PROPOSAL).is_some())),
        numbers(known.iter().map(|o| o.amount)),
        numbers(known.iter().map(|o| o.tcv)),
        names(known.iter().map(|o| world.accounts[o.account as usize].currency)),
        instants(known.iter().map(|o| o.created_at)),
        instants(known.iter().map(|o| entered(o, QUALIFICATION))),
        instants(known.iter().map(|o| closed(o).then_some(o.closed_at))),
        flags(known.iter().map(|o| closed(o).then_some(o.won))),
        dates(known.iter().map(|o| o.expected_close_on)),
        numbers(known.iter().map(|o| o.probability_at(end))),
    ]
}

fn origin(rng: &mut Rng, abm: bool, kind: Kind) -> &'static str {
    match (abm, kind) {
        (true, Kind::New) => {
            rng.weighted(&[("abm", 0.7), ("inbound", 0.08), ("outbound", 0.07), ("partner", 0.05), ("event", 0.04)])
        }
        (true, _) => rng.weighted(&[("abm", 0.66), ("outbound", 0.14), ("inbound", 0.09), ("partner", 0.05)]),
        (false, _) => rng.weighted(&[("inbound", 0.42), ("outbound", 0.31), ("partner", 0.15), ("event", 0.12)]),
    }
}

/// The share of deals of an origin that marketing counts as its own.
fn sourced(origin: &str) -> f64 {
    match origin {
        "abm" => 0.66,
        "inbound" => 0.74,
        "event" => 0.6,
        _ => 0.12,
    }
}
