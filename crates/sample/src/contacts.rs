//! Contacts: the people of each account, compact enough to hold by the million.

use crate::Cadence;
use crate::accounts::{Account, REGIONS};
use crate::calendar::{Day, Window, date_of};
use crate::rng::{Rng, Stream};
use crate::schema::CONTACTS;
use crate::world::World;
use crate::write::{FilePlan, dates, flags, names, texts};

/// All contacts, grouped by account; within an account the first ones are the most active.
#[derive(Debug)]
pub(crate) struct Contacts {
    /// Per account the index of its first contact, and the total at the end.
    first: Vec<u32>,
    all: Vec<Contact>,
}

/// One contact. Enumerations are kept as indices into their lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    account: u32,
    pub(crate) created_on: Day,
    function: u8,
    seniority: u8,
    country: u8,
    group: Option<u8>,
    at_headquarters: bool,
    consent: bool,
}

const FUNCTIONS: [(&str, f64); 8] = [
    ("it", 0.24),
    ("finance", 0.14),
    ("operations", 0.17),
    ("marketing", 0.12),
    ("procurement", 0.1),
    ("legal", 0.06),
    ("hr", 0.06),
    ("other", 0.11),
];
const SENIORITIES: [(&str, f64); 5] =
    [("c_level", 0.08), ("vp", 0.12), ("director", 0.2), ("manager", 0.28), ("contributor", 0.32)];
const GROUPS: [&str; 4] = ["business_sponsors", "technical_evaluators", "economic_buyers", "end_users"];
/// Every country of [`REGIONS`], once.
const COUNTRIES: [&str; 15] =
    ["FR", "DE", "GB", "ES", "IT", "NL", "US", "CA", "JP", "SG", "AU", "IN", "BR", "MX", "CL"];
/// Accounts up to which contacts are copied monthly.
const MONTHLY_ACCOUNTS: usize = 2_000;

impl Contacts {
    pub(crate) fn new(seed: u64, accounts: &[Account], window: &Window) -> Self {
        let mut first = Vec::with_capacity(accounts.len() + 1);
        let mut all = Vec::with_capacity(accounts.len() * 21);
        for (index, account) in accounts.iter().enumerate() {
            first.push(all.len() as u32);
            people_of(seed, index, account, window, &mut all);
        }
        first.push(all.len() as u32);
        Self { first, all }
    }

    fn created_on(&self, contact: u32) -> Day {
        self.all[contact as usize].created_on
    }

    /// A contact of the account that exists on the day; senior and committee members come up more often.
    pub(crate) fn draw(&self, rng: &mut Rng, account: u32, day: Day) -> u32 {
        let from = self.first[account as usize];
        let count = (self.first[account as usize + 1] - from) as usize;
        for _ in 0..4 {
            let skewed = (count as f64 * rng.unit().powf(1.35)) as u32;
            let contact = from + skewed.min(count as u32 - 1);
            if self.created_on(contact) <= day {
                return contact;
            }
        }
        // The first contact of an account is older than the window.
        from
    }
}

impl Contact {
    fn in_committee(&self) -> bool {
        self.group.is_some()
    }
}

/// The identifier of a contact.
pub(crate) fn contact_id(index: u32) -> String {
    format!("C{:07}", index + 1)
}

pub(crate) fn files(world: &World, cadence: Option<Cadence>) -> Vec<FilePlan<'_>> {
    let few = world.accounts.len() <= MONTHLY_ACCOUNTS;
    let cadence = cadence.unwrap_or(if few { Cadence::Monthly } else { Cadence::Quarterly });
    world
        .month_ends()
        .into_iter()
        .filter(|&day| {
            let quarter_end = date_of(day).month() % 3 == 0;
            cadence == Cadence::Monthly || quarter_end || day == world.window.last()
        })
        .map(|day| {
            let partition = format!("dt={}", date_of(day));
            let mut plan = FilePlan::whole(&CONTACTS, partition, Vec::new);
            plan.fill = Box::new(move |rows| {
                for (chunk, contacts) in world.contacts.all.chunks(CHUNK).enumerate() {
                    rows.push(snapshot(world, chunk * CHUNK, contacts, day))?;
                }
                Ok(())
            });
            plan
        })
        .collect()
}

const CHUNK: usize = 65_536;

fn snapshot(world: &World, offset: usize, contacts: &[Contact], day: Day) -> Vec<arrow::array::ArrayRef> {
    let known = || contacts.iter().enumerate().filter(move |(_, c)| c.created_on <= day);
    vec![
        names(known().map(|(i, _)| contact_id((offset + i) as u32))),
        names(known().map(|(_, c)| &world.account_ids[c.account as usize])),
        names(known().map(|(_, c)| FUNCTIONS[c.function as usize].0)),
        names(known().map(|(_, c)| SENIORITIES[c.seniority as usize].0)),
        names(known().map(|(_, c)| COUNTRIES[c.country as usize])),
        flags(known().map(|(_, c)| c.at_headquarters)),
        flags(known().map(|(_, c)| c.in_committee())),
        texts(known().map(|(_, c)| c.group.map(|g| GROUPS[g as usize]))),
        flags(known().map(|(_, c)| c.consent)),
        dates(known().map(|(_, c)| c.created_on)),
    ]
}

fn people_of(seed: u64, index: usize, account: &Account, window: &Window, all: &mut Vec<Contact>) {
    let mut rng = Rng::new(seed, Stream::Contact, index, 0);
    let mean = account.size.contacts();
    let count = ((mean * rng.between(0.5, 1.5)) as usize).max(4);
    let committee = (3.0 + mean * rng.between(0.12, 0.4)).min(20.0) as usize;
    let home = account.country.unwrap_or("US");
    let near = account.region.and_then(|name| REGIONS.iter().find(|r| r.name == name));
    for person in 0..count {
        let country = match (rng.unit(), near) {
            (away, Some(region)) if away < 0.18 => rng.pick(region.countries).0,
            (away, _) if away < 0.25 => *rng.pick(&COUNTRIES),
            _ => home,
        };
        let senior: f64 = if person < committee { 2.0 } else { 1.0 };
        let seniority = draw(&mut rng, &SENIORITIES, |i| if i < 3 { senior } else { 1.0 });
        let created_on = if person > 0 && rng.chance(0.26) {
            rng.int(window.first(), window.last())
        } else {
            window.first() - rng.int(1, 900)
        };
        all.push(Contact {
            account: index as u32,
            created_on,
            function: draw(&mut rng, &FUNCTIONS, |_| 1.0),
            seniority,
            country: COUNTRIES.iter().position(|c| *c == country).unwrap_or(0) as u8,
            group: (person < committee).then(|| rng.below(GROUPS.len()) as u8),
            at_headquarters: country == home && rng.chance(0.72),
            consent: rng.chance(0.8),
        });
    }
}

/// An index into a weighted list, its weights adjusted by position.
fn draw(rng: &mut Rng, list: &[(&str, f64)], adjust: impl Fn(usize) -> f64) -> u8 {
    let weighted: Vec<(u8, f64)> =
        list.iter().enumerate().map(|(i, (_, weight))| (i as u8, weight * adjust(i))).collect();
    rng.weighted(&weighted)
}
