//! The command line: what is printed where, and the exit code that an orchestrator goes by.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use rstest::rstest;
use serde_json::Value;
use support::Lake;
use support::program::{Project, Workshop, run};
use support::tiny::{Tiny, project};

fn healthy() -> Workshop {
    Workshop::new(&Lake::fixture("healthy"))
}

// ---- run ------------------------------------------------------------------------------------------------------------

#[test]
fn a_run_says_what_it_read_and_published() {
    let place = healthy();
    let outcome = place.run().ok();
    for words in [
        "nightly for 2026-06-30: published to ",
        "0 quarantined",
        "mart      kpi_values",
        "June 2026 so far",
        "engaged accounts",
    ] {
        assert!(outcome.stdout.contains(words), "`{words}` is not in:\n{}", outcome.stdout);
    }
    let results = place.results();
    assert_eq!((results["status"].as_str(), results["exit_code"].as_u64()), (Some("published"), Some(0)));
    assert_eq!(results["error"], Value::Null);
    let marts = place.marts();
    for mart in ["account_360", "account_scores", "data_quality", "executive_summary", "kpi_catalog", "kpi_values"] {
        assert!(marts.names().contains(&mart), "{mart} is not in {:?}", marts.names());
    }
    assert!(!marts.names().contains(&"monthly_review"), "reviews are pipelines of their own");
}

#[test]
fn a_second_run_gives_the_same_files_and_says_so() {
    let place = healthy();
    place.run().ok();
    let first = place.marts();
    let outcome = place.run().ok();
    assert_eq!(place.marts().differing(&first), Vec::<&str>::new());
    let marts = place.results()["marts"].as_array().expect("a list").clone();
    assert!(!marts.is_empty() && marts.iter().all(|mart| mart["unchanged"] == true), "{marts:?}");
    assert_eq!(outcome.stdout.matches("unchanged").count(), marts.len());
}

#[test]
fn a_project_without_kpis_publishes_its_tables() {
    let place = Tiny::new();
    let without = |job: String| {
        let (before, rest) = job.split_once("\nkpis:").expect("KPIs");
        let (_, after) = rest.split_once("\nmarts:").expect("marts");
        format!("{before}\nmarts:{after}")
    };
    let project = project("", without);
    let folder = project.path().display().to_string();
    let lake = place.lake().display().to_string();
    let command = |name: &str| run(&[name, "--project", &folder, "--lake", &lake]);
    command("validate").ok();
    let outcome = command("run").ok();
    assert!(outcome.stdout.contains("mart      regions"), "{}", outcome.stdout);
    let job = project.path().join("jobs/tiny.yaml");
    let text = std::fs::read_to_string(&job).expect("a job").replacen("from: regions", "from: kpi_values", 1);
    std::fs::write(job, text).expect("a file");
    command("validate").fails(2, &["the mart reads `kpi_values`, and the project has no KPI", "jobs/tiny.yaml:"]);
}

#[test]
fn a_pipe_gets_neither_bars_nor_colours() {
    let outcome = healthy().run().ok();
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(['\r', '\u{1b}', '█']), "{text}");
    }
}

