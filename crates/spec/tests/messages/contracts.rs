//! Checks of contracts.

use crate::{case, messages};
use insta::assert_snapshot;

/// A source of people with these keys, and with these columns beside `person_id`.
fn people(keys: &str, columns: &str) -> String {
    case(&format!(
        "sources:\n  people:\n    kind: snapshot\n    key: [person_id]\n{keys}    columns:\n      person_id: string\n{columns}"
    ))
}

#[test]
fn all_checks_with_a_severity_each() {
    let columns = "      account_id: {type: string, references: accounts, on_breach: {references: quarantine, not_null: fail}}\n      age: {type: number, nullable: true, min: 0, max: 130, since: 2026-06-01, on_breach: {range: warn, finite: fail}}\n      role: {type: string, values: [user, buyer], on_breach: {accepted_values: fail, not_null: warn}}\n";
    let keys = "    freshness: 2 days\n    row_count: {min: 1, max: 1000}\n    on_breach: {unique: fail, freshness: fail, row_count: warn}\n";
    assert_snapshot!(people(keys, columns), @"");
}

#[test]
fn a_reference_to_a_source_that_is_not_there() {
    assert_snapshot!(people("", "      account_id: {type: string, references: acounts}\n"), @"
    error[unknown-source]: `acounts` is not a source of the project
     --> jobs/case.yaml:9:46
      |
    9 |       account_id: {type: string, references: acounts}
      |                                              ^^^^^^^
      |
      = help: did you mean `accounts`?
    ");
}

#[test]
fn references_that_cannot_be_followed() {
    let columns = "      touch_id: {type: string, references: touchpoints}\n      day: {type: date, references: fx_rates}\n      number: {type: integer, references: accounts}\n";
    assert_snapshot!(people("", columns), @"
    error[bad-reference]: `touchpoints` holds events; a reference is to a snapshot
      --> jobs/case.yaml:9:44
       |
     9 |       touch_id: {type: string, references: touchpoints}
       |                                            ^^^^^^^^^^^
       |
      ::: jobs/base.yaml:23:3
       |
    23 |   touchpoints:
       |   ----------- the source
       |
       = help: its newest copy says what exists

    error[bad-reference]: a reference needs a source with a key of one column; `fx_rates` has 0
      --> jobs/case.yaml:10:37
       |
    10 |       day: {type: date, references: fx_rates}
       |                                     ^^^^^^^^
       |
      ::: jobs/base.yaml:28:3
       |
    28 |   fx_rates:
       |   -------- the source
       |
       = help: `key: [column]` at that source

    error[bad-reference]: `number` and the key of `accounts` have different types
      --> jobs/case.yaml:11:43
       |
    11 |       number: {type: integer, references: accounts}
       |                                           ^^^^^^^^
       |
      ::: jobs/base.yaml:11:3
       |
    11 |   accounts:
       |   -------- the source
       |
       = help: the key is `account_id: string`
    ");
}

#[test]
fn rows_that_cannot_be_set_aside() {
    let base = include_str!("fixture/base.yaml").replace(
        "touch_id: string, account_id: string,",
        "touch_id: string, account_id: {type: string, references: accounts, on_breach: {references: quarantine}},",
    );
    assert_snapshot!(messages(&[("jobs/base.yaml", &base)]), @"
    error[nothing-to-quarantine]: rollup `touches` reduces `touchpoints`: no row can be set aside for a reference
      --> jobs/base.yaml:27:94
       |
    27 |     columns: {touch_id: string, account_id: {type: string, references: accounts, on_breach: {references: quarantine}}, contact_id: s...
       |                                                                                              ^^^^^^^^^^
    ...
    37 |   touches:
       |   ------- the rollup
       |
       = help: what comes of a file must not depend on another source: `warn` or `fail`
    ");
    let keys = "    freshness: 2 days\n    row_count: {min: 1}\n    on_breach: {freshness: quarantine, row_count: quarantine}\n";
    assert_snapshot!(people(keys, ""), @"
    error[nothing-to-quarantine]: `freshness` is about the source, not about rows
     --> jobs/case.yaml:9:17
      |
    9 |     on_breach: {freshness: quarantine, row_count: quarantine}
      |                 ^^^^^^^^^
      |
      = help: no row could be set aside for it: `warn` or `fail`

    error[nothing-to-quarantine]: `row_count` is about the source, not about rows
     --> jobs/case.yaml:9:40
      |
    9 |     on_breach: {freshness: quarantine, row_count: quarantine}
      |                                        ^^^^^^^^^
      |
      = help: no row could be set aside for it: `warn` or `fail`
    ");
}

#[test]
fn checks_that_are_not_made() {
    let columns = "      note: {type: string, nullable: true, on_breach: {not_null: fail, finite: fail, range: fail, accepted_values: fail, references: fail}}\n";
    assert_snapshot!(people("    on_breach: {freshness: fail, row_count: fail}\n", columns), @"
    error[no-such-check]: source `people` has no check `freshness`
     --> jobs/case.yaml:7:17
      |
    7 |     on_breach: {freshness: fail, row_count: fail}
      |                 ^^^^^^^^^
      |
      = help: `freshness` gives it one

    error[no-such-check]: source `people` has no check `row_count`
     --> jobs/case.yaml:7:34
      |
    7 |     on_breach: {freshness: fail, row_count: fail}
      |                                  ^^^^^^^^^
      |
      = help: `row_count` gives it one

    error[no-such-check]: column `note` has no check `not_null`
      --> jobs/case.yaml:10:56
       |
    10 |       note: {type: string, nullable: true, on_breach: {not_null: fail, finite: fail, range: fail, accepted_values: fail, references:...
       |                                                        ^^^^^^^^
       |
       = help: a column that may be null is not checked for it

    error[no-such-check]: column `note` has no check `finite`
      --> jobs/case.yaml:10:72
       |
    10 |       note: {type: string, nullable: true, on_breach: {not_null: fail, finite: fail, range: fail, accepted_values: fail, references:...
       |                                                                        ^^^^^^
       |
       = help: it is for columns of type `number` or `money`

    error[no-such-check]: column `note` has no check `range`
      --> jobs/case.yaml:10:86
       |
    10 |       note: {type: string, nullable: true, on_breach: {not_null: fail, finite: fail, range: fail, accepted_values: fail, references:...
       |                                                                                      ^^^^^
       |
       = help: `min` or `max` gives it one

    error[no-such-check]: column `note` has no check `accepted_values`
      --> jobs/case.yaml:10:99
       |
    10 |       note: {type: string, nullable: true, on_breach: {not_null: fail, finite: fail, range: fail, accepted_values: fail, references:...
       |                                                                                                   ^^^^^^^^^^^^^^^
       |
       = help: `values` gives it one

    error[no-such-check]: column `note` has no check `references`
      --> jobs/case.yaml:10:122
       |
    10 | ...l: fail, finite: fail, range: fail, accepted_values: fail, references: fail}}
       |                                                               ^^^^^^^^^^
       |
       = help: `references` gives it one
    ");
}

#[test]
fn severities_and_checks_that_do_not_exist() {
    let columns = "      age: {type: number, on_breach: wran}\n      size: {type: number, on_breach: {range: stop, rnage: warn}}\n";
    assert_snapshot!(people("", columns), @"
    error[unknown-value]: `wran` is not a value of `on_breach`
     --> jobs/case.yaml:9:38
      |
    9 |       age: {type: number, on_breach: wran}
      |                                      ^^^^
      |
      = help: did you mean `warn`?

    error[unknown-value]: `stop` is not a value of `range`
      --> jobs/case.yaml:10:47
       |
    10 |       size: {type: number, on_breach: {range: stop, rnage: warn}}
       |                                               ^^^^
       |
       = help: it is one of `warn`, `quarantine` and `fail`

    error[unknown-key]: a column check has no key `rnage`
      --> jobs/case.yaml:10:53
       |
    10 |       size: {type: number, on_breach: {range: stop, rnage: warn}}
       |                                                     ^^^^^
       |
       = help: did you mean `range`?
    ");
}

#[test]
fn a_unit_of_time_that_is_misspelt() {
    assert_snapshot!(people("    freshness: 2 dayz\n", ""), @"
    error[bad-window]: `2 dayz` is no window
     --> jobs/case.yaml:7:16
      |
    7 |     freshness: 2 dayz
      |                ^^^^^^
      |
      = help: a number of days or months, such as `90 days` or `12 months`
    ");
}

#[test]
fn numbers_of_rows_that_make_no_sense() {
    assert_snapshot!(people("    row_count: {}\n", ""), @"
    error[missing-key]: a row count needs one of `min`, `max` and `drift`
     --> jobs/case.yaml:7:16
      |
    7 |     row_count: {}
      |                ^^
      |
      = help: for example `{min: 1, drift: 0.3}`
    ");
    assert_snapshot!(people("    row_count: {min: 10, max: 2}\n", ""), @"
    error[empty-range]: nothing is at least 10 and at most 2
     --> jobs/case.yaml:7:16
      |
    7 |     row_count: {min: 10, max: 2}
      |                ^^^^^^^^^^^^^^^^^
      |
      = help: `min` is the smaller one
    ");
    assert_snapshot!(people("    row_count: {drift: 30 %}\n", ""), @"
    error[wrong-type]: expected a number, found the text `30 %`
     --> jobs/case.yaml:7:24
      |
    7 |     row_count: {drift: 30 %}
      |                        ^^^^
    ");
    assert_snapshot!(people("    row_count: {drift: 0}\n", ""), @"
    error[bad-drift]: `0` is no share that a number of rows could drift by
     --> jobs/case.yaml:7:16
      |
    7 |     row_count: {drift: 0}
      |                ^^^^^^^^^^
      |
      = help: a share above 0: `0.3` is 30 %

    warning[drift-without-history]: `drift` compares with the mart `data_quality`, which the project does not publish
     --> jobs/case.yaml:7:16
      |
    7 |     row_count: {drift: 0}
      |                ^^^^^^^^^^
      |
      = help: a mart with `from: data_quality` keeps the counts of earlier days
    ");
}

#[test]
fn an_empty_range() {
    assert_snapshot!(people("", "      age: {type: number, min: 5, max: 3}\n"), @"
    error[empty-range]: nothing is at least 5 and at most 3
     --> jobs/case.yaml:9:7
      |
    9 |       age: {type: number, min: 5, max: 3}
      |       ^^^
      |
      = help: `min` is the smaller one
    ");
}

#[test]
fn columns_that_cannot_come_later() {
    let columns =
        "      age: {type: number, since: 2026-06-01}\n      note: {type: string, nullable: true, since: June}\n";
    assert_snapshot!(people("", columns), @"
    error[conflicting-keys]: column `age` cannot be null, as it is in rows before that day, so it cannot have `since`
     --> jobs/case.yaml:9:34
      |
    9 |       age: {type: number, since: 2026-06-01}
      |                                  ^^^^^^^^^^
      |
      = help: `nullable: true`

    error[bad-day]: `June` is no day
      --> jobs/case.yaml:10:51
       |
    10 |       note: {type: string, nullable: true, since: June}
       |                                                   ^^^^
       |
       = help: a calendar day as `YYYY-MM-DD`, such as `2026-06-01`
    ");
    assert_snapshot!(case("sources:\n  visits:\n    kind: events\n    time: at\n    key: [id]\n    columns:\n      id: {type: string, nullable: true, since: 2026-06-01}\n      at: timestamp\n"), @"
    error[conflicting-keys]: column `id` is in the key or the time of the source, so it cannot have `since`
     --> jobs/case.yaml:9:49
      |
    9 |       id: {type: string, nullable: true, since: 2026-06-01}
      |                                                 ^^^^^^^^^^
      |
      = help: a row without it could not be told from others
    ");
}

#[test]
fn columns_of_reference_tables_are_not_those_of_files() {
    assert_snapshot!(case("tables:\n  roles:\n    columns:\n      role: {type: string, nullable: true, since: 2026-06-01, references: accounts}\n    rows: [[user]]\n"), @"
    error[conflicting-keys]: a column of a reference table cannot have `since`
     --> jobs/case.yaml:6:51
      |
    6 |       role: {type: string, nullable: true, since: 2026-06-01, references: accounts}
      |                                                   ^^^^^^^^^^
      |
      = help: it is for columns of sources, whose rows come from files

    error[conflicting-keys]: a column of a reference table cannot have `references`
     --> jobs/case.yaml:6:75
      |
    6 |       role: {type: string, nullable: true, since: 2026-06-01, references: accounts}
      |                                                                           ^^^^^^^^
      |
      = help: it is for columns of sources, whose rows come from files
    ");
}
