//! Campaigns, the accounts they target, the contents they use and what their advertising delivered.

use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::accounts::{Account, BUS, REGIONS, TIERS};
use crate::calendar::{Day, Month, Window, date_of, of_month, weekday};
use crate::fx::cents;
use crate::rng::{Rng, Stream};
use crate::schema::{AD_STATS, CAMPAIGN_TARGETS, CAMPAIGNS, CONTENTS};
use crate::world::World;
use crate::write::{FilePlan, counts, dates, flags, names, numbers, texts};

/// All campaigns and contents, and who is targeted by which campaign since when.
#[derive(Debug)]
pub(crate) struct Campaigns {
    /// In the order of their briefing.
    pub(crate) all: Vec<Campaign>,
    /// In the order of their production.
    contents: Vec<Content>,
    /// By account, then campaign.
    targets: Vec<Targeting>,
    /// Per account the index of its first targeting, and the total at the end.
    first: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Campaign {
    pub(crate) id: String,
    name: String,
    pub(crate) personalised: bool,
    pub(crate) channel: &'static str,
    region: Option<&'static str>,
    bu: Option<&'static str>,
    tier: Option<&'static str>,
    signal_on: Option<Day>,
    briefed_on: Day,
    pub(crate) launched_on: Day,
    pub(crate) ended_on: Day,
}

#[derive(Debug)]
struct Content {
    id: String,
    title: String,
    kind: &'static str,
    premium: bool,
    produced_on: Day,
    region: Option<&'static str>,
    bu: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Targeting {
    account: u32,
    campaign: u32,
    on: Day,
}

const CHANNELS: [(&str, f64); 6] =
    [("email", 0.27), ("ads", 0.26), ("social", 0.15), ("event", 0.14), ("web", 0.1), ("sales", 0.08)];
const THEMES: [&str; 12] = [
    "Cost of downtime",
    "Zero trust",
    "Data residency",
    "Cloud exit",
    "Board briefing",
    "Audit season",
    "Platform switch",
    "Fraud watch",
    "Factory data",
    "Patient records",
    "Peak load",
    "AI readiness",
];
const KINDS: [(&str, f64); 6] =
    [("white_paper", 0.2), ("case_study", 0.22), ("webinar", 0.15), ("video", 0.13), ("article", 0.2), ("report", 0.1)];
/// Campaigns that a usual account is targeted by, per month.
const TARGETINGS_PER_MONTH: f64 = 0.75;
/// Targeted accounts with advertising rows of their own, per campaign and week.
const AD_ACCOUNTS: usize = 4;

impl Campaigns {
    pub(crate) fn new(seed: u64, accounts: &[Account], window: &Window) -> Self {
        let months = window.months.len();
        let scale = (accounts.len() as f64).sqrt() / 12.0;
        let mut all: Vec<Campaign> = (0..(months as f64 * (2.0 + scale)) as usize + 2)
            .map(|index| Campaign::new(&mut Rng::new(seed, Stream::Campaign, index, 0), window))
            .collect();
        all.sort_by_key(|campaign| campaign.briefed_on);
        for (index, campaign) in all.iter_mut().enumerate() {
            campaign.id = format!("CMP{:04}", index + 1);
        }
        let mut contents: Vec<Content> = (0..(months as f64 * (3.0 + scale)) as usize + 24)
            .map(|index| Content::new(&mut Rng::new(seed, Stream::Content, index, 0), window, index < 8))
            .collect();
        contents.sort_by_key(|content| content.produced_on);
        for (index, content) in contents.iter_mut().enumerate() {
            content.id = format!("CNT{:04}", index + 1);
        }
        let mut targets = target(seed, accounts, &all, window);
        targets.sort_by_key(|t| (t.account, t.campaign));
        let first = (0..=accounts.len() as u32)
            .map(|account| targets.partition_point(|t| t.account < account) as u32)
            .collect();
        Self { all, contents, targets, first }
    }

