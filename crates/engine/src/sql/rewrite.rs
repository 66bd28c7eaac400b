//! What Polars' SQL front end lacks, said on the parsed SQL in words that it has.
//!
//! | written | becomes |
//! |---|---|
//! | `date_trunc('month', d)` | arithmetic on days |
//! | `date_diff('day', a, b)` | difference of the truncated ends |
//! | `days_between(a, b)`, `hours_between(a, b)` | microseconds between, times the length of one |
//! | `count_if(x)` | `sum(case when x then 1 else 0 end)` |
//! | `count(…)` | the same as 64-bit integer (Polars counts in `u32`, which wraps on subtraction) |
//! | `x in (select …)` as a condition | semi join |
//! | `timestamp '2026-10-30'` | with the time of day that Polars asks for |
//! | `as_of()`, `as_of_end()`, `period_start()`, `period_end()`, `cutoff()` | the run's own days |

use std::ops::ControlFlow;

use abmart_plan::calendar::Period;
use jiff::civil::{Date, DateTime};
use jiff::{ToSpan, Unit};
use sqlparser::ast::{self, Expr, Join, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// The days that a run's own functions stand for.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The run's day.
    pub as_of: Date,
    /// The period under evaluation, if any.
    pub period: Option<Period>,
}

/// What cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A period function where no period is.
    #[error("`{0}()` has a meaning only inside a period: in facts and in tables with `for_each`")]
    NoPeriod(String),
    /// A unit that is not known.
    #[error("`{function}` does not know the unit `{unit}`; known are day, week, month, quarter and year")]
    Unit {
        /// The function.
        function: String,
        /// The unit as written.
        unit: String,
    },
    /// Wrong number of arguments.
    #[error("`{function}` takes {wanted} arguments, not {found}")]
    Arguments {
        /// The function.
        function: String,
        /// How many it takes.
        wanted: usize,
        /// How many it got.
        found: usize,
    },
    /// A subquery in a place where it cannot become a join.
    #[error("`in (select …)` works as a condition of `where`, joined to others by `and`; here a join is needed")]
    Subquery,
}

/// Rewrites a query in place.
///
/// # Errors
/// When a function is used outside its place or with wrong arguments.
pub fn query(query: &mut Query, clock: &Clock) -> Result<(), RewriteError> {
    let mut counter = 0;
    semi_joins_of_query(query, &mut counter)?;
    visit(query, clock)
}

/// Rewrites a single expression in place.
///
/// # Errors
/// As [`query`].
pub fn expression(expr: &mut Expr, clock: &Clock) -> Result<(), RewriteError> {
    visit(expr, clock)
}

