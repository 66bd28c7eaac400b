//! `abmart diff`: which figures changed, by how much, and why.
//!
//! ```text
//! v0  what BEFORE has published
//!  │  corrected or late data
//! v1  BEFORE's definitions and day, on the lake as it is now
//!  │  new data
//! v2  BEFORE's definitions, AFTER's day, members of the cube as of BEFORE's day
//!  │  members that moved between cuts, joined or left
//! v3  BEFORE's definitions, AFTER's day
//!  │  changed definitions
//! v4  AFTER's definitions and day
//!  │  corrected since, where AFTER was published on another lake
//! v5  what AFTER has published
//! ```
//!
//! Of these only those are computed that can differ from the one before: where no file, no day and no definition differs
//! the cells are the same.

mod cells;
mod json;
mod recompute;
mod render;
mod sides;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use abmart_diff::definitions::{self, Change, Version};
use abmart_diff::{Cause, Cells, Comparison, Step, compare};
use abmart_spec::Project;
use abmart_spec::model::Unit;
use abmart_store::{Manifest, Store};
use jiff::civil::Date;

use self::recompute::{Definitions, Planned, Recompute, Scratch};
use self::sides::{Side, kept_runs};
use self::wanted::Wanted;
use crate::args::{DiffArgs, Global};
use crate::exit::{Failure, config};
use crate::interrupt;
use crate::kept::{self, LakeFile};
use crate::project;
use crate::text::print;

/// What is told.
pub struct Report {
    pipeline: String,
    /// What the figures and their parts are; none where only definitions were compared.
    data: Option<Data>,
    /// Changes of definitions, breaking ones first; none where they are the same.
    definitions: Vec<Change>,
}

/// What is told of figures.
struct Data {
    before: Side,
    after: Side,
    /// Whether what BEFORE and AFTER have published is known.
    published: [bool; 2],
    words: String,
    comparison: Comparison,
    /// Causes that have no part, and why.
    without: BTreeMap<Cause, Without>,
    /// Source → how many of the files that BEFORE read were changed, have gone, or have come since.
    lake: BTreeMap<String, FileChanges>,
    notes: Vec<String>,
    /// How many computations it took.
    computed: usize,
    /// AFTER's definitions.
    project: Project,
    /// Units of the KPIs of both sides; where they differ, AFTER's.
    units: BTreeMap<String, Unit>,
}

/// Why a cause has no part.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Without {
    /// Nothing of that sort can have happened.
    Nothing(&'static str),
    /// What would have to be known is not.
    Unknown(String),
}

/// What became of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
struct FileChanges {
    changed: usize,
    gone: usize,
    came: usize,
}

/// Compares two runs, days or versions of the project.
///
/// # Errors
/// A wrong command or project (2), a failed environment (3), data that breaks its contracts (1); with `--check` a breaking
/// change of definitions (1).
pub fn diff(global: &Global, args: &DiffArgs) -> Result<(), Failure> {
    interrupt::listen();
    let project = project::load(global)?;
    let earlier = args.project_before.as_ref().map(|folder| version_of(folder, global, &project)).transpose()?;
    let report = if args.no_data {
        let definitions = earlier.as_ref().map(|earlier| changes(earlier, &project)).unwrap_or_default();
        Report { pipeline: args.pipeline.clone(), data: None, definitions }
    } else {
        figures(global, args, &project, earlier)?
    };
    let text = if args.json { json::rendered(&report)? } else { render::rendered(&report, args.top) };
    print(&text)?;
    let breaking = report.definitions.iter().filter(|change| change.breaking).count();
    if args.check && breaking > 0 {
        let changes =
            if breaking == 1 { "change of the definitions breaks" } else { "changes of the definitions break" };
        return Err(Failure::Run(format!("{breaking} {changes} what reads the marts")));
    }
    Ok(())
}

/// Another version of the project, with the stores of this one.
fn version_of(folder: &std::path::Path, global: &Global, project: &Project) -> Result<Project, Failure> {
    let mut other = project::load(&Global { project: folder.to_owned(), ..global.clone() })?;
    other.root.clone_from(&project.root);
    other.stores.clone_from(&project.stores);
    Ok(other)
}

/// What readers of the marts meet from one version to the other.
fn changes(before: &Project, after: &Project) -> Vec<Change> {
    let (old, new) = (abmart_engine::schemas(before), abmart_engine::schemas(after));
    definitions::changes(&Version { project: before, columns: &old }, &Version { project: after, columns: &new })
}

