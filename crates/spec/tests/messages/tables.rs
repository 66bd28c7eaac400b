//! Inputs of tables, facts and marts.

use crate::{case, messages};
use insta::assert_snapshot;

#[test]
fn a_flow_needs_a_time() {
    assert_snapshot!(case("facts:\n  f: {per: account, from: touches, measures: {n: count(*)}}\n"), @"
    error[missing-time]: fact `f` does not say when its rows happened
     --> jobs/case.yaml:4:3
      |
    4 |   f: {per: account, from: touches, measures: {n: count(*)}}
      |   ^
      |
      = help: `time: <column>` here or at `touches`; a stock says `alive: [begin, end]`, a state `state: true`
    ");
}

#[test]
fn a_state_reads_the_snapshot_of_its_entity() {
    assert_snapshot!(case("facts:\n  f: {per: account, from: contacts, state: true, measures: {consent: consent}}\n  g: {per: opportunity, from: opportunities, state: true, measures: {won: is_won}}\n"), @"
    error[state-not-of-snapshot]: a state fact of `account` reads its snapshot, not `contacts`
     --> jobs/case.yaml:4:27
      |
    4 |   f: {per: account, from: contacts, state: true, measures: {consent: consent}}
      |                           ^^^^^^^^
      |
      = help: `from: accounts`

    error[state-not-of-snapshot]: entity `opportunity` has no snapshot whose state could be read
     --> jobs/case.yaml:5:12
      |
    5 |   g: {per: opportunity, from: opportunities, state: true, measures: {won: is_won}}
      |            ^^^^^^^^^^^
      |
     ::: jobs/base.yaml:8:3
      |
    8 |   opportunity: {key: opportunity_id, parent: account}
      |   ----------- the entity
    ");
}

#[test]
fn facts_are_summed_up_from_an_entity_below() {
    assert_snapshot!(case("facts:\n  f: {per: contact, from_entity: account, measures: {n: sum(activity.inbound)}}\n  g: {per: account, from_entity: contact, measures: {n: sum(activity.inbound), m: sum(inbound)}}\n"), @"
    error[entity-mismatch]: entity `account` is not below `contact`
     --> jobs/case.yaml:4:34
      |
    4 |   f: {per: contact, from_entity: account, measures: {n: sum(activity.inbound)}}
      |            -------               ^^^^^^^
      |            |
      |            the fact's entity
      |
      = help: `from_entity` names an entity whose `parent` leads to the fact's own

    error[entity-mismatch]: fact `activity` is per `account`, but the rows are those of `contact`
     --> jobs/case.yaml:5:61
      |
    5 |   g: {per: account, from_entity: contact, measures: {n: sum(activity.inbound), m: sum(inbound)}}
      |                                                             ^^^^^^^^^^^^^^^^

    error[unknown-measure]: `inbound` is neither a measure nor a dimension
     --> jobs/case.yaml:5:87
      |
    5 |   g: {per: account, from_entity: contact, measures: {n: sum(activity.inbound), m: sum(inbound)}}
      |                                                                                       ^^^^^^^
      |
      = help: measures are written `<fact>.<measure>`
    ");
}

#[test]
fn columns_of_entity_tables_are_unique() {
    assert_snapshot!(case("facts:\n  clash: {per: account, from: touches, time: day, measures: {a_b: count(*)}}\n  clash_a: {per: account, from: touches, time: day, measures: {b: count(*)}}\n  clash_c: {per: contact, from: touches, time: day, measures: {b: count(*)}}\n"), @"
    error[column-clash]: `clash.a_b` and `clash_a.b` would both be the column `clash_a_b`
     --> jobs/case.yaml:5:67
      |
    4 |   clash: {per: account, from: touches, time: day, measures: {a_b: count(*)}}
      |                                                                   -------- the other measure
    5 |   clash_a: {per: account, from: touches, time: day, measures: {b: count(*)}}
      |                                                                   ^^^^^^^^
    ");
}

#[test]
fn a_window_looks_beyond_a_period_table() {
    assert_snapshot!(case("facts:\n  f: {per: account, from: signals, window: 90 days, measures: {n: count(*)}}\n"), @"
    error[trailing-over-period-table]: `signals` only holds the rows of one period; a window looks beyond it
      --> jobs/case.yaml:4:27
       |
     4 |   f: {per: account, from: signals, window: 90 days, measures: {n: count(*)}}
       |                           ^^^^^^^
       |
      ::: jobs/base.yaml:56:3
       |
    56 |   signals:
       |   ------- the table
    ");
}

#[test]
fn a_period_table_is_read_inside_of_its_period() {
    assert_snapshot!(case("tables:\n  x: {for_each: month, sql: select * from signals}\n  y: {for_each: period, sql: select * from signals}\n"), @"
    error[period-table-outside-period]: `signals` is made for one period at a time
      --> jobs/case.yaml:4:43
       |
     4 |   x: {for_each: month, sql: select * from signals}
       |                                           ^^^^^^^
       |
      ::: jobs/base.yaml:56:3
       |
    56 |   signals:
       |   ------- the table
       |
       = help: only a `for_each: period` table can read it
    ");
}

#[test]
fn during_names_inputs_of_a_period() {
    assert_snapshot!(case("tables:\n  x: {for_each: month, during: [weights], sql: select * from touches}\n  y: {for_each: run, during: [touches], sql: select * from touches}\n"), @"
    error[unused-input]: the query does not read `weights`
     --> jobs/case.yaml:4:33
      |
    4 |   x: {for_each: month, during: [weights], sql: select * from touches}
      |                                 ^^^^^^^
      |
      = help: `during` names inputs of the query

    error[conflicting-keys]: `during` needs a month or period, but the table is evaluated once per run
     --> jobs/case.yaml:5:31
      |
    5 |   y: {for_each: run, during: [touches], sql: select * from touches}
      |                               ^^^^^^^
      |
      = help: `for_each: month` or `for_each: period`
    ");
}

#[test]
fn what_marts_can_read() {
    assert_snapshot!(case("marts:\n  a: {from: touches, key: [account_id]}\n  b:\n    key: [account_id]\n    sql: |\n      select * from engagement_signals\n      join acount using (account_id)\n      join signals using (account_id)\n      join kpi_vals using (account_id)\n      where period_start = period_start()\n  c: {from: account, key: [account_id]}\n"), @"
    error[unknown-table]: `touches` is not a table that a mart can read
     --> jobs/case.yaml:4:13
      |
    4 |   a: {from: touches, key: [account_id]}
      |             ^^^^^^^
      |
      = help: `touches` is a rollup; `from` names one of the engine's tables or a table; `sql` reads sources and entities as well

    error[unknown-table]: `acount` is not a table that a mart can read
     --> jobs/case.yaml:9:12
      |
    9 |       join acount using (account_id)
      |            ^^^^^^
      |
      = help: did you mean `account`?

    error[period-table-in-mart]: `signals` is made for one period at a time, which a mart is not
      --> jobs/case.yaml:10:12
       |
    10 |       join signals using (account_id)
       |            ^^^^^^^
       |
      ::: jobs/base.yaml:56:3
       |
    56 |   signals:
       |   ------- the table
       |
       = help: a fact over it gives each entity its value per period

    error[unknown-table]: `kpi_vals` is not a table that a mart can read
      --> jobs/case.yaml:11:12
       |
    11 |       join kpi_vals using (account_id)
       |            ^^^^^^^^
       |
       = help: did you mean `kpi_values`?

    error[period-function-outside-period]: `period_start()` has no meaning here: there is no period
      --> jobs/case.yaml:12:28
       |
    12 |       where period_start = period_start()
       |                            ^^^^^^^^^^^^
       |
       = help: a table with `for_each: month` or `for_each: period` has one

    error[unknown-table]: `account` is not a table that a mart can read
      --> jobs/case.yaml:13:13
       |
    13 |   c: {from: account, key: [account_id]}
       |             ^^^^^^^
       |
       = help: `account` is an entity; `from` names one of the engine's tables or a table; `sql` reads sources and entities as well
    ");
}

#[test]
fn tables_with_a_role_have_its_columns() {
    let pipelines = crate::PIPELINES.replace("targets: targets", "targets: weights").replace("rates: fx_rates, ", "");
    assert_snapshot!(messages(&[("pipelines.yaml", &pipelines)]), @"
    error[missing-column]: `weights` lacks `kpi`, `period_grain`, `target`, which `targets` needs
     --> pipelines.yaml:2:61
      |
    2 | settings: {currency: EUR, time_zone: Europe/Paris, targets: weights}
      |                                                             ^^^^^^^
      |
      = help: `targets` has the columns `kpi`, `period_grain`, `target`

    error[missing-rates]: `money` converts by currency rates, but the project names none
      --> jobs/base.yaml:51:42
       |
    51 |     money: {columns: [amount], currency: currency, on: closed_at}
       |                                          ^^^^^^^^
       |
       = help: `settings.rates` in pipelines.yaml names the source or table of rates
    ");
}

#[test]
fn events_have_a_time_and_snapshots_have_none() {
    assert_snapshot!(case("sources:\n  a: {kind: events, columns: {id: string}}\n  b: {kind: snapshot, time: at, path: b/*.parquet, columns: {at: timestamp}}\n"), @"
    error[missing-key]: events source `a` lacks `time`
     --> jobs/case.yaml:4:3
      |
    4 |   a: {kind: events, columns: {id: string}}
      |   ^
      |
      = help: `time` names the column that says when a row happened

    error[conflicting-keys]: snapshot source `b` cannot have `time`
     --> jobs/case.yaml:5:29
      |
    5 |   b: {kind: snapshot, time: at, path: b/*.parquet, columns: {at: timestamp}}
      |                             ^^
      |
      = help: a snapshot is a state; facts over it name their own `time`

    error[bad-path]: the path of a snapshot lacks `{day}`
     --> jobs/case.yaml:5:39
      |
    5 |   b: {kind: snapshot, time: at, path: b/*.parquet, columns: {at: timestamp}}
      |                                       ^^^^^^^^^^^
      |
      = help: for example `b/dt={day}/*.parquet`
    ");
}

#[test]
fn entities_have_snapshots_and_roots_have_dimensions() {
    assert_snapshot!(case("entities:\n  touch: {key: touch_id, snapshot: touchpoints}\n  person: {key: person_id, snapshot: contacts, parent: account, dimensions: [consent]}\n"), @"
    error[not-a-snapshot]: `touchpoints` is an events source and lists no members
      --> jobs/case.yaml:4:36
       |
     4 |   touch: {key: touch_id, snapshot: touchpoints}
       |                                    ^^^^^^^^^^^
       |
      ::: jobs/base.yaml:23:3
       |
    23 |   touchpoints:
       |   ----------- the source
       |
       = help: an entity's `snapshot` is a source of kind `snapshot`

    error[unknown-column]: source `contacts` has no column `person_id`, the key of entity `person`
      --> jobs/case.yaml:5:3
       |
     5 |   person: {key: person_id, snapshot: contacts, parent: account, dimensions: [consent]}
       |   ^^^^^^
       |
      ::: jobs/base.yaml:15:3
       |
    15 |   contacts:
       |   -------- the source

    error[dimensions-below-root]: entity `person` has the dimensions of its parent and none of its own
     --> jobs/case.yaml:5:78
      |
    5 |   person: {key: person_id, snapshot: contacts, parent: account, dimensions: [consent]}
      |                                                                              ^^^^^^^
      |
      = help: dimensions stand at the root entity above `account`
    ");
}
