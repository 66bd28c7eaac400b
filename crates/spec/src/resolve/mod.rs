//! Third stage: do the definitions fit together? Names, entities, cycles, aggregates, units.
//!
//! Each kind of definition has its own file, which reports what is wrong with one definition of that kind.

mod alert;
mod attribution;
mod contract;
mod cycles;
mod engine;
mod entity;
mod expression;
mod fact;
pub mod formula;
mod kpi;
mod mart;
mod pack;
mod pipeline;
mod query;
mod score;
mod source;
mod store;
mod table;
mod unit_test;

pub(crate) use unit_test::unit_tests;

use crate::decode::{Kind, Names};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::model::{Column, Entity, ForEach, Project, Spanned, Table};
use crate::{provenance, units};

/// Everything that is wrong with definitions which are in order by themselves.
pub(crate) fn resolve(project: &Project, names: &Names) -> Vec<Diagnostic> {
    let mut resolver = Resolver { project, names, diagnostics: Vec::new() };
    resolver.entities();
    resolver.sources();
    resolver.rollups();
    resolver.tables();
    resolver.facts();
    resolver.scores();
    resolver.attributions();
    resolver.kpis();
    resolver.packs();
    resolver.alerts();
    resolver.marts();
    resolver.stores();
    resolver.settings();
    resolver.lineage();
    resolver.pipelines();
    let cyclic = resolver.cycles();
    if !cyclic {
        // Units follow the definitions upwards, which a cycle has no end to.
        let mut findings = units::check(project);
        findings.extend(provenance::check(project));
        findings.retain(|finding| !resolver.diagnostics.iter().any(|other| overlap(finding, other)));
        resolver.diagnostics.extend(findings);
    }
    resolver.diagnostics
}

/// Whether two findings are about the same piece of text, of which the first one is enough.
fn overlap(one: &Diagnostic, other: &Diagnostic) -> bool {
    match (one.span, other.span) {
        (Some(one), Some(other)) => one.file == other.file && one.start < other.end && other.start < one.end,
        _ => false,
    }
}

struct Resolver<'a> {
    project: &'a Project,
    names: &'a Names,
    diagnostics: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports a name that no definition of these kinds has; true if there is one.
    fn known(&mut self, kinds: &[Kind], name: &Spanned<String>) -> bool {
        let known = self.names.has(kinds, &name.value);
        if !known {
            self.report(self.names.unknown(kinds, name));
        }
        known
    }

    /// Whether a relation says by itself when its rows happened. A rollup does not: its bucket is a stretch of days.
    fn has_time(&self, relation: &str) -> bool {
        if let Some(source) = self.project.sources.get(relation) {
            source.time.is_some()
        } else if let Some(table) = self.project.tables.get(relation) {
            table.time.is_some()
        } else {
            !self.project.rollups.contains_key(relation)
        }
    }

    /// Reports a table that exists in one period at a time, where `why` asks for one of the whole run.
    fn of_whole_run(&mut self, table: Option<&Table>, place: Span, why: &str) {
        let Some(table) = table.filter(|table| table.for_each == ForEach::Period) else { return };
        self.report(
            Diagnostic::error(
                "period-table-outside-period",
                format!("`{}` is made for one period at a time, and {why}", table.name),
            )
            .at(place)
            .label(table.span, "the table"),
        );
    }

    /// Reports a column that a contract does not have.
    fn contract_column(&mut self, column: &Spanned<String>, columns: &indexmap::IndexMap<String, Column>, owner: &str) {
        if !columns.contains_key(&column.value) {
            let near = did_you_mean(&column.value, columns.keys().map(String::as_str));
            self.report(
                Diagnostic::error("unknown-column", format!("{owner} has no column `{}`", column.value))
                    .at(column.span)
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
            );
        }
    }

    /// Reports a name that is no dimension of any root entity.
    fn dimension(&mut self, name: &Spanned<String>) {
        let known = || dimensions(self.project);
        if !known().any(|dimension| dimension == name.value) {
            let near = did_you_mean(&name.value, known());
            let diagnostic = Diagnostic::error("unknown-dimension", format!("`{}` is not a dimension", name.value))
                .at(name.span)
                .maybe_help(near.map(|near| format!("did you mean `{near}`?")));
            self.report(diagnostic);
        }
    }
}

/// The dimensions of all root entities.
fn dimensions(project: &Project) -> impl Iterator<Item = &str> {
    project.entities.values().flat_map(|entity| entity.dimensions.iter().map(|dimension| dimension.value.as_str()))
}

/// An entity and those that it belongs to, itself first.
fn ancestry<'p>(project: &'p Project, entity: &str) -> Vec<&'p Entity> {
    let mut chain: Vec<&Entity> = Vec::new();
    let mut next = project.entities.get(entity);
    while let Some(entity) = next {
        if chain.iter().any(|known| known.name == entity.name) {
            break;
        }
        chain.push(entity);
        next = entity.parent.as_ref().and_then(|parent| project.entities.get(&parent.value));
    }
    chain
}
