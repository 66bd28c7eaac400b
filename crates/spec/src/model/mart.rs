//! Marts.

use indexmap::IndexMap;

use super::{Grain, Spanned, SqlExpr, SqlQuery};
use crate::diagnostic::Span;

/// What is published.
#[derive(Debug, Clone)]
pub struct Mart {
    /// The mart's name: its folder.
    pub name: String,
    /// Where its rows come from.
    pub body: MartBody,
    /// Columns that identify a row.
    pub key: Vec<Spanned<String>>,
    /// Inputs of its query of which several rows are meant to meet one row of those before.
    pub fans_out: Vec<Spanned<String>>,
    /// Sort order.
    pub sort: Vec<Spanned<String>>,
    /// Rows that are published, of a table; none: all.
    pub filter: Option<SqlExpr>,
    /// Whom it is for, where it shows only a part.
    pub audience: Option<String>,
    /// Grains of the entity tables that its SQL reads; empty: all of the pipeline.
    pub grains: Vec<Grain>,
    /// How it is published.
    pub format: MartFormat,
    /// Documentation of columns.
    pub columns: IndexMap<String, MartColumn>,
    /// What it holds.
    pub description: String,
    /// The job that defines it.
    pub job: String,
    /// Place of its name.
    pub span: Span,
}

/// Where a mart's rows come from.
#[derive(Debug, Clone)]
pub enum MartBody {
    /// A table that the engine makes: `kpi_values`, `kpi_catalog`, `data_quality`, `<score>_signals`, or a table's name.
    From(Spanned<String>),
    /// A query over those, over tables, and over entities (`account`: every account × period with `<fact>_<measure>` columns).
    Sql(SqlQuery),
}

impl Mart {
    /// The names that it reads.
    pub fn reads(&self) -> impl Iterator<Item = &Spanned<String>> {
        match &self.body {
            MartBody::From(table) => std::slice::from_ref(table).iter(),
            MartBody::Sql(sql) => sql.reads.iter(),
        }
    }
}

/// How a mart is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MartFormat {
    /// Parquet files under stable paths, replaced in place.
    Parquet,
    /// A Delta table.
    Delta,
}

/// Documentation of a mart's column.
#[derive(Debug, Clone)]
pub struct MartColumn {
    /// Meaning.
    pub description: String,
    /// Unit, where it has one.
    pub unit: Option<String>,
    /// Whether null is never published.
    pub not_null: bool,
    /// Place of its name.
    pub span: Span,
}
