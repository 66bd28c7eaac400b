//! Aggregating selects taken apart: keys, aggregates, and what is selected over them.

use std::ops::ControlFlow;

use sqlparser::ast::{self, Expr as Sql, GroupByExpr, Ident, Select, SelectItem, Value};

use super::aggregate::{self, Aggregate, AggregateKind};
use super::query::column;
use super::rewrite::parsed;

/// An aggregating select taken apart.
pub struct Shape {
    /// What rows are grouped by.
    pub keys: Vec<Sql>,
    /// What is computed over the groups.
    pub aggregates: Vec<Aggregate>,
    /// What is selected, over keys and aggregates.
    pub items: Vec<SelectItem>,
    /// Groups that are selected.
    pub having: Option<Sql>,
}

impl Shape {
    /// Takes a select apart; none where it does not aggregate, or holds what only the front end knows.
    pub fn of(select: &Select) -> Option<Self> {
        let GroupByExpr::Expressions(group, modifiers) = &select.group_by else { return None };
        let plain = modifiers.is_empty()
            && select.distinct.is_none()
            && select.top.is_none()
            && select.qualify.is_none()
            && select.named_window.is_empty()
            && select.lateral_views.is_empty();
        if !plain {
            return None;
        }
        let named = select.projection.iter().map(named_item).collect::<Option<Vec<(Ident, &Sql)>>>()?;
        let keys = group.iter().map(|key| resolved(key, &named)).collect::<Option<Vec<Sql>>>()?;
        let mut shape = Self { keys, aggregates: Vec::new(), items: Vec::new(), having: None };
        let items = named.iter().map(|(alias, expr)| Some((alias.clone(), shape.over_groups(expr)?)));
        let items = items.collect::<Option<Vec<_>>>()?;
        shape.items = items.into_iter().map(|(alias, expr)| SelectItem::ExprWithAlias { expr, alias }).collect();
        if let Some(having) = &select.having {
            shape.having = Some(shape.over_groups(having)?);
        }
        (!shape.keys.is_empty() || !shape.aggregates.is_empty()).then_some(shape)
    }

    /// An expression over the columns of the groups; none where it names anything else.
    fn over_groups(&mut self, expr: &Sql) -> Option<Sql> {
        let mut outer = aggregate::split_into(expr, &mut self.aggregates);
        self.null_over_nothing(&mut outer);
        let keys = &self.keys;
        replace(&mut outer, &|node| {
            keys.iter().position(|key| same(key, node)).map(|index| column(&key_column(index)))
        });
        let mut known = true;
        let _ = ast::visit_expressions(&outer, |node| {
            known &= match node {
                Sql::Identifier(name) => name.value.starts_with("__agg_") || name.value.starts_with("__key_"),
                Sql::CompoundIdentifier(_) | Sql::Subquery(_) | Sql::Exists { .. } => false,
                Sql::Function(function) => function.over.is_none() && !aggregates_otherwise(function),
                _ => true,
            };
            if known { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        known.then_some(outer)
    }

    /// A sum over no value is null in SQL.
    fn null_over_nothing(&mut self, outer: &mut Sql) {
        let aggregates = &mut self.aggregates;
        let mut sums: Vec<(String, usize)> = Vec::new();
        for index in 0..aggregates.len() {
            let Aggregate { kind: AggregateKind::Sum, argument, filter, .. } = aggregates[index].clone() else {
                continue;
            };
            let count = Aggregate { kind: AggregateKind::Count, argument, order: None, filter };
            sums.push((aggregate::placeholder(index), aggregate::index_of(count, aggregates)));
        }
        replace(outer, &|node| {
            let Sql::Identifier(name) = node else { return None };
            let (sum, count) = sums.iter().find(|(sum, _)| *sum == name.value)?;
            parsed(&format!("(CASE WHEN {} > 0 THEN {sum} END)", aggregate::placeholder(*count)))
        });
    }
}

/// Aggregates of the front end that the language of measures does not have.
fn aggregates_otherwise(function: &ast::Function) -> bool {
    const NAMES: [&str; 22] = [
        "any_value",
        "array_agg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "corr",
        "covar",
        "covar_pop",
        "covar_samp",
        "first",
        "last",
        "listagg",
        "mode",
        "quantile_disc",
        "std",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "stdev",
        "string_agg",
        "var",
        "variance",
    ];
    NAMES.contains(&function.name.to_string().to_ascii_lowercase().as_str())
}

/// Whether a function makes one value of several rows.
pub fn is_aggregate(function: &ast::Function) -> bool {
    aggregates_otherwise(function) || !aggregate::split(&Sql::Function(function.clone())).1.is_empty()
}

/// The column of a key.
pub fn key_column(index: usize) -> String {
    format!("__key_{index}")
}

/// What an item of a select is named, and what it selects.
pub fn named_item(item: &SelectItem) -> Option<(Ident, &Sql)> {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((alias.clone(), expr)),
        SelectItem::UnnamedExpr(expr @ Sql::Identifier(name)) => Some((name.clone(), expr)),
        SelectItem::UnnamedExpr(expr @ Sql::CompoundIdentifier(parts)) => Some((parts.last()?.clone(), expr)),
        _ => None,
    }
}

/// A group key as an expression over the rows: `group by 1` and names of what is selected are resolved.
fn resolved(key: &Sql, items: &[(Ident, &Sql)]) -> Option<Sql> {
    match key {
        Sql::Value(value) => {
            let Value::Number(position, _) = &value.value else { return None };
            let (_, expr) = items.get(position.clone().parse::<usize>().ok()?.checked_sub(1)?)?;
            Some((*expr).clone())
        }
        Sql::Identifier(name) => {
            match items.iter().find(|(alias, _)| alias.value == name.value) {
                // The alias and a column may both have the name: what is meant is the front end's matter.
                Some((_, expr)) if !same(expr, key) => None,
                _ => Some(key.clone()),
            }
        }
        other => Some(other.clone()),
    }
}

/// Whether two expressions mean the same; a column is the same with and without its table's name.
pub fn same(left: &Sql, right: &Sql) -> bool {
    match (left, right) {
        (Sql::Identifier(name), Sql::CompoundIdentifier(parts))
        | (Sql::CompoundIdentifier(parts), Sql::Identifier(name)) => {
            parts.last().is_some_and(|last| last.value == name.value)
        }
        (Sql::Nested(inner), other) | (other, Sql::Nested(inner)) => same(inner, other),
        _ => left == right,
    }
}

/// Replaces the outermost expressions for which there is a replacement; what it puts in is not visited again.
fn replace(expr: &mut Sql, with: &dyn Fn(&Sql) -> Option<Sql>) {
    struct Replacing<'a> {
        with: &'a dyn Fn(&Sql) -> Option<Sql>,
        inside: usize,
    }
    impl ast::VisitorMut for Replacing<'_> {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &mut Sql) -> ControlFlow<()> {
            if self.inside > 0 {
                self.inside += 1;
            } else if let Some(replacement) = (self.with)(expr) {
                *expr = replacement;
                self.inside = 1;
            }
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, _: &mut Sql) -> ControlFlow<()> {
            self.inside = self.inside.saturating_sub(1);
            ControlFlow::Continue(())
        }
    }
    let _ = ast::VisitMut::visit(expr, &mut Replacing { with, inside: 0 });
}
