#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use abmart_spec::diagnostic::render;
use abmart_spec::model::ColumnType;
use abmart_spec::{Edits, SourceMap, edit, load_edited};
use rstest::rstest;
use tempfile::TempDir;

use super::*;
use crate::project::{File, bare, shipped};

fn written(files: Vec<File>) -> (TempDir, Project) {
    let place = TempDir::new().unwrap();
    for file in files {
        let path = place.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.text).unwrap();
    }
    let project = abmart_spec::load(place.path(), &BTreeMap::new(), &|_| None).unwrap().0;
    (place, project)
}

fn made(project: &Project, kind: &str, name: &str, of: Option<&str>) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    match kind {
        "kpi" => kpi(project, name, of, None),
        "table" => table(project, name, of),
        "fact" => fact(project, name, of, None),
        "mart" => mart(project, name, of),
        "alert" => alert(project, name, of),
        _ => source(name, &orders(), None),
    }
}

fn orders() -> FileSource {
    let column =
        |name: &str, ty, nullable, without_nulls| FileColumn { name: name.to_owned(), ty, nullable, without_nulls };
    FileSource {
        path: Some("orders/ym={month}/*.parquet".to_owned()),
        columns: vec![
            column("order_id", Ok(ColumnType::String), true, true),
            column("account_id", Ok(ColumnType::String), true, false),
            column("at", Ok(ColumnType::Timestamp), false, true),
            column("on", Ok(ColumnType::Date), true, true),
            column("lines", Err("a list".to_owned()), true, true),
        ],
    }
}

/// What is wrong with a project once a skeleton is in it.
fn findings(place: &TempDir, project: &Project, skeleton: &Skeleton) -> String {
    let job = home(project, skeleton.section.trim_end_matches('s'), skeleton.reads.as_ref()).unwrap();
    let file = project.files.position(project.jobs[job].span).unwrap().0.to_owned();
    let text = std::fs::read_to_string(place.path().join(&file)).unwrap();
    let text = edit::add(&text, skeleton.section, &skeleton.text).unwrap().text;
    let laid_out = abmart_fmt::format(&text, abmart_spec::Document::Job).unwrap();
    let lines = |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(&laid_out), "`abmart fmt` has nothing to do, blank lines aside");
    let edits = Edits::from([(PathBuf::from(&file), text)]);
    match load_edited(place.path(), &BTreeMap::new(), &|_| None, &edits) {
        Ok((project, warnings)) => render(&warnings, &project.files, false),
        Err(error) => error.render(false),
    }
}

#[rstest]
#[case("source", None)]
#[case("table", None)]
#[case("table", Some("accounts"))]
#[case("fact", None)]
#[case("fact", Some("accounts"))]
#[case("kpi", None)]
#[case("kpi", Some("count(*) filter (where target_list.on_list)"))]
#[case("mart", None)]
#[case("mart", Some("accounts"))]
#[case("mart", Some("account"))]
#[case("alert", None)]
fn fits_into_a_project_at_once(#[case] kind: &str, #[case] of: Option<&str>) {
    for files in [bare("x"), shipped("x")] {
        let (place, project) = written(files);
        let skeletons = made(&project, kind, "brand_new", of).unwrap();
        assert_eq!(findings(&place, &project, &skeletons[0]), "", "{}", skeletons[0].text);
    }
}

#[rstest]
#[case("fact", "touchpoints", "records: count(*)")]
#[case("fact", "opportunities", "time: created_at")]
#[case("fact", "contact_touches", "records: sum(touches)")]
#[case("alert", "target_account_coverage", "value < prior_value")]
#[case("kpi", "sum(activity.inbound)", "unit: count")]
#[case("kpi", "count(*) filter (where activity.inbound > 0) / count(*)", "unit: percent")]
#[case("mart", "owners", "description: Identifier of the person., not_null: true")]
fn knows_the_shipped_project(#[case] kind: &str, #[case] of: &str, #[case] says: &str) {
    let (_place, project) = written(shipped("x"));
    let skeletons = made(&project, kind, "brand_new", Some(of)).unwrap();
    let text = &skeletons[0].text;
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_file_gives_the_contract() {
    let text = &source("orders", &orders(), None).unwrap()[0].text;
    assert_eq!(
        text,
        "\
orders:
  kind: events     # rows with a time, in files of a month
  time: at         # when a row happened
  key: [order_id]  # columns that identify a row
  # freshness: 7 days   # how old the newest rows may be
  description: What it holds, one row each.
  columns:
    order_id: string
    account_id: string?
    at: timestamp
    'on': date?  # no null in the file that was read
    # lines: is a list, for which contracts have no type
"
    );
}

#[test]
fn the_kind_can_be_told_and_the_place_be_elsewhere() {
    let file = FileSource { path: None, ..orders() };
    let text = &source("sales", &file, Some(false)).unwrap()[0].text;
    assert!(text.contains("kind: snapshot"), "{text}");
    assert!(text.contains("# path: sales/dt={day}/*.parquet"), "{text}");
    assert!(text.contains("# key: [order_id]"), "no column is named like the key of sales: {text}");
}

#[rstest]
#[case("table", "acounts", "`acounts` is not a source, rollup or table of the project", "did you mean `accounts`?")]
#[case("fact", "acounts", "`acounts` is not a source, rollup or table of the project", "did you mean `accounts`?")]
#[case("alert", "target_acounts", "`target_acounts` is not a published KPI", "did you mean `target_accounts`?")]
#[case("mart", "acount", "`acount` is not a source, table or entity", "did you mean `account`?")]
fn says_what_may_have_been_meant(#[case] kind: &str, #[case] of: &str, #[case] message: &str, #[case] help: &str) {
    let (_place, project) = written(bare("x"));
    let said = render(&[*made(&project, kind, "brand_new", Some(of)).unwrap_err()], &SourceMap::default(), false);
    assert!(said.contains(message) && said.contains(help), "{said}");
}

#[test]
fn a_definition_is_at_home_beside_what_it_reads() {
    let (_place, project) = written(shipped("x"));
    let activity = Node::Fact("activity".to_owned());
    assert_eq!(home(&project, "kpi", Some(&activity)), Some("engagement"));
    assert_eq!(home(&project, "source", None), Some("sources"));
    assert_eq!(home(&project, "mart", None), Some("marts"));
}
