//! What SQL names: columns, and the run's own day.

use std::ops::ControlFlow;

use abmart_spec::sql::RUN_FUNCTIONS;
use sqlparser::ast::{self, Expr as Sql, Ident};

/// The last part of every name, in order: all that may be a column, and more that is none, such as a unit of time.
pub fn columns(node: &impl ast::Visit) -> Vec<Ident> {
    let mut names = Vec::new();
    let _ = ast::visit_expressions(node, |expr| {
        match expr {
            Sql::Identifier(name) => names.push(name.clone()),
            Sql::CompoundIdentifier(parts) => names.extend(parts.last().cloned()),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    names
}

/// Whether a value depends on the run's day.
pub fn run_day(node: &impl ast::Visit) -> bool {
    let flow = ast::visit_expressions(node, |expr| match expr {
        Sql::Function(function) if is_run_function(function) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    flow.is_break()
}

fn is_run_function(function: &ast::Function) -> bool {
    let name = function.name.to_string();
    RUN_FUNCTIONS.iter().any(|(known, _)| name.eq_ignore_ascii_case(known))
}
