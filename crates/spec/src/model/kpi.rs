//! KPIs.

use indexmap::IndexMap;
use serde::Serialize;

use super::{Grain, Spanned, SqlExpr, Title};
use crate::diagnostic::Span;

/// One definition of one KPI.
#[derive(Debug, Clone)]
pub struct Kpi {
    /// The KPI's id.
    pub name: String,
    /// English and French title.
    pub title: Title,
    /// The definition in words.
    pub description: String,
    /// Aggregates over `fact.measure` and names of other KPIs, combined.
    pub formula: SqlExpr,
    /// Unit of the value.
    pub unit: Unit,
    /// The direction that is good.
    pub better: Better,
    /// Who reads it.
    pub level: Vec<String>,
    /// How often it is reviewed.
    pub cadence: String,
    /// Who answers for it.
    pub owner: String,
    /// Version of the definition.
    pub version: u32,
    /// Where a local KPI holds: dimension → value. A core KPI holds everywhere.
    pub scope: IndexMap<String, String>,
    /// Whether it is global and protected, not a local pack's own.
    pub core: bool,
    /// Program styles it is meant for.
    pub styles: Vec<String>,
    /// Benchmark without scope.
    pub benchmark: Option<Benchmark>,
    /// The grains it exists at, where not all that its facts have.
    pub grains: Vec<Grain>,
    /// A dimension that the formula itself compares; the value is null where the cut holds it.
    pub compares: Option<Spanned<String>>,
    /// The dimensions that it can be cut by, where not all; the value is null where the cut holds another one.
    pub cuts: Vec<Spanned<String>>,
    /// Cohort KPIs: members whose window is not over yet.
    pub immature: Option<SqlExpr>,
    /// Cohort KPIs: the value over mature members only.
    pub mature: Option<SqlExpr>,
    /// False: a building block that other formulas name and no mart shows.
    pub published: bool,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// Unit of a KPI's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Number of things.
    Count,
    /// Reporting currency.
    Money,
    /// Share, stored as a fraction (0.4 is 40 %).
    Percent,
    /// Quotient.
    Ratio,
    /// Points.
    Score,
    /// Days with fraction.
    Days,
    /// Hours with fraction.
    Hours,
    /// Seconds with fraction.
    Seconds,
}

impl Unit {
    /// The unit's name in YAML and in marts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Money => "money",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::Score => "score",
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Seconds => "seconds",
        }
    }
}

/// The direction that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// Limits between `alarm`, `low`, `healthy` and `strong`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Benchmark {
    /// Worse than this: alarm.
    pub alarm: Option<f64>,
    /// At least this good: healthy.
    pub healthy: Option<f64>,
    /// At least this good: strong.
    pub strong: Option<f64>,
}
