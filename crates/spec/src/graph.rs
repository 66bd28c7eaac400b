//! What needs what: sources at the bottom, marts at the top.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sqlparser::ast::{SelectItem, Visit, Visitor};

use crate::diagnostic::Span;
use crate::model::{Alert, Fact, FactInput, Mart, MartBody, PRIOR, Project, Spanned, SqlExpr, SqlQuery, TableBody};
use crate::resolve::formula::{self, formula};
use crate::sql;

/// The definitions of a project in the order of need.
#[derive(Debug, Clone)]
pub struct Graph {
    needs: BTreeMap<Node, Vec<Node>>,
    order: Vec<Node>,
}

/// A definition, by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A Parquet dataset.
    Source(String),
    /// A reduction of events.
    Rollup(String),
    /// A SQL or reference table.
    Table(String),
    /// What facts are per.
    Entity(String),
    /// Measures per entity and period.
    Fact(String),
    /// An explained score.
    Score(String),
    /// A multi-touch attribution.
    Attribution(String),
    /// A KPI.
    Kpi(String),
    /// A condition that is looked at in every run.
    Alert(String),
    /// A published table.
    Mart(String),
}

impl Node {
    /// The kinds, in the order in which data goes through them; each is what [`Node::kind`] gives.
    pub const KINDS: [&'static str; 10] =
        ["source", "rollup", "table", "entity", "fact", "score", "attribution", "kpi", "alert", "mart"];

    /// The kind of definition, one of [`Node::KINDS`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Rollup(_) => "rollup",
            Self::Table(_) => "table",
            Self::Entity(_) => "entity",
            Self::Fact(_) => "fact",
            Self::Score(_) => "score",
            Self::Attribution(_) => "attribution",
            Self::Kpi(_) => "kpi",
            Self::Alert(_) => "alert",
            Self::Mart(_) => "mart",
        }
    }

    /// The definition's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Source(name)
            | Self::Rollup(name)
            | Self::Table(name)
            | Self::Entity(name)
            | Self::Fact(name)
            | Self::Score(name)
            | Self::Attribution(name)
            | Self::Kpi(name)
            | Self::Alert(name)
            | Self::Mart(name) => name,
        }
    }
}

/// `kpi:win_rate`, which as a selector selects just this definition.
impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.kind(), self.name())
    }
}

/// Where a definition stands and who answers for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition<'a> {
    /// The job that defines it.
    pub job: &'a str,
    /// Who answers for it: its own owner, else that of its job.
    pub owner: &'a str,
    /// Place of its name.
    pub span: Span,
}

impl Project {
    /// Where a definition stands; none if the project does not have it.
    #[must_use]
    pub fn definition(&self, node: &Node) -> Option<Definition<'_>> {
        macro_rules! of {
            ($definitions:ident, $name:expr) => {
                self.$definitions.get($name).map(|definition| (&definition.job, definition.span))
            };
        }
        let (job, span) = match node {
            Node::Source(name) => of!(sources, name),
            Node::Rollup(name) => of!(rollups, name),
            Node::Table(name) => of!(tables, name),
            Node::Entity(name) => of!(entities, name),
            Node::Fact(name) => of!(facts, name),
            Node::Score(name) => of!(scores, name),
            Node::Attribution(name) => of!(attributions, name),
            Node::Kpi(name) => of!(kpis, name),
            Node::Alert(name) => of!(alerts, name),
            Node::Mart(name) => of!(marts, name),
        }?;
        let own = match node {
            Node::Kpi(name) => self.kpis.get(name).map(|kpi| kpi.owner.as_str()),
            _ => None,
        };
        let of_job = || self.jobs.get(job).map_or("", |job| job.owner.as_str());
        Some(Definition { job, owner: own.filter(|own| !own.is_empty()).unwrap_or_else(of_job), span })
    }

    /// What needs what in this project.
    #[must_use]
    pub fn graph(&self) -> Graph {
        Graph::new(self)
    }

    /// All definitions, each after everything that it needs.
    #[must_use]
    pub fn order(&self) -> Vec<Node> {
        self.graph().order
    }
}

