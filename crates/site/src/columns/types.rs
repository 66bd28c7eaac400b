//! The type of an expression, where its form tells.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};

use super::query::{Scope, path};

/// The type of an expression by the name that contracts use; `None` where its form alone does not tell.
pub(super) fn of(expr: &Expr, scope: &Scope<'_, '_>) -> Option<&'static str> {
    match expr {
        Expr::Nested(inner) => of(inner, scope),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => scope.resolve(&path(expr)?)?.ty,
        Expr::Value(value) => of_value(&value.value),
        Expr::Cast { data_type, .. } => of_cast(data_type),
        Expr::TypedString(typed) => of_cast(&typed.data_type),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Exists { .. } => Some("boolean"),
        Expr::UnaryOp { op: UnaryOperator::Not, .. } => Some("boolean"),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => of(expr, scope),
        Expr::BinaryOp { left, op, right } => of_binary(op, of(left, scope), of(right, scope)),
        Expr::Case { conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.iter().map(|other| &**other));
            results.into_iter().find_map(|result| of(result, scope))
        }
        Expr::Function(function) => of_function(function, scope),
        _ => None,
    }
}

fn of_binary(op: &BinaryOperator, left: Option<&'static str>, right: Option<&'static str>) -> Option<&'static str> {
    use BinaryOperator as Op;
    match op {
        Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq | Op::And | Op::Or => Some("boolean"),
        Op::Divide => Some("number"),
        Op::StringConcat => Some("string"),
        Op::Plus | Op::Minus | Op::Multiply => match (left?, right?) {
            ("integer", "integer") => Some("integer"),
            ("integer" | "number" | "money", "integer" | "number" | "money") => Some("number"),
            _ => None,
        },
        _ => None,
    }
}

fn of_function(function: &Function, scope: &Scope<'_, '_>) -> Option<&'static str> {
    let name = function.name.to_string().to_lowercase();
    let first = || {
        let FunctionArguments::List(list) = &function.args else { return None };
        list.args.iter().find_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => of(expr, scope),
            _ => None,
        })
    };
    match name.as_str() {
        "count" | "row_number" | "rank" | "dense_rank" | "date_diff" | "length" => Some("integer"),
        "avg" | "median" | "quantile" | "avg_last" | "sqrt" | "ln" | "exp" | "power" => Some("number"),
        "as_of" | "period_start" | "period_end" | "cutoff" | "bucket" => Some("date"),
        "as_of_end" => Some("timestamp"),
        "bool_or" | "bool_and" => Some("boolean"),
        "string_list" | "concat" | "lower" | "upper" | "trim" => Some("string"),
        "sum" | "min" | "max" | "coalesce" | "nullif" | "lag" | "lead" | "abs" | "greatest" | "least"
        | "first_value" | "last_value" => first(),
        _ => None,
    }
}

fn of_cast(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Date => Some("date"),
        DataType::Timestamp(..) | DataType::Datetime(..) => Some("timestamp"),
        DataType::Boolean | DataType::Bool => Some("boolean"),
        DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) | DataType::SmallInt(_) => Some("integer"),
        DataType::Double(_) | DataType::DoublePrecision | DataType::Float(_) | DataType::Real => Some("number"),
        DataType::Varchar(_) | DataType::Text | DataType::String(_) => Some("string"),
        _ => None,
    }
}

fn of_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::Number(text, _) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some("integer"),
        Value::Number(..) => Some("number"),
        Value::SingleQuotedString(_) => Some("string"),
        Value::Boolean(_) => Some("boolean"),
        _ => None,
    }
}
