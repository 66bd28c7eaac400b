//! The functions that mean something to this language rather than to SQL alone, and those that mean nothing to it.

use crate::diagnostic::did_you_mean;

/// Aggregates of facts, scores and KPIs, with what each gives.
pub const AGGREGATES: &[(&str, &str)] = &[
    ("count", "`count(*)` rows, `count(x)` rows where x is not null, `count(distinct x)` different values"),
    ("sum", "sum; 0 over nothing"),
    ("avg", "mean of the values that are not null"),
    ("min", "smallest value"),
    ("max", "greatest value"),
    ("median", "median, interpolated linearly"),
    ("quantile", "`quantile(x, 0.9)`, interpolated linearly"),
    (
        "avg_last",
        "`avg_last(x, t, 10)`: mean of x over the ten rows with the greatest t, of equal ones the smaller x first",
    ),
    ("bool_or", "whether it holds for any row"),
    ("bool_and", "whether it holds for every row"),
    ("string_list", "the different values, sorted and joined by `, `"),
];

/// Functions that depend on the run.
pub const RUN_FUNCTIONS: &[(&str, &str)] =
    &[("as_of", "the day that the run looks back from (date)"), ("as_of_end", "the end of that day (timestamp)")];

/// Functions that depend on the period.
pub const PERIOD_FUNCTIONS: &[(&str, &str)] = &[
    ("period_start", "first day of the period (date)"),
    ("period_end", "the day after the period (date)"),
    ("cutoff", "the period's end, or the day after `as_of()` where the period is not over (date)"),
];

/// Aggregates of SQL that facts and KPIs do not have.
const OTHER_AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "arg_max",
    "arg_min",
    "avg_if",
    "corr",
    "covar",
    "every",
    "first",
    "first_value",
    "group_concat",
    "last",
    "last_value",
    "listagg",
    "mean",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "quantile_cont",
    "quantile_disc",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum_if",
    "var",
    "var_pop",
    "var_samp",
    "variance",
    "count_if",
];

/// Functions whose value changes from call to call, which no rerun could repeat.
const UNREPEATABLE: &[&str] = &[
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "random",
    "rand",
    "today",
    "uuid",
];

/// Whether a function reduces many rows to one value, in SQL or in facts and KPIs.
#[must_use]
pub fn aggregates(name: &str) -> bool {
    is_aggregate(name) || is_other_aggregate(name)
}

/// Functions of other engines, with what says the same here.
const OF_OTHERS: &[(&str, &str)] = &[
    ("add_months", "`day + interval '3 months'` moves a day"),
    ("charindex", "`strpos(text, 'part')` finds a part of a text"),
    ("convert", "`cast(x as date)` changes a type"),
    ("countif", "`count(*) filter (where …)` counts the rows that fulfil a condition"),
    ("curdate", "`as_of()` is the day that the run looks back from"),
    ("date_add", "`day + interval '3 days'` moves a day"),
    ("date_format", "`date_trunc('month', day)` cuts time, `extract(year from day)` takes a part of it"),
    ("date_sub", "`day - interval '3 days'` moves a day"),
    ("dateadd", "`day + interval '3 days'` moves a day"),
    ("datetrunc", "`date_trunc('month', day)` cuts time"),
    ("day", "`extract(day from at)` takes a part of a date"),
    ("dayofweek", "`extract(isodow from at)` is 1 on a Monday"),
    ("decode", "`case when … then … else … end`"),
    ("div0", "`x / nullif(y, 0)` is null where y is 0"),
    ("eomonth", "`date_trunc('month', day) + interval '1 month'` is the day after the last one of a month"),
    ("format_date", "`date_trunc('month', day)` cuts time, `extract(year from day)` takes a part of it"),
    ("getdate", "`as_of()` is the day that the run looks back from"),
    ("iff", "`case when … then … else … end`"),
    ("iif", "`case when … then … else … end`"),
    ("instr", "`strpos(text, 'part')` finds a part of a text"),
    ("isnull", "`coalesce(x, y)` is y where x is null, `x is null` a condition"),
    ("lcase", "`lower(text)`"),
    ("len", "`length(text)`"),
    ("month", "`extract(month from at)` takes a part of a date, `date_trunc('month', at)` cuts time"),
    ("months_between", "`date_diff('month', a, b)` counts the months that begin between two days"),
    ("nvl", "`coalesce(x, y)` is y where x is null"),
    ("nvl2", "`case when x is not null then … else … end`"),
    ("quarter", "`extract(quarter from at)` takes a part of a date, `date_trunc('quarter', at)` cuts time"),
    ("safe_cast", "`try_cast(x as date)` is null where x is none"),
    ("safe_divide", "`x / nullif(y, 0)` is null where y is 0"),
    ("sumif", "`sum(x) filter (where …)` sums the rows that fulfil a condition"),
    ("sysdate", "`as_of()` is the day that the run looks back from"),
    ("timestampdiff", "`date_diff('month', a, b)` counts the units that begin between two days"),
    ("to_char", "`date_trunc('month', day)` cuts time, `extract(year from day)` takes a part of it"),
    ("to_date", "`cast(text as date)`; a day in the text of a query is written `date '2026-01-31'`"),
    ("to_number", "`cast(text as double)`"),
    ("trunc", "`date_trunc('month', day)` cuts time, `floor(x)` numbers"),
    ("ucase", "`upper(text)`"),
    ("week", "`date_trunc('week', at)` is the Monday"),
    ("year", "`extract(year from at)` takes a part of a date, `date_trunc('year', at)` cuts time"),
    ("zeroifnull", "`coalesce(x, 0)`"),
];

/// Functions that queries use, beyond those above: what a misspelt name may have been.
const USUAL: &[&str] = &[
    "abs",
    "cast",
    "ceil",
    "coalesce",
    "concat",
    "concat_ws",
    "count_if",
    "date_diff",
    "date_trunc",
    "days_between",
    "dense_rank",
    "exp",
    "extract",
    "first_value",
    "floor",
    "greatest",
    "hours_between",
    "initcap",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "lower",
    "ltrim",
    "mod",
    "nullif",
    "pow",
    "power",
    "rank",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "trim",
    "upper",
];

/// What says the same here as a function of another engine.
pub(super) fn advice(name: &str) -> Option<&'static str> {
    OF_OTHERS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, advice)| *advice)
}

/// The function that an unknown name may have been meant for.
#[must_use]
pub fn near_function(name: &str) -> Option<String> {
    let own = [AGGREGATES, RUN_FUNCTIONS, PERIOD_FUNCTIONS].into_iter().flatten().map(|(name, _)| *name);
    did_you_mean(name, own.chain(USUAL.iter().copied()))
}

pub(super) fn is_unrepeatable(name: &str) -> bool {
    UNREPEATABLE.contains(&name)
}

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.iter().any(|(known, _)| *known == name)
}

pub(super) fn is_other_aggregate(name: &str) -> bool {
    OTHER_AGGREGATES.contains(&name)
}

pub(super) fn is_run_function(name: &str) -> bool {
    RUN_FUNCTIONS.iter().any(|(known, _)| *known == name)
}

pub(super) fn is_period_function(name: &str) -> bool {
    PERIOD_FUNCTIONS.iter().any(|(known, _)| *known == name)
}
