//! A parsed query or a list of expressions, run over lazy frames by Polars' SQL front end.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use polars::prelude::*;
use polars::sql::SQLContext;
use sqlparser::ast::{self, Expr as Sql, Ident};

use super::rewrite::{self, Clock};
use super::select::{Rows, Session};
use super::{execute, names};
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
) -> Result<DataFrame, EngineError> {
    let mut query = query.clone();
    rewrite::query(&mut query, clock)?;
    let inputs = tables.into_iter().map(|(name, rows)| (name, rows.into())).collect();
    let rows = or_as_text(inputs, &used_as_text(&query), |inputs| {
        let mut session = Session::default();
        for (name, rows) in inputs {
            session.register(name, rows)?;
        }
        // Some of what does not fit codes shows only when it is computed.
        Ok(session.run(query.clone())?.collect()?.lazy())
    })?;
    Ok(rows.collect()?)
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
    let (mut items, mut texts) = (Vec::new(), BTreeSet::new());
    for (alias, expr) in columns {
        texts.extend(used_as_text(&expr));
        items.push(format!("{} AS \"{alias}\"", ready(expr, clock)?));
    }
    let mut text = format!("SELECT {} FROM input", items.join(", "));
    if let Some(filter) = filter {
        texts.extend(used_as_text(filter));
        text = format!("{text} WHERE {}", ready(filter.clone(), clock)?);
    }
    over_input(input, &texts, &text)
}

/// The rows that fulfil a condition, all columns.
///
/// # Errors
/// As [`run`].
pub fn filter(input: LazyFrame, condition: Option<&Sql>, clock: &Clock) -> Result<LazyFrame, EngineError> {
    let Some(condition) = condition else { return Ok(input) };
    let text = format!("SELECT * FROM input WHERE {}", ready(condition.clone(), clock)?);
    over_input(input, &used_as_text(condition), &text)
}

fn over_input(input: LazyFrame, texts: &BTreeSet<String>, text: &str) -> Result<LazyFrame, EngineError> {
    or_as_text(vec![("input", Rows::Whole(input))], texts, |inputs| {
        let mut context = SQLContext::new();
        for (name, rows) in inputs {
            context.register(name, rows.whole()?);
        }
        Ok(execute(&mut context, text)?)
    })
}

/// Builds a query over coded inputs, or over their texts where it does not fit codes. What comes out under the name of a
/// coded column is coded again.
///
/// # Errors
/// Those of the query over texts, which are the ones that make sense to its author.
fn or_as_text(
    inputs: Vec<(&str, Rows)>,
    used_as_text: &BTreeSet<String>,
    build: impl Fn(Vec<(&str, Rows)>) -> Result<LazyFrame, EngineError>,
) -> Result<LazyFrame, EngineError> {
    let mut coded: Vec<(PlSmallStr, DataType)> = Vec::new();
    for (_, rows) in &inputs {
        let schema = rows.schema()?;
        let found = schema.iter().filter(|(_, found)| codes::is_coded(found));
        coded.extend(found.map(|(name, found)| (name.clone(), found.clone())));
    }
    if coded.is_empty() {
        return build(inputs);
    }
    if !coded.iter().any(|(name, _)| used_as_text.contains(name.as_str())) {
        let first = build(inputs.clone()).and_then(|mut rows| {
            rows.collect_schema()?;
            Ok(rows)
        });
        if first.is_ok() {
            return first;
        }
    }
    let texts =
        inputs.into_iter().map(|(name, rows)| Ok((name, rows.try_map(|rows| Ok(codes::as_text(rows, |_| true)?))?)));
    let mut rows = build(texts.collect::<Result<Vec<_>, EngineError>>()?)?;
    let schema = rows.collect_schema()?;
    let again = |name: &PlSmallStr| coded.iter().find(|(known, _)| known == name).map(|(_, dtype)| dtype.clone());
    let again: Vec<Expr> = schema
        .iter()
        .filter(|(_, found)| **found == DataType::String)
        .filter_map(|(name, _)| Some(col(name.clone()).cast(again(name)?)))
        .collect();
    Ok(if again.is_empty() { rows } else { rows.with_columns(again) })
}

/// Names inside of what only texts can be asked for: functions of texts, patterns, texts put together.
fn used_as_text(node: &impl ast::Visit) -> BTreeSet<String> {
    const OF_TEXTS: [&str; 28] = [
        "bit_length",
        "char_length",
        "character_length",
        "concat",
        "concat_ws",
        "contains",
        "ends_with",
        "initcap",
        "left",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "normalize",
        "octet_length",
        "regexp_like",
        "replace",
        "reverse",
        "right",
        "rpad",
        "rtrim",
        "split_part",
        "starts_with",
        "string_to_array",
        "strpos",
        "substr",
        "substring",
        "upper",
    ];
    let mut names = BTreeSet::new();
    let _ = ast::visit_expressions(node, |expr| {
        let of_texts = match expr {
            Sql::Function(function) => OF_TEXTS.contains(&function.name.to_string().to_ascii_lowercase().as_str()),
            Sql::BinaryOp { op, .. } => *op == ast::BinaryOperator::StringConcat,
            Sql::Like { .. }
            | Sql::ILike { .. }
            | Sql::SimilarTo { .. }
            | Sql::RLike { .. }
            | Sql::Substring { .. }
            | Sql::Trim { .. }
            | Sql::Position { .. } => true,
            _ => false,
        };
        if of_texts {
            names.extend(names::columns(expr).into_iter().map(|name| name.value));
        }
        ControlFlow::<()>::Continue(())
    });
    names
}

/// A column of a frame as SQL.
pub fn column(name: &str) -> Sql {
    Sql::Identifier(Ident::with_quote('"', name))
}

/// Polars' optimised plan of a query over the rows that `tables` names; of aggregates that its front end does not know, and
/// that are computed before it is asked, the plan of what is left.
///
/// # Errors
/// As [`run`].
pub fn plan<'a>(
    query: &ast::Query,
    tables: impl IntoIterator<Item = (&'a str, Rows)>,
    clock: &Clock,
) -> Result<String, EngineError> {
    let mut query = query.clone();
    rewrite::query(&mut query, clock)?;
    let (mut context, mut session) = (SQLContext::new(), Session::default());
    for (name, rows) in tables {
        // As text: whether ids stay codes is decided query by query.
        let rows = codes::as_text(rows.whole()?, |_| true)?;
        context.register(name, rows.clone());
        session.register(name, Rows::Whole(rows))?;
    }
    let whole = execute(&mut context, &query.to_string()).and_then(|rows| rows.describe_optimized_plan());
    match whole {
        Ok(plan) => Ok(plan),
        Err(_) => Ok(session.run(query)?.describe_optimized_plan()?),
    }
}

/// `fact.measure` is the column of that name, not a column of a table.
///
/// # Errors
/// As [`run`].
pub fn ready(mut expr: Sql, clock: &Clock) -> Result<Sql, EngineError> {
    let _ = ast::visit_expressions_mut(&mut expr, |node| {
        if let Sql::CompoundIdentifier(parts) = node {
            let name = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
            *node = column(&name);
        }
        ControlFlow::<()>::Continue(())
    });
    rewrite::expression(&mut expr, clock)?;
    Ok(expr)
}
