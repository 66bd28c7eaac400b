//! Sources and their contracts.

use indexmap::IndexMap;
use jiff::civil::Date;
use serde::Serialize;

use super::{Spanned, Window};
use crate::diagnostic::Span;

/// A Parquet dataset of the lake with its contract.
#[derive(Debug, Clone)]
pub struct Source {
    /// The source's name.
    pub name: String,
    /// Snapshot or events.
    pub kind: SourceKind,
    /// Path template below the lake: `touchpoints/ym={month}/*.parquet` or `accounts/dt={day}/*.parquet`.
    pub path: Spanned<String>,
    /// The column that says when the row happened (events).
    pub time: Option<Spanned<String>>,
    /// Columns that identify a row.
    pub key: Vec<Spanned<String>>,
    /// The contract's columns.
    pub columns: IndexMap<String, Column>,
    /// How long before the run's day the newest row or snapshot may lie.
    pub freshness: Option<Window>,
    /// How many rows there may be.
    pub row_count: Option<RowCount>,
    /// What becomes of the checks of the source as a whole.
    pub on_breach: OnBreach,
    /// Absent means empty.
    pub optional: bool,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// How a source's files relate to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A full copy per day.
    Snapshot,
    /// Append-mostly rows in date partitions.
    Events,
}

/// A column of a contract.
#[derive(Debug, Clone)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
    /// Whether null is a value.
    pub nullable: bool,
    /// The known values of an open enumeration.
    pub values: Vec<String>,
    /// Smallest value accepted.
    pub min: Option<f64>,
    /// Largest value accepted.
    pub max: Option<f64>,
    /// The snapshot source whose key the values are.
    pub references: Option<Spanned<String>>,
    /// The first day whose files have the column; in older ones it may be missing and is null then.
    pub since: Option<Spanned<Date>>,
    /// What becomes of a row that breaks a check.
    pub on_breach: OnBreach,
    /// Meaning.
    pub description: String,
    /// Place of its name.
    pub span: Span,
}

/// Types that a contract can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// 64-bit integer; narrower ones are widened.
    Integer,
    /// 64-bit float; `float32` and integers are widened.
    Number,
    /// Amount in the row's own currency: a float that cannot be summed before it is converted.
    Money,
    /// True or false.
    Boolean,
    /// A calendar day.
    Date,
    /// An instant in UTC.
    Timestamp,
}

/// What a broken check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row is used and counted as a finding.
    Warn,
    /// The row is set aside with its reason.
    Quarantine,
    /// The run stops before anything is published.
    Fail,
}

/// A check of a contract. It has one name everywhere: in `on_breach`, in the reasons of rows set aside, and in the mart
/// `data_quality`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// No null in a column where it is no value.
    NotNull,
    /// No infinity and no NaN.
    Finite,
    /// Between `min` and `max`.
    Range,
    /// One of `values`.
    AcceptedValues,
    /// The key of a row of another source.
    References,
    /// No key in two rows.
    Unique,
    /// The newest data is not too old.
    Freshness,
    /// As many rows as there should be.
    RowCount,
}

/// What becomes of data that breaks a check.
#[derive(Debug, Clone, Default)]
pub struct OnBreach {
    /// One severity, given for the rows of a column.
    pub rows: Option<Severity>,
    /// Severities that checks have of their own, each at its place.
    pub checks: IndexMap<Check, Spanned<Severity>>,
}

/// How many rows a source may have: of the newest snapshot, or of all events up to the run's day.
#[derive(Debug, Clone)]
pub struct RowCount {
    /// At least so many.
    pub min: Option<u64>,
    /// At most so many.
    pub max: Option<u64>,
    /// How far the number may be from that of the published day before, as a share of it.
    pub drift: Option<f64>,
    /// Place of its key.
    pub span: Span,
}

impl Source {
    /// What the check of the source as a whole leads to.
    #[must_use]
    pub fn severity(&self, check: Check) -> Severity {
        self.on_breach.own(check).unwrap_or(match check {
            Check::Unique => Severity::Quarantine,
            _ => Severity::Warn,
        })
    }

    /// The sources that its columns refer to, with the column that does.
    pub fn references(&self) -> impl Iterator<Item = (&Column, &Spanned<String>)> {
        self.columns.values().filter_map(|column| Some((column, column.references.as_ref()?)))
    }
}

impl Column {
    /// What becomes of a row that breaks the check. One severity for all rows is that of the range; of a missing value
    /// it can only make more than it is, which is `quarantine`.
    #[must_use]
    pub fn severity(&self, check: Check) -> Severity {
        let rows = self.on_breach.rows.unwrap_or(Severity::Quarantine);
        self.on_breach.own(check).unwrap_or(match check {
            Check::Range => rows,
            Check::NotNull | Check::Finite => rows.max(Severity::Quarantine),
            _ => Severity::Warn,
        })
    }

    /// Whether a file of a partition that begins on this day may lack the column.
    #[must_use]
    pub fn may_lack(&self, day: Date) -> bool {
        self.since.as_ref().is_some_and(|since| day < since.value)
    }
}

impl OnBreach {
    fn own(&self, check: Check) -> Option<Severity> {
        self.checks.get(&check).map(|severity| severity.value)
    }
}

impl Check {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::NotNull,
        Self::Finite,
        Self::Range,
        Self::AcceptedValues,
        Self::References,
        Self::Unique,
        Self::Freshness,
        Self::RowCount,
    ];

    /// The check's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotNull => "not_null",
            Self::Finite => "finite",
            Self::Range => "range",
            Self::AcceptedValues => "accepted_values",
            Self::References => "references",
            Self::Unique => "unique",
            Self::Freshness => "freshness",
            Self::RowCount => "row_count",
        }
    }
}

impl ColumnType {
    /// The type's name in contracts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Money => "money",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }
}

impl Severity {
    /// The severity's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Quarantine => "quarantine",
            Self::Fail => "fail",
        }
    }
}
