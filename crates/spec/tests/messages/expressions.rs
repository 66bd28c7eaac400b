//! SQL expressions: syntax with its place, aggregates and plain expressions, functions of the run and of the period.

use crate::case;
use insta::assert_snapshot;

#[test]
fn sql_syntax_in_every_kind_of_scalar() {
    assert_snapshot!(case("facts:\n  f:\n    per: account\n    from: touches\n    time: day\n    measures:\n      plain: sum(touches) filtr (where true)\n      single: 'sum(touches) filter (where kind = ''é'' andd true)'\n      double: \"sum(touches) filter (where kind = \\\"é\\\" andd true)\"\n      folded: >-\n        sum(touches)\n        filter (where kind = 'é'\n        andd true)\n      literal: |\n        sum(\n          touches +\n        )\n      open: sum(touches\n"), @r#"
    error[sql-syntax]: SQL: expected the end of the text, found `filtr`
     --> jobs/case.yaml:9:27
      |
    9 |       plain: sum(touches) filtr (where true)
      |                           ^^^^^
      |
      = help: a comma, an operator or a keyword is missing before it

    error[sql-syntax]: SQL: expected `)`, found `andd`
      --> jobs/case.yaml:10:56
       |
    10 |       single: 'sum(touches) filter (where kind = ''é'' andd true)'
       |                                                        ^^^^

    error[sql-syntax]: SQL: expected `)`, found `andd`
      --> jobs/case.yaml:11:56
       |
    11 |       double: "sum(touches) filter (where kind = \"é\" andd true)"
       |                                                        ^^^^

    error[sql-syntax]: SQL: expected `)`, found `andd`
      --> jobs/case.yaml:15:9
       |
    15 |         andd true)
       |         ^^^^

    error[sql-syntax]: SQL: expected an expression, found `)`
      --> jobs/case.yaml:19:9
       |
    19 |         )
       |         ^

    error[sql-syntax]: SQL: expected `)`, found the end of the text
      --> jobs/case.yaml:20:23
       |
    20 |       open: sum(touches
       |                       ^
       |
       = help: 1 `(` is open; in YAML, ` #` begins a remark that is no part of the SQL
    "#);
}

