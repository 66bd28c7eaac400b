//! Laws that hold for every lake, on lakes that nobody wrote by hand.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use proptest::prelude::*;
use proptest::test_runner::Config;
use rstest::rstest;
use support::lake::parquet;
use support::marts::rows;
use support::program::{Project, Workshop, run};
use support::{Lake, Marts};

/// Each case runs the program several times, so there are few.
fn few() -> Config {
    Config { cases: 4, max_shrink_iters: 8, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn the_order_of_rows_their_files_and_the_number_of_threads_do_not_matter(lake in lakes(), parts in 1_usize..4) {
        let place = Workshop::new(&lake);
        place.command(&["run", "--threads", "2"]).ok();
        let expected = place.marts();
        place.relaid(&lake.shuffled(parts)).command(&["run", "--threads", "1"]).ok();
        let marts = place.marts();
        // The findings name the files that rows lie in, which are others now.
        let others: Vec<&str> = marts.differing(&expected).into_iter().filter(|mart| *mart != "data_quality").collect();
        prop_assert_eq!(others, Vec::<&str>::new());
        prop_assert_eq!(without_files(&marts), without_files(&expected));
    }

    #[test]
    fn what_is_taken_apart_adds_up(lake in lakes()) {
        let place = Workshop::new(&lake);
        place.run().ok();
        leaves_add_up(&place.marts())?;
        contributions_add_up(&place.marts())?;
        cells_agree_with_themselves(&place.marts())?;
    }

    #[test]
    fn what_nobody_moves_is_the_same_then_and_now(lake in lakes()) {
        let place = Workshop::new(&lake);
        place.run().ok();
        let as_was = place.marts();
        let project = Project::copy().edit("pipelines.yaml", "dimensions: as_was", "dimensions: restated");
        let place = place.with_project(&project);
        place.command(&["run", "--full"]).ok();
        let restated = place.marts();
        prop_assert_eq!(restated.differing(&as_was), Vec::<&str>::new());
    }

    #[test]
    fn money_may_be_converted_before_it_is_added_up_or_after(mut lake in lakes()) {
        const RATE: f64 = 0.5;
        lake.rows("fx_rates").for_each(|row| { row.insert("rate".to_owned(), RATE.into()); });
        let place = Workshop::new(&lake);
        place.run().ok();
        let converted_by_the_program = place.marts().rows("kpi_values");
        for row in lake.rows("opportunities").filter(|row| row["currency"] == "USD") {
            for column in ["amount", "tcv"] {
                let amount = row[column].as_f64().expect("an amount") * RATE;
                row.insert(column.to_owned(), amount.into());
            }
            row.insert("currency".to_owned(), "EUR".into());
        }
        place.relaid(&lake);
        place.run().ok();
        let converted_before = place.marts().rows("kpi_values");
        prop_assert_eq!(converted_before.len(), converted_by_the_program.len());
        for (one, other) in converted_by_the_program.iter().zip(&converted_before) {
            let [one_value, other_value] = [one, other].map(|row| row["value"].parse::<f64>().ok());
            let close = match (one_value, other_value) {
                (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
                (one, other) => one.is_none() == other.is_none(),
            };
            prop_assert!(close, "{one:?} is not {other:?}");
        }
    }
}

/// The rows of `data_quality` without the names of files.
fn without_files(marts: &Marts) -> Vec<BTreeMap<String, String>> {
    let mut rows = marts.rows("data_quality");
    for row in &mut rows {
        row.remove("files");
    }
    rows
}

/// Counts and amounts of all finest cells make up the total, in every period.
fn leaves_add_up(marts: &Marts) -> Result<(), TestCaseError> {
    const ADDITIVE: [&str; 14] = [
        "target_accounts",
        "engaged_accounts",
        "hot_accounts",
        "warm_accounts",
        "cold_accounts",
        "event_participations",
        "opportunities_created",
        "pipeline_created",
        "tcv_created",
        "open_pipeline",
        "weighted_pipeline",
        "tcv_won",
        "revenue",
        "cost_total",
    ];
    let mut sums: BTreeMap<(String, String, String), (f64, f64)> = BTreeMap::new();
    for row in marts.rows("kpi_values") {
        let Ok(value) = row["value"].parse::<f64>() else { continue };
        let known = ADDITIVE.contains(&row["kpi"].as_str());
        if !known || (row["cut"] != "all" && row["cut"] != "region+bu+tier+industry+program") {
            continue;
        }
        let key = (row["kpi"].clone(), row["period_grain"].clone(), row["period_start"].clone());
        let (total, leaves) = sums.entry(key).or_default();
        *(if row["cut"] == "all" { total } else { leaves }) += value;
    }
    prop_assert!(sums.len() > ADDITIVE.len(), "there are periods to look at");
    for (cell, (total, leaves)) in sums {
        prop_assert!((total - leaves).abs() <= 1e-9 * total.abs().max(1.0), "{cell:?}: {total} is not {leaves}");
    }
    Ok(())
}

/// A quotient is what it is made of, a cohort does not convert more than itself, and siblings make up their parent.
fn cells_agree_with_themselves(marts: &Marts) -> Result<(), TestCaseError> {
    let (mut quotients, mut families) = (0, BTreeMap::<[String; 4], f64>::new());
    for row in marts.rows("kpi_values") {
        let number = |name: &str| row[name].parse::<f64>().ok();
        if let (Some(value), Some(top), Some(bottom)) = (number("value"), number("numerator"), number("denominator")) {
            quotients += 1;
            prop_assert!((value - top / bottom).abs() <= 1e-9 * value.abs().max(1.0), "{row:?}");
            prop_assert!(number("immature").is_none() || value <= 1.0, "{row:?}");
        }
        // One dimension: its cells are all children of the grand total.
        if let Some(share) = number("share_of_parent").filter(|_| row["cut"] == "region") {
            let family = ["kpi", "period_grain", "period_start", "cut"].map(|name| row[name].clone());
            *families.entry(family).or_default() += share;
        }
    }
    prop_assert!(quotients > 0 && !families.is_empty(), "there are cells to look at");
    for (family, sum) in families {
        prop_assert!((sum - 1.0).abs() <= 1e-9, "the shares of {family:?} add up to {sum}");
    }
    Ok(())
}

/// The contributions of an account in a period make up its score.
fn contributions_add_up(marts: &Marts) -> Result<(), TestCaseError> {
    let mut sums: BTreeMap<[String; 3], f64> = BTreeMap::new();
    for row in marts.rows("account_scores") {
        let key = ["account_id", "period_grain", "period_start"].map(|name| row[name].clone());
        *sums.entry(key).or_default() += row["contribution"].parse::<f64>().unwrap_or(f64::NAN);
    }
    let mut scored = 0;
    for row in marts.rows("account_360") {
        let key = ["account_id", "period_grain", "period_start"].map(|name| row[name].clone());
        let score: f64 = row["engagement_score"].parse().unwrap_or(f64::NAN);
        let sum = sums.get(&key).copied().unwrap_or(0.0);
        scored += usize::from(score > 0.0);
        prop_assert!((score - sum).abs() <= 1e-9 * score.max(1.0), "{key:?}: {score} is not {sum}");
    }
    prop_assert!(scored > 0, "somebody has a score");
    Ok(())
}

/// Lakes of a few accounts with touches, deals, revenue and spend in two months.
fn lakes() -> impl Strategy<Value = Lake> {
    let account = 0..6_u8;
    let day = 1..29_u8;
    let cents = 1..100_000_000_i64;
    let touch = (account.clone(), 0..4_u8, 5..7_u8, day.clone(), 0..5_usize, prop::option::of(0.0..1.0_f64));
    let deal = (account.clone(), 5..7_u8, day.clone(), cents.clone(), any::<bool>(), prop::option::of(day));
    let amount = (account.clone(), 5..7_u8, cents.clone());
    (
        prop::collection::vec(touch, 5..60),
        prop::collection::vec(deal, 1..20),
        prop::collection::btree_map((account, 5..7_u8, 0..3_usize), cents, 1..12),
        prop::collection::vec(amount, 1..12),
    )
        .prop_map(|(touches, deals, revenue, spend)| {
            let mut text = String::from(FRAME);
            text.push_str("touchpoints:\n");
            for (account, person, month, day, kind, consumed) in touches {
                let kind = ["page_view", "download", "webinar", "email_sent", "intent_topic"][kind];
                let consumed = consumed.map_or("null".to_owned(), |share| share.to_string());
                let direction = if kind == "email_sent" { "outbound" } else { "inbound" };
                let _ = writeln!(text, "  - {{account_id: A{account}, contact_id: p{person}, kind: {kind}, direction: {direction}, consumed: {consumed}, occurred_at: 2026-{month:02}-{day:02} 12:00}}");
            }
            text.push_str("opportunities:\n");
            for (account, month, day, cents, dollars, closed) in deals {
                let currency = if dollars { "USD" } else { "EUR" };
                let end = closed.map_or("closed_at: null".to_owned(), |day| format!("closed_at: 2026-06-{day:02} 23:00, is_won: {}", day % 2 == 0));
                let _ = writeln!(text, "  - {{account_id: A{account}, amount: {}, tcv: {}, probability: 0.3, currency: {currency}, created_at: 2026-{month:02}-{day:02}, {end}}}", euros(cents), euros(cents * 2));
            }
            text.push_str("revenue:\n");
            for ((account, month, kind), cents) in revenue {
                let kind = ["subscription", "services", "reference"][kind];
                let _ = writeln!(text, "  - {{account_id: A{account}, month: 2026-{month:02}-01, kind: {kind}, amount: {}}}", euros(cents));
            }
            text.push_str("spend:\n");
            for (account, month, cents) in spend {
                let scope = ["account_id: A1", "campaign_id: spring", "region: EMEA", "tier: scale", "region: MARS", "bu: null"][usize::from(account)];
                let _ = writeln!(text, "  - {{month: 2026-{month:02}-01, {scope}, amount: {}}}", euros(cents));
            }
            Lake::parse(&text)
        })
}

fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Accounts in different cells, some of them without dimensions, A5 in no list.
const FRAME: &str = r#"
as_of: 2026-06-30
accounts:
  - {account_id: A0, region: EMEA, bu: cloud, tier: scale, industry: saas, listed_on: 2026-01-01}
  - {account_id: A1, region: EMEA, bu: data, tier: strategic, industry: fintech, listed_on: 2026-05-15}
  - {account_id: A2, region: AMER, bu: cloud, tier: scale, industry: healthtech, program: non_abm}
  - {account_id: A3, region: AMER, industry: saas, program: non_abm, listed_on: 2026-01-01, delisted_on: 2026-06-10}
  - {account_id: A4}
contacts:
  - {contact_id: p0, account_id: A0, seniority: c_level, at_headquarters: true}
  - {contact_id: p1, account_id: A1, seniority: director, in_buying_committee: true}
  - {contact_id: p2, account_id: A2, seniority: contributor}
campaign_targets:
  - {campaign_id: spring, account_id: "A{0..3}", targeted_on: 2026-05-01}
fx_rates:
  - {day: "2026-05-{01..31}", currency: USD, rate: 0.9137}
  - {day: "2026-06-{01..30}", currency: USD, rate: 0.8871}
"#;

#[test]
fn a_generated_lake_gives_the_same_marts_however_it_is_laid_and_on_any_number_of_threads() {
    let place = Workshop::new(&Lake::parse("as_of: 2026-06-30"));
    let out = place.lake();
    std::fs::remove_dir_all(&out).expect("the empty lake");
    let options = ["sample", "--accounts", "30", "--months", "3", "--touchpoints", "3000", "--out"];
    run(&[&options[..], &[&out.to_string_lossy()]].concat()).ok();
    place.command(&["run", "--threads", "1"]).ok();
    let expected = place.marts();
    relay(&out);
    place.command(&["run", "--threads", "2"]).ok();
    assert_eq!(place.marts().differing(&expected), Vec::<&str>::new());
}

/// Turns the rows of every file round and makes two files of each.
fn relay(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            relay(&path);
            continue;
        }
        let whole = rows(&std::fs::read(&path).expect("a file").into());
        let rows = u32::try_from(whole.num_rows()).expect("a small file");
        let turned = take_record_batch(&whole, &UInt32Array::from_iter_values((0..rows).rev())).expect("all rows");
        let half = turned.num_rows() / 3;
        std::fs::write(&path, parquet(&turned.slice(0, half))).expect("a file that can be written");
        let rest = parquet(&turned.slice(half, turned.num_rows() - half));
        std::fs::write(path.with_extension("late.parquet"), rest).expect("a file that can be written");
    }
}