fn figures(global: &Global, args: &DiffArgs, project: &Project, earlier: Option<Project>) -> Result<Report, Failure> {
    let marts = match project::open(&project.stores.marts, project, false) {
        Ok(store) => Some(store),
        // Nothing was published yet: days can be compared all the same.
        Err(error) if [&args.before, &args.after].into_iter().flatten().all(|side| side.parse::<Date>().is_ok()) => {
            tracing::debug!(error = error.text(), "there are no marts");
            None
        }
        Err(error) => return Err(error),
    };
    let manifest = marts.as_ref().map(Store::manifest).transpose()?.flatten();
    let (before, after) = both(global, args, project, earlier.is_some(), marts.as_ref(), manifest.as_ref())?;
    if after.as_of < before.as_of {
        let (old, new) = (before.as_of, after.as_of);
        return Err(config(format!("BEFORE is of {old} and AFTER of {new}: the earlier one comes first")));
    }
    let mut notes = Vec::new();
    let recorded = |side: &Side, notes: &mut Vec<String>| -> Result<Option<Project>, Failure> {
        let Some(run) = &side.run else { return Ok(None) };
        let scratch = Scratch::new();
        let found = run.record.as_ref().map(|record| record.project(project, &scratch.0)).transpose()?.flatten();
        if found.is_none() {
            notes.push(format!(
                "the definitions of run {} are not kept: those of the project stand for them",
                run.run_id
            ));
        }
        Ok(found)
    };
    let recorded =
        [if earlier.is_none() { recorded(&before, &mut notes)? } else { None }, recorded(&after, &mut notes)?];
    let own = recorded.each_ref().map(Option::is_some);
    let [old, new] = recorded;
    let old = earlier.or(old).unwrap_or_else(|| project.clone());
    let new = new.unwrap_or_else(|| project.clone());
    let wanted = Wanted::new(args, [&old, &new], after.as_of)?;
    let (marts, manifest) = (marts.as_ref(), manifest.as_ref());
    let way = Way { args, wanted: &wanted, marts, manifest, old: &old, new: &new, own };
    let recompute = Recompute::new(global, &wanted, project, marts)?;
    let data = way.walk(before, after, recompute, notes)?;
    let same = old.files == new.files && old.variables == new.variables;
    let definitions = if same { Vec::new() } else { changes(&old, &new) };
    Ok(Report { pipeline: args.pipeline.clone(), data: Some(data), definitions })
}

/// BEFORE and AFTER as the command names them.
fn both(
    global: &Global,
    args: &DiffArgs,
    project: &Project,
    versions: bool,
    marts: Option<&Store>,
    manifest: Option<&Manifest>,
) -> Result<(Side, Side), Failure> {
    let side = |text: &String| Side::parse(text, &args.pipeline, marts, manifest);
    let today = || -> Result<Side, Failure> {
        let restricted = project.restricted_to(&args.pipeline);
        project::computes(&restricted, &args.pipeline)?;
        let lake = project::open(&project.stores.lake, project, false)?;
        let listing = project::listing(&restricted, &lake)?;
        let plan = abmart_plan::Plan::build(&restricted, &args.pipeline, global.as_of, &listing)?;
        Ok(Side { as_of: plan.as_of, run: None })
    };
    Ok(match (&args.before, &args.after) {
        (Some(before), Some(after)) => (side(before)?, side(after)?),
        // Two versions of the project on the same day.
        (Some(day), None) if versions => {
            let side = side(day)?;
            (Side { as_of: side.as_of, run: None }, Side { as_of: side.as_of, run: None })
        }
        (None, _) if versions => {
            let today = today()?;
            (Side { as_of: today.as_of, run: None }, today)
        }
        (Some(before), None) => (side(before)?, today()?),
        (None, _) => {
            let runs = kept_runs(&args.pipeline, manifest);
            return Err(config(format!(
                "BEFORE is missing: a day such as 2026-11-21, a run, or `--project-before` with a folder{runs}"
            )));
        }
    })
}

/// The way from BEFORE to AFTER.
struct Way<'a> {
    args: &'a DiffArgs,
    wanted: &'a Wanted,
    marts: Option<&'a Store>,
    manifest: Option<&'a Manifest>,
    old: &'a Project,
    new: &'a Project,
    /// Whether these are the definitions that the run of a side had.
    own: [bool; 2],
}