#[test]
fn a_quiet_run_says_nothing() {
    let outcome = healthy().command(&["run", "--quiet"]).ok();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

#[rstest]
#[case::of_a_run(&["run"], 0)]
#[case::of_a_failure(&["run", "--as-of", "2020-01-01"], 2)]
#[case::of_a_wrong_name(&["run", "hourly"], 2)]
fn the_json_log(#[case] arguments: &[&str], #[case] code: i32) {
    let outcome = healthy().command(&[arguments, &["--log", "json"]].concat());
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
    assert!(!outcome.stderr.is_empty());
    for line in outcome.stderr.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn a_variable_of_the_command_line_comes_before_the_default() {
    let place = Workshop::new(&Lake::fixture("engagement"));
    let highly_engaged =
        |place: &Workshop| place.marts().cell("highly_engaged_accounts", "month", "2026-06-01", &[]).value;
    place.command(&["run", "--var", "HIGHLY_ENGAGED_POINTS=6"]).ok();
    assert_eq!(highly_engaged(&place), Some(1.0), "E5 has only five points");
}

#[test]
fn the_newest_snapshot_gives_the_day_unless_another_is_asked_for() {
    let place = Workshop::new(&Lake::parse(
        "{as_of: 2026-06-30, accounts@2026-05-31: [{account_id: A, listed_on: 2026-01-01}], accounts: [
          {account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}],
          touchpoints: [{account_id: A, occurred_at: 2026-05-10}]}",
    ));
    let plan = |options: &[&str]| -> Value {
        let outcome = place.command(&[&["plan", "--json"], options].concat()).ok();
        serde_json::from_str(&outcome.stdout).expect("JSON")
    };
    assert_eq!(plan(&[])["plan"]["as_of"], "2026-06-30");
    // Every other snapshot of this lake is of the last day.
    place
        .command(&["plan", "--as-of", "2026-05-31"])
        .fails(2, &["as-of 2026-05-31 is older than any snapshot of source"]);
    assert_eq!(plan(&["--as-of", "2026-07-15"])["plan"]["as_of"], "2026-07-15");
}

// ---- Exit codes -----------------------------------------------------------------------------------------------------

#[rstest]
#[case::an_unknown_command(&["compute"], "unrecognized subcommand 'compute'")]
#[case::an_unknown_option(&["run", "--fast"], "unexpected argument '--fast'")]
#[case::a_day_that_is_none(&["run", "--as-of", "2026-13-01"], "invalid value '2026-13-01'")]
#[case::a_day_in_another_order(&["run", "--as-of", "22/11/2026"], "a day of the calendar is written as 2026-11-22")]
#[case::a_variable_without_a_value(&["run", "--var", "X"], "write it as NAME=VALUE")]
#[case::too_little_memory(&["run", "--memory", "1MB"], "less than 64MiB")]
#[case::no_threads(&["run", "--threads", "0"], "0 is not in 1..")]
#[case::a_project_that_is_not_there(&["run", "--project", "/nowhere"], "folder `/nowhere` holds no pipelines.yaml")]
#[case::another_kind_of_store(&["sample", "--out", "s3://bucket/lake"], "local file system")]
fn a_wrong_command_exits_with_2(#[case] arguments: &[&str], #[case] words: &str) {
    run(arguments).fails(2, &[words]);
}

#[test]
fn an_unknown_pipeline_exits_with_2_and_names_those_that_there_are() {
    let place = healthy();
    place.command(&["run", "hourly"]).fails(2, &["there is no pipeline `hourly`", "nightly"]);
    let results = place.results();
    assert_eq!((results["status"].as_str(), results["exit_code"].as_u64()), (Some("failed"), Some(2)));
    place.command(&["plan", "hourly"]).fails(2, &["there is no pipeline `hourly`"]);
}

#[test]
fn a_lake_that_breaks_its_contract_exits_with_1() {
    let place = Workshop::new(&Lake::fixture("healthy").without("accounts"));
    place.run().fails(1, &["source `accounts` has no file"]);
    assert_eq!(place.results()["exit_code"], 1);
}

#[rstest]
#[case::a_lake_that_is_not_there("lake")]
#[case::a_store_of_marts_that_is_a_file("marts")]
fn an_environment_that_fails_exits_with_3(#[case] folder: &str) {
    let place = healthy();
    let path = if folder == "lake" { place.lake() } else { place.marts_folder() };
    let _ = std::fs::remove_dir_all(&path);
    if folder == "marts" {
        std::fs::write(&path, "not a folder").expect("a file");
    }
    place.run().fails(3, &[&*path.to_string_lossy()]);
}

#[cfg(unix)]
#[rstest]
#[case::by_ctrl_c("INT", 130)]
#[case::by_an_orchestrator("TERM", 143)]
fn a_run_that_is_stopped_publishes_nothing(#[case] signal: &str, #[case] code: i32) {
    let place = healthy();
    place.run().ok();
    let before = place.published_files();
    place.interrupted_run(signal).fails(code, &["interrupted"]);
    assert_eq!(place.results()["exit_code"], code);
    assert!(place.published_files() == before, "the marts are those of the run before, and nothing is left over");
}

