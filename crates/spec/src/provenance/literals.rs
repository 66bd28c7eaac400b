//! Values in the text of SQL against the contracts of the columns that they are compared with.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, Spanned as _, UnaryOperator, Value, Visit as _, Visitor};
use sqlparser::tokenizer::Span;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::grammar::list;
use crate::model::ColumnType;
use crate::sql::{Call, arguments};

use super::joins::{Joined, path};
use super::relation::Meaning;

impl Joined<'_> {
    /// Comparisons of columns with values that they cannot have, each with its place.
    pub fn impossible(&mut self, expr: &Expr) -> Vec<(Diagnostic, Span)> {
        let mut finder = Comparisons::default();
        let _ = expr.visit(&mut finder);
        let mut found = Vec::new();
        for (column, value, place) in finder.found {
            let name = column.join(".");
            let Some(meaning) = self.column(&column).and_then(|column| column.meaning) else { continue };
            found.extend(impossible(&name, &meaning, &value).map(|diagnostic| (diagnostic, place)));
        }
        found
    }

    /// An aggregate that adds up what is no number.
    pub fn unsummable(&mut self, call: &Call) -> Option<Diagnostic> {
        if !matches!(call.name.as_str(), "sum" | "avg" | "median" | "quantile") {
            return None;
        }
        let column = path(arguments(&call.function).first()?)?;
        let meaning = self.column(&column)?.meaning?;
        let noun = match meaning.ty {
            ColumnType::String => "text",
            ColumnType::Date | ColumnType::Timestamp => "time",
            _ => return None,
        };
        let name = column.join(".");
        let diagnostic = Diagnostic::error("type-clash", format!("`{}` over `{name}`, which is {noun}", call.name));
        Some(diagnostic.help(format!("`count({name})` counts its values, `count(distinct {name})` the different ones")))
    }
}

/// Comparisons of a column with a value, those of inner queries aside.
#[derive(Default)]
struct Comparisons {
    found: Vec<(Vec<String>, Value, Span)>,
    inner: usize,
}

impl Visitor for Comparisons {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.inner += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.inner -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        if self.inner > 0 {
            return ControlFlow::Continue(());
        }
        match expr {
            Expr::BinaryOp { left, op: Eq | NotEq | Lt | LtEq | Gt | GtEq, right } => {
                self.note(left, right);
                self.note(right, left);
            }
            Expr::InList { expr, list, .. } => list.iter().for_each(|value| self.note(expr, value)),
            Expr::Between { expr, low, high, .. } => {
                self.note(expr, low);
                self.note(expr, high);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Comparisons {
    fn note(&mut self, column: &Expr, value: &Expr) {
        let place = value.span();
        let literal = match value {
            Expr::Value(value) => &value.value,
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
                Expr::Value(value) => &value.value,
                _ => return,
            },
            _ => return,
        };
        if let Some(path) = path(column) {
            self.found.push((path, literal.clone(), place));
        }
    }
}

fn impossible(name: &str, meaning: &Meaning, value: &Value) -> Option<Diagnostic> {
    let clash = |noun: &str, what: &str, help: String| {
        Some(Diagnostic::error("type-clash", format!("`{name}` is {noun}, and this {what}")).help(help))
    };
    match (meaning.ty, value) {
        (ColumnType::Date | ColumnType::Timestamp, Value::SingleQuotedString(text)) => {
            clash("a time", "a text", format!("a day is written `{}`", as_day(text)))
        }
        (ColumnType::Date | ColumnType::Timestamp, Value::Number(..)) => clash(
            "a time",
            "a number",
            format!("a day is written `date '2026-01-31'`; `extract(year from {name})` is a number"),
        ),
        (ColumnType::Integer | ColumnType::Number | ColumnType::Money, Value::SingleQuotedString(text)) => clash(
            "a number",
            "a text",
            match text.trim().parse::<f64>() {
                Ok(_) => format!("a number stands without quotes: `{}`", text.trim()),
                Err(_) => format!("numbers are compared with numbers; is another column meant than `{name}`?"),
            },
        ),
        (ColumnType::String, Value::Number(number, _)) => {
            clash("a text", "a number", format!("a text stands in single quotes: `'{number}'`"))
        }
        (ColumnType::Boolean, Value::SingleQuotedString(_) | Value::Number(..)) => clash(
            "true or false",
            "neither",
            format!("`{name}` by itself is the condition, and `not {name}` its opposite"),
        ),
        (ColumnType::String, Value::SingleQuotedString(text))
            if !meaning.values.is_empty() && !meaning.values.contains(text) =>
        {
            let known = || meaning.values.iter().map(String::as_str);
            let help = match did_you_mean(text, known()) {
                Some(near) => format!("did you mean `'{near}'`?"),
                None => format!("the contract of the source allows {}", list(known())),
            };
            Some(Diagnostic::error("unknown-value", format!("`{name}` is never `{text}`")).help(help))
        }
        _ => None,
    }
}

/// A text that looks like a day, as SQL writes it.
fn as_day(text: &str) -> String {
    let parts: Vec<&str> = text.split(['/', '.', '-']).collect();
    let is_number = |part: &&str| !part.is_empty() && part.chars().all(|character| character.is_ascii_digit());
    match &parts[..] {
        [year, month, day] if year.len() == 4 && parts.iter().all(is_number) => {
            format!("date '{year}-{month:0>2}-{day:0>2}'")
        }
        [day, month, year] if year.len() == 4 && parts.iter().all(is_number) => {
            // 11/22 can only be the American order.
            let american = month.parse::<u8>().is_ok_and(|month| month > 12);
            let (day, month) = if american { (month, day) } else { (day, month) };
            format!("date '{year}-{month:0>2}-{day:0>2}'")
        }
        _ => "date '2026-01-31'".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::as_day;
    use rstest::rstest;

    #[rstest]
    #[case("22/11/2026", "date '2026-11-22'")]
    #[case("11/22/2026", "date '2026-11-22'")]
    #[case("2026-1-5", "date '2026-01-05'")]
    #[case("yesterday", "date '2026-01-31'")]
    fn a_day_in_another_order(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(as_day(text), expected);
    }
}
