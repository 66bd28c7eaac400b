//! The typed project: what the YAML says, after decoding and before planning.
//!
//! Every definition keeps the [`Span`] of the YAML node it came from, so that whatever a later stage finds
//! wrong can be reported at its place.

mod alert;
mod attribution;
mod contract;
mod kpi;
mod mart;
mod pipelines;
mod unit_test;

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;
use sqlparser::ast;

use crate::diagnostic::{SourceMap, Span};
use crate::syntax::TextMap;

pub use alert::{Alert, AlertSeverity, Delivery, PRIOR};
pub use attribution::{
    AttributedConversions, AttributedTouches, Attribution, AttributionModel, CONVERTED_AT, ModelKind,
    Part as AttributionPart, PathRule,
};
pub use contract::{Check, Column, ColumnType, OnBreach, RowCount, Severity, Source, SourceKind};
pub use kpi::{Benchmark, Better, Kpi, Unit};
pub use mart::{Mart, MartBody, MartColumn, MartFormat};
pub use pipelines::{DimensionMode, Lineage, Pipeline, Settings, Spark, Store, Stores};
pub use unit_test::{Expectation, Expected, GivenRows, TestCell, TestRow, UnitTest};

/// A whole project: `pipelines.yaml` and the job files that it names.
#[derive(Debug, Clone)]
pub struct Project {
    /// The project's name.
    pub name: String,
    /// The folder that holds `pipelines.yaml`.
    pub root: PathBuf,
    /// Texts of all files read, for diagnostics.
    pub files: SourceMap,
    /// The variables that values name, as they were filled in.
    pub variables: BTreeMap<String, String>,
    /// Where the lake, the marts and the cache are.
    pub stores: Stores,
    /// Whom runs tell what they read and write.
    pub lineage: Lineage,
    /// Currency, time zone, fiscal calendar and the tables that have a role.
    pub settings: Settings,
    /// The job files, by name.
    pub jobs: IndexMap<String, Job>,
    /// What facts are `per`.
    pub entities: IndexMap<String, Entity>,
    /// Parquet datasets with their contracts.
    pub sources: IndexMap<String, Source>,
    /// Reductions of events sources.
    pub rollups: IndexMap<String, Rollup>,
    /// SQL tables and reference tables.
    pub tables: IndexMap<String, Table>,
    /// Measures per entity and period.
    pub facts: IndexMap<String, Fact>,
    /// Explained scores.
    pub scores: IndexMap<String, Score>,
    /// Multi-touch attributions; their tables are among `tables`.
    pub attributions: IndexMap<String, Attribution>,
    /// KPI definitions.
    pub kpis: IndexMap<String, Kpi>,
    /// Conditions that are looked at in every run.
    pub alerts: IndexMap<String, Alert>,
    /// What is published.
    pub marts: IndexMap<String, Mart>,
    /// Where new alerts are sent.
    pub deliveries: IndexMap<String, Delivery>,
    /// What runs together.
    pub pipelines: IndexMap<String, Pipeline>,
    /// Patterns of the files with unit tests, relative to the project.
    pub tests: Vec<Spanned<String>>,
}

impl Project {
    /// The entity whose dimensions KPIs are cut by: the first one without a parent that has dimensions, else the first
    /// one without a parent.
    #[must_use]
    pub fn cube_root(&self) -> Option<&Entity> {
        let mut roots = self.entities.values().filter(|entity| entity.parent.is_none());
        let first = roots.clone().next();
        roots.find(|entity| !entity.dimensions.is_empty()).or(first)
    }

    /// How many tables are defined as such, those of attributions aside.
    #[must_use]
    pub fn defined_tables(&self) -> usize {
        self.tables.values().filter(|table| !matches!(table.body, TableBody::Attribution { .. })).count()
    }

    /// The entity whose touches and conversions an attribution puts together.
    #[must_use]
    pub fn attributed_entity(&self, attribution: &Attribution) -> Option<&Entity> {
        match &attribution.per {
            Some(per) => self.entities.get(&per.value),
            None => self.cube_root(),
        }
    }
}

/// A value with the place where it stands in YAML.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// A job file: the definitions of one KPI family.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job's name, unique in the project.
    pub name: String,
    /// English and French title.
    pub title: Title,
    /// What the family is about.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// What makes it a region's or business unit's own.
    pub pack: Option<Pack>,
    /// Place of the job's name.
    pub span: Span,
}

/// What makes a job a local pack: all that it defines bears a prefix, and its KPIs hold in a scope.
#[derive(Debug, Clone)]
pub struct Pack {
    /// What all names of the job begin with.
    pub prefix: Spanned<String>,
    /// Dimension → value.
    pub scope: IndexMap<String, Spanned<String>>,
}

/// English and French title.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Title {
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

