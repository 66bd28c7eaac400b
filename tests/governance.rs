//! Who defines what, and who sees it: packs of regions, the log of definitions, reviews of what was published.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::sync::LazyLock;

use rstest::rstest;
use support::Lake;
use support::program::{Project, Workshop};

/// Two nights of a small company.
fn nights() -> Lake {
    Lake::parse(
        "{as_of: 2026-06-29,
          accounts: [{account_id: A, region: APAC, customer_since: 2026-01-01}, {account_id: B, region: EMEA}],
          accounts@2026-06-30: [{account_id: A, region: APAC, customer_since: 2026-01-01}, {account_id: B, region: EMEA}],
          touchpoints: [{account_id: A, occurred_at: 2026-05-10}, {account_id: B, occurred_at: 2026-06-10}]}",
    )
}

static PUBLISHED: LazyLock<Workshop> = LazyLock::new(|| {
    let place = Workshop::new(&nights());
    place.run().ok();
    place
});

#[test]
fn a_local_kpi_has_values_where_its_pack_holds_and_nowhere_else() {
    let rows = PUBLISHED.marts().rows("kpi_values");
    let mine: Vec<_> = rows.iter().filter(|row| row["kpi"] == "apac_relationship_tenure_days").collect();
    assert!(!mine.is_empty());
    for row in mine {
        assert_eq!(row["value"].is_empty(), row["region"] != "APAC", "{row:?}");
    }
    let catalogue = PUBLISHED.marts().rows("kpi_catalog");
    let of = |kpi: &str| {
        let row = catalogue.iter().find(|row| row["kpi"] == kpi).expect("a KPI");
        (row["scope"].clone(), row["holds_in"].clone())
    };
    assert_eq!(of("apac_relationship_tenure_days"), ("local".to_owned(), "region=APAC".to_owned()));
    assert_eq!(of("win_rate"), ("core".to_owned(), String::new()));
}

#[rstest]
#[case::a_core_name("  apac_relationship_tenure_days:", "  win_rate:", &["KPI `win_rate` is defined twice", "its own names begin with `apac_`"])]
#[case::another_name("  apac_relationship_tenure_days:", "  tenure_days:", &["KPI `tenure_days` of the pack `apac` does not begin with `apac_`", "`apac_tenure_days`"])]
#[case::an_unknown_dimension("scope: {region: APAC}", "scope: {regoin: APAC}", &["`regoin` is not a dimension", "did you mean `region`?"])]
#[case::a_prefix_that_is_taken("pack: {prefix: apac,", "pack: {prefix: amer,", &["`amer` is the prefix of the pack"])]
fn a_pack_that_clashes_is_refused(#[case] from: &str, #[case] to: &str, #[case] words: &[&str]) {
    Project::copy().edit("jobs/local/apac.yaml", from, to).command(&["validate"]).fails(2, words);
}

#[test]
fn the_log_tells_when_a_kpi_changed_its_meaning() {
    let before = Project::copy();
    let after = Project::copy().edit(
        "jobs/pipeline.yaml",
        "formula: sum(closings.won) / sum(closings.closed)",
        "formula: sum(closings.won) / (sum(closings.closed) + 0)",
    );
    let place = Workshop::new(&nights()).with_project(&before);
    place.command(&["run", "--as-of", "2026-06-29"]).ok();
    let place = place.with_project(&after);
    place.command(&["run", "--as-of", "2026-06-30"]).ok();
    let changes = place.marts().rows("kpi_changes");
    let of = |kpi: &str| -> Vec<[String; 2]> {
        let mine = changes.iter().filter(|row| row["kpi"] == kpi);
        mine.map(|row| [row["changed_on"].clone(), row["change"].clone()]).collect()
    };
    let told = |rows: &[[&str; 2]]| rows.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(of("win_rate"), told(&[["2026-06-29", "added"], ["2026-06-30", "redefined"]]));
    assert_eq!(of("engaged_accounts"), told(&[["2026-06-29", "added"]]));
    let catalogue = place.marts().rows("kpi_catalog");
    let since = |kpi: &str| catalogue.iter().find(|row| row["kpi"] == kpi).expect("a KPI")["defined_on"].clone();
    assert_eq!([since("win_rate"), since("engaged_accounts")], ["2026-06-30", "2026-06-29"]);
    // The same night again says the same.
    let once = place.marts();
    place.command(&["run", "--as-of", "2026-06-30"]).ok();
    assert_eq!(place.marts().bytes("kpi_changes"), once.bytes("kpi_changes"));
}

