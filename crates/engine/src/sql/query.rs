//! A parsed query or a list of expressions, run over lazy frames by Polars' SQL front end.

use polars::prelude::*;
use polars::sql::SQLContext;
use sqlparser::ast::{self, Expr as Sql, Ident};

use super::rewrite::{self, Clock};
use super::select::{Rows, Session};
use crate::codes;
use crate::error::EngineError;

/// Runs a query over the rows that `tables` names.
///
/// # Errors
/// When the query holds what cannot be rewritten, or Polars refuses it (unknown column, clash of types).
pub fn run<'a>(
    query: &ast::Query,
    tables: impl IntoIterator<Item = (&'a str, impl Into<Rows>)>,
    clock: &Clock,
) -> Result<LazyFrame, EngineError> {
    let mut query = query.clone();
    rewrite::query(&mut query, clock)?;
    let inputs = tables.into_iter().map(|(name, rows)| (name, rows.into())).collect();
    codes::or_as_text(inputs, |inputs| {
        let mut session = Session::default();
        for (name, rows) in inputs {
            session.register(name, rows)?;
        }
        session.run(query.clone())
    })
}

/// Selects named expressions of the rows that fulfil the filter.
///
/// # Errors
/// As [`run`].
pub fn project(
    input: LazyFrame,
    columns: impl IntoIterator<Item = (String, Sql)>,
    filter: Option<&Sql>,
    clock: &Clock,
) -> Result<LazyFrame, EngineError> {
    let mut items = Vec::new();
    for (alias, expr) in columns {
        items.push(format!("{} AS \"{alias}\"", ready(expr, clock)?));
    }
    let mut text = format!("SELECT {} FROM input", items.join(", "));
    if let Some(filter) = filter {
        text = format!("{text} WHERE {}", ready(filter.clone(), clock)?);
    }
    over_input(input, &text)
}

/// The rows that fulfil a condition, all columns.
///
/// # Errors
/// As [`run`].
pub fn filter(input: LazyFrame, condition: Option<&Sql>, clock: &Clock) -> Result<LazyFrame, EngineError> {
    let Some(condition) = condition else { return Ok(input) };
    over_input(input, &format!("SELECT * FROM input WHERE {}", ready(condition.clone(), clock)?))
}

fn over_input(input: LazyFrame, text: &str) -> Result<LazyFrame, EngineError> {
    codes::or_as_text(vec![("input", Rows::Whole(input))], |inputs| {
        let mut context = SQLContext::new();
        for (name, rows) in inputs {
            context.register(name, rows.whole()?);
        }
        Ok(context.execute(text)?)
    })
}

/// A column of a frame as SQL.
pub fn column(name: &str) -> Sql {
    Sql::Identifier(Ident::with_quote('"', name))
}

/// `fact.measure` is the column of that name, not a column of a table.
fn ready(mut expr: Sql, clock: &Clock) -> Result<Sql, EngineError> {
    let _ = ast::visit_expressions_mut(&mut expr, |node| {
        if let Sql::CompoundIdentifier(parts) = node {
            let name = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
            *node = column(&name);
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    rewrite::expression(&mut expr, clock)?;
    Ok(expr)
}
