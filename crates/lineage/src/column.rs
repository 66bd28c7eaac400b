//! Columns and what they come from.

use std::collections::BTreeSet;
use std::fmt;

use abmart_spec::Node;

/// A column of a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    /// The definition.
    pub of: Node,
    /// The column's name.
    pub column: String,
}

impl ColumnRef {
    /// A column by its name.
    #[must_use]
    pub fn new(of: Node, column: impl Into<String>) -> Self {
        Self { of, column: column.into() }
    }
}

/// `kpi:win_rate.value`
impl fmt::Display for ColumnRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.of, self.column)
    }
}

/// A column that another one, or the rows of a definition, come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// The column that is read.
    pub column: ColumnRef,
    /// What becomes of it.
    pub how: How,
}

/// How a column comes from another one, in the words of `OpenLineage`'s facet of column lineage.
///
/// Of several steps the one that changes most counts: an aggregate of a sum is an aggregation, and what a filter looks at is
/// looked at by a filter, whatever becomes of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The value itself, missing values aside.
    Identity,
    /// A value that is computed from it, row by row.
    Transformation,
    /// A value that is computed from many rows.
    Aggregation,
    /// It decides which rows are put together.
    Join,
    /// It decides which rows are reduced to one.
    GroupBy,
    /// It decides which rows count.
    Filter,
    /// It decides the order of rows.
    Sort,
    /// It decides which rows a window function sees, and in which order.
    Window,
    /// It decides between values.
    Conditional,
}

impl How {
    /// Whether the value itself is used, and not only looked at.
    #[must_use]
    pub fn is_direct(self) -> bool {
        matches!(self, Self::Identity | Self::Transformation | Self::Aggregation)
    }

    /// `DIRECT` or `INDIRECT`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        if self.is_direct() { "DIRECT" } else { "INDIRECT" }
    }

    /// The subtype by `OpenLineage`'s name.
    #[must_use]
    pub fn subtype(self) -> &'static str {
        match self {
            Self::Identity => "IDENTITY",
            Self::Transformation => "TRANSFORMATION",
            Self::Aggregation => "AGGREGATION",
            Self::Join => "JOIN",
            Self::GroupBy => "GROUP_BY",
            Self::Filter => "FILTER",
            Self::Sort => "SORT",
            Self::Window => "WINDOW",
            Self::Conditional => "CONDITIONAL",
        }
    }

    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Identity => "as it is",
            Self::Transformation => "computed",
            Self::Aggregation => "aggregated",
            Self::Join => "join",
            Self::GroupBy => "group by",
            Self::Filter => "filter",
            Self::Sort => "sort",
            Self::Window => "window",
            Self::Conditional => "condition",
        }
    }

    /// What both steps together are.
    #[must_use]
    pub fn then(self, outer: Self) -> Self {
        match (self.is_direct(), outer.is_direct()) {
            (true, true) => self.max(outer),
            (true, false) => outer,
            (false, _) => self,
        }
    }
}

/// What a value comes from, each column once for each way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Inputs(BTreeSet<Input>);

impl Inputs {
    pub fn one(column: ColumnRef, how: How) -> Self {
        Self(BTreeSet::from([Input { column, how }]))
    }

    pub fn add(&mut self, more: Self) {
        if self.0.is_empty() {
            self.0 = more.0;
        } else {
            self.0.extend(more.0);
        }
    }

    /// The same after one more step.
    pub fn then(self, outer: How) -> Self {
        if outer == How::Identity {
            return self;
        }
        Self(self.0.into_iter().map(|input| Input { how: input.how.then(outer), ..input }).collect())
    }

    pub fn retain(&mut self, keep: impl FnMut(&Input) -> bool) {
        self.0.retain(keep);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Input> {
        self.0.iter()
    }

    pub fn into_vec(self) -> Vec<Input> {
        self.0.into_iter().collect()
    }
}

impl FromIterator<Self> for Inputs {
    fn from_iter<T: IntoIterator<Item = Self>>(all: T) -> Self {
        all.into_iter().fold(Self::default(), |mut sum, more| {
            sum.add(more);
            sum
        })
    }
}
