//! All definitions of a project with their addresses, and what leads from one to the other.

use std::collections::BTreeMap;

use abmart_spec::formula::formula;
use abmart_spec::model::{Project, Title};
use abmart_spec::{Change, Graph, Node, Span, fingerprint};
use indexmap::IndexMap;

use crate::address::Addresses;
use crate::columns::Columns;
use crate::extras::{Extras, TestCase};
use crate::key::{Key, Kind};

/// What all pages draw on.
pub(crate) struct Atlas<'a> {
    pub project: &'a Project,
    pub extras: &'a Extras,
    pub columns: Columns<'a>,
    graph: Graph,
    entries: IndexMap<Key, Entry<'a>>,
    users: BTreeMap<Node, Vec<Node>>,
    definitions: BTreeMap<String, String>,
    /// Fact or score and measure → the KPIs whose formulas name it.
    kpis: BTreeMap<(String, String), Vec<String>>,
}

/// A definition with its page.
pub(crate) struct Entry<'a> {
    pub key: Key,
    /// English and French title, of those that have one.
    pub title: Option<&'a Title>,
    pub description: &'a str,
    pub owner: Option<&'a str>,
    /// The job that holds it; of a job, the job itself.
    pub job: &'a str,
    span: Span,
    /// Its page, relative to the first one.
    pub path: String,
}

impl<'a> Atlas<'a> {
    pub fn new(project: &'a Project, extras: &'a Extras) -> Self {
        let graph = project.graph();
        let mut users: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for node in graph.order() {
            for need in graph.needs(node) {
                users.entry(need.clone()).or_default().push(node.clone());
            }
        }
        Self {
            project,
            extras,
            columns: Columns::new(project),
            graph,
            entries: entries(project),
            users,
            definitions: fingerprint::fingerprints(project),
            kpis: kpis(project),
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.values()
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.values().filter(move |entry| entry.key.kind == kind)
    }

    /// The definitions that a job holds.
    pub fn in_job(&self, job: &str) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.values().filter(move |entry| entry.key.kind != Kind::Job && entry.job == job)
    }

    pub fn entry(&self, key: &Key) -> Option<&Entry<'a>> {
        self.entries.get(key)
    }

    /// The entry of what SQL calls by this name: a source, rollup, table or entity.
    pub fn relation(&self, name: &str) -> Option<&Entry<'a>> {
        [Kind::Source, Kind::Rollup, Kind::Table, Kind::Entity]
            .into_iter()
            .find_map(|kind| self.entry(&Key::new(kind, name)))
    }

    /// The entry of a fact or score.
    pub fn measured(&self, name: &str) -> Option<&Entry<'a>> {
        [Kind::Fact, Kind::Score].into_iter().find_map(|kind| self.entry(&Key::new(kind, name)))
    }

    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What a definition needs directly.
    pub fn needs(&self, key: &Key) -> Vec<Key> {
        key.node().map(|node| self.graph.needs(&node).iter().map(Key::from).collect()).unwrap_or_default()
    }

    /// What needs a definition directly.
    pub fn users(&self, key: &Key) -> Vec<Key> {
        let users = key.node().and_then(|node| self.users.get(&node));
        users.into_iter().flatten().map(Key::from).collect()
    }

    /// Everything that a definition needs, itself left out, each after what it needs.
    pub fn upstream(&self, key: &Key) -> Vec<Key> {
        let Some(node) = key.node() else { return Vec::new() };
        let closure = self.graph.closure([node.clone()]);
        closure.iter().filter(|other| **other != node).map(Key::from).collect()
    }

    /// Everything that needs a definition.
    pub fn downstream(&self, key: &Key) -> Vec<Key> {
        key.node().map(|node| self.graph.dependents(&node).iter().map(Key::from).collect()).unwrap_or_default()
    }

    /// File and line of a place.
    pub fn place(&self, span: Span) -> Option<(String, usize)> {
        let (path, line, _) = self.project.files.position(span)?;
        Some((path.to_string_lossy().into_owned(), line))
    }

    pub fn place_of(&self, entry: &Entry) -> Option<(String, usize)> {
        self.place(entry.span)
    }

    /// The fingerprint of a KPI's definition.
    pub fn definition(&self, kpi: &str) -> Option<&str> {
        self.definitions.get(kpi).map(String::as_str)
    }

    /// The KPIs whose formulas name a measure.
    pub fn kpis_of(&self, fact: &str, measure: &str) -> impl Iterator<Item = Key> {
        let kpis = self.kpis.get(&(fact.to_owned(), measure.to_owned()));
        kpis.into_iter().flatten().map(|kpi| Key::new(Kind::Kpi, kpi))
    }

    pub fn tests_of(&self, key: &Key) -> Vec<&'a TestCase> {
        let about = |test: &&TestCase| test.of.iter().any(|(kind, name)| *kind == key.kind && *name == key.name);
        self.extras.tests.iter().filter(about).collect()
    }

    /// The entries of the log of definitions about a KPI; `None` where there is no log.
    pub fn changes_of(&self, kpi: &str) -> Option<Vec<&'a Change>> {
        Some(self.extras.changes.as_ref()?.iter().filter(|change| change.kpi == kpi).collect())
    }

    /// The mart that publishes a table of the engine as it is.
    pub fn engine_table(&self, name: &str) -> Option<&Entry<'a>> {
        let mart = self.columns.engine_table(name)?;
        self.entry(&mart)
    }
}

