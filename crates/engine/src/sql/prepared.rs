//! Several aggregates over one input: each argument and condition computed once, then all aggregates in one pass.

use polars::prelude::*;
use sqlparser::ast::Expr as Sql;

use super::aggregate::{self, Aggregate, AggregateKind};
use crate::error::EngineError;
use crate::grouping::Groups;

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
    order: Option<String>,
    filter: Option<String>,
}

impl Prepared {
    /// Prepares aggregates, each under the name of its result.
    pub fn new<'a>(aggregates: impl IntoIterator<Item = (String, &'a Aggregate)>) -> Self {
        let mut prepared = Self::default();
        for (column, aggregate) in aggregates {
            let value = aggregate.argument.as_ref().map(|sql| prepared.input(sql));
            let order = aggregate.order.as_ref().map(|sql| prepared.input(sql));
            let filter = aggregate.filter.as_ref().map(|sql| prepared.input(sql));
            prepared.outputs.push(Output { column, kind: aggregate.kind, value, order, filter });
        }
        prepared
    }

    /// Aggregates whose results are there already, to be merged.
    pub fn of_results(results: impl IntoIterator<Item = (String, AggregateKind)>) -> Self {
        let output = |(column, kind)| Output { column, kind, value: None, order: None, filter: None };
        Self { inputs: Vec::new(), outputs: results.into_iter().map(output).collect() }
    }

    /// Groups rows by plain columns and computes the aggregates as values, by the names of their results.
    ///
    /// Rows may come in parts: where the aggregates merge, each part is grouped on its own and the results are merged,
    /// so that memory holds one part at a time.
    ///
    /// # Errors
    /// When an aggregate does not fit its argument.
    pub fn group(
        &self,
        parts: impl IntoIterator<Item = Result<LazyFrame, EngineError>>,
        by: &[String],
    ) -> Result<DataFrame, EngineError> {
        let mut parts = parts.into_iter();
        if !self.merges() {
            let all = parts.collect::<Result<Vec<_>, _>>()?;
            let mut all = if let [one] = all.as_slice() { one.clone() } else { concat(all, UnionArgs::default())? };
            let schema = all.collect_schema()?;
            return self.finish(self.partials(all, by)?, &schema);
        }
        let Some(first) = parts.next() else { return Ok(DataFrame::empty()) };
        let mut first = first?;
        let schema = first.collect_schema()?;
        let mut partials = vec![self.partials(first, by)?];
        for part in parts {
            partials.push(self.partials(part?, by)?);
            // Parts that share most of their groups are not kept side by side.
            let new: usize = partials.iter().skip(1).map(DataFrame::height).sum();
            if new > partials[0].height().max(1 << 18) {
                partials = vec![self.merge(partials, by)?];
            }
        }
        self.finish(self.merge(partials, by)?, &schema)
    }

    /// The expressions to select, with the names under which the aggregates look for them.
    pub fn inputs(&self) -> impl Iterator<Item = (String, Sql)> {
        self.inputs.iter().cloned()
    }

    /// Groups rows and computes the aggregates; sums of floats come out in fixed point.
    ///
    /// # Errors
    /// When an aggregate does not fit its argument.
    pub fn partials(&self, mut rows: LazyFrame, by: &[String]) -> Result<DataFrame, EngineError> {
        if !by.is_empty() && self.merges() {
            let collected = rows.collect()?;
            if let Some(groups) = grouped(&collected, by, &self.outputs)? {
                return Ok(groups);
            }
            rows = collected.lazy();
        }
        let schema = rows.collect_schema()?;
        self.by_polars(rows, by, |output| {
            let [value, order, filter] =
                [&output.value, &output.order, &output.filter].map(|name| name.clone().map(col));
            let value = match (value, order) {
                (Some(value), Some(order)) => Some(aggregate::ordered(value, order)),
                (value, _) => value,
            };
            aggregate::partial(output.kind, value, filter, output.dtype(&schema))
        })
    }

    /// Merges results of parts of the rows.
    ///
    /// # Errors
    /// When the parts do not fit together.
    pub fn merge(&self, mut parts: Vec<DataFrame>, by: &[String]) -> Result<DataFrame, EngineError> {
        if parts.len() == 1 {
            return Ok(parts.swap_remove(0));
        }
        let union = UnionArgs { rechunk: false, ..UnionArgs::default() };
        self.merge_rows(concat(parts.into_iter().map(IntoLazy::lazy).collect::<Vec<_>>(), union)?.collect()?, by)
    }

    /// Merges results that lie in one frame.
    ///
    /// # Errors
    /// When the frame does not hold the results of these aggregates.
    pub fn merge_rows(&self, rows: DataFrame, by: &[String]) -> Result<DataFrame, EngineError> {
        let merged = |output: &Output| {
            let extreme = matches!(output.kind, AggregateKind::Min | AggregateKind::Max);
            let kind = if extreme { output.kind } else { AggregateKind::Sum };
            Output {
                kind,
                value: Some(output.column.clone()),
                order: None,
                filter: None,
                column: output.column.clone(),
            }
        };
        let merging = Self { inputs: Vec::new(), outputs: self.outputs.iter().map(merged).collect() };
        merging.partials(rows.lazy(), by)
    }

    /// Turns results over rows of this schema into values.
    ///
    /// # Errors
    /// When the results are not those of these aggregates.
    pub fn finish(&self, rows: DataFrame, schema: &Schema) -> Result<DataFrame, EngineError> {
        let changed = |output: &&Output| {
            output.kind == AggregateKind::StringList
                || output.kind == AggregateKind::Sum && output.dtype(schema).is_some_and(DataType::is_float)
        };
        let values: Vec<Expr> = self
            .outputs
            .iter()
            .filter(changed)
            .map(|output| {
                let result = col(output.column.as_str());
                aggregate::finish(output.kind, result, output.dtype(schema)).alias(output.column.as_str())
            })
            .collect();
        if values.is_empty() { Ok(rows) } else { Ok(rows.lazy().with_columns(values).collect()?) }
    }

    fn merges(&self) -> bool {
        self.outputs.iter().all(|output| output.kind.decomposable())
    }

    fn by_polars(
        &self,
        rows: LazyFrame,
        by: &[String],
        aggregate: impl Fn(&Output) -> Expr,
    ) -> Result<DataFrame, EngineError> {
        let keys: Vec<Expr> = by.iter().map(|name| col(name.as_str())).collect();
        let aggregates: Vec<Expr> =
            self.outputs.iter().map(|output| aggregate(output).alias(output.column.as_str())).collect();
        let grouped = match (by, aggregates.is_empty()) {
            ([], _) => rows.select(aggregates),
            (_, true) => rows.select(keys).unique(None, UniqueKeepStrategy::Any),
            _ => rows.group_by(keys).agg(aggregates),
        };
        Ok(grouped.collect()?)
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

/// Groups rows that are in memory; none where a type is left to Polars.
fn grouped(rows: &DataFrame, by: &[String], outputs: &[Output]) -> Result<Option<DataFrame>, EngineError> {
    let found = |name: &str| rows.column(name);
    for output in outputs {
        let dtype = output.value.as_deref().map(|name| Ok::<_, PolarsError>(found(name)?.dtype())).transpose()?;
        if !Groups::knows(output.kind, dtype) {
            return Ok(None);
        }
    }
    let keys = by.iter().map(|name| found(name)).collect::<Result<Vec<_>, _>>()?;
    let Some(groups) = Groups::new(&keys)? else { return Ok(None) };
    let mut columns = keys.iter().map(|key| groups.key(key)).collect::<Result<Vec<_>, _>>()?;
    for output in outputs {
        let value = output.value.as_deref().map(found).transpose()?;
        let filter = output.filter.as_deref().map(found).transpose()?;
        columns.push(groups.aggregate(output.kind, value, filter)?.with_name(output.column.as_str().into()));
    }
    Ok(Some(DataFrame::new_infer_height(columns)?))
}

impl Output {
    fn dtype<'a>(&self, schema: &'a Schema) -> Option<&'a DataType> {
        schema.get(self.value.as_ref()?.as_str())
    }
}
