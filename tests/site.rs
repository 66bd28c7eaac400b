//! `abmart docs`: the folder that it writes, and what it refuses to write over.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;

use support::Lake;
use support::program::{Files, Project, Workshop, collect};

fn written(project: &Project, arguments: &[&str]) -> Files {
    let mut all = vec!["docs"];
    all.extend(arguments);
    project.command(&all).ok();
    let mut files = Files::new();
    collect(&project.folder().join("out/docs"), "", &mut files);
    files
}

#[test]
fn equal_projects_give_equal_pages() {
    let first = written(&Project::copy(), &[]);
    let project = Project::copy();
    assert!(written(&project, &[]) == first, "another copy of the project gives the same bytes");
    assert!(written(&project, &[]) == first, "the pages of the run before are replaced by the same ones");
    let page = String::from_utf8_lossy(&first["kpi/target_account_coverage.html"]).into_owned();
    for words in [
        "Target account coverage",
        "Taux de couverture des comptes cibles",
        "table/signals.html",
        "jobs/coverage.yaml:",
    ] {
        assert!(page.contains(words), "`{words}` is not on the page of a KPI");
    }
}

#[test]
fn every_link_of_the_shipped_project_leads_somewhere() {
    let files = written(&Project::copy(), &[]);
    let mut links = 0;
    for (path, content) in files.iter().filter(|(path, _)| path.ends_with(".html")) {
        let page = String::from_utf8_lossy(content);
        for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            links += 1;
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match (target, target.strip_prefix("../"), path.rsplit_once('/')) {
                ("", ..) => path.clone(),
                (_, Some(above), _) => above.to_owned(),
                (_, None, Some((folder, _))) => format!("{folder}/{target}"),
                (_, None, None) => target.to_owned(),
            };
            let Some(content) = files.get(&target) else { panic!("{path}: `{link}` leads nowhere") };
            let id = format!("id=\"{anchor}\"");
            assert!(
                anchor.is_empty() || String::from_utf8_lossy(content).contains(&id),
                "{path}: `{link}` has no such place"
            );
        }
    }
    assert!(links > 10_000, "{links} links");
}

#[test]
fn a_folder_with_other_files_is_refused() {
    let project = Project::copy();
    let out = project.folder().join("out/docs");
    fs::create_dir_all(&out).expect("a folder");
    fs::write(out.join("notes.txt"), "mine").expect("a file");
    project.command(&["docs"]).fails(2, &["holds `notes.txt`", "--overwrite"]);
    assert_eq!(fs::read(out.join("notes.txt")).expect("still there"), b"mine");
    project.command(&["docs", "--overwrite"]).ok();
    assert!(out.join("index.html").exists() && !out.join("notes.txt").exists());
    let left: BTreeSet<_> = fs::read_dir(project.folder().join("out"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, BTreeSet::from(["docs".into()]), "nothing is left beside it");
    let whole = project.folder().display().to_string();
    project.command(&["docs", "--overwrite", "--out", &whole]).fails(2, &["holds the project"]);
}

#[test]
fn the_pages_tell_what_is_published() {
    let place = Workshop::new(&Lake::parse("{as_of: 2026-06-30, accounts: [{account_id: A}]}"));
    let out = place.marts_folder().with_file_name("pages");
    let docs = || {
        place.command(&["docs", "--out", &out.display().to_string()]).ok();
        let read = |page: &str| fs::read_to_string(out.join(page)).expect("a page");
        (read("index.html"), read("kpi/win_rate.html"))
    };
    let (home, kpi) = docs();
    assert!(home.contains("No publication is known"), "{home}");
    assert!(kpi.contains("No log of definitions is known"));
    place.run().ok();
    let (home, kpi) = docs();
    assert!(home.contains("2026-06-30") && !home.contains("No publication is known"), "{home}");
    assert!(kpi.contains(">added<") && !kpi.contains("No log of definitions is known"));
}