// ---- validate -------------------------------------------------------------------------------------------------------

#[test]
fn the_shipped_project_is_valid() {
    let outcome = Project::copy().command(&["validate"]).ok();
    assert!(outcome.stdout.starts_with("abmart is valid: "), "{}", outcome.stdout);
    assert_eq!(outcome.stderr, "", "not even a warning");
}

/// `file:line:column` of the first place where a file of the project holds a text.
fn place_of(project: &Project, file: &str, text: &str) -> String {
    let content = std::fs::read_to_string(project.folder().join(file)).expect("a file of the project");
    let at = content.find(text).unwrap_or_else(|| panic!("{file} holds `{text}`"));
    let before = &content[..at];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{}:{column}", before.matches('\n').count() + 1)
}

#[rstest]
#[case::an_unknown_key("jobs/alignment.yaml", "    unit: hours", "    unti: hours", "unti:", &["`unti`", "did you mean `unit`?"])]
#[case::a_column_that_a_table_s_sql_does_not_find(
    "jobs/alignment.yaml", "case when responded_at <", "case when respnded_at <", "respnded_at", &["respnded_at", "did you mean `responded_at`?"]
)]
#[case::a_measure_that_a_formula_does_not_find(
    "jobs/alignment.yaml", "sum(response.hours)", "sum(response.ours)", "response.ours", &["ours", "hours"]
)]
#[case::a_table_that_nothing_defines("jobs/alignment.yaml", "from follow_ups", "from follow_up", "follow_up\n", &["follow_up", "follow_ups"])]
#[case::a_unit_that_does_not_exist("jobs/alignment.yaml", "unit: hours", "unit: weeks", "weeks", &["weeks", "hours"])]
fn a_mistake_is_shown_at_its_place(
    #[case] file: &str,
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] found_at: &str,
    #[case] words: &[&str],
) {
    let project = Project::copy().edit(file, right, wrong);
    let place = place_of(&project, file, found_at);
    project.command(&["validate"]).fails(2, &[&[place.as_str()], words].concat());
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let project = Project::copy()
        .edit("jobs/alignment.yaml", "    unit: hours", "    unti: hours")
        .edit("jobs/funnel.yaml", "cadence: monthly", "cadense: monthly")
        .edit("pipelines.yaml", "time_zone", "timezone");
    let words = ["jobs/alignment.yaml:", "`unti`", "jobs/funnel.yaml:", "`cadense`", "pipelines.yaml:", "`timezone`"];
    project.command(&["validate"]).fails(2, &words);
}

#[test]
fn machines_get_the_mistakes_as_json() {
    let project = Project::copy().edit("jobs/alignment.yaml", "    unit: hours", "    unti: hours");
    let outcome = project.command(&["validate", "--json"]).fails(2, &[]);
    let findings: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let text = findings.to_string();
    assert!(text.contains("jobs/alignment.yaml") && text.contains("unti"), "{text}");
}

#[test]
fn a_run_of_a_wrong_project_reads_nothing() {
    let project = Project::copy().edit("jobs/alignment.yaml", "    unit: hours", "    unti: hours");
    let place = healthy().with_project(&project);
    place.run().fails(2, &["unti"]);
    assert!(!place.marts_folder().exists());
}

// ---- The other commands ---------------------------------------------------------------------------------------------

