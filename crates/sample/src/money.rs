//! Revenue of customers and spend of the programmes, month by month.

use arrow::array::ArrayRef;

use crate::accounts::{BUS, REGIONS, TIERS, program};
use crate::calendar::{Month, date_of};
use crate::fx::round;
use crate::rng::{Rng, Stream};
use crate::schema::{REVENUE, SPEND};
use crate::world::World;
use crate::write::{FilePlan, dates, names, numbers, texts};

/// Spend as a share of the bookings it brings.
const SPEND_SHARE: f64 = 0.265;
/// The programme's share of the spend.
const ABM_SHARE: f64 = 0.25;

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let months = world.window.months.len() as f64;
    let booked = world.book.bookings(world) / months;
    // A lake too small to have signed anything still spends.
    let budget = SPEND_SHARE * booked.max(world.accounts.len() as f64 * 400.0);
    let mut plans = Vec::new();
    for month in &world.window.months {
        let partition = format!("ym={}", month.label);
        plans.push(FilePlan::whole(&REVENUE, partition.clone(), move || revenue(world, month)));
        plans.push(FilePlan::whole(&SPEND, partition, move || spend(world, month, budget)));
    }
    plans
}

struct Revenue {
    account: usize,
    kind: &'static str,
    amount: f64,
    margin: f64,
}

/// Subscriptions of the contracts that run on the first of the month, and what comes on top of them.
fn revenue(world: &World, month: &Month) -> Vec<ArrayRef> {
    let mut rows: Vec<Revenue> = Vec::new();
    for (index, account) in world.accounts.iter().enumerate() {
        let running = world
            .book
            .contracts_of(index as u32)
            .iter()
            .filter(|c| c.start_on <= month.first && month.first < c.end_on);
        let yearly: f64 = running.map(|c| c.arr).sum();
        if yearly <= 0.0 {
            continue;
        }
        let mut rng = Rng::new(world.seed, Stream::Revenue, index, month.index);
        let mut push = |kind, amount: f64, margin: f64| {
            rows.push(Revenue { account: index, kind, amount: round(amount, 100.0), margin: round(margin, 1000.0) });
        };
        let lean = if account.abm { 1.6 } else { 1.0 };
        push("subscription", yearly / 12.0, rng.between(0.74, 0.84));
        if rng.chance(0.42) {
            push("services", yearly / 12.0 * rng.between(0.2, 0.9), rng.between(0.28, 0.42));
        }
        for (kind, chance, eur) in
            [("reference", 0.035, 5e3), ("co_innovation", 0.02, 16e3), ("partnership", 0.025, 9e3)]
        {
            if rng.chance(chance * lean) {
                let amount = world.fx.local(eur * rng.between(0.5, 1.6), account.currency, month.first);
                push(kind, amount, rng.between(0.5, 0.7));
            }
        }
    }
    vec![
        names(rows.iter().map(|row| &world.account_ids[row.account])),
        dates(rows.iter().map(|_| month.first)),
        names(rows.iter().map(|row| row.kind)),
        numbers(rows.iter().map(|row| row.amount)),
        numbers(rows.iter().map(|row| row.margin)),
        names(rows.iter().map(|row| world.accounts[row.account].currency)),
    ]
}

/// One line of spend; its weight becomes an amount once its category's budget is known.
#[derive(Clone, Default)]
struct Spend {
    category: &'static str,
    abm: bool,
    campaign: Option<String>,
    account: Option<u32>,
    region: Option<&'static str>,
    bu: Option<&'static str>,
    tier: Option<&'static str>,
    channel: Option<&'static str>,
    weight: f64,
}

/// Category, its share of a programme's budget, and whether it is spent on something in particular.
const CATEGORIES: [(&str, f64, &str); 7] = [
    ("staff", 0.34, "indirect"),
    ("advertising", 0.18, "direct"),
    ("events", 0.14, "direct"),
    ("content", 0.12, "direct"),
    ("technology", 0.11, "indirect"),
    ("agency", 0.07, "direct"),
    ("training", 0.04, "indirect"),
];

