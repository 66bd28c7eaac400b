//! What a generated lake promises, checked on the lake of the default options.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use abmart_sample::SampleOptions;
use abmart_sample::schema::{ColumnKind, Layout, TABLES};
use arrow::datatypes::{DataType, TimeUnit};
use support::{Lake, Rows};

static LAKE: LazyLock<Lake> = LazyLock::new(|| Lake::new(&SampleOptions::default()));

/// 2026-11-22
const UNTIL: i32 = 20_779;

#[test]
fn files_carry_the_models_columns_and_types() {
    assert_eq!(MODEL.len(), TABLES.len());
    for (table, columns) in MODEL {
        for path in LAKE.paths(table) {
            let rows = LAKE.file(path);
            let found: Vec<String> = rows
                .0
                .schema()
                .fields()
                .iter()
                .map(|field| {
                    let kind = match field.data_type() {
                        DataType::Utf8 => "string",
                        DataType::Date32 => "date",
                        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => "timestamp",
                        DataType::Int64 => "int64",
                        DataType::Float64 => "float64",
                        DataType::Boolean => "bool",
                        other => panic!("{path}: unexpected type {other}"),
                    };
                    format!("{}{}:{kind}", field.name(), if field.is_nullable() { "?" } else { "" })
                })
                .collect();
            assert_eq!(found.join(" "), *columns, "{path}");
        }
    }
}

#[test]
fn every_table_is_there_and_the_summary_tells_its_size() {
    for (table, summary) in TABLES.iter().zip(&LAKE.summary.tables) {
        assert_eq!(summary.table, table.name);
        let paths = LAKE.paths(table.name);
        assert_eq!(summary.files, paths.len() as u64, "{}", table.name);
        assert_eq!(summary.rows, LAKE.rows(table.name).len() as u64, "{}", table.name);
        let bytes: usize = paths.iter().map(|path| LAKE.files[*path].len()).sum();
        assert_eq!(summary.bytes, bytes as u64, "{}", table.name);
        assert!(summary.rows > 0, "{}", table.name);
    }
}

#[test]
fn sizes_are_those_that_were_asked_for() {
    assert_eq!(LAKE.rows("touchpoints").len(), 60_000);
    assert_eq!(LAKE.current("accounts").len(), 400);
    let contacts = LAKE.current("contacts").len();
    assert!((6_500..9_500).contains(&contacts), "{contacts} contacts");
    assert_eq!(LAKE.partitions("accounts").len(), 18);
    assert_eq!(LAKE.partitions("touchpoints").len(), 18);
    assert_eq!(LAKE.partitions("opportunities"), ["opportunities/dt=2026-10-22", "opportunities/dt=2026-11-22"]);
}

#[test]
fn keys_are_unique_within_a_snapshot_and_over_all_events() {
    for table in TABLES.iter().filter(|table| !table.key.is_empty()) {
        let scopes = match table.layout {
            Layout::Snapshot => LAKE.partitions(table.name),
            Layout::Events => vec![table.name.to_owned()],
        };
        for scope in scopes {
            let rows = LAKE.rows(&scope);
            let columns: Vec<Vec<String>> = table.key.iter().map(|key| rows.display(key)).collect();
            let mut seen = HashSet::new();
            for row in 0..rows.len() {
                let key: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
                assert!(seen.insert(key.clone()), "{scope}: {key:?} occurs twice");
            }
        }
    }
}

#[test]
fn references_point_to_rows_that_exist() {
    let known = |table: &str, column: &str| -> HashSet<String> {
        LAKE.current(table).names(column).into_iter().map(str::to_owned).collect()
    };
    let targets: HashMap<&str, HashSet<String>> = [
        ("account_id", known("accounts", "account_id")),
        ("parent_account_id", known("accounts", "account_id")),
        ("contact_id", known("contacts", "contact_id")),
        ("campaign_id", known("campaigns", "campaign_id")),
        ("content_id", known("contents", "content_id")),
        ("owner_id", known("owners", "owner_id")),
        ("opportunity_id", known("opportunities", "opportunity_id")),
    ]
    .into();
    for table in TABLES {
        let rows = LAKE.rows(table.name);
        for column in table.columns.iter().filter(|column| column.kind == ColumnKind::Text) {
            let Some(target) = targets.get(column.name) else {
                continue;
            };
            for value in rows.texts(column.name).into_iter().flatten() {
                assert!(target.contains(value), "{}.{} = {value}", table.name, column.name);
            }
        }
    }
}