impl Project {
    /// The marts that a pipeline publishes. One that names none publishes all but those of pipelines that read what others
    /// have published.
    pub fn marts_of(&self, pipeline: &str) -> impl Iterator<Item = &Mart> {
        let named = self.pipelines.get(pipeline).map(|pipeline| pipeline.marts.as_slice()).unwrap_or_default();
        let reviews = self.pipelines.values().filter(|pipeline| pipeline.from.is_some());
        let of_reviews: BTreeSet<&str> =
            reviews.flat_map(|pipeline| pipeline.marts.iter().map(|name| name.value.as_str())).collect();
        self.marts.values().filter(move |mart| {
            if named.is_empty() {
                !of_reviews.contains(mart.name.as_str())
            } else {
                named.iter().any(|name| name.value == mart.name)
            }
        })
    }

    /// The project without what the marts of a pipeline do not need, so that a run reads and computes nothing in vain.
    #[must_use]
    pub fn restricted_to(&self, pipeline: &str) -> Self {
        self.needed_by(self.marts_of(pipeline).map(|mart| Node::Mart(mart.name.clone())))
    }

    /// The project without what some definitions and the tables with a role do not need.
    #[must_use]
    pub fn needed_by(&self, definitions: impl IntoIterator<Item = Node>) -> Self {
        let settings = [&self.settings.rates, &self.settings.targets, &self.settings.benchmarks];
        // Cells and shares of what is divided up go by its dimensions, whatever is measured.
        let root = self.cube_root().map(|root| Node::Entity(root.name.clone()));
        self.part(self.graph().closure(definitions.into_iter().chain(self.roles(settings)).chain(root)))
    }

    /// The project without what some of its KPIs do not need, targets and benchmarks aside. Sources that rollups reduce keep
    /// all of their rollups: what earlier runs kept of a source's files is that of all of them together.
    #[must_use]
    pub fn restricted_to_kpis<'a>(&self, kpis: impl IntoIterator<Item = &'a str>) -> Self {
        let kpis = kpis.into_iter().map(|name| Node::Kpi(name.to_owned()));
        let settings = [&self.settings.targets, &self.settings.benchmarks];
        let mut project = self.part(self.graph().closure(kpis.chain(self.roles(settings))));
        let reduced: BTreeSet<String> = project.rollups.values().map(|rollup| rollup.from.value.clone()).collect();
        project.rollups.clone_from(&self.rollups);
        project.rollups.retain(|_, rollup| reduced.contains(&rollup.from.value));
        project
    }

    /// The project with these definitions alone. Entities stay, for their keys are ids everywhere; those that are not needed
    /// have no members.
    fn part(&self, needed: Vec<Node>) -> Self {
        let mut project = self.clone();
        let needed: BTreeSet<Node> = needed.into_iter().collect();
        let keeps = |node: fn(String) -> Node, name: &String| needed.contains(&node(name.clone()));
        // What a source refers to is looked up, though nothing may be computed from it.
        let referred: BTreeSet<String> = project
            .sources
            .values()
            .filter(|source| keeps(Node::Source, &source.name))
            .flat_map(|source| source.references().map(|(_, referred)| referred.value.clone()))
            .collect();
        project.sources.retain(|name, _| keeps(Node::Source, name) || referred.contains(name));
        project.rollups.retain(|name, _| keeps(Node::Rollup, name));
        project.tables.retain(|name, _| keeps(Node::Table, name));
        for entity in project.entities.values_mut().filter(|entity| !keeps(Node::Entity, &entity.name)) {
            entity.snapshot = None;
        }
        project.facts.retain(|name, _| keeps(Node::Fact, name));
        project.scores.retain(|name, _| keeps(Node::Score, name));
        project.attributions.retain(|name, _| keeps(Node::Attribution, name));
        project.kpis.retain(|name, _| keeps(Node::Kpi, name));
        project.alerts.retain(|name, _| keeps(Node::Alert, name));
        project.marts.retain(|name, _| keeps(Node::Mart, name));
        project
    }

    /// The tables with a role, as definitions.
    fn roles<'a>(&self, names: impl IntoIterator<Item = &'a Option<Spanned<String>>>) -> Vec<Node> {
        let node = |name: &Spanned<String>| {
            let node: fn(String) -> Node =
                if self.sources.contains_key(&name.value) { Node::Source } else { Node::Table };
            node(name.value.clone())
        };
        names.into_iter().flatten().map(node).collect()
    }
}

