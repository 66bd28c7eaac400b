//! The columns of everything that SQL can read, and where each comes from, as far as the definitions tell without data.
//!
//! A column's origins are the columns of the relations that its expression names, seen through common tables and
//! subqueries. What a definition does not tell, such as the columns of a table that an engine makes, is left open.

mod query;
mod types;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use abmart_spec::formula;
use abmart_spec::model::{Fact, FactInput, Mart, MartBody, Project, SqlQuery, TableBody};

use crate::key::{Key, Kind};

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    /// How it is computed, where that is more than taking over a column of the same name.
    pub expression: Option<String>,
    /// The columns that it is made from.
    pub origins: Vec<Origin>,
    /// Its type by the name that contracts use, where it is known.
    pub ty: Option<&'static str>,
}

/// A column of another definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub of: Key,
    pub column: String,
}

/// The columns of something that SQL can read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    pub columns: Vec<Column>,
    /// The definition that may have more columns than those.
    open: Option<Key>,
}

/// The columns of a project's relations, each worked out once.
pub(crate) struct Columns<'a> {
    project: &'a Project,
    known: RefCell<BTreeMap<Key, Rc<Relation>>>,
}

impl<'a> Columns<'a> {
    pub fn new(project: &'a Project) -> Self {
        Self { project, known: RefCell::default() }
    }

    /// The columns of a table, rollup, source, entity or mart with what each is made from.
    pub fn of(&self, key: &Key) -> Rc<Relation> {
        if let Some(known) = self.known.borrow().get(key) {
            return Rc::clone(known);
        }
        // A definition that needs itself is no project; the mark only keeps a broken one from looping.
        self.known.borrow_mut().insert(key.clone(), Rc::default());
        let made = Rc::new(self.made(key));
        self.known.borrow_mut().insert(key.clone(), Rc::clone(&made));
        made
    }