#[test]
fn every_value_of_every_enumeration_occurs_and_no_other() {
    for (place, values) in ENUMERATIONS {
        let (table, column) = place.split_once('.').unwrap();
        let rows = LAKE.rows(table);
        let found: BTreeSet<&str> = rows.texts(column).into_iter().flatten().collect();
        let listed: BTreeSet<&str> = values.split(' ').collect();
        assert_eq!(found, listed, "{place}");
    }
}

#[test]
fn events_lie_in_the_partition_of_their_month_and_not_after_the_last_day() {
    for (table, time) in [
        ("touchpoints", "occurred_at"),
        ("ad_stats", "day"),
        ("campaign_targets", "targeted_on"),
        ("opportunity_stages", "entered_at"),
        ("account_stages", "entered_at"),
        ("revenue", "month"),
        ("spend", "month"),
        ("staff", "month"),
        ("surveys", "answered_at"),
        ("account_health", "day"),
        ("follow_ups", "signalled_at"),
    ] {
        for partition in LAKE.partitions(table) {
            let month = partition.rsplit_once("ym=").unwrap().1;
            for value in LAKE.rows(&partition).display(time) {
                assert!(value.starts_with(month), "{partition}: {value}");
                assert!(value.as_str() < "2026-11-23", "{partition}: {value}");
            }
        }
    }
}

#[test]
fn nothing_is_known_before_it_happened() {
    let noon_after = i64::from(UNTIL + 1) * 86_400_000_000;
    for (table, column) in [
        ("opportunities", "created_at"),
        ("opportunities", "qualified_at"),
        ("opportunities", "closed_at"),
        ("account_stages", "decided_at"),
        ("follow_ups", "responded_at"),
    ] {
        let rows = LAKE.current(table);
        assert!(rows.instants(column).into_iter().flatten().all(|at| at < noon_after), "{table}.{column}");
    }
    for (table, column) in [
        ("contacts", "created_on"),
        ("accounts", "listed_on"),
        ("accounts", "delisted_on"),
        ("accounts", "customer_since"),
        ("campaigns", "launched_on"),
        ("contents", "produced_on"),
        ("contracts", "start_on"),
    ] {
        let rows = LAKE.current(table);
        assert!(rows.days(column).into_iter().flatten().all(|day| day <= UNTIL), "{table}.{column}");
    }
}

#[test]
fn an_older_snapshot_shows_deals_as_they_were_known_then() {
    let partitions = LAKE.partitions("opportunities");
    let (older, newer) = (LAKE.rows(&partitions[0]), LAKE.rows(&partitions[1]));
    let closed = |rows: &Rows| -> HashMap<String, Option<i64>> {
        let ids = rows.names("opportunity_id").into_iter().map(str::to_owned);
        ids.zip(rows.instants("closed_at")).collect()
    };
    let (before, after) = (closed(&older), closed(&newer));
    let closed_since = before.iter().filter(|(id, at)| at.is_none() && after[*id].is_some()).count();
    assert!(closed_since > 0);
    assert!(before.iter().all(|(id, at)| at.is_none() || after[id] == *at));
    assert!(after.len() > before.len());
}

#[test]
fn open_deals_have_no_result_and_closed_ones_do() {
    let rows = LAKE.current("opportunities");
    let stages = rows.names("stage");
    for (row, (closed, won)) in rows.instants("closed_at").into_iter().zip(rows.flags("is_won")).enumerate() {
        let expected = match (closed, won) {
            (Some(_), Some(true)) => stages[row] == "closed_won",
            (Some(_), Some(false)) => stages[row] == "closed_lost",
            (None, None) => !stages[row].starts_with("closed"),
            _ => false,
        };
        assert!(expected, "row {row}: {closed:?} {won:?} {}", stages[row]);
    }
}

#[test]
fn a_late_file_holds_rows_of_its_own_month_only() {
    let late = LAKE.file("touchpoints/ym=2026-09/late-0.parquet");
    assert!(late.len() > 10);
    assert!(late.display("occurred_at").iter().all(|at| at.starts_with("2026-09")));
    assert_eq!(LAKE.files.keys().filter(|path| path.contains("late")).count(), 1);
}

