//! The pages as a whole: every definition has one, every link leads somewhere, nothing that a definition says is markup.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use abmart_site::{Change, Extras, Kind, Published, Site, TestCase};
use abmart_spec::Project;
use jiff::civil::date;
use rstest::rstest;

static SHIPPED: LazyLock<Site> = LazyLock::new(|| Site::of(&shipped(), &Extras::default()));
static TOLD: LazyLock<Site> = LazyLock::new(|| Site::of(&shipped(), &told()));
static HOSTILE: LazyLock<Site> = LazyLock::new(|| Site::of(&hostile(), &told()));

fn shipped() -> Project {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    abmart_spec::load(&root, &BTreeMap::new(), &|_| None).expect("the shipped project").0
}

/// A project whose names and texts are as bad as texts can be.
fn hostile() -> Project {
    let mut project = shipped();
    let bad = "<script>alert('x')</script> & \"quoted\" ’ \u{1F600}";
    for (number, name) in
        ["Win Rate", "win rate", "../../up", "a/b", "con", "é<b>", "index", "a\"b"].into_iter().enumerate()
    {
        let mut kpi = project.kpis["win_rate"].clone();
        name.clone_into(&mut kpi.name);
        kpi.title.en = format!("{bad} {number}");
        kpi.title.fr = format!("{bad} {number}");
        bad.clone_into(&mut kpi.description);
        bad.clone_into(&mut kpi.owner);
        bad.clone_into(&mut kpi.cadence);
        project.kpis.insert(name.to_owned(), kpi);
        let mut mart = project.marts["kpi_values"].clone();
        name.clone_into(&mut mart.name);
        bad.clone_into(&mut mart.description);
        mart.audience = Some(bad.to_owned());
        project.marts.insert(name.to_owned(), mart);
    }
    bad.clone_into(&mut project.name);
    for job in project.jobs.values_mut() {
        bad.clone_into(&mut job.description);
        bad.clone_into(&mut job.title.fr);
    }
    for source in project.sources.values_mut() {
        bad.clone_into(&mut source.description);
        for column in source.columns.values_mut() {
            bad.clone_into(&mut column.description);
            column.values.push(bad.to_owned());
        }
    }
    project
}

fn told() -> Extras {
    let change = |on, change: &str| Change {
        on,
        kpi: "win_rate".to_owned(),
        change: change.to_owned(),
        version_before: None,
        version: Some(1),
        formula_before: Some("sum(a.<b>)".to_owned()),
        formula: Some("sum(closings.won) / 2".to_owned()),
        definition: Some("0123456789abcdef".to_owned()),
    };
    Extras {
        tests: vec![TestCase {
            name: "deals_that_are_open".to_owned(),
            description: "Open deals do not count <yet>.".to_owned(),
            file: "jobs/tests/pipeline.yaml".to_owned(),
            line: 7,
            of: vec![(Kind::Kpi, "win_rate".to_owned()), (Kind::Fact, "closings".to_owned())],
        }],
        changes: Some(vec![change(date(2026, 6, 29), "added"), change(date(2026, 6, 30), "redefined")]),
        published: Some(Published {
            as_of: Some("2026-06-30".to_owned()),
            run_id: "run-1".to_owned(),
            at: "2026-07-01T02:00:00Z".to_owned(),
        }),
    }
}

fn pages(site: &Site) -> BTreeMap<&str, &str> {
    let pages = site.files().iter().filter(|(path, _)| path.ends_with(".html"));
    pages.map(|(path, content)| (path.as_str(), std::str::from_utf8(content).expect("UTF-8"))).collect()
}

/// The values of an attribute on a page; what definitions say cannot look like one, since quotes are escaped.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let opening = format!(" {name}=\"");
    page.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[rstest]
#[case::shipped(&SHIPPED)]
#[case::with_all_that_can_be_known(&TOLD)]
#[case::hostile(&HOSTILE)]
fn every_link_leads_to_a_page_and_a_place_on_it(#[case] site: &Site) {
    let pages = pages(site);
    let ids: BTreeMap<&str, BTreeSet<&str>> = pages
        .iter()
        .map(|(path, page)| {
            let ids = attributes(page, "id");
            let unique: BTreeSet<&str> = ids.iter().copied().collect();
            let mut twice = ids.clone();
            twice.sort_unstable();
            twice.dedup();
            assert_eq!(ids.len(), twice.len(), "{path}: an id stands twice");
            (*path, unique)
        })
        .collect();
    let mut links = 0;
    for (path, page) in &pages {
        let above = if path.contains('/') { "../" } else { "" };
        for link in attributes(page, "href").into_iter().chain(attributes(page, "src")) {
            links += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() { path } else { target.strip_prefix(above).unwrap_or(target) };
            assert!(site.files().contains_key(target), "{path}: `{link}` leads nowhere");
            let known = anchor.is_empty() || ids.get(target).is_some_and(|ids| ids.contains(anchor));
            assert!(known, "{path}: `{link}` has no such place");
        }
        for reference in ["aria-labelledby", "aria-controls", "for"] {
            for id in attributes(page, reference) {
                assert!(ids[path].contains(id), "{path}: {reference}=\"{id}\"");
            }
        }
    }
    assert!(links > 10_000, "{links}");
}

