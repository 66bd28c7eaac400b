//! `abmart status`: how the nights went, how old the data is, what is published.

mod nights;
mod render;
mod sources;

use abmart_spec::Project;
use abmart_store::{LeaseRecord, Manifest, Store};
use serde::Serialize;

use self::nights::PipelineNights;
use self::sources::LakeAge;
use crate::args::{Global, StatusArgs};
use crate::exit::{Failure, config};
use crate::project;
use crate::results::{KEY, LastRun};
use crate::text::print;

/// All that is told; `--json` shows it as it is.
#[derive(Debug, Serialize)]
struct Status {
    /// When this was looked at.
    now: jiff::Timestamp,
    /// The store of marts.
    marts: String,
    /// `run_results.json`: the run that has written last.
    last_run: Option<LastRun>,
    /// The run that is under way, if any.
    lease: Option<Holder>,
    /// Nights by pipeline.
    pipelines: Vec<PipelineNights>,
    /// Sources, as far as the lake can be listed.
    lake: LakeAge,
    /// What is published.
    manifest: Option<Manifest>,
    /// What `--check` fails for.
    problems: Vec<String>,
}

/// Who holds the lease.
#[derive(Debug, Serialize)]
struct Holder {
    run_id: String,
    host: String,
    pid: u32,
    since: jiff::Timestamp,
    until: jiff::Timestamp,
}

/// Shows how the nights went and what is published. The lake is only listed; one that cannot be reached is said.
///
/// # Errors
/// When the project is wrong or the store of marts cannot be read; with `--check` also when there is a problem.
pub fn status(global: &Global, args: &StatusArgs) -> Result<(), Failure> {
    let project = project::load(global)?;
    if let Some(name) = args.pipeline.as_ref().filter(|name| !project.pipelines.contains_key(*name)) {
        let known = project.pipelines.keys().cloned().collect();
        return Err(abmart_plan::PlanError::UnknownPipeline { name: name.clone(), known }.into());
    }
    let store = project::open(&project.stores.marts, &project, false)?;
    let status = look(&project, &store, args)?;
    if args.json {
        let text = serde_json::to_string_pretty(&status).map_err(config)?;
        print(&format!("{text}\n"))?;
    } else {
        print(&render::rendered(&status, args.last))?;
    }
    if args.check && !status.problems.is_empty() {
        return Err(Failure::Run(status.problems.join("\n  ")));
    }
    Ok(())
}

fn look(project: &Project, store: &Store, args: &StatusArgs) -> Result<Status, Failure> {
    let last_run: Option<LastRun> = match store.get(KEY) {
        Ok(text) => Some(serde_json::from_slice(&text).map_err(|error| config(format!("{KEY}: {error}")))?),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let named = project.pipelines.keys().filter(|name| args.pipeline.as_ref().is_none_or(|wanted| wanted == *name));
    let lease = store.lease()?.filter(LeaseRecord::is_held);
    let pipelines: Vec<PipelineNights> =
        named.map(|name| PipelineNights::look(store, name, args, lease.as_ref())).collect::<Result<_, _>>()?;
    let now = jiff::Timestamp::now();
    let lake = LakeAge::look(project, now);
    let problems = pipelines.iter().filter_map(PipelineNights::problem).chain(lake.problems()).collect();
    Ok(Status {
        now,
        marts: store.label().to_owned(),
        last_run,
        lease: lease.map(Holder::from),
        pipelines,
        lake,
        manifest: store.manifest()?,
        problems,
    })
}

impl From<LeaseRecord> for Holder {
    fn from(lease: LeaseRecord) -> Self {
        let LeaseRecord { run_id, process, since, until, .. } = lease;
        Self { run_id, host: process.host, pid: process.pid, since, until }
    }
}