#[test]
fn every_day_that_money_carries_has_a_rate() {
    let rates = LAKE.current("fx_rates");
    let days = rates.days("day").into_iter().flatten();
    let known: HashSet<(i32, &str)> = days.zip(rates.names("currency")).collect();
    let euro = rates.names("currency").into_iter().zip(rates.numbers("rate"));
    assert!(euro.filter(|(currency, _)| *currency == "EUR").all(|(_, rate)| rate == Some(1.0)));
    for (table, column) in [
        ("opportunities", "created_at"),
        ("opportunities", "closed_at"),
        ("contracts", "start_on"),
        ("revenue", "month"),
        ("spend", "month"),
        ("ad_stats", "day"),
    ] {
        let rows = LAKE.current(table);
        let days: Vec<Option<i32>> = if column.ends_with("_at") {
            let day = |at: i64| i32::try_from(at.div_euclid(86_400_000_000)).unwrap();
            rows.instants(column).into_iter().map(|at| at.map(day)).collect()
        } else {
            rows.days(column)
        };
        for (day, currency) in days.into_iter().zip(rows.names("currency")) {
            let Some(day) = day else { continue };
            assert!(known.contains(&(day, currency)), "{table}.{column}: {currency} on day {day}");
        }
    }
    assert!(known.contains(&(UNTIL + 60, "JPY")));
}

#[test]
fn few_accounts_make_half_of_the_touches_and_some_make_none() {
    let touches = LAKE.rows("touchpoints");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for account in touches.names("account_id") {
        *counts.entry(account).or_default() += 1;
    }
    let mut sorted: Vec<usize> = counts.values().copied().collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let top: usize = sorted.iter().take(20).sum();
    assert!((24_000..36_000).contains(&top), "the top 5 % made {top} of 60000");
    let silent = 400 - counts.len();
    assert!((40..80).contains(&silent), "{silent} silent accounts");
}

#[test]
fn the_programme_pays() {
    let accounts = LAKE.current("accounts");
    let abm: HashMap<&str, bool> = accounts
        .names("account_id")
        .into_iter()
        .zip(accounts.names("program").into_iter().map(|p| p == "abm"))
        .collect();
    let rates = LAKE.current("fx_rates");
    let days = rates.days("day").into_iter().flatten();
    let rate: HashMap<(i32, &str), f64> =
        days.zip(rates.names("currency")).zip(rates.numbers("rate").into_iter().flatten()).collect();
    let deals = LAKE.current("opportunities");
    let (amounts, currencies) = (deals.numbers("amount"), deals.names("currency"));
    let created = deals.instants("created_at");
    // Per programme: closed, won, amount won, days to win.
    let mut sums = [[0.0_f64; 4]; 2];
    for (row, account) in deals.names("account_id").into_iter().enumerate() {
        let (Some(closed), Some(won)) = (deals.instants("closed_at")[row], deals.flags("is_won")[row]) else {
            continue;
        };
        let sum = &mut sums[usize::from(abm[account])];
        sum[0] += 1.0;
        if won {
            let micros = (closed - created[row].unwrap()) / 1_000_000;
            let day = i32::try_from(closed / 86_400_000_000).unwrap();
            sum[1] += 1.0;
            sum[2] += amounts[row].unwrap() * rate[&(day, currencies[row])];
            sum[3] += f64::from(i32::try_from(micros).unwrap()) / 86_400.0;
        }
    }
    let [other, programme] = sums;
    let ratio = |of: fn(&[f64; 4]) -> f64| of(&programme) / of(&other);
    let uplift = ratio(|s| s[2] / s[1]);
    assert!((1.4..2.8).contains(&uplift), "deal size uplift {uplift}");
    let cycle = ratio(|s| s[3] / s[1]);
    assert!((0.5..0.8).contains(&cycle), "cycle ratio {cycle}");
    let win = ratio(|s| s[1] / s[0]);
    assert!(win > 1.2, "win rate uplift {win}");
}