fn kpis(project: &Project) -> BTreeMap<(String, String), Vec<String>> {
    let mut kpis: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for kpi in project.kpis.values() {
        for sql in [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()].into_iter().flatten() {
            for measure in formula(project, sql).aggregates.into_iter().flat_map(|aggregate| aggregate.measures) {
                let named = kpis.entry(measure).or_default();
                if named.last() != Some(&kpi.name) {
                    named.push(kpi.name.clone());
                }
            }
        }
    }
    kpis
}

fn entries(project: &Project) -> IndexMap<Key, Entry<'_>> {
    let mut made = Making { addresses: Addresses::default(), entries: IndexMap::new() };
    for job in project.jobs.values() {
        let owner = Some(job.owner.as_str());
        made.add(Kind::Job, &job.name, Some(&job.title), &job.description, owner, &job.name, job.span);
    }
    let owner = |job: &str| project.jobs.get(job).map(|job| job.owner.as_str());
    for kpi in project.kpis.values() {
        made.add(Kind::Kpi, &kpi.name, Some(&kpi.title), &kpi.description, Some(&kpi.owner), &kpi.job, kpi.span);
    }
    for mart in project.marts.values() {
        made.add(Kind::Mart, &mart.name, None, &mart.description, owner(&mart.job), &mart.job, mart.span);
    }
    for alert in project.alerts.values() {
        let title = Some(&alert.title);
        made.add(Kind::Alert, &alert.name, title, &alert.description, owner(&alert.job), &alert.job, alert.span);
    }
    for fact in project.facts.values() {
        made.add(Kind::Fact, &fact.name, None, &fact.description, owner(&fact.job), &fact.job, fact.span);
    }
    for score in project.scores.values() {
        made.add(Kind::Score, &score.name, None, &score.description, owner(&score.job), &score.job, score.span);
    }
    for of in project.attributions.values() {
        made.add(Kind::Attribution, &of.name, None, &of.description, owner(&of.job), &of.job, of.span);
    }
    for entity in project.entities.values() {
        made.add(Kind::Entity, &entity.name, None, "", owner(&entity.job), &entity.job, entity.span);
    }
    for table in project.tables.values() {
        made.add(Kind::Table, &table.name, None, &table.description, owner(&table.job), &table.job, table.span);
    }
    for rollup in project.rollups.values() {
        made.add(Kind::Rollup, &rollup.name, None, &rollup.description, owner(&rollup.job), &rollup.job, rollup.span);
    }
    for source in project.sources.values() {
        made.add(Kind::Source, &source.name, None, &source.description, owner(&source.job), &source.job, source.span);
    }
    made.entries
}

struct Making<'a> {
    addresses: Addresses,
    entries: IndexMap<Key, Entry<'a>>,
}

impl<'a> Making<'a> {
    #[expect(clippy::too_many_arguments, reason = "the fields of an entry, one after the other")]
    fn add(
        &mut self,
        kind: Kind,
        name: &str,
        title: Option<&'a Title>,
        description: &'a str,
        owner: Option<&'a str>,
        job: &'a str,
        span: Span,
    ) {
        let key = Key::new(kind, name);
        let path = self.addresses.page(kind.word(), name);
        self.entries.insert(key.clone(), Entry { key, title, description, owner, job, span, path });
    }
}