impl Graph {
    /// The graph of a project.
    #[must_use]
    pub fn new(project: &Project) -> Self {
        let edges = Edges { project };
        let mut needs = BTreeMap::new();
        for node in edges.nodes() {
            let mut direct = edges.of(&node);
            let mut seen = BTreeSet::new();
            direct.retain(|need| seen.insert(need.clone()));
            needs.insert(node, direct);
        }
        let mut graph = Self { needs, order: Vec::new() };
        let nodes: Vec<Node> = edges.nodes();
        graph.order = graph.closure(nodes);
        graph
    }

    /// All definitions, each after everything that it needs.
    #[must_use]
    pub fn order(&self) -> &[Node] {
        &self.order
    }

    /// What a definition needs directly.
    #[must_use]
    pub fn needs(&self, node: &Node) -> &[Node] {
        self.needs.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    /// Some definitions and everything that they need, each after what it needs.
    pub fn closure(&self, nodes: impl IntoIterator<Item = Node>) -> Vec<Node> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for node in nodes {
            self.visit(&node, &mut seen, &mut order);
        }
        order
    }

    /// Everything that needs a definition, directly or not, in the order of need.
    #[must_use]
    pub fn dependents(&self, node: &Node) -> Vec<Node> {
        let mut reached = BTreeSet::from([node.clone()]);
        let mut dependents = Vec::new();
        for candidate in &self.order {
            if self.needs(candidate).iter().any(|need| reached.contains(need)) {
                reached.insert(candidate.clone());
                dependents.push(candidate.clone());
            }
        }
        dependents
    }

    fn visit(&self, node: &Node, seen: &mut BTreeSet<Node>, order: &mut Vec<Node>) {
        if self.needs.contains_key(node) && seen.insert(node.clone()) {
            for need in self.needs(node) {
                self.visit(need, seen, order);
            }
            order.push(node.clone());
        }
    }
}

/// The direct needs of each kind of definition.
struct Edges<'a> {
    project: &'a Project,
}