#[test]
fn a_plan_shows_files_rows_and_periods_and_writes_nothing() {
    let place = healthy();
    let outcome = place.command(&["plan"]).ok();
    for words in ["pipeline nightly for 2026-06-30", "month", "partial", "touchpoints", "all partitions", "kpi_values"]
    {
        assert!(outcome.stdout.contains(words), "`{words}` is not in:\n{}", outcome.stdout);
    }
    assert!(!place.marts_folder().exists());
    let json: Value = serde_json::from_str(&place.command(&["plan", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(json["plan"]["as_of"], "2026-06-30");
    assert_eq!(json["rows"]["touchpoints/ym=2026-06/part-0.parquet"], 5);
    assert!(outcome.stdout.contains("reduces 5 rows ("), "{}", outcome.stdout);
    assert_eq!(json["effort"]["rows"], 5);
}

#[test]
fn status_shows_the_last_run_and_what_is_published() {
    let place = healthy();
    place.run().ok();
    place.relaid(&Lake::fixture("healthy").without("accounts")).run().fails(1, &[]);
    let outcome = place.command(&["status"]).ok();
    for words in ["last run  nightly failed", "source `accounts` has no file", "kpi_values", "as of 2026-06-30"] {
        assert!(outcome.stdout.contains(words), "`{words}` is not in:\n{}", outcome.stdout);
    }
    let json: Value = serde_json::from_str(&place.command(&["status", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(json["last_run"]["status"], "failed");
    assert!(json["manifest"]["marts"]["kpi_values"]["rows"].as_u64() > Some(0));
}

#[test]
fn status_before_any_run() {
    let place = healthy();
    std::fs::create_dir_all(place.marts_folder()).expect("a folder");
    assert!(place.command(&["status"]).ok().stdout.contains("no run has written here yet"));
}

#[rstest]
#[case("job")]
#[case("pipelines")]
fn editors_get_a_json_schema(#[case] of: &str) {
    let schema: Value = serde_json::from_str(&run(&["schema", of]).ok().stdout).expect("JSON");
    assert!(schema["$schema"].is_string() && schema["properties"].is_object());
}

#[rstest]
#[case("bash")]
#[case("zsh")]
#[case("fish")]
fn shells_get_completions(#[case] shell: &str) {
    let script = run(&["completions", shell]).ok().stdout;
    assert!(script.contains("abmart") && script.contains("validate"), "{script}");
}

#[test]
fn a_sample_is_not_written_over_another_lake() {
    let place = healthy();
    let out = place.lake().to_string_lossy().into_owned();
    let sample = ["sample", "--accounts", "30", "--months", "2", "--touchpoints", "100", "--out", &out];
    run(&sample).fails(1, &["already holds Parquet files"]);
    run(&[&sample[..], &["--overwrite"]].concat()).ok();
    place.run().ok();
}

// ---- another engine ---------------------------------------------------------------------------------------------------

#[test]
fn a_rollup_that_only_this_process_can_compute_is_shown_at_its_place() {
    let project = Project::copy().edit(
        "jobs/campaigns.yaml",
        "      kind: kind\n      day: bucket(",
        "      kind: lower(kind)\n      day: bucket(",
    );
    project.command(&["validate"]).ok();
    let words = [
        "error[not-portable]: `lower(…)` may mean something else to another engine",
        "jobs/campaigns.yaml:",
        "`engine: local` computes it",
    ];
    project.command(&["validate", "--engine", "spark"]).fails(2, &words);
    let outcome = project.command(&["validate", "--engine", "spark", "--json"]);
    assert!(outcome.stdout.contains("not-portable"), "{}", outcome.stdout);
}

#[test]
fn the_shipped_rollups_can_be_computed_elsewhere() {
    Project::copy().command(&["validate", "--engine", "spark"]).ok();
}

#[test]
fn an_engine_that_nobody_has_named_is_asked_for() {
    let outcome = healthy().command(&["run", "--engine", "spark"]);
    outcome.fails(2, &["nothing says where Spark is: pipeline `nightly`", "ABMART_SPARK_REMOTE"]);
}

#[rstest]
#[case::no_address("{remote: spark.example.com}", "is no address of a Spark Connect server", "sc://host:15002")]
#[case::a_secret("{remote: 'sc://h:1/;token=abc'}", "the address of the engine holds a secret", "environment variable")]
fn a_wrong_engine_is_shown_at_its_place(#[case] engine: &str, #[case] message: &str, #[case] help: &str) {
    let title = "    title: {en: Every KPI and mart, fr: Tous les KPI et tous les marts}\n";
    let project = Project::copy().edit("pipelines.yaml", title, &format!("{title}    engine: {{spark: {engine}}}\n"));
    project.command(&["validate"]).fails(2, &[message, help, "pipelines.yaml:"]);
}