    /// A campaign that is live on the day and has targeted the account by then; of the channel, if there is one.
    pub(crate) fn draw(&self, rng: &mut Rng, account: u32, day: Day, channel: &str) -> Option<u32> {
        let mine = self.first[account as usize] as usize..self.first[account as usize + 1] as usize;
        let live = |t: &&Targeting| t.on <= day && day <= self.all[t.campaign as usize].ended_on;
        let fits = |t: &&Targeting| self.all[t.campaign as usize].channel == channel;
        let targets = &self.targets[mine];
        let count = targets.iter().filter(live).count();
        if count == 0 {
            return None;
        }
        let fitting = targets.iter().filter(live).filter(fits).count();
        let chosen = if fitting > 0 {
            targets.iter().filter(live).filter(fits).nth(rng.below(fitting))
        } else {
            targets.iter().filter(live).nth(rng.below(count))
        };
        chosen.map(|t| t.campaign)
    }

    /// A content that exists on the day; newer ones are read more.
    pub(crate) fn draw_content(&self, rng: &mut Rng, day: Day) -> u32 {
        let known = self.contents.partition_point(|c| c.produced_on <= day).max(1);
        known as u32 - 1 - (known as f64 * rng.unit().powi(2)) as u32
    }

    pub(crate) fn content_id(&self, content: u32) -> &str {
        &self.contents[content as usize].id
    }

    /// Campaigns live at some time between two days.
    pub(crate) fn live(&self, from: Day, to: Day) -> impl Iterator<Item = &Campaign> {
        self.all.iter().filter(move |c| c.launched_on <= to && c.ended_on >= from)
    }
}

impl Campaign {
    fn new(rng: &mut Rng, window: &Window) -> Self {
        let personalised = rng.chance(0.55);
        let launched_on = rng.int(window.first() - 25, window.last() + 25);
        let briefed_on = launched_on - if personalised { rng.int(14, 40) } else { rng.int(25, 60) };
        let region = rng.chance(0.4).then(|| *rng.pick(&["EMEA", "AMER", "APAC", "LATAM"]));
        let tier = rng.chance(0.3).then(|| rng.pick(&TIERS).0);
        let channel = rng.weighted(&CHANNELS);
        Self {
            id: String::new(),
            name: format!("{} {}", rng.pick(&THEMES), date_of(launched_on).strftime("%y-%m")),
            personalised,
            channel,
            region,
            bu: rng.chance(0.25).then(|| *rng.pick(&BUS)),
            tier,
            signal_on: rng.chance(0.6).then(|| briefed_on - rng.int(3, 24)),
            briefed_on,
            launched_on,
            ended_on: launched_on + rng.int(35, 120),
        }
    }

