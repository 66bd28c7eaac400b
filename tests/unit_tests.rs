//! `abmart test`: the shipped tests hold, and what tests that do not hold are told.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;

use abmart_spec::model::Expected;
use rstest::rstest;
use support::contract::{SHIPPED, root};
use support::program::{Outcome, Project, run_with};

/// A copy of the project whose only tests are these.
fn with_tests(tests: &str) -> Project {
    let project = Project::copy();
    let folder = project.folder().join("jobs/tests");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder that can be made");
    fs::write(folder.join("own.yaml"), tests).expect("a file that can be written");
    project
}

/// What a failing test is told, without the seconds.
fn told(outcome: &Outcome) -> String {
    let seconds = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        words.windows(2).any(|pair| pair[1].trim_end() == "s" && pair[0].parse::<f64>().is_ok())
    };
    let lines = outcome.stdout.lines().filter(|line| !seconds(line) && !line.contains("have no test"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Every shipped test holds; a KPI or a job without one fails here.
#[test]
fn the_shipped_tests_hold() {
    let outcome = run_with(&["test", "--project", &root().display().to_string()], &[]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains(&format!("all {} KPIs have a test", published())), "{}", outcome.stdout);
    let mut project = SHIPPED.clone();
    let tests = abmart_spec::load_tests(&mut project).unwrap_or_else(|error| panic!("{}", error.render(false)));
    let looked_at: BTreeSet<String> = tests
        .iter()
        .flat_map(|test| test.looks_at(&project).collect::<Vec<_>>())
        .filter_map(|node| project.definition(&node).map(|definition| definition.job.to_owned()))
        .collect();
    let sources: BTreeSet<String> =
        tests.iter().flat_map(|test| &test.given).map(|given| given.name.value.clone()).collect();
    let own = |job: &&String| !looked_at.contains(*job);
    let untested: Vec<&String> = project.jobs.keys().filter(own).collect();
    // What a job of sources and reference tables holds is given, and looked at by what is made of it.
    let only_given = |job: &&&String| {
        let mut given = project.sources.values().filter(|source| source.job == ***job).map(|source| &source.name);
        given.any(|source| sources.contains(source)) || ***job == "reference"
    };
    let untested: Vec<&&String> = untested.iter().filter(|job| !only_given(job)).collect();
    assert!(untested.is_empty(), "jobs without a test: {untested:?}");
    for of in Expected::ALL {
        assert!(tests.iter().flat_map(|test| &test.expect).any(|one| one.of == of), "a test of a {}", of.noun());
    }
}

fn published() -> usize {
    SHIPPED.kpis.values().filter(|kpi| kpi.published).count()
}

const FAILING: &str = "\
tests:
  silent:
    as_of: 2026-06-30
    period: 2026-06
    given:
      accounts: [{account_id: A, listed_on: 2026-01-01}, {account_id: B, listed_on: 2026-01-01}]
      touchpoints: [{account_id: A, occurred_at: 2026-06-01, kind: webinar}]
    expect:
      kpis:
        target_account_coverage: [{value: 2/3, numerator: 1}]
      facts:
        activity:
          - {account_id: A, inbound: 4}   # four times
          - {account_id: B, inbound: 0}
      tables:
        contact_touches:
          - {account_id: A, touches: 1}
          - {account_id: B, touches: 1}
        seniority_weights: {contains: [{seniority: vp, rank: 9}], lacks: [{seniority: c_level}]}
      alerts:
        hot_account: [{account_id: A}]
";

#[test]
fn only_what_differs_is_shown() {
    let outcome = with_tests(FAILING).command(&["test"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(told(&outcome), @r"
    table contact_touches  jobs/tests/own.yaml:16
      missing     {account_id: B, touches: 1}  jobs/tests/own.yaml:18
    table seniority_weights  jobs/tests/own.yaml:19
      seniority vp  jobs/tests/own.yaml:19
        rank  expected 9, found 4
      is there    {seniority: c_level}  jobs/tests/own.yaml:19
    fact activity  jobs/tests/own.yaml:12
      month 2026-06-01, account_id A  jobs/tests/own.yaml:13
        inbound  expected 4, found 1
    KPI target_account_coverage  jobs/tests/own.yaml:10
      month 2026-06-01  jobs/tests/own.yaml:10
        value  expected 2/3 = 0.6666666666666666, found 0.5
    alert hot_account  jobs/tests/own.yaml:21
      missing     {account_id: A}  jobs/tests/own.yaml:21
    ");
    assert_eq!(outcome.stderr, "error: 1 test failed\n");
}

#[test]
fn rows_that_break_a_contract_fail_a_test_that_does_not_expect_it() {
    let text = "\
tests:
  twice:
    as_of: 2026-06-30
    given:
      accounts: [{account_id: A}, {account_id: A}]
    expect:
      marts: {account_360: {lacks: [{account_id: B}]}}
";
    let outcome = with_tests(text).command(&["test"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(told(&outcome), @r"
    1 given rows of `accounts` are set aside, expected 0  jobs/tests/own.yaml:2
        source `accounts`, file `accounts/dt=2026-06-30/part-0.parquet`, column `account_id`: 1 rows fail the check `unique`
        source `accounts`: 1 rows fail the check `rows`
    ");
    let expected = text.replace("      marts", "      quarantined: {accounts: 1}\n      marts");
    assert_eq!(with_tests(&expected).command(&["test"]).code, 0);
}

/// Names and values that do not exist are mistakes of the test, not differences.
#[rstest]
#[case::source("accounts:", "acounts:", "unknown-source")]
#[case::column("listed_on: 2026-01-01}]", "listed: 2026-01-01}]", "unknown-column")]
#[case::kpi("target_account_coverage:", "target_acount_coverage:", "unknown-kpi")]
#[case::day("occurred_at: 2026-06-01", "occurred_at: 1.6.2026", "wrong-type")]
#[case::missing_time("occurred_at: 2026-06-01, ", "", "missing-time")]
#[case::measure("inbound: 4", "inbond: 4", "unknown-measure")]
#[case::column_of_a_table("rank: 9", "rang: 9", "unknown-column")]
#[case::period("period: 2026-06", "period: June", "bad-period")]
#[case::period_that_the_run_has_not("period: 2026-06", "period: 2026-06-15", "unknown-period")]
#[case::key("expect:", "expected:", "unknown-key")]
#[case::a_number_as_text("numerator: 1", "value: [1]", "wrong-type")]
fn a_mistake_in_a_test_is_shown_at_its_place(#[case] from: &str, #[case] to: &str, #[case] code: &str) {
    let text = FAILING.replacen(from, to, 1);
    assert_ne!(text, FAILING);
    let outcome = with_tests(&text).command(&["test"]);
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_ne!(outcome.code, 0);
    assert!(all.contains(&format!("error[{code}]")), "{all}");
    assert!(all.contains("--> jobs/tests/own.yaml:"), "{all}");
}

#[test]
fn a_patch_makes_what_can_be_written_down_hold() {
    let project = with_tests(FAILING);
    let file = project.folder().join("out.patch");
    let outcome = project.command(&["test", &format!("--update={}", file.display())]);
    assert!(outcome.stdout.contains(&format!("`git apply {}`", file.display())), "{}", outcome.stdout);
    let patch = fs::read_to_string(file).expect("a patch");
    insta::assert_snapshot!(patch, @r"
    --- a/jobs/tests/own.yaml
    +++ b/jobs/tests/own.yaml
    @@ -7,15 +7,14 @@
           touchpoints: [{account_id: A, occurred_at: 2026-06-01, kind: webinar}]
         expect:
           kpis:
    -        target_account_coverage: [{value: 2/3, numerator: 1}]
    +        target_account_coverage: [{value: 0.5, numerator: 1}]
           facts:
             activity:
    -          - {account_id: A, inbound: 4}   # four times
    +          - {account_id: A, inbound: 1}   # four times
               - {account_id: B, inbound: 0}
           tables:
             contact_touches:
               - {account_id: A, touches: 1}
    -          - {account_id: B, touches: 1}
    -        seniority_weights: {contains: [{seniority: vp, rank: 9}], lacks: [{seniority: c_level}]}
    +        seniority_weights: {contains: [{seniority: vp, rank: 4}], lacks: [{seniority: c_level}]}
           alerts:
    -        hot_account: [{account_id: A}]
    +        hot_account: []
    ");
    let applied = std::process::Command::new("git")
        .args(["apply", "out.patch"])
        .current_dir(project.folder())
        .status()
        .expect("git starts");
    assert!(applied.success());
    let again = project.command(&["test"]);
    // Rows that must not be there are the only thing that no patch mends.
    insta::assert_snapshot!(told(&again), @r"
    table seniority_weights  jobs/tests/own.yaml:18
      is there    {seniority: c_level}  jobs/tests/own.yaml:18
    ");
}

#[test]
fn build_servers_get_a_report() {
    let project = with_tests(FAILING);
    let file = project.folder().join("reports/junit.xml");
    let outcome = project.command(&["test", "--quiet", "--junit", &file.display().to_string()]);
    assert_eq!(outcome.code, 1);
    let report = fs::read_to_string(file).expect("a report");
    assert!(report.contains(r#"<testsuite name="jobs/tests/own.yaml" tests="1" failures="1" errors="0""#), "{report}");
    assert!(report.contains("expected 2/3 = 0.6666666666666666, found 0.5"), "{report}");
}

const VARIABLE: &str = "\
tests:
  as_it_is:
    as_of: 2026-06-30
    period: 2026-06
    given:
      accounts: [{account_id: A}]
      touchpoints: [{account_id: A, occurred_at: 2026-06-01, kind: webinar}]
    expect:
      kpis: {highly_engaged_accounts: [{value: 1}]}
  with_a_higher_limit:
    as_of: 2026-06-30
    period: 2026-06
    variables: {HIGHLY_ENGAGED_POINTS: 6}
    given:
      accounts: [{account_id: A}]
      touchpoints: [{account_id: A, occurred_at: 2026-06-01, kind: webinar}]
    expect:
      kpis: {highly_engaged_accounts: [{value: 0}]}
";

#[test]
fn a_test_says_its_variables_itself() {
    let project = with_tests(VARIABLE);
    let folder = project.folder().display().to_string();
    let outcome = run_with(&["test", "--project", &folder], &[("HIGHLY_ENGAGED_POINTS", "100")]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("2 passed, 0 failed"), "{}", outcome.stdout);
}

#[rstest]
#[case::by_name(&["as_it_is"], 1)]
#[case::by_pattern(&["*"], 2)]
#[case::by_what_it_looks_at(&["--select", "highly_engaged_accounts"], 2)]
#[case::by_what_that_needs(&["--select", "touchpoints+"], 2)]
fn tests_can_be_chosen(#[case] arguments: &[&str], #[case] run: usize) {
    let outcome = with_tests(VARIABLE).command(&[&["test"], arguments].concat());
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains(&format!("{run} passed")), "{}", outcome.stdout);
}

#[rstest]
#[case::no_such_test(&["as_it_was"], "there is no test `as_it_was`; did you mean `as_it_is`?")]
#[case::nothing_left(&["--exclude", "tag:core"], "no test looks at what is selected")]
fn what_chooses_nothing_is_refused(#[case] arguments: &[&str], #[case] message: &str) {
    let outcome = with_tests(VARIABLE).command(&[&["test"], arguments].concat());
    assert_eq!((outcome.code, outcome.stderr.trim_end()), (2, format!("error: {message}").as_str()));
}
