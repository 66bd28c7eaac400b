//! SQL tables: for the run, month by month, or inside a period.

use abmart_spec::model::{ForEach, Table, TableBody};
use polars::prelude::*;

use crate::codes;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::reference;
use crate::money;
use crate::scope::{Frames, Scope};
use crate::sql::query;

/// Evaluates a table in a scope.
///
/// # Errors
/// When the query does not fit its inputs, or money cannot be converted.
pub fn evaluate(table: &Table, scope: &Scope<'_>) -> Result<DataFrame, EngineError> {
    let _timed = tracing::debug_span!("table", name = table.name).entered();
    let located = |error: EngineError| error.at(format!("table `{}`", table.name), table.span);
    match &table.body {
        TableBody::Rows { columns, rows } => {
            let rows = reference::frame(columns, rows).map_err(located)?;
            Ok(codes::only_ids(scope.project, rows)?)
        }
        TableBody::Sql(sql) => {
            let compute = || {
                let mut inputs = Vec::new();
                for name in &sql.reads {
                    let during = table.during.iter().any(|restricted| restricted.value == name.value);
                    inputs.push((name.value.as_str(), scope.input(&name.value, during)?));
                }
                let rows = query::run(&sql.ast, inputs, &scope.clock())?;
                let rows = codes::only_ids(scope.project, rows)?;
                match &table.money {
                    Some(money) => money::convert(rows.lazy(), money, &table.name, scope),
                    None => Ok(rows),
                }
            };
            compute().map_err(located)
        }
    }
}

/// Whether the columns that a table names as its time and key are among its rows' columns.
///
/// # Errors
/// Polars' own for the first that is not.
pub fn declared_columns(table: &Table, rows: &DataFrame) -> Result<(), EngineError> {
    for name in table.time.iter().chain(&table.key) {
        rows.column(&name.value)
            .map_err(|error| EngineError::from(error).at(format!("table `{}`", table.name), name.span))?;
    }
    Ok(())
}

/// Evaluates tables one after the other, so that each finds those before it.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_all(tables: &[&Table], context: &Context<'_>, frames: &mut Frames) -> Result<(), EngineError> {
    for table in tables {
        context.check_interrupted()?;
        let scope = Scope::of_run(context.project, context.plan, frames);
        let rows = match table.for_each {
            ForEach::Run => evaluate(table, &scope)?,
            ForEach::Month => month_by_month(table, context, &scope)?,
            ForEach::Period => continue,
        };
        frames.tables.insert(table.name.clone(), rows);
        context.advance(1);
    }
    Ok(())
}

fn month_by_month(table: &Table, context: &Context<'_>, run: &Scope<'_>) -> Result<DataFrame, EngineError> {
    let parts = context.parallel(&run.plan.months(), |month| {
        let scope = Scope::of_period(run.project, run.plan, run.frames, *month);
        Ok(evaluate(table, &scope)?.lazy())
    })?;
    Ok(concat(parts, UnionArgs::default())?.collect()?)
}