fn visit<N: ast::VisitMut>(node: &mut N, clock: &Clock) -> Result<(), RewriteError> {
    let flow = ast::visit_expressions_mut(node, |expr| match rewrite_one(expr, clock) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    });
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn rewrite_one(expr: &mut Expr, clock: &Clock) -> Result<(), RewriteError> {
    match expr {
        Expr::TypedString(typed) => {
            if let Some(number) = typed_literal(typed) {
                *expr = number;
            }
            Ok(())
        }
        Expr::InSubquery { .. } => Err(RewriteError::Subquery),
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            if name == "count" {
                // Post-order visiting meets the inner count once: the cast is put around it, not visited again.
                *expr = cast_to(expr.clone(), "BIGINT");
                return Ok(());
            }
            if let Some(replacement) = run_function(&name, function, clock)? {
                *expr = replacement;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn run_function(name: &str, function: &ast::Function, clock: &Clock) -> Result<Option<Expr>, RewriteError> {
    let arguments = plain_arguments(function);
    let exactly = |wanted: usize| {
        if arguments.len() == wanted {
            Ok(())
        } else {
            Err(RewriteError::Arguments { function: name.to_owned(), wanted, found: arguments.len() })
        }
    };
    let period = || clock.period.ok_or_else(|| RewriteError::NoPeriod(name.to_owned()));
    let text = match name {
        "as_of" => date_literal(clock.as_of),
        "as_of_end" => format!("CAST({} AS TIMESTAMP)", date_literal(clock.as_of.saturating_add(1.day()))),
        "period_start" => date_literal(period()?.start),
        "period_end" => date_literal(period()?.end),
        "cutoff" => date_literal(period()?.cutoff),
        "days_between" | "hours_between" => {
            exactly(2)?;
            let unit = if name == "days_between" { 86_400_000_000.0_f64 } else { 3_600_000_000.0_f64 };
            // Polars divides one row, but multiplies many by the reciprocal, which rounds differently.
            format!(
                "(CAST(CAST({} AS TIMESTAMP) - CAST({} AS TIMESTAMP) AS BIGINT) * {:e})",
                arguments[1],
                arguments[0],
                1.0 / unit
            )
        }
        "count_if" => {
            exactly(1)?;
            format!("CAST(SUM(CASE WHEN {} THEN 1 ELSE 0 END) AS BIGINT)", arguments[0])
        }
        "date_trunc" => {
            exactly(2)?;
            truncated(name, &unit_of(&arguments[0]), &arguments[1].to_string())?
        }
        "date_diff" | "datediff" => {
            exactly(3)?;
            let unit = unit_of(&arguments[0]);
            let (from, to) =
                (steps(name, &unit, &arguments[1].to_string())?, steps(name, &unit, &arguments[2].to_string())?);
            format!("({to} - {from})")
        }
        _ => return Ok(None),
    };
    Ok(parsed(&text))
}

/// A day as Polars' SQL understands it without parsing text row by row.
fn date_literal(day: Date) -> String {
    format!("CAST(CAST({} AS INTEGER) AS DATE)", crate::input::load::day_number(day))
}

/// `date '2026-10-30'` and `timestamp '2026-10-30'`, with or without a time of day. What is no date stays as it is,
/// for Polars to refuse.
fn typed_literal(typed: &ast::TypedString) -> Option<Expr> {
    let Value::SingleQuotedString(text) = &typed.value.value else { return None };
    let text = match typed.data_type {
        ast::DataType::Date => date_literal(text.parse().ok()?),
        ast::DataType::Timestamp(..) | ast::DataType::Datetime(_) => {
            let moment: DateTime =
                if text.len() == 10 { text.parse::<Date>().ok()?.into() } else { text.parse().ok()? };
            let since = moment.since((Unit::Microsecond, DateTime::from(jiff::civil::date(1970, 1, 1)))).ok()?;
            format!("CAST(CAST({} AS BIGINT) AS TIMESTAMP)", since.get_microseconds())
        }
        _ => return None,
    };
    parsed(&text)
}

/// An expression from text that is made of parsed expressions and constants, so it parses.
pub(crate) fn parsed(text: &str) -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql(text).and_then(|mut parser| parser.parse_expr()).ok()
}

fn unit_of(expr: &Expr) -> String {
    match expr {
        Expr::Value(value) => value.value.clone().into_string().unwrap_or_default().to_ascii_lowercase(),
        other => other.to_string().to_ascii_lowercase(),
    }
}

/// Number of whole units since a fixed day, so that differences count crossed boundaries.
fn steps(function: &str, unit: &str, value: &str) -> Result<String, RewriteError> {
    let days = format!("CAST(CAST(CAST({value} AS DATE) AS INTEGER) AS BIGINT)");
    let months =
        format!("(CAST(EXTRACT(YEAR FROM {value}) AS BIGINT) * 12 + CAST(EXTRACT(MONTH FROM {value}) AS BIGINT) - 1)");
    match unit {
        "day" => Ok(days),
        // 1970-01-01 was a Thursday: three days after a Monday.
        "week" => Ok(format!("CAST(FLOOR(({days} + 3) / 7) AS BIGINT)")),
        "month" => Ok(months),
        "quarter" => Ok(format!("CAST(FLOOR({months} / 3) AS BIGINT)")),
        "year" => Ok(format!("CAST(EXTRACT(YEAR FROM {value}) AS BIGINT)")),
        _ => Err(RewriteError::Unit { function: function.to_owned(), unit: unit.to_owned() }),
    }
}

fn truncated(function: &str, unit: &str, value: &str) -> Result<String, RewriteError> {
    let days = format!("CAST(CAST({value} AS DATE) AS INTEGER)");
    let back = match unit {
        "day" => return Ok(format!("CAST({value} AS DATE)")),
        "week" => format!("CAST(EXTRACT(ISODOW FROM {value}) AS INTEGER) + 1"),
        "month" => format!("CAST(EXTRACT(DAY FROM {value}) AS INTEGER) + 1"),
        "year" => format!("CAST(EXTRACT(DOY FROM {value}) AS INTEGER) + 1"),
        "quarter" => {
            let month = format!("(CAST(FLOOR((EXTRACT(MONTH FROM {value}) - 1) / 3) AS INTEGER) * 3 + 1)");
            return Ok(format!("STRPTIME(CONCAT(EXTRACT(YEAR FROM {value}), '-', {month}, '-1'), '%Y-%m-%d')::DATE"));
        }
        _ => return Err(RewriteError::Unit { function: function.to_owned(), unit: unit.to_owned() }),
    };
    Ok(format!("CAST({days} - {back} AS DATE)"))
}

fn cast_to(expr: Expr, data_type: &str) -> Expr {
    let data_type = match data_type {
        "BIGINT" => ast::DataType::BigInt(None),
        _ => ast::DataType::Double(ast::ExactNumberInfo::None),
    };
    Expr::Cast { kind: ast::CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

/// The arguments of a function, without names and wildcards.
pub(crate) fn plain_arguments(function: &ast::Function) -> Vec<Expr> {
    abmart_spec::sql::arguments(function).into_iter().cloned().collect()
}

fn semi_joins_of_query(query: &mut Query, counter: &mut usize) -> Result<(), RewriteError> {
    if let Some(with) = &mut query.with {
        for table in &mut with.cte_tables {
            semi_joins_of_query(&mut table.query, counter)?;
        }
    }
    semi_joins_of_body(&mut query.body, counter)
}

fn semi_joins_of_body(body: &mut SetExpr, counter: &mut usize) -> Result<(), RewriteError> {
    match body {
        SetExpr::Select(select) => semi_joins_of_select(select, counter),
        SetExpr::Query(query) => semi_joins_of_query(query, counter),
        SetExpr::SetOperation { left, right, .. } => {
            semi_joins_of_body(left, counter)?;
            semi_joins_of_body(right, counter)
        }
        _ => Ok(()),
    }
}

fn semi_joins_of_select(select: &mut Select, counter: &mut usize) -> Result<(), RewriteError> {
    for table in &mut select.from {
        for relation in std::iter::once(&mut table.relation).chain(table.joins.iter_mut().map(|j| &mut j.relation)) {
            if let ast::TableFactor::Derived { subquery, .. } = relation {
                semi_joins_of_query(subquery, counter)?;
            }
        }
    }
    let Some(condition) = select.selection.take() else { return Ok(()) };
    let mut kept = Vec::new();
    for conjunct in conjuncts(condition) {
        match conjunct {
            Expr::InSubquery { expr, mut subquery, negated } => {
                semi_joins_of_query(&mut subquery, counter)?;
                let from = select.from.last_mut().ok_or(RewriteError::Subquery)?;
                from.joins.push(membership_join(*expr, *subquery, negated, counter)?);
            }
            other => kept.push(other),
        }
    }
    select.selection = kept.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: ast::BinaryOperator::And,
        right: Box::new(right),
    });
    Ok(())
}

/// `expr in (select column from …)` as a semi join on that column, an anti join when negated.
fn membership_join(expr: Expr, mut subquery: Query, negated: bool, counter: &mut usize) -> Result<Join, RewriteError> {
    *counter += 1;
    let (table, column) = (ast::Ident::new(format!("__in_{counter}")), ast::Ident::new(format!("__member_{counter}")));
    let SetExpr::Select(select) = subquery.body.as_mut() else { return Err(RewriteError::Subquery) };
    let [item] = select.projection.as_mut_slice() else { return Err(RewriteError::Subquery) };
    let member = match item {
        SelectItem::UnnamedExpr(member) | SelectItem::ExprWithAlias { expr: member, .. } => member.clone(),
        _ => return Err(RewriteError::Subquery),
    };
    *item = SelectItem::ExprWithAlias { expr: member, alias: column.clone() };
    let condition = Expr::BinaryOp {
        left: Box::new(expr),
        op: ast::BinaryOperator::Eq,
        right: Box::new(Expr::CompoundIdentifier(vec![table.clone(), column])),
    };
    let constraint = JoinConstraint::On(condition);
    Ok(Join {
        relation: ast::TableFactor::Derived {
            lateral: false,
            subquery: Box::new(subquery),
            alias: Some(ast::TableAlias { explicit: true, name: table, columns: Vec::new(), at: None }),
            sample: None,
        },
        global: false,
        join_operator: if negated { JoinOperator::LeftAnti(constraint) } else { JoinOperator::LeftSemi(constraint) },
    })
}

fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::BinaryOp { left, op: ast::BinaryOperator::And, right } => {
            let mut parts = conjuncts(*left);
            parts.extend(conjuncts(*right));
            parts
        }
        Expr::Nested(inner)
            if matches!(*inner, Expr::InSubquery { .. } | Expr::BinaryOp { op: ast::BinaryOperator::And, .. }) =>
        {
            conjuncts(*inner)
        }
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use jiff::civil::date;
    use polars::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::sql::query as run;

    fn parsed_query(text: &str) -> Query {
        Parser::new(&GenericDialect {}).try_with_sql(text).unwrap().parse_query().map(|query| *query).unwrap()
    }

    fn clock() -> Clock {
        let as_of = date(2026, 11, 22);
        Clock { as_of, period: Some(Period::holding(abmart_spec::model::Grain::Month, date(2026, 10, 30), as_of, 1)) }
    }

    /// One row: a Friday in October, a moment three and a half days later, a number.
    fn sample() -> LazyFrame {
        let days = Series::new("d".into(), [crate::input::load::day_number(date(2026, 10, 30))]);
        let moment = 1_793_664_000_000_000_i64;
        DataFrame::new(
            1,
            vec![
                days.cast(&DataType::Date).unwrap().into_column(),
                Series::new("t".into(), [moment])
                    .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
                    .unwrap()
                    .into_column(),
                Series::new("n".into(), [7_i32]).into_column(),
            ],
        )
        .unwrap()
        .lazy()
    }

    fn evaluated(expression: &str) -> Result<String, String> {
        let query = parsed_query(&format!("select {expression} as x from sample"));
        let frame = run::run(&query, [("sample", sample())], &clock());
        frame.map_err(|error| error.to_string()).map(|frame| frame.column("x").unwrap().get(0).unwrap().to_string())
    }

    #[rstest]
    #[case("date_trunc('day', t)", "2026-11-03")]
    #[case("date_trunc('week', d)", "2026-10-26")]
    #[case("date_trunc('month', d)", "2026-10-01")]
    #[case("date_trunc('quarter', d)", "2026-10-01")]
    #[case("date_trunc('year', t)", "2026-01-01")]
    #[case("date_diff('day', d, t)", "4")]
    #[case("date_diff('week', d, t)", "1")]
    #[case("date_diff('month', d, t)", "1")]
    #[case("date_diff('quarter', d, t)", "0")]
    #[case("date_diff('year', d, t)", "0")]
    #[case("days_between(d, t)", "4.0")]
    #[case("hours_between(d, t)", "96.0")]
    #[case("count_if(n > 5)", "1")]
    #[case("count(*) - 3", "-2")]
    #[case("as_of()", "2026-11-22")]
    #[case("as_of_end()", "2026-11-23 00:00:00")]
    #[case("period_start()", "2026-10-01")]
    #[case("period_end()", "2026-11-01")]
    #[case("cutoff()", "2026-11-01")]
    #[case("d < date '2026-10-31'", "true")]
    #[case("t > timestamp '2026-10-30'", "true")]
    #[case("t + interval '180 days' > as_of_end()", "true")]
    fn what_the_front_end_lacks_is_said_in_other_words(#[case] expression: &str, #[case] expected: &str) {
        assert_eq!(evaluated(expression).unwrap(), expected);
    }

    /// Polars would share the constant as a column of one row, which builds with assertions refuse.
    #[rstest]
    #[case::in_a_query("select {} from samples")]
    #[case::in_one_of_its_names("with known as (select {} from samples) select n, early, late from known")]
    fn a_day_of_the_run_may_stand_twice(#[case] text: &str) {
        let two = concat([sample(), sample()], UnionArgs { rechunk: true, ..UnionArgs::default() }).unwrap();
        let two = two.collect().unwrap();
        // In several pieces, each of several rows, as what files gave.
        let samples = (0..50).fold(two.clone(), |rows, _| rows.vstack(&two).unwrap()).lazy();
        let twice = "n, case when t < as_of_end() then hours_between(d, t) end as early, hours_between(t, as_of_end()) >= 24 as late";
        let rows = run::run(&parsed_query(&text.replace("{}", twice)), [("samples", samples)], &clock()).unwrap();
        assert_eq!(rows.height(), 102);
        assert_eq!(rows.column("late").unwrap().bool().unwrap().sum(), Some(102));
    }

    #[test]
    fn a_span_is_the_same_alone_and_among_others() {
        let span = |rows: usize| {
            let times = |end: i64| {
                Series::new("t".into(), vec![end; rows]).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
            };
            let (a, b) = (times(0).unwrap(), times(4_921_200_000_000).unwrap());
            let frame = DataFrame::new(
                rows,
                vec![a.with_name("a".into()).into_column(), b.with_name("b".into()).into_column()],
            );
            let query = parsed_query("select days_between(a, b) as x from sample");
            let found = run::run(&query, [("sample", frame.unwrap().lazy())], &clock()).unwrap();
            found.column("x").unwrap().f64().unwrap().get(0).unwrap().to_bits()
        };
        assert_eq!(span(1), span(2));
    }

    #[rstest]
    #[case("date_trunc('decade', d)", "`date_trunc` does not know the unit `decade`")]
    #[case("days_between(d)", "`days_between` takes 2 arguments, not 1")]
    #[case("n + (n in (select n from sample))::int", "`in (select …)` works as a condition of `where`")]
    fn what_cannot_be_rewritten_is_refused(#[case] expression: &str, #[case] message: &str) {
        let refused = evaluated(expression).unwrap_err();
        assert!(refused.contains(message), "{refused}");
    }

    #[test]
    fn a_period_function_outside_a_period_is_refused() {
        let mut expr = parsed("cutoff()").unwrap();
        let refused = expression(&mut expr, &Clock { as_of: date(2026, 1, 1), period: None });
        assert_eq!(refused, Err(RewriteError::NoPeriod("cutoff".to_owned())));
    }

    #[rstest]
    #[case("a in (select a from u)", vec![1, 1])]
    #[case("a not in (select a from u)", vec![2, 3])]
    #[case("a in (select a from u) and b > 10", vec![1])]
    fn membership_is_a_semi_join(#[case] condition: &str, #[case] expected: Vec<i64>) {
        let t = df!("a" => [1_i64, 1, 2, 3], "b" => [10_i64, 20, 30, 40]).unwrap().lazy();
        let u = df!("a" => [1_i64, 1, 9]).unwrap().lazy();
        let query = parsed_query(&format!("select a from t where {condition} order by a"));
        let rows = run::run(&query, [("t", t), ("u", u)], &clock()).unwrap();
        let found: Vec<i64> = rows.column("a").unwrap().i64().unwrap().iter().flatten().collect();
        assert_eq!(found, expected);
    }
}
