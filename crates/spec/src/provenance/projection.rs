//! What a `select` gives: its columns, and what tells its rows apart.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Select, SelectItem, SelectItemQualifiedWildcardKind, Value, WindowType,
};

use crate::sql::parts;

use super::dependencies::Ids;
use super::joins::{Joined, path};
use super::query::Reader;
use super::ratios::is_quotient;
use super::relation::{Column, Relation};

impl Reader<'_, '_> {
    /// What a `select` gives; `group` are the values that its groups have, if it has groups.
    pub fn projected(&self, select: &Select, joined: &mut Joined, group: Option<&Ids>) -> Relation {
        let numbers = &self.analysis.numbers;
        let mut relation = Relation { rows: joined.rows.clone(), known: joined.known, ..Relation::default() };
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = path(expr).and_then(|path| path.last().cloned());
                    relation.columns.push(output(joined, expr, name.unwrap_or_else(|| expr.to_string())));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    relation.columns.push(output(joined, expr, alias.value.clone()));
                }
                SelectItem::Wildcard(_) => {
                    for input in &joined.inputs {
                        relation.open |= input.relation.open;
                        for column in &input.relation.columns {
                            if !relation.columns.iter().any(|known| known.id == column.id) {
                                relation.columns.push(column.clone());
                            }
                        }
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = name.to_string();
                    if let Some(input) = joined.inputs.iter().find(|input| input.alias == name) {
                        relation.open |= input.relation.open;
                        relation.columns.extend(input.relation.columns.iter().cloned());
                    }
                }
                _ => relation.open = true,
            }
        }
        relation.rules = joined.rules.clone();
        relation.fans.clone_from(&joined.fans);
        relation.look_ups.clone_from(&joined.look_ups);
        relation.key = joined
            .inputs
            .iter()
            .filter(|input| input.relation.rows == relation.rows)
            .find_map(|input| input.relation.key.clone())
            .filter(|key| key.iter().all(|name| relation.columns.iter().any(|column| column.name == *name)));
        let all: Ids = relation.columns.iter().map(|column| column.id).collect();
        let told_apart_by = match (&select.distinct, group) {
            (_, Some(group)) => group.clone(),
            (Some(Distinct::Distinct), None) if !relation.open => all.clone(),
            (Some(Distinct::On(by)), None) => by.iter().map(|expr| joined.value(expr)).collect(),
            _ => return relation,
        };
        relation.rules.extend(&joined.rules);
        // One row for each of these values: what they do not fix is not a row's own any more.
        let row = Ids::from([numbers.next()]);
        let fixed = relation.rules.closure(&told_apart_by);
        for column in &mut relation.columns {
            for of in [&mut column.grain, &mut column.home] {
                if !of.is_subset(&fixed) {
                    of.clone_from(&row);
                }
            }
        }
        relation.rules.add(told_apart_by.clone(), row.clone());
        relation.rules.add(row.clone(), all.union(&fixed).copied().collect());
        let key = told_apart_by.iter().map(|id| {
            let column = relation.columns.iter().find(|column| column.id == *id);
            column.map(|column| column.name.clone())
        });
        relation.key = key.collect::<Option<Vec<_>>>().filter(|key| !key.is_empty());
        relation.known = true;
        relation.rows = row;
        for fan in &mut relation.fans {
            fan.both_ways = false;
        }
        relation
    }
}

/// A column of the result.
fn output(joined: &mut Joined, expr: &Expr, name: String) -> Column {
    let id = joined.value(expr);
    let found = parts(expr);
    if found.aggregates.is_empty() {
        let rows = joined.rows.clone();
        joined.rules.add(rows, Ids::from([id]));
    }
    for function in &found.windows {
        // Rows that a window numbers are told apart by their numbers.
        if let Some(WindowType::WindowSpec(window)) = &function.function.over
            && !window.order_by.is_empty()
        {
            let mut numbered: Ids = window.partition_by.iter().map(|expr| joined.value(expr)).collect();
            numbered.insert(id);
            let rows = joined.rows.clone();
            joined.rules.add(numbered, rows);
        }
    }
    let named = joined.named_in(expr).unwrap_or_default();
    let grain: Ids = named.iter().flat_map(|column| column.grain.iter().copied()).collect();
    let plain = found.aggregates.is_empty() && found.windows.is_empty() && !grain.is_empty();
    let rows = joined.rows.clone();
    let home = if plain { named.iter().flat_map(|column| column.home.iter().copied()).collect() } else { rows.clone() };
    // A column as it was keeps what its contract says.
    let as_it_was = if path(expr).is_some() { named.into_iter().next() } else { None };
    let is_ratio = as_it_was.as_ref().map_or_else(|| is_quotient(expr), |column| column.is_ratio);
    let is_money = as_it_was.as_ref().is_some_and(|column| column.is_money);
    let meaning = as_it_was.and_then(|column| column.meaning);
    Column { name, id, grain: if plain { grain } else { rows }, home, is_money, is_ratio, meaning }
}

/// The values that the groups of a `select` have.
pub(super) fn group_by(select: &Select, joined: &mut Joined) -> Ids {
    match &select.group_by {
        GroupByExpr::Expressions(keys, _) => keys
            .iter()
            .map(|key| {
                let key = grouped(select, joined, key);
                joined.value(key)
            })
            .collect(),
        GroupByExpr::All(_) => {
            outputs(select).filter(|expr| parts(expr).aggregates.is_empty()).map(|expr| joined.value(expr)).collect()
        }
    }
}

/// The expression that a group key stands for, which may be the number or the name of an output.
fn grouped<'s>(select: &'s Select, joined: &mut Joined, key: &'s Expr) -> &'s Expr {
    match key {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => {
                let index = number.parse::<usize>().unwrap_or(0).checked_sub(1);
                index.and_then(|index| outputs(select).nth(index)).unwrap_or(key)
            }
            _ => key,
        },
        Expr::Identifier(ident) if joined.column(std::slice::from_ref(&ident.value)).is_none() => {
            let alias = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if alias.value == ident.value => Some(expr),
                _ => None,
            });
            alias.unwrap_or(key)
        }
        _ => key,
    }
}

pub(super) fn outputs(select: &Select) -> impl Iterator<Item = &Expr> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    })
}
