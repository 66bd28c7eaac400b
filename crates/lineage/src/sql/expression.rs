//! What an expression comes from.

use std::ops::ControlFlow;

use abmart_spec::sql::aggregates;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Query, Visit, Visitor,
    WindowSpec, WindowType,
};

use super::Reader;
use super::query::Common;
use super::scope::{Only, Scope};
use crate::column::{How, Inputs};

impl Reader<'_> {
    pub(super) fn inputs(&mut self, expr: &Expr, scope: &Scope<'_>, only: &Only) -> Inputs {
        match expr {
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident), scope, only),
            Expr::CompoundIdentifier(path) => self.column(path, scope, only),
            Expr::Nested(inner) => self.inputs(inner, scope, only),
            Expr::Named { expr, .. } => self.inputs(expr, scope, only),
            Expr::Function(function) => self.function(function, scope, only),
            Expr::Case { operand, conditions, else_result, .. } => {
                let mut inputs = Inputs::default();
                if let Some(operand) = operand {
                    inputs.add(self.inputs(operand, scope, only).then(How::Conditional));
                }
                for branch in conditions {
                    inputs.add(self.inputs(&branch.condition, scope, only).then(How::Conditional));
                    let only = self.narrowed(&branch.condition, scope, only);
                    inputs.add(self.inputs(&branch.result, scope, &only).then(How::Transformation));
                }
                if let Some(otherwise) = else_result {
                    inputs.add(self.inputs(otherwise, scope, only).then(How::Transformation));
                }
                inputs
            }
            Expr::InSubquery { expr, subquery, .. } => {
                let mut inputs = self.inputs(expr, scope, only).then(How::Transformation);
                inputs.add(self.subquery(subquery, scope).then(How::Transformation));
                inputs
            }
            Expr::Subquery(query) => self.subquery(query, scope),
            Expr::Exists { subquery, .. } => self.subquery(subquery, scope).then(How::Conditional),
            Expr::Value(_) | Expr::TypedString(_) => Inputs::default(),
            other => self.parts(other, scope, only).then(How::Transformation),
        }
    }

    /// A column by its name.
    fn column(&mut self, path: &[sqlparser::ast::Ident], scope: &Scope<'_>, only: &Only) -> Inputs {
        let inputs = scope.resolve(path, only);
        self.note(&inputs);
        inputs
    }

    /// The values of a query and what decides about its rows.
    fn subquery(&mut self, query: &Query, scope: &Scope<'_>) -> Inputs {
        let relation = self.query(query, &Common::default(), Some(scope));
        let mut inputs: Inputs = relation.columns.into_values().collect();
        inputs.add(relation.rows);
        inputs
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>, only: &Only) -> Inputs {
        let name = function.name.to_string().to_lowercase();
        let mut inputs = Inputs::default();
        let within = match &function.filter {
            Some(filter) => {
                inputs.add(self.inputs(filter, scope, only).then(How::Filter));
                self.narrowed(filter, scope, only)
            }
            None => only.clone(),
        };
        let plain = if aggregates(&name) { How::Aggregation } else { How::Transformation };
        match &function.args {
            FunctionArguments::List(list) => {
                for (place, argument) in list.args.iter().enumerate() {
                    let Some(argument) = expression_of(argument) else { continue };
                    let how = match (name.as_str(), place) {
                        // The mean of the last rows by an order.
                        ("avg_last", 1) => How::Sort,
                        ("if" | "iif", 0) => How::Conditional,
                        _ => plain,
                    };
                    inputs.add(self.inputs(argument, scope, &within).then(how));
                }
                for clause in &list.clauses {
                    if let FunctionArgumentClause::OrderBy(order) = clause {
                        for by in order {
                            inputs.add(self.inputs(&by.expr, scope, &within).then(How::Sort));
                        }
                    }
                }
            }
            FunctionArguments::Subquery(query) => inputs.add(self.subquery(query, scope).then(plain)),
            FunctionArguments::None => {}
        }
        for by in &function.within_group {
            inputs.add(self.inputs(&by.expr, scope, &within).then(plain));
        }
        match &function.over {
            Some(WindowType::WindowSpec(window)) => inputs.add(self.window(window, scope, only)),
            Some(WindowType::NamedWindow(name)) => {
                inputs.add(scope.windows.get(&name.value).cloned().unwrap_or_default())
            }
            None => {}
        }
        inputs
    }

    /// What a window goes by.
    pub(super) fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>, only: &Only) -> Inputs {
        let named = window.window_name.iter().filter_map(|name| scope.windows.get(&name.value).cloned());
        let mut inputs: Inputs = named.collect();
        for expr in window.partition_by.iter().chain(window.order_by.iter().map(|by| &by.expr)) {
            inputs.add(self.inputs(expr, scope, only).then(How::Window));
        }
        inputs
    }

    /// What the expressions right below an expression come from.
    fn parts(&mut self, expr: &Expr, scope: &Scope<'_>, only: &Only) -> Inputs {
        let mut parts = Parts { reader: self, scope, only, depth: 0, found: Inputs::default() };
        let _ = expr.visit(&mut parts);
        parts.found
    }
}

/// Hands the expressions right below one over to the reader; whatever lies deeper is the reader's.
struct Parts<'r, 'a, 's> {
    reader: &'r mut Reader<'a>,
    scope: &'s Scope<'s>,
    only: &'s Only,
    depth: usize,
    found: Inputs,
}

impl Visitor for Parts<'_, '_, '_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.depth += 1;
        if self.depth == 2 {
            self.found.add(self.reader.inputs(expr, self.scope, self.only));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

fn expression_of(argument: &FunctionArg) -> Option<&Expr> {
    let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) = argument;
    match arg {
        FunctionArgExpr::Expr(expr) => Some(expr),
        _ => None,
    }
}
