//! `abmart lineage`: where columns come from, where they go, and what breaks without one.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::Value;
use support::Lake;
use support::contract::root;
use support::program::{Outcome, Project, Workshop, run};

/// The command, on the shipped project.
fn lineage(arguments: &[&str]) -> Outcome {
    let root = root();
    let mut all = vec!["lineage", "--project", root.to_str().expect("a path")];
    all.extend(arguments);
    run(&all)
}

fn json(arguments: &[&str]) -> Value {
    let outcome = lineage(arguments).ok();
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn a_kpi_comes_from_its_sources_and_goes_into_the_marts() {
    let text = lineage(&["win_rate"]).ok().stdout;
    let (up, down) = text.split_once("goes into").expect("both ways");
    assert!(text.starts_with("kpi win_rate "), "{text}");
    for (part, words) in [
        (up, ["fact closings", "source opportunities", "jobs/pipeline.yaml:"]),
        (down, ["mart kpi_values", "mart executive_summary", "jobs/marts.yaml:"]),
    ] {
        for word in words {
            assert!(part.contains(word), "no {word} in:\n{text}");
        }
    }
    let one_way = lineage(&["win_rate", "--upstream"]).ok().stdout;
    assert!(!one_way.contains("goes into"), "{one_way}");
    assert!(lineage(&["win_rate", "--upstream", "--depth", "1"]).ok().stdout.lines().count() < one_way.lines().count());
}

#[test]
fn a_column_of_a_mart_comes_from_the_kpi_that_it_shows() {
    let shown = json(&["executive_summary.win_rate", "--upstream", "--depth", "1", "-o", "json"]);
    let edges = shown["column_edges"].as_array().expect("edges").clone();
    let direct: BTreeSet<&str> = edges
        .iter()
        .filter(|edge| edge["type"] == "DIRECT")
        .map(|edge| edge["from"]["definition"].as_str().expect("a definition"))
        .collect();
    assert_eq!(direct, BTreeSet::from(["kpi:win_rate"]));
}

#[test]
fn without_a_name_it_counts_and_says_how_to_ask() {
    let text = lineage(&[]).ok().stdout;
    assert!(text.lines().count() < 40, "{text}");
    for word in ["KPIs", "engagement", "all", "--if-removed"] {
        assert!(text.contains(word), "no {word} in:\n{text}");
    }
}

#[rstest]
#[case::a_definition("win_rat", "`win_rat` is not defined in this project; did you mean `win_rate`?")]
#[case::a_kind("kip:win_rate", "`kip` is no kind of definition")]
#[case::a_definition_of_a_kind("kpi:win_rat", "did you mean `kpi:win_rate`?")]
#[case::a_column(
    "touchpoints.chanel",
    "source `touchpoints` has no column `chanel`; did you mean `touchpoints.channel`?"
)]
fn a_name_that_is_wrong(#[case] name: &str, #[case] words: &str) {
    lineage(&[name]).fails(2, &[words]);
    lineage(&["--if-removed", name]).fails(2, &[words]);
}

#[test]
fn a_name_of_several_kinds_needs_its_kind() {
    let project = Project::copy().edit("jobs/alerts.yaml", "  silence:\n", "  silent_account:\n").edit(
        "jobs/alerts.yaml",
        "silence_since",
        "silent_account_since",
    );
    let asked = |name: &str| run(&["lineage", name, "--project", project.folder().to_str().expect("a path")]);
    asked("silent_account").fails(2, &["`fact:silent_account` and `alert:silent_account`"]);
    assert!(asked("alert:silent_account").ok().stdout.starts_with("alert silent_account "));
}

// ---- What breaks ----------------------------------------------------------------------------------------------------

