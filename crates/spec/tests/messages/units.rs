//! Units of formulas, and money that is not converted.

use crate::case;
use crate::names::kpi_named;
use insta::assert_snapshot;

#[test]
fn a_formula_gives_what_its_kpi_declares() {
    let kpis = [
        ("percent_of_money", "sum(deals.amount) / sum(deals.won)", "percent"),
        ("money_from_a_count", "sum(deals.won)", "money"),
        ("count_of_money", "2 * sum(deals.amount)", "count"),
        ("money_and_count", "sum(deals.amount) + sum(deals.won)", "money"),
        ("through_another", "money_from_a_count / sum(deals.won)", "percent"),
        ("fine", "sum(deals.amount) / sum(deals.won) * win_rate", "money"),
        ("share", "1 - sum(deals.amount) filter (where program = 'abm') / sum(deals.amount)", "percent"),
    ]
    .map(|(name, formula, unit)| kpi_named(name, formula, unit));
    assert_snapshot!(case(&format!("kpis:\n{}", kpis.concat())), @"
    error[unit-clash]: `percent_of_money` is declared `percent`, but the formula gives money
     --> jobs/case.yaml:6:14
      |
    6 |     formula: sum(deals.amount) / sum(deals.won)
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: a percentage is a quotient of two quantities of the same unit

    error[unit-clash]: `money_from_a_count` is declared `money`, but the formula gives a count
      --> jobs/case.yaml:13:14
       |
    13 |     formula: sum(deals.won)
       |              ^^^^^^^^^^^^^^
       |
       = help: `money` is an amount in the reporting currency

    error[unit-clash]: `count_of_money` is declared `count`, but the formula gives money
      --> jobs/case.yaml:20:14
       |
    20 |     formula: 2 * sum(deals.amount)
       |              ^^^^^^^^^^^^^^^^^^^^^
       |
       = help: `count` is a number of things

    error[unit-clash]: `+` between money and a count
      --> jobs/case.yaml:27:14
       |
    27 |     formula: sum(deals.amount) + sum(deals.won)
       |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: quantities of one unit can be added; unlike ones can be divided, as an amount by a count

    error[unit-clash]: `through_another` is declared `percent`, but the formula gives money
      --> jobs/case.yaml:34:14
       |
    34 |     formula: money_from_a_count / sum(deals.won)
       |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: a percentage is a quotient of two quantities of the same unit
    ");
}

#[test]
fn days_are_not_hours() {
    let fact = "facts:\n  cycles:\n    per: opportunity\n    from: deals\n    measures: {days: 'avg(days_between(created_at, closed_at))', hours: 'sum(hours_between(created_at, closed_at))', odd: 'sum(days_between(created_at, closed_at) - hours_between(created_at, closed_at))'}\n";
    let kpi = kpi_named("wait", "avg(cycles.days)", "hours");
    assert_snapshot!(case(&format!("{fact}kpis:\n{kpi}")), @"
    error[unit-clash]: `-` between days and hours
     --> jobs/case.yaml:7:128
      |
    7 | ...at, closed_at))', odd: 'sum(days_between(created_at, closed_at) - hours_between(created_at, closed_at))'}
      |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: quantities of one unit can be added; unlike ones can be divided, as an amount by a count

    error[unit-clash]: `wait` is declared `hours`, but the formula gives days
      --> jobs/case.yaml:11:14
       |
    11 |     formula: avg(cycles.days)
       |              ^^^^^^^^^^^^^^^^
       |
       = help: `hours_between(a, b)` gives hours
    ");
}

#[test]
fn money_is_converted_before_it_is_summed() {
    assert_snapshot!(case("tables:\n  raw:\n    sql: select account_id, closed_at, amount as value, currency from opportunities\n    time: closed_at\n  summed:\n    sql: |\n      select account_id, sum(o.amount) as total\n      from opportunities o\n      group by account_id\n  per_currency:\n    sql: select currency, sum(amount) as total from opportunities group by currency\n  renamed:\n    sql: with x as (select total as t from per_currency) select sum(t) as all_of_it from x\nrollups:\n  costs: {from: touchpoints, by: {day: bucket(occurred_at)}, measures: {cost: sum(cost)}}\n  costs_per_currency: {from: touchpoints, by: {day: bucket(occurred_at), currency: currency}, measures: {cost: sum(cost)}}\nfacts:\n  f: {per: account, from: raw, measures: {value: sum(value), n: count(value), mean: avg(value * 2)}}\n  state: {per: account, from: accounts, state: true, measures: {potential: potential_value}}\nkpis:\n"), @"
    error[money-without-currency]: `sum` over amounts that may be in different currencies
     --> jobs/case.yaml:9:26
      |
    9 |       select account_id, sum(o.amount) as total
      |                          ^^^^^^^^^^^^
      |
      = help: a table with `money: {columns: …, currency: …, on: …}` converts them first

    error[money-without-currency]: `sum` over amounts that may be in different currencies
      --> jobs/case.yaml:15:65
       |
    15 |     sql: with x as (select total as t from per_currency) select sum(t) as all_of_it from x
       |                                                                 ^^^^^
       |
       = help: a table with `money: {columns: …, currency: …, on: …}` converts them first

    error[money-without-currency]: `sum` over amounts that may be in different currencies
      --> jobs/case.yaml:17:79
       |
    17 |   costs: {from: touchpoints, by: {day: bucket(occurred_at)}, measures: {cost: sum(cost)}}
       |                                                                               ^^^^^^^^
       |
       = help: a table with `money: {columns: …, currency: …, on: …}` converts them first

    error[money-without-currency]: `sum` over amounts that may be in different currencies
      --> jobs/case.yaml:20:50
       |
    20 |   f: {per: account, from: raw, measures: {value: sum(value), n: count(value), mean: avg(value * 2)}}
       |                                                  ^^^^^^^^^
       |
       = help: a table with `money: {columns: …, currency: …, on: …}` converts them first

    error[money-without-currency]: `avg` over amounts that may be in different currencies
      --> jobs/case.yaml:20:85
       |
    20 |   f: {per: account, from: raw, measures: {value: sum(value), n: count(value), mean: avg(value * 2)}}
       |                                                                                     ^^^^^^^^^^^^^
       |
       = help: a table with `money: {columns: …, currency: …, on: …}` converts them first
    ");
}

#[test]
fn unconverted_money_is_followed_into_formulas() {
    let fact = "facts:\n  state: {per: account, from: accounts, state: true, measures: {potential: potential_value}}\n";
    assert_snapshot!(case(&format!("{fact}kpis:\n{}", kpi_named("potential", "sum(state.potential)", "money"))), @"
    error[money-without-currency]: `sum` over amounts that may be in different currencies
     --> jobs/case.yaml:8:14
      |
    8 |     formula: sum(state.potential)
      |              ^^^^^^^^^^^^^^^^^^^
      |
      = help: a table with `money: {columns: …, currency: …, on: …}` converts them first
    ");
}