/// What a fact is `per`: account, contact, opportunity, …
#[derive(Debug, Clone)]
pub struct Entity {
    /// The entity's name.
    pub name: String,
    /// The column that identifies it (`account_id`).
    pub key: String,
    /// The snapshot source that lists its members; an entity without one has only the rows that its facts have.
    pub snapshot: Option<Spanned<String>>,
    /// The entity that it belongs to, whose key its rows carry too and whose dimensions it has.
    pub parent: Option<Spanned<String>>,
    /// Columns of the snapshot that KPIs are cut by. Only a root entity (one without a parent) has them.
    pub dimensions: Vec<Spanned<String>>,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// A mergeable reduction of an events source, computed per file.
#[derive(Debug, Clone)]
pub struct Rollup {
    /// The rollup's name.
    pub name: String,
    /// The events source that it reduces.
    pub from: Spanned<String>,
    /// Rows that count.
    pub filter: Option<SqlExpr>,
    /// Group keys: output column → expression. `bucket(t)` is the first day of the finest stretch of time that the run's periods and windows tell apart.
    pub by: IndexMap<String, SqlExpr>,
    /// Measures: output column → one of `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)`, each with an optional `filter (where …)`.
    pub measures: IndexMap<String, SqlExpr>,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// A SQL `SELECT`, or rows that the project itself holds.
#[derive(Debug, Clone)]
pub struct Table {
    /// The table's name.
    pub name: String,
    /// Where its rows come from.
    pub body: TableBody,
    /// Once, or anew for every month or period with snapshots as they were then.
    pub for_each: ForEach,
    /// Inputs of which only the rows of that month or period are seen (with `for_each`).
    pub during: Vec<Spanned<String>>,
    /// The column that facts go by.
    pub time: Option<Spanned<String>>,
    /// Conversion to the reporting currency.
    pub money: Option<Money>,
    /// Columns that identify a row, where declared; checked.
    pub key: Vec<Spanned<String>>,
    /// Inputs of its query of which several rows are meant to meet one row of those before.
    pub fans_out: Vec<Spanned<String>>,
    /// The table with which its sums agree, where it divides up what another one holds; checked in every run.
    pub reconciles: Option<Reconciles>,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

impl Table {
    /// The sources, rollups and tables that it is computed from.
    #[must_use]
    pub fn reads<'a>(&'a self, project: &'a Project) -> Vec<&'a Spanned<String>> {
        match &self.body {
            TableBody::Sql(sql) => sql.reads.iter().collect(),
            TableBody::Attribution { of, .. } => {
                project.attributions.get(of).map(Attribution::reads).into_iter().flatten().collect()
            }
            TableBody::Rows { .. } => Vec::new(),
        }
    }
}

/// Sums that agree with those of another table.
#[derive(Debug, Clone)]
pub struct Reconciles {
    /// The other table.
    pub with: Spanned<String>,
    /// Columns of both whose values the sums are per.
    pub by: Vec<Spanned<String>>,
    /// The columns that are summed.
    pub columns: Vec<Spanned<String>>,
}

/// Where a table's rows come from.
#[derive(Debug, Clone)]
pub enum TableBody {
    /// A query over sources, rollups and other tables.
    Sql(SqlQuery),
    /// A table of an attribution.
    Attribution {
        /// The attribution.
        of: String,
        /// Which of its tables.
        part: AttributionPart,
    },
    /// Reference data of the project (inline or from a CSV file), already typed by its columns.
    Rows {
        /// Column name → contract.
        columns: IndexMap<String, Column>,
        /// Rows, each with a value per column in the order of `columns`.
        rows: Vec<Vec<Literal>>,
        /// Place of each row.
        places: Vec<Span>,
    },
}

/// A value of a reference table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Literal {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// Integer.
    Integer(i64),
    /// Float.
    Number(f64),
    /// Text; dates too, as `YYYY-MM-DD`.
    String(String),
}

/// How often a table is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForEach {
    /// Once per run, over the newest snapshots.
    Run,
    /// Once per calendar month; the results are put together.
    Month,
    /// Once per period of every grain, seen only inside that period.
    Period,
}

/// Columns that are converted to the reporting currency at the rate of a day.
#[derive(Debug, Clone)]
pub struct Money {
    /// Columns with amounts.
    pub columns: Vec<Spanned<String>>,
    /// Column with the ISO 4217 code.
    pub currency: Spanned<String>,
    /// Date or timestamp column whose day's rate counts.
    pub on: Spanned<String>,
}

/// Measures per entity and period.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The fact's name.
    pub name: String,
    /// The entity.
    pub per: Spanned<String>,
    /// What it measures.
    pub from: FactInput,
    /// Flow, stock, trailing window, state.
    pub kind: FactKind,
    /// The column that says when (flow, trailing); default: the table's.
    pub time: Option<Spanned<String>>,
    /// Rows that count.
    pub filter: Option<SqlExpr>,
    /// Of the rows that fall in the period, only the last one of each key counts.
    pub keep_last: Option<KeepLast>,
    /// The finest grain at which the fact means something.
    pub grain: Option<Grain>,
    /// Dimension → column of the input, for rows that have no entity (or one that no snapshot knows).
    pub dimensions: IndexMap<String, Spanned<String>>,
    /// Measure → expression: an aggregate over the input's rows, or (state) an expression over the snapshot's columns.
    pub measures: IndexMap<String, SqlExpr>,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// Where a fact's rows come from.
#[derive(Debug, Clone)]
pub enum FactInput {
    /// A source, rollup or table.
    Table(Spanned<String>),
    /// The facts of a finer entity, summed up to this one.
    Entity(Spanned<String>),
}

/// How a fact relates to a period.
#[derive(Debug, Clone)]
pub enum FactKind {
    /// Rows whose time lies inside the period.
    Flow,
    /// Rows alive at the period's end: `from` before it, `to` null or not before it.
    Stock {
        /// Column with the begin.
        from: Spanned<String>,
        /// Column with the end.
        to: Spanned<String>,
    },
    /// Rows whose time lies in a fixed span back from the period's end.
    Trailing(Window),
    /// The entity's snapshot as it was, one row each; measures are plain expressions.
    State,
}

/// A fixed span back from a period's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Days.
    Days(u16),
    /// Calendar months.
    Months(u16),
}

