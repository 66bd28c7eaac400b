//! Expressions: from the YAML's SQL to that of the engine, with the kind of their value.

use std::fmt::Write as _;

use abmart_spec::sql::arguments;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, DateTimeField, Expr, Function, Ident, Spanned as _, UnaryOperator,
    Value,
};
use sqlparser::tokenizer::Span;

use crate::kind::{Kind, literal, quoted};

/// An expression in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text, whole in itself: it can stand as an operand.
    pub sql: String,
    /// The kind of its value; none of `null`.
    pub kind: Option<Kind>,
}

/// What may mean something else to another engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it stands in the expression.
    pub place: Span,
    /// What it is, as the beginning of a sentence.
    pub what: String,
}

/// Renders an expression over columns of the kinds that `columns` knows.
///
/// # Errors
/// Where a part of it is not surely the same to Polars and to an engine that speaks Spark's SQL.
pub fn render(expr: &Expr, columns: &dyn Fn(&str) -> Option<Kind>) -> Result<Rendered, Refusal> {
    Renderer { columns }.expression(expr)
}

struct Renderer<'a> {
    columns: &'a dyn Fn(&str) -> Option<Kind>,
}

type Outcome = Result<Rendered, Refusal>;

fn refused<T>(place: &Expr, what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { place: place.span(), what: what.into() })
}

fn rendered(sql: impl Into<String>, kind: Kind) -> Rendered {
    Rendered { sql: sql.into(), kind: Some(kind) }
}

