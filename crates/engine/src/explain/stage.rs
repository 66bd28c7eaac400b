//! What becomes of a definition on its way to Polars: its SQL as Polars gets it, and Polars' plan of it.

use abmart_plan::calendar::Period;
use abmart_spec::Node;
use abmart_spec::model::{FactInput, Grain, Kpi, Project, SqlExpr, TableBody};
use jiff::civil::Date;
use sqlparser::ast::Expr as Sql;

use crate::check::{SOME_DAY, over_empty_frames};
use crate::error::EngineError;
use crate::measure::fact::keys_of;
use crate::sql::rewrite::{self, Clock};
use crate::sql::{aggregate, query};

/// The SQL of a definition after it was rewritten; none where it has no SQL. Days of the run and of the period stand in it as
/// days: those of `as_of`, or of a day that will do, and of its month.
///
/// # Errors
/// When it cannot be rewritten.
pub fn sql(project: &Project, definition: &Node, as_of: Option<Date>) -> Result<Option<String>, EngineError> {
    let clock = clock(as_of);
    Ok(match definition {
        Node::Table(name) => match project.tables.get(name).map(|table| &table.body) {
            Some(TableBody::Sql(sql)) => {
                let mut ast = (*sql.ast).clone();
                rewrite::query(&mut ast, &clock)?;
                Some(format!("{ast:#}"))
            }
            _ => None,
        },
        Node::Rollup(name) => match project.rollups.get(name) {
            Some(rollup) => {
                let columns = rollup.by.iter().chain(&rollup.measures).map(|(name, sql)| (name.as_str(), &sql.ast));
                let keys: Vec<&str> = rollup.by.keys().map(String::as_str).collect();
                Some(select(columns, &rollup.from.value, rollup.filter.as_ref(), &keys, &clock)?)
            }
            None => None,
        },
        Node::Fact(name) => match project.facts.get(name) {
            Some(fact) => {
                let keys = project.entities.get(&fact.per.value).map(|entity| keys_of(project, entity));
                let keys = keys.unwrap_or_default();
                let own: Vec<(String, Sql)> = keys.iter().map(|key| (key.clone(), query::column(key))).collect();
                let own = own.iter().map(|(name, sql)| (name.as_str(), sql));
                let columns = own.chain(fact.measures.iter().map(|(name, sql)| (name.as_str(), &sql.ast)));
                let (FactInput::Table(from) | FactInput::Entity(from)) = &fact.from;
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                let by = if matches!(fact.kind, abmart_spec::model::FactKind::State) { &[][..] } else { &keys };
                Some(select(columns, &from.value, fact.filter.as_ref(), by, &clock)?)
            }
            None => None,
        },
        Node::Score(name) => match project.scores.get(name) {
            Some(score) => {
                let columns = score.components.iter().map(|(name, part)| (name.as_str(), &part.measure.ast));
                Some(select(columns, &score.from.value, None, &[], &clock)?)
            }
            None => None,
        },
        Node::Kpi(name) => project.kpis.get(name).map(|kpi| formulas(kpi, &clock)).transpose()?,
        Node::Source(_) | Node::Entity(_) | Node::Attribution(_) | Node::Alert(_) | Node::Mart(_) => None,
    })
}

/// Polars' optimised plan of a table's query over empty rows with the columns of the contracts; none where there is no query.
///
/// # Errors
/// When Polars refuses the query.
pub fn plan(project: &Project, definition: &Node, as_of: Option<Date>) -> Result<Option<String>, EngineError> {
    let Node::Table(name) = definition else { return Ok(None) };
    let Some(TableBody::Sql(sql)) = project.tables.get(name).map(|table| &table.body) else { return Ok(None) };
    over_empty_frames(project, |scope| {
        let inputs = sql.reads.iter().map(|read| Ok((read.value.as_str(), scope.input(&read.value, false)?)));
        let inputs = inputs.collect::<Result<Vec<_>, EngineError>>()?;
        query::plan(&sql.ast, inputs, &clock(as_of)).map(Some)
    })
}

fn clock(as_of: Option<Date>) -> Clock {
    let as_of = as_of.unwrap_or(SOME_DAY);
    Clock { as_of, period: Some(Period::holding(Grain::Month, as_of, as_of, 1)) }
}

/// Expressions over the rows of a name, as they are given to Polars.
fn select<'a>(
    columns: impl IntoIterator<Item = (&'a str, &'a Sql)>,
    from: &str,
    filter: Option<&SqlExpr>,
    by: &[&str],
    clock: &Clock,
) -> Result<String, EngineError> {
    let columns =
        columns.into_iter().map(|(name, sql)| Ok(format!("  {} AS {name}", query::ready(sql.clone(), clock)?)));
    let columns = columns.collect::<Result<Vec<_>, EngineError>>()?.join(",\n");
    let filter =
        filter.map(|filter| Ok::<_, EngineError>(format!("\nWHERE {}", query::ready(filter.ast.clone(), clock)?)));
    let filter = filter.transpose()?.unwrap_or_default();
    let by = if by.is_empty() { String::new() } else { format!("\nGROUP BY {}", by.join(", ")) };
    Ok(format!("SELECT\n{columns}\nFROM {from}{filter}{by}"))
}

/// The formulas of a KPI with their aggregates taken out.
fn formulas(kpi: &Kpi, clock: &Clock) -> Result<String, EngineError> {
    let formulas =
        [("value", Some(&kpi.formula)), ("immature", kpi.immature.as_ref()), ("mature", kpi.mature.as_ref())];
    let mut lines = Vec::new();
    for (name, formula) in formulas {
        let Some(formula) = formula else { continue };
        let (outer, aggregates) = aggregate::split(&formula.ast);
        lines.push(format!("{name} = {outer}"));
        for (number, mut aggregate) in aggregates.into_iter().enumerate() {
            for part in aggregate.argument.iter_mut().chain(&mut aggregate.order).chain(&mut aggregate.filter) {
                *part = query::ready(part.clone(), clock)?;
            }
            lines.push(format!("  {} = {aggregate}", aggregate::placeholder(number)));
        }
    }
    Ok(lines.join("\n"))
}
