//! The pages that are made from the shipped definitions; `UPDATE_DOCS=1` rewrites them.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abmart_spec::{Project, kpi_markdown, load, source_markdown};

const BEGIN: &str = "<!-- The rest is made from jobs/sources.yaml. -->\n";

#[test]
fn the_kpi_catalogue_is_up_to_date() {
    agrees("docs/kpis.md", &kpi_markdown(&shipped()));
}

#[test]
fn the_data_model_is_up_to_date() {
    let written = std::fs::read_to_string(root().join("docs/data-model.md")).unwrap();
    let (introduction, _) =
        written.split_once(BEGIN).expect("docs/data-model.md has the line where the contracts begin");
    agrees("docs/data-model.md", &format!("{introduction}{BEGIN}{}", source_markdown(&shipped())));
}

#[test]
fn every_published_kpi_has_an_entry_and_no_other_has() {
    let project = shipped();
    let page = kpi_markdown(&project);
    for kpi in project.kpis.values() {
        assert_eq!(page.contains(&format!("\n### `{}`\n", kpi.name)), kpi.published, "{}", kpi.name);
    }
}

fn agrees(path: &str, wanted: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, wanted).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == wanted, "{path} differs from the definitions; UPDATE_DOCS=1 rewrites it");
}

fn shipped() -> Project {
    load(&root(), &BTreeMap::new(), &|_| None).unwrap_or_else(|error| panic!("{}", error.render(false))).0
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
