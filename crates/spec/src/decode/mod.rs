//! Second stage: syntax trees → typed definitions, one file per kind.
//!
//! The grammar has reported what does not fit by then, so decoding is silent about it: what is missing or of the
//! wrong type makes a definition incomplete, and an incomplete one is left out. Its name stays known, so that one
//! mistake does not make every use of the name a mistake as well.

mod alert;
mod attribution;
mod entity;
mod fact;
mod fields;
mod kpi;
mod mart;
mod names;
mod project;
mod rows;
mod score;
mod source;
mod table;
mod unit_test;

use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceMap};
use crate::model::{Job, Project, SqlExpr, SqlQuery};
use crate::sql;
use crate::syntax::{Entry, Node, Text, TextMap, Value};

pub(crate) use fields::Fields;
pub(crate) use names::{ENGINE_TABLES, Kind, Names};
pub(crate) use project::pipelines;
pub(crate) use unit_test::unit_tests;

/// Adds the definitions of a job file to the project.
pub(crate) fn job(node: &Node, stem: &str, decoder: &mut Decoder, project: &mut Project) {
    let Some(job) = project::job(node, stem, decoder) else {
        return;
    };
    let name = job.name.clone();
    project.jobs.insert(name, job.clone());
    macro_rules! definitions {
        ($($section:literal, $kind:expr, $into:ident, $decode:path;)*) => {$(
            for entry in node.get($section).map(Node::entries).unwrap_or_default() {
                if decoder.names.register($kind, &entry.key, decoder.diagnostics) {
                    if let Some(definition) = $decode(entry, &job, decoder) {
                        project.$into.insert(entry.key.value.clone(), definition);
                    }
                } else if let Some(pack) = &job.pack
                    && let Some(last) = decoder.diagnostics.last_mut().filter(|last| last.code == "duplicate-definition")
                {
                    let prefix = &pack.prefix.value;
                    last.help = Some(format!("a pack cannot redefine what there is; its own names begin with `{prefix}_`"));
                }
            }
        )*};
    }
    definitions! {
        "entities", Kind::Entity, entities, entity::decode;
        "sources", Kind::Source, sources, source::decode;
        "rollups", Kind::Rollup, rollups, source::decode_rollup;
        "tables", Kind::Table, tables, table::decode;
        "facts", Kind::Fact, facts, fact::decode;
        "scores", Kind::Score, scores, score::decode;
        "attributions", Kind::Attribution, attributions, attribution::decode;
        "kpis", Kind::Kpi, kpis, kpi::decode;
        "alerts", Kind::Alert, alerts, alert::decode;
        "marts", Kind::Mart, marts, mart::decode;
    }
    let attributions: Vec<_> =
        project.attributions.values().filter(|attribution| attribution.job == job.name).cloned().collect();
    for attribution in attributions {
        attribution::tables(&attribution, decoder, project);
    }
}

/// What decoding needs besides the tree.
pub(crate) struct Decoder<'a> {
    /// The folder of `pipelines.yaml`, below which reference files are.
    pub root: &'a Path,
    pub files: &'a mut SourceMap,
    pub names: &'a mut Names,
    pub diagnostics: &'a mut Vec<Diagnostic>,
}

impl Decoder<'_> {
    /// The SQL expression of a key.
    pub fn expression(&mut self, fields: Fields, key: &str) -> Option<SqlExpr> {
        self.expression_of(fields.get(key)?)
    }

    /// A node as a SQL expression.
    pub fn expression_of(&mut self, node: &Node) -> Option<SqlExpr> {
        let text = self.sql_text(node)?;
        self.report(sql::expression(text, node.span))
    }

    /// Column or measure → SQL expression.
    pub fn expressions(&mut self, fields: Fields, key: &str) -> Vec<(String, SqlExpr)> {
        let entries = fields.entries(key);
        entries.iter().filter_map(|Entry { key, node }| Some((key.value.clone(), self.expression_of(node)?))).collect()
    }

    /// The query of a key.
    pub fn query(&mut self, fields: Fields, key: &str) -> Option<SqlQuery> {
        let node = fields.get(key)?;
        let text = self.sql_text(node)?;
        self.report(sql::query(text, node.span))
    }

    fn report<T>(&mut self, result: Result<T, Box<Diagnostic>>) -> Option<T> {
        result.map_err(|diagnostic| self.diagnostics.push(*diagnostic)).ok()
    }

    /// SQL is text, but `1` and `true` are SQL too.
    fn sql_text(&self, node: &Node) -> Option<Text> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => {
                let written = self.files.text(node.span);
                // Where a variable stands alone, the number is what it stands for.
                let value = match &node.value {
                    Value::Integer(value) if written.starts_with('$') => value.to_string(),
                    Value::Number(value) if written.starts_with('$') => value.to_string(),
                    Value::Boolean(value) if written.starts_with('$') => value.to_string(),
                    _ => written.to_owned(),
                };
                Some(Text { map: TextMap::at(node.span.start), value, plain: true })
            }
            _ => None,
        }
    }
}

/// The job that a definition belongs to, as definitions name it.
fn job_name(job: &Job) -> String {
    job.name.clone()
}
