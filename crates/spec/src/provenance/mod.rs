//! Joins that repeat rows: does a sum count something more than once?
//!
//! Keys are declared by sources and tables and follow from `group by` and `distinct`. Where the columns that a join is
//! on do not hold a key of the joined side, rows are repeated: an error if a sum or count takes their values, there or
//! in a fact over the table; a warning if both sides are repeated and nobody says what a row of the result is.
//! Whatever is not known is taken to be right.
//!
//! ```text
//! contracts, keys ─ relation ─┐
//!                             ├─ query ── joins ──▶ what repeats what ── aggregates ──▶ what counts it again
//! SQL of tables and marts ────┘
//! ```

mod aggregates;
mod conditions;
mod dependencies;
mod joins;
mod known;
mod literals;
mod message;
mod projection;
mod query;
mod ratios;
mod relation;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::diagnostic::Diagnostic;
use crate::model::{
    ColumnType, Fact, FactInput, FactKind, ForEach, Kpi, Mart, MartBody, Project, Score, Spanned, SqlExpr,
};
use crate::sql::{locate, parts};

use dependencies::Ids;
use joins::{Input, Joined};
use query::Reader;
use relation::{Numbers, Relation};

/// Every join that repeats rows in a project whose definitions have no cycles, where it does harm.
pub(crate) fn check(project: &Project) -> Vec<Diagnostic> {
    let analysis =
        Analysis { project, numbers: Numbers::default(), known: RefCell::default(), diagnostics: RefCell::default() };
    for table in project.tables.keys() {
        analysis.relation(table);
    }
    for fact in project.facts.values() {
        analysis.fact(fact);
    }
    for score in project.scores.values() {
        analysis.score(score);
    }
    for kpi in project.kpis.values() {
        analysis.kpi(kpi);
    }
    for rollup in project.rollups.keys() {
        analysis.relation(rollup);
    }
    for mart in project.marts.values() {
        analysis.mart(mart);
    }
    analysis.diagnostics.into_inner()
}

/// A relation as a query sees it that is evaluated once, and as one sees it that stands in the same month or period.
struct Views {
    whole: Relation,
    within: Relation,
}

struct Analysis<'a> {
    project: &'a Project,
    numbers: Numbers,
    known: RefCell<BTreeMap<String, Rc<Views>>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

impl<'a> Analysis<'a> {
    fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// A source, rollup or table with the rows of all months.
    fn relation(&self, name: &str) -> Option<Relation> {
        Some(self.views(name)?.whole.clone())
    }

    /// A source, rollup or table with the rows of one month or period.
    fn within_period(&self, name: &str) -> Option<Relation> {
        Some(self.views(name)?.within.clone())
    }

    fn is_of_period(&self, name: &str) -> bool {
        self.project.tables.get(name).is_some_and(|table| table.for_each == ForEach::Period)
    }

    fn mart(&self, mart: &'a Mart) {
        let MartBody::Sql(sql) = &mart.body else { return };
        let mut reader = Reader::new(self, sql, &mart.fans_out);
        reader.is_mart = true;
        let relation = reader.query(&sql.ast);
        let used = reader.used;
        if mart.key.is_empty() {
            self.pairs(&relation);
        }
        self.unused(&mart.fans_out, &used);
    }

    /// Reports rows that are nothing but pairs.
    fn pairs(&self, relation: &Relation) {
        if let Some(fan) = relation.fans.iter().find(|fan| fan.both_ways) {
            self.report(message::pairs(fan));
        }
    }

    /// Reports marks that no join needs.
    fn unused(&self, meant: &[Spanned<String>], used: &BTreeSet<String>) {
        for name in meant.iter().filter(|name| !used.contains(&name.value)) {
            self.report(
                Diagnostic::warning("unused-input", format!("no join of the query repeats rows by `{}`", name.value))
                    .at(name.span)
                    .help("`fans_out` names inputs of which several rows are meant to meet one"),
            );
        }
    }

    /// Reports what an expression compares columns with that they cannot be.
    fn values(&self, joined: &mut Joined, sql: &SqlExpr) {
        for (finding, place) in joined.impossible(&sql.ast) {
            self.report(finding.at(locate(sql, place)));
        }
        for call in &parts(&sql.ast).aggregates {
            if let Some(finding) = joined.unsummable(call).or_else(|| joined.mean_of_ratios(call)) {
                self.report(finding.at(locate(sql, call.span)));
            }
        }
    }

    fn fact(&self, fact: &Fact) {
        let FactInput::Table(from) = &fact.from else { return };
        let Some(mut joined) = self.single(&from.value) else { return };
        for sql in fact.measures.values().chain(&fact.filter) {
            self.values(&mut joined, sql);
        }
        if let Some(time) = &fact.time {
            let column = joined.column(std::slice::from_ref(&time.value));
            if let Some(meaning) = column.and_then(|column| column.meaning)
                && !matches!(meaning.ty, ColumnType::Date | ColumnType::Timestamp)
            {
                let message = format!("`{}` of `{}` is no time", time.value, from.value);
                self.report(
                    Diagnostic::error("type-clash", message)
                        .at(time.span)
                        .help("`time` names a column that is a date or a timestamp"),
                );
            }
        }
        if fact.keep_last.is_none() && !matches!(fact.kind, FactKind::State) {
            self.measures(joined, &fact.per.value, fact.filter.as_ref(), fact.measures.values());
        }
    }

    fn score(&self, score: &Score) {
        let Some(joined) = self.single(&score.from.value) else { return };
        let measures = score.components.values().map(|component| &component.measure);
        self.measures(joined, &score.per.value, None, measures);
    }

    /// The mean of a measure that is a ratio by itself.
    fn kpi(&self, kpi: &Kpi) {
        for call in parts(&kpi.formula.ast).aggregates {
            let Some(column) = ratios::averaged(&call) else { continue };
            let [fact, measure] = &column[..] else { continue };
            let measure = self.project.facts.get(fact).and_then(|fact| fact.measures.get(measure));
            if measure.is_some_and(|measure| ratios::is_quotient(&measure.ast)) {
                self.report(ratios::mean_of_ratios(&column).at(locate(&kpi.formula, call.span)));
            }
        }
    }

    /// A relation as the only input, with the rows of one period.
    fn single(&self, name: &str) -> Option<Joined<'_>> {
        let relation = self.within_period(name)?;
        let input = Input { alias: name.to_owned(), name: name.to_owned(), relation };
        Some(Joined::new(&self.numbers, vec![input]))
    }

    /// Aggregates per entity over a table that repeats rows of its inputs.
    fn measures<'m>(
        &self,
        mut joined: Joined,
        per: &str,
        filter: Option<&SqlExpr>,
        measures: impl Iterator<Item = &'m SqlExpr>,
    ) {
        let Some(entity) = self.project.entities.get(per) else { return };
        if let Some(filter) = filter {
            joined.condition(&filter.ast);
        }
        let Some(key) = joined.column(std::slice::from_ref(&entity.key)) else { return };
        let group = Ids::from([key.id]);
        for sql in measures {
            let aggregates = parts(&sql.ast).aggregates;
            let of_columns = |call: &&crate::sql::Call| !crate::sql::arguments(&call.function).is_empty();
            for call in aggregates.iter().filter(of_columns) {
                if let Some(multiplied) = joined.multiplied(call, &group) {
                    self.report(message::multiplied(call, &multiplied).at(locate(sql, call.span)));
                    break;
                }
            }
        }
    }
}

fn values(names: &[Spanned<String>]) -> Vec<String> {
    names.iter().map(|name| name.value.clone()).collect()
}
