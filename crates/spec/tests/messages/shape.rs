//! YAML and its shape: syntax, keys, types, small formats.

use crate::{case, messages};
use insta::assert_snapshot;

#[test]
fn yaml_syntax() {
    assert_snapshot!(messages(&[("jobs/case.yaml", "job: case\ntitle: {en: Case, fr: Cas\nkpis:\n")]), @"
    error[yaml-syntax]: YAML syntax: while parsing a flow mapping, did not find expected ',' or '}'
     --> jobs/case.yaml:3:5
      |
    3 | kpis:
      |     ^
      |
      = help: keys of one map begin in one column
    ");
}

#[test]
fn unknown_key_with_a_suggestion() {
    assert_snapshot!(case("tables:\n  x:\n    sqll: select 1 as one\n    sql: select 1 as one\n"), @"
    error[unknown-key]: a table has no key `sqll`
     --> jobs/case.yaml:5:5
      |
    5 |     sqll: select 1 as one
      |     ^^^^
      |
      = help: did you mean `sql`?
    ");
}

#[test]
fn unknown_key_without_a_suggestion() {
    assert_snapshot!(case("entities:\n  owner: {key: owner_id, colour: red}\n"), @"
    error[unknown-key]: an entity has no key `colour`
     --> jobs/case.yaml:4:26
      |
    4 |   owner: {key: owner_id, colour: red}
      |                          ^^^^^^
      |
      = help: its keys are `key`, `snapshot`, `parent` and `dimensions`
    ");
}

#[test]
fn missing_keys() {
    assert_snapshot!(case("kpis:\n  deals_won:\n    title: {en: Won}\n    formula: sum(deals.won)\n"), @"
    error[missing-key]: a KPI lacks `unit`, `better`, `level` and `cadence`
     --> jobs/case.yaml:4:3
      |
    4 |   deals_won:
      |   ^^^^^^^^^
      |
      = help: for example `unit: percent`, `better: higher`, `level: [executive, regional]` and `cadence: monthly`

    error[missing-key]: a title lacks `fr`
     --> jobs/case.yaml:5:5
      |
    5 |     title: {en: Won}
      |     ^^^^^
      |
      = help: for example `fr: Taux de succès`
    ");
}

#[test]
fn missing_one_of_several_keys() {
    assert_snapshot!(case("tables:\n  x: {time: day}\n"), @"
    error[missing-key]: a table needs one of `sql`, `rows` and `file`
     --> jobs/case.yaml:4:3
      |
    4 |   x: {time: day}
      |   ^
    ");
}

#[test]
fn keys_that_exclude_each_other() {
    assert_snapshot!(case("facts:\n  x:\n    per: account\n    from: touches\n    window: 90 days\n    alive: [day, day]\n    measures: {n: count(*)}\n"), @"
    error[fact-of-two-kinds]: a fact cannot have both `window` and `alive`
     --> jobs/case.yaml:8:5
      |
    7 |     window: 90 days
      |     ------ the other one
    8 |     alive: [day, day]
      |     ^^^^^
      |
      = help: at most one of `alive`, `window` and `state` says what it is
    ");
}

#[test]
fn a_key_that_needs_another() {
    assert_snapshot!(case("tables:\n  x:\n    rows: [[1]]\n"), @"
    error[missing-key]: a table with `rows` lacks `columns`
     --> jobs/case.yaml:5:5
      |
    5 |     rows: [[1]]
      |     ^^^^
    ");
}

#[test]
fn repeated_keys() {
    assert_snapshot!(case("entities:\n  owner:\n    key: owner_id\n    key: id\n"), @"
    error[repeated-key]: `key` stands twice in the same map
     --> jobs/case.yaml:6:5
      |
    5 |     key: owner_id
      |     --- first here
    6 |     key: id
      |     ^^^
      |
      = help: one of the two can go, or was meant to be another key
    ");
}

#[test]
fn wrong_types() {
    assert_snapshot!(case("sources:\n  - accounts\nentities:\n  owner: {key: 3, dimensions: region}\nfacts: {}\nmarts:\n  m: {from: kpi_values, key: [kpi], columns: {kpi: text}}\nkpis:\n  k: 5\n"), @"
    error[wrong-type]: expected a map, found a list
     --> jobs/case.yaml:4:3
      |
    4 |   - accounts
      |   ^^^^^^^^^^
      |
      = help: each entry is written `name: value` below `sources:`

    error[wrong-type]: expected a column, found the number 3
     --> jobs/case.yaml:6:16
      |
    6 |   owner: {key: 3, dimensions: region}
      |                ^
      |
      = help: quotes make it a text

    error[missing-key]: an entity with `dimensions` lacks `snapshot`
     --> jobs/case.yaml:6:19
      |
    6 |   owner: {key: 3, dimensions: region}
      |                   ^^^^^^^^^^

    error[wrong-type]: expected a list, found the text `region`
     --> jobs/case.yaml:6:31
      |
    6 |   owner: {key: 3, dimensions: region}
      |                               ^^^^^^
      |
      = help: a list of one is written `[region]`

    error[wrong-type]: expected a map with the keys of a column of a mart, found the text `text`
     --> jobs/case.yaml:9:52
      |
    9 |   m: {from: kpi_values, key: [kpi], columns: {kpi: text}}
      |                                                    ^^^^
      |
      = help: for example `{description: Recognised revenue}`

    error[wrong-type]: expected a map with the keys of a KPI, found the number 5
      --> jobs/case.yaml:11:6
       |
    11 |   k: 5
       |      ^
       |
       = help: for example `{title: {en: Win rate, fr: Taux de succès}, formula: sum(deals.won) / sum(deals.closed), unit: percent, better: higher, level: [executive, regional], cadence: monthly}`
    ");
}

#[test]
fn unknown_values() {
    assert_snapshot!(case("sources:\n  s: {kind: event, columns: {a: strng, b: {type: int}}}\ntables:\n  t: {sql: select 1 as one, for_each: day}\n"), @"
    error[unknown-value]: `event` is not a value of `kind`
     --> jobs/case.yaml:4:13
      |
    4 |   s: {kind: event, columns: {a: strng, b: {type: int}}}
      |             ^^^^^
      |
      = help: did you mean `events`?

    error[unknown-value]: `strng` is not a column type
     --> jobs/case.yaml:4:33
      |
    4 |   s: {kind: event, columns: {a: strng, b: {type: int}}}
      |                                 ^^^^^
      |
      = help: did you mean `string`?

    error[unknown-value]: `int` is not a value of `type`
     --> jobs/case.yaml:4:50
      |
    4 |   s: {kind: event, columns: {a: strng, b: {type: int}}}
      |                                                  ^^^
      |
      = help: it is one of `string`, `integer`, `number`, `money`, `boolean`, `date` and `timestamp`

    error[unknown-value]: `day` is not a value of `for_each`
     --> jobs/case.yaml:6:39
      |
    6 |   t: {sql: select 1 as one, for_each: day}
      |                                       ^^^
      |
      = help: it is one of `run`, `month` and `period`
    ");
}

#[test]
fn names_that_sql_could_not_read() {
    assert_snapshot!(case("tables:\n  Order-Lines: {sql: select 1 as one}\n  order: {sql: select 1 as one}\n  kpi_values: {sql: select 1 as one}\n"), @"
    error[bad-name]: `Order-Lines` cannot be a name
     --> jobs/case.yaml:4:3
      |
    4 |   Order-Lines: {sql: select 1 as one}
      |   ^^^^^^^^^^^
      |
      = help: names are lower-case letters, digits and `_`, and begin with a letter

    error[reserved-name]: `order` is a word of SQL and cannot be a name
     --> jobs/case.yaml:5:3
      |
    5 |   order: {sql: select 1 as one}
      |   ^^^^^
      |
      = help: a longer name such as `order_rows` can stand in SQL without quotes

    error[reserved-name]: `kpi_values` is the name of a table that the engine makes
     --> jobs/case.yaml:6:3
      |
    6 |   kpi_values: {sql: select 1 as one}
      |   ^^^^^^^^^^
      |
      = help: another name can stand beside it in the SQL of a mart
    ");
}

#[test]
fn small_formats() {
    let pipelines = "project: x\nsettings: {currency: EURO, time_zone: Paris, fiscal_year_start: 13}\npipelines:\n  n: {title: {en: N, fr: N}, periods: {monthly: {}}}\n";
    assert_snapshot!(messages(&[("pipelines.yaml", pipelines), ("jobs/base.yaml", "job: base\ntitle: {en: B, fr: B}\n")]), @"
    error[bad-currency]: `EURO` is no currency
     --> pipelines.yaml:2:22
      |
    2 | settings: {currency: EURO, time_zone: Paris, fiscal_year_start: 13}
      |                      ^^^^
      |
      = help: did you mean `EUR`?

    error[bad-time-zone]: `Paris` is no time zone
     --> pipelines.yaml:2:39
      |
    2 | settings: {currency: EURO, time_zone: Paris, fiscal_year_start: 13}
      |                                       ^^^^^
      |
      = help: did you mean `Europe/Paris`?

    error[wrong-type]: expected a whole number from 1 to 12, found the number 13
     --> pipelines.yaml:2:65
      |
    2 | settings: {currency: EURO, time_zone: Paris, fiscal_year_start: 13}
      |                                                                 ^^

    error[unknown-value]: `monthly` is not a grain
     --> pipelines.yaml:4:40
      |
    4 |   n: {title: {en: N, fr: N}, periods: {monthly: {}}}
      |                                        ^^^^^^^
      |
      = help: did you mean `month`?
    ");
}

#[test]
fn windows_and_paths() {
    assert_snapshot!(case("sources:\n  s: {kind: snapshot, path: 's/dt={date}/*.parquet', columns: {a: string}}\nfacts:\n  f: {per: account, from: touches, time: day, window: 3 weeks, measures: {n: count(*)}}\n"), @"
    error[bad-path]: `s/dt={date}/*.parquet` is no path of a source
     --> jobs/case.yaml:4:29
      |
    4 |   s: {kind: snapshot, path: 's/dt={date}/*.parquet', columns: {a: string}}
      |                             ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `{date}` is neither `{month}` nor `{day}`

    error[bad-window]: `3 weeks` is no window
     --> jobs/case.yaml:6:55
      |
    6 |   f: {per: account, from: touches, time: day, window: 3 weeks, measures: {n: count(*)}}
      |                                                       ^^^^^^^
      |
      = help: a number of days or months, such as `90 days` or `12 months`
    ");
}
