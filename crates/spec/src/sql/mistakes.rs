//! What is no mistake of syntax and means something else than it looks like, or nothing at all.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Spanned as _, Value, Visit, Visitor};
use sqlparser::tokenizer::Span;

use super::functions::advice;

/// Something that is wrong with a piece of SQL by itself.
#[derive(Debug, Clone)]
pub(crate) struct Mistake {
    pub code: &'static str,
    pub message: String,
    pub help: String,
    pub place: Span,
}

/// The mistakes in the expressions of a query or of an expression.
pub(crate) fn mistakes(node: &impl Visit) -> Vec<Mistake> {
    let mut finder = Finder(Vec::new());
    let _ = node.visit(&mut finder);
    finder.0
}

struct Finder(Vec<Mistake>);

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op, right } => self.0.extend(operation(expr, left, op, right)),
            Expr::Function(function) => {
                let name = function.name.to_string();
                if let Some(help) = advice(&name) {
                    self.0.push(Mistake {
                        code: "unknown-function",
                        message: format!("there is no function `{name}`"),
                        help: help.to_owned(),
                        place: function.name.span(),
                    });
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn operation(expr: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Mistake> {
    let place = expr.span();
    if matches!(op, BinaryOperator::PGOverlap) {
        let message = "`&&` does not join conditions".to_owned();
        return Some(Mistake { code: "unknown-operator", message, help: "`and` does".to_owned(), place });
    }
    if !is_comparison(op) {
        return None;
    }
    if is_null(left) || is_null(right) {
        let (message, help) = if matches!(op, BinaryOperator::NotEq) {
            ("a comparison with `null` is never true", "`is not null`")
        } else {
            ("a comparison with `null` is never true", "`is null`")
        };
        return Some(Mistake { code: "null-comparison", message: message.to_owned(), help: help.to_owned(), place });
    }
    let Expr::BinaryOp { op: inner, right: middle, .. } = left else { return None };
    if matches!(&**middle, Expr::BinaryOp { op: BinaryOperator::PGOverlap, .. }) {
        // Said at the operator itself.
        return None;
    }
    is_comparison(inner).then(|| {
        let joined = matches!(&**middle, Expr::BinaryOp { op: BinaryOperator::StringConcat, .. });
        Mistake {
            code: "comparison-chain",
            message: if joined {
                "`||` joins texts, not conditions".to_owned()
            } else {
                "the outcome of a comparison is compared again".to_owned()
            },
            help: if joined { "`or` joins conditions" } else { "`and` joins conditions" }.to_owned(),
            place,
        }
    })
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}
