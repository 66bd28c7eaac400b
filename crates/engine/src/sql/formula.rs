//! Scalar expressions over finished aggregates, with the one division that KPIs use: null where the divisor is 0.

use polars::prelude::*;
use sqlparser::ast::{self, BinaryOperator, Expr as Sql, UnaryOperator, Value};

use super::rewrite::plain_arguments;

/// What a scalar expression cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    /// A name that is neither an aggregate nor another KPI.
    #[error("`{0}` is neither inside an aggregate nor the name of a KPI")]
    UnknownName(String),
    /// A construct outside the language of formulas.
    #[error(
        "`{0}` cannot stand in a formula; aggregates can be combined with + - * /, case, coalesce, nullif, least, greatest, abs, round and overall"
    )]
    Unsupported(String),
}

/// Lowers a scalar expression; `resolve` gives the column for a name.
///
/// # Errors
/// When a name is unknown or a construct is not part of the formula language.
pub fn lower(expr: &Sql, resolve: &dyn Fn(&str) -> Option<Expr>) -> Result<Expr, FormulaError> {
    let unsupported = || FormulaError::Unsupported(expr.to_string());
    match expr {
        Sql::Nested(inner) => lower(inner, resolve),
        Sql::Identifier(name) => resolve(&name.value).ok_or_else(|| FormulaError::UnknownName(name.value.clone())),
        Sql::Value(value) => literal(&value.value).ok_or_else(unsupported),
        Sql::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(lit(0) - lower(expr, resolve)?),
        Sql::UnaryOp { op: UnaryOperator::Not, expr } => Ok(lower(expr, resolve)?.not()),
        Sql::IsNull(inner) => Ok(lower(inner, resolve)?.is_null()),
        Sql::IsNotNull(inner) => Ok(lower(inner, resolve)?.is_not_null()),
        Sql::BinaryOp { left, op, right } => {
            let (left, right) = (lower(left, resolve)?, lower(right, resolve)?);
            binary(op, left, right).ok_or_else(unsupported)
        }
        Sql::Case { operand: None, conditions, else_result, .. } => {
            let mut result = match else_result {
                Some(otherwise) => lower(otherwise, resolve)?,
                None => lit(NULL),
            };
            for branch in conditions.iter().rev() {
                result =
                    when(lower(&branch.condition, resolve)?).then(lower(&branch.result, resolve)?).otherwise(result);
            }
            Ok(result)
        }
        Sql::Function(function) if is_overall(function) => match plain_arguments(function).as_slice() {
            [Sql::Identifier(kpi)] => {
                resolve(&overall(&kpi.value)).ok_or_else(|| FormulaError::UnknownName(kpi.value.clone()))
            }
            _ => Err(unsupported()),
        },
        Sql::Function(function) => scalar_function(function, resolve)?.ok_or_else(unsupported),
        _ => Err(unsupported()),
    }
}

/// The operands of an expression whose top operator is a division.
pub fn as_ratio(expr: &Sql) -> Option<(&Sql, &Sql)> {
    match expr {
        Sql::Nested(inner) => as_ratio(inner),
        Sql::BinaryOp { left, op: BinaryOperator::Divide, right } => Some((left, right)),
        _ => None,
    }
}

