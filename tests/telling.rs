//! What a run tells others: lineage, metrics, its log.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::Value;
use support::Lake;
use support::http::Service;
use support::marts::assert_close;
use support::program::{Project, Workshop};

const KEY: &str = "a-secret-of-the-service";

fn healthy() -> Workshop {
    Workshop::new(&Lake::fixture("healthy"))
}

/// The project with a file that events are appended to.
fn telling_a_file() -> Project {
    Project::copy().edit("pipelines.yaml", "settings:\n", "lineage: {file: lineage.jsonl}\n\nsettings:\n")
}

fn events(project: &Project) -> Vec<Value> {
    let text = std::fs::read_to_string(project.folder().join("lineage.jsonl")).expect("events");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["eventType"].as_str().expect("a kind")).collect()
}

// ---- OpenLineage ----------------------------------------------------------------------------------------------------

#[test]
fn a_service_is_told_of_a_run_even_when_it_is_busy_at_first() {
    let service = Service::answering(&[503, 429]);
    let place = healthy();
    let environment = [
        ("OPENLINEAGE_URL", service.url.as_str()),
        ("OPENLINEAGE_API_KEY", KEY),
        ("OPENLINEAGE_NAMESPACE", "abm"),
        ("OPENLINEAGE_PARENT_ID", "airflow/nights.run/01890a5d-ac96-774b-bcce-b302099a8057"),
    ];
    let outcome = place.command_with(&["run"], &environment).ok();
    let requests = service.requests();
    let events: Vec<Value> = requests.iter().map(|request| request.body.clone()).collect();
    assert_eq!(
        kinds(&events),
        ["START", "START", "START", "RUNNING", "COMPLETE"],
        "two attempts were answered with 503 and 429"
    );
    for request in &requests {
        assert!(request.line.starts_with("POST /api/v1/lineage "), "{}", request.line);
        let bearer = format!("authorization: bearer {KEY}");
        assert!(request.headers.iter().any(|header| header.to_lowercase() == bearer), "{:?}", request.headers);
        assert_eq!(request.body["run"]["runId"], events[0]["run"]["runId"]);
        assert_eq!(request.body["run"]["facets"]["parent"]["job"]["name"], "nights.run");
        assert_eq!(request.body["job"]["namespace"], "abm");
        assert_eq!(request.body["job"]["name"], "abmart.nightly");
    }
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[test]
fn a_run_tells_what_it_read_and_wrote() {
    let project = telling_a_file();
    let place = healthy().with_project(&project);
    place.run().ok();
    let events = events(&project);
    assert_eq!(kinds(&events), ["START", "RUNNING", "COMPLETE"]);
    assert_eq!(events[0]["inputs"], serde_json::json!([]));
    let end = &events[2];
    let of = |kind: &str, name: &str| -> Value {
        let all = end[kind].as_array().expect("a list");
        let found = all.iter().find(|set| set["name"].as_str().is_some_and(|full| full.ends_with(name)));
        found.unwrap_or_else(|| panic!("no {name} in {kind}")).clone()
    };
    let touchpoints = of("inputs", "/lake/touchpoints");
    assert_eq!(touchpoints["namespace"], "file");
    assert_eq!(touchpoints["inputFacets"]["inputStatistics"]["rowCount"], 5);
    let fields = touchpoints["facets"]["schema"]["fields"].as_array().expect("fields").clone();
    assert!(fields.contains(&serde_json::json!({"name": "account_id", "type": "string"})), "{fields:?}");
    let values = of("outputs", "/marts/kpi_values");
    assert_eq!(values["outputFacets"]["outputStatistics"]["rowCount"], place.marts().rows("kpi_values").len());
    assert_eq!(end["run"]["facets"]["nominalTime"]["nominalStartTime"], "2026-06-30T00:00:00Z");
    assert_eq!(end["run"]["facets"]["abmart_run"]["runId"], place.results()["run_id"]);
}

#[test]
fn a_run_that_fails_says_why() {
    let project = telling_a_file();
    let place = Workshop::new(&Lake::fixture("healthy").without("accounts")).with_project(&project);
    place.run().fails(1, &[]);
    let events = events(&project);
    assert_eq!(kinds(&events), ["START", "FAIL"]);
    let message = events[1]["run"]["facets"]["errorMessage"]["message"].as_str().expect("a message");
    assert!(message.contains("source `accounts` has no file"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_was_aborted() {
    let project = telling_a_file();
    let place = healthy().with_project(&project);
    assert_eq!(place.interrupted_run("TERM").code, 143);
    assert_eq!(kinds(&events(&project)).last(), Some(&"ABORT"));
}

#[rstest]
#[case::that_nobody_answers("http://127.0.0.1:9", "127.0.0.1:9")]
#[case::that_is_none("lineage", "no http:// or https:// URL")]
#[case::with_a_password("http://user:a-secret-of-the-service@127.0.0.1:9", "127.0.0.1:9")]
fn a_service(#[case] url: &str, #[case] words: &str) {
    let place = healthy();
    let outcome = place.command_with(&["run"], &[("OPENLINEAGE_URL", url)]).ok();
    assert!(outcome.stderr.contains(words) && !outcome.stderr.contains(KEY), "{}", outcome.stderr);
    assert_eq!(place.results()["status"], "published", "telling never makes a run fail");
}

#[test]
fn a_service_that_does_not_want_events_is_not_asked_again() {
    let service = Service::answering(&[401, 401, 401]);
    let outcome = healthy().command_with(&["run"], &[("OPENLINEAGE_URL", &service.url)]).ok();
    assert!(outcome.stderr.contains("401"), "{}", outcome.stderr);
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn nobody_is_told_when_lineage_is_disabled() {
    let service = Service::answering(&[]);
    let environment = [("OPENLINEAGE_URL", service.url.as_str()), ("OPENLINEAGE_DISABLED", "true")];
    healthy().command_with(&["run"], &environment).ok();
    assert!(service.requests().is_empty());
}

#[rstest]
#[case::that_is_none("{url: lineage.example.com}", "is no http:// or https:// URL")]
#[case::with_a_password("{url: 'https://user:word@lineage.example.com'}", "holds a user or password")]
#[case::with_a_key("{url: 'https://lineage.example.com', api_key: x}", "api_key")]
fn the_project_s_service_is_checked(#[case] lineage: &str, #[case] words: &str) {
    let project = Project::copy().edit("pipelines.yaml", "settings:\n", &format!("lineage: {lineage}\n\nsettings:\n"));
    project.command(&["validate"]).fails(2, &["pipelines.yaml:10:", words]);
}

// ---- Traces ---------------------------------------------------------------------------------------------------------

#[cfg(feature = "otel")]
#[test]
fn a_collector_gets_the_spans_of_a_run() {
    let service = Service::answering(&[200]);
    healthy().command_with(&["run"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &service.url)]).ok();
    let requests = service.requests();
    assert!(requests.iter().all(|request| request.line.starts_with("POST /v1/traces ")), "{requests:?}");
    let sent: Vec<u8> = requests.into_iter().flat_map(|request| request.bytes).collect();
    let sent = String::from_utf8_lossy(&sent);
    for word in ["service.name", "abmart", "run", "nightly", "stage", "Periods", "source", "touchpoints", "mart"] {
        assert!(sent.contains(word), "no `{word}` was sent");
    }
}

#[cfg(feature = "otel")]
#[test]
fn a_collector_that_is_not_there_makes_no_failure() {
    healthy().command_with(&["run"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]).ok();
}

// ---- Metrics --------------------------------------------------------------------------------------------------------

/// Series → value; panics where the text is none of Prometheus.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut described = Vec::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (kind, rest) = comment.split_once(' ').expect("a kind");
            assert!(matches!(kind, "HELP" | "TYPE"), "{line}");
            described.push((kind.to_owned(), rest.split(' ').next().expect("a name").to_owned()));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a value");
        let family = name.split('{').next().expect("a name").to_owned();
        for kind in ["HELP", "TYPE"] {
            assert!(described.contains(&(kind.to_owned(), family.clone())), "{family} has no {kind}");
        }
        assert!(found.insert(name.to_owned(), value.parse().expect("a number")).is_none(), "{name} stands twice");
    }
    found
}

#[test]
fn metrics_tell_what_a_run_did() {
    let place = healthy();
    let file = place.lake().with_file_name("abmart.prom");
    place.command(&["run", "--metrics", &file.to_string_lossy()]).ok();
    let found = series(&std::fs::read_to_string(&file).expect("metrics"));
    let results = place.results();
    assert_close(found.get("abmart_run_success{pipeline=\"nightly\"}").copied(), 1.0);
    assert_close(found.get("abmart_run_as_of_timestamp_seconds{pipeline=\"nightly\"}").copied(), 1_782_777_600.0);
    assert_close(
        found.get("abmart_source_rows{pipeline=\"nightly\",source=\"touchpoints\",outcome=\"used\"}").copied(),
        5.0,
    );
    let rows = results["marts"].as_array().expect("marts").iter().find(|mart| mart["mart"] == "kpi_values");
    assert_eq!(
        Some(found["abmart_mart_rows{pipeline=\"nightly\",mart=\"kpi_values\"}"]),
        rows.and_then(|mart| mart["rows"].as_f64())
    );
    for stage in ["read", "tables", "periods", "marts"] {
        assert!(found[&format!("abmart_run_stage_duration_seconds{{pipeline=\"nightly\",stage=\"{stage}\"}}")] >= 0.0);
    }
}

#[rstest]
#[case::a_run(Lake::fixture("healthy").without("accounts"), &["run"], 1)]
#[case::a_name(Lake::fixture("healthy"), &["run", "hourly"], 2)]
fn metrics_tell_of_a_failure_of(#[case] lake: Lake, #[case] arguments: &[&str], #[case] code: i32) {
    let place = Workshop::new(&lake);
    let file = place.lake().with_file_name("abmart.prom").to_string_lossy().into_owned();
    place.command(&[arguments, &["--metrics", &file]].concat()).fails(code, &[]);
    let found = series(&std::fs::read_to_string(&file).expect("metrics"));
    let of = |name: &str| found.iter().find(|(series, _)| series.starts_with(name)).map(|(_, value)| *value);
    assert_eq!((of("abmart_run_success"), of("abmart_run_exit_code")), (Some(0.0), Some(f64::from(code))));
    assert_eq!(of("abmart_run_last_success"), None);
}

// ---- The log --------------------------------------------------------------------------------------------------------

/// Lines of a JSON log: every one has the parts that all have.
fn lines(log: &str) -> Vec<Value> {
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for part in ["timestamp", "level", "target", "message", "run_id", "pipeline"] {
            assert!(value[part].is_string(), "no {part}: {line}");
        }
        value
    };
    log.lines().map(line).collect()
}

#[rstest]
#[case::of_a_run(Lake::fixture("healthy"), 0)]
#[case::of_a_run_that_fails(Lake::fixture("healthy").without("accounts"), 1)]
fn every_line_of_the_json_log_says_its_run(#[case] lake: Lake, #[case] code: i32) {
    let place = Workshop::new(&lake);
    let outcome = place.command(&["run", "--log", "json", "--as-of", "2026-06-30"]);
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
    let lines = lines(&outcome.stderr);
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!(line["run_id"], place.results()["run_id"]);
        assert_eq!(line["as_of"], "2026-06-30");
    }
}

#[cfg(unix)]
#[test]
fn the_json_log_of_a_run_that_is_stopped_says_its_run_as_well() {
    let place = healthy();
    let outcome = place.interrupted_run("INT");
    let lines = lines(&outcome.stderr);
    let last = lines.last().expect("a line");
    assert_eq!((&last["exit_code"], &last["as_of"]), (&130.into(), &"2026-11-22".into()));
}

#[test]
fn warnings_about_the_project_are_lines_of_the_json_log_too() {
    let place = healthy();
    let outcome = place.command(&["run", "--log", "json", "--var", "UNUSED=1"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(lines(&outcome.stderr).iter().any(|line| line["code"] == "unused-variable"), "{}", outcome.stderr);
}
