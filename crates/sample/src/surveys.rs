//! Survey answers: customers' recommendation, sales' and marketing's view of each other, and of the account teams.

use crate::accounts::{BUS, REGIONS};
use crate::calendar::{Instant, Month, business_time, day_of_instant};
use crate::rng::{Rng, Stream};
use crate::schema::SURVEYS;
use crate::world::World;
use crate::write::{FilePlan, instants, names, numbers, texts};

struct Answer {
    kind: &'static str,
    account: Option<u32>,
    contact: Option<u32>,
    region: Option<&'static str>,
    bu: Option<&'static str>,
    score: f64,
    answered_at: Instant,
}

pub(crate) fn files(world: &World) -> Vec<FilePlan<'_>> {
    world
        .window
        .months
        .iter()
        .map(|month| {
            FilePlan::whole(&SURVEYS, format!("ym={}", month.label), move || {
                let rows = answers(world, month);
                // Numbered per month, so that no month needs to know how many answers the others had.
                let id = |row: usize| format!("S{}{:05}", month.label[2..].replace('-', ""), row + 1);
                vec![
                    names((0..rows.len()).map(id)),
                    names(rows.iter().map(|a| a.kind)),
                    texts(rows.iter().map(|a| a.account.map(|i| &world.account_ids[i as usize]))),
                    texts(rows.iter().map(|a| a.contact.map(crate::contacts::contact_id))),
                    texts(rows.iter().map(|a| a.region)),
                    texts(rows.iter().map(|a| a.bu)),
                    numbers(rows.iter().map(|a| a.score)),
                    instants(rows.iter().map(|a| a.answered_at)),
                ]
            })
        })
        .collect()
}

fn answers(world: &World, month: &Month) -> Vec<Answer> {
    let mut rng = Rng::new(world.seed, Stream::Survey, month.index, 0);
    let customers: Vec<u32> = (0..world.accounts.len() as u32)
        .filter(|&i| {
            let account = &world.accounts[i as usize];
            account.customer_since.is_some_and(|since| since <= month.first)
                && account.churned_on.is_none_or(|left| left > month.last)
        })
        .collect();
    let mut rows = Vec::new();
    if !customers.is_empty() {
        let some = |share: f64, least: f64| (customers.len() as f64 * share).max(least) * month.share;
        for _ in 0..some(0.25, 18.0).ceil() as usize {
            recommend(world, month, &mut rng, &customers, &mut rows);
        }
        for _ in 0..some(0.08, 6.0).ceil() as usize {
            let score = rng.weighted(&[(5.0, 0.42), (4.0, 0.38), (3.0, 0.14), (2.0, 0.045), (1.0, 0.015)]);
            let mut answer = of_customer(world, month, &mut rng, &customers);
            (answer.kind, answer.score) = ("account_team", score);
            rows.push(answer);
        }
    }
    for (region, bu) in REGIONS.iter().flat_map(|region| BUS.map(|bu| (region.name, bu))) {
        let score = rng.weighted(&[(5.0, 0.36), (4.0, 0.43), (3.0, 0.16), (2.0, 0.05)]);
        rows.push(Answer {
            kind: "sales_marketing_alignment",
            account: None,
            contact: None,
            region: Some(region),
            bu: Some(bu),
            score,
            answered_at: moment(&mut rng, month),
        });
    }
    rows.retain(|answer| day_of_instant(answer.answered_at) <= month.last);
    rows.sort_by_key(|answer| answer.answered_at);
    rows
}

/// One answer from 0 to 10; now and then the same contact answers again, some are anonymous.
fn recommend(world: &World, month: &Month, rng: &mut Rng, customers: &[u32], rows: &mut Vec<Answer>) {
    let mut answer = of_customer(world, month, rng, customers);
    let lean = answer.account.map_or(0.0, |i| if world.accounts[i as usize].abm { 0.5 } else { -0.3 });
    let score = |rng: &mut Rng| (8.4 + lean + 1.7 * rng.normal()).round().clamp(0.0, 10.0);
    (answer.kind, answer.score) = ("nps", score(rng));
    if rng.chance(0.07) {
        let again = Answer { score: score(rng), answered_at: moment(rng, month), ..answer };
        rows.push(again);
    }
    if rng.chance(0.06) {
        answer.contact = None;
        if rng.chance(0.4) {
            answer.account = None;
        }
    }
    rows.push(answer);
}

fn of_customer(world: &World, month: &Month, rng: &mut Rng, customers: &[u32]) -> Answer {
    let account = *rng.pick(customers);
    let answered_at = moment(rng, month);
    let contact = world.contacts.draw(rng, account, day_of_instant(answered_at));
    let who = &world.accounts[account as usize];
    Answer {
        kind: "",
        account: Some(account),
        contact: Some(contact),
        region: who.region,
        bu: who.bu,
        score: 0.0,
        answered_at,
    }
}

fn moment(rng: &mut Rng, month: &Month) -> Instant {
    let day = rng.int(month.first, month.last);
    business_time(rng, day)
}