impl Way<'_> {
    /// Computes what is needed and lays it side by side.
    fn walk(
        &self,
        before: Side,
        after: Side,
        mut recompute: Recompute<'_>,
        mut notes: Vec<String>,
    ) -> Result<Data, Failure> {
        let old = Definitions::new(self.old, &self.args.pipeline, self.wanted)?;
        let new = Definitions::new(self.new, &self.args.pipeline, self.wanted)?;
        let same = old.mean_the_same_as(&new);
        let v1 = recompute.plan(&old, Some(before.as_of), None)?;
        let v4 = recompute.plan(&new, Some(after.as_of), None)?;
        let published = [
            self.published((&before, self.own[0]), &v1, &old, &mut recompute, &mut notes)?,
            self.published((&after, self.own[1]), &v4, &new, &mut recompute, &mut notes)?,
        ];
        let mut without = BTreeMap::new();
        let mut steps: Vec<(Cause, Rc<Cells>)> = Vec::new();
        let corrected = recompute.cells(&v1)?;
        let first = if let Some(cells) = &published[0] {
            steps.push((Cause::Corrected, Rc::clone(&corrected)));
            Rc::clone(cells)
        } else {
            without.insert(Cause::Corrected, unpublished(&before));
            corrected
        };
        if before.as_of == after.as_of {
            let why = Without::Nothing("both sides are of the same day");
            without.extend([(Cause::NewData, why.clone()), (Cause::Members, why)]);
        } else {
            let v2 = recompute.plan(&old, Some(after.as_of), Some(before.as_of))?;
            let v3 = recompute.plan(&old, Some(after.as_of), None)?;
            steps.push((Cause::NewData, recompute.cells(&v2)?));
            steps.push((Cause::Members, recompute.cells(&v3)?));
        }
        let last = recompute.cells(&v4)?;
        if same {
            without.insert(Cause::Definitions, Without::Nothing("they mean the same"));
        } else {
            steps.push((Cause::Definitions, Rc::clone(&last)));
        }
        match &published[1] {
            Some(cells) if !Rc::ptr_eq(cells, &last) => steps.push((Cause::Since, Rc::clone(cells))),
            _ => {
                without.insert(Cause::Since, Without::Nothing("AFTER shows the lake as it is"));
            }
        }
        let steps: Vec<Step<'_>> = steps.iter().map(|(cause, cells)| Step { cause: *cause, cells }).collect();
        let comparison = compare(&first, &steps, self.args.min);
        let lake = before.record().map(|record| file_changes(&record.lake, &kept::lake(v1.plan()))).unwrap_or_default();
        let published = published.map(|cells| cells.is_some());
        let (words, computed) = (self.wanted.words(), recompute.computed);
        let project = self.new.clone();
        let units = [self.old, self.new].into_iter().flat_map(|project| project.kpis.values());
        let units = units.map(|kpi| (kpi.name.clone(), kpi.unit)).collect();
        Ok(Data { before, after, published, words, comparison, without, lake, notes, computed, project, units })
    }

    /// What a side has published, where that is known. Where it is what the plan would compute, by the run's `own`
    /// definitions on the same files, that need not be computed.
    fn published(
        &self,
        (side, own): (&Side, bool),
        planned: &Planned<'_>,
        definitions: &Definitions,
        recompute: &mut Recompute<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Rc<Cells>>, Failure> {
        let (Some(run), Some(marts), Some(manifest)) = (&side.run, self.marts, self.manifest) else { return Ok(None) };
        let files = run.cells(self.wanted.is_brief(), definitions.project(), marts, manifest)?;
        if files.is_empty() {
            return Ok(None);
        }
        let mut cells = Cells::new();
        for file in files {
            cells::add_file(&mut cells, file, self.wanted)
                .map_err(|error| Failure::Run(format!("the cells of run {} cannot be read: {error}", run.run_id)))?;
        }
        let cells = Rc::new(cells);
        if let Some(record) = &run.record {
            if record.abmart != env!("CARGO_PKG_VERSION") {
                notes.push(format!(
                    "run {} was computed by abmart {}: what this version computes otherwise counts as corrected",
                    run.run_id, record.abmart
                ));
            } else if own && record.lake == kept::lake(planned.plan()) {
                recompute.know(planned, &cells);
            }
        }
        Ok(Some(cells))
    }
}

/// What became of the files that a run has read, source by source.
fn file_changes(
    before: &BTreeMap<String, Vec<LakeFile>>,
    now: &BTreeMap<String, Vec<LakeFile>>,
) -> BTreeMap<String, FileChanges> {
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let of = |lake: &BTreeMap<String, Vec<LakeFile>>, name: &String| -> BTreeMap<String, LakeFile> {
        lake.get(name).into_iter().flatten().map(|file| (file.key.clone(), file.clone())).collect()
    };
    let mut found = BTreeMap::new();
    for name in names {
        let (old, new) = (of(before, name), of(now, name));
        let changes = FileChanges {
            changed: old.iter().filter(|(key, file)| new.get(*key).is_some_and(|now| now != *file)).count(),
            gone: old.keys().filter(|key| !new.contains_key(*key)).count(),
            came: new.keys().filter(|key| !old.contains_key(*key)).count(),
        };
        if changes != FileChanges::default() {
            found.insert(name.clone(), changes);
        }
    }
    found
}

/// What is said of a side whose published cells are not known.
fn unpublished(side: &Side) -> Without {
    Without::Unknown(match &side.run {
        None => format!(
            "{} is computed from the lake as it is now; a run that is kept knows what it has published",
            side.as_of
        ),
        Some(run) if run.record.is_some() => {
            format!("of run {} grand totals and cuts by one dimension are kept", run.run_id)
        }
        Some(run) => format!("what run {} has published is not kept any more", run.run_id),
    })
}
