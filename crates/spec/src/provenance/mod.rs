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
mod dependencies;
mod joins;
mod literals;
mod message;
mod query;
mod ratios;
mod relation;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::diagnostic::Diagnostic;
use crate::model::{
    ColumnType, Fact, FactInput, FactKind, ForEach, Kpi, Mart, MartBody, Project, Rollup, Score, Source, Spanned,
    SqlExpr, Table, TableBody,
};
use crate::sql::{locate, parts};

use dependencies::Ids;
use joins::{Input, Joined};
use query::Reader;
use relation::{Meaning, Numbers, Relation};

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

    fn views(&self, name: &str) -> Option<Rc<Views>> {
        if let Some(known) = self.known.borrow().get(name) {
            return Some(Rc::clone(known));
        }
        let both = |relation: Relation| Views { whole: relation.clone(), within: relation };
        let project = self.project;
        let views = if let Some(source) = project.sources.get(name) {
            both(self.source(source))
        } else if let Some(rollup) = project.rollups.get(name) {
            both(self.rollup(rollup))
        } else {
            self.table(project.tables.get(name)?)
        };
        let views = Rc::new(views);
        self.known.borrow_mut().insert(name.to_owned(), Rc::clone(&views));
        Some(views)
    }

    fn source(&self, source: &Source) -> Relation {
        let mut key = values(&source.key);
        if key.is_empty() {
            let members = |entity: &&crate::model::Entity| {
                entity.snapshot.as_ref().is_some_and(|snapshot| snapshot.value == source.name)
            };
            key.extend(self.project.entities.values().find(members).map(|entity| entity.key.clone()));
        }
        let mut relation = Relation::new(&self.numbers, source.columns.keys().cloned(), &key);
        for column in &mut relation.columns {
            let contract = source.columns.get(&column.name);
            column.is_money = contract.is_some_and(|contract| contract.ty == ColumnType::Money);
            column.meaning = contract.map(Meaning::of);
        }
        relation
    }

    fn rollup(&self, rollup: &Rollup) -> Relation {
        let columns = rollup.by.keys().chain(rollup.measures.keys()).cloned();
        let plain = |sql: &SqlExpr| joins::path(&sql.ast);
        let bare: Vec<Vec<String>> = rollup.by.values().filter_map(plain).collect();
        // A day is fixed by the instant beside it.
        let adds = |sql: &SqlExpr| {
            plain(sql).is_some() || parts(&sql.ast).columns.iter().any(|column| !bare.contains(&column.path))
        };
        let key: Vec<String> = rollup.by.iter().filter(|(_, sql)| adds(sql)).map(|(name, _)| name.clone()).collect();
        let mut relation = Relation::new(&self.numbers, columns, &key);
        if let Some(source) = self.project.sources.get(&rollup.from.value) {
            for column in &mut relation.columns {
                let path = rollup.by.get(&column.name).and_then(plain);
                let contract = path.and_then(|path| source.columns.get(path.last()?));
                column.meaning = contract.map(Meaning::of);
            }
            self.rollup_values(rollup, source);
        }
        if rollup.by.is_empty() {
            self.one_row(&mut relation);
        }
        relation
    }

    /// Values that the columns of its source cannot have.
    fn rollup_values(&self, rollup: &Rollup, source: &Source) {
        let input = Input { alias: source.name.clone(), name: source.name.clone(), relation: self.source(source) };
        let mut joined = Joined::new(&self.numbers, vec![input]);
        for sql in rollup.by.values().chain(rollup.measures.values()).chain(&rollup.filter) {
            self.values(&mut joined, sql);
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

    fn one_row(&self, relation: &mut Relation) {
        let rows = relation.rows.clone();
        relation.rules.add(Ids::new(), rows);
        relation.known = true;
    }

    fn table(&self, table: &'a Table) -> Views {
        let key = values(&table.key);
        let sql = match &table.body {
            TableBody::Rows { columns, .. } => {
                let relation = Relation::new(&self.numbers, columns.keys().cloned(), &key);
                let mut relation = Relation { is_reference: true, ..relation };
                for column in &mut relation.columns {
                    column.meaning = columns.get(&column.name).map(Meaning::of);
                }
                return Views { whole: relation.clone(), within: relation };
            }
            TableBody::Attribution { .. } => {
                let mut relation = Relation::unknown(&self.numbers);
                relation.identify(&self.numbers, &key);
                return Views { whole: relation.clone(), within: relation };
            }
            TableBody::Sql(sql) => sql,
        };
        let mut reader = Reader::new(self, sql, &table.fans_out);
        reader.for_each = table.for_each;
        reader.during = &table.during;
        let mut within = reader.query(&sql.ast);
        let used = reader.used;
        if key.is_empty() {
            self.pairs(&within);
        }
        within.identify(&self.numbers, &key);
        for money in table.money.iter().flat_map(|money| &money.columns) {
            for column in within.columns.iter_mut().filter(|column| column.name == money.value) {
                column.is_money = true;
            }
        }
        self.unused(&table.fans_out, &used);
        let whole = if table.for_each == ForEach::Run { within.clone() } else { self.all_periods(&within, &key) };
        Views { whole, within }
    }

    /// The rows of all periods together: what tells them apart within one does so with the period's own column.
    fn all_periods(&self, within: &Relation, key: &[String]) -> Relation {
        let constants = within.rules.closure(&Ids::new());
        let own = within.columns.iter().find(|column| constants.contains(&column.id));
        let mut key = key.to_vec();
        if let (true, Some(inner), Some(own)) = (key.is_empty(), &within.key, own) {
            key.clone_from(inner);
            key.push(own.name.clone());
        }
        let columns = within.columns.iter().map(|column| column.name.clone());
        let mut relation = Relation::new(&self.numbers, columns, &[]);
        relation.open = within.open;
        for (column, inner) in relation.columns.iter_mut().zip(&within.columns) {
            column.is_money = inner.is_money;
            column.is_ratio = inner.is_ratio;
            column.meaning.clone_from(&inner.meaning);
        }
        relation.identify(&self.numbers, &key);
        relation
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

    /// What only marts can read: entities, and the tables that the engine makes.
    fn of_marts(&self, name: &str) -> Relation {
        let mut relation = Relation::unknown(&self.numbers);
        let dimensions = self.project.cube_root().map(|root| values(&root.dimensions)).unwrap_or_default();
        let of_period = |own: &[&str]| -> Vec<String> {
            ["period_grain", "period_start"].iter().chain(own).map(|column| (*column).to_owned()).collect()
        };
        let key = match name {
            "kpi_values" => [of_period(&["kpi", "cut"]), dimensions].concat(),
            "kpi_wide" => [of_period(&["cut"]), dimensions].concat(),
            "kpi_catalog" => vec!["kpi".to_owned()],
            "cuts" => {
                let by: Vec<&str> = dimensions.iter().map(String::as_str).collect();
                relation.fix(&self.numbers, &by, &["cut"]);
                vec!["cut".to_owned()]
            }
            _ => match self.project.entities.get(name) {
                Some(entity) => of_period(&[&entity.key]),
                None => return relation,
            },
        };
        relation.identify(&self.numbers, &key);
        if name == "kpi_values" {
            relation.column(&self.numbers, "value");
            for column in relation.columns.iter_mut().filter(|column| column.name == "value") {
                column.is_ratio = true;
            }
        }
        if key.iter().any(|column| column == "period_start") {
            relation.fix(&self.numbers, &["period_grain", "period_start"], &["period_end", "partial", "as_of"]);
        }
        relation
    }
}

fn values(names: &[Spanned<String>]) -> Vec<String> {
    names.iter().map(|name| name.value.clone()).collect()
}
