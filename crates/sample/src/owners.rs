//! The people of the seller: account executives, marketers, and the staff behind them.

use crate::accounts::{BUS, REGIONS};
use crate::calendar::date_of;
use crate::fx::round;
use crate::rng::{Rng, Stream};
use crate::schema::{OWNERS, STAFF};
use crate::world::World;
use crate::write::{FilePlan, dates, names, numbers};

/// Everyone who owns accounts, deals or follow-ups.
#[derive(Debug)]
pub(crate) struct Owners {
    pub(crate) all: Vec<Owner>,
    /// Account executives per region of [`REGIONS`].
    executives: Vec<Vec<u32>>,
}

#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: String,
    name: String,
    role: &'static str,
    region: &'static str,
    bu: &'static str,
}

const ROLES: [(&str, f64); 4] =
    [("account_executive", 0.6), ("abm_marketer", 0.15), ("sales_development", 0.15), ("customer_success", 0.1)];

const GIVEN: [&str; 24] = [
    "Adele", "Bruno", "Chiara", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Maya",
    "Nils", "Olga", "Paulo", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wen", "Yuki",
];
const FAMILY: [&str; 24] = [
    "Almeida", "Bauer", "Costa", "Dubois", "Eriksen", "Ferrari", "Garcia", "Haas", "Ito", "Jensen", "Khan", "Laurent",
    "Moreau", "Novak", "Okafor", "Peters", "Quist", "Rossi", "Sato", "Tanaka", "Ueda", "Vidal", "Weber", "Young",
];

impl Owners {
    pub(crate) fn new(seed: u64, accounts: u32) -> Self {
        let count = (accounts as usize / 20).max(12);
        let mut executives = vec![Vec::new(); REGIONS.len()];
        let all = (0..count)
            .map(|index| {
                let mut rng = Rng::new(seed, Stream::Owner, index, 0);
                // One executive per region first, so that every region has somebody.
                let region = if index < REGIONS.len() {
                    index
                } else {
                    rng.weighted(&[(0, 0.42), (1, 0.28), (2, 0.18), (3, 0.12)])
                };
                let role = match index {
                    0..4 => ROLES[0].0,
                    4..8 => ROLES[index - 4].0,
                    _ => rng.weighted(&ROLES),
                };
                if role == ROLES[0].0 {
                    executives[region].push(index as u32);
                }
                Owner {
                    id: format!("OWN{:04}", index + 1),
                    name: format!("{} {}", rng.pick(&GIVEN), rng.pick(&FAMILY)),
                    role,
                    region: REGIONS[region].name,
                    bu: BUS[index % BUS.len()],
                }
            })
            .collect();
        Self { all, executives }
    }

    /// An account executive of the region, or of any region when it is unknown.
    pub(crate) fn executive(&self, rng: &mut Rng, region: Option<&str>) -> u32 {
        let index = REGIONS.iter().position(|r| Some(r.name) == region);
        let team = &self.executives[index.unwrap_or_else(|| rng.below(REGIONS.len()))];
        *rng.pick(team)
    }

    pub(crate) fn id(&self, owner: u32) -> &str {
        &self.all[owner as usize].id
    }
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    let owners = &world.owners.all;
    let snapshots = world.snapshot_days().into_iter().map(|day| {
        FilePlan::whole(&OWNERS, format!("dt={}", date_of(day)), move || {
            vec![
                names(owners.iter().map(|o| &o.id)),
                names(owners.iter().map(|o| &o.name)),
                names(owners.iter().map(|o| o.role)),
                names(owners.iter().map(|o| o.region)),
                names(owners.iter().map(|o| o.bu)),
            ]
        })
    });
    snapshots.chain(staff(world)).collect()
}

/// Full-time equivalents per region, business unit and programme: steady teams that grow slowly.
fn staff(world: &World) -> impl Iterator<Item = FilePlan<'_>> {
    let seed = world.seed;
    let total = world.accounts.len() as f64 / 14.0 + 6.0;
    world.window.months.iter().map(move |month| {
        FilePlan::whole(&STAFF, format!("ym={}", month.label), move || {
            let mut rows = Vec::new();
            for (r, region) in REGIONS.iter().enumerate() {
                for (b, bu) in BUS.iter().enumerate() {
                    for (p, (program, share)) in [("abm", 0.3), ("non_abm", 0.7)].iter().enumerate() {
                        let team = (r * BUS.len() + b) * 2 + p;
                        let size = Rng::new(seed, Stream::Staff, team, 0).between(0.8, 1.2);
                        let now = Rng::new(seed, Stream::Staff, team, month.index + 1).between(0.96, 1.04);
                        let growth = 1.0 + 0.008 * month.index as f64;
                        let fte = total * region.weight * share / BUS.len() as f64 * size * now * growth;
                        rows.push((region.name, *bu, *program, round(fte.max(0.1), 10.0)));
                    }
                }
            }
            vec![
                dates(rows.iter().map(|_| month.first)),
                names(rows.iter().map(|row| row.0)),
                names(rows.iter().map(|row| row.1)),
                names(rows.iter().map(|row| row.2)),
                numbers(rows.iter().map(|row| row.3)),
            ]
        })
    })
}