#[test]
fn a_view_shows_its_region_only_and_says_whom_it_is_for() {
    let marts = PUBLISHED.marts();
    let rows = marts.rows("apac_kpi_values");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["region"] == "APAC"));
    let file =
        parquet::file::reader::SerializedFileReader::new(marts.bytes("apac_kpi_values").clone()).expect("Parquet");
    let metadata = parquet::file::reader::FileReader::metadata(&file).file_metadata().key_value_metadata();
    let audience = metadata.expect("metadata").iter().find(|entry| entry.key.ends_with("audience"));
    assert_eq!(audience.and_then(|entry| entry.value.as_deref()), Some("apac-marketing"));
}

#[test]
fn a_wide_row_holds_what_the_long_ones_do() {
    let marts = PUBLISHED.marts();
    let wide = marts.row("kpi_wide", &[("period_grain", "month"), ("period_start", "2026-06-01"), ("cut", "all")]);
    for kpi in ["engaged_accounts", "target_accounts", "cold_accounts", "win_rate"] {
        let value = marts.cell(kpi, "month", "2026-06-01", &[]).value;
        assert_eq!(wide[kpi].parse::<f64>().ok(), value, "{kpi}");
    }
}

// ---- reviews --------------------------------------------------------------------------------------------------------

#[test]
fn a_review_shows_what_was_published_and_leaves_it_alone() {
    let place = Workshop::new(&nights());
    place.command(&["run", "monthly"]).fails(1, &["is not published", "`abmart run nightly` comes first"]);
    place.run().ok();
    let before = place.marts();
    // The lake is not even looked at.
    std::fs::remove_dir_all(place.lake()).expect("a lake");
    place.command(&["run", "monthly"]).ok();
    let after = place.marts();
    assert_eq!(after.bytes("kpi_values"), before.bytes("kpi_values"));
    let engaged = after.row("monthly_review", &[("kpi", "opportunities_created"), ("cut", "all")]);
    assert_eq!(engaged["period_start"], "2026-05-01", "the newest month that is over");
    assert_eq!(place.results()["as_of"].as_str(), Some("2026-06-30"));
    place.command(&["run", "monthly", "--as-of", "2026-06-29"]).fails(1, &["the published marts are of 2026-06-30"]);
    place.command(&["plan", "monthly"]).fails(2, &["`nightly` is the one to name"]);
}

#[rstest]
#[case::of_no_pipeline("from: nightly\n    marts: [weekly_review]", "from: nigthly\n    marts: [weekly_review]", &["did you mean `nightly`?"])]
#[case::of_another_review("from: nightly\n    marts: [weekly_review]", "from: monthly\n    marts: [weekly_review]", &["`monthly` computes nothing itself"])]
#[case::without_marts("from: nightly\n    marts: [weekly_review]", "from: nightly", &["marts"])]
#[case::that_computes("from: nightly\n    marts: [weekly_review]", "from: nightly\n    marts: [weekly_review]\n    periods: {month: {}}", &["periods"])]
#[case::of_what_is_not_published("from: nightly\n    marts: [weekly_review]", "from: nightly\n    marts: [account_scores]", &["is no mart that the pipeline `nightly` publishes"])]
#[case::without_the_cube("    cube: [region, bu, tier, industry, program]\n", "    marts: [executive_summary]\n", &["reads values of KPIs, which the pipeline does not publish"])]
fn a_review_that_cannot_be_is_refused(#[case] from: &str, #[case] to: &str, #[case] words: &[&str]) {
    Project::copy().edit("pipelines.yaml", from, to).command(&["validate"]).fails(2, words);
}

// ---- targets and benchmarks ------------------------------------------------------------------------------------------

#[rstest]
#[case::a_kpi("account_engagement_score,saas", "account_engagement_scor,saas", &["is not a KPI of the project", "benchmarks.csv:2"])]
#[case::a_size(",,small,,", ",,tiny,,", &["no account has `size_band` tiny", "benchmarks.csv:"])]
fn a_benchmark_of_nothing_is_refused(#[case] from: &str, #[case] to: &str, #[case] words: &[&str]) {
    Project::copy().edit("data/reference/benchmarks.csv", from, to).command(&["validate"]).fails(2, words);
}

#[test]
fn a_target_of_no_kpi_is_found_in_the_lake() {
    let lake = Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A}],
          targets: [{kpi: engaged_acounts, period_grain: month, target: 5}, {kpi: engaged_accounts, period_grain: month, target: 4}],
          touchpoints: [{account_id: A, occurred_at: 2026-06-10}]}",
    );
    let place = Workshop::new(&lake);
    let outcome = place.run().ok();
    assert!(outcome.stdout.contains("`engaged_acounts` (did you mean `engaged_accounts`?)"), "{}", outcome.stdout);
    let row =
        place.marts().row("data_quality", &[("source", "targets"), ("column", "kpi"), ("check", "accepted_values")]);
    assert_eq!([row["rows_in"].as_str(), row["rows_failed"].as_str(), row["status"].as_str()], ["2", "1", "warned"]);
}

