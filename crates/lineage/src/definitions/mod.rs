//! Every definition of a project with its columns and what they come from, kind by kind.
//!
//! ```text
//! source ─▶ rollup ─▶ table ─▶ fact, score ─▶ kpi ─▶ made (kpi_values, alerts, …) ─▶ mart
//! ```

mod attribution;
mod kpi;
mod made;
mod mart;
mod measure;
mod table;

use std::collections::BTreeSet;

use abmart_spec::model::{Project, Spanned};
use abmart_spec::{Node, Span};
use indexmap::IndexMap;

use crate::column::{ColumnRef, How, Input, Inputs};
use crate::relation::Relation;

/// A definition: where it stands, and what it consists of.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Kind and name.
    pub node: Node,
    /// The job that defines it.
    pub job: String,
    /// What it holds, in the project's words.
    pub description: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// Its columns: those of the contract, keys and measures, what a query gives. An attribution has none: its tables do.
    pub columns: IndexMap<String, Column>,
    /// What decides which rows there are, and with that about all columns: filters, joins, groups.
    pub rows: Vec<Input>,
    /// Columns of other definitions that it names.
    pub(crate) named: BTreeSet<ColumnRef>,
}

/// A column of a definition.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Its meaning, where the project says it.
    pub description: String,
    /// What its values come from; nothing where they are constants or the engine makes them.
    pub inputs: Vec<Input>,
}

/// A line of a file of the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path below the project's folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.file, self.line)
    }
}

/// All definitions, each after those that it needs.
pub(crate) fn all(project: &Project, order: &[Node]) -> IndexMap<Node, Definition> {
    let mut definitions = Definitions { project, known: IndexMap::new() };
    for node in order {
        let definition = definitions.one(node);
        definitions.known.insert(node.clone(), definition);
    }
    definitions.known
}

/// Definitions while they are worked out.
struct Definitions<'p> {
    project: &'p Project,
    known: IndexMap<Node, Definition>,
}

/// What a kind of definition says of one of them.
#[derive(Default)]
struct Draft {
    relation: Relation,
    named: BTreeSet<ColumnRef>,
}