#[test]
fn a_sum_past_two_to_the_31_does_not_wrap() {
    let mut lake = Lake::parse("{as_of: 2026-06-30, accounts: [{account_id: A}]}");
    for day in ["2026-06-01", "2026-06-02", "2026-06-03"] {
        let row =
            serde_json::json!({"day": day, "account_id": "A", "impressions": 2_000_000_000, "clicks": 1_500_000_000});
        lake.add("ad_stats", [serde_json::from_value(row).expect("a row")]);
    }
    let lake = lake.with_batch("ad_stats", |batch| narrowed(batch, &["impressions", "clicks"]));
    let place = Workshop::new(&lake);
    place.run().ok();
    let cell = place.marts().cell("ad_click_through_rate", "month", "2026-06-01", &[]);
    assert_eq!((cell.numerator, cell.denominator), (Some(4.5e9), Some(6e9)));
    assert_eq!(cell.value, Some(0.75));
}

/// The batch with these columns as 32-bit integers, as many systems write them.
fn narrowed(batch: &RecordBatch, names: &[&str]) -> RecordBatch {
    let schema = batch.schema();
    let fields = schema.fields().iter().map(|field| {
        let narrow = || Arc::new(Field::new(field.name(), DataType::Int32, true));
        if names.contains(&field.name().as_str()) { narrow() } else { Arc::clone(field) }
    });
    let fields: Vec<_> = fields.collect();
    let columns =
        batch.columns().iter().zip(&fields).map(|(column, field)| cast(column, field.data_type()).expect("a number"));
    let columns: Vec<_> = columns.collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
}

