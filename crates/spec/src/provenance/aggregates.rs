//! Does an aggregate count what it is about more than once?

use sqlparser::ast::{BinaryOperator, Expr, Function, FunctionArguments, UnaryOperator};

use crate::sql::{Call, arguments, parts};

use super::dependencies::Ids;
use super::joins::{Input, Joined, path};
use super::relation::{Column, Fan};

/// Aggregates that give something else where rows are repeated.
const COUNTING: &[&str] = &[
    "sum",
    "count",
    "avg",
    "mean",
    "median",
    "quantile",
    "quantile_cont",
    "quantile_disc",
    "percentile_cont",
    "percentile_disc",
    "avg_last",
    "count_if",
    "sum_if",
    "avg_if",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var",
    "var_pop",
    "var_samp",
    "variance",
];

/// What an aggregate does to rows that a join repeats.
pub(super) enum Multiplied {
    /// It counts them again for every row that they meet; whose values it takes, where these are of one input.
    By(Fan, Option<String>),
    /// It adds up an amount of money of a row that was looked up, once for every row that it was looked up for.
    Amount(Fan),
}

impl Joined<'_> {
    /// The join by which an aggregate counts rows more than once within a group, whose values `group` are.
    pub fn multiplied(&mut self, call: &Call, group: &Ids) -> Option<Multiplied> {
        if !COUNTING.contains(&call.name.as_str()) || call.is_distinct() {
            return None;
        }
        let mut fixed = group.clone();
        if let Some(filter) = &call.function.filter {
            fixed.extend(self.fixed_by(filter));
        }
        let named = summed(&call.function)?;
        let columns: Vec<_> = named.iter().map(|path| self.column(path)).collect::<Option<_>>()?;
        if columns.is_empty() {
            // Counting rows is right where they are rows of something.
            if self.has_one_kind_of_row(&fixed) {
                return None;
            }
            return self.fans.iter().rev().find(|fan| fan.both_ways).cloned().map(|fan| Multiplied::By(fan, None));
        }
        let told_apart = |rows: &mut dyn Iterator<Item = &Ids>| {
            let fixed = rows.fold(fixed.clone(), |fixed, rows| fixed.union(rows).copied().collect());
            self.rules.closure(&fixed)
        };
        let grains = told_apart(&mut columns.iter().map(|column| &column.grain));
        if !self.rows.is_subset(&grains) {
            let fan = blamed(&self.fans, &grains, |column| &column.grain, &columns)?;
            let own = |input: &&Input| columns.iter().all(|column| column.home == input.relation.rows);
            let owner = self.inputs.iter().find(own).map(|input| input.name.clone());
            return Some(Multiplied::By(fan, owner));
        }
        if call.name != "sum" || !columns.iter().all(|column| column.is_money) {
            return None;
        }
        let homes = told_apart(&mut columns.iter().map(|column| &column.home));
        blamed(&self.look_ups, &homes, |column| &column.home, &columns).map(Multiplied::Amount)
    }
}

/// The join that repeats values: one that repeats the very rows that they are values of, if there is one.
fn blamed(fans: &[Fan], told_apart: &Ids, rows_of: impl Fn(&Column) -> &Ids, columns: &[Column]) -> Option<Fan> {
    let repeats = |fan: &&Fan| !fan.rows.is_subset(told_apart);
    let own = |fan: &&Fan| columns.iter().any(|column| fan.of.is_subset(rows_of(column)));
    fans.iter().find(|fan| repeats(fan) && own(fan)).or_else(|| fans.iter().find(repeats)).cloned()
}

/// The columns whose values an aggregate adds up; none where they are weighed by each other, which may be what makes it right.
fn summed(function: &Function) -> Option<Vec<Vec<String>>> {
    let mut named = Vec::new();
    if let FunctionArguments::List(_) = &function.args {
        let value = arguments(function).into_iter().next();
        if let Some(value) = value {
            linear(value, &mut named).then_some(())?;
        }
    }
    Some(named)
}

/// Notes the columns of a sum of values; false where values are multiplied.
fn linear(expr: &Expr, named: &mut Vec<Vec<String>>) -> bool {
    if let Some(path) = path(expr) {
        named.push(path);
        return true;
    }
    match expr {
        Expr::Nested(expr)
        | Expr::Cast { expr, .. }
        | Expr::Ceil { expr, .. }
        | Expr::Floor { expr, .. }
        | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => linear(expr, named),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply | BinaryOperator::Divide, right } => {
            let weighed = |side: &Expr| !parts(side).columns.is_empty();
            if weighed(left) && weighed(right) {
                return false;
            }
            linear(left, named) && linear(right, named)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            linear(left, named) && linear(right, named)
        }
        Expr::Case { conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            results.map(|result| linear(result, named)).min().unwrap_or(true)
        }
        Expr::Function(function) if is_kept_by(function) => {
            arguments(function).into_iter().map(|argument| linear(argument, named)).min().unwrap_or(true)
        }
        other => {
            named.extend(parts(other).columns.into_iter().map(|column| column.path));
            true
        }
    }
}

fn is_kept_by(function: &Function) -> bool {
    let name = function.name.to_string().to_lowercase();
    matches!(name.as_str(), "coalesce" | "abs" | "round" | "ceil" | "floor" | "greatest" | "least" | "ifnull")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;
    use rstest::rstest;
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    #[rstest]
    #[case("count(*)", Some(""))]
    #[case("sum(case when t.kind = 'web' then 1 else 0 end)", Some(""))]
    #[case("sum(o.amount)", Some("o.amount"))]
    #[case("sum(coalesce(-o.amount, 0) * 2)", Some("o.amount"))]
    #[case("sum(case when t.kind = 'web' then o.amount end)", Some("o.amount"))]
    #[case("avg(days_between(o.created_at, t.at))", Some("o.created_at t.at"))]
    #[case("sum(o.amount / n.touches)", None)]
    fn what_is_added_up(#[case] sql: &str, #[case] expected: Option<&str>) {
        let expr = Parser::new(&GenericDialect).try_with_sql(sql).unwrap().parse_expr().unwrap();
        let Expr::Function(function) = expr else { panic!("an aggregate") };
        let named = summed(&function);
        let named = named.map(|named| named.iter().map(|path| path.join(".")).collect::<Vec<_>>().join(" "));
        assert_eq!(named.as_deref(), expected);
    }
}