impl Definitions<'_> {
    fn one(&self, node: &Node) -> Definition {
        let name = node.name();
        let project = self.project;
        let (draft, head): (Option<Draft>, Option<(&str, &str, Span)>) = match node {
            Node::Source(_) => {
                let source = project.sources.get(name);
                let head = source.map(|source| (source.job.as_str(), source.description.as_str(), source.span));
                (source.map(|source| self.source(source)), head)
            }
            Node::Rollup(_) => {
                let rollup = project.rollups.get(name);
                let head = rollup.map(|rollup| (rollup.job.as_str(), rollup.description.as_str(), rollup.span));
                (rollup.map(|rollup| self.rollup(rollup)), head)
            }
            Node::Table(_) => {
                let table = project.tables.get(name);
                let head = table.map(|table| (table.job.as_str(), table.description.as_str(), table.span));
                (table.map(|table| self.table(table)), head)
            }
            Node::Entity(_) => {
                let entity = project.entities.get(name);
                (entity.map(|entity| self.entity(entity)), entity.map(|entity| (entity.job.as_str(), "", entity.span)))
            }
            Node::Fact(_) => {
                let fact = project.facts.get(name);
                let head = fact.map(|fact| (fact.job.as_str(), fact.description.as_str(), fact.span));
                (fact.map(|fact| self.fact(fact)), head)
            }
            Node::Score(_) => {
                let score = project.scores.get(name);
                let head = score.map(|score| (score.job.as_str(), score.description.as_str(), score.span));
                (score.map(|score| self.score(score)), head)
            }
            Node::Attribution(_) => {
                let attribution = project.attributions.get(name);
                let head = attribution.map(|found| (found.job.as_str(), found.description.as_str(), found.span));
                (None, head)
            }
            Node::Kpi(_) => {
                let kpi = project.kpis.get(name);
                let head = kpi.map(|kpi| (kpi.job.as_str(), kpi.description.as_str(), kpi.span));
                (kpi.map(|kpi| self.kpi(kpi)), head)
            }
            Node::Alert(_) => {
                let alert = project.alerts.get(name);
                let head = alert.map(|alert| (alert.job.as_str(), alert.description.as_str(), alert.span));
                (alert.map(|alert| self.alert(alert)), head)
            }
            Node::Mart(_) => {
                let mart = project.marts.get(name);
                let head = mart.map(|mart| (mart.job.as_str(), mart.description.as_str(), mart.span));
                (mart.map(|mart| self.mart(mart)), head)
            }
        };
        let (job, description, span) = head.unwrap_or(("", "", Span::none()));
        let Draft { relation, named } = draft.unwrap_or_default();
        let column = |(column, inputs): (String, Inputs)| {
            let description = self.described(node, &column).trim().to_owned();
            (column, Column { description, inputs: inputs.into_vec() })
        };
        Definition {
            node: node.clone(),
            job: job.to_owned(),
            description: description.trim().to_owned(),
            place: self.place(span),
            columns: relation.columns.into_iter().map(column).collect(),
            rows: relation.rows.into_vec(),
            named,
        }
    }

    fn place(&self, span: Span) -> Option<Place> {
        let (file, line, _) = self.project.files.position(span)?;
        Some(Place { file: file.display().to_string(), line })
    }

    /// What the project says of a column.
    fn described(&self, node: &Node, column: &str) -> &str {
        let project = self.project;
        let found = match node {
            Node::Source(name) => project.sources.get(name).and_then(|source| source.columns.get(column)),
            Node::Table(name) => project.tables.get(name).and_then(|table| match &table.body {
                abmart_spec::model::TableBody::Rows { columns, .. } => columns.get(column),
                _ => None,
            }),
            Node::Mart(name) => {
                let own = project.marts.get(name).and_then(|mart| mart.columns.get(column));
                let kpi = || project.kpis.get(column).map(|kpi| kpi.description.as_str());
                return own.map(|column| column.description.as_str()).or_else(kpi).unwrap_or_default();
            }
            _ => None,
        };
        found.map(|column| column.description.as_str()).unwrap_or_default()
    }

    /// The columns of a definition that is worked out, as they are.
    fn relation_of(&self, node: &Node) -> Option<Relation> {
        Some(Relation::of(node, self.known.get(node)?.columns.keys().cloned()))
    }

    /// The source, rollup or table of a name.
    fn relation(&self, name: &str) -> Option<Relation> {
        let kinds: [fn(String) -> Node; 3] = [Node::Source, Node::Rollup, Node::Table];
        kinds.into_iter().find_map(|node| self.relation_of(&node(name.to_owned())))
    }

    /// A column of a source, rollup or table; nothing where it has none of the name.
    fn column(&self, of: &Spanned<String>, name: &str) -> Inputs {
        self.relation(&of.value).map(|relation| relation.get(name)).unwrap_or_default()
    }

    /// The column by which the rows of a source, rollup or table are told to lie in a period.
    fn time_of(&self, name: &str) -> Option<String> {
        let project = self.project;
        if let Some(table) = project.tables.get(name) {
            return table.time.as_ref().map(|time| time.value.clone());
        }
        if let Some(rollup) = project.rollups.get(name) {
            let bucket = |sql: &abmart_spec::model::SqlExpr| matches!(&sql.ast, sqlparser::ast::Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("bucket"));
            return rollup.by.iter().find(|(_, sql)| bucket(sql)).map(|(column, _)| column.clone());
        }
        project.sources.get(name).and_then(|source| source.time.as_ref()).map(|time| time.value.clone())
    }
}

/// A column as it is.
fn own(node: Node, column: impl Into<String>) -> Inputs {
    Inputs::one(ColumnRef::new(node, column), How::Identity)
}