fn spend(world: &World, month: &Month, budget: f64) -> Vec<ArrayRef> {
    let mut rng = Rng::new(world.seed, Stream::Spend, month.index, 0);
    let season = if date_of(month.first).month() == 8 { 0.8 } else { 1.0 };
    let growth = 0.95 + 0.1 * month.index as f64 / world.window.months.len() as f64;
    let budget = budget * season * growth * rng.between(0.92, 1.08) * month.share;
    let mut rows = Vec::new();
    for abm in [true, false] {
        let share = if abm { ABM_SHARE } else { 1.0 - ABM_SHARE };
        for (category, part, nature) in CATEGORIES {
            let lines = lines(world, month, &mut rng, category, abm);
            let total: f64 = lines.iter().map(|line| line.weight).sum();
            for line in lines {
                let eur = budget * share * part * line.weight / total;
                let currency = currency(world, &line);
                rows.push((line, nature, world.fx.local(eur, currency, month.first), currency));
            }
        }
    }
    vec![
        dates(rows.iter().map(|_| month.first)),
        names(rows.iter().map(|row| row.0.category)),
        names(rows.iter().map(|row| row.1)),
        names(rows.iter().map(|row| program(row.0.abm))),
        texts(rows.iter().map(|row| row.0.campaign.as_ref())),
        texts(rows.iter().map(|row| row.0.account.map(|a| &world.account_ids[a as usize]))),
        texts(rows.iter().map(|row| row.0.region)),
        texts(rows.iter().map(|row| row.0.bu)),
        texts(rows.iter().map(|row| row.0.tier)),
        texts(rows.iter().map(|row| row.0.channel)),
        numbers(rows.iter().map(|row| row.2)),
        names(rows.iter().map(|row| row.3)),
    ]
}

/// How finely a category is booked: teams by region and unit, media by campaign, tools for all at once.
fn lines(world: &World, month: &Month, rng: &mut Rng, category: &'static str, abm: bool) -> Vec<Spend> {
    let line = Spend { category, abm, weight: 1.0, ..Spend::default() };
    let mut lines = match category {
        "staff" => {
            by_region(&line).into_iter().flat_map(|line| BUS.map(|bu| Spend { bu: Some(bu), ..line.clone() })).collect()
        }
        "training" => by_region(&line),
        "agency" => TIERS.iter().map(|(tier, _)| Spend { tier: Some(tier), ..line.clone() }).collect(),
        "content" => {
            let mut lines: Vec<Spend> = BUS.map(|bu| Spend { bu: Some(bu), ..line.clone() }).to_vec();
            lines.extend(by_campaign(world, month, &line, None));
            lines
        }
        "advertising" => by_campaign(world, month, &line, Some("ads")),
        "events" => {
            let mut lines = by_account(world, rng, &line);
            lines.extend(by_region(&Spend { channel: Some("event"), weight: 1.5, ..line.clone() }));
            lines
        }
        _ => Vec::new(),
    };
    if lines.is_empty() {
        lines.push(line);
    }
    for line in &mut lines {
        line.weight *= rng.between(0.7, 1.3);
    }
    lines
}

fn by_region(line: &Spend) -> Vec<Spend> {
    let each = |region: &crate::accounts::Region| Spend {
        region: Some(region.name),
        weight: line.weight * region.weight,
        ..line.clone()
    };
    REGIONS.iter().map(each).collect()
}

/// A line per live campaign of the programme; without a channel, the campaign's own.
fn by_campaign(world: &World, month: &Month, line: &Spend, channel: Option<&'static str>) -> Vec<Spend> {
    world
        .campaigns
        .live(month.first, month.last)
        .filter(|c| c.personalised == line.abm && c.launched_on <= month.last)
        .filter(|c| channel.is_none() || matches!(c.channel, "ads" | "social"))
        .map(|c| Spend { campaign: Some(c.id.clone()), channel: channel.or(Some(c.channel)), ..line.clone() })
        .collect()
}

/// Lines for a few lively accounts of the programme.
fn by_account(world: &World, rng: &mut Rng, line: &Spend) -> Vec<Spend> {
    let mut accounts: Vec<u32> = Vec::new();
    let wanted = (world.accounts.len() / 50).clamp(3, 400);
    for _ in 0..wanted * 10 {
        let account = rng.below(world.accounts.len()) as u32;
        let candidate = &world.accounts[account as usize];
        let fits = candidate.abm == line.abm && candidate.intensity > 0.0;
        if fits && accounts.len() < wanted && !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    let share = 4.0 / accounts.len().max(1) as f64;
    accounts
        .into_iter()
        .map(|account| Spend { account: Some(account), channel: Some("event"), weight: share, ..line.clone() })
        .collect()
}

fn currency(world: &World, line: &Spend) -> &'static str {
    match (line.account, line.region) {
        (Some(account), _) => world.accounts[account as usize].currency,
        (_, Some("AMER" | "LATAM")) => "USD",
        (_, Some("APAC")) => "JPY",
        _ if line.category == "technology" => "USD",
        _ if line.category == "agency" && line.tier == Some("scale") => "GBP",
        _ => "EUR",
    }
}
