//! Where a number comes from: `abmart explain` against examples that a person can check, and against what runs publish.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use rstest::rstest;
use serde_json::Value;
use support::contract::root;
use support::marts::batches;
use support::program::{Files, Workshop, collect, run};
use support::{Lake, Marts};

fn coverage() -> Workshop {
    Workshop::new(&Lake::fixture("coverage"))
}

/// The explanations of some KPIs, as JSON.
fn explained(place: &Workshop, arguments: &[&str]) -> Value {
    let mut all = vec!["explain", "--json"];
    all.extend(arguments);
    serde_json::from_str(&place.command(&all).ok().stdout).expect("JSON")
}

fn texts(list: &Value, key: &str) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}

// ---- what is said ---------------------------------------------------------------------------------------------------

#[test]
fn a_ratio_is_named_entity_by_entity() {
    let told = explained(&coverage(), &["target_account_coverage", "--period", "2026-06"]);
    assert_eq!((told["period"]["name"].as_str(), told["as_of"].as_str()), (Some("2026-06"), Some("2026-06-30")));
    let told = &told["explanations"][0];
    let figure = |name: &str| told["figures"][name].as_f64();
    assert_eq!([figure("value"), figure("numerator"), figure("denominator")], [Some(0.6), Some(3.0), Some(5.0)]);
    let list = &told["contributions"][0];
    assert_eq!((list["entity"].as_str(), list["contributing"].as_u64()), (Some("account"), Some(5)));
    let members: Vec<(&str, Option<f64>, Option<f64>)> = list["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|member| {
            (
                member["key"][0].as_str().expect("an account"),
                member["numerator"].as_f64(),
                member["denominator"].as_f64(),
            )
        })
        .collect();
    let engaged = ["B1", "B2", "B9"].map(|account| (account, Some(1.0), Some(1.0)));
    let silent = ["B6", "B8"].map(|account| (account, Some(0.0), Some(1.0)));
    assert_eq!(members, [engaged.as_slice(), &silent].concat());
    assert_eq!(list["others"], Value::Null);
    let place = (told["formula"]["file"].as_str(), told["formula"]["line"].as_u64().is_some());
    assert_eq!(place, (Some("jobs/coverage.yaml"), true));
}

#[test]
fn what_is_not_shown_is_added_up() {
    let told = explained(&coverage(), &["target_account_coverage", "--period", "2026-06", "--top", "1"]);
    let list = &told["explanations"][0]["contributions"][0];
    assert_eq!(texts(&list["members"], "name").len(), 1);
    let others = &list["others"];
    let sums = ["count", "numerator", "denominator"].map(|name| others[name].as_f64());
    assert_eq!(sums, [Some(4.0), Some(2.0), Some(4.0)]);
}

#[test]
fn rows_are_counted_from_the_files_to_the_entities() {
    let told = explained(&coverage(), &["target_account_coverage", "--period", "2026-06"]);
    let steps = told["explanations"][0]["steps"].as_array().expect("steps").clone();
    let of = |kind: &str, name: &str| {
        let step = steps.iter().find(|step| step["kind"] == kind && step["name"] == name);
        step.unwrap_or_else(|| panic!("no {kind} {name} in {steps:?}"))["rows"].clone()
    };
    assert_eq!(of("source", "touchpoints")["in_files"], 13);
    let account = of("entity", "account");
    assert_eq!(["in_frame", "in_cut", "contribute"].map(|count| account[count].as_u64()), [Some(9), Some(9), Some(5)]);
    let place = |name: &str| steps.iter().position(|step| step["name"] == name).expect("a step");
    assert!(place("touchpoints") < place("activity"), "each after what it reads");
    let inputs = &told["explanations"][0]["inputs"];
    assert!(texts(inputs, "source").contains(&"touchpoints".to_owned()));
    assert!(!texts(inputs, "source").contains(&"opportunities".to_owned()), "what it does not need is not read");
}

