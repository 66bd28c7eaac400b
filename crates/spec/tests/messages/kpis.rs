//! Formulas, benchmarks, scores.

use crate::case;
use crate::names::{kpi, kpi_named};
use insta::assert_snapshot;

#[test]
fn one_aggregate_has_facts_of_one_entity_or_those_above() {
    let kpis = [
        ("fine", "sum(deals.won) filter (where activity.inbound > 0)"),
        ("mixed", "sum(deals.won) filter (where contact_activity.inbound > 0)"),
    ]
    .map(|(name, formula)| kpi_named(name, formula, "count"));
    assert_snapshot!(case(&format!("kpis:\n{}", kpis.concat())), @"
    error[entities-mixed]: `sum` mixes facts of `contact` and of `opportunity`
      --> jobs/case.yaml:13:18
       |
    13 |     formula: sum(deals.won) filter (where contact_activity.inbound > 0)
       |                  ^^^^^^^^^                ------------------------ per `contact`
       |
       = help: all facts of one aggregate are per one entity or those above it; a fact per `account` with `from_entity: opportunity` sums `deals` up to `account`
    ");
}

#[test]
fn columns_of_formulas() {
    assert_snapshot!(case(&kpi("deals.won / sum(win_rate) + sum(won) + region", "ratio")), @"
    error[column-outside-aggregate]: `deals.won` stands outside of an aggregate
     --> jobs/case.yaml:6:14
      |
    6 |     formula: deals.won / sum(win_rate) + sum(won) + region
      |              ^^^^^^^^^
      |
      = help: for example `sum(deals.won)`

    error[unknown-dimension]: `win_rate` is not a dimension; measures are written `<fact>.<measure>`
     --> jobs/case.yaml:6:30
      |
    6 |     formula: deals.won / sum(win_rate) + sum(won) + region
      |                              ^^^^^^^^
      |
      = help: `win_rate` is a KPI, which stands outside of aggregates

    error[unknown-dimension]: `won` is not a dimension; measures are written `<fact>.<measure>`
     --> jobs/case.yaml:6:46
      |
    6 |     formula: deals.won / sum(win_rate) + sum(won) + region
      |                                              ^^^
      |
      = help: did you mean `deals.won`?

    error[unknown-kpi]: `region` is not a KPI of the project
     --> jobs/case.yaml:6:53
      |
    6 |     formula: deals.won / sum(win_rate) + sum(won) + region
      |                                                     ^^^^^^
      |
      = help: `region` is a dimension, which can stand inside of aggregates
    ");
}

#[test]
fn formulas_that_say_nothing_or_too_much() {
    let kpis = [
        ("constant", "42"),
        ("nested", "sum(max(deals.won))"),
        ("run", "count(*) filter (where as_of() > date '2026-01-01')"),
        ("unknown", "stddev(deals.amount)"),
    ]
    .map(|(name, formula)| kpi_named(name, formula, "ratio"));
    assert_snapshot!(case(&format!("kpis:\n{}", kpis.concat())), @"
    error[aggregate-missing]: the formula of `constant` is the same everywhere: it names neither facts nor KPIs
     --> jobs/case.yaml:6:14
      |
    6 |     formula: 42
      |              ^^

    error[nested-aggregate]: `max` stands inside of another aggregate
      --> jobs/case.yaml:13:18
       |
    13 |     formula: sum(max(deals.won))
       |                  ^^^^^^^^^^^^^
       |
       = help: the inner one belongs into a fact

    error[run-function-not-allowed]: `as_of()` cannot stand here: the result would depend on the run
      --> jobs/case.yaml:20:37
       |
    20 |     formula: count(*) filter (where as_of() > date '2026-01-01')
       |                                     ^^^^^
       |
       = help: it can stand in tables, facts and marts

    error[unknown-aggregate]: `stddev` is not an aggregate of facts and KPIs
      --> jobs/case.yaml:27:14
       |
    27 |     formula: stddev(deals.amount)
       |              ^^^^^^^^^^^^^^^^^^^
       |
       = help: the aggregates are count, sum, avg, min, max, median, quantile, avg_last, bool_or, bool_and, string_list
    ");
}

#[test]
fn benchmarks_rise_with_what_is_better() {
    let kpi = kpi("sum(deals.won)", "count")
        + "    benchmark: {alarm: 5, healthy: 3}\n    compares: programme\n    grains: [fiscal_year]\n";
    assert_snapshot!(case(&kpi), @"
    error[missing-fiscal-calendar]: fiscal periods need the month in which the fiscal year begins
     --> jobs/case.yaml:4:3
      |
    4 |   case_kpi:
      |   ^^^^^^^^
      |
      = help: `settings.fiscal_year_start` in pipelines.yaml

    error[benchmark-out-of-order]: the benchmark does not fit `better: higher`
      --> jobs/case.yaml:11:16
       |
    11 |     benchmark: {alarm: 5, healthy: 3}
       |                ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: alarm, healthy and strong rise where higher is better

    error[unknown-dimension]: `programme` is not a dimension
      --> jobs/case.yaml:12:15
       |
    12 |     compares: programme
       |               ^^^^^^^^^
       |
       = help: did you mean `program`?
    ");
}

#[test]
fn scores_read_the_signals_of_a_period() {
    assert_snapshot!(case("scores:\n  heat:\n    per: account\n    from: deals\n    signal: kind\n    components:\n      band: {measure: count(*)}\n      reach: {measure: count(distinct contact_id), by_signal: true}\n    bands: {by: sector, default: {hot: 10, warm: 20}}\n"), @"
    error[score-not-per-period]: `deals` is not a `for_each: period` table
     --> jobs/case.yaml:6:11
      |
    6 |     from: deals
      |           ^^^^^
      |
      = help: a score reads the signals of one period

    error[reserved-name]: `band` is a measure that every score has
     --> jobs/case.yaml:9:7
      |
    9 |       band: {measure: count(*)}
      |       ^^^^

    error[score-not-additive]: `count` over all signals is not the sum of `count` over each
      --> jobs/case.yaml:10:24
       |
    10 |       reach: {measure: count(distinct contact_id), by_signal: true}
       |                        ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: `by_signal` is for `sum` and `count`

    error[unknown-dimension]: `sector` is not a dimension
      --> jobs/case.yaml:11:17
       |
    11 |     bands: {by: sector, default: {hot: 10, warm: 20}}
       |                 ^^^^^^

    error[thresholds-out-of-order]: hot (10) lies below warm (20)
      --> jobs/case.yaml:11:34
       |
    11 |     bands: {by: sector, default: {hot: 10, warm: 20}}
       |                                  ^^^^^^^^^^^^^^^^^^^
       |
       = help: above `hot` is hot, below `warm` is cold: `hot` is at least `warm`
    ");
}
