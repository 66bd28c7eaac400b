//! The functions that mean something to this language rather than to SQL alone.

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
