//! Unit tests of definitions: rows that a run is given, and what it is to make of them.

use indexmap::IndexMap;
use jiff::civil::Date;

use super::{Literal, Project, Spanned};
use crate::diagnostic::Span;
use crate::graph::Node;

/// A run over rows that the test itself holds, and what must come out of it.
#[derive(Debug, Clone)]
pub struct UnitTest {
    /// The test's name, unique in the project.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// The run's day.
    pub as_of: Spanned<Date>,
    /// The pipeline whose periods and cube the run has; none: the first one that computes.
    pub pipeline: Option<Spanned<String>>,
    /// The period of expected cells and facts that name none.
    pub period: Option<Spanned<String>>,
    /// Variables that differ from the defaults of `pipelines.yaml`.
    pub variables: IndexMap<String, String>,
    /// How far a number may lie from the expected one: relative to it, absolute below 1.
    pub tolerance: f64,
    /// What the run reads.
    pub given: Vec<GivenRows>,
    /// What must come out.
    pub expect: Vec<Expectation>,
    /// Source → how many of its rows the contract sets aside; a source that is not named: none.
    pub quarantined: IndexMap<String, Spanned<u64>>,
    /// Place of its name.
    pub span: Span,
}

impl UnitTest {
    /// The definitions whose rows it expects.
    pub fn looks_at<'a>(&'a self, project: &'a Project) -> impl Iterator<Item = Node> + 'a {
        self.expect.iter().map(|expectation| {
            let name = expectation.name.value.clone();
            match expectation.of {
                Expected::Kpi => Node::Kpi(name),
                Expected::Fact if project.scores.contains_key(&name) => Node::Score(name),
                Expected::Fact => Node::Fact(name),
                Expected::Table if project.rollups.contains_key(&name) => Node::Rollup(name),
                Expected::Table => Node::Table(name),
                Expected::Alert => Node::Alert(name),
                Expected::Mart => Node::Mart(name),
            }
        })
    }
}

/// Rows of a source or a reference table.
#[derive(Debug, Clone)]
pub struct GivenRows {
    /// The source or reference table.
    pub name: Spanned<String>,
    /// The day of the snapshot that they are, where it is not the run's day.
    pub snapshot: Option<Date>,
    /// The rows, as they are written.
    pub rows: Vec<TestRow>,
}

/// A row of a test.
#[derive(Debug, Clone)]
pub struct TestRow {
    /// Column → value.
    pub cells: IndexMap<String, TestCell>,
    /// Place of the row.
    pub span: Span,
}

/// A value of a row.
#[derive(Debug, Clone)]
pub struct TestCell {
    /// The value as YAML knows it.
    pub value: Literal,
    /// Place of the value.
    pub span: Span,
    /// Place of the column's name.
    pub column: Span,
}

/// Rows that a definition must give.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// What kind of definition it is.
    pub of: Expected,
    /// The definition.
    pub name: Spanned<String>,
    /// The rows; of each only the named columns count.
    pub rows: Vec<TestRow>,
    /// Rows that must not be there.
    pub lacks: Vec<TestRow>,
    /// Whether there may be no rows but the expected ones.
    pub all: bool,
    /// Place of the rows.
    pub span: Span,
}

/// The kinds of definition that a test can look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expected {
    /// Cells of a KPI, found by period and cut.
    Kpi,
    /// Rows of a fact or score, found by entity and period.
    Fact,
    /// Rows of a table or rollup.
    Table,
    /// Open alerts of a name.
    Alert,
    /// Rows of a mart.
    Mart,
}

impl Expected {
    /// All kinds, in the order in which they are computed from each other.
    pub const ALL: [Self; 5] = [Self::Table, Self::Fact, Self::Kpi, Self::Alert, Self::Mart];

    /// The key of `expect` that holds them.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Kpi => "kpis",
            Self::Fact => "facts",
            Self::Table => "tables",
            Self::Alert => "alerts",
            Self::Mart => "marts",
        }
    }

    /// What one of them is called.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Kpi => "KPI",
            Self::Fact => "fact",
            Self::Table => "table",
            Self::Alert => "alert",
            Self::Mart => "mart",
        }
    }
}
