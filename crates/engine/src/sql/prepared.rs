//! Several aggregates over one input: each argument and condition computed once, then all aggregates in one pass.

use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use super::aggregate::{self, Aggregate, AggregateKind};
use crate::error::EngineError;

/// Aggregates with the columns that they need.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// Distinct arguments and conditions, by the column that holds them.
    inputs: Vec<(String, Sql)>,
    outputs: Vec<Output>,
}

#[derive(Debug, Clone)]
struct Output {
    column: String,
    kind: AggregateKind,
    value: Option<String>,
    filter: Option<String>,
}

impl Prepared {
    /// Prepares aggregates, each under the name of its result.
    pub fn new<'a>(aggregates: impl IntoIterator<Item = (String, &'a Aggregate)>) -> Self {
        let mut prepared = Self::default();
        for (column, aggregate) in aggregates {
            let value = aggregate.argument.as_ref().map(|sql| prepared.input(sql));
            let filter = aggregate.filter.as_ref().map(|sql| prepared.input(sql));
            prepared.outputs.push(Output { column, kind: aggregate.kind, value, filter });
        }
        prepared
    }

    /// Groups rows by plain columns and computes the aggregates as values, by the names of their results.
    ///
    /// Rows may come in parts: where the aggregates merge, each part is grouped on its own and the results are merged,
    /// so that memory holds one part at a time.
    ///
    /// # Errors
    /// When an aggregate does not fit its argument.
    pub fn group(&self, mut parts: Vec<LazyFrame>, by: &[Expr]) -> Result<LazyFrame, EngineError> {
        if parts.len() > 1 && !self.outputs.iter().all(|output| output.kind.decomposable()) {
            parts = vec![concat(parts, UnionArgs::default())?];
        }
        let Some(first) = parts.first_mut() else { return Ok(DataFrame::empty().lazy()) };
        let schema = first.collect_schema()?;
        let grouped = |rows: LazyFrame, aggregates: Vec<Expr>| match (by, aggregates.is_empty()) {
            ([], _) => rows.select(aggregates),
            (_, true) => rows.select(by).unique(None, UniqueKeepStrategy::Any),
            _ => rows.group_by(by).agg(aggregates),
        };
        let merged = if parts.len() == 1 {
            grouped(parts.swap_remove(0), self.partials(&schema))
        } else {
            let partials = parts
                .into_iter()
                .map(|part| Ok(grouped(part, self.partials(&schema)).collect()?.lazy()))
                .collect::<Result<Vec<_>, PolarsError>>()?;
            grouped(concat(partials, UnionArgs { rechunk: false, ..UnionArgs::default() })?, self.merged())
        };
        Ok(merged.with_columns(self.finished(&schema)))
    }

    /// The expressions to select, with the names under which the aggregates look for them.
    pub fn inputs(&self) -> impl Iterator<Item = (String, Sql)> {
        self.inputs.iter().cloned()
    }

    /// The aggregates over a frame of this schema; sums of floats in fixed point.
    pub fn partials(&self, schema: &Schema) -> Vec<Expr> {
        self.outputs
            .iter()
            .map(|output| {
                let (value, filter) = (output.value.clone().map(col), output.filter.clone().map(col));
                aggregate::partial(output.kind, value, filter, output.dtype(schema)).alias(output.column.as_str())
            })
            .collect()
    }

    /// Merges results of parts of the rows.
    pub fn merged(&self) -> Vec<Expr> {
        let merge = |output: &Output| aggregate::merge(output.kind, col(output.column.as_str()));
        self.outputs.iter().map(|output| merge(output).alias(output.column.as_str())).collect()
    }

    /// Turns the results over a frame of this schema into values.
    pub fn finished(&self, schema: &Schema) -> Vec<Expr> {
        self.outputs
            .iter()
            .map(|output| {
                let result = col(output.column.as_str());
                aggregate::finish(output.kind, result, output.dtype(schema)).alias(output.column.as_str())
            })
            .collect()
    }

    /// What a group without rows has: 0 for sums and counts, null for the others.
    pub fn zeros(&self) -> Vec<Expr> {
        let zero = |output: &&Output| output.kind.zero_when_empty();
        self.outputs.iter().filter(zero).map(|output| col(output.column.as_str()).fill_null(lit(0))).collect()
    }

    fn input(&mut self, sql: &Sql) -> String {
        if let Some((name, _)) = self.inputs.iter().find(|(_, known)| known == sql) {
            return name.clone();
        }
        let name = format!("x{}#", self.inputs.len());
        self.inputs.push((name.clone(), sql.clone()));
        name
    }
}

impl Output {
    fn dtype<'a>(&self, schema: &'a Schema) -> Option<&'a DataType> {
        schema.get(self.value.as_ref()?.as_str())
    }
}