/// Deduplication inside a period.
#[derive(Debug, Clone)]
pub struct KeepLast {
    /// Columns of the key; a row with a null in it stands for itself.
    pub by: Vec<Spanned<String>>,
    /// The column whose greatest value wins.
    pub order: Spanned<String>,
}

/// Period grains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// A day of the reporting time zone.
    Day,
    /// Monday to Sunday.
    Week,
    /// Calendar month.
    Month,
    /// Calendar quarter.
    Quarter,
    /// Calendar year.
    Year,
    /// Quarter of the fiscal calendar.
    FiscalQuarter,
    /// Year of the fiscal calendar.
    FiscalYear,
}

/// An explained score per entity and period.
#[derive(Debug, Clone)]
pub struct Score {
    /// The score's name; a fact of this name has `score`, each component and `band`.
    pub name: String,
    /// The entity.
    pub per: Spanned<String>,
    /// A `for_each: period` table of signals.
    pub from: Spanned<String>,
    /// The column that names a row's signal.
    pub signal: Spanned<String>,
    /// Component → weight and measure.
    pub components: IndexMap<String, Component>,
    /// Bands of the score.
    pub bands: Option<Bands>,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// One addend of a score.
#[derive(Debug, Clone)]
pub struct Component {
    /// Factor of the measure in the score.
    pub weight: f64,
    /// Aggregate over the signals of an entity.
    pub measure: SqlExpr,
    /// Whether the measure adds up over signals, so that each signal's contribution is kept.
    pub by_signal: bool,
    /// Place of its name.
    pub span: Span,
}

/// Bands of a score by a dimension of the entity: hot above `hot`, cold below `warm`, warm between.
#[derive(Debug, Clone)]
pub struct Bands {
    /// The dimension whose value chooses the thresholds.
    pub by: Spanned<String>,
    /// Thresholds where the dimension's value has none of its own.
    pub default: Thresholds,
    /// Value of the dimension → thresholds.
    pub thresholds: IndexMap<String, Thresholds>,
    /// How thresholds are estimated from the data, where they are.
    pub adaptive: Option<Adaptive>,
}

/// Thresholds that follow the scores of the last twelve months.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Adaptive {
    /// Share of the scores below the hot threshold.
    pub hot: f64,
    /// Share of the scores below the warm threshold.
    pub warm: f64,
    /// Scores below which nothing is estimated.
    pub at_least: u32,
    /// Whether what was estimated is used, instead of only shown.
    pub apply: bool,
}

/// Limits between bands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Thresholds {
    /// Above it: hot.
    pub hot: f64,
    /// Below it: cold.
    pub warm: f64,
}

/// A SQL expression with its place.
#[derive(Debug, Clone)]
pub struct SqlExpr {
    /// The text as written (variables filled in).
    pub text: String,
    /// Place of the text.
    pub span: Span,
    /// Where each byte of the text stands in its file.
    pub map: TextMap,
    /// Parsed.
    pub ast: ast::Expr,
}

/// A SQL query with its place.
#[derive(Debug, Clone)]
pub struct SqlQuery {
    /// The text as written (variables filled in).
    pub text: String,
    /// Place of the text.
    pub span: Span,
    /// Where each byte of the text stands in its file.
    pub map: TextMap,
    /// Parsed.
    pub ast: Box<ast::Query>,
    /// Names of the tables that it reads, each once, without those its own `with` defines.
    pub reads: Vec<Spanned<String>>,
}
