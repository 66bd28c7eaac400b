//! Accounts: who they are, which programme they are in, and how lively they will be.

use crate::calendar::{Day, Window, date_of};
use crate::fx::{FxRates, round};
use crate::owners::Owners;
use crate::rng::{Rng, Stream};
use crate::schema::ACCOUNTS;
use crate::world::World;
use crate::write::{FilePlan, dates, names, numbers, texts};

/// One account, as it is at the end of the window; [`Account::at`] tells how it was before.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) region: Option<&'static str>,
    pub(crate) country: Option<&'static str>,
    pub(crate) bu: Option<&'static str>,
    pub(crate) tier: Option<&'static str>,
    pub(crate) industry: Option<&'static str>,
    pub(crate) abm: bool,
    pub(crate) size: Size,
    pub(crate) currency: &'static str,
    pub(crate) owner: u32,
    /// Set once the deals are known.
    pub(crate) customer_since: Option<Day>,
    /// The end of the contract it did not renew.
    pub(crate) churned_on: Option<Day>,
    /// Relative number of touches: 0 for a silent account, about 1 for a usual one, 20 for a heavy one.
    pub(crate) intensity: f64,
    name: String,
    parent: Option<u32>,
    style: Option<&'static str>,
    annual_revenue: Option<f64>,
    potential: Option<f64>,
    listed_on: Option<Day>,
    delisted_on: Option<Day>,
    moved: Option<Move>,
}

/// A region or tier that an account left on a day.
#[derive(Clone, Debug)]
enum Move {
    Region { on: Day, from: &'static str, country: &'static str },
    Tier { on: Day, from: &'static str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Small,
    MidMarket,
    Enterprise,
}

pub(crate) struct Region {
    pub(crate) name: &'static str,
    pub(crate) weight: f64,
    pub(crate) countries: &'static [(&'static str, &'static str)],
}

/// Regions, with their share of the accounts and their countries and currencies.
pub(crate) static REGIONS: [Region; 4] = [
    Region {
        name: "EMEA",
        weight: 0.42,
        countries: &[("FR", "EUR"), ("DE", "EUR"), ("GB", "GBP"), ("ES", "EUR"), ("IT", "EUR"), ("NL", "EUR")],
    },
    Region { name: "AMER", weight: 0.28, countries: &[("US", "USD"), ("US", "USD"), ("CA", "USD")] },
    Region {
        name: "APAC",
        weight: 0.18,
        countries: &[("JP", "JPY"), ("JP", "JPY"), ("SG", "USD"), ("AU", "USD"), ("IN", "USD")],
    },
    Region { name: "LATAM", weight: 0.12, countries: &[("BR", "USD"), ("MX", "USD"), ("CL", "USD")] },
];
pub(crate) const BUS: [&str; 3] = ["cloud", "security", "data"];
pub(crate) const TIERS: [(&str, f64); 3] = [("strategic", 0.1), ("scale", 0.3), ("programmatic", 0.6)];
pub(crate) const INDUSTRIES: [(&str, f64); 4] =
    [("saas", 0.34), ("manufacturing", 0.28), ("fintech", 0.21), ("healthtech", 0.17)];

/// Share of accounts that nothing ever happens to.
const SILENT: f64 = 0.15;
const HEAVY: f64 = 0.05;

impl Account {
    pub(crate) fn new(seed: u64, index: usize, window: &Window, owners: &Owners, fx: &FxRates) -> Self {
        let mut rng = Rng::new(seed, Stream::Account, index, 0);
        let region = rng.weighted(&[(0, 0.42), (1, 0.28), (2, 0.18), (3, 0.12)]);
        let (country, currency) = *rng.pick(REGIONS[region].countries);
        let region_name = REGIONS[region].name;
        let tier = rng.weighted(&TIERS);
        let (revenue, enrolled) = match tier {
            "strategic" => (rng.lognormal(600e6, 0.9), 0.95),
            "scale" => (rng.lognormal(110e6, 0.8), 0.6),
            _ => (rng.lognormal(28e6, 0.9), 0.21),
        };
        let size = Size::of(revenue);
        let abm = rng.chance(enrolled);
        let style = abm.then_some(match tier {
            "strategic" => "high_touch",
            "scale" => "hybrid",
            _ => "automated",
        });
        let known = |rng: &mut Rng, share: f64| rng.chance(1.0 - share);
        let (region, country) = if known(&mut rng, 0.015) { (Some(region_name), Some(country)) } else { (None, None) };
        let (listed_on, delisted_on) = listing(&mut rng, window, abm);
        let moved = moving(&mut rng, window, region, tier);
        let activity = rng.unit();
        let intensity = if activity < SILENT {
            0.0
        } else if activity > 1.0 - HEAVY {
            rng.between(11.0, 20.0)
        } else {
            rng.lognormal(0.85, 0.6)
        };
        let potential = rng.lognormal(180e3, 0.6) * size.factor() * if abm { 1.8 } else { 1.0 };
        Self {
            name: name(&mut rng, country),
            parent: (index > 0 && rng.chance(0.1)).then(|| rng.below(index) as u32),
            owner: owners.executive(&mut rng, region),
            region,
            country,
            bu: known(&mut rng, 0.02).then(|| *rng.pick(&BUS)),
            tier: known(&mut rng, 0.015).then_some(tier),
            industry: known(&mut rng, 0.025).then(|| rng.weighted(&INDUSTRIES)),
            abm,
            style,
            annual_revenue: known(&mut rng, 0.03).then(|| round(fx.local(revenue, currency, window.first()), 1e-3)),
            size,
            potential: known(&mut rng, 0.08).then(|| round(fx.local(potential, currency, window.first()), 0.01)),
            currency,
            listed_on,
            delisted_on,
            customer_since: None,
            churned_on: None,
            intensity: intensity * if abm { 1.5 } else { 1.0 },
            moved,
        }
    }

