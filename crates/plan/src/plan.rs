//! The plan of a run: its day, its periods, and the files of every source with the reason for reading them.

use std::collections::{BTreeMap, BTreeSet};

use abmart_spec::model::{
    DimensionMode, FactInput, FactKind, ForEach, Grain, Project, Source, SourceKind, SqlQuery, TableBody, Window,
};
use abmart_store::ObjectInfo;
use indexmap::IndexMap;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use crate::PlanError;
use crate::buckets::buckets;
use crate::calendar::{Period, periods};
use crate::layout::Layout;

/// What a run will do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The pipeline.
    pub pipeline: String,
    /// The run's day: rows after it do not count.
    pub as_of: Date,
    /// First day that the lake's events cover.
    pub history_start: Date,
    /// Periods of all grains, in order of grain and start.
    pub periods: Vec<Period>,
    /// Rollup → first days of the buckets that it groups by.
    #[serde(skip)]
    pub buckets: BTreeMap<String, Vec<Date>>,
    /// Files by source, in the order of the project.
    pub sources: IndexMap<String, SourcePlan>,
}

impl Plan {
    /// The plan of a pipeline that reads nothing of the lake.
    #[must_use]
    pub fn without_lake(pipeline: &str, as_of: Date) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            as_of,
            history_start: as_of,
            periods: Vec::new(),
            buckets: BTreeMap::new(),
            sources: IndexMap::new(),
        }
    }
}

/// The files of a source.
#[derive(Debug, Clone, Serialize)]
pub struct SourcePlan {
    /// Snapshot or events.
    pub kind: SourceKind,
    /// The files to read: of a snapshot source those of all chosen snapshots.
    pub files: Vec<PlannedFile>,
    /// Days of the chosen snapshots.
    pub snapshots: Vec<Date>,
    /// Why these files.
    pub why: String,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// Key below the lake.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Entity tag, where the store has one.
    pub etag: Option<String>,
    /// First day of its partition: the snapshot's day.
    pub day: Date,
}

impl PlannedFile {
    /// What tells this version of the file from all others, as far as the store says it: key, size and e-tag.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}\n{}\n{}", self.key, self.size, self.etag.as_deref().unwrap_or_default())
    }
}

impl Plan {
    /// Chooses day, periods and files. `listing` holds the objects below each source's folder.
    ///
    /// # Errors
    /// When the pipeline is unknown, a required source has no file, or no snapshot is old enough for `as_of`.
    pub fn build(
        project: &Project,
        pipeline: &str,
        as_of: Option<Date>,
        listing: &BTreeMap<String, Vec<ObjectInfo>>,
    ) -> Result<Self, PlanError> {
        Self::build_with(project, pipeline, as_of, listing, None)
    }

    /// As [`Plan::build`], with one period more than the pipeline computes, which is the last one then.
    ///
    /// # Errors
    /// As [`Plan::build`].
    pub fn build_with(
        project: &Project,
        pipeline: &str,
        as_of: Option<Date>,
        listing: &BTreeMap<String, Vec<ObjectInfo>>,
        more: Option<Period>,
    ) -> Result<Self, PlanError> {
        let Some(definition) = project.pipelines.get(pipeline) else {
            let known = project.pipelines.keys().cloned().collect();
            return Err(PlanError::UnknownPipeline { name: pipeline.to_owned(), known });
        };
        let found: IndexMap<&str, Vec<PlannedFile>> =
            project.sources.values().map(|source| (source.name.as_str(), matching(source, listing))).collect();
        for source in project.sources.values().filter(|source| !source.optional) {
            if found[source.name.as_str()].is_empty() {
                let path = source.path.value.clone();
                return Err(PlanError::MissingSource { source_name: source.name.clone(), path });
            }
        }
        let as_of = match as_of {
            Some(day) => day,
            None => newest_snapshot(project, &found).ok_or(PlanError::NoSnapshot)?,
        };
        let history_start = history_start(project, &found, as_of);
        let fiscal = project.settings.fiscal_year_start.unwrap_or(1);
        let run: Vec<Period> = definition
            .periods
            .iter()
            .flat_map(|(grain, last)| periods(*grain, history_start, as_of, *last, fiscal))
            .chain(more)
            .collect();
        if run.is_empty() {
            return Err(PlanError::NoPeriod(pipeline.to_owned()));
        }
        let monthly = project.tables.values().any(|table| table.for_each == ForEach::Month);
        let mut sources = IndexMap::new();
        for source in project.sources.values() {
            let mut ends: BTreeSet<Date> = run.iter().map(|period| period.end).collect();
            if monthly {
                ends.extend(periods(Grain::Month, history_start, as_of, None, 1).iter().map(|period| period.end));
            }
            let history = definition.dimensions == DimensionMode::AsWas && read_as_was(project, &source.name);
            let files = found[source.name.as_str()].clone();
            sources.insert(source.name.clone(), choose(source, files, as_of, history.then_some(&ends))?);
        }
        let buckets = project
            .rollups
            .keys()
            .map(|rollup| {
                let monthly = read_by_month(project, rollup);
                (rollup.clone(), buckets(&run, &windows(project, rollup), monthly, history_start, as_of))
            })
            .collect();
        Ok(Self { pipeline: pipeline.to_owned(), as_of, history_start, periods: run, buckets, sources })
    }

    /// The months for which `for_each: month` tables are evaluated.
    #[must_use]
    pub fn months(&self) -> Vec<Period> {
        periods(Grain::Month, self.history_start, self.as_of, None, 1)
    }

    /// The snapshot of a source that shows the world before `end`: the newest one before it, else the first.
    #[must_use]
    pub fn snapshot_before(&self, source: &str, end: Date) -> Option<Date> {
        let days = &self.sources.get(source)?.snapshots;
        days.iter().rev().find(|day| **day < end).or_else(|| days.first()).copied()
    }

