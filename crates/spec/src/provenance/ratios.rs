//! Means of ratios: each ratio would weigh alike, however much stands behind it.

use sqlparser::ast::{BinaryOperator, Expr};

use crate::diagnostic::Diagnostic;
use crate::sql::{Call, arguments, parts};

use super::joins::{Joined, path};

impl Joined<'_> {
    /// An aggregate that is the mean of a column of ratios.
    pub fn mean_of_ratios(&mut self, call: &Call) -> Option<Diagnostic> {
        let column = averaged(call)?;
        self.column(&column)?.is_ratio.then(|| mean_of_ratios(&column))
    }
}

/// The column that an aggregate is the mean of.
pub(super) fn averaged(call: &Call) -> Option<Vec<String>> {
    if !matches!(call.name.as_str(), "avg" | "mean") {
        return None;
    }
    path(arguments(&call.function).first()?)
}

pub(super) fn mean_of_ratios(column: &[String]) -> Diagnostic {
    let name = column.join(".");
    Diagnostic::warning(
        "mean-of-ratios",
        format!("`avg({name})` is a mean of ratios, in which a small one weighs as much as a great one"),
    )
    .help(format!(
        "keep numerator and denominator and divide their sums; `sum({name}) / count({name})` says that each is to weigh alike"
    ))
}

/// Whether an expression divides one aggregate by another.
pub(super) fn is_quotient(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(expr) | Expr::Cast { expr, .. } => is_quotient(expr),
        Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => {
            let aggregated = |side: &Expr| !parts(side).aggregates.is_empty();
            aggregated(left) && aggregated(right)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } => is_quotient(left) || is_quotient(right),
        Expr::Function(function)
            if matches!(function.name.to_string().to_lowercase().as_str(), "coalesce" | "round") =>
        {
            arguments(function).into_iter().any(is_quotient)
        }
        _ => false,
    }
}