// ---- amounts that are divided up -------------------------------------------------------------------------------------

#[rstest]
#[case::a_share_that_is_lost(
    "p.amount * c.share",
    "p.amount * c.share * 0.9",
    "the sum of `amount` for month 2026-06-01, currency EUR is"
)]
#[case::a_row_that_is_dropped("where account_id is not null\n", "where account_id = 'nobody'\n", "2 sums differ")]
fn spend_that_does_not_come_out_again_ends_the_run(#[case] from: &str, #[case] to: &str, #[case] words: &str) {
    let lake = Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A}],
          fx_rates: [{day: 2026-06-01, currency: USD, rate: 0.9}],
          campaign_targets: [{campaign_id: C, account_id: A, targeted_on: 2026-06-01}],
          campaigns: [{campaign_id: C}],
          spend: [{month: 2026-06-01, campaign_id: C, amount: 100}, {month: 2026-06-01, account_id: A, amount: 10},
                  {month: 2026-06-01, account_id: A, amount: 10, currency: USD}],
          touchpoints: [{account_id: A, occurred_at: 2026-06-10}]}",
    );
    let whole = Workshop::new(&lake);
    whole.run().ok();
    let project = Project::copy().edit("jobs/revenue.yaml", from, to);
    let place = Workshop::new(&lake).with_project(&project);
    place.run().fails(1, &["table `allocated_spend`", "does not reconcile with `monthly_spend`", words]);
    assert!(place.marts().names().is_empty(), "nothing is published");
}

// ---- thresholds that follow the data -----------------------------------------------------------------------------------

/// Ten accounts of one industry, of which the n-th makes n page views in May: scores of 1 to 10. A page view of A01 in June.
fn scored() -> Lake {
    let touches: Vec<String> =
        (1..=10).map(|n| format!("{{account_id: A{n:02}, occurred_at: 2026-05-10, times: {n}}}")).collect();
    Lake::parse(&format!(
        "{{as_of: 2026-05-31, accounts: [{{account_id: 'A{{01..10}}', industry: retail}}],
          accounts@2026-06-30: [{{account_id: 'A{{01..10}}', industry: retail}}],
          accounts@2026-07-31: [{{account_id: 'A{{01..10}}', industry: retail}}],
          touchpoints: [{}, {{account_id: A01, occurred_at: 2026-06-10, times: 9}}, {{account_id: A01, occurred_at: 2026-07-01, times: 9}}]}}",
        touches.join(", ")
    ))
}

#[test]
fn thresholds_follow_the_scores_from_the_next_month_on() {
    let project = Project::copy()
        .edit("jobs/engagement.yaml", "        warm: 0.6\n", "        warm: 0.6\n        at_least: 11\n")
        .edit("pipelines.yaml", "ADAPTIVE_BANDS: false", "ADAPTIVE_BANDS: true");
    let place = Workshop::new(&scored()).with_project(&project);
    let bands = |as_of: &str, value: &str| {
        let row = place.marts().row("score_bands", &[("as_of", as_of), ("value", value)]);
        ["hot", "warm", "hot_estimated", "warm_estimated", "n"].map(|name| row[name].clone())
    };
    let hot = |month: &str| place.marts().cell("hot_accounts", "month", month, &[]).value;
    place.command(&["run", "--as-of", "2026-06-30"]).ok();
    assert_eq!(bands("2026-06-30", "retail"), ["75", "45", "", "", "10"].map(str::to_owned), "11 scores are wanted");
    assert_eq!(hot("2026-05-01"), Some(0.0));
    place.command(&["run", "--as-of", "2026-07-31"]).ok();
    // 1 to 10 in May and 9 in June: of eleven in order, the 10th is 9 and the 7th is 7.
    assert_eq!(bands("2026-07-31", "retail"), ["75", "45", "9", "7", "11"].map(str::to_owned));
    assert_eq!(hot("2026-05-01"), Some(0.0), "what July estimates holds in August");
    let mut august = scored();
    august.add(
        "accounts@2026-08-31",
        (1..=10).map(|n| {
            support::lake::Row::from([
                ("account_id".to_owned(), serde_json::json!(format!("A{n:02}"))),
                ("industry".to_owned(), serde_json::json!("retail")),
            ])
        }),
    );
    place.relaid(&august);
    place.command(&["run", "--as-of", "2026-08-31"]).ok();
    assert_eq!(bands("2026-08-31", "retail")[..2], ["9", "7"].map(str::to_owned));
    assert_eq!(hot("2026-05-01"), Some(1.0), "A10 alone lies above 9");
    assert_eq!(hot("2026-06-01"), Some(0.0), "9 is not above 9");
}