#[test]
fn rows_behind_a_fact_are_those_of_the_period() {
    let place = coverage();
    let arguments = ["target_account_coverage", "--period", "2026-06", "--rows", "--entity", "B8,B9"];
    let told = explained(&place, &arguments);
    let rows = &told["explanations"][0]["rows"];
    let of = |fact: &str| {
        let found = rows.as_array().expect("a list").iter().find(|rows| rows["fact"] == fact);
        let found = found.unwrap_or_else(|| panic!("no rows of {fact} in {rows:?}"));
        let columns: Vec<&str> = found["columns"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
        let key = columns.iter().position(|name| *name == "account_id").expect("a key");
        let keys: Vec<String> = found["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row[key].as_str().expect("an id").to_owned())
            .collect();
        (keys, found["left_out"].as_u64())
    };
    // What B8 did lies before June.
    let (did, left_out) = of("activity");
    assert!(!did.is_empty() && did.iter().all(|account| account == "B9") && left_out == Some(0), "{did:?}");
    assert_eq!(of("target_list"), (vec!["B8".to_owned(), "B9".to_owned()], Some(0)));
    let limited = ["target_account_coverage", "--period", "2026-06", "--rows", "--limit", "1"];
    let told = explained(&place, &limited);
    let shown = told["explanations"][0]["rows"].as_array().expect("a list").clone();
    let target = shown.iter().find(|rows| rows["fact"] == "target_list").expect("a fact");
    assert_eq!((target["rows"].as_array().map(Vec::len), target["left_out"].as_u64()), (Some(1), Some(4)));
}

#[test]
fn of_snapshots_those_are_read_that_the_period_sees() {
    let lake = "{as_of: 2026-06-30,
      accounts@2026-04-30: [{account_id: A, region: APAC}],
      accounts@2026-05-31: [{account_id: A, region: EMEA, name: Before, listed_on: 2026-01-01}],
      accounts: [{account_id: A, region: APAC, name: After, listed_on: 2026-01-01}],
      touchpoints: [{account_id: A, occurred_at: 2026-05-10}]}";
    let place = Workshop::new(&Lake::parse(lake));
    let told = explained(&place, &["target_account_coverage", "--period", "2026-05", "--cut", "region=EMEA"]);
    let told = &told["explanations"][0];
    assert_eq!(told["contributions"][0]["members"][0]["name"], "Before");
    let inputs = told["inputs"].as_array().expect("inputs");
    let accounts = inputs.iter().find(|input| input["source"] == "accounts").expect("accounts");
    assert_eq!(texts(&accounts["files"], "day"), ["2026-05-31"]);
    assert_eq!(accounts["why"], "as it was: the newest snapshot before the period's end");
}

#[test]
fn medians_show_the_members_around_the_middle() {
    let place = Workshop::new(&Lake::fixture("deals"));
    let told = explained(&place, &["sales_cycle_days_median", "--period", "2026-06"]);
    let told = &told["explanations"][0];
    assert_eq!(
        (told["aggregates"][0]["adds_up"].as_bool(), told["contributions"].as_array().map(Vec::len)),
        (Some(false), Some(0))
    );
    let members = told["ranked"][0]["members"].as_array().expect("members").clone();
    let values: Vec<f64> = members.iter().filter_map(|member| member["value"].as_f64()).collect();
    assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
}

#[test]
fn kpis_of_kpis_are_told_with_their_values() {
    let place = Workshop::new(&Lake::fixture("lifetime_value"));
    let told = explained(&place, &["clv_to_cac", "--period", "2026", "--cut", "industry=media"]);
    let told = &told["explanations"][0];
    assert_eq!(texts(&told["kpis"], "kpi"), ["clv", "cac"]);
    let value = |item: &Value| item["value"].as_f64();
    let parts: Vec<Option<f64>> = told["kpis"].as_array().expect("a list").iter().map(value).collect();
    let [Some(clv), Some(cac)] = parts[..] else { panic!("no values in {told:?}") };
    assert_eq!((clv, told["figures"]["value"].as_f64()), (36_000.0, Some(clv / cac)));
}

#[test]
fn people_read_it() {
    let outcome = coverage().command(&["explain", "target_account_coverage", "--period", "2026-06"]).ok();
    let head: String =
        outcome.stdout.lines().take_while(|line| !line.starts_with("rows on")).collect::<Vec<_>>().join("\n");
    // Where the formula stands is no matter of this test.
    let line = head.split("(jobs/coverage.yaml:").nth(1).and_then(|rest| rest.split(')').next()).expect("a place");
    let head = head.replace(&format!("coverage.yaml:{line}"), "coverage.yaml:LINE");
    insta::assert_snapshot!(head, @r"
    Target account coverage (target_account_coverage), percent
    2026-06 up to 2026-06-30, everything together; pipeline nightly for 2026-06-30

      value        60.0 %
                   healthy, healthy at 50.0 %
      formula      count(*) filter (where target_list.on_list and activity.inbound > 0) / count(*) filter (where target_list.on_list)  (jobs/coverage.yaml:LINE)
      numerator    3 = count(*) filter (where target_list.on_list AND activity.inbound > 0)
      denominator  5 = count(*) filter (where target_list.on_list)

    what adds up to it: 5 × account
      account_id  name  numerator   share  denominator
      B1          any           1  33.3 %            1
      B2          any           1  33.3 %            1
      B9          any           1  33.3 %            1
      B6          any           0   0.0 %            1
      B8          any           0   0.0 %            1
    ");
}

// ---- what it may not do ---------------------------------------------------------------------------------------------

#[test]
fn nothing_is_published() {
    let place = coverage();
    place.command(&["explain", "target_account_coverage"]).ok();
    assert!(!place.marts_folder().exists());
    place.run().ok();
    let (before, marts) = (files(&place), place.marts());
    place.command(&["explain", "target_account_coverage"]).ok();
    assert_eq!(files(&place), before);
    assert_eq!(place.marts().differing(&marts), Vec::<&str>::new());
}

fn files(place: &Workshop) -> Files {
    let mut files = Files::new();
    collect(&place.marts_folder(), "", &mut files);
    files
}

#[test]
fn what_runs_have_kept_is_used_and_not_forgotten() {
    let place = Workshop::new(&Lake::fixture("one_quarter"));
    place.run().ok();
    let kept = || {
        let mut files = Files::new();
        collect(&place.cache_folder(), "", &mut files);
        files.into_keys().collect::<BTreeSet<String>>()
    };
    let before = kept();
    place.command(&["explain", "target_account_coverage", "win_rate"]).ok();
    assert_eq!(kept(), before, "nothing is computed that a run has kept");
    place.run().ok();
    let reuse = &place.results()["cache"];
    assert_eq!(
        (reuse["files"]["computed"].as_u64(), reuse["periods"]["computed"].as_u64()),
        (Some(0), Some(0)),
        "{reuse}"
    );
}

#[rstest]
#[case::kpi(&["target_account_coverag"], "there is no KPI `target_account_coverag`; did you mean `target_account_coverage`?")]
#[case::pipeline(&["win_rate", "--pipeline", "nightl"], "there is no pipeline `nightl`; did you mean `nightly`?")]
#[case::review(&["win_rate", "--pipeline", "weekly"], "`weekly` reads the marts that `nightly` has published")]
#[case::dimension(&["win_rate", "--cut", "regoin=EMEA"], "`regoin` is not a dimension (did you mean `region`?); KPIs are cut by region, bu, tier, industry, program")]
#[case::value(&["win_rate", "--cut", "region=EMAE"], "`region` has no value `EMAE` in the period (did you mean `EMEA`?); it has EMEA")]
#[case::twice(&["win_rate", "--cut", "region=EMEA,region=APAC"], "`--cut` names `region` twice")]
#[case::no_cut(&["win_rate", "--cut", "EMEA"], "write it as DIMENSION=VALUE, such as region=EMEA")]
#[case::period(&["win_rate", "--period", "June"], "`June` is no period")]
#[case::later(&["win_rate", "--period", "2026-07"], "`2026-07` begins on 2026-07-01, after the run's day, 2026-06-30")]
#[case::earlier(&["win_rate", "--period", "2019-07"], "`2019-07` lies before the lake's first day")]
#[case::stage(&["nobody", "--stage", "sql"], "there is no definition `nobody`")]
#[case::no_sql(&["touchpoints", "--stage", "sql"], "source `touchpoints` has no SQL of its own")]
fn what_there_is_not_is_refused(#[case] arguments: &[&str], #[case] words: &str) {
    let mut all = vec!["explain"];
    all.extend(arguments);
    let lake = "{as_of: 2026-06-30, accounts: [{account_id: A, region: EMEA}], touchpoints: [{account_id: A, occurred_at: 2026-06-10}]}";
    Workshop::new(&Lake::parse(lake)).command(&all).fails(2, &[words]);
}

// ---- stages ---------------------------------------------------------------------------------------------------------

#[test]
fn a_stage_shows_what_becomes_of_a_definition() {
    let stage = |stage: &str, names: &[&str], more: &[&str]| {
        let mut all = vec!["explain", "--stage", stage];
        all.extend(names);
        all.extend(more);
        coverage().command(&all).ok().stdout
    };
    let yaml = stage("yaml", &["highly_engaged_accounts"], &["--var", "HIGHLY_ENGAGED_POINTS=7"]);
    assert!(yaml.contains("activity.simple_points >= 7"), "{yaml}");
    let sql = stage("sql", &["people", "activity", "target_account_coverage"], &["--as-of", "2026-06-30"]);
    for words in ["# table people  (jobs/engagement.yaml:", "# fact activity", "value = __agg_0 / __agg_1"] {
        assert!(sql.contains(words), "`{words}` is not in:\n{sql}");
    }
    let plan = stage("plan", &["people"], &[]);
    assert!(plan.contains("DF ["), "{plan}");
}

// ---- against the marts ----------------------------------------------------------------------------------------------

/// The shipped lake's marts, and where they are with what the run has kept.
static SHIPPED: LazyLock<(tempfile::TempDir, Marts)> = LazyLock::new(|| {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    run(&shipped(folder.path(), &["run", "--quiet"])).ok();
    let marts = Marts::read(&folder.path().join("marts"));
    (folder, marts)
});

fn shipped(folder: &std::path::Path, arguments: &[&str]) -> Vec<std::ffi::OsString> {
    let mut all: Vec<std::ffi::OsString> = arguments.iter().map(Into::into).collect();
    all.extend(["--project".into(), root().into_os_string()]);
    all.extend(["--lake".into(), root().join("data/lake").into_os_string()]);
    all.extend(["--marts".into(), folder.join("marts").into_os_string()]);
    all.extend(["--cache".into(), folder.join("cache").into_os_string()]);
    all
}

#[rstest]
#[case::month("2026-10", "month", "2026-10-01", &[])]
#[case::open_month("2026-11", "month", "2026-11-01", &[("region", "EMEA")])]
#[case::quarter("2026-Q3", "quarter", "2026-07-01", &[("region", "APAC"), ("tier", "strategic")])]
#[case::week("2026-W46", "week", "2026-11-09", &[("program", "abm")])]
fn an_explanation_is_what_was_published(
    #[case] period: &str,
    #[case] grain: &str,
    #[case] start: &str,
    #[case] cut: &[(&str, &str)],
) {
    let (folder, marts) = &*SHIPPED;
    let published = cells(marts, grain, start, cut);
    let names: Vec<String> = marts.rows("kpi_catalog").into_iter().map(|row| row["kpi"].clone()).collect();
    let option = cut.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
    let mut arguments = vec!["explain", "--json", "--period", period];
    arguments.extend(names.iter().map(String::as_str));
    if !cut.is_empty() {
        arguments.extend(["--cut", &option]);
    }
    let told: Value = serde_json::from_str(&run(&shipped(folder.path(), &arguments)).ok().stdout).expect("JSON");
    let told = told["explanations"].as_array().expect("a list");
    assert_eq!(told.len(), names.len());
    for explanation in told {
        let kpi = explanation["kpi"].as_str().expect("a KPI");
        let figures = &explanation["figures"];
        let Some(cell) = published.get(kpi) else {
            assert_eq!(*figures, Value::Null, "{kpi} is not published");
            continue;
        };
        for column in FIGURES {
            assert!(
                is_same(&figures[column], &cell[column]),
                "{column} of {kpi}: {} {}",
                figures[column],
                cell[column]
            );
        }
        assert_eq!(explanation["no_value"].is_null(), !cell["value"].is_null(), "{kpi} says why it has no value");
        adds_up(explanation);
    }
}

const FIGURES: [&str; 12] = [
    "value",
    "numerator",
    "denominator",
    "n",
    "target",
    "attainment",
    "benchmark",
    "status",
    "share_of_parent",
    "rank",
    "immature",
    "mature_value",
];

/// Columns of a row of `kpi_values`: numbers, and texts where there are any.
type Row = BTreeMap<&'static str, Value>;

/// The rows of `kpi_values` of one period and cut, by KPI.
fn cells(marts: &Marts, grain: &str, start: &str, cut: &[(&str, &str)]) -> BTreeMap<String, Row> {
    let dimensions = ["region", "bu", "tier", "industry", "program"];
    let value_of = |name: &str| cut.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let wanted = dimensions.map(|name| (name, value_of(name)));
    let wanted = wanted.into_iter().chain([("period_grain", Some(grain)), ("period_start", Some(start))]);
    let wanted: Vec<(&str, Option<&str>)> = wanted.collect();
    let mut found = BTreeMap::new();
    for batch in batches(marts.bytes("kpi_values")) {
        let column = |name: &str, dtype: &DataType| {
            cast(batch.column_by_name(name).expect("a column of kpi_values"), dtype).expect("a column that can be cast")
        };
        let texts = |name: &str| column(name, &DataType::Utf8);
        let text = |values: &ArrayRef, row: usize| {
            values.is_valid(row).then(|| values.as_string::<i32>().value(row).to_owned())
        };
        let kpis = texts("kpi");
        let keys: Vec<_> = wanted.iter().map(|(name, value)| (texts(name), *value)).collect();
        let fits = |row: &usize| keys.iter().all(|(values, value)| text(values, *row).as_deref() == *value);
        let rows: Vec<usize> = (0..batch.num_rows()).filter(fits).collect();
        for name in FIGURES.into_iter().filter(|_| !rows.is_empty()) {
            let values = if name == "status" { texts(name) } else { column(name, &DataType::Float64) };
            for row in &rows {
                let value = match values.data_type() {
                    _ if values.is_null(*row) => Value::Null,
                    DataType::Utf8 => text(&values, *row).into(),
                    _ => values.as_primitive::<Float64Type>().value(*row).into(),
                };
                found.entry(text(&kpis, *row).expect("a KPI")).or_insert_with(Row::new).insert(name, value);
            }
        }
    }
    found
}

/// What entities add to a side of the formula is that side, wherever one list holds all of them.
fn adds_up(explanation: &Value) {
    let lists = explanation["contributions"].as_array().expect("a list");
    let ratio = !explanation["numerator"].is_null();
    for (side, figure) in [("numerator", if ratio { "numerator" } else { "value" }), ("denominator", "denominator")] {
        let Some(whole) = explanation["figures"][figure].as_f64() else { continue };
        let parts = lists.iter().flat_map(|list| {
            list["members"]
                .as_array()
                .into_iter()
                .flatten()
                .chain([&list["others"]])
                .filter_map(|part| part[side].as_f64())
        });
        let parts: Vec<f64> = parts.collect();
        // A side that is no sum of multiples has no parts.
        if parts.is_empty() {
            continue;
        }
        let sum: f64 = parts.iter().sum();
        let close = (sum - whole).abs() <= 1e-9 * whole.abs().max(1.0);
        assert!(close, "{side} of {}: {sum} is not {whole}", explanation["kpi"]);
    }
}

/// Whether two values are the same: numbers to the last bit but one, which JSON's reader may get wrong.
fn is_same(told: &Value, published: &Value) -> bool {
    match (told.as_f64(), published.as_f64()) {
        (Some(told), Some(published)) => (told - published).abs() <= published.abs() * f64::EPSILON,
        _ => told == published,
    }
}

// ---- the page -------------------------------------------------------------------------------------------------------

/// What `docs/explain.md` shows below its commands is what they print, the lines of definitions aside. With `UPDATE_DOCS=1`
/// the page is written anew.
#[test]
fn the_page_shows_what_the_program_prints() {
    let (folder, _) = &*SHIPPED;
    let path = root().join("docs/explain.md");
    let page = fs::read_to_string(&path).expect("docs/explain.md");
    let mut written = String::new();
    let mut rest = page.as_str();
    let mut shown = 0;
    while let Some((before, after)) = rest.split_once("```sh\nabmart explain ") {
        let (command, after) = after.split_once("\n```\n\n```text\n").expect("what the command prints");
        let (_, after) = after.split_once("```\n").expect("an end of what the command prints");
        let printed = Command::new(env!("CARGO_BIN_EXE_abmart"))
            .arg("explain")
            .args(command.split_whitespace())
            .arg("--marts")
            .arg(folder.path().join("marts"))
            .arg("--cache")
            .arg(folder.path().join("cache"))
            .current_dir(root())
            .output()
            .expect("the program starts");
        let printed = String::from_utf8(printed.stdout).expect("text");
        let _ =
            write!(written, "{before}```sh\nabmart explain {command}\n```\n\n```text\n{}\n```\n", printed.trim_end());
        rest = after;
        shown += 1;
    }
    written.push_str(rest);
    assert!(shown > 2, "{shown} examples");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &written).expect("a page that can be written");
    } else {
        assert!(
            without_lines(&written) == without_lines(&page),
            "docs/explain.md differs from what the program prints"
        );
    }
}

/// A text without the numbers of lines of YAML.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(".yaml:");
    let mut without = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        without.push_str(".yaml:");
        // Columns are as wide as the longest of them.
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
        without.push_str(rest.trim_start());
    }
    without
}
