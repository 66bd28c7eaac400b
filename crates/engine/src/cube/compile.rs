//! KPI formulas taken apart: which aggregates over which entity, and what is done with them in every cell.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use abmart_plan::calendar::{Period, nests};
use abmart_spec::model::{Entity, Kpi, Project, SqlExpr, Unit};
use sqlparser::ast::{self, BinaryOperator, Expr as Sql};

use crate::sql::aggregate::{self, Aggregate, AggregateKind};
use crate::sql::formula;
use crate::sql::rewrite::parsed;

/// All KPIs of a run over one list of aggregates, each aggregate computed once however many KPIs read it.
pub struct Cube<'a> {
    /// The definitions.
    pub project: &'a Project,
    /// The entity whose dimensions cut the cube.
    pub root: &'a Entity,
    /// The dimensions, in the order of cut names.
    pub dimensions: Vec<String>,
    /// What is computed per cell; the n-th is column `a<n>`.
    pub aggregates: Vec<CellAggregate>,
    /// The aggregate that counts the members of the root entity, where there is a KPI.
    pub members: usize,
    /// The KPIs, each after those that it reads.
    pub kpis: Vec<CompiledKpi<'a>>,
}

/// An aggregate over the frame of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct CellAggregate {
    /// The entity.
    pub entity: String,
    /// What is computed.
    pub aggregate: Aggregate,
    /// Facts whose measures it reads.
    pub facts: BTreeSet<String>,
}

/// A KPI with its aggregates taken out.
pub struct CompiledKpi<'a> {
    /// The definition.
    pub kpi: &'a Kpi,
    /// The formula.
    pub formula: CompiledFormula,
    /// Members of a cohort whose window is not over.
    pub immature: Option<CompiledFormula>,
    /// The value over mature members.
    pub mature: Option<CompiledFormula>,
    /// Aggregates that count the entities behind the value, one an entity.
    pub counts: Vec<usize>,
    /// Names of the KPIs that it reads.
    pub reads: Vec<String>,
    /// Facts that it reads, through other KPIs too.
    pub facts: BTreeSet<String>,
    /// Whether values of sibling cells add up to their parent's.
    pub additive: bool,
}

/// An expression over aggregates of the cube.
#[derive(Debug, Clone)]
pub struct CompiledFormula {
    /// The expression, with placeholders.
    pub outer: Sql,
    /// Which aggregate of the cube each placeholder is.
    pub places: Vec<usize>,
}

/// The column of the n-th aggregate.
pub fn aggregate_column(index: usize) -> String {
    format!("a{index}")
}