impl Renderer<'_> {
    fn expression(&self, expr: &Expr) -> Outcome {
        match expr {
            Expr::Identifier(name) => self.column(expr, name),
            // `touchpoints.channel`: a rollup reads one source.
            Expr::CompoundIdentifier(path) if path.len() == 2 => self.column(expr, &path[1]),
            Expr::Nested(inner) => self.expression(inner),
            Expr::Value(value) => value_of(expr, &value.value),
            Expr::TypedString(typed) => moment(expr, &typed.data_type, &typed.value.value),
            Expr::UnaryOp { op, expr: operand } => self.unary(expr, *op, operand),
            Expr::BinaryOp { left, op, right } => self.binary(expr, left, op, right),
            Expr::IsNull(operand) => Ok(rendered(format!("({} IS NULL)", self.expression(operand)?.sql), Kind::Flag)),
            Expr::IsNotNull(operand) => {
                Ok(rendered(format!("({} IS NOT NULL)", self.expression(operand)?.sql), Kind::Flag))
            }
            Expr::IsTrue(operand) => self.is(operand, "COALESCE({}, FALSE)"),
            Expr::IsNotTrue(operand) => self.is(operand, "(NOT COALESCE({}, FALSE))"),
            Expr::IsFalse(operand) => self.is(operand, "(NOT COALESCE({}, TRUE))"),
            Expr::IsNotFalse(operand) => self.is(operand, "COALESCE({}, TRUE)"),
            Expr::InList { expr: operand, list, negated } => self.in_list(operand, list, *negated),
            Expr::Between { expr: operand, negated, low, high } => self.between(operand, low, high, *negated),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: operand, data_type, .. } => {
                self.cast(expr, operand, data_type)
            }
            Expr::Extract { field, expr: operand, .. } => self.extract(expr, field, operand),
            Expr::Function(function) => self.function(expr, function),
            _ => refused(expr, format!("`{expr}`")),
        }
    }

    fn column(&self, expr: &Expr, name: &Ident) -> Outcome {
        match (self.columns)(&name.value) {
            Some(kind) => Ok(rendered(quoted(&name.value), kind)),
            None => refused(expr, format!("`{name}`, which is no column of the source,")),
        }
    }

    /// As the expression of this kind; a whole number serves as a float, a day as its midnight.
    fn of_kind(&self, expr: &Expr, kind: Kind) -> Result<String, Refusal> {
        let found = self.expression(expr)?;
        match as_kind(&found, kind) {
            Some(sql) => Ok(sql),
            None => refused(expr, format!("`{expr}`, which is not {},", kind.word())),
        }
    }

    fn is(&self, operand: &Expr, template: &str) -> Outcome {
        Ok(rendered(template.replace("{}", &self.of_kind(operand, Kind::Flag)?), Kind::Flag))
    }

    fn unary(&self, expr: &Expr, op: UnaryOperator, operand: &Expr) -> Outcome {
        let found = self.expression(operand)?;
        match (op, found.kind) {
            (UnaryOperator::Not, Some(Kind::Flag)) => Ok(rendered(format!("(NOT {})", found.sql), Kind::Flag)),
            (UnaryOperator::Plus, Some(kind)) if kind.is_number() => Ok(found),
            (UnaryOperator::Minus, Some(kind)) if kind.is_number() => Ok(rendered(format!("(- {})", found.sql), kind)),
            _ => refused(expr, format!("`{expr}`")),
        }
    }

    fn binary(&self, expr: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Outcome {
        use BinaryOperator as Op;
        let symbol = match op {
            Op::And | Op::Or => {
                let (left, right) = (self.of_kind(left, Kind::Flag)?, self.of_kind(right, Kind::Flag)?);
                return Ok(rendered(format!("({left} {op} {right})"), Kind::Flag));
            }
            Op::Eq => "=",
            Op::NotEq => "<>",
            Op::Lt => "<",
            Op::LtEq => "<=",
            Op::Gt => ">",
            Op::GtEq => ">=",
            Op::Plus | Op::Minus | Op::Multiply => return self.arithmetic(expr, left, op, right),
            // Division among them: an engine may answer one by zero with null, infinity or an error.
            _ => return refused(expr, format!("`{op}`, in `{expr}`,")),
        };
        let (_, sides) = self.alike(expr, &[left, right])?;
        Ok(rendered(format!("({} {symbol} {})", sides[0], sides[1]), Kind::Flag))
    }

    fn arithmetic(&self, expr: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Outcome {
        let (kind, sides) = self.alike(expr, &[left, right])?;
        match kind {
            Some(kind) if kind.is_number() => Ok(rendered(format!("({} {op} {})", sides[0], sides[1]), kind)),
            _ => refused(expr, format!("`{expr}`, which counts with something else than numbers,")),
        }
    }

    /// Several expressions as values of one kind.
    fn alike(&self, whole: &Expr, parts: &[&Expr]) -> Result<(Option<Kind>, Vec<String>), Refusal> {
        let found = parts.iter().map(|part| self.expression(part)).collect::<Result<Vec<_>, _>>()?;
        let mut common: Option<Kind> = None;
        for kind in found.iter().filter_map(|part| part.kind) {
            let known = common.unwrap_or(kind);
            common = wider(known, kind);
            if common.is_none() {
                return refused(whole, format!("`{whole}`, which puts {} beside {},", known.word(), kind.word()));
            }
        }
        let sql = |part: &Rendered| match common {
            Some(kind) => as_kind(part, kind).unwrap_or_default(),
            None => part.sql.clone(),
        };
        Ok((common, found.iter().map(sql).collect()))
    }

    fn in_list(&self, operand: &Expr, list: &[Expr], negated: bool) -> Outcome {
        let all: Vec<&Expr> = std::iter::once(operand).chain(list).collect();
        let (_, sides) = self.alike(operand, &all)?;
        if let Some(null) = list.iter().find(|item| matches!(item, Expr::Value(value) if value.value == Value::Null)) {
            return refused(null, "`null` in a list");
        }
        let not = if negated { "NOT " } else { "" };
        Ok(rendered(format!("({} {not}IN ({}))", sides[0], sides[1..].join(", ")), Kind::Flag))
    }

    fn between(&self, operand: &Expr, low: &Expr, high: &Expr, negated: bool) -> Outcome {
        let (_, sides) = self.alike(operand, &[operand, low, high])?;
        let not = if negated { "NOT " } else { "" };
        Ok(rendered(format!("({not}({0} >= {1} AND {0} <= {2}))", sides[0], sides[1], sides[2]), Kind::Flag))
    }

    fn case(&self, operand: Option<&Expr>, conditions: &[CaseWhen], otherwise: Option<&Expr>) -> Outcome {
        let results: Vec<&Expr> = conditions.iter().map(|when| &when.result).chain(otherwise).collect();
        let Some(first) = results.first() else {
            return Err(Refusal { place: Span::empty(), what: "`case` without values".to_owned() });
        };
        let (kind, values) = self.alike(first, &results)?;
        let Some(kind) = kind else { return refused(first, "`case` whose values are all `null`") };
        let mut sql = "(CASE".to_owned();
        for (when, value) in conditions.iter().zip(&values) {
            let condition = match operand {
                None => self.of_kind(&when.condition, Kind::Flag)?,
                Some(operand) => {
                    let (_, sides) = self.alike(&when.condition, &[operand, &when.condition])?;
                    format!("{} = {}", sides[0], sides[1])
                }
            };
            let _ = write!(sql, " WHEN {condition} THEN {value}");
        }
        if otherwise.is_some() {
            let _ = write!(sql, " ELSE {}", values[values.len() - 1]);
        }
        sql.push_str(" END)");
        Ok(rendered(sql, kind))
    }

    fn cast(&self, expr: &Expr, operand: &Expr, to: &DataType) -> Outcome {
        let found = self.expression(operand)?;
        let wanted = match to {
            DataType::Date => Some(Kind::Day),
            DataType::Timestamp(..) | DataType::Datetime(_) => Some(Kind::Moment),
            DataType::BigInt(_) => Some(Kind::Whole),
            DataType::Double(_) | DataType::DoublePrecision | DataType::Float64 => Some(Kind::Real),
            DataType::Varchar(None) | DataType::Text | DataType::String(None) => Some(Kind::Text),
            DataType::Boolean | DataType::Bool => Some(Kind::Flag),
            _ => None,
        };
        match (found.kind, wanted) {
            (Some(from), Some(to))
                if from == to
                    || from.is_time() && to.is_time()
                    || matches!((from, to), (Kind::Whole, Kind::Real | Kind::Text) | (Kind::Flag, Kind::Whole)) =>
            {
                Ok(rendered(format!("CAST({} AS {})", found.sql, to.sql()), to))
            }
            _ => refused(expr, format!("`{expr}`")),
        }
    }

    fn extract(&self, expr: &Expr, field: &DateTimeField, operand: &Expr) -> Outcome {
        let found = self.expression(operand)?;
        let of_day =
            matches!(field, DateTimeField::Year | DateTimeField::Quarter | DateTimeField::Month | DateTimeField::Day);
        match found.kind {
            Some(kind) if kind.is_time() && of_day => {
                Ok(rendered(format!("CAST(EXTRACT({field} FROM {}) AS BIGINT)", found.sql), Kind::Whole))
            }
            _ => refused(expr, format!("`{expr}`")),
        }
    }

    fn function(&self, expr: &Expr, function: &Function) -> Outcome {
        let name = function.name.to_string().to_ascii_lowercase();
        let arguments = arguments(function);
        let one = |kinds: &[Kind]| match arguments.as_slice() {
            [argument] => {
                let found = self.expression(argument)?;
                if found.kind.is_some_and(|kind| kinds.contains(&kind)) {
                    Ok(found)
                } else {
                    refused(argument, format!("`{argument}`, as an argument of `{name}`,"))
                }
            }
            _ => refused(expr, format!("`{expr}`")),
        };
        match name.as_str() {
            "coalesce" => {
                let (kind, sides) = self.alike(expr, &arguments)?;
                let Some(kind) = kind else { return refused(expr, format!("`{expr}`")) };
                Ok(rendered(format!("COALESCE({})", sides.join(", ")), kind))
            }
            "nullif" if arguments.len() == 2 => {
                let (kind, sides) = self.alike(expr, &arguments)?;
                let Some(kind) = kind else { return refused(expr, format!("`{expr}`")) };
                Ok(rendered(format!("NULLIF({}, {})", sides[0], sides[1]), kind))
            }
            "abs" => {
                let found = one(&[Kind::Whole, Kind::Real])?;
                Ok(Rendered { sql: format!("ABS({})", found.sql), ..found })
            }
            "length" => Ok(rendered(format!("CAST(LENGTH({}) AS BIGINT)", one(&[Kind::Text])?.sql), Kind::Whole)),
            "date_trunc" => self.truncated(expr, &arguments),
            _ => refused(expr, format!("`{name}(…)`")),
        }
    }

    fn truncated(&self, expr: &Expr, arguments: &[&Expr]) -> Outcome {
        let [unit, operand] = arguments else { return refused(expr, format!("`{expr}`")) };
        let unit = unit.to_string().trim_matches('\'').to_ascii_uppercase();
        let found = self.expression(operand)?;
        match found.kind {
            Some(kind) if kind.is_time() && ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"].contains(&unit.as_str()) => {
                // Of a day it would be in no zone to some engines.
                let moment = as_kind(&found, Kind::Moment).unwrap_or_default();
                Ok(rendered(format!("CAST(DATE_TRUNC('{unit}', {moment}) AS DATE)"), Kind::Day))
            }
            _ => refused(expr, format!("`{expr}`")),
        }
    }
}

