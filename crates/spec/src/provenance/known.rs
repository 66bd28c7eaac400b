//! The relations of a project: what their contracts, keys and queries say about their rows.

use std::rc::Rc;

use crate::model::{ColumnType, Entity, ForEach, Rollup, Source, SqlExpr, Table, TableBody};
use crate::sql::parts;

use super::dependencies::Ids;
use super::joins::{self, Input, Joined};
use super::query::Reader;
use super::relation::{Meaning, Relation};
use super::{Analysis, Views, values};

impl<'a> Analysis<'a> {
    pub fn views(&self, name: &str) -> Option<Rc<Views>> {
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
            let members =
                |entity: &&Entity| entity.snapshot.as_ref().is_some_and(|snapshot| snapshot.value == source.name);
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
            Self::one_row(&mut relation);
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

    fn one_row(relation: &mut Relation) {
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

    /// What only marts can read: entities, and the tables that the engine makes.
    pub fn of_marts(&self, name: &str) -> Relation {
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