/// The model, told once more: name, `?` where it may be null, and type.
const MODEL: &[(&str, &str)] = &[
    (
        "accounts",
        "account_id:string name:string parent_account_id?:string region?:string country?:string bu?:string \
         tier?:string industry?:string program:string program_style?:string annual_revenue?:float64 \
         size_band?:string owner_id:string potential_value?:float64 currency:string listed_on?:date \
         delisted_on?:date customer_since?:date",
    ),
    (
        "contacts",
        "contact_id:string account_id:string function:string seniority:string country:string \
         at_headquarters:bool in_buying_committee:bool buying_group?:string consent:bool created_on:date",
    ),
    (
        "campaigns",
        "campaign_id:string name:string kind:string channel:string region?:string bu?:string tier?:string \
         signal_on?:date briefed_on:date launched_on?:date ended_on?:date",
    ),
    ("contents", "content_id:string title:string kind:string premium:bool produced_on:date region?:string bu?:string"),
    ("owners", "owner_id:string name:string role:string region:string bu:string"),
    (
        "touchpoints",
        "touch_id:string account_id:string contact_id?:string occurred_at:timestamp channel:string kind:string \
         direction:string campaign_id?:string content_id?:string duration_s?:float64 consumed?:float64 requested:bool",
    ),
    (
        "ad_stats",
        "day:date campaign_id:string account_id?:string source:string impressions:int64 clicks:int64 \
         cost:float64 currency:string",
    ),
    ("campaign_targets", "campaign_id:string account_id:string targeted_on:date"),
    (
        "opportunities",
        "opportunity_id:string account_id:string owner_id:string kind:string origin:string \
         marketing_sourced:bool stage:string advanced:bool amount:float64 tcv:float64 currency:string \
         created_at:timestamp qualified_at?:timestamp closed_at?:timestamp is_won?:bool expected_close_on?:date \
         probability?:float64",
    ),
    ("opportunity_stages", "opportunity_id:string stage:string entered_at:timestamp"),
    ("account_stages", "account_id:string stage:string entered_at:timestamp decision?:string decided_at?:timestamp"),
    (
        "contracts",
        "contract_id:string account_id:string opportunity_id?:string start_on:date end_on:date tcv:float64 \
         arr:float64 currency:string outcome?:string at_risk:bool renewed_arr?:float64",
    ),
    ("revenue", "account_id:string month:date kind:string amount:float64 gross_margin:float64 currency:string"),
    (
        "spend",
        "month:date category:string nature:string program:string campaign_id?:string account_id?:string \
         region?:string bu?:string tier?:string channel?:string amount:float64 currency:string",
    ),
    ("staff", "month:date region:string bu:string program:string fte:float64"),
    (
        "surveys",
        "survey_id:string kind:string account_id?:string contact_id?:string region?:string bu?:string \
         score:float64 answered_at:timestamp",
    ),
    ("account_health", "account_id:string day:date score:float64"),
    ("follow_ups", "account_id:string signalled_at:timestamp responded_at?:timestamp owner_id?:string"),
    (
        "targets",
        "kpi:string period_grain:string period_start?:date region?:string bu?:string tier?:string \
         industry?:string program?:string target:float64",
    ),
    ("fx_rates", "day:date currency:string rate:float64"),
];

const ENUMERATIONS: &[(&str, &str)] = &[
    ("accounts.region", "EMEA AMER APAC LATAM"),
    ("accounts.bu", "cloud security data"),
    ("accounts.tier", "strategic scale programmatic"),
    ("accounts.industry", "saas healthtech fintech manufacturing"),
    ("accounts.program", "abm non_abm"),
    ("accounts.program_style", "high_touch automated hybrid"),
    ("accounts.size_band", "small mid_market enterprise"),
    ("accounts.currency", "EUR USD GBP JPY"),
    ("contacts.function", "it finance operations marketing procurement legal hr other"),
    ("contacts.seniority", "c_level vp director manager contributor"),
    ("campaigns.kind", "personalised general"),
    ("touchpoints.channel", "web email ads social event sales product support intent"),
    ("touchpoints.direction", "inbound outbound"),
    (
        "touchpoints.kind",
        "page_view form_submit download premium_download content_view email_sent email_open email_click \
         email_reply ad_click social_interaction linkedin_interaction message_reply webinar event \
         exclusive_event demo_request sales_call sales_meeting product_usage support_ticket success_review \
         forward share internal_mention intent_competitor intent_pricing intent_topic",
    ),
    ("opportunities.kind", "new expansion renewal"),
    ("opportunities.origin", "abm inbound outbound partner event"),
    ("opportunities.stage", "discovery qualification solution proposal negotiation closed_won closed_lost"),
    ("account_stages.stage", "engaged mqa sqa opportunity customer"),
    ("account_stages.decision", "accepted rejected"),
    ("contracts.outcome", "renewed churned expanded contracted"),
    ("revenue.kind", "subscription services reference co_innovation partnership"),
    ("spend.category", "technology content advertising events staff training agency"),
    ("spend.nature", "direct indirect"),
    ("spend.program", "abm non_abm"),
    ("staff.program", "abm non_abm"),
    ("surveys.kind", "nps sales_marketing_alignment account_team"),
    ("fx_rates.currency", "EUR USD GBP JPY"),
];
