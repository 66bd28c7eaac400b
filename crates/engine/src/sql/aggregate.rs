//! Aggregates: taken out of an expression, computed exactly, merged, finished.
//!
//! Float sums are held in fixed point (multiples of 2^-40 in 128 bits), because integer addition gives the same
//! sum in every order: threads, file splits and roll-up paths cannot change a published number.

use std::fmt;
use std::ops::ControlFlow;

use polars::prelude::*;
use sqlparser::ast::{self, Expr as Sql, FunctionArgumentList, FunctionArguments, Ident};

use super::rewrite::plain_arguments;

/// 2^40: resolution of fixed-point sums, about 9·10^-13 of a unit.
const SCALE: f64 = 1_099_511_627_776.0;

/// 2^62: below it a conversion takes one instruction.
const GREATEST_FAST: f64 = 4.611_686_018_427_388e18;

/// 2^126, far from where 128 bits end.
const GREATEST: f64 = 8.507_059_173_023_462e37;

/// One aggregate call of a formula or measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// What is computed.
    pub kind: AggregateKind,
    /// The argument; none for `count(*)`.
    pub argument: Option<Sql>,
    /// What the rows go by, where their order decides.
    pub order: Option<Sql>,
    /// The `filter (where …)` condition.
    pub filter: Option<Sql>,
}

/// The aggregate functions of the language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AggregateKind {
    /// Rows, or values that are not null.
    Count,
    /// Sum; 0 over nothing.
    Sum,
    /// Smallest value.
    Min,
    /// Greatest value.
    Max,
    /// Different values.
    CountDistinct,
    /// The value in the middle, linearly interpolated.
    Median,
    /// The value below which this share of the values lies, linearly interpolated.
    Quantile(f64),
    /// The mean over so many values, those of the greatest order; the smaller value first where the order is the same.
    MeanOfLast(u32),
    /// Whether any value is true.
    BoolOr,
    /// Whether all values are true.
    BoolAnd,
    /// The different values in order, joined by `, `.
    StringList,
}

impl AggregateKind {
    /// Whether partial results over parts of the rows merge into the result over all of them.
    pub fn decomposable(self) -> bool {
        matches!(self, Self::Count | Self::Sum | Self::Min | Self::Max)
    }

    /// Whether the result over no rows is 0 (otherwise null).
    pub fn zero_when_empty(self) -> bool {
        matches!(self, Self::Count | Self::Sum | Self::CountDistinct)
    }
}

impl fmt::Display for Aggregate {
    /// As it would be written in a formula.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let argument = self.argument.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
        match self.kind {
            AggregateKind::Count => write!(f, "count({argument})")?,
            AggregateKind::Sum => write!(f, "sum({argument})")?,
            AggregateKind::Min => write!(f, "min({argument})")?,
            AggregateKind::Max => write!(f, "max({argument})")?,
            AggregateKind::CountDistinct => write!(f, "count(distinct {argument})")?,
            AggregateKind::Median => write!(f, "median({argument})")?,
            AggregateKind::Quantile(share) => write!(f, "quantile({argument}, {share})")?,
            AggregateKind::MeanOfLast(rows) => {
                let order = self.order.as_ref().map(ToString::to_string).unwrap_or_default();
                write!(f, "avg_last({argument}, {order}, {rows})")?;
            }
            AggregateKind::BoolOr => write!(f, "bool_or({argument})")?,
            AggregateKind::BoolAnd => write!(f, "bool_and({argument})")?,
            AggregateKind::StringList => write!(f, "string_list({argument})")?,
        }
        self.filter.as_ref().map_or(Ok(()), |filter| write!(f, " filter (where {filter})"))
    }
}

/// Takes the aggregates out of an expression; in their places stand the identifiers `__agg_0`, `__agg_1`, ….
///
/// A mean is taken apart into its sum and its count, so that it is exact and merges as they do.
pub fn split(expr: &Sql) -> (Sql, Vec<Aggregate>) {
    let mut found = Vec::new();
    let outer = split_into(expr, &mut found);
    (outer, found)
}