    pub(crate) fn program(&self) -> &'static str {
        program(self.abm)
    }

    /// Region, country and tier as they were at the end of a day.
    fn at(&self, day: Day) -> (Option<&'static str>, Option<&'static str>, Option<&'static str>) {
        match self.moved {
            Some(Move::Region { on, from, country }) if day < on => (Some(from), Some(country), self.tier),
            Some(Move::Tier { on, from }) if day < on => (self.region, self.country, self.tier.and(Some(from))),
            _ => (self.region, self.country, self.tier),
        }
    }
}

impl Size {
    /// The band of an annual revenue in EUR.
    fn of(revenue: f64) -> Self {
        if revenue < 50e6 {
            Self::Small
        } else if revenue <= 200e6 {
            Self::MidMarket
        } else {
            Self::Enterprise
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::MidMarket => "mid_market",
            Self::Enterprise => "enterprise",
        }
    }

    /// How much larger the deals and contracts of the band are than a mid-market account's.
    pub(crate) fn factor(self) -> f64 {
        match self {
            Self::Small => 0.85,
            Self::MidMarket => 1.0,
            Self::Enterprise => 1.15,
        }
    }

    /// Mean number of contacts, such that the bands together come to about twenty.
    pub(crate) fn contacts(self) -> f64 {
        match self {
            Self::Small => 11.0,
            Self::MidMarket => 20.0,
            Self::Enterprise => 44.0,
        }
    }
}

pub(crate) fn program(abm: bool) -> &'static str {
    if abm { "abm" } else { "non_abm" }
}

/// The identifier of an account: five digits, more where a lake has more accounts.
pub(crate) fn account_id(index: u32) -> String {
    format!("A{:05}", index + 1)
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    world
        .month_ends()
        .into_iter()
        .map(|day| FilePlan::whole(&ACCOUNTS, format!("dt={}", date_of(day)), move || snapshot(world, day)))
        .collect()
}

