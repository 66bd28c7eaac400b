//! Rows at every step from the files to a figure, and the files.

use abmart_spec::diagnostic::Span;
use abmart_spec::graph::{Graph, Node};
use abmart_spec::model::{FactInput, FactKind, Project};
use indexmap::IndexMap;
use polars::prelude::*;

use super::answer::{Input, InputFile, Step};
use super::cell::Cell;
use crate::context::Context;
use crate::error::EngineError;
use crate::measure::fact::{CompiledFact, keys_of};
use crate::read::SourceRows;
use crate::sql::select::Rows;

/// What a KPI is computed from, each definition after what it reads, with the rows there are of it.
///
/// # Errors
/// When rows cannot be counted.
pub fn steps(cell: &Cell<'_>, kpi: &str, sources: &[SourceRows]) -> Result<Vec<Step>, EngineError> {
    let (project, graph) = (cell.cube.project, &cell.graph);
    let mut steps = Vec::new();
    for node in graph.closure([Node::Kpi(kpi.to_owned())]) {
        // KPIs of one question have much in common.
        let known = cell.counted.borrow().get(&node).cloned();
        let counted = known.map_or_else(|| rows_of(cell, &node, sources), Ok)?;
        cell.counted.borrow_mut().insert(node.clone(), counted.clone());
        let Some((kind, rows)) = counted else { continue };
        let (file, line) =
            position(project, project.definition(&node).map_or(Span::none(), |definition| definition.span));
        steps.push(Step { kind, name: node.name().to_owned(), file, line, reads: reads(graph, &node), rows });
    }
    Ok(steps)
}

/// The files of the sources that a KPI is computed from.
pub fn inputs(context: &Context<'_>, graph: &Graph, kpi: &str) -> Vec<Input> {
    let needed = graph.closure([Node::Kpi(kpi.to_owned())]);
    let sources = needed.iter().filter_map(|node| match node {
        Node::Source(name) => Some((name, context.plan.sources.get(name)?)),
        _ => None,
    });
    let file = |file: &abmart_plan::PlannedFile| InputFile {
        key: file.key.clone(),
        rows: context.rows_of(file),
        bytes: file.size,
        day: file.day,
    };
    let input = |(name, planned): (&String, &abmart_plan::SourcePlan)| Input {
        source: name.clone(),
        kind: planned.kind,
        why: planned.why.clone(),
        files: planned.files.iter().map(file).collect(),
    };
    sources.map(input).collect()
}

/// The rows of a fact's input that it aggregates in the period.
///
/// # Errors
/// When they cannot be read.
pub fn taken(cell: &Cell<'_>, fact: &CompiledFact<'_>) -> Result<Rows, EngineError> {
    let project = cell.cube.project;
    let Some(entity) = project.entities.get(&fact.fact.per.value) else { return Ok(DataFrame::empty().lazy().into()) };
    let children = match &fact.fact.from {
        FactInput::Entity(name) => cell.frames.entities.get(&name.value).map(|frame| frame.clone().lazy()),
        FactInput::Table(_) => None,
    };
    // A state that names its entity is the entity's own snapshot.
    let children = match (&fact.fact.kind, &fact.fact.from, &entity.snapshot) {
        (FactKind::State, FactInput::Entity(_), Some(snapshot)) => Some(cell.scope.rows(&snapshot.value, false)?),
        _ => children,
    };
    let mut keys = keys_of(project, entity);
    if let FactInput::Table(from) = &fact.fact.from {
        // What tells the rows apart, where it is declared.
        let own = project.tables.get(&from.value).map(|table| &table.key);
        let own = own.or_else(|| project.sources.get(&from.value).map(|source| &source.key));
        keys.extend(own.into_iter().flatten().map(|name| name.value.clone()));
    }
    fact.taken(&cell.scope, &keys, children).map_err(|error| fact.located_here(error))
}

