//! The funnel: how accounts become qualified, opportunities and customers, and how quickly sales answers them.

use crate::calendar::{
    Day, Instant, MICROS_PER_HOUR, MICROS_PER_SECOND, Month, business_time, day_of_instant, of_month,
};
use crate::deals::{Kind, Teller, later};
use crate::rng::{Rng, Stream};
use crate::schema::{ACCOUNT_STAGES, FOLLOW_UPS};
use crate::world::World;
use crate::write::{FilePlan, instants, names, texts};

/// An account entering a stage.
#[derive(Debug)]
pub(crate) struct StageEntry {
    pub(crate) account: u32,
    pub(crate) stage: Stage,
    pub(crate) entered_at: Instant,
    /// What sales decided about a marketing-qualified account, and when.
    pub(crate) decision: Option<(&'static str, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Engaged,
    Mqa,
    Sqa,
    Opportunity,
    Customer,
}

/// Plays an account's story. Since when it is a customer and when it stopped being one, both as of the lake's end.
pub(crate) fn story(teller: &mut Teller<'_>) -> (Option<Day>, Option<Day>) {
    let first = teller.window.first();
    let signed = if teller.rng.chance(legacy_share(teller)) {
        let years = teller.rng.weighted(&[(1.0, 0.6), (2.0, 0.28), (3.0, 0.12)]);
        let start = first - teller.rng.int(1, (years * 365.0) as Day - 1);
        let since = start - teller.rng.int(0, 2) * 365;
        let program = if teller.account.abm { 1.5 } else { 1.0 };
        let eur = teller.rng.lognormal(190e3, 0.7) * program * teller.account.size.factor();
        let arr = teller.fx.local(eur, teller.account.currency, start);
        Some((since, teller.terms(start, years, arr, None)))
    } else {
        teller.court().map(|deal| {
            let since = day_of_instant(deal.closed_at);
            let start = since + teller.rng.int(1, 15);
            (since, teller.terms(start, deal.years, deal.amount, Some(deal.index)))
        })
    };
    let Some((since, left)) = signed else {
        return (None, None);
    };
    teller.expand(since.max(first - 330), left.unwrap_or(Day::MAX));
    let known = |day: &Day| *day <= teller.window.last();
    let result = (Some(since).filter(known), left.filter(known));
    // Terms of several deals interleave: the book keeps an account's in the order of their start.
    let from = teller.book.contracts.partition_point(|c| c.account < teller.index);
    teller.book.contracts[from..].sort_by_key(|c| (c.start_on, c.end_on));
    result
}

impl Teller<'_> {
    /// From the first engagement to a signature, over up to four attempts.
    fn court(&mut self) -> Option<crate::deals::Outcome> {
        let (first, last) = (self.window.first(), self.window.last());
        let mut day = self.rng.int(first - 200, last);
        for _ in 0..4 {
            let begun = business_time(&mut self.rng, day);
            let by_marketing = self.rng.chance(if self.account.abm { 0.68 } else { 0.5 });
            let (reached, ended) = if by_marketing { self.marketed(begun) } else { self.approached(begun) };
            let mut ended = ended;
            if reached {
                self.enter(Stage::Opportunity, ended);
                let (size, win) = (self.deal_size(), self.win_chance());
                let deal = self.deal(Kind::New, ended, size, win)?;
                if deal.won {
                    self.enter(Stage::Customer, deal.closed_at);
                    return Some(deal);
                }
                ended = deal.closed_at;
            }
            self.book.courted.push((self.index, day - 30, day_of_instant(ended)));
            if !self.rng.chance(0.62) {
                return None;
            }
            day = day_of_instant(ended) + self.rng.int(40, 150);
            if day > last {
                return None;
            }
        }
        None
    }

    /// Engaged, qualified by marketing, accepted, qualified by sales: whether it came to a deal, and when it ended.
    fn marketed(&mut self, begun: Instant) -> (bool, Instant) {
        let abm = self.account.abm;
        self.enter(Stage::Engaged, begun);
        if !self.rng.chance(if abm { 0.88 } else { 0.74 }) {
            return (false, begun);
        }
        let wait = self.rng.lognormal(if abm { 17.0 } else { 26.0 }, 0.5);
        let mqa = later(&mut self.rng, begun, wait);
        let decided_after = self.rng.lognormal(2.0, 0.7);
        let decided_at = later(&mut self.rng, mqa, decided_after);
        let accepted = self.rng.chance(if abm { 0.86 } else { 0.66 });
        let decision = self.rng.chance(0.93).then_some((if accepted { "accepted" } else { "rejected" }, decided_at));
        self.book.stages.push(StageEntry { account: self.index, stage: Stage::Mqa, entered_at: mqa, decision });
        if decision.is_some() && !accepted {
            return (false, decided_at);
        }
        let (to_sales, to_deal) = if abm { (0.66, 0.74) } else { (0.5, 0.54) };
        if self.rng.chance(0.06) {
            // Straight to a deal: a stage is skipped.
            return (true, later(&mut self.rng, decided_at, 14.0));
        }
        if !self.rng.chance(to_sales) {
            return (false, decided_at);
        }
        let wait = self.rng.lognormal(if abm { 15.0 } else { 22.0 }, 0.5);
        let sqa = later(&mut self.rng, decided_at, wait);
        self.enter(Stage::Sqa, sqa);
        let wait = self.rng.lognormal(16.0, 0.5);
        (self.rng.chance(to_deal), later(&mut self.rng, sqa, wait))
    }