#[test]
fn sql_syntax_of_a_query() {
    assert_snapshot!(case("tables:\n  x:\n    sql: |\n      select account_id,\n             count(*) as n,\n      from touchpoints\n      gruop by account_id\n  y:\n    sql: delete from touchpoints\n"), @"
    error[sql-syntax]: SQL: expected the end of the text, found `by`
     --> jobs/case.yaml:9:13
      |
    9 |       gruop by account_id
      |             ^^
      |
      = help: a comma, an operator or a keyword is missing before it

    error[sql-syntax]: SQL: only a `select` can stand here
      --> jobs/case.yaml:11:10
       |
    11 |     sql: delete from touchpoints
       |          ^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_rollup_has_mergeable_measures_over_events() {
    assert_snapshot!(case("rollups:\n  r:\n    from: accounts\n    by: {day: bucket(listed_on), n: count(*)}\n    measures:\n      contacts: count(distinct contact_id)\n      mean: avg(consumed)\n      share: sum(consumed) / count(*)\n      recent: count(*) filter (where occurred_at > as_of())\n"), @"
    error[rollup-over-snapshot]: `accounts` is a snapshot; a rollup reduces events
      --> jobs/case.yaml:5:11
       |
     5 |     from: accounts
       |           ^^^^^^^^
       |
      ::: jobs/base.yaml:11:3
       |
    11 |   accounts:
       |   -------- the source
       |
       = help: a table with `group by` reduces a snapshot

    error[aggregate-not-allowed]: `count` is an aggregate, but a group key is evaluated row by row
     --> jobs/case.yaml:6:37
      |
    6 |     by: {day: bucket(listed_on), n: count(*)}
      |                                     ^^^^^

    error[rollup-measure-not-mergeable]: `count(distinct contact_id)` cannot be merged over files
     --> jobs/case.yaml:8:17
      |
    8 |       contacts: count(distinct contact_id)
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: a rollup measure is one of `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)`, with an optional `filter (where …)`; other aggregates belong into a fact over the rollup

    error[rollup-measure-not-mergeable]: `avg(consumed)` cannot be merged over files
     --> jobs/case.yaml:9:13
      |
    9 |       mean: avg(consumed)
      |             ^^^^^^^^^^^^^
      |
      = help: a rollup measure is one of `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)`, with an optional `filter (where …)`; other aggregates belong into a fact over the rollup

    error[rollup-measure-not-mergeable]: `sum(consumed) / count(*)` cannot be merged over files
      --> jobs/case.yaml:10:14
       |
    10 |       share: sum(consumed) / count(*)
       |              ^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: a rollup measure is one of `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)`, with an optional `filter (where …)`; other aggregates belong into a fact over the rollup

    error[run-function-not-allowed]: `as_of()` cannot stand here: the result would depend on the run
      --> jobs/case.yaml:11:52
       |
    11 |       recent: count(*) filter (where occurred_at > as_of())
       |                                                    ^^^^^
       |
       = help: it can stand in tables, facts and marts
    ");
}

#[test]
fn aggregates_where_every_row_has_a_value() {
    assert_snapshot!(case("facts:\n  s:\n    per: account\n    from: accounts\n    state: true\n    measures: {value: sum(potential_value)}\n  f:\n    per: account\n    from: touches\n    time: day\n    where: sum(touches) > 1\n    measures: {n: count(*)}\n"), @"
    error[aggregate-not-allowed]: `sum` is an aggregate, but a measure of a state fact is evaluated row by row
     --> jobs/case.yaml:8:23
      |
    8 |     measures: {value: sum(potential_value)}
      |                       ^^^^^^^^^^^^^^^^^^^

    error[aggregate-not-allowed]: `sum` is an aggregate, but a filter is evaluated row by row
      --> jobs/case.yaml:13:12
       |
    13 |     where: sum(touches) > 1
       |            ^^^^^^^^^^^
    ");
}

#[test]
fn plain_expressions_where_rows_are_summed_up() {
    assert_snapshot!(case("facts:\n  f:\n    per: account\n    from: touches\n    time: day\n    measures:\n      bare: touches\n      beside: sum(touches) / touches\n      constant: 1\n      nested: sum(max(touches))\n      unknown: stddev(touches)\n      windowed: sum(touches) over (partition by kind)\n      query: sum((select 1))\n"), @"
    error[column-outside-aggregate]: `touches` stands outside of an aggregate, but a measure is one value for many rows
     --> jobs/case.yaml:9:13
      |
    9 |       bare: touches
      |             ^^^^^^^
      |
      = help: for example `sum(…)`, `count(…)`, or `max(…)` around it

    error[column-outside-aggregate]: `touches` stands outside of an aggregate, but a measure is one value for many rows
      --> jobs/case.yaml:10:30
       |
    10 |       beside: sum(touches) / touches
       |                              ^^^^^^^
       |
       = help: for example `sum(…)`, `count(…)`, or `max(…)` around it

    error[aggregate-missing]: `1` has no aggregate, but a measure is one value for many rows
      --> jobs/case.yaml:11:17
       |
    11 |       constant: 1
       |                 ^
       |
       = help: for example `sum(…)` or `count(*)`

    error[nested-aggregate]: `max` stands inside of another aggregate
      --> jobs/case.yaml:12:19
       |
    12 |       nested: sum(max(touches))
       |                   ^^^^^^^^^^^
       |
       = help: an aggregate over aggregates needs a fact or table in between

    error[unknown-aggregate]: `stddev` is not an aggregate of facts and KPIs
      --> jobs/case.yaml:13:16
       |
    13 |       unknown: stddev(touches)
       |                ^^^^^^^^^^^^^^
       |
       = help: the aggregates are count, sum, avg, min, max, median, quantile, avg_last, bool_or, bool_and, string_list

    error[window-not-allowed]: `sum(…) over (…)` cannot stand here
      --> jobs/case.yaml:14:17
       |
    14 |       windowed: sum(touches) over (partition by kind)
       |                 ^^^^^^^^^^^
       |
       = help: window functions belong into the SQL of a table

    error[subquery-not-allowed]: a query cannot stand inside of an expression here
      --> jobs/case.yaml:15:19
       |
    15 |       query: sum((select 1))
       |                   ^^^^^^^^
       |
       = help: queries belong into the SQL of a table
    ");
}

#[test]
fn functions_of_a_period_need_a_period() {
    assert_snapshot!(case("tables:\n  x:\n    sql: |\n      select * from touches\n      where day < cutoff() and day > as_of() - interval '1 day' and day < now() and day < current_date\n  y:\n    for_each: month\n    sql: select * from touches where day >= period_start() and day > bucket(day)\nrollups:\n  r: {from: touchpoints, where: occurred_at < cutoff(), by: {day: bucket(occurred_at)}, measures: {n: count(*)}}\n"), @"
    error[period-function-outside-period]: `cutoff()` has no meaning here: there is no period
     --> jobs/case.yaml:7:19
      |
    7 |       where day < cutoff() and day > as_of() - interval '1 day' and day < now() and day < current_date
      |                   ^^^^^^
      |
      = help: a table with `for_each: month` or `for_each: period` has one

    error[not-repeatable]: `now` gives something else whenever it is asked
     --> jobs/case.yaml:7:75
      |
    7 |       where day < cutoff() and day > as_of() - interval '1 day' and day < now() and day < current_date
      |                                                                           ^^^
      |
      = help: `as_of()` is the day that the run looks back from

    error[not-repeatable]: `current_date` gives something else whenever it is asked
     --> jobs/case.yaml:7:91
      |
    7 |       where day < cutoff() and day > as_of() - interval '1 day' and day < now() and day < current_date
      |                                                                                           ^^^^^^^^^^^^
      |
      = help: `as_of()` is the day that the run looks back from

    error[bucket-outside-rollup]: `bucket(…)` is a group key of rollups
      --> jobs/case.yaml:10:70
       |
    10 |     sql: select * from touches where day >= period_start() and day > bucket(day)
       |                                                                      ^^^^^^^^^^
       |
       = help: elsewhere `date_trunc('month', …)` cuts time

    error[period-function-outside-period]: `cutoff()` has no meaning here: there is no period
      --> jobs/case.yaml:12:47
       |
    12 |   r: {from: touchpoints, where: occurred_at < cutoff(), by: {day: bucket(occurred_at)}, measures: {n: count(*)}}
       |                                               ^^^^^^
       |
       = help: it can stand in facts, scores, and `for_each: month` or `period` tables
    ");
}

#[test]
fn dates_that_are_none() {
    assert_snapshot!(case("tables:\n  x: {sql: \"select * from touches where day > date '2026-02-30' and day < timestamp 'yesterday'\"}\nfacts:\n  f: {per: account, from: touches, time: day, where: day > date '2026-13-01', measures: {n: count(*)}}\n"), @r#"
    error[bad-date]: `2026-02-30` is not a date
     --> jobs/case.yaml:4:52
      |
    4 |   x: {sql: "select * from touches where day > date '2026-02-30' and day < timestamp 'yesterday'"}
      |                                                    ^^^^^^^^^^^^
      |
      = help: a date is written `date '2026-01-31'`

    error[bad-date]: `yesterday` is not a timestamp
     --> jobs/case.yaml:4:85
      |
    4 |   x: {sql: "select * from touches where day > date '2026-02-30' and day < timestamp 'yesterday'"}
      |                                                                                     ^^^^^^^^^^^
      |
      = help: a timestamp is written `timestamp '2026-01-31 08:00:00'`

    error[bad-date]: `2026-13-01` is not a date
     --> jobs/case.yaml:6:65
      |
    6 |   f: {per: account, from: touches, time: day, where: day > date '2026-13-01', measures: {n: count(*)}}
      |                                                                 ^^^^^^^^^^^^
      |
      = help: a date is written `date '2026-01-31'`
    "#);
}
