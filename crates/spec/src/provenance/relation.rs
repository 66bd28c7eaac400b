//! A relation as far as multiplication goes: its columns, what identifies its rows, and the joins that repeated rows.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diagnostic::Span;
use crate::model::{self as contract, ColumnType};

use super::dependencies::{Id, Ids, Rules};

/// Gives every column and every kind of row a number of its own.
#[derive(Debug, Default)]
pub(super) struct Numbers(Cell<Id>);

impl Numbers {
    pub fn next(&self) -> Id {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// What a query reads, or what comes of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Relation {
    pub columns: Vec<Column>,
    /// Whether it may have further columns, whose names are not known.
    pub open: bool,
    /// Whether it is known what identifies a row; if not, nothing is held against a join with it.
    pub known: bool,
    /// What its rows are told apart by.
    pub rows: Ids,
    pub rules: Rules,
    /// Whether the project itself holds its rows: what such a table says of a kind holds for each thing of that kind.
    pub is_reference: bool,
    /// The columns of its key, for messages.
    pub key: Option<Vec<String>>,
    /// Joins by which rows of its inputs are in it more than once.
    pub fans: Vec<Fan>,
    /// Joins by which columns were looked up for rows of which several share one.
    pub look_ups: Vec<Fan>,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub id: Id,
    /// The rows that it is a value of: one value for each of these, however often it is repeated.
    pub grain: Ids,
    /// The rows that it was a value of before it was looked up for others.
    pub home: Ids,
    /// Whether it is an amount of money, which belongs to one row alone.
    pub is_money: bool,
    /// Whether it is the quotient of two aggregates.
    pub is_ratio: bool,
    /// What its contract says, where it is a source's column as it was.
    pub meaning: Option<Rc<Meaning>>,
}

/// What a contract says about a column.
#[derive(Debug, Clone)]
pub(super) struct Meaning {
    pub ty: ColumnType,
    /// The values that it has, where they are listed.
    pub values: Vec<String>,
}

impl Meaning {
    pub fn of(contract: &contract::Column) -> Rc<Self> {
        Rc::new(Self { ty: contract.ty, values: contract.values.clone() })
    }
}

/// A join by which rows are repeated.
#[derive(Debug, Clone)]
pub(super) struct Fan {
    /// Whose rows are repeated.
    pub left: String,
    /// Of which several rows meet one of these.
    pub right: String,
    /// What identifies a row of the right side.
    pub key: Option<Vec<String>>,
    /// Columns of the right side that the join is on.
    pub on: Vec<String>,
    /// Where the right side is joined.
    pub place: Span,
    /// The rows that are repeated.
    pub of: Ids,
    /// The rows of the right side.
    pub rows: Ids,
    /// Whether rows of either side are repeated by those of the other one, and nothing has made them distinct since.
    pub both_ways: bool,
}

impl Relation {
    /// A relation with these columns, of which `key` identifies a row, where one is given.
    pub fn new(numbers: &Numbers, columns: impl IntoIterator<Item = String>, key: &[String]) -> Self {
        let row = numbers.next();
        let mut relation = Self { rows: Ids::from([row]), ..Self::default() };
        for name in columns {
            relation.column(numbers, &name);
        }
        relation.identify(numbers, key);
        relation
    }

    /// One of which nothing is known.
    pub fn unknown(numbers: &Numbers) -> Self {
        Self { open: true, ..Self::new(numbers, [], &[]) }
    }

    /// The column of this name, which is added where there is none.
    pub fn column(&mut self, numbers: &Numbers, name: &str) -> Id {
        if let Some(column) = self.columns.iter().find(|column| column.name == name) {
            return column.id;
        }
        let id = numbers.next();
        self.rules.add(self.rows.clone(), Ids::from([id]));
        let (grain, home) = (self.rows.clone(), self.rows.clone());
        let name = name.to_owned();
        self.columns.push(Column { name, id, grain, home, is_money: false, is_ratio: false, meaning: None });
        id
    }

    /// Notes that some columns identify a row.
    pub fn identify(&mut self, numbers: &Numbers, key: &[String]) {
        let missing = |name: &String| !self.columns.iter().any(|column| column.name == *name);
        if key.is_empty() || (!self.open && key.iter().any(missing)) {
            return;
        }
        let ids: Ids = key.iter().map(|name| self.column(numbers, name)).collect();
        self.rules.add(ids, self.rows.clone());
        self.known = true;
        self.key = Some(key.to_vec());
    }

    /// Notes that some columns determine others, where the relation has them all.
    pub fn fix(&mut self, numbers: &Numbers, from: &[&str], to: &[&str]) {
        let from = from.iter().map(|name| self.column(numbers, name)).collect();
        let to = to.iter().map(|name| self.column(numbers, name)).collect();
        self.rules.add(from, to);
    }

    /// The same relation as another input, whose rows are others.
    pub fn anew(&self, numbers: &Numbers) -> Self {
        let mut names: BTreeMap<Id, Id> = BTreeMap::new();
        let mut rename = |id: Id| *names.entry(id).or_insert_with(|| numbers.next());
        let mut renamed = |ids: &Ids| -> Ids { ids.iter().map(|id| rename(*id)).collect() };
        let rows = renamed(&self.rows);
        let columns = self.columns.iter().map(|column| {
            let id = renamed(&Ids::from([column.id])).into_iter().next().unwrap_or_default();
            let (grain, home) = (renamed(&column.grain), renamed(&column.home));
            Column { id, grain, home, ..column.clone() }
        });
        let columns = columns.collect();
        let mut again = |fans: &[Fan]| {
            fans.iter().map(|fan| Fan { of: renamed(&fan.of), rows: renamed(&fan.rows), ..fan.clone() }).collect()
        };
        let (fans, look_ups) = (again(&self.fans), again(&self.look_ups));
        let rules = self.rules.renamed(&mut rename);
        Self { columns, rows, rules, fans, look_ups, key: self.key.clone(), ..*self }
    }

    /// Forgets what no column, row or join of it is about.
    pub fn tidied(mut self) -> Self {
        let columns = self.columns.iter().flat_map(|c| c.grain.iter().chain(&c.home).copied().chain([c.id]));
        let fans = self.fans.iter().chain(&self.look_ups).flat_map(|fan| fan.of.iter().chain(&fan.rows).copied());
        let ids: Ids = columns.chain(fans).chain(self.rows.iter().copied()).collect();
        self.rules = self.rules.about(&ids);
        self
    }
}