    /// The types of a fact's measures, in their order.
    pub fn measure_types(&self, fact: &Fact) -> Vec<Option<&'static str>> {
        let input = match &fact.from {
            FactInput::Table(table) => self.read(&table.value),
            FactInput::Entity(_) => Relation::default(),
        };
        let scope = query::Scope::over(self, input);
        fact.measures.values().map(|measure| types::of(&measure.ast, &scope)).collect()
    }

    fn made(&self, key: &Key) -> Relation {
        let project = self.project;
        let name = key.name.as_str();
        match key.kind {
            Kind::Source => project.sources.get(name).map(|source| {
                let columns = source.columns.values();
                let columns = columns.map(|column| plain(&column.name, Some(column.ty.name()))).collect();
                Relation { columns, open: None }
            }),
            Kind::Rollup => project.rollups.get(name).map(|rollup| {
                let scope = query::Scope::over(self, self.read(&rollup.from.value));
                let expressions = rollup.by.iter().chain(&rollup.measures);
                let columns = expressions.map(|(name, sql)| scope.column(name.clone(), &sql.ast)).collect();
                Relation { columns, open: None }
            }),
            Kind::Table => project.tables.get(name).map(|table| match &table.body {
                TableBody::Sql(sql) => {
                    let mut relation = self.query(sql);
                    let converted = table.money.iter().flat_map(|money| &money.columns);
                    for name in converted {
                        if let Some(column) = relation.columns.iter_mut().find(|column| column.name == name.value) {
                            column.ty = Some("number");
                        }
                    }
                    relation
                }
                TableBody::Rows { columns, .. } => {
                    let columns = columns.values().map(|column| plain(&column.name, Some(column.ty.name()))).collect();
                    Relation { columns, open: None }
                }
                TableBody::Attribution { .. } => Relation { columns: Vec::new(), open: Some(key.clone()) },
            }),
            Kind::Entity => project.entities.contains_key(name).then(|| self.entity(name)),
            Kind::Mart => project.marts.get(name).map(|mart| match &mart.body {
                MartBody::Sql(sql) => self.query(sql),
                MartBody::From(table) => taken_over(&self.read(&table.value)),
            }),
            _ => None,
        }
        .unwrap_or_default()
    }

    fn query(&self, sql: &SqlQuery) -> Relation {
        query::of(self, &sql.ast, &BTreeMap::new())
    }

    /// A relation as one that reads it sees it: its columns are their own origins.
    fn read(&self, name: &str) -> Relation {
        let kinds = [Kind::Source, Kind::Rollup, Kind::Table, Kind::Entity];
        let Some(key) = kinds.into_iter().map(|kind| Key::new(kind, name)).find(|key| self.defines(key)) else {
            return self.of_engine_table(name);
        };
        let of_entity = key.kind == Kind::Entity;
        let relation = self.of(&key);
        let columns = relation.columns.iter().map(|column| {
            // What an entity's columns come from are facts, which say more than the entity.
            let origins = if of_entity && !column.origins.is_empty() {
                column.origins.clone()
            } else {
                vec![Origin { of: key.clone(), column: column.name.clone() }]
            };
            Column { name: column.name.clone(), expression: None, origins, ty: column.ty }
        });
        Relation { columns: columns.collect(), open: relation.open.as_ref().map(|_| key.clone()) }
    }

    /// The mart that publishes a table of the engine as it is: the one of its name, else the first one without a filter.
    pub fn engine_table(&self, name: &str) -> Option<Key> {
        if self.project.tables.contains_key(name) {
            return None;
        }
        let whole =
            |mart: &&Mart| mart.filter.is_none() && matches!(&mart.body, MartBody::From(table) if table.value == name);
        let marts = || self.project.marts.values().filter(whole);
        let mart = marts().find(|mart| mart.name == name).or_else(|| marts().next())?;
        Some(Key::new(Kind::Mart, &mart.name))
    }

    /// The columns of a table that the engine makes, as the mart that publishes it tells them.
    fn of_engine_table(&self, name: &str) -> Relation {
        let Some(key) = self.engine_table(name) else { return Relation::default() };
        let documented = self.project.marts.get(&key.name).into_iter().flat_map(|mart| mart.columns.keys());
        let columns = documented.map(|column| Column {
            name: column.clone(),
            expression: None,
            origins: vec![Origin { of: key.clone(), column: column.clone() }],
            ty: None,
        });
        Relation { columns: columns.collect(), open: Some(key.clone()) }
    }

    /// What marts read by an entity's name: its key, dimensions and the measures of all facts per it.
    fn entity(&self, name: &str) -> Relation {
        let project = self.project;
        let Some(entity) = project.entities.get(name) else { return Relation::default() };
        let mut columns: Vec<Column> = vec![
            plain("period_grain", Some("string")),
            plain("period_start", Some("date")),
            plain("period_end", Some("date")),
            plain("partial", Some("boolean")),
        ];
        let snapshot = entity.snapshot.as_ref().map(|snapshot| self.read(&snapshot.value)).unwrap_or_default();
        let parent = entity.parent.as_ref().and_then(|parent| project.entities.get(&parent.value));
        let own = std::iter::once(entity.key.as_str()).chain(parent.map(|parent| parent.key.as_str()));
        for column in own.chain(entity.dimensions.iter().map(|dimension| dimension.value.as_str())) {
            match snapshot.columns.iter().find(|known| known.name == column) {
                Some(known) => columns.push(known.clone()),
                None => columns.push(plain(column, None)),
            }
        }
        if let Some(parent) = parent {
            let dimensions = parent.dimensions.iter();
            let of = Key::new(Kind::Entity, &parent.name);
            columns.extend(dimensions.map(|dimension| Column {
                origins: vec![Origin { of: of.clone(), column: dimension.value.clone() }],
                ..plain(&dimension.value, None)
            }));
        }
        for fact in project.facts.values().filter(|fact| fact.per.value == name) {
            let of = Key::new(Kind::Fact, &fact.name);
            for (measure, ty) in fact.measures.keys().zip(self.measure_types(fact)) {
                columns.push(measured(&of, measure, ty));
            }
        }
        for score in project.scores.values().filter(|score| score.per.value == name) {
            let of = Key::new(Kind::Score, &score.name);
            for measure in formula::measures(project, &score.name).unwrap_or_default() {
                let ty = if measure == "band" { "string" } else { "number" };
                columns.push(measured(&of, &measure, Some(ty)));
            }
        }
        Relation { columns, open: Some(Key::new(Kind::Entity, name)) }
    }

    fn defines(&self, key: &Key) -> bool {
        let (project, name) = (self.project, &key.name);
        match key.kind {
            Kind::Source => project.sources.contains_key(name),
            Kind::Rollup => project.rollups.contains_key(name),
            Kind::Table => project.tables.contains_key(name),
            Kind::Entity => project.entities.contains_key(name),
            _ => false,
        }
    }
}

