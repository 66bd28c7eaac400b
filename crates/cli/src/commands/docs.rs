//! `abmart docs`.

use abmart_report::changes;
use abmart_site::{Change, Extras, Published, Site};
use abmart_spec::Project;
use abmart_spec::model::MartBody;
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
    let project = project::load(global)?;
    let out = args.out.clone().unwrap_or_else(|| project.root.join("out/docs"));
    folder::check(&out, &project.root, args.overwrite)?;
    let site = Site::of(&project, &known(&project)?);
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
    let marts = project::open(&project.stores.marts, project, false)?;
    let Some(manifest) = marts.manifest()? else { return Ok(Extras::default()) };
    Ok(Extras {
        tests: Vec::new(),
        changes: log(project, &marts, &manifest)?,
        published: Some(Published {
            as_of: manifest.as_of.clone(),
            run_id: manifest.run_id.clone(),
            at: manifest.published_at.clone(),
        }),
    })
}

/// The log of definitions, from the mart that publishes all of it.
fn log(project: &Project, marts: &Store, manifest: &Manifest) -> Result<Option<Vec<Change>>, Failure> {
    let whole = project.marts.values().filter(|mart| mart.filter.is_none());
    let names = whole.filter(|mart| matches!(&mart.body, MartBody::From(table) if table.value == "kpi_changes"));
    let Some(mart) = names.filter_map(|mart| manifest.marts.get(&mart.name)).next() else { return Ok(None) };
    let mut log = Vec::new();
    for file in &mart.files {
        let rows = changes::changes(marts.get(&file.key)?)
            .map_err(|error| Failure::Run(format!("{}: {}", file.key, chain(&error))))?;
        log.extend(rows.into_iter().map(|row| Change {
            on: row.on,
            kpi: row.kpi,
            change: row.change,
            version_before: row.version_before,
            version: row.version,
            formula_before: row.formula_before,
            formula: row.formula,
            definition: row.definition,
        }));
    }
    Ok(Some(log))
}