/// As [`split`], for several expressions that share their aggregates.
pub fn split_into(expr: &Sql, found: &mut Vec<Aggregate>) -> Sql {
    let mut outer = without_avg(expr);
    let _ = ast::visit_expressions_mut(&mut outer, |node| {
        if let Some(aggregate) = recognise(node) {
            *node = Sql::Identifier(Ident::new(placeholder(index_of(aggregate, found))));
        }
        ControlFlow::<()>::Continue(())
    });
    outer
}

/// The place of an aggregate among those found, which it joins where it is new.
pub fn index_of(aggregate: Aggregate, found: &mut Vec<Aggregate>) -> usize {
    found.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
        found.push(aggregate);
        found.len() - 1
    })
}

/// `avg(x)` as the ratio that it is.
fn without_avg(expr: &Sql) -> Sql {
    let mut rewritten = expr.clone();
    let _ = ast::visit_expressions_mut(&mut rewritten, |node| {
        if let Sql::Function(function) = node
            && function.over.is_none()
            && function.name.to_string().eq_ignore_ascii_case("avg")
        {
            let named = |name: &str| {
                let mut part = function.clone();
                part.name = ast::ObjectName::from(vec![Ident::new(name)]);
                Box::new(Sql::Function(part))
            };
            *node = Sql::Nested(Box::new(Sql::BinaryOp {
                left: named("sum"),
                op: ast::BinaryOperator::Divide,
                right: named("count"),
            }));
        }
        ControlFlow::<()>::Continue(())
    });
    rewritten
}

/// The name that stands for the n-th aggregate.
pub fn placeholder(index: usize) -> String {
    format!("__agg_{index}")
}

fn recognise(node: &Sql) -> Option<Aggregate> {
    let Sql::Function(function) = node else { return None };
    if function.over.is_some() {
        return None;
    }
    let arguments = plain_arguments(function);
    let first = || arguments.first().cloned();
    let distinct = matches!(
        &function.args,
        FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: Some(ast::DuplicateTreatment::Distinct),
            ..
        })
    );
    let filter = function.filter.as_deref().cloned();
    let mut order = None;
    let (kind, argument, filter) = match function.name.to_string().to_ascii_lowercase().as_str() {
        "count" if distinct => (AggregateKind::CountDistinct, first(), filter),
        "count" => (AggregateKind::Count, first(), filter),
        "count_if" => (AggregateKind::Count, None, Some(both(filter, first()?))),
        "sum" => (AggregateKind::Sum, first(), filter),
        "min" => (AggregateKind::Min, first(), filter),
        "max" => (AggregateKind::Max, first(), filter),
        "median" => (AggregateKind::Median, first(), filter),
        "quantile" | "quantile_cont" => {
            let share = arguments.get(1)?.to_string().parse().ok()?;
            (AggregateKind::Quantile(share), first(), filter)
        }
        "avg_last" => {
            order = Some(arguments.get(1)?.clone());
            let rows = arguments.get(2)?.to_string().parse().ok().filter(|rows| *rows > 0)?;
            (AggregateKind::MeanOfLast(rows), first(), filter)
        }
        "bool_or" => (AggregateKind::BoolOr, first(), filter),
        "bool_and" => (AggregateKind::BoolAnd, first(), filter),
        "string_list" => (AggregateKind::StringList, first(), filter),
        _ => return None,
    };
    Some(Aggregate { kind, argument, order, filter })
}

fn both(left: Option<Sql>, right: Sql) -> Sql {
    match left {
        None => right,
        Some(left) => Sql::BinaryOp {
            left: Box::new(Sql::Nested(Box::new(left))),
            op: ast::BinaryOperator::And,
            right: Box::new(Sql::Nested(Box::new(right))),
        },
    }
}