impl Edges<'_> {
    fn nodes(&self) -> Vec<Node> {
        let project = self.project;
        let mut nodes = Vec::new();
        nodes.extend(project.sources.keys().cloned().map(Node::Source));
        nodes.extend(project.rollups.keys().cloned().map(Node::Rollup));
        nodes.extend(project.tables.keys().cloned().map(Node::Table));
        nodes.extend(project.entities.keys().cloned().map(Node::Entity));
        nodes.extend(project.facts.keys().cloned().map(Node::Fact));
        nodes.extend(project.scores.keys().cloned().map(Node::Score));
        nodes.extend(project.attributions.keys().cloned().map(Node::Attribution));
        nodes.extend(project.kpis.keys().cloned().map(Node::Kpi));
        nodes.extend(project.alerts.keys().cloned().map(Node::Alert));
        nodes.extend(project.marts.keys().cloned().map(Node::Mart));
        nodes
    }

    fn of(&self, node: &Node) -> Vec<Node> {
        let project = self.project;
        let needs = match node {
            Node::Source(_) => None,
            Node::Rollup(name) => project.rollups.get(name).map(|rollup| vec![Node::Source(rollup.from.value.clone())]),
            Node::Table(name) => project.tables.get(name).map(|table| {
                let reads = table.reads(project);
                let mut needs: Vec<Node> = reads.iter().filter_map(|read| self.relation(&read.value)).collect();
                if let TableBody::Attribution { of, .. } = &table.body {
                    needs.push(Node::Attribution(of.clone()));
                }
                if let (Some(_), Some(rates)) = (&table.money, &project.settings.rates) {
                    needs.extend(self.relation(&rates.value));
                }
                needs.extend(table.reconciles.iter().filter_map(|reconciles| self.relation(&reconciles.with.value)));
                needs
            }),
            Node::Entity(name) => project.entities.get(name).map(|entity| {
                let parent = entity.parent.iter().map(|parent| Node::Entity(parent.value.clone()));
                let snapshot = entity.snapshot.iter().map(|source| Node::Source(source.value.clone()));
                snapshot.chain(parent).collect()
            }),
            Node::Fact(name) => project.facts.get(name).map(|fact| self.fact(fact)),
            Node::Score(name) => project.scores.get(name).map(|score| {
                let mut needs = vec![Node::Entity(score.per.value.clone())];
                needs.extend(self.relation(&score.from.value));
                needs
            }),
            Node::Attribution(name) => project.attributions.get(name).map(|attribution| {
                let entity = project.attributed_entity(attribution).map(|entity| Node::Entity(entity.name.clone()));
                let reads = attribution.reads();
                entity.into_iter().chain(reads.iter().filter_map(|read| self.relation(&read.value))).collect()
            }),
            Node::Kpi(name) => project.kpis.get(name).map(|kpi| {
                let formulas = [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()];
                formulas.into_iter().flatten().flat_map(|sql| self.formula(sql)).collect()
            }),
            Node::Alert(name) => {
                project.alerts.get(name).map(|alert| self.mart_input(&alert.over.value, Some(&columns_of_alert(alert))))
            }
            Node::Mart(name) => project.marts.get(name).map(|mart| self.mart(mart)),
        };
        needs.unwrap_or_default()
    }

    fn fact(&self, fact: &Fact) -> Vec<Node> {
        let mut needs = vec![Node::Entity(fact.per.value.clone())];
        match &fact.from {
            FactInput::Table(table) => needs.extend(self.relation(&table.value)),
            FactInput::Entity(entity) => {
                needs.push(Node::Entity(entity.value.clone()));
                for sql in fact.measures.values().chain(&fact.filter) {
                    for column in sql::parts(&sql.ast).columns {
                        if let [fact, _] = &column.path[..] {
                            needs.extend(self.measured(fact));
                        }
                    }
                }
            }
        }
        needs
    }

    fn formula(&self, sql: &SqlExpr) -> Vec<Node> {
        let parts = formula(self.project, sql);
        let mut needs = Vec::new();
        for aggregate in &parts.aggregates {
            needs.push(Node::Entity(aggregate.entity.clone()));
            for (fact, _) in &aggregate.measures {
                needs.extend(self.measured(fact));
            }
        }
        needs.extend(parts.kpis.into_iter().map(Node::Kpi));
        needs
    }

    fn mart(&self, mart: &Mart) -> Vec<Node> {
        match &mart.body {
            MartBody::From(table) => self.mart_input(&table.value, Some(&BTreeSet::new())),
            MartBody::Sql(sql) => {
                let reads = sql.reads.iter();
                reads.flat_map(|read| self.mart_input(&read.value, columns_read(sql).as_ref())).collect()
            }
        }
    }

    /// What a mart or alert needs that reads these columns (none: all) of what a name stands for.
    fn mart_input(&self, name: &str, columns: Option<&BTreeSet<String>>) -> Vec<Node> {
        let project = self.project;
        match name {
            "kpi_values" | "kpi_wide" => {
                let published = project.kpis.values().filter(|kpi| kpi.published);
                let mut needs: Vec<Node> = published.map(|kpi| Node::Kpi(kpi.name.clone())).collect();
                let settings = &project.settings;
                for table in [&settings.targets, &settings.benchmarks].into_iter().flatten() {
                    needs.extend(self.relation(&table.value));
                }
                return needs;
            }
            "alerts" | "actions" => return project.alerts.keys().cloned().map(Node::Alert).collect(),
            "score_bands" => {
                let adaptive =
                    |score: &&crate::model::Score| score.bands.as_ref().is_some_and(|bands| bands.adaptive.is_some());
                return project.scores.values().filter(adaptive).map(|score| Node::Score(score.name.clone())).collect();
            }
            "cuts" | "kpi_catalog" | "kpi_changes" | "data_quality" => return Vec::new(),
            _ => {}
        }
        if let Some(score) = name.strip_suffix("_signals")
            && project.scores.contains_key(score)
        {
            return vec![Node::Score(score.to_owned())];
        }
        if project.entities.contains_key(name) {
            let mut needs = vec![Node::Entity(name.to_owned())];
            needs.extend(self.entity_columns(name, columns));
            return needs;
        }
        self.relation(name).into_iter().collect()
    }

    /// The facts whose `<fact>_<measure>` columns are read.
    fn entity_columns(&self, entity: &str, columns: Option<&BTreeSet<String>>) -> Vec<Node> {
        let named = |fact: &str| {
            let measures = formula::measures(self.project, fact).unwrap_or_default();
            let reads = |measure: &String| {
                let column = format!("{fact}_{measure}");
                columns.is_none_or(|columns| columns.contains(&column))
            };
            measures.iter().any(reads)
        };
        let facts = self.project.facts.keys().chain(self.project.scores.keys());
        facts
            .filter(|fact| formula::entity_of(self.project, fact) == Some(entity))
            .filter(|fact| named(fact))
            .filter_map(|fact| self.measured(fact))
            .collect()
    }

    fn relation(&self, name: &str) -> Option<Node> {
        let node: fn(String) -> Node = if self.project.sources.contains_key(name) {
            Node::Source
        } else if self.project.rollups.contains_key(name) {
            Node::Rollup
        } else if self.project.tables.contains_key(name) {
            Node::Table
        } else {
            return None;
        };
        Some(node(name.to_owned()))
    }

    fn measured(&self, name: &str) -> Option<Node> {
        if self.project.facts.contains_key(name) {
            return Some(Node::Fact(name.to_owned()));
        }
        let score = self.project.scores.contains_key(name);
        score.then(|| Node::Score(name.to_owned()))
    }
}