/// Names outside aggregates (placeholders of aggregates excluded): the KPIs that a formula reads.
pub fn names(expr: &Sql) -> Vec<String> {
    let mut found = Vec::new();
    let _ = ast::visit_expressions(expr, |node| {
        if let Sql::Identifier(name) = node
            && !name.value.starts_with("__agg_")
            && !found.contains(&name.value)
        {
            found.push(name.value.clone());
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    found
}

/// The KPIs of which an expression reads the value of everything, by `overall(kpi)`.
pub fn overalls(expr: &Sql) -> Vec<String> {
    let mut found = Vec::new();
    let _ = ast::visit_expressions(expr, |node| {
        if let Sql::Function(function) = node
            && is_overall(function)
            && let [Sql::Identifier(kpi)] = plain_arguments(function).as_slice()
        {
            found.push(kpi.value.clone());
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    found
}

/// The name under which `overall(kpi)` is resolved.
fn overall(kpi: &str) -> String {
    format!("overall {kpi}")
}

/// The KPI whose value of everything a name stands for.
pub fn as_overall(name: &str) -> Option<&str> {
    name.strip_prefix("overall ")
}

fn is_overall(function: &ast::Function) -> bool {
    function.name.to_string().eq_ignore_ascii_case("overall")
}

/// Division as KPIs mean it: null, not infinity, where the divisor is 0.
pub fn divide(numerator: Expr, denominator: Expr) -> Expr {
    let denominator = denominator.cast(DataType::Float64);
    when(denominator.clone().neq(lit(0.0)))
        .then(numerator.cast(DataType::Float64) / denominator)
        .otherwise(lit(NULL).cast(DataType::Float64))
}

fn binary(op: &BinaryOperator, left: Expr, right: Expr) -> Option<Expr> {
    Some(match op {
        BinaryOperator::Plus => left + right,
        BinaryOperator::Minus => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => divide(left, right),
        BinaryOperator::Gt => left.gt(right),
        BinaryOperator::GtEq => left.gt_eq(right),
        BinaryOperator::Lt => left.lt(right),
        BinaryOperator::LtEq => left.lt_eq(right),
        BinaryOperator::Eq => left.eq(right),
        BinaryOperator::NotEq => left.neq(right),
        BinaryOperator::And => left.and(right),
        BinaryOperator::Or => left.or(right),
        _ => return None,
    })
}

fn scalar_function(
    function: &ast::Function,
    resolve: &dyn Fn(&str) -> Option<Expr>,
) -> Result<Option<Expr>, FormulaError> {
    let arguments: Vec<Expr> =
        plain_arguments(function).iter().map(|argument| lower(argument, resolve)).collect::<Result<_, _>>()?;
    let name = function.name.to_string().to_ascii_lowercase();
    Ok(match (name.as_str(), arguments.as_slice()) {
        ("coalesce", [_, ..]) => Some(coalesce(&arguments)),
        ("nullif", [value, other]) => {
            Some(when(value.clone().eq(other.clone())).then(lit(NULL)).otherwise(value.clone()))
        }
        ("least", [_, ..]) => polars::lazy::dsl::min_horizontal(&arguments).ok(),
        ("greatest", [_, ..]) => polars::lazy::dsl::max_horizontal(&arguments).ok(),
        ("abs", [value]) => Some(value.clone().abs()),
        ("round", [value]) => Some(value.clone().round(0, RoundMode::HalfAwayFromZero)),
        _ => None,
    })
}

fn literal(value: &Value) -> Option<Expr> {
    match value {
        Value::Number(text, _) => text.parse::<i64>().map(lit).or_else(|_| text.parse::<f64>().map(lit)).ok(),
        Value::SingleQuotedString(text) => Some(lit(text.clone())),
        Value::Boolean(flag) => Some(lit(*flag)),
        Value::Null => Some(lit(NULL)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rstest::rstest;
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn parsed(text: &str) -> Sql {
        Parser::new(&GenericDialect {}).try_with_sql(text).unwrap().parse_expr().unwrap()
    }

    fn value(text: &str) -> String {
        let resolve = |name: &str| match name {
            "six" => Some(lit(6_i64)),
            "zero" => Some(lit(0_i64)),
            "none" => Some(lit(NULL).cast(DataType::Float64)),
            _ => None,
        };
        let expr = lower(&parsed(text), &resolve).unwrap().alias("x");
        let frame = df!("row" => [1]).unwrap().lazy().select([expr]).collect().unwrap();
        frame.column("x").unwrap().get(0).unwrap().to_string()
    }

    #[rstest]
    #[case("six / 4", "1.5")]
    #[case("six / zero", "null")]
    #[case("zero / zero", "null")]
    #[case("1 - none / six", "null")]
    #[case("coalesce(none, six)", "6.0")]
    #[case("case when six > 5 then 1 else 2 end", "1")]
    #[case("least(six, 4)", "4")]
    #[case("-six * 2", "-12")]
    fn a_scalar_is_computed(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(value(text), expected);
    }

    #[rstest]
    #[case("a / b", Some(("a", "b")))]
    #[case("(100 * a / b)", Some(("100 * a", "b")))]
    #[case("1 - a / b", None)]
    fn a_ratio_has_a_division_on_top(#[case] text: &str, #[case] expected: Option<(&str, &str)>) {
        let expr = parsed(text);
        let found = as_ratio(&expr).map(|(top, bottom)| (top.to_string(), bottom.to_string()));
        assert_eq!(found, expected.map(|(top, bottom)| (top.to_owned(), bottom.to_owned())));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let refused = lower(&parsed("nobody"), &|_| None).unwrap_err();
        assert_eq!(refused, FormulaError::UnknownName("nobody".to_owned()));
    }
}
