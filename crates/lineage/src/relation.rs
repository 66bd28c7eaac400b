//! What a query reads and gives: named columns, each with what it comes from.

use abmart_spec::Node;
use indexmap::IndexMap;

use crate::column::{ColumnRef, How, Inputs};

/// Rows with named columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relation {
    /// Column → what its values come from.
    pub columns: IndexMap<String, Inputs>,
    /// What decides which rows there are.
    pub rows: Inputs,
    /// The column that says of which KPI a row is, where KPIs lie below each other: a condition on it tells which of
    /// them the other columns come from.
    pub kpi: Option<String>,
}

impl Relation {
    /// The columns of a definition, as they are.
    pub fn of<S: Into<String>>(node: &Node, columns: impl IntoIterator<Item = S>) -> Self {
        let mut relation = Self::default();
        for column in columns {
            let column = column.into();
            let own = Inputs::one(ColumnRef::new(node.clone(), column.clone()), How::Identity);
            relation.columns.insert(column, own);
        }
        relation
    }

    /// Adds a column, which comes from nothing where the engine makes it up.
    pub fn set(&mut self, name: impl Into<String>, inputs: Inputs) {
        self.columns.insert(name.into(), inputs);
    }

    /// Adds columns that the engine makes: names, days of the run, keys of periods.
    pub fn made(&mut self, names: &[&str]) {
        for name in names {
            self.set(*name, Inputs::default());
        }
    }

    /// What a column comes from.
    pub fn get(&self, name: &str) -> Inputs {
        self.columns.get(name).cloned().unwrap_or_default()
    }

    /// Rows of one below those of the other, columns by their place.
    pub fn below(mut self, other: Self) -> Self {
        if self.kpi != other.kpi {
            self.kpi = None;
        }
        self.rows.add(other.rows);
        for (own, more) in self.columns.values_mut().zip(other.columns.into_values()) {
            own.add(more);
        }
        self
    }

    /// With other names for the first columns, as `t (a, b)` gives them.
    pub fn renamed(self, names: &[String]) -> Self {
        if names.is_empty() {
            return self;
        }
        let place = self.kpi.as_ref().and_then(|kpi| self.columns.get_index_of(kpi));
        let name =
            |(index, (old, inputs)): (usize, (String, Inputs))| (names.get(index).cloned().unwrap_or(old), inputs);
        let columns: IndexMap<String, Inputs> = self.columns.into_iter().enumerate().map(name).collect();
        let kpi = place.and_then(|place| columns.get_index(place)).map(|(name, _)| name.clone());
        Self { columns, rows: self.rows, kpi }
    }
}
