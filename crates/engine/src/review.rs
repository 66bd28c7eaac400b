//! Marts over what another pipeline has published: nothing is read of the lake and nothing computed anew, so that a
//! review shows the figures that everybody has seen.

use std::collections::BTreeMap;
use std::path::Path;

use abmart_plan::Plan;
use abmart_spec::model::Project;
use abmart_store::{LocalFile, Manifest, StagedFile};
use polars::prelude::*;

use crate::error::EngineError;
use crate::input::scan::scan_local;
use crate::output::marts::{self, Staging};
use crate::run::Target;
use crate::scope::{Frames, Scope};

/// Stages the marts of a pipeline with `from`, over the marts that `manifest` names; `scratch` takes copies of files that
/// lie elsewhere.
///
/// # Errors
/// When a mart does not compute, an audit fails or the store does.
pub fn review(
    project: &Project,
    plan: &Plan,
    manifest: &Manifest,
    target: &Target<'_>,
    scratch: &Path,
) -> Result<Vec<StagedFile>, EngineError> {
    // As long as queries read them.
    let mut files: BTreeMap<&str, Vec<LocalFile>> = BTreeMap::new();
    for (name, mart) in &manifest.marts {
        let copies = mart.files.iter().map(|file| target.store.local_copy(&file.key, scratch));
        if reads(project, name) {
            files.insert(name, copies.collect::<Result<_, _>>()?);
        }
    }
    let published = |name: &str| {
        let files = files.get(name)?;
        let scans = files.iter().map(scan_local).collect::<Result<Vec<LazyFrame>, EngineError>>();
        Some(scans.and_then(|scans| Ok(concat(scans, UnionArgs::default())?)))
    };
    let frames = Frames::default();
    let scope = Scope::of_run(project, plan, &frames);
    let staging =
        Staging { store: target.store, run_id: target.run_id, definitions: target.definitions, kpis: &project.kpis };
    let stage = |mart| staging.frame(mart, marts::rows_of(mart, &scope, &published)?.collect()?);
    project.marts.values().map(stage).collect()
}

/// Whether a mart of the pipeline reads a published mart of this name.
fn reads(project: &Project, name: &str) -> bool {
    project.marts.values().any(|mart| mart.reads().any(|read| read.value == name))
}
