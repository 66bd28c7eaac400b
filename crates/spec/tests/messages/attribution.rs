//! Attributions.

use crate::case;
use insta::assert_snapshot;

/// An attribution of the fixture's won deals with these models, and more keys.
fn attribution(more: &str, models: &str) -> String {
    case(&format!(
        "attributions:\n  won:\n    touches: {{from: touchpoints, channel: kind, key: [touch_id]}}\n    conversions: {{from: opportunities, key: opportunity_id, time: closed_at, value: amount}}\n{more}    models: {models}\n"
    ))
}

#[test]
fn an_attribution_without_mistakes_has_no_messages() {
    assert_eq!(attribution("", "{first_touch: {}, mine: {weights: {first: 0.1, middle: 0.2, last: 0.7}}}"), "");
}

#[test]
fn a_model_has_a_kind() {
    assert_snapshot!(attribution("", "{frist_touch: {}, mine: {}, other: {kind: lineal}}"), @"
    error[unknown-model]: `frist_touch` is not a kind of attribution model
     --> jobs/case.yaml:7:14
      |
    7 |     models: {frist_touch: {}, mine: {}, other: {kind: lineal}}
      |              ^^^^^^^^^^^
      |
      = help: did you mean `first_touch`?

    error[unknown-model]: `mine` is not a kind of attribution model
     --> jobs/case.yaml:7:31
      |
    7 |     models: {frist_touch: {}, mine: {}, other: {kind: lineal}}
      |                               ^^^^
      |
      = help: another name needs a `kind`

    error[unknown-value]: `lineal` is not a value of `kind`
     --> jobs/case.yaml:7:55
      |
    7 |     models: {frist_touch: {}, mine: {}, other: {kind: lineal}}
      |                                                       ^^^^^^
      |
      = help: did you mean `linear`?
    ");
}

#[test]
fn weights_are_shares_of_positions() {
    assert_snapshot!(attribution("", "{custom: {weights: {first: 0.5, middle: 0.3, last: 0.1}}, mine: {weights: {first: 1.5, last: -0.5}}, yours: {weights: {first: 0.5, leed: 0.5}}, empty: {kind: custom}}"), @"
    error[weights-do-not-sum-to-1]: the weights of model `custom` add up to 0.9
     --> jobs/case.yaml:7:32
      |
    7 |     models: {custom: {weights: {first: 0.5, middle: 0.3, last: 0.1}}, mine: {weights: {first: 1.5, last: -0.5}}, yours: {weights: {fi...
      |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: they are shares of the credit and add up to 1

    error[negative-weight]: the weight of `last` is -0.5: credit is not taken away
     --> jobs/case.yaml:7:87
      |
    7 |     models: {custom: {weights: {first: 0.5, middle: 0.3, last: 0.1}}, mine: {weights: {first: 1.5, last: -0.5}}, yours: {weights: {fi...
      |                                                                                       ^^^^^^^^^^^^^^^^^^^^^^^^

    error[unknown-milestone]: model `yours` needs the milestone `leed`
     --> jobs/case.yaml:7:131
      |
    7 | ...weights: {first: 1.5, last: -0.5}}, yours: {weights: {first: 0.5, leed: 0.5}}, empty: {kind: custom}}
      |                                                         ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `milestones: {leed: <column>}` under `conversions` says when it was reached; without it the model cannot be used

    error[missing-key]: the custom model `empty` has no `weights`
     --> jobs/case.yaml:7:157
      |
    7 | ...1.5, last: -0.5}}, yours: {weights: {first: 0.5, leed: 0.5}}, empty: {kind: custom}}
      |                                                                  ^^^^^
      |
      = help: for example `weights: {first: 0.2, middle: 0.5, last: 0.3}`
    ");
}

#[test]
fn models_of_milestones_need_them() {
    assert_snapshot!(attribution("", "{w_shaped: {}}"), @"
    error[unknown-milestone]: model `w_shaped` needs the milestone `lead`
     --> jobs/case.yaml:7:14
      |
    7 |     models: {w_shaped: {}}
      |              ^^^^^^^^
      |
      = help: `milestones: {lead: <column>}` under `conversions` says when it was reached; without it the model cannot be used

    error[unknown-milestone]: model `w_shaped` needs the milestone `opportunity`
     --> jobs/case.yaml:7:14
      |
    7 |     models: {w_shaped: {}}
      |              ^^^^^^^^
      |
      = help: `milestones: {opportunity: <column>}` under `conversions` says when it was reached; without it the model cannot be used
    ");
}

#[test]
fn a_key_goes_with_its_kind() {
    assert_snapshot!(attribution("", "{linear: {half_life: 7 days}, time_decay: {half_life: 2 months}, markov: {order: 9}, shapley: {order: 2}}"), @"
    error[conflicting-keys]: `half_life` means nothing to a model of the kind `linear`
     --> jobs/case.yaml:7:34
      |
    7 |     models: {linear: {half_life: 7 days}, time_decay: {half_life: 2 months}, markov: {order: 9}, shapley: {order: 2}}
      |                                  ^^^^^^

    error[half-life-in-months]: months are of different lengths: a half-life is in days
     --> jobs/case.yaml:7:67
      |
    7 |     models: {linear: {half_life: 7 days}, time_decay: {half_life: 2 months}, markov: {order: 9}, shapley: {order: 2}}
      |                                                                   ^^^^^^^^
      |
      = help: for example `30 days`

    error[wrong-type]: expected a whole number from 1 to 4, found the number 9
     --> jobs/case.yaml:7:94
      |
    7 |     models: {linear: {half_life: 7 days}, time_decay: {half_life: 2 months}, markov: {order: 9}, shapley: {order: 2}}
      |                                                                                              ^

    error[conflicting-keys]: `order` means nothing to a model of the kind `shapley`
     --> jobs/case.yaml:7:115
      |
    7 |     models: {linear: {half_life: 7 days}, time_decay: {half_life: 2 months}, markov: {order: 9}, shapley: {order: 2}}
      |                                                                                                                   ^
    ");
}

#[test]
fn a_window_is_no_less_than_a_day() {
    assert_snapshot!(attribution("    window: 0 days\n", "{linear: {}}"), @"
    error[bad-window]: `0 days` is no window
     --> jobs/case.yaml:7:13
      |
    7 |     window: 0 days
      |             ^^^^^^
      |
      = help: a number of days or months, such as `90 days` or `12 months`
    ");
}

#[test]
fn inputs_exist_once_a_run_and_have_a_time() {
    assert_snapshot!(case("tables:\n  now: {for_each: period, sql: select account_id from touchpoints}\n  timeless: {sql: select account_id from touchpoints}\nattributions:\n  a:\n    touches: {from: now, channel: kind}\n    conversions: {from: timeless, key: opportunity_id}\n    models: {linear: {}}\n  b:\n    per: acount\n    touches: {from: touchpints, channel: kind}\n    conversions: {from: opportunities, key: opportunity_id, time: closed_at}\n    models: {linear: {}}\n"), @"
    error[missing-time]: nothing says when the rows of `now` happened
     --> jobs/case.yaml:8:21
      |
    8 |     touches: {from: now, channel: kind}
      |                     ^^^
      |
      = help: `time: <column>`

    error[period-table-outside-period]: `now` is made for one period at a time, and journeys reach over many
     --> jobs/case.yaml:8:21
      |
    4 |   now: {for_each: period, sql: select account_id from touchpoints}
      |   --- the table
    ...
    8 |     touches: {from: now, channel: kind}
      |                     ^^^

    error[missing-time]: nothing says when the rows of `timeless` happened
     --> jobs/case.yaml:9:25
      |
    9 |     conversions: {from: timeless, key: opportunity_id}
      |                         ^^^^^^^^
      |
      = help: `time: <column>`

    error[unknown-entity]: `acount` is not an entity of the project
      --> jobs/case.yaml:12:10
       |
    12 |     per: acount
       |          ^^^^^^
       |
       = help: did you mean `account`?

    error[unknown-table]: `touchpints` is not a source, rollup or table of the project
      --> jobs/case.yaml:13:21
       |
    13 |     touches: {from: touchpints, channel: kind}
       |                     ^^^^^^^^^^
       |
       = help: did you mean `touchpoints`?
    ");
}

#[test]
fn names_of_columns_and_tables_differ() {
    assert_snapshot!(case("tables:\n  won_credits: {time: day, sql: select 1 as day}\nattributions:\n  won:\n    touches: {from: touchpoints, channel: kind, key: [touch_id], show: [channel, touch_id]}\n    conversions: {from: opportunities, key: opportunity_id, time: closed_at}\n    models: {linear: {}, value: {kind: linear}}\n"), @"
    error[reserved-name]: `won_credits` is the name of a table of attribution `won`
     --> jobs/case.yaml:4:3
      |
    4 |   won_credits: {time: day, sql: select 1 as day}
      |   ^^^^^^^^^^^
    5 | attributions:
    6 |   won:
      |   --- the attribution

    error[duplicate-column]: the tables of attribution `won` would have two columns `channel`
     --> jobs/case.yaml:7:73
      |
    7 |     touches: {from: touchpoints, channel: kind, key: [touch_id], show: [channel, touch_id]}
      |                                                                         ^^^^^^^
      |
      = help: a query in `tables` can give a column another name

    error[duplicate-column]: the tables of attribution `won` would have two columns `touch_id`
     --> jobs/case.yaml:7:82
      |
    7 |     touches: {from: touchpoints, channel: kind, key: [touch_id], show: [channel, touch_id]}
      |                                                       -------- the other one     ^^^^^^^^
      |
      = help: a query in `tables` can give a column another name

    error[duplicate-column]: the tables of attribution `won` would have two columns `value`
     --> jobs/case.yaml:9:26
      |
    9 |     models: {linear: {}, value: {kind: linear}}
      |                          ^^^^^
      |
      = help: a query in `tables` can give a column another name
    ");
}

#[test]
fn a_channel_is_in_one_group() {
    assert_snapshot!(attribution("    channels: {digital: [web, email], owned: [web]}\n    leave_out: [email]\n", "{linear: {}}"), @"
    error[channel-in-two-groups]: channel `web` is in two groups, `digital` and `owned`
     --> jobs/case.yaml:7:47
      |
    7 |     channels: {digital: [web, email], owned: [web]}
      |                          --- the other one    ^^^

    error[channel-in-group]: channel `email` is taken for `digital`, so that none is left to leave out
     --> jobs/case.yaml:8:17
      |
    7 |     channels: {digital: [web, email], owned: [web]}
      |                               ----- here
    8 |     leave_out: [email]
      |                 ^^^^^
      |
      = help: `leave_out: [digital]` leaves out the group; without `email` in it the channel stands by itself
    ");
}

#[test]
fn an_attribution_has_a_model() {
    assert_snapshot!(attribution("", "{}"), @"
    error[no-models]: attribution `won` has no model
     --> jobs/case.yaml:4:3
      |
    4 |   won:
      |   ^^^
      |
      = help: for example `models: {first_touch: {}, linear: {}, last_touch: {}}`
    ");
}

#[test]
fn a_table_that_reads_its_own_credit_is_a_circle() {
    assert_snapshot!(case("tables:\n  signed: {time: closed_at, sql: 'select c.account_id, c.opportunity_id, c.converted_at as closed_at from won_credits c'}\nattributions:\n  won:\n    touches: {from: touchpoints, channel: kind}\n    conversions: {from: signed, key: opportunity_id}\n    models: {linear: {}}\n"), @"
    error[cycle]: tables need each other in a circle: `signed` → `won_credits` → `signed`
     --> jobs/case.yaml:4:107
      |
    4 |   signed: {time: closed_at, sql: 'select c.account_id, c.opportunity_id, c.converted_at as closed_at from won_credits c'}
      |                                                                                                           ^^^^^^^^^^^
    ...
    8 |     conversions: {from: signed, key: opportunity_id}
      |                         ------ `won_credits` needs `signed`
      |
      = help: what several of them need belongs into one more, which needs none of them
    ");
}