    /// Bytes of all files to read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sources.values().flat_map(|source| &source.files).map(|file| file.size).sum()
    }
}

/// Folders to list: source name → folder below the lake.
#[must_use]
pub fn folders(project: &Project) -> BTreeMap<String, String> {
    project
        .sources
        .values()
        .map(|source| (source.name.clone(), Layout::parse(&source.path.value).folder().to_owned()))
        .collect()
}

fn matching(source: &Source, listing: &BTreeMap<String, Vec<ObjectInfo>>) -> Vec<PlannedFile> {
    let layout = Layout::parse(&source.path.value);
    let objects = listing.get(&source.name).map_or(&[][..], Vec::as_slice);
    let mut files: Vec<PlannedFile> = objects
        .iter()
        .filter_map(|object| {
            let day = layout.partition(&object.key)?.start;
            Some(PlannedFile { key: object.key.clone(), size: object.size, etag: object.etag.clone(), day })
        })
        .collect();
    files.sort_by(|a, b| (a.day, &a.key).cmp(&(b.day, &b.key)));
    files
}

fn newest_snapshot(project: &Project, found: &IndexMap<&str, Vec<PlannedFile>>) -> Option<Date> {
    let snapshots = project.sources.values().filter(|source| source.kind == SourceKind::Snapshot);
    snapshots.flat_map(|source| &found[source.name.as_str()]).map(|file| file.day).max()
}

fn history_start(project: &Project, found: &IndexMap<&str, Vec<PlannedFile>>, as_of: Date) -> Date {
    let first = |kind: SourceKind| {
        let sources = project.sources.values().filter(move |source| source.kind == kind);
        sources.flat_map(|source| &found[source.name.as_str()]).map(|file| file.day).filter(|day| *day <= as_of).min()
    };
    first(SourceKind::Events).or_else(|| first(SourceKind::Snapshot)).unwrap_or(as_of)
}

/// Whether a snapshot source is read as it was: as an entity's members, or by tables evaluated per month or period.
fn read_as_was(project: &Project, source: &str) -> bool {
    let entity = project.entities.values().any(|e| e.snapshot.as_ref().is_some_and(|name| name.value == source));
    let state = project.facts.values().any(|fact| {
        matches!(fact.kind, FactKind::State) && matches!(&fact.from, FactInput::Table(name) if name.value == source)
    });
    let table =
        project.tables.values().filter(|table| table.for_each != ForEach::Run).any(
            |table| matches!(&table.body, TableBody::Sql(sql) if sql.reads.iter().any(|name| name.value == source)),
        );
    entity || state || table
}

/// Whether a rollup is read by a table that is evaluated month by month.
fn read_by_month(project: &Project, rollup: &str) -> bool {
    let reads = |sql: &SqlQuery| sql.reads.iter().any(|name| name.value == rollup);
    let mut monthly = project.tables.values().filter(|table| table.for_each == ForEach::Month);
    monthly.any(|table| matches!(&table.body, TableBody::Sql(sql) if reads(sql)))
}

/// The trailing spans that facts look back over a rollup.
fn windows(project: &Project, rollup: &str) -> Vec<Window> {
    let mut found: Vec<Window> = Vec::new();
    for fact in project.facts.values() {
        if let FactKind::Trailing(window) = fact.kind
            && matches!(&fact.from, FactInput::Table(from) if from.value == rollup)
            && !found.contains(&window)
        {
            found.push(window);
        }
    }
    found
}

fn choose(
    source: &Source,
    files: Vec<PlannedFile>,
    as_of: Date,
    history: Option<&BTreeSet<Date>>,
) -> Result<SourcePlan, PlanError> {
    match source.kind {
        SourceKind::Events => {
            let all = files.len();
            let files: Vec<PlannedFile> = files.into_iter().filter(|file| file.day <= as_of).collect();
            let why = match all - files.len() {
                0 => "all partitions".to_owned(),
                later => format!("partitions up to {as_of}; {later} later files left out"),
            };
            Ok(SourcePlan { kind: source.kind, files, snapshots: Vec::new(), why })
        }
        SourceKind::Snapshot => {
            let days: BTreeSet<Date> = files.iter().map(|file| file.day).collect();
            let usable: Vec<Date> = days.range(..=as_of).copied().collect();
            if usable.is_empty() {
                return match days.first() {
                    Some(oldest) => {
                        Err(PlanError::BeforeFirstSnapshot { source_name: source.name.clone(), as_of, oldest: *oldest })
                    }
                    None => Ok(SourcePlan {
                        kind: source.kind,
                        files: Vec::new(),
                        snapshots: Vec::new(),
                        why: "optional and absent".to_owned(),
                    }),
                };
            }
            let newest = usable.last().copied();
            let chosen: BTreeSet<Date> = match history {
                None => newest.into_iter().collect(),
                Some(ends) => {
                    let before = |end: &Date| usable.iter().rev().find(|day| *day < end).or_else(|| usable.first());
                    ends.iter().filter_map(before).copied().chain(newest).collect()
                }
            };
            let why = match history {
                None => "the newest snapshot".to_owned(),
                Some(_) => format!(
                    "as it was: the newest snapshot before each period's end ({} of {})",
                    chosen.len(),
                    days.len()
                ),
            };
            let files = files.into_iter().filter(|file| chosen.contains(&file.day)).collect();
            Ok(SourcePlan { kind: source.kind, files, snapshots: chosen.into_iter().collect(), why })
        }
    }
}

/// The day after the run's day: rows at or after it do not count.
impl Plan {
    /// The first day whose rows do not count.
    #[must_use]
    pub fn end(&self) -> Date {
        self.as_of.saturating_add(1.day())
    }
}