impl Relation {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn plain(name: &str, ty: Option<&'static str>) -> Column {
    Column { name: name.to_owned(), expression: None, origins: Vec::new(), ty }
}

fn measured(of: &Key, measure: &str, ty: Option<&'static str>) -> Column {
    let origins = vec![Origin { of: of.clone(), column: measure.to_owned() }];
    Column { origins, ..plain(&format!("{}_{measure}", of.name), ty) }
}

/// The columns of a mart that publishes a table as it is. A table that the engine makes has no definition but the mart.
fn taken_over(read: &Relation) -> Relation {
    let columns = read.columns.iter().map(|column| {
        let origins = column.origins.iter().filter(|origin| origin.of.kind != Kind::Mart).cloned().collect();
        Column { origins, ..column.clone() }
    });
    Relation { columns: columns.collect(), open: None }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]
    use std::collections::BTreeMap;
    use std::fs;

    use rstest::rstest;
    use tempfile::TempDir;

    use super::*;

    /// A project with two sources, a rollup, and a table of this SQL.
    fn project(sql: &str) -> Project {
        let folder = TempDir::new().expect("a folder");
        let pipelines = "project: p\nstores: {lake: lake, marts: marts, cache: cache}\njobs: [job.yaml]\npipelines:\n  nightly:\n    title: {en: N, fr: N}\n    periods: {month: {}}\n    cube: []\n";
        let job = format!(
            "job: j\ntitle: {{en: J, fr: J}}\ndescription: d\nowner: o\n\
             sources:\n  deals:\n    kind: snapshot\n    path: deals/dt={{day}}/*.parquet\n    key: [deal_id]\n    description: d\n    columns:\n      deal_id: {{type: string, description: d}}\n      owner_id: {{type: string, description: d}}\n      amount: {{type: number, description: d}}\n      closed_on: {{type: date, description: d}}\n\
             \x20 owners:\n    kind: snapshot\n    path: owners/dt={{day}}/*.parquet\n    key: [owner_id]\n    description: d\n    columns:\n      owner_id: {{type: string, description: d}}\n      name: {{type: string, description: d}}\n\
             tables:\n  t:\n    description: d\n    sql: |\n      {}\n",
            sql.replace('\n', "\n      ")
        );
        fs::write(folder.path().join("pipelines.yaml"), pipelines).expect("a file");
        fs::write(folder.path().join("job.yaml"), job).expect("a file");
        let loaded = abmart_spec::load(folder.path(), &BTreeMap::new(), &|_| None);
        loaded.map_err(|error| error.diagnostics).expect("a project").0
    }

    #[rstest]
    #[case::taken_over("select amount from deals", &["amount number = deals.amount"])]
    #[case::renamed("select d.amount as value from deals d", &["value number d.amount = deals.amount"])]
    #[case::of_two("select d.amount, o.name as owner from deals d join owners o using (owner_id)", &["amount number = deals.amount", "owner string o.name = owners.name"])]
    #[case::computed("select count(*) as n, sum(amount) / count(*) as mean from deals", &["n integer count(*) =", "mean number sum(amount) / count(*) = deals.amount"])]
    #[case::through_a_common_table("with c as (select deal_id, amount * 2 as twice from deals) select twice > 1 as large from c", &["large boolean twice > 1 = deals.amount"])]
    #[case::through_a_subquery("select max(s.a) as a from (select amount as a from deals) s", &["a number max(s.a) = deals.amount"])]
    #[case::all_columns("select * from owners", &["owner_id string = owners.owner_id", "name string = owners.name"])]
    #[case::of_a_union("select owner_id from deals union all select owner_id from owners", &["owner_id string = deals.owner_id, owners.owner_id"])]
    #[case::names_inside_of_a_subquery("select deal_id in (select name from owners) as known from deals", &["known boolean deal_id in (select name from owners) = deals.deal_id, owners.name"])]
    fn a_query_tells_where_its_columns_come_from(#[case] sql: &str, #[case] expected: &[&str]) {
        let project = project(sql);
        let relation = Columns::new(&project).of(&Key::new(Kind::Table, "t"));
        let told: Vec<String> = relation.columns.iter().map(told).collect();
        assert_eq!(told, expected);
    }

    fn told(column: &Column) -> String {
        let origins: Vec<String> =
            column.origins.iter().map(|origin| format!("{}.{}", origin.of.name, origin.column)).collect();
        let expression = column.expression.as_ref().map(|expression| format!(" {expression}")).unwrap_or_default();
        format!("{} {}{expression} = {}", column.name, column.ty.unwrap_or("?"), origins.join(", "))
            .trim_end()
            .to_owned()
    }
}