#[rstest]
#[case::shipped(shipped(), &SHIPPED)]
#[case::hostile(hostile(), &HOSTILE)]
fn every_definition_has_a_page_and_is_found(#[case] project: Project, #[case] site: &Site) {
    let count = |folder: &str| site.files().keys().filter(|path| path.starts_with(folder)).count();
    assert_eq!(
        [
            count("job/"),
            count("kpi/"),
            count("mart/"),
            count("alert/"),
            count("fact/"),
            count("score/"),
            count("attribution/"),
            count("entity/"),
            count("table/"),
            count("rollup/"),
            count("source/"),
        ],
        [
            project.jobs.len(),
            project.kpis.len(),
            project.marts.len(),
            project.alerts.len(),
            project.facts.len(),
            project.scores.len(),
            project.attributions.len(),
            project.entities.len(),
            project.tables.len(),
            project.rollups.len(),
            project.sources.len(),
        ]
    );
    let script = std::str::from_utf8(&site.files()["assets/search.js"]).expect("UTF-8");
    let json =
        script.strip_prefix("window.abmartSearch = ").and_then(|text| text.strip_suffix(";\n")).expect("one value");
    let index: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let found: BTreeSet<&str> = index["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| record["u"].as_str().expect("a page"))
        .collect();
    let pages: BTreeSet<&str> =
        site.files().keys().map(String::as_str).filter(|path| path.contains('/') && path.ends_with(".html")).collect();
    assert_eq!(found, pages);
}

#[test]
fn what_definitions_say_is_never_markup() {
    for (path, page) in pages(&HOSTILE) {
        assert!(!page.contains("<script>"), "{path}");
        assert_eq!(page.matches("<script").count(), 1, "{path}: only the site's own script");
        assert!(!page.contains("<b>\"") && !page.contains("a.<b>"), "{path}");
        for attribute in attributes(page, "title") {
            assert!(!attribute.contains('<'), "{path}: {attribute}");
        }
    }
}

#[test]
fn file_names_are_safe_everywhere() {
    let site = &*HOSTILE;
    let lower: BTreeSet<String> = site.files().keys().map(|path| path.to_lowercase()).collect();
    assert_eq!(lower.len(), site.files().len(), "no two differ by case alone");
    for path in site.files().keys() {
        let safe = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte))
        };
        assert!(path.split('/').all(safe), "{path}");
    }
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    for (path, content) in TOLD.files() {
        let text = String::from_utf8_lossy(content);
        let code = if path == "assets/search.js" { "" } else { &text };
        for foreign in
            ["src=\"http", "href=\"http", "url(http", "@import", "fetch(", "XMLHttpRequest", "document.cookie"]
        {
            assert!(!code.contains(foreign), "{path}: {foreign}");
        }
    }
}

#[test]
fn equal_projects_give_equal_bytes() {
    assert!(Site::of(&shipped(), &told()) == *TOLD);
}

#[rstest]
#[case("kpi/win_rate.html", &[
    "Win rate", "jobs/pipeline.yaml:", "numerator", "dénominateur", "../fact/closings.html#measure-won",
    "deals_that_are_open", "jobs/tests/pipeline.yaml", "Open deals do not count &lt;yet&gt;.", "2026-06-30", "redéfini",
])]
#[case("source/touchpoints.html", &["touchpoints/ym={month}/*.parquet", "id=\"column-occurred_at\"", "else set aside", "Utilisé par"])]
#[case("table/signals.html", &["<span class=\"keyword\">select</span>", "href=\"../table/weighted_touches.html\"", "id=\"column-touches\""])]
#[case("mart/kpi_values.html", &["read_parquet(", ">'all'<", "Identifier of the KPI", "nightly"])]
#[case("mart/account_360.html", &["../fact/activity.html#measure-touches", "never null", "money"])]
#[case("index.html", &["run-1", "2026-06-30", "nightly", "EUR"])]
fn a_page_tells_what_its_readers_look_for(#[case] path: &str, #[case] words: &[&str]) {
    let Some(page) = pages(&TOLD).get(path).copied() else { panic!("there is no {path}") };
    for word in words {
        assert!(page.contains(word), "`{word}` is not on {path}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    let pages = pages(&SHIPPED);
    assert!(pages["index.html"].contains("No publication is known"));
    assert!(pages["changes.html"].contains("No log of definitions is known"));
    assert!(pages["kpi/win_rate.html"].contains("No log of definitions is known"));
}
