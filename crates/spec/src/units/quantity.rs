//! What an expression gives: money, a count, days, …

use sqlparser::ast::{BinaryOperator, Expr, Function, Spanned as _, UnaryOperator, Value};
use sqlparser::tokenizer::Span;

use crate::sql::arguments;

/// What kind of number a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Not inferred; taken to be right everywhere.
    Unknown,
    /// A number in the text, which fits anything.
    Literal,
    /// A quotient of like quantities.
    Share,
    Count,
    /// In the reporting currency.
    Money,
    /// Money in the row's own currency.
    Unconverted,
    Days,
    Hours,
    Seconds,
    /// A product or quotient of unlike quantities.
    Compound,
    NotANumber,
}

impl Quantity {
    pub fn noun(self) -> &'static str {
        match self {
            Self::Unknown => "something unknown",
            Self::Literal => "a number",
            Self::Share => "a share",
            Self::Count => "a count",
            Self::Money => "money",
            Self::Unconverted => "money in different currencies",
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Seconds => "seconds",
            Self::Compound => "a compound quantity",
            Self::NotANumber => "no number",
        }
    }

    fn is_unit(self) -> bool {
        matches!(self, Self::Count | Self::Money | Self::Unconverted | Self::Days | Self::Hours | Self::Seconds)
    }
}

/// Quantities that do not go together.
#[derive(Debug, Clone)]
pub(super) enum Clash {
    /// An aggregate, by name, over unconverted money.
    Unconverted(String, Span),
    /// `+` or `-` between unlike quantities.
    Operands(&'static str, Quantity, Quantity, Span),
}

impl Clash {
    pub fn place(&self) -> Span {
        match self {
            Self::Unconverted(_, span) | Self::Operands(.., span) => *span,
        }
    }
}

/// What an expression gives, and what does not go together in it.
pub(super) fn infer(expr: &Expr, columns: &dyn Fn(&[String]) -> Quantity) -> (Quantity, Vec<Clash>) {
    let mut inference = Inference { columns, clashes: Vec::new() };
    let quantity = inference.of(expr);
    (quantity, inference.clashes)
}

struct Inference<'a> {
    columns: &'a dyn Fn(&[String]) -> Quantity,
    clashes: Vec<Clash>,
}

impl Inference<'_> {
    fn of(&mut self, expr: &Expr) -> Quantity {
        match expr {
            Expr::Identifier(ident) => (self.columns)(std::slice::from_ref(&ident.value)),
            Expr::CompoundIdentifier(idents) => {
                let path: Vec<String> = idents.iter().map(|ident| ident.value.clone()).collect();
                (self.columns)(&path)
            }
            Expr::Value(value) => match value.value {
                Value::Number(..) => Quantity::Literal,
                Value::Null => Quantity::Unknown,
                _ => Quantity::NotANumber,
            },
            Expr::Nested(expr)
            | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr }
            | Expr::Ceil { expr, .. }
            | Expr::Floor { expr, .. } => self.of(expr),
            Expr::Cast { expr, .. } => match self.of(expr) {
                Quantity::NotANumber => Quantity::Unknown,
                quantity => quantity,
            },
            Expr::BinaryOp { left, op, right } => self.operation(left, op, right, expr.span()),
            Expr::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|when| &when.result);
                let results: Vec<Quantity> =
                    results.chain(else_result.as_deref()).map(|result| self.of(result)).collect();
                alike(results)
            }
            Expr::Function(function) => self.call(function, expr.span()),
            _ => Quantity::Unknown,
        }
    }

    fn operation(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr, span: Span) -> Quantity {
        let (left, right) = (self.of(left), self.of(right));
        match operator {
            BinaryOperator::Plus => self.sum("+", left, right, span),
            BinaryOperator::Minus => self.sum("-", left, right, span),
            BinaryOperator::Multiply => product(left, right),
            BinaryOperator::Divide => quotient(left, right),
            BinaryOperator::And | BinaryOperator::Or => Quantity::NotANumber,
            _ => Quantity::Unknown,
        }
    }

    fn sum(&mut self, operator: &'static str, left: Quantity, right: Quantity, span: Span) -> Quantity {
        if left.is_unit() && right.is_unit() && left != right {
            self.clashes.push(Clash::Operands(operator, left, right, span));
            return Quantity::Unknown;
        }
        alike(vec![left, right])
    }

    fn call(&mut self, function: &Function, span: Span) -> Quantity {
        let name = function.name.to_string().to_lowercase();
        let arguments = arguments(function);
        let given: Vec<Quantity> = arguments.iter().map(|argument| self.of(argument)).collect();
        let first = given.first().copied().unwrap_or(Quantity::Unknown);
        match name.as_str() {
            "count" | "count_if" | "n_unique" => Quantity::Count,
            "sum" | "avg" | "avg_last" | "min" | "max" | "median" | "quantile" | "quantile_cont" | "quantile_disc" => {
                if first == Quantity::Unconverted && function.over.is_none() {
                    self.clashes.push(Clash::Unconverted(name, span));
                    // Reported once, at the innermost place.
                    return Quantity::Unknown;
                }
                first
            }
            "abs" | "overall" | "round" | "ceil" | "floor" | "nullif" => first,
            "coalesce" | "greatest" | "least" | "ifnull" => alike(given),
            "days_between" => Quantity::Days,
            "hours_between" => Quantity::Hours,
            "date_diff" => match arguments.first().map(|unit| unit.to_string().to_lowercase()).as_deref() {
                Some("'day'") => Quantity::Days,
                Some("'hour'") => Quantity::Hours,
                _ => Quantity::Unknown,
            },
            "string_list" | "bool_or" | "bool_and" => Quantity::NotANumber,
            _ => Quantity::Unknown,
        }
    }
}

