//! `abmart docs`.

use abmart_report::changes;
use abmart_site::{Extras, Kind, Published, Site, TestCase};
use abmart_spec::model::{MartBody, UnitTest};
use abmart_spec::{Change, Node, Project};
use abmart_store::{Manifest, Store};

use crate::args::{DocsArgs, Global};
use crate::exit::{Failure, chain};
use crate::folder;
use crate::project;
use crate::text::{bytes, count, print};

/// Writes the pages of the project, with what its published marts tell of it.
///
/// # Errors
/// When the project does not load, the folder holds something else, or what the marts hold is damaged.
pub fn docs(global: &Global, args: &DocsArgs) -> Result<(), Failure> {
    let mut project = project::load(global)?;
    let tests = abmart_spec::load_tests(&mut project)?;
    let out = args.out.clone().unwrap_or_else(|| project.root.join("out/docs"));
    folder::check(&out, &project.root, args.overwrite)?;
    let tests = tests.iter().filter_map(|test| test_case(test, &project)).collect();
    let site = Site::of(&project, &Extras { tests, ..known(&project)? });
    folder::replace(&out, site.files())?;
    let size: usize = site.files().values().map(Vec::len).sum();
    let (files, size) = (count(site.files().len() as u64), bytes(size as u64));
    print(&format!("{files} files ({size}): {}\n", out.join("index.html").display()))
}

/// What the store of marts tells. The definitions can be explained without it, where it is not there or out of reach.
fn known(project: &Project) -> Result<Extras, Failure> {
    match extras(project) {
        Err(Failure::Environment(text)) => {
            tracing::warn!("{text}; the pages say nothing of what is published");
            Ok(Extras::default())
        }
        outcome => outcome,
    }
}

fn extras(project: &Project) -> Result<Extras, Failure> {
    let Some(marts) = project::open_if_there(&project.stores.marts, project)? else { return Ok(Extras::default()) };
    let Some(manifest) = marts.manifest()? else { return Ok(Extras::default()) };
    Ok(Extras {
        changes: log(project, &marts, &manifest)?,
        published: Some(Published {
            as_of: manifest.as_of.clone(),
            run_id: manifest.run_id.clone(),
            at: manifest.published_at.clone(),
        }),
        ..Extras::default()
    })
}

/// A unit test as the pages of what it looks at name it.
fn test_case(test: &UnitTest, project: &Project) -> Option<TestCase> {
    let (file, line, _) = project.files.position(test.span)?;
    let of = |node: Node| {
        let kind = match &node {
            Node::Rollup(_) => Kind::Rollup,
            Node::Fact(_) => Kind::Fact,
            Node::Score(_) => Kind::Score,
            Node::Kpi(_) => Kind::Kpi,
            Node::Alert(_) => Kind::Alert,
            Node::Mart(_) => Kind::Mart,
            _ => Kind::Table,
        };
        (kind, node.name().to_owned())
    };
    Some(TestCase {
        name: test.name.clone(),
        description: test.description.clone(),
        file: file.display().to_string(),
        line,
        of: test.looks_at(project).map(of).collect(),
    })
}

/// The log of definitions, from the mart that publishes all of it.
fn log(project: &Project, marts: &Store, manifest: &Manifest) -> Result<Option<Vec<Change>>, Failure> {
    let whole = project.marts.values().filter(|mart| mart.filter.is_none());
    let mut logs = whole.filter(|mart| matches!(&mart.body, MartBody::From(table) if table.value == "kpi_changes"));
    let Some(mart) = logs.find_map(|mart| manifest.marts.get(&mart.name)) else { return Ok(None) };
    let mut log = Vec::new();
    for file in &mart.files {
        let rows = changes::changes(marts.get(&file.key)?)
            .map_err(|error| Failure::Run(format!("{}: {}", file.key, chain(&error))))?;
        log.extend(rows);
    }
    Ok(Some(log))
}
