//! Cells of a day by some definitions, computed from the lake as it is now; each computed once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use abmart_diff::Cells;
use abmart_engine::cache::RunCache;
use abmart_engine::context::{Budget, Context};
use abmart_engine::{CellsWanted, Shelf};
use abmart_plan::calendar::Period;
use abmart_plan::layout::Layout;
use abmart_plan::{Plan, PlannedFile};
use abmart_spec::Project;
use abmart_spec::fingerprint;
use abmart_store::{ParquetFooter, Store};
use jiff::civil::Date;

use super::cells;
use super::wanted::Wanted;
use crate::args::Global;
use crate::exit::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::project::{self, Prepared};
use crate::run_id;

/// Definitions to compute with.
pub struct Definitions {
    /// The project without what the pipeline does not need.
    project: Project,
    pipeline: String,
    /// Equal where the cells that are wanted mean the same.
    meaning: String,
}

impl Definitions {
    /// The definitions of a pipeline, as far as they concern the cells that are wanted.
    ///
    /// # Errors
    /// When the pipeline computes nothing.
    pub fn new(project: &Project, pipeline: &str, wanted: &Wanted) -> Result<Self, Failure> {
        let project = project.restricted_to(pipeline);
        project::computes(&project, pipeline)?;
        let mut meaning =
            format!("{:?}", project.pipelines.get(pipeline).map(|pipeline| (&pipeline.periods, pipeline.dimensions)));
        for (kpi, hash) in fingerprint::fingerprints(&project) {
            let published = project.kpis.get(&kpi).is_some_and(|kpi| kpi.published);
            if published && wanted.kpi(&kpi) {
                let _ = write!(meaning, "\n{kpi} {hash}");
            }
        }
        // What bands adapt to is no part of what a KPI means.
        for score in project.scores.values() {
            let adaptive = score.bands.as_ref().and_then(|bands| bands.adaptive);
            let _ = write!(meaning, "\n{} {adaptive:?}", score.name);
        }
        Ok(Self { project, pipeline: pipeline.to_owned(), meaning })
    }

    /// The project, restricted to the pipeline.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Whether cells mean the same by others.
    pub fn mean_the_same_as(&self, other: &Self) -> bool {
        self.meaning == other.meaning
    }

    /// The source of the snapshots that say which cells members belong to.
    fn members(&self) -> Option<&str> {
        self.project.cube_root()?.snapshot.as_ref().map(|name| name.value.as_str())
    }
}

/// What a computation would read.
pub struct Planned<'a> {
    definitions: &'a Definitions,
    prepared: Prepared,
    key: String,
}

impl Planned<'_> {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.prepared.plan
    }
}

/// Computes cells, each once.
pub struct Recompute<'a> {
    global: &'a Global,
    wanted: &'a Wanted,
    marts: Option<&'a Store>,
    cache: Arc<RunCache>,
    known: HashMap<String, Rc<Cells>>,
    /// How many computations there were.
    pub computed: usize,
}

impl<'a> Recompute<'a> {
    /// Nothing is known yet. `project` says where the cache is, `marts` is what earlier runs published.
    ///
    /// # Errors
    /// When the cache is no store.
    pub fn new(
        global: &'a Global,
        wanted: &'a Wanted,
        project: &Project,
        marts: Option<&'a Store>,
    ) -> Result<Self, Failure> {
        let cache = Arc::new(project::visited_cache(project)?);
        Ok(Self { global, wanted, marts, cache, known: HashMap::new(), computed: 0 })
    }

    /// Plans a day. With `members_until` snapshots of the cube's root entity that are newer are not seen.
    ///
    /// # Errors
    /// When the lake cannot be read, nothing fits the day, or files break their contracts.
    pub fn plan<'d>(
        &self,
        definitions: &'d Definitions,
        as_of: Option<Date>,
        members_until: Option<Date>,
    ) -> Result<Planned<'d>, Failure> {
        let project = &definitions.project;
        let lake = project::open(&project.stores.lake, project, false)?;
        let mut listing = project::listing(project, &lake)?;
        if let Some(day) = members_until
            && let Some(source) = definitions.members().and_then(|name| project.sources.get(name))
            && let Some(objects) = listing.get_mut(&source.name)
        {
            let layout = Layout::parse(&source.path.value);
            objects.retain(|object| layout.partition(&object.key).is_none_or(|partition| partition.start <= day));
        }
        let prepared = project::prepare_on(project, &definitions.pipeline, as_of, lake, &listing, &self.cache)?;
        let mut key = format!("{}\n{}", prepared.plan.as_of, definitions.meaning);
        for file in prepared.plan.sources.values().flat_map(|source| &source.files) {
            key.push('\n');
            key.push_str(&PlannedFile::version(file));
        }
        Ok(Planned { definitions, prepared, key })
    }

    /// Says what the cells of a plan are, because a run has published them.
    pub fn know(&mut self, planned: &Planned<'_>, cells: &Rc<Cells>) {
        self.known.insert(planned.key.clone(), Rc::clone(cells));
    }

    /// The cells of a plan.
    ///
    /// # Errors
    /// When data breaks its contracts, a definition does not compute, or the command is told to stop.
    pub fn cells(&mut self, planned: &Planned<'_>) -> Result<Rc<Cells>, Failure> {
        if let Some(known) = self.known.get(&planned.key) {
            return Ok(Rc::clone(known));
        }
        let Prepared { lake, plan, footers } = &planned.prepared;
        let cells = Rc::new(self.compute(planned.definitions, lake, plan, footers)?);
        self.computed += 1;
        self.known.insert(planned.key.clone(), Rc::clone(&cells));
        Ok(cells)
    }

    fn compute(
        &self,
        definitions: &Definitions,
        lake: &Store,
        plan: &Plan,
        footers: &HashMap<String, ParquetFooter>,
    ) -> Result<Cells, Failure> {
        let project = &definitions.project;
        let budget = Budget { memory: self.global.memory, threads: rayon::current_num_threads() };
        let scratch = Scratch::new();
        let shelf = Arc::new(Shelf::new(&scratch.0, budget.held_rollups()));
        let progress = Progress::new(self.global);
        let context = Context {
            project,
            plan,
            lake: Some(lake),
            footers,
            budget,
            shelf: &shelf,
            cache: &self.cache,
            remote: None,
            observer: &progress,
            interrupted: interrupt::flag(),
        };
        let wanted = self.wanted;
        let asked = CellsWanted {
            kpi: &|name| wanted.kpi(name),
            period: &|period: &Period| wanted.period(period.grain, period.start),
            cut: &|by| wanted.cut(by),
        };
        tracing::info!(as_of = %plan.as_of, "computing cells");
        let rows = abmart_engine::cells(&context, self.marts, &asked)
            .map_err(|error| Failure::of_engine(error, &project.files))?;
        let mut found = Cells::new();
        for rows in &rows {
            cells::add(&mut found, rows, wanted);
        }
        Ok(found)
    }
}

/// A folder for what does not fit into memory, gone when the computation is over.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A name that no other computation has; the folder is made by whoever needs it.
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("abmart-diff-{}", run_id::next())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