/// The Polars aggregate over a prepared value column (none for `count(*)`) and a prepared filter column.
///
/// `dtype` is the value column's type. Sums of floats come out in fixed point: see [`finish`]. Where the order of rows
/// decides, the value is one of [`ordered`].
pub fn partial(kind: AggregateKind, value: Option<Expr>, filter: Option<Expr>, dtype: Option<&DataType>) -> Expr {
    let Some(value) = value else {
        return match filter {
            None => len().cast(DataType::Int64),
            Some(filter) => filter.fill_null(false).cast(DataType::Int64).sum(),
        };
    };
    let kept = match filter {
        None => value,
        Some(filter) => when(filter).then(value).otherwise(lit(NULL)),
    };
    let is_float = dtype.is_some_and(DataType::is_float);
    match kind {
        AggregateKind::Count => kept.is_not_null().cast(DataType::Int64).sum(),
        AggregateKind::Sum if is_float => to_fixed(kept).sum(),
        // Narrow integers would wrap; what is wider than 64 bits is exact as it is.
        AggregateKind::Sum if matches!(dtype, Some(DataType::Int128)) => kept.sum(),
        AggregateKind::Sum => kept.cast(DataType::Int64).sum(),
        AggregateKind::Min => kept.min(),
        AggregateKind::Max => kept.max(),
        // Null is one of the different values to Polars.
        AggregateKind::CountDistinct => {
            kept.clone().n_unique().cast(DataType::Int64) - kept.is_null().any(true).cast(DataType::Int64)
        }
        AggregateKind::Median => kept.cast(DataType::Float64).median(),
        AggregateKind::Quantile(share) => kept.cast(DataType::Float64).quantile(lit(share), QuantileMethod::Linear),
        AggregateKind::MeanOfLast(rows) => mean_of_last(&kept, rows),
        AggregateKind::BoolOr => kept.any(true),
        AggregateKind::BoolAnd => kept.all(true),
        // Told to keep the order: else Polars leaves the sort out. Nulls are left out when the list is joined.
        AggregateKind::StringList => kept.cast(DataType::String).unique().sort(SortOptions::default()).implode(true),
    }
}

/// A value together with what its row goes by.
pub fn ordered(value: Expr, order: Expr) -> Expr {
    as_struct(vec![value.alias("value"), order.alias("order")])
}

fn mean_of_last(ordered: &Expr, rows: u32) -> Expr {
    let field = |name: &str| ordered.clone().struct_().field_by_name(name);
    let known = field("value").is_not_null().and(field("order").is_not_null());
    // What is not known sorts last and is left out of the mean.
    let [value, order] = ["value", "order"].map(|name| when(known.clone()).then(field(name)).otherwise(lit(NULL)));
    let latest_first = SortMultipleOptions::default().with_order_descending_multi([true, false]).with_nulls_last(true);
    value.clone().sort_by([order, value], latest_first).head(Some(rows as usize)).cast(DataType::Float64).mean()
}

/// Turns a partial result into the value: fixed point into a float, a list into text.
pub fn finish(kind: AggregateKind, column: Expr, dtype: Option<&DataType>) -> Expr {
    match kind {
        AggregateKind::Sum if dtype.is_some_and(DataType::is_float) => from_fixed(column),
        AggregateKind::StringList => column.list().join(lit(", "), true),
        _ => column,
    }
}

/// A float as a multiple of 2^-40 in 128 bits.
pub fn to_fixed(value: Expr) -> Expr {
    (value.cast(DataType::Float64) * lit(SCALE)).round(0, RoundMode::HalfToEven).strict_cast(DataType::Int128)
}

/// As [`to_fixed`], of one value.
///
/// # Errors
/// When the value is not finite or too great.
pub fn fixed_point(value: f64) -> PolarsResult<i128> {
    let scaled = (value * SCALE).round_ties_even();
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below the greatest of the type")]
    if scaled.abs() < GREATEST_FAST {
        return Ok(i128::from(scaled as i64));
    } else if scaled.abs() < GREATEST {
        return Ok(scaled as i128);
    }
    Err(polars_err!(ComputeError: "{value} is not finite or too great, and cannot be summed"))
}

/// Back to a float.
pub fn from_fixed(value: Expr) -> Expr {
    value.cast(DataType::Float64) * lit(1.0 / SCALE)
}