/// Path and line of a place.
pub fn position(project: &Project, place: Span) -> (Option<String>, Option<usize>) {
    let found = project.files.position(place);
    (found.map(|(path, ..)| path.display().to_string()), found.map(|(_, line, _)| line))
}

/// Kind of a definition, and what is counted of it → rows.
pub type Counted = Option<(&'static str, IndexMap<&'static str, u64>)>;

fn rows_of(cell: &Cell<'_>, node: &Node, sources: &[SourceRows]) -> Result<Counted, EngineError> {
    let (project, scope) = (cell.cube.project, &cell.scope);
    let one = |kind, rows: usize| Some((kind, IndexMap::from([("rows", rows as u64)])));
    Ok(match node {
        Node::Source(name) => sources.iter().find(|rows| rows.source == *name).map(|rows| {
            let mut counted = IndexMap::from([("in_files", rows.rows_in), ("used", rows.rows_used)]);
            counted.extend((rows.rows_quarantined > 0).then_some(("set_aside", rows.rows_quarantined)));
            counted.extend((rows.rows_later > 0).then_some(("later", rows.rows_later)));
            ("source", counted)
        }),
        Node::Rollup(name) => scope.frames.rollups.get(name).and_then(|rolled| one("rollup", rolled.height())),
        Node::Table(name) => match scope.local.get(name).or_else(|| scope.frames.tables.get(name)) {
            Some(rows) => one("table", rows.height()),
            None => scope
                .frames
                .credits
                .contains_key(name)
                .then(|| scope.input(name, false))
                .transpose()?
                .map_or(Ok(None), |rows| Ok::<_, EngineError>(one("table", height(rows)?)))?,
        },
        Node::Entity(name) => {
            let Some((entity, frame)) = project.entities.get(name).zip(cell.frames.entities.get(name)) else {
                return Ok(None);
            };
            if frame.get_column_index(&entity.key).is_none() {
                return Ok(None);
            }
            let known = |rows: LazyFrame| -> Result<u64, EngineError> {
                Ok(height(rows.filter(col(entity.key.as_str()).is_not_null()).into())? as u64)
            };
            let mut counted = IndexMap::from([("in_frame", known(frame.clone().lazy())?)]);
            if cell.cut.keys().all(|dimension| frame.get_column_index(dimension).is_some()) {
                counted.insert("in_cut", known(cell.inside(frame))?);
            }
            Some(("entity", counted))
        }
        Node::Fact(name) => match cell.measures.facts.iter().find(|fact| fact.fact.name == *name) {
            Some(fact) if scope.period.is_none_or(|period| fact.applies(&period)) => {
                Some(("fact", IndexMap::from([("in_period", height(taken(cell, fact)?)? as u64)])))
            }
            _ => None,
        },
        Node::Score(name) => match project.scores.get(name) {
            Some(score) => one("score", height(scope.input(&score.from.value, false)?)?),
            None => None,
        },
        Node::Attribution(_) | Node::Kpi(_) | Node::Alert(_) | Node::Mart(_) => None,
    })
}

/// How many rows there are, part by part.
fn height(rows: Rows) -> Result<usize, EngineError> {
    // Polars cannot count rows alone where what they are sorted by is not looked at otherwise.
    rows.parts().into_iter().map(|part| Ok(part.collect()?.height())).sum()
}

/// Names of the rows that a definition reads; entities are what facts are per, which is no reading.
fn reads(graph: &Graph, node: &Node) -> Vec<String> {
    let is_rows = |need: &&Node| matches!(need, Node::Source(_) | Node::Rollup(_) | Node::Table(_));
    graph.needs(node).iter().filter(is_rows).map(|need| need.name().to_owned()).collect()
}

impl Cell<'_> {
    /// The rows of a frame that lie in the cut.
    pub fn inside(&self, frame: &DataFrame) -> LazyFrame {
        let rows = frame.clone().lazy();
        self.cut
            .iter()
            .fold(rows, |rows, (dimension, value)| rows.filter(col(dimension.as_str()).eq(lit(value.as_str()))))
    }
}