#[test]
fn a_removed_column_breaks_what_names_it_and_changes_what_is_computed_from_it() {
    let removed = json(&["--if-removed", "touchpoints.channel", "-o", "json"]);
    let ids = |part: &str| -> BTreeSet<String> {
        let all = removed[part].as_array().expect("a list").iter();
        all.map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    let (breaks, changes) = (ids("breaks"), ids("changes"));
    assert!(breaks.contains("rollup:contact_days") && breaks.contains("rollup:account_visits"), "{breaks:?}");
    assert!(changes.contains("fact:visits") && changes.contains("mart:kpi_values"), "{changes:?}");
    assert!(!breaks.contains("rollup:touch_times") && !changes.contains("rollup:touch_times"));
    assert!(breaks.is_disjoint(&changes));
    for one in removed["changes"].as_array().expect("a list") {
        assert!(one["file"].is_string() && one["line"].is_u64(), "{one}");
        assert_eq!(one["path"][0]["definition"], "source:touchpoints", "{one}");
    }
}

#[test]
fn marts_and_kpis_are_told_first() {
    let text = lineage(&["--if-removed", "surveys"]).ok().stdout;
    let place = |word: &str| text.find(word).unwrap_or_else(|| panic!("no {word} in:\n{text}"));
    assert!(place("breaks: ") < place("changes: "), "{text}");
    let changes = &text[place("changes: ")..];
    let at = |word: &str| changes.find(word).unwrap_or_else(|| panic!("no {word} in:\n{changes}"));
    assert!(at("  marts (") < at("  KPIs ("), "{changes}");
}

/// What is said to break does: `validate` refuses the project without the column, at one of the places.
#[test]
fn what_breaks_is_what_the_check_refuses() {
    let removed = json(&["--if-removed", "touchpoints.requested", "-o", "json"]);
    let project = Project::copy();
    let sources = std::fs::read_to_string(project.folder().join("jobs/sources.yaml")).expect("a file");
    let line = sources.lines().find(|line| line.trim_start().starts_with("requested:")).expect("the column").to_owned();
    let project = project.edit("jobs/sources.yaml", &format!("{line}\n"), "");
    let refused = project.command(&["validate", "--json"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let found: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    let refused = found.to_string();
    for one in removed["breaks"].as_array().expect("a list") {
        let name = one["name"].as_str().expect("a name");
        assert!(refused.contains(&format!("`{name}`")), "{name} is said to break, but: {refused}");
    }
}

// ---- OpenLineage ----------------------------------------------------------------------------------------------------

#[test]
fn events_of_datasets_carry_the_lineage_of_their_columns() {
    let events = json(&["account_360", "-o", "openlineage"]);
    let events = events.as_array().expect("events");
    let of = |suffix: &str| {
        let found =
            events.iter().find(|event| event["dataset"]["name"].as_str().is_some_and(|name| name.ends_with(suffix)));
        found.unwrap_or_else(|| panic!("no dataset {suffix}")).clone()
    };
    let mart = of("/account_360");
    assert!(mart["schemaURL"].as_str().expect("a URL").ends_with("#/$defs/DatasetEvent"));
    let fields = mart["dataset"]["facets"]["schema"]["fields"].as_array().expect("fields");
    assert!(fields.iter().any(|field| field["name"] == "owner"), "{fields:?}");
    let job = events.iter().find(|event| event["job"]["name"] == "abmart.nightly").expect("an event of the job");
    let outputs = job["outputs"].as_array().expect("outputs");
    assert_eq!(outputs.iter().map(|set| &set["name"]).collect::<Vec<_>>(), [&mart["dataset"]["name"]]);
    let facet = &outputs[0]["facets"]["columnLineage"];
    assert!(
        facet["_schemaURL"]
            .as_str()
            .expect("a URL")
            .ends_with("1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet")
    );
    let owner = &facet["fields"]["owner"]["inputFields"];
    assert_eq!(owner.as_array().expect("inputs").len(), 1, "{owner}");
    assert_eq!(owner[0]["field"], "name");
    assert_eq!(owner[0]["namespace"], "file");
    assert_eq!(owner[0]["name"], of("/owners")["dataset"]["name"]);
    assert_eq!(owner[0]["transformations"][0], serde_json::json!({"type": "DIRECT", "subtype": "IDENTITY"}));
    let inputs: BTreeSet<&str> =
        job["inputs"].as_array().expect("inputs").iter().map(|set| set["name"].as_str().expect("a name")).collect();
    for field in facet["fields"].as_object().expect("fields").values() {
        for input in field["inputFields"].as_array().expect("inputs") {
            assert!(inputs.contains(input["name"].as_str().expect("a name")), "{input}");
        }
    }
}

#[test]
fn a_run_tells_the_lineage_of_columns_by_the_same_names() {
    let project =
        Project::copy().edit("pipelines.yaml", "settings:\n", "lineage: {file: lineage.jsonl}\n\nsettings:\n");
    let place = Workshop::new(&Lake::fixture("healthy")).with_project(&project);
    place.run().ok();
    let text = std::fs::read_to_string(project.folder().join("lineage.jsonl")).expect("events");
    let end: Value = serde_json::from_str(text.lines().last().expect("an event")).expect("JSON");
    let still = place.command(&["lineage", "account_360", "-o", "openlineage"]).ok();
    let still: Value = serde_json::from_str(&still.stdout).expect("JSON");
    let ends_with = |set: &Value| set["name"].as_str().is_some_and(|name| name.ends_with("/account_360"));
    let told = end["outputs"].as_array().expect("outputs").iter().find(|set| ends_with(set)).expect("the mart");
    let known = still.as_array().expect("events").iter().filter_map(|event| event["outputs"].as_array()).flatten();
    let known = known.into_iter().find(|set| ends_with(set)).expect("the mart");
    assert_eq!(told["name"], known["name"]);
    assert_eq!(told["facets"]["columnLineage"], known["facets"]["columnLineage"]);
    let read: BTreeSet<&str> =
        end["inputs"].as_array().expect("inputs").iter().map(|set| set["name"].as_str().expect("a name")).collect();
    let owner = &told["facets"]["columnLineage"]["fields"]["owner"]["inputFields"][0]["name"];
    assert!(read.contains(owner.as_str().expect("a name")), "{owner} is none of {read:?}");
}
