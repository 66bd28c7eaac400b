//! Definitions that need themselves.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::model::{FactInput, Project, SqlExpr};
use crate::sql::{Column, locate, parts};

use super::Resolver;

/// What each name needs, and where it says so.
type Needs<'a> = BTreeMap<&'a str, Vec<(String, Span)>>;

impl Resolver<'_> {
    /// Reports cycles among tables, facts and KPIs; true if there is one.
    pub(super) fn cycles(&mut self) -> bool {
        let before = self.diagnostics.len();
        let project = self.project;
        let (tables, facts, kpis) = (table_needs(project), fact_needs(project), kpi_needs(project));
        for (noun, needs) in [("tables", tables), ("facts", facts), ("KPIs", kpis)] {
            let mut search = Search { needs: &needs, path: Vec::new(), done: Vec::new(), found: Vec::new() };
            for name in needs.keys() {
                search.visit(name);
            }
            for cycle in search.found {
                self.report(diagnostic(noun, &cycle));
            }
        }
        self.diagnostics.len() > before || self.diagnostics.iter().any(|one| one.code == "self-reference")
    }
}

fn table_needs(project: &Project) -> Needs<'_> {
    let tables = project.tables.values();
    tables
        .map(|table| {
            let needs = table.reads(project).into_iter().map(|read| (read.value.clone(), read.span));
            (table.name.as_str(), needs.collect())
        })
        .collect()
}

fn fact_needs(project: &Project) -> Needs<'_> {
    let facts = project.facts.values();
    facts
        .filter(|fact| matches!(fact.from, FactInput::Entity(_)))
        .map(|fact| {
            let measures = fact.measures.values().chain(&fact.filter);
            let needs = measures.flat_map(|sql| names(sql, |column| column.path.len() == 2));
            (fact.name.as_str(), needs.collect())
        })
        .collect()
}

fn kpi_needs(project: &Project) -> Needs<'_> {
    let kpis = project.kpis.values();
    kpis.map(|kpi| {
        let formulas = [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()];
        let needs = formulas.into_iter().flatten();
        // A KPI that names itself is reported where its formula is checked.
        let needs = needs.flat_map(|sql| {
            names(sql, |column| column.aggregate.is_none() && column.path.len() == 1 && column.path[0] != kpi.name)
        });
        (kpi.name.as_str(), needs.collect())
    })
    .collect()
}

/// The first names of the columns that fit.
fn names(sql: &SqlExpr, fits: impl Fn(&Column) -> bool) -> Vec<(String, Span)> {
    let columns = parts(&sql.ast).columns.into_iter();
    columns.filter(fits).map(|column| (column.path[0].clone(), locate(sql, column.span))).collect()
}

struct Search<'n> {
    needs: &'n Needs<'n>,
    path: Vec<(String, Span)>,
    done: Vec<String>,
    found: Vec<Vec<(String, Span)>>,
}

impl Search<'_> {
    /// Visits what `name` needs; a need that is on the path closes a cycle.
    fn visit(&mut self, name: &str) {
        let Some(needs) = self.needs.get(name) else {
            return;
        };
        if self.done.iter().any(|done| done == name) {
            return;
        }
        for (need, place) in needs {
            self.path.push((name.to_owned(), *place));
            match self.path.iter().position(|(open, _)| open == need) {
                Some(start) => self.found.push(self.path[start..].to_vec()),
                None => self.visit(need),
            }
            self.path.pop();
        }
        self.done.push(name.to_owned());
    }
}

fn diagnostic(noun: &str, cycle: &[(String, Span)]) -> Diagnostic {
    let mut chain: Vec<String> = cycle.iter().map(|(name, _)| format!("`{name}`")).collect();
    chain.extend(chain.first().cloned());
    let message = format!("{noun} need each other in a circle: {}", chain.join(" → "));
    let mut diagnostic = Diagnostic::error("cycle", message);
    for (index, (name, place)) in cycle.iter().enumerate() {
        let need = &cycle[(index + 1) % cycle.len()].0;
        diagnostic = if index == 0 {
            diagnostic.at(*place)
        } else {
            diagnostic.label(*place, format!("`{name}` needs `{need}`"))
        };
    }
    diagnostic.help("what several of them need belongs into one more, which needs none of them")
}
