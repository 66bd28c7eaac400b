//! Parsed SQL → columns with what they come from.
//!
//! ```text
//! query ─ with, union ─▶ select ─ from, join ─▶ scope ─┐
//!                          └ columns, where, group by ─┴▶ expression ─▶ inputs
//! ```

mod expression;
mod query;
mod scope;
mod select;

use std::collections::BTreeSet;

use sqlparser::ast;

use crate::column::{ColumnRef, Inputs};
use crate::relation::Relation;

pub(crate) use scope::{Only, Scope};

/// Reads queries and expressions over named relations, and notes the columns that they name.
pub(crate) struct Reader<'a> {
    /// What the name of a table stands for.
    tables: &'a dyn Fn(&str) -> Option<Relation>,
    /// Columns of definitions that stand in the text by name, as they are or handed on under another one.
    named: BTreeSet<ColumnRef>,
}

impl<'a> Reader<'a> {
    pub fn new(tables: &'a dyn Fn(&str) -> Option<Relation>) -> Self {
        Self { tables, named: BTreeSet::new() }
    }

    /// The columns that a query gives.
    pub fn relation(&mut self, query: &ast::Query) -> Relation {
        self.query(query, &query::Common::default(), None)
    }

    /// What an expression over a scope comes from.
    pub fn expression(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> Inputs {
        let only = self.narrowed(expr, scope, &scope::Only::default());
        self.inputs(expr, scope, &only)
    }

    /// What a condition on the rows of a scope comes from, and the same scope of rows that fulfil it.
    pub fn condition(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> (Inputs, scope::Only) {
        let only = self.narrowed(expr, scope, &scope::Only::default());
        (self.inputs(expr, scope, &only), only)
    }

    /// As [`Reader::expression`], over rows that fulfil a condition.
    pub fn expression_of(&mut self, expr: &ast::Expr, scope: &Scope<'_>, only: &scope::Only) -> Inputs {
        self.inputs(expr, scope, only)
    }

    /// Notes columns that are named without SQL.
    pub fn note(&mut self, inputs: &Inputs) {
        let as_they_are = inputs.iter().filter(|input| input.how == crate::How::Identity);
        self.named.extend(as_they_are.map(|input| input.column.clone()));
    }

    /// The columns that were named.
    pub fn named(self) -> BTreeSet<ColumnRef> {
        self.named
    }
}