    fn fits(&self, account: &Account) -> bool {
        (!self.personalised || account.abm)
            && self.region.is_none_or(|region| account.region == Some(region))
            && self.bu.is_none_or(|bu| account.bu == Some(bu))
            && self.tier.is_none_or(|tier| account.tier == Some(tier))
    }
}

impl Content {
    fn new(rng: &mut Rng, window: &Window, old: bool) -> Self {
        let kind = rng.weighted(&KINDS);
        // A few contents are older than the window, so that its first day has something to read.
        let produced_on = if old || rng.chance(0.25) {
            window.first() - rng.int(1, 300)
        } else {
            rng.int(window.first(), window.last())
        };
        Self {
            id: String::new(),
            title: format!("{}: {}", rng.pick(&THEMES), kind.replace('_', " ")),
            kind,
            premium: matches!(kind, "white_paper" | "report") && rng.chance(0.6),
            produced_on,
            region: rng.chance(0.4).then(|| rng.pick(&REGIONS).name),
            bu: rng.chance(0.5).then(|| *rng.pick(&BUS)),
        }
    }
}

/// Chooses the accounts of every campaign, so that accounts see about as many campaigns in any lake.
fn target(seed: u64, accounts: &[Account], all: &[Campaign], window: &Window) -> Vec<Targeting> {
    let wanted = accounts.len() as f64 * window.months.len() as f64 * TARGETINGS_PER_MONTH;
    let each = (wanted / all.len() as f64).max(3.0);
    let mut targets = Vec::new();
    for (index, campaign) in all.iter().enumerate() {
        let pool = accounts.iter().filter(|account| campaign.fits(account)).count();
        let share = each / pool.max(1) as f64;
        for (account, candidate) in accounts.iter().enumerate() {
            let mut rng = Rng::new(seed, Stream::Targeting, index, account);
            if campaign.fits(candidate) && rng.chance(share) {
                let on = (campaign.launched_on + rng.int(0, 12)).max(window.first());
                if on <= campaign.ended_on && on <= window.last() {
                    targets.push(Targeting { account: account as u32, campaign: index as u32, on });
                }
            }
        }
    }
    targets
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let mut plans = Vec::new();
    for day in world.snapshot_days() {
        let partition = format!("dt={}", date_of(day));
        plans.push(FilePlan::whole(&CAMPAIGNS, partition.clone(), move || campaigns_at(&world.campaigns.all, day)));
        plans.push(FilePlan::whole(&CONTENTS, partition, move || contents_at(&world.campaigns.contents, day)));
    }
    let mut by_day = world.campaigns.targets.clone();
    by_day.sort_by_key(|t| (t.on, t.campaign, t.account));
    let by_day = Arc::new(by_day);
    for month in &world.window.months {
        let partition = format!("ym={}", month.label);
        let targets = by_day.clone();
        plans.push(FilePlan::whole(&CAMPAIGN_TARGETS, partition.clone(), move || {
            let rows = of_month(&targets, month, |t| t.on);
            vec![
                names(rows.iter().map(|t| &world.campaigns.all[t.campaign as usize].id)),
                names(rows.iter().map(|t| &world.account_ids[t.account as usize])),
                dates(rows.iter().map(|t| t.on)),
            ]
        }));
        plans.push(FilePlan::whole(&AD_STATS, partition, move || ad_stats(world, month)));
    }
    plans
}

fn campaigns_at(all: &[Campaign], day: Day) -> Vec<ArrayRef> {
    let known = &all[..all.partition_point(|c| c.briefed_on <= day)];
    let by = |date: Day| (date <= day).then_some(date);
    vec![
        names(known.iter().map(|c| &c.id)),
        names(known.iter().map(|c| &c.name)),
        names(known.iter().map(|c| if c.personalised { "personalised" } else { "general" })),
        names(known.iter().map(|c| c.channel)),
        texts(known.iter().map(|c| c.region)),
        texts(known.iter().map(|c| c.bu)),
        texts(known.iter().map(|c| c.tier)),
        dates(known.iter().map(|c| c.signal_on)),
        dates(known.iter().map(|c| c.briefed_on)),
        dates(known.iter().map(|c| by(c.launched_on))),
        dates(known.iter().map(|c| by(c.ended_on))),
    ]
}

fn contents_at(all: &[Content], day: Day) -> Vec<ArrayRef> {
    let known = &all[..all.partition_point(|c| c.produced_on <= day)];
    vec![
        names(known.iter().map(|c| &c.id)),
        names(known.iter().map(|c| &c.title)),
        names(known.iter().map(|c| c.kind)),
        flags(known.iter().map(|c| c.premium)),
        dates(known.iter().map(|c| c.produced_on)),
        texts(known.iter().map(|c| c.region)),
        texts(known.iter().map(|c| c.bu)),
    ]
}

struct AdRow<'w> {
    day: Day,
    campaign: &'w str,
    account: Option<&'w str>,
    source: &'static str,
    impressions: i64,
    clicks: i64,
    cost: f64,
    currency: &'static str,
}

/// Weekly deliveries of the paid campaigns: one row per source for the public at large, and rows for
/// some of the targeted accounts where the source can tell accounts apart.
fn ad_stats(world: &World, month: &Month) -> Vec<ArrayRef> {
    let campaigns = &world.campaigns;
    let mut rows = Vec::new();
    for day in (month.first..=month.last).filter(|&day| weekday(day) == 0) {
        for (index, campaign) in campaigns.all.iter().enumerate() {
            let live = campaign.launched_on <= day && day <= campaign.ended_on;
            if !live || !matches!(campaign.channel, "ads" | "social") {
                continue;
            }
            let mut rng = Rng::new(world.seed, Stream::Ads, index, day as usize);
            for (source, share) in [("linkedin", 0.9), ("display", 0.6), ("search", 0.4), ("geofencing", 0.25)] {
                if rng.chance(share) {
                    let reach = rng.lognormal(6_000.0, 0.5);
                    rows.push(delivered(world, &mut rng, day, campaign, None, source, reach));
                }
            }
            let targeted: Vec<u32> = targeted_accounts(world, index as u32, day, &mut rng);
            for account in targeted {
                let source = rng.weighted(&[("linkedin", 0.7), ("display", 0.3)]);
                let reach = rng.lognormal(420.0, 0.6);
                rows.push(delivered(world, &mut rng, day, campaign, Some(account), source, reach));
            }
        }
    }
    vec![
        dates(rows.iter().map(|row| row.day)),
        names(rows.iter().map(|row| row.campaign)),
        texts(rows.iter().map(|row| row.account)),
        names(rows.iter().map(|row| row.source)),
        counts(rows.iter().map(|row| row.impressions)),
        counts(rows.iter().map(|row| row.clicks)),
        numbers(rows.iter().map(|row| row.cost)),
        names(rows.iter().map(|row| row.currency)),
    ]
}

/// A few distinct accounts that the campaign has targeted by the day.
fn targeted_accounts(world: &World, campaign: u32, day: Day, rng: &mut Rng) -> Vec<u32> {
    let mut chosen = Vec::new();
    for _ in 0..AD_ACCOUNTS * 12 {
        let account = rng.below(world.accounts.len()) as u32;
        let range = &world.campaigns.first[account as usize..=account as usize + 1];
        let mine = &world.campaigns.targets[range[0] as usize..range[1] as usize];
        if mine.iter().any(|t| t.campaign == campaign && t.on <= day) && !chosen.contains(&account) {
            chosen.push(account);
        }
        if chosen.len() == AD_ACCOUNTS {
            break;
        }
    }
    chosen
}

fn delivered<'w>(
    world: &'w World,
    rng: &mut Rng,
    day: Day,
    campaign: &'w Campaign,
    account: Option<u32>,
    source: &'static str,
    reach: f64,
) -> AdRow<'w> {
    let (rate, price) = match source {
        "linkedin" => (0.0065, 7.5),
        "search" => (0.024, 4.2),
        "geofencing" => (0.004, 3.1),
        _ => (0.0038, 2.4),
    };
    let program = if campaign.personalised { 1.35 } else { 1.0 };
    let impressions = reach.round();
    let clicks = (impressions * rate * program * rng.between(0.6, 1.4) + rng.unit()).floor();
    let eur = (clicks * price * rng.between(0.8, 1.25)).max(impressions * 0.004);
    let currency = match campaign.region {
        Some("AMER" | "LATAM") => "USD",
        Some("APAC") => "JPY",
        _ => "EUR",
    };
    AdRow {
        day,
        campaign: &campaign.id,
        account: account.map(|a| world.account_ids[a as usize].as_str()),
        source,
        impressions: impressions as i64,
        clicks: (clicks as i64).min(impressions as i64),
        cost: cents(world.fx.local(eur, currency, day)),
        currency,
    }
}
