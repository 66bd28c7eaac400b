//! Targets: what the management asks of the main KPIs, in general and for some regions and programmes.

use crate::accounts::REGIONS;
use crate::calendar::{Day, date_of};
use crate::fx::round;
use crate::schema::TARGETS;
use crate::world::World;
use crate::write::{FilePlan, dates, names, numbers, texts};

#[derive(Default)]
struct Target {
    kpi: &'static str,
    grain: &'static str,
    start: Option<Day>,
    region: Option<&'static str>,
    bu: Option<&'static str>,
    tier: Option<&'static str>,
    industry: Option<&'static str>,
    program: Option<&'static str>,
    value: f64,
}

/// KPIs with one target for every period of a grain.
const GENERAL: [(&str, &str, f64); 16] = [
    ("target_account_coverage", "month", 0.55),
    ("target_account_coverage", "quarter", 0.7),
    ("committee_penetration", "quarter", 0.3),
    ("account_penetration_rate", "month", 0.2),
    ("account_engagement_score", "month", 30.0),
    ("mqa_to_sqa_rate", "quarter", 0.4),
    ("sqa_to_opportunity_rate", "quarter", 0.6),
    ("win_rate", "quarter", 0.35),
    ("sales_cycle_days", "quarter", 75.0),
    ("mqa_acceptance_rate", "month", 0.8),
    ("response_within_24h_rate", "month", 0.8),
    ("roi", "quarter", 3.0),
    ("clv_to_cac", "quarter", 10.0),
    ("retention_rate", "quarter", 0.9),
    ("net_promoter_score", "quarter", 40.0),
    ("alignment_satisfaction", "quarter", 4.0),
];

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    world
        .snapshot_days()
        .into_iter()
        .map(|day| {
            FilePlan::whole(&TARGETS, format!("dt={}", date_of(day)), move || {
                let rows = targets(world);
                vec![
                    names(rows.iter().map(|t| t.kpi)),
                    names(rows.iter().map(|t| t.grain)),
                    dates(rows.iter().map(|t| t.start)),
                    texts(rows.iter().map(|t| t.region)),
                    texts(rows.iter().map(|t| t.bu)),
                    texts(rows.iter().map(|t| t.tier)),
                    texts(rows.iter().map(|t| t.industry)),
                    texts(rows.iter().map(|t| t.program)),
                    numbers(rows.iter().map(|t| t.value)),
                ]
            })
        })
        .collect()
}

fn targets(world: &World) -> Vec<Target> {
    let general = GENERAL.map(|(kpi, grain, value)| Target::new(kpi, grain, value));
    let mut rows: Vec<Target> = general.into();
    let win_rate = |value| Target::new("win_rate", "quarter", value);
    rows.push(Target { program: Some("abm"), ..win_rate(0.45) });
    rows.push(Target { tier: Some("strategic"), ..win_rate(0.42) });
    rows.push(Target { bu: Some("security"), ..win_rate(0.38) });
    rows.push(Target { industry: Some("fintech"), ..win_rate(0.33) });
    // Volumes grow with the lake: the plan asks for a little more than what is usually booked.
    let months = &world.window.months;
    let booked = world.book.bookings(world) / months.len() as f64;
    let amount = |eur: f64| round(eur, 0.001).max(1_000.0);
    for month in months {
        let start = Some(month.first);
        let growth = 1.0 + 0.01 * month.index as f64;
        for (kpi, factor) in [("pipeline_created", 2.9), ("pipeline_velocity", 1.2)] {
            let plan = booked * factor * growth;
            rows.push(Target { start, ..Target::new(kpi, "month", amount(plan)) });
            rows.extend(REGIONS.iter().map(|region| Target {
                start,
                region: Some(region.name),
                ..Target::new(kpi, "month", amount(plan * region.weight))
            }));
        }
        if date_of(month.first).month() % 3 == 1 {
            rows.push(Target { start, ..Target::new("tcv_won", "quarter", amount(booked * 5.4)) });
        }
    }
    rows
}

impl Target {
    fn new(kpi: &'static str, grain: &'static str, value: f64) -> Self {
        Self { kpi, grain, value, ..Self::default() }
    }
}