impl<'a> Cube<'a> {
    /// Takes the formulas of `kpis` apart; the project's checks have made sure that names resolve and do not circle.
    pub fn new(project: &'a Project, root: &'a Entity, dimensions: Vec<String>, kpis: &[&'a Kpi]) -> Self {
        let mut cube = Self { project, root, dimensions, aggregates: Vec::new(), members: 0, kpis: Vec::new() };
        cube.members = cube.place(Aggregate { kind: AggregateKind::Count, argument: None, order: None, filter: None });
        let mut waiting: Vec<&Kpi> = kpis.to_vec();
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|kpi| !cube.add(kpi));
            if waiting.len() == before {
                break;
            }
        }
        cube
    }

    /// The names of the KPIs that marts show, in order.
    pub fn published(&self) -> impl Iterator<Item = &'a str> {
        let mut names: Vec<&'a str> =
            self.kpis.iter().filter(|kpi| kpi.kpi.published).map(|kpi| kpi.kpi.name.as_str()).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Whether a KPI exists in a period.
    pub fn applies(&self, kpi: &CompiledKpi<'_>, period: &Period) -> bool {
        let facts_do = kpi
            .facts
            .iter()
            .filter_map(|name| self.project.facts.get(name))
            .all(|fact| fact.grain.is_none_or(|finest| nests(finest, period.grain)));
        let named = |kpi: &Kpi| kpi.grains.is_empty() || kpi.grains.contains(&period.grain);
        let reads_do = kpi.reads.iter().filter_map(|name| self.project.kpis.get(name)).all(named);
        facts_do && reads_do && named(kpi.kpi)
    }

    /// Adds a KPI once all that it reads are there.
    fn add(&mut self, kpi: &'a Kpi) -> bool {
        let (outer, _) = aggregate::split(&kpi.formula.ast);
        let reads: Vec<String> =
            formula::names(&outer).into_iter().filter(|name| self.project.kpis.contains_key(name)).collect();
        if !reads.iter().all(|name| self.kpis.iter().any(|known| known.kpi.name == *name)) {
            return false;
        }
        let formula = self.compile(&kpi.formula.ast);
        let more = |cube: &mut Self, expr: &Option<SqlExpr>| expr.as_ref().map(|expr| cube.compile(&expr.ast));
        let (immature, mature) = (more(self, &kpi.immature), more(self, &kpi.mature));
        let mut facts: BTreeSet<String> =
            formula.places.iter().flat_map(|index| self.aggregates[*index].facts.iter().cloned()).collect();
        let mut counts = self.entity_counts(&formula);
        for name in &reads {
            if let Some(read) = self.kpis.iter().find(|known| known.kpi.name == *name) {
                facts.extend(read.facts.iter().cloned());
                counts.extend(read.counts.iter().copied());
            }
        }
        let additive = kpi.compares.is_none()
            && kpi.cuts.is_empty()
            && kpi.scope.is_empty()
            && matches!(kpi.unit, Unit::Count | Unit::Money)
            && formula.places.iter().all(|index| {
                matches!(self.aggregates[*index].aggregate.kind, AggregateKind::Sum | AggregateKind::Count)
            })
            && is_linear(&formula.outer);
        self.kpis.push(CompiledKpi { kpi, formula, immature, mature, counts, reads, facts, additive });
        true
    }

    fn compile(&mut self, expr: &Sql) -> CompiledFormula {
        let (outer, found) = aggregate::split(expr);
        let places = found.into_iter().map(|aggregate| self.place(aggregate)).collect();
        CompiledFormula { outer, places }
    }

    /// The index of an aggregate, which is added when it is new.
    fn place(&mut self, mut aggregate: Aggregate) -> usize {
        let (entity, facts) = self.reads_of(&aggregate);
        if aggregate.kind == AggregateKind::Count && aggregate.argument.is_none() {
            // Rows without an entity carry money and touches, but are nothing to count.
            let known = parsed(&format!("\"{}\" IS NOT NULL", self.key_of(&entity)));
            aggregate.filter = and(aggregate.filter, known);
        }
        self.index_of(CellAggregate { entity, aggregate, facts })
    }

    fn index_of(&mut self, wanted: CellAggregate) -> usize {
        self.aggregates.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.aggregates.push(wanted);
            self.aggregates.len() - 1
        })
    }

    /// For every entity that the formula reads, how many of its rows at least one aggregate takes in.
    fn entity_counts(&mut self, formula: &CompiledFormula) -> Vec<usize> {
        let mut by_entity: Vec<(String, BTreeSet<String>, Vec<String>)> = Vec::new();
        for index in &formula.places {
            let CellAggregate { entity, aggregate, facts } = &self.aggregates[*index];
            let taken = match (&aggregate.argument, aggregate.kind) {
                (None, _) => None,
                (Some(argument), AggregateKind::Sum) => Some(format!("({argument}) <> 0")),
                (Some(argument), _) => Some(format!("({argument}) IS NOT NULL")),
            };
            let filter = aggregate.filter.as_ref().map(|filter| format!("({filter})"));
            let condition = filter.into_iter().chain(taken).collect::<Vec<_>>().join(" AND ");
            let condition = if condition.is_empty() { "TRUE".to_owned() } else { format!("({condition})") };
            match by_entity.iter_mut().find(|(known, _, _)| known == entity) {
                Some((_, all_facts, conditions)) => {
                    all_facts.extend(facts.iter().cloned());
                    if !conditions.contains(&condition) {
                        conditions.push(condition);
                    }
                }
                None => by_entity.push((entity.clone(), facts.clone(), vec![condition])),
            }
        }
        let mut counts = Vec::new();
        for (entity, facts, conditions) in by_entity {
            let known = format!("\"{}\" IS NOT NULL AND ({})", self.key_of(&entity), conditions.join(" OR "));
            let aggregate =
                Aggregate { kind: AggregateKind::Count, argument: None, order: None, filter: parsed(&known) };
            counts.push(self.index_of(CellAggregate { entity, aggregate, facts }));
        }
        counts
    }

    /// The entity whose rows an aggregate goes over: that of its facts; a child's where facts of it and of its parent
    /// are named together; the root where it names none.
    fn reads_of(&self, aggregate: &Aggregate) -> (String, BTreeSet<String>) {
        let mut facts = BTreeSet::new();
        for expr in aggregate.argument.iter().chain(&aggregate.order).chain(&aggregate.filter) {
            let _ = ast::visit_expressions(expr, |node| {
                if let Sql::CompoundIdentifier(parts) = node
                    && let Some(first) = parts.first()
                {
                    facts.insert(first.value.clone());
                }
                ControlFlow::<()>::Continue(())
            });
        }
        let per = |name: &String| {
            let fact = self.project.facts.get(name).map(|fact| fact.per.value.clone());
            fact.or_else(|| self.project.scores.get(name).map(|score| score.per.value.clone()))
        };
        let entities: BTreeSet<String> = facts.iter().filter_map(per).collect();
        let child = entities.iter().find(|name| **name != self.root.name).cloned();
        (child.unwrap_or_else(|| self.root.name.clone()), facts)
    }

    fn key_of(&self, entity: &str) -> String {
        self.project.entities.get(entity).map_or_else(|| self.root.key.clone(), |entity| entity.key.clone())
    }
}

/// Sums, differences and multiples of aggregates.
fn is_linear(expr: &Sql) -> bool {
    match expr {
        Sql::Identifier(name) => name.value.starts_with("__agg_"),
        Sql::Nested(inner) => is_linear(inner),
        Sql::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            is_linear(left) && is_linear(right)
        }
        Sql::BinaryOp { left, op: BinaryOperator::Multiply, right } => {
            matches!(**left, Sql::Value(_)) && is_linear(right) || is_linear(left) && matches!(**right, Sql::Value(_))
        }
        _ => false,
    }
}

fn and(left: Option<Sql>, right: Option<Sql>) -> Option<Sql> {
    match (left, right) {
        (Some(left), Some(right)) => Some(Sql::BinaryOp {
            left: Box::new(Sql::Nested(Box::new(left))),
            op: BinaryOperator::And,
            right: Box::new(right),
        }),
        (left, right) => left.or(right),
    }
}
