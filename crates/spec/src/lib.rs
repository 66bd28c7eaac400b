//! What a project says: YAML → typed definitions with their places.
//!
//! ```text
//! pipelines.yaml ─┐
//! jobs/*.yaml ────┼─ syntax ──▶ tree ── grammar ──▶ shape ── decode ──▶ definitions ── resolve ──▶ Project
//! reference CSV ──┘   parse,            keys,               SQL,                       names, cycles,
//!                     variables         types               rows                       aggregates, units
//! ```
//!
//! [`load`] goes all the way and reports everything that is wrong in all files at once. What it gives is complete
//! and consistent, except for the columns inside of SQL: those are known once an engine has built the queries,
//! which reports them as [`diagnostic::Diagnostic`]s too, placed by [`sql::locate`].
//!
//! The grammar is data, from which also come the JSON Schema ([`json_schema`]) and the manual ([`language_markdown`]);
//! definitions give the KPI catalogue ([`kpi_markdown`]) and the contracts of the sources ([`source_markdown`]).

mod catalogue;
mod changes;
mod contracts;
mod decode;
pub mod diagnostic;
pub mod edit;
pub mod fingerprint;
mod grammar;
pub mod graph;
mod load;
pub mod model;
mod provenance;
mod resolve;
pub mod select;
pub mod sql;
mod syntax;
mod units;
pub mod written;

pub use catalogue::kpi_markdown;
pub use changes::Change;
pub use contracts::source_markdown;
pub use diagnostic::{Diagnostic, SourceMap, Span};
pub use grammar::{Document, Sql, is_sql_word, json_schema, language_markdown, sql_at};
pub use graph::{Definition, Graph, Node};
pub use load::{Edits, LoadError, job_files, load, load_edited, load_tests};
pub use model::Project;
pub use resolve::formula;
pub use select::{Selector, select};
pub use syntax::{TextMap, check_syntax};