#[test]
fn a_month_in_which_nothing_happened_has_zeros_and_nulls() {
    let place = Workshop::new(&Lake::parse(
        "{as_of: 2026-06-30, accounts: [{account_id: A, listed_on: 2026-01-01}], touchpoints: [
          {account_id: A, occurred_at: 2026-04-10}, {account_id: A, kind: download, consumed: null, occurred_at: 2026-06-10}]}",
    ));
    place.run().ok();
    let marts = place.marts();
    let may = |kpi: &str| marts.cell(kpi, "month", "2026-05-01", &[]).value;
    for zero in [
        "engaged_accounts",
        "pipeline_created",
        "revenue",
        "cost_total",
        "account_engagement_score",
        "target_account_coverage",
    ] {
        assert_eq!(may(zero), Some(0.0), "{zero}");
    }
    for null in [
        "win_rate",
        "roi",
        "sales_cycle_days_median",
        "content_consumption_rate",
        "net_promoter_score",
        "mqa_to_sqa_rate",
    ] {
        assert_eq!(may(null), None, "{null}");
    }
    assert_eq!(marts.cell("content_consumption_rate", "month", "2026-06-01", &[]).value, None, "nothing but nulls");
    let june = marts.cell("engaged_accounts", "month", "2026-06-01", &[]);
    assert_eq!((june.value, june.prior_value), (Some(1.0), Some(0.0)), "the empty month is the month before");
}