    /// Sales finds the account itself: the early stages are skipped.
    fn approached(&mut self, begun: Instant) -> (bool, Instant) {
        if self.rng.chance(0.4) {
            return (true, begun);
        }
        self.enter(Stage::Sqa, begun);
        let wait = self.rng.lognormal(18.0, 0.5);
        (self.rng.chance(0.62), later(&mut self.rng, begun, wait))
    }

    /// What a customer buys on top, for as long as it stays.
    fn expand(&mut self, from: Day, until: Day) {
        let mut day = from;
        let gap = if self.account.abm { 215.0 } else { 270.0 };
        loop {
            day += 15 + self.rng.exponential(gap) as Day;
            if day > self.window.last() || day >= until {
                return;
            }
            let created_at = business_time(&mut self.rng, day);
            let (size, win) = (self.deal_size() * 0.9, self.win_chance() + 0.04);
            let Some(deal) = self.deal(Kind::Expansion, created_at, size, win) else {
                return;
            };
            if deal.won {
                let start = day_of_instant(deal.closed_at) + self.rng.int(1, 15);
                self.terms(start, deal.years, deal.amount, Some(deal.index));
            }
            day = day_of_instant(deal.closed_at);
        }
    }

    fn enter(&mut self, stage: Stage, entered_at: Instant) {
        self.book.stages.push(StageEntry { account: self.index, stage, entered_at, decision: None });
    }
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Engaged => "engaged",
            Self::Mqa => "mqa",
            Self::Sqa => "sqa",
            Self::Opportunity => "opportunity",
            Self::Customer => "customer",
        }
    }
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let end = world.window.end();
    let mut plans = Vec::new();
    for month in &world.window.months {
        let partition = format!("ym={}", month.label);
        plans.push(FilePlan::whole(&ACCOUNT_STAGES, partition.clone(), move || {
            let rows = of_month(&world.book.stages, month, |entry| day_of_instant(entry.entered_at));
            let decided = |entry: &StageEntry| entry.decision.filter(|(_, at)| *at < end);
            vec![
                names(rows.iter().map(|e| &world.account_ids[e.account as usize])),
                names(rows.iter().map(|e| e.stage.name())),
                instants(rows.iter().map(|e| e.entered_at)),
                texts(rows.iter().map(|e| decided(e).map(|(decision, _)| decision))),
                instants(rows.iter().map(|e| decided(e).map(|(_, at)| at))),
            ]
        }));
        plans.push(FilePlan::whole(&FOLLOW_UPS, partition, move || {
            let rows = follow_ups(world, month);
            vec![
                names(rows.iter().map(|row| &world.account_ids[row.account as usize])),
                instants(rows.iter().map(|row| row.signalled_at)),
                instants(rows.iter().map(|row| row.responded_at)),
                texts(rows.iter().map(|row| row.owner.map(|owner| world.owners.id(owner)))),
            ]
        }));
    }
    plans
}

struct FollowUp {
    account: u32,
    signalled_at: Instant,
    responded_at: Option<Instant>,
    owner: Option<u32>,
}

/// Every qualification raises a signal, and so does activity; the livelier the account, the more of them.
fn follow_ups(world: &World, month: &Month) -> Vec<FollowUp> {
    let qualified = of_month(&world.book.stages, month, |entry| day_of_instant(entry.entered_at));
    let mut signals: Vec<(u32, Instant)> = qualified
        .iter()
        .filter(|entry| entry.stage == Stage::Mqa)
        .map(|entry| (entry.account, entry.entered_at + 600 * MICROS_PER_SECOND))
        .collect();
    for (index, account) in world.accounts.iter().enumerate() {
        let mut rng = Rng::new(world.seed, Stream::FollowUp, index, month.index);
        let expected = (0.2 * account.intensity.sqrt()).min(1.5) * month.share;
        let count = expected as usize + usize::from(rng.chance(expected.fract()));
        for _ in 0..count {
            let day = rng.int(month.first, month.last);
            signals.push((index as u32, business_time(&mut rng, day)));
        }
    }
    // A weekend at the month's end would be moved into the next month.
    signals.retain(|(_, at)| day_of_instant(*at) <= month.last);
    signals.sort_unstable_by_key(|&(account, at)| (at, account));
    signals.dedup();
    signals.into_iter().map(|(account, at)| answered(world, account, at)).collect()
}

fn answered(world: &World, account: u32, signalled_at: Instant) -> FollowUp {
    let who = &world.accounts[account as usize];
    let minute = (signalled_at / (60 * MICROS_PER_SECOND)) as usize;
    let mut rng = Rng::new(world.seed, Stream::FollowUp, account as usize, minute);
    let (median, unanswered) = if who.abm { (7.0, 0.07) } else { (13.0, 0.15) };
    let wait = rng.lognormal(median, 1.0) * MICROS_PER_HOUR as f64;
    let responded_at = signalled_at + (wait as i64 / MICROS_PER_SECOND) * MICROS_PER_SECOND;
    let answered = !rng.chance(unanswered) && responded_at < world.window.end();
    FollowUp {
        account,
        signalled_at,
        responded_at: answered.then_some(responded_at),
        owner: (answered || rng.chance(0.6)).then_some(who.owner),
    }
}

/// The share of accounts that were customers before the window began.
fn legacy_share(teller: &Teller<'_>) -> f64 {
    if teller.account.abm { 0.21 } else { 0.18 }
}
