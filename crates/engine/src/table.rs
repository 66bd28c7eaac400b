//! SQL tables: for the run, month by month, or inside a period.

use abmart_spec::model::{AttributionPart, ForEach, Reconciles, Spanned, Table, TableBody};
use polars::prelude::*;

use crate::attribution::{self, Attributed, Made};
use crate::codes;
use crate::context::Context;
use crate::error::EngineError;
use crate::input::reference;
use crate::money;
use crate::scope::{Frames, Scope};
use crate::sql::{aggregate, query};

/// Evaluates a table in a scope.
///
/// # Errors
/// When the query does not fit its inputs, or money cannot be converted.
pub fn evaluate(table: &Table, scope: &Scope<'_>) -> Result<DataFrame, EngineError> {
    let _timed = tracing::debug_span!("table", name = table.name).entered();
    let located = |error: EngineError| error.at(format!("table `{}`", table.name), table.span);
    match &table.body {
        TableBody::Rows { columns, rows, .. } => {
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
        TableBody::Attribution { of, .. } => {
            Err(located(EngineError::Attribution(format!("the tables of attribution `{of}` are made together"))))
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
        if let TableBody::Attribution { of, .. } = &table.body {
            if !frames.has_table(&table.name) {
                attributed(of, context, frames)?;
            }
            context.advance(1);
            continue;
        }
        let scope = Scope::of_run(context.project, context.plan, frames);
        let rows = match table.for_each {
            ForEach::Run => evaluate(table, &scope)?,
            ForEach::Month => month_by_month(table, context, &scope)?,
            ForEach::Period => continue,
        };
        frames.tables.insert(table.name.clone(), rows);
        reconcile(table, &Scope::of_run(context.project, context.plan, frames))?;
        context.advance(1);
    }
    Ok(())
}

/// All tables of an attribution that the project has, for they come of the same journeys.
///
/// # Errors
/// As [`attribution::attribute`].
pub fn attributed(name: &str, context: &Context<'_>, frames: &mut Frames) -> Result<(), EngineError> {
    let Some(attribution) = context.project.attributions.get(name) else { return Ok(()) };
    let parts: Vec<AttributionPart> = AttributionPart::ALL
        .iter()
        .copied()
        .filter(|part| context.project.tables.contains_key(&attribution.table(*part)))
        .collect();
    let Attributed { tables, findings } = attribution::attribute(attribution, &parts, frames, context)?;
    frames.findings.extend(findings);
    for (part, made) in tables {
        match made {
            Made::Whole(rows) => {
                frames.tables.insert(attribution.table(part), rows);
            }
            Made::Credit(credit) => {
                frames.credits.insert(attribution.table(part), credit);
            }
        }
    }
    Ok(())
}

/// Half a cent: sums of a currency that differ by less are the same money.
const TOLERANCE: f64 = 0.005;

/// Whether a table holds the amounts that it divides up.
///
/// # Errors
/// [`EngineError::Unreconciled`] where a sum differs by half a cent or more; Polars' own where a column is missing.
pub fn reconcile(table: &Table, scope: &Scope<'_>) -> Result<(), EngineError> {
    let Some(Reconciles { with, by, columns }) = &table.reconciles else { return Ok(()) };
    let located = |error: EngineError| error.at(format!("table `{}`", table.name), with.span);
    let names = |list: &[Spanned<String>]| list.iter().map(|name| col(name.value.as_str())).collect::<Vec<_>>();
    let sums = |name: &str, side: &str| -> Result<LazyFrame, EngineError> {
        let sum = |name: &Spanned<String>| {
            aggregate::from_fixed(aggregate::to_fixed(col(name.value.as_str())).sum())
                .alias(format!("{side} {}", name.value))
        };
        let sums: Vec<Expr> = columns.iter().map(sum).collect();
        Ok(codes::as_text(scope.rows(name, false)?, |_| true)?.group_by(names(by)).agg(sums))
    };
    let how = JoinArgs { coalesce: JoinCoalesce::CoalesceColumns, nulls_equal: true, ..JoinArgs::new(JoinType::Full) };
    let both = || -> Result<DataFrame, EngineError> {
        Ok(sums(&table.name, "here")?.join(sums(&with.value, "there")?, names(by), names(by), how.clone()).collect()?)
    };
    let both = both().map_err(located)?;
    for column in columns {
        let side = |side: &str| col(format!("{side} {}", column.value)).fill_null(lit(0.0));
        let differing = both
            .clone()
            .lazy()
            .filter((side("here") - side("there")).abs().gt_eq(lit(TOLERANCE)))
            .sort_by_exprs(names(by), SortMultipleOptions::default())
            .collect()?;
        if differing.height() == 0 {
            continue;
        }
        let value = |name: &str| Ok::<_, PolarsError>(differing.column(name)?.get(0)?.str_value().into_owned());
        let place = by.iter().map(|name| Ok(format!("{} {}", name.value, value(&name.value)?)));
        let place = place.collect::<Result<Vec<_>, PolarsError>>()?.join(", ");
        let problem = format!(
            "the sum of `{}` for {place} is {} here and {} there; {} sums differ",
            column.value,
            value(&format!("here {}", column.value))?,
            value(&format!("there {}", column.value))?,
            differing.height(),
        );
        return Err(located(EngineError::Unreconciled { with: with.value.clone(), problem }));
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
