//! Queries: `with`, set operations, order.

use std::collections::BTreeMap;

use sqlparser::ast::{OrderByKind, Query, SetExpr, SetOperator, TableAlias};

use super::Reader;
use super::scope::{Only, Scope};
use crate::column::{How, Inputs};
use crate::relation::Relation;

/// The names of `with` that are in reach.
pub(super) type Common = BTreeMap<String, Relation>;

impl Reader<'_> {
    /// The columns that a query gives.
    pub(super) fn query(&mut self, query: &Query, common: &Common, outer: Option<&Scope<'_>>) -> Relation {
        let mut known = common.clone();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let rows = self.query(&table.query, &known, outer);
            known.insert(table.alias.name.value.clone(), rows.renamed(&column_names(&table.alias)));
        }
        let mut order = Inputs::default();
        let by = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(by)) => by.as_slice(),
            _ => &[],
        };
        let mut relation = match &*query.body {
            SetExpr::Select(select) => self.select(select, &known, outer, by.iter().map(|by| &by.expr), &mut order),
            body => {
                let rows = self.body(body, &known, outer);
                let scope = Scope::over("", rows.clone());
                for by in by {
                    order.add(self.inputs(&by.expr, &scope, &Only::default()));
                }
                rows
            }
        };
        relation.rows.add(order.then(How::Sort));
        relation
    }

    fn body(&mut self, body: &SetExpr, common: &Common, outer: Option<&Scope<'_>>) -> Relation {
        match body {
            SetExpr::Select(select) => self.select(select, common, outer, std::iter::empty(), &mut Inputs::default()),
            SetExpr::Query(query) => self.query(query, common, outer),
            SetExpr::SetOperation { left, op, right, .. } => {
                let (left, right) = (self.body(left, common, outer), self.body(right, common, outer));
                match op {
                    SetOperator::Union => left.below(right),
                    // What the other side holds only decides which rows remain.
                    _ => {
                        let mut kept = left;
                        let other: Inputs = right.columns.into_values().collect();
                        kept.rows.add(other.then(How::Filter));
                        kept.rows.add(right.rows);
                        kept
                    }
                }
            }
            _ => Relation::default(),
        }
    }
}

/// `t (a, b)`
pub(super) fn column_names(alias: &TableAlias) -> Vec<String> {
    alias.columns.iter().map(|column| column.name.value.clone()).collect()
}