fn wider(left: Kind, right: Kind) -> Option<Kind> {
    if left == right {
        Some(left)
    } else if left.is_number() && right.is_number() {
        Some(Kind::Real)
    } else if left.is_time() && right.is_time() {
        Some(Kind::Moment)
    } else {
        None
    }
}

fn as_kind(found: &Rendered, kind: Kind) -> Option<String> {
    match found.kind {
        Some(known) if known == kind => Some(found.sql.clone()),
        None => Some(format!("CAST(NULL AS {})", kind.sql())),
        Some(known) if wider(known, kind) == Some(kind) => Some(format!("CAST({} AS {})", found.sql, kind.sql())),
        Some(_) => None,
    }
}

fn value_of(expr: &Expr, value: &Value) -> Outcome {
    match value {
        // Written as a type's value: a bare 0.5 would be a decimal, a bare 5 a 32-bit integer.
        Value::Number(text, _) if text.parse::<i64>().is_ok() => {
            Ok(rendered(format!("CAST({text} AS BIGINT)"), Kind::Whole))
        }
        Value::Number(text, _) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            Ok(rendered(format!("CAST('{text}' AS DOUBLE)"), Kind::Real))
        }
        Value::SingleQuotedString(text) => Ok(rendered(literal(text), Kind::Text)),
        Value::Boolean(true) => Ok(rendered("TRUE", Kind::Flag)),
        Value::Boolean(false) => Ok(rendered("FALSE", Kind::Flag)),
        Value::Null => Ok(Rendered { sql: "NULL".to_owned(), kind: None }),
        _ => refused(expr, format!("`{expr}`")),
    }
}

/// `date '2026-10-30'` and `timestamp '2026-10-30 08:00:00'`.
fn moment(expr: &Expr, data_type: &DataType, value: &Value) -> Outcome {
    let Value::SingleQuotedString(text) = value else { return refused(expr, format!("`{expr}`")) };
    match data_type {
        DataType::Date => match text.parse::<jiff::civil::Date>() {
            Ok(day) => Ok(rendered(format!("DATE'{day}'"), Kind::Day)),
            Err(_) => refused(expr, format!("`{expr}`")),
        },
        DataType::Timestamp(..) | DataType::Datetime(_) => {
            let day = text.parse::<jiff::civil::Date>().map(|day| day.at(0, 0, 0, 0));
            match if text.len() == 10 { day } else { text.parse::<jiff::civil::DateTime>() } {
                Ok(moment) => {
                    Ok(rendered(format!("TIMESTAMP'{}'", moment.to_string().replace('T', " ")), Kind::Moment))
                }
                Err(_) => refused(expr, format!("`{expr}`")),
            }
        }
        _ => refused(expr, format!("`{expr}`")),
    }
}
