//! Alerts from night to night: new, continuing, resolved; what is to be done; and whom a run tells.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use rstest::rstest;
use support::Lake;
use support::http::Service;
use support::program::{Outcome, Project, Workshop};

/// Nights of 28, 29 and 30 June 2026. A has been silent for 60 days on the 28th and comes back on the 29th; B has been
/// silent for 59 days on the 28th.
fn nights() -> Lake {
    Lake::parse(
        "{as_of: 2026-06-28,
          accounts: [{account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}],
          accounts@2026-06-29: [{account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}],
          accounts@2026-06-30: [{account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}],
          touchpoints: [{account_id: A, occurred_at: 2026-04-30}, {account_id: B, occurred_at: 2026-05-01},
                        {account_id: A, occurred_at: 2026-06-29}]}",
    )
}

fn night(place: &Workshop, day: &str) -> Outcome {
    place.command(&["run", "--as-of", day]).ok()
}

/// Subject → state, opened, due and resolved, of the alerts about silence.
fn silent(place: &Workshop) -> BTreeMap<String, [String; 4]> {
    let rows = place.marts().rows("alerts");
    let of_silence = rows.iter().filter(|row| row["alert"] == "silent_account");
    let told =
        |row: &BTreeMap<String, String>| ["state", "opened_on", "due_on", "resolved_on"].map(|name| row[name].clone());
    of_silence.map(|row| (row["subject"].clone(), told(row))).collect()
}

fn state(of: [&str; 4]) -> [String; 4] {
    of.map(str::to_owned)
}

#[test]
fn an_alert_is_new_goes_on_and_is_resolved() {
    let place = Workshop::new(&nights());
    night(&place, "2026-06-28");
    let new = state(["new", "2026-06-28", "2026-07-12", ""]);
    assert_eq!(silent(&place), BTreeMap::from([("A".to_owned(), new)]), "60 days count, 59 do not");
    night(&place, "2026-06-29");
    let second = BTreeMap::from([
        ("A".to_owned(), state(["resolved", "2026-06-28", "2026-07-12", "2026-06-29"])),
        ("B".to_owned(), state(["new", "2026-06-29", "2026-07-13", ""])),
    ]);
    assert_eq!(silent(&place), second);
    let first_time = place.marts();
    night(&place, "2026-06-30");
    let mut third = second.clone();
    third.insert("B".to_owned(), state(["continuing", "2026-06-29", "2026-07-13", ""]));
    assert_eq!(silent(&place), third);
    // A night that is run again finds what it found the first time, whatever was found after it.
    night(&place, "2026-06-29");
    assert_eq!(silent(&place), second);
    assert_eq!(place.marts().bytes("alerts"), first_time.bytes("alerts"));
}

#[test]
fn an_action_is_open_then_overdue_then_done() {
    let project = Project::copy().edit("jobs/alerts.yaml", "due: 14 days", "due: 1 day");
    let place = Workshop::new(&nights()).with_project(&project);
    let action = |subject: &str| {
        let rows = place.marts().rows("actions");
        let mut of = rows.iter().filter(|row| row["alert"] == "silent_account" && row["subject"] == subject);
        of.next().map(|row| (row["state"].clone(), row["due_on"].clone()))
    };
    let is = |state: &str, due: &str| Some((state.to_owned(), due.to_owned()));
    night(&place, "2026-06-28");
    assert_eq!(action("A"), is("open", "2026-06-29"));
    assert_eq!(action("B"), None);
    // Without the second touch of A, it stays silent.
    let silence = Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A, listed_on: 2026-01-01}],
          touchpoints: [{account_id: A, occurred_at: 2026-04-30}]}",
    );
    place.relaid(&silence);
    night(&place, "2026-06-30");
    assert_eq!(action("A"), is("overdue", "2026-06-29"));
    place.relaid(&nights());
    night(&place, "2026-06-30");
    assert_eq!(action("A"), is("done", "2026-06-29"));
}

#[test]
fn an_alert_reads_the_period_before() {
    let lake = Lake::parse(
        "{as_of: 2026-06-30,
          accounts: [{account_id: A}, {account_id: B}, {account_id: C}],
          account_health: [{account_id: A, day: 2026-05-10, score: 80}, {account_id: A, day: 2026-06-10, score: 65},
                           {account_id: B, day: 2026-05-10, score: 80}, {account_id: B, day: 2026-06-10, score: 66},
                           {account_id: C, day: 2026-06-10, score: 10}],
          touchpoints: [{account_id: A, occurred_at: 2026-06-01}]}",
    );
    let place = Workshop::new(&lake);
    place.run().ok();
    let rows = place.marts().rows("alerts");
    let fallen: Vec<_> = rows.iter().filter(|row| row["alert"] == "falling_health").collect();
    assert_eq!(fallen.len(), 1, "15 points are a fall, 14 are none, and C had no score before");
    assert_eq!((fallen[0]["subject"].as_str(), fallen[0]["value"].as_str()), ("A", "-15"));
}

#[test]
fn a_cell_of_the_cube_raises_an_alert_against_its_target() {
    let lake = Lake::parse(
        "{as_of: 2026-06-30,
          accounts: [{account_id: A, region: EMEA}],
          targets: [{kpi: pipeline_velocity, period_grain: month, region: EMEA, target: 1000}],
          touchpoints: [{account_id: A, occurred_at: 2026-06-01}],
          opportunities: [{opportunity_id: won, account_id: A, created_at: 2026-05-01, closed_at: 2026-05-31, is_won: true, amount: 100},
                          {opportunity_id: open, account_id: A, created_at: 2026-05-01, advanced: true}]}",
    );
    let place = Workshop::new(&lake);
    place.run().ok();
    let rows = place.marts().rows("alerts");
    let slow: Vec<_> = rows.iter().filter(|row| row["alert"] == "slow_pipeline").collect();
    let subjects: Vec<&str> = slow.iter().map(|row| row["subject"].as_str()).collect();
    assert!(subjects.contains(&"pipeline_velocity region=EMEA"), "{subjects:?}");
    let emea = slow.iter().find(|row| row["subject"] == "pipeline_velocity region=EMEA").expect("EMEA's");
    assert_eq!(
        (emea["kpi"].as_str(), emea["region"].as_str(), emea["threshold"].as_str()),
        ("pipeline_velocity", "EMEA", "1000")
    );
}