/// The quantity of a value that is one or another of these.
fn alike(quantities: Vec<Quantity>) -> Quantity {
    let mut common = Quantity::Literal;
    for quantity in quantities {
        common = match (common, quantity) {
            (Quantity::Literal, other) | (other, Quantity::Literal) => other,
            (one, other) if one == other => one,
            _ => Quantity::Unknown,
        };
    }
    common
}

fn product(left: Quantity, right: Quantity) -> Quantity {
    use Quantity::{Compound, Count, Literal, NotANumber, Share, Unknown};
    if [left, right].iter().any(|side| matches!(side, Unknown | NotANumber)) {
        Unknown
    } else if matches!(right, Literal | Share) {
        left
    } else if matches!(left, Literal | Share | Count) {
        right
    } else if right == Count {
        left
    } else {
        Compound
    }
}

fn quotient(left: Quantity, right: Quantity) -> Quantity {
    use Quantity::{Compound, Count, Literal, NotANumber, Share, Unknown};
    match (left, right) {
        (Unknown | NotANumber, _) | (_, Unknown | NotANumber) => Unknown,
        (Literal, Literal) => Literal,
        (one, other) if one == other && one != Compound => Share,
        (one, Literal | Share | Count) => one,
        _ => Compound,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use rstest::rstest;
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    fn quantity(sql: &str) -> (Quantity, Vec<Clash>) {
        let mut parser = Parser::new(&GenericDialect).try_with_sql(sql).unwrap();
        infer(&parser.parse_expr().unwrap(), &|path| match path[0].as_str() {
            "amount" => Quantity::Money,
            "raw" => Quantity::Unconverted,
            "n" => Quantity::Count,
            "share" => Quantity::Share,
            "created_at" => Quantity::NotANumber,
            _ => Quantity::Unknown,
        })
    }

    #[rstest]
    #[case("sum(amount) / count(*)", Quantity::Money)]
    #[case("sum(amount) / sum(amount)", Quantity::Share)]
    #[case("(sum(amount) - sum(amount)) / sum(amount)", Quantity::Share)]
    #[case("1 - sum(n) / sum(n)", Quantity::Share)]
    #[case("100 * count(*)", Quantity::Count)]
    #[case("amount * share - amount", Quantity::Money)]
    #[case("avg(days_between(created_at, created_at))", Quantity::Days)]
    #[case("date_diff('hour', created_at, created_at)", Quantity::Hours)]
    #[case("n * (amount / n) / (avg(days_between(a, b)) / 30.4375)", Quantity::Compound)]
    #[case("case when share > 1 then amount else 0 end", Quantity::Money)]
    #[case("coalesce(amount, 0)", Quantity::Money)]
    #[case("amount * other", Quantity::Unknown)]
    #[case("raw * rate", Quantity::Unknown)]
    fn quantities_follow_the_operations(#[case] sql: &str, #[case] expected: Quantity) {
        let (quantity, clashes) = quantity(sql);
        assert_eq!(quantity, expected);
        assert!(clashes.is_empty(), "{clashes:?}");
    }

    #[rstest]
    #[case("amount + n")]
    #[case("days_between(a, b) - hours_between(a, b)")]
    #[case("sum(raw)")]
    #[case("avg(raw) / 2")]
    fn unlike_quantities_clash(#[case] sql: &str) {
        assert_eq!(quantity(sql).1.len(), 1);
    }
}