/// The float that a multiple of 2^-40 stands for.
#[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
pub fn float_of(fixed: i128) -> f64 {
    fixed as f64 / SCALE
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn computed(kind: AggregateKind, values: Series, keep: Option<Vec<bool>>) -> AnyValue<'static> {
        let dtype = values.dtype().clone();
        let mut columns = vec![values.with_name("v".into()).into_column()];
        let filter = keep.map(|keep| {
            columns.push(Series::new("f".into(), keep).into_column());
            col("f")
        });
        let frame = DataFrame::new(columns[0].len(), columns).unwrap().lazy();
        let result = frame
            .select([partial(kind, Some(col("v")), filter, Some(&dtype)).alias("r")])
            .select([finish(kind, col("r"), Some(&dtype))])
            .collect()
            .unwrap();
        result.column("r").unwrap().get(0).unwrap().into_static()
    }

    #[rstest]
    #[case(AggregateKind::Count, "3")]
    #[case(AggregateKind::Sum, "7.0")]
    #[case(AggregateKind::Min, "1.0")]
    #[case(AggregateKind::Max, "4.0")]
    #[case(AggregateKind::CountDistinct, "3")]
    #[case(AggregateKind::Median, "2.0")]
    #[case(AggregateKind::Quantile(0.9), "3.6")]
    fn nulls_do_not_count(#[case] kind: AggregateKind, #[case] expected: &str) {
        let values = Series::new("v".into(), [Some(4.0), None, Some(1.0), Some(2.0)]);
        assert_eq!(computed(kind, values, None).to_string(), expected);
    }

    #[rstest]
    #[case(AggregateKind::Sum, "3.0")]
    #[case(AggregateKind::Count, "2")]
    #[case(AggregateKind::Max, "2.0")]
    fn a_filter_leaves_rows_out(#[case] kind: AggregateKind, #[case] expected: &str) {
        let values = Series::new("v".into(), [4.0, 1.0, 2.0]);
        assert_eq!(computed(kind, values, Some(vec![false, true, true])).to_string(), expected);
    }

    #[rstest]
    #[case(AggregateKind::Sum, "0.0")]
    #[case(AggregateKind::Count, "0")]
    #[case(AggregateKind::CountDistinct, "0")]
    #[case(AggregateKind::Median, "null")]
    fn nothing_sums_to_zero_and_has_no_median(#[case] kind: AggregateKind, #[case] expected: &str) {
        let none: [f64; 0] = [];
        assert_eq!(computed(kind, Series::new("v".into(), none), None).to_string(), expected);
    }

    #[test]
    fn the_mean_of_the_last_goes_by_the_order_and_takes_the_smaller_value_first() {
        let rows = df!(
            "x" => [Some(7.0), Some(1.0), Some(5.0), Some(3.0), None, Some(100.0)],
            "at" => [Some(1), Some(9), Some(8), Some(8), Some(9), None],
        );
        let value = partial(AggregateKind::MeanOfLast(2), Some(ordered(col("x"), col("at"))), None, None);
        let mean = rows.unwrap().lazy().select([value.alias("r")]).collect().unwrap();
        assert_eq!(mean.column("r").unwrap().get(0).unwrap().to_string(), "2.0", "1 and, of the two at 8, 3");
    }

    #[test]
    fn a_sum_of_narrow_integers_does_not_wrap() {
        let values = Series::new("v".into(), [i32::MAX, i32::MAX, 1]);
        assert_eq!(computed(AggregateKind::Sum, values, None).to_string(), "4294967295");
    }

    #[test]
    fn a_string_list_is_in_order_and_holds_each_value_once() {
        let values = Series::new("v".into(), [Some("legal"), None, Some("finance"), Some("legal")]);
        assert_eq!(computed(AggregateKind::StringList, values, None).get_str().unwrap(), "finance, legal");
    }

    proptest! {
        /// The law that makes file splits, threads and roll-up paths harmless.
        #[test]
        fn a_sum_is_the_same_in_every_order_and_split(
            mut values in prop::collection::vec(-1e9..1e9_f64, 1..40),
            cut in 0_usize..40,
        ) {
            let sum = |values: &[f64]| {
                let frame = df!("v" => values).unwrap().lazy();
                let sum = frame.select([to_fixed(col("v")).sum()]).collect().unwrap();
                sum.column("v").unwrap().i128().unwrap().get(0).unwrap()
            };
            let whole = sum(&values);
            let (left, right) = values.split_at(cut.min(values.len()));
            prop_assert_eq!(whole, sum(left) + sum(right));
            values.reverse();
            prop_assert_eq!(whole, sum(&values));
        }
    }
}