/// Names of the columns that a query reads, without those of their tables; `None` where it reads all by a wildcard.
#[must_use]
pub fn columns_read(sql: &SqlQuery) -> Option<BTreeSet<String>> {
    (!has_wildcard(sql)).then(|| column_names(sql::query_parts(&sql.ast)).collect())
}

/// As [`columns_read`], of an alert's expressions; with `prior_x`, which is `x` in the period before, goes `x`.
#[must_use]
pub fn columns_of_alert(alert: &Alert) -> BTreeSet<String> {
    let mut columns: BTreeSet<String> =
        alert.expressions().flat_map(|sql| column_names(sql::parts(&sql.ast))).collect();
    let before: Vec<String> = columns.iter().filter_map(|name| name.strip_prefix(PRIOR)).map(str::to_owned).collect();
    columns.extend(before);
    columns
}

fn column_names(parts: sql::Parts) -> impl Iterator<Item = String> {
    parts.columns.into_iter().filter_map(|column| column.path.into_iter().next_back())
}

fn has_wildcard(sql: &SqlQuery) -> bool {
    struct Finder(bool);
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_select(&mut self, select: &sqlparser::ast::Select) -> std::ops::ControlFlow<()> {
            self.0 |= select
                .projection
                .iter()
                .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
            std::ops::ControlFlow::Continue(())
        }
    }
    let mut finder = Finder(false);
    let _ = sql.ast.visit(&mut finder);
    finder.0
}