const MOVED: &str = "{as_of: 2026-06-30,
  accounts@2026-05-31: [{account_id: A, region: EMEA}],
  accounts: [{account_id: A, region: APAC}],
  revenue: [{account_id: A, month: 2026-05-01, amount: 100}, {account_id: A, month: 2026-06-01, amount: 50}]}";

fn revenue_by_region(place: &Workshop) -> [Option<f64>; 4] {
    let marts = place.marts();
    [("2026-05-01", "EMEA"), ("2026-06-01", "EMEA"), ("2026-05-01", "APAC"), ("2026-06-01", "APAC")].map(
        |(month, region)| {
            marts
                .try_cell("revenue", "month", month, &[("region", region)])
                .and_then(|cell| cell.value)
                .filter(|value| *value != 0.0)
        },
    )
}

#[test]
fn an_account_that_moves_leaves_its_past_where_it_was() {
    let place = Workshop::new(&Lake::parse(MOVED));
    place.run().ok();
    assert_eq!(revenue_by_region(&place), [Some(100.0), None, None, Some(50.0)]);
}

#[test]
fn restated_it_takes_its_past_along() {
    let project = Project::copy().edit("pipelines.yaml", "dimensions: as_was", "dimensions: restated");
    let place = Workshop::new(&Lake::parse(MOVED)).with_project(&project);
    place.run().ok();
    assert_eq!(revenue_by_region(&place), [None, None, Some(100.0), Some(50.0)]);
}

