//! Exact numbers of an entity as what they add to the sides of a formula.

use std::collections::HashMap;

use sqlparser::ast::{BinaryOperator, Expr as Sql, Value};

use super::answer::Adds;
use crate::sql::aggregate::float_of;

/// What one entity, or several, add: exact numbers, one an aggregate.
pub type Exact = Vec<i128>;

/// How exact numbers become what is told of an entity.
pub struct Adding<'a> {
    /// What is divided, or the whole formula.
    pub numerator: Option<&'a Sql>,
    /// What it is divided by.
    pub denominator: Option<&'a Sql>,
    /// Which aggregate of the cube each placeholder of the formula is.
    pub places: &'a [usize],
    /// Numbers of the aggregates in the cube.
    pub mine: Vec<usize>,
    /// Whether each is in fixed point.
    pub fixed: Vec<bool>,
    /// What all entities together add.
    pub total: Exact,
}

impl Adding<'_> {
    /// What these numbers add.
    pub fn adds(&self, exact: &Exact) -> Adds {
        let numerator = self.side(self.numerator, exact);
        let total = self.side(self.numerator, &self.total).filter(|total| *total != 0.0);
        Adds {
            values: self.floats(exact),
            numerator,
            denominator: self.side(self.denominator, exact),
            share: numerator.zip(total).map(|(part, total)| part / total),
        }
    }

    /// By which the greatest come first.
    pub fn weight(&self, exact: &Exact) -> f64 {
        let numerator = self.side(self.numerator, exact);
        let first = || self.floats(exact).first().copied();
        let denominator = self.side(self.denominator, exact).unwrap_or(0.0);
        let weight = numerator.or_else(first).unwrap_or(0.0).abs();
        // What adds nothing to the numerator comes last, the greatest share of the denominator first.
        if weight == 0.0 { -1.0 / (1.0 + denominator.abs()) } else { weight }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and sums are far below where floats have gaps")]
    fn floats(&self, exact: &Exact) -> Vec<f64> {
        exact
            .iter()
            .zip(&self.fixed)
            .map(|(value, fixed)| if *fixed { float_of(*value) } else { *value as f64 })
            .collect()
    }

    /// What these numbers add to a side of the formula; none where it is not a sum of multiples of aggregates, or where
    /// none of these is in it.
    fn side(&self, side: Option<&Sql>, exact: &Exact) -> Option<f64> {
        let values: HashMap<usize, f64> = self.mine.iter().copied().zip(self.floats(exact)).collect();
        let (places, mut seen) = (self.places, false);
        let mut value = |local: usize| {
            let found = places.get(local).and_then(|place| values.get(place));
            seen |= found.is_some();
            // Those of other entities have a list of their own.
            found.copied().unwrap_or(0.0)
        };
        let sum = linear(side?, &mut value)?;
        seen.then_some(sum)
    }
}

/// The value of a sum of multiples of aggregates; none for any other expression.
fn linear(expr: &Sql, value: &mut dyn FnMut(usize) -> f64) -> Option<f64> {
    match expr {
        Sql::Nested(inner) => linear(inner, value),
        Sql::Identifier(name) => Some(value(name.value.strip_prefix("__agg_")?.parse().ok()?)),
        Sql::BinaryOp { left, op: BinaryOperator::Plus, right } => Some(linear(left, value)? + linear(right, value)?),
        Sql::BinaryOp { left, op: BinaryOperator::Minus, right } => Some(linear(left, value)? - linear(right, value)?),
        Sql::BinaryOp { left, op: BinaryOperator::Multiply, right } => match (constant(left), constant(right)) {
            (Some(factor), None) => Some(factor * linear(right, value)?),
            (None, Some(factor)) => Some(linear(left, value)? * factor),
            _ => None,
        },
        _ => None,
    }
}

fn constant(expr: &Sql) -> Option<f64> {
    match expr {
        Sql::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        Sql::Nested(inner) => constant(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sql::rewrite::parsed;

    #[rstest]
    #[case("__agg_0", Some(2.0))]
    #[case("100 * (__agg_0 - __agg_1)", Some(-100.0))]
    #[case("__agg_0 * 2 + __agg_1", Some(7.0))]
    #[case("__agg_0 * __agg_1", None)]
    #[case("coalesce(__agg_0, 0)", None)]
    #[case("__agg_0 + 1", None)]
    #[case("win_rate", None)]
    fn a_sum_of_multiples_is_what_entities_add_to(#[case] text: &str, #[case] expected: Option<f64>) {
        let expr = parsed(text);
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let value = expr.as_ref().and_then(|expr| linear(expr, &mut |local| local as f64 + 2.0));
        assert_eq!(value, expected);
    }
}