// ---- deliveries -----------------------------------------------------------------------------------------------------

fn told(place: &Workshop, day: &str, service: &str) -> Outcome {
    place.command_with(&["run", "--as-of", day], &[("ABMART_ALERTS_WEBHOOK", service)]).ok()
}

fn texts(service: &Service) -> Vec<String> {
    let text = |request: &support::http::Request| request.body["text"].as_str().expect("Slack's `text`").to_owned();
    service.requests().iter().map(text).collect()
}

#[test]
fn what_is_new_is_sent_once_and_what_did_not_arrive_again() {
    let place = Workshop::new(&nights());
    let away = Service::answering(&[503; 9]);
    let outcome = told(&place, "2026-06-28", &away.url);
    assert!(outcome.stdout.contains("did not arrive: it answered 503"), "{}", outcome.stdout);
    let delivery = &place.results()["deliveries"][0];
    assert_eq!((delivery["sent"].as_u64(), delivery["failed"].as_u64()), (Some(0), Some(1)));
    assert!(away.requests().len() > 1, "a service that is away is tried again");
    let service = Service::answering(&[]);
    told(&place, "2026-06-28", &service.url);
    told(&place, "2026-06-28", &service.url);
    told(&place, "2026-06-29", &service.url);
    told(&place, "2026-06-30", &service.url);
    let texts = texts(&service);
    assert_eq!(texts.len(), 2, "{texts:?}");
    for (text, subject) in texts.iter().zip(["A", "B"]) {
        assert!(text.starts_with("*Silence after engagement* (warning): 1 new on 2026-06-"), "{text}");
        assert!(text.contains("Re-engage the account."), "{text}");
        assert!(text.contains(&format!("\n• {subject}: 60 (limit 60)")), "{text}");
    }
}

#[test]
fn nights_of_the_past_are_nobodys_news() {
    let place = Workshop::new(&nights());
    let service = Service::answering(&[]);
    let environment = [("ABMART_ALERTS_WEBHOOK", service.url.as_str())];
    place.command_with(&["backfill", "--from", "2026-06-28", "--to", "2026-06-30"], &environment).ok();
    assert!(service.requests().is_empty());
    told(&place, "2026-06-29", &service.url);
    assert_eq!(service.requests().len(), 1, "what is open when the nights are over is sent");
    told(&place, "2026-06-28", &service.url);
    assert_eq!(service.requests().len(), 1, "an earlier night sends nothing after a later one");
}

#[rstest]
#[case::nobody_there("http://127.0.0.1:9/services/T0/SECRET")]
#[case::no_url("SECRET")]
fn a_webhook_that_fails_fails_no_run_and_is_not_shown(#[case] webhook: &str) {
    let place = Workshop::new(&nights());
    let outcome = told(&place, "2026-06-28", webhook);
    let results = place.results().to_string();
    for text in [&outcome.stdout, &outcome.stderr, &results] {
        assert!(!text.contains("SECRET"), "{text}");
    }
    assert_eq!(place.results()["deliveries"][0]["failed"].as_u64(), Some(1));
    assert_eq!(place.results()["status"].as_str(), Some("published"));
}

#[test]
fn a_delivery_speaks_french_and_keeps_to_its_severity() {
    let project = Project::copy().edit("pipelines.yaml", "at_least: warning", "language: fr\n    at_least: critical");
    let place = Workshop::new(&nights()).with_project(&project);
    let service = Service::answering(&[]);
    told(&place, "2026-06-28", &service.url);
    assert!(service.requests().is_empty(), "silence is a warning");
    let project = Project::copy().edit("pipelines.yaml", "at_least: warning", "language: fr");
    let place = Workshop::new(&nights()).with_project(&project);
    told(&place, "2026-06-28", &service.url);
    assert!(texts(&service)[0].starts_with("*Silence après engagement* (warning): 1 en nouveauté le 2026-06-28"));
}

// ---- mistakes -------------------------------------------------------------------------------------------------------

#[rstest]
#[case::of_a_column(
    "where: engagement_band = 'hot' and target_list_on_list",
    "where: engagement_bant = 'hot'",
    "there is no column `engagement_bant`"
)]
#[case::of_the_period_before("prior_health_score -", "prior_health_scor -", "there is no column `prior_health_scor`")]
#[case::of_an_entity(
    "over: account\n    grain: quarter",
    "over: acount\n    grain: quarter",
    "`acount` is neither an entity nor `kpi_values`"
)]
#[case::of_an_aggregate("value: response_overdue", "value: sum(response_overdue)", "is an aggregate")]
#[case::of_a_grain(
    "grain: quarter\n    period: complete\n    where: target_list",
    "grain: day\n    period: complete\n    where: target_list",
    "no pipeline computes the periods"
)]
fn validate_finds_mistakes(#[case] from: &str, #[case] to: &str, #[case] words: &str) {
    let project = Project::copy().edit("jobs/alerts.yaml", from, to);
    project.command(&["validate"]).fails(2, &[words, "jobs/alerts.yaml:"]);
}