// ---- Ids are numbers inside, texts to everybody else ------------------------------------------------------------------

/// What stands for an id in a query's result must be the id, whatever was done with it on the way.
#[rstest]
#[case::in_a_function("upper(account_id) as account_id")]
#[case::put_together("concat(substr(account_id, 1, 1), substr(account_id, 2)) as account_id")]
#[case::in_a_case("case when account_id like 'X%' then 'none' else account_id end as account_id")]
#[case::against_a_text("coalesce(nullif(account_id, 'none'), 'none') as account_id")]
fn an_id_may_be_used_as_text(#[case] expression: &str) {
    let project = Project::copy().edit(
        "jobs/pipeline.yaml",
        "select opportunity_id, account_id, owner_id, origin,",
        &format!("select opportunity_id, {expression}, owner_id, origin,"),
    );
    project.command(&["validate"]).ok();
    let lake = Lake::fixture("deals");
    let created = |place: &Workshop| {
        place.run().ok();
        let cell = place.marts().cell("pipeline_created", "month", "2026-06-01", &[]);
        (cell.value, cell.n)
    };
    let as_shipped = created(&Workshop::new(&lake));
    assert!(as_shipped.0 > Some(0.0) && as_shipped.1 == 1, "{as_shipped:?}");
    assert_eq!(created(&Workshop::new(&lake).with_project(&project)), as_shipped);
}

/// Costs exist from the month upwards: a mart that shows weeks too has none there, and is no less right for it.
#[test]
fn a_mart_shows_periods_in_which_not_all_of_its_facts_exist() {
    let place = Workshop::new(&Lake::fixture("healthy"));
    place.run().ok();
    let shipped = place.marts().rows("account_360");
    let grains = "grains: [month, quarter, year]\n    key: [period_grain, period_start, account_id]";
    let project = Project::copy().edit("jobs/marts.yaml", grains, &grains.replace("[month", "[week, month")).edit(
        "jobs/marts.yaml",
        "cost: {description: Spend of the period that the account bears., unit: money, not_null: true}",
        "cost: {description: Spend of the period that the account bears., unit: money}",
    );
    let project = project.edit(
        "jobs/marts.yaml",
        "revenue: {description: Recognised revenue of the period., unit: money, not_null: true}",
        "revenue: {description: Recognised revenue of the period., unit: money}",
    );
    let place = place.with_project(&project);
    place.run().ok();
    let (months, weeks): (Vec<_>, Vec<_>) =
        place.marts().rows("account_360").into_iter().partition(|row| row["period_grain"] != "week");
    assert_eq!(months, shipped);
    assert!(!weeks.is_empty() && weeks.iter().all(|week| week["cost"].is_empty() && !week["touches"].is_empty()));
}