fn snapshot(world: &World, day: Day) -> Vec<arrow::array::ArrayRef> {
    let all = &world.accounts;
    let by = |date: Option<Day>| date.filter(|&d| d <= day);
    vec![
        names(&world.account_ids),
        names(all.iter().map(|a| &a.name)),
        texts(all.iter().map(|a| a.parent.map(|p| &world.account_ids[p as usize]))),
        texts(all.iter().map(|a| a.at(day).0)),
        texts(all.iter().map(|a| a.at(day).1)),
        texts(all.iter().map(|a| a.bu)),
        texts(all.iter().map(|a| a.at(day).2)),
        texts(all.iter().map(|a| a.industry)),
        names(all.iter().map(Account::program)),
        texts(all.iter().map(|a| a.style)),
        numbers(all.iter().map(|a| a.annual_revenue)),
        texts(all.iter().map(|a| a.annual_revenue.map(|_| a.size.name()))),
        names(all.iter().map(|a| world.owners.id(a.owner))),
        numbers(all.iter().map(|a| a.potential)),
        names(all.iter().map(|a| a.currency)),
        dates(all.iter().map(|a| by(a.listed_on))),
        dates(all.iter().map(|a| by(a.delisted_on))),
        dates(all.iter().map(|a| by(a.customer_since))),
    ]
}

/// When an account joined the target list and when it left: the programme's accounts are all listed.
fn listing(rng: &mut Rng, window: &Window, abm: bool) -> (Option<Day>, Option<Day>) {
    if !abm && !rng.chance(0.5) {
        return (None, None);
    }
    let listed =
        if rng.chance(0.72) { window.first() - rng.int(1, 500) } else { rng.int(window.first(), window.last()) };
    let earliest = listed.max(window.first()) + 60;
    let leaves = rng.chance(0.07) && earliest < window.last();
    (Some(listed), leaves.then(|| rng.int(earliest, window.last())))
}

/// About three accounts in a hundred change region or tier inside the window.
fn moving(rng: &mut Rng, window: &Window, region: Option<&str>, tier: &str) -> Option<Move> {
    let choice = rng.unit();
    let on = rng.int(window.first(), window.last());
    if choice < 0.015 {
        let here = REGIONS.iter().position(|r| Some(r.name) == region)?;
        let before = &REGIONS[(here + rng.int(1, 3) as usize) % REGIONS.len()];
        Some(Move::Region { on, from: before.name, country: before.countries[0].0 })
    } else if choice < 0.032 {
        let here = TIERS.iter().position(|(name, _)| *name == tier)?;
        Some(Move::Tier { on, from: TIERS[(here + 1) % TIERS.len()].0 })
    } else {
        None
    }
}

fn name(rng: &mut Rng, country: Option<&str>) -> String {
    const STEMS: [&str; 36] = [
        "Alder", "Arvo", "Belka", "Brio", "Calder", "Corvi", "Dalma", "Delmar", "Elara", "Ember", "Fenno", "Galen",
        "Halden", "Iberia", "Juno", "Kestrel", "Lumen", "Marlow", "Meridian", "Nordal", "Norvan", "Octa", "Orion",
        "Pallas", "Quarto", "Ravel", "Sable", "Solen", "Tavira", "Tessel", "Umbra", "Valdor", "Vento", "Wexford",
        "Yarrow", "Zephyr",
    ];
    const TRADES: [&str; 20] = [
        "Systems",
        "Health",
        "Pay",
        "Motors",
        "Analytics",
        "Foods",
        "Networks",
        "Robotics",
        "Capital",
        "Pharma",
        "Logistics",
        "Software",
        "Materials",
        "Energy",
        "Medical",
        "Bank",
        "Devices",
        "Cloud",
        "Tools",
        "Labs",
    ];
    let form = match country {
        Some("FR") => " SA",
        Some("DE") => " GmbH",
        Some("GB") => " plc",
        Some("ES" | "MX" | "CL") => " S.A.",
        Some("IT") => " S.p.A.",
        Some("NL") => " B.V.",
        Some("JP") => " K.K.",
        Some("BR") => " Ltda",
        Some("AU" | "SG" | "IN") => " Pte",
        _ => " Inc",
    };
    format!("{} {}{form}", rng.pick(&STEMS), rng.pick(&TRADES))
}
