//! Joins that repeat rows: what is an error, what a warning, and what is right.

use crate::{case, job, messages};
use insta::assert_snapshot;
use rstest::rstest;

/// A project in which opportunities are converted, so that only the joins can be wrong.
fn said(query: &str) -> String {
    let query = query.replace('\n', "\n      ");
    case(&format!("tables:\n  x:\n    sql: |\n      {query}\n"))
}

#[rstest]
#[case::a_lookup_by_key("select c.contact_id, a.region from contacts c join accounts a on c.account_id = a.account_id")]
#[case::a_lookup_with_using(
    "select a.region, count(*) as n from contacts c join accounts a using (account_id) group by a.region"
)]
#[case::one_to_many_where_the_many_are_counted(
    "select a.region, count(*) as n, count(c.contact_id) as m from accounts a join contacts c on a.account_id = c.account_id group by a.region"
)]
#[case::different_values(
    "select count(distinct a.account_id) as n, max(a.listed_on) as last from accounts a join contacts c on a.account_id = c.account_id"
)]
#[case::grouped_before(
    "with n as (select account_id, count(*) as n from contacts group by account_id)\nselect a.region, count(a.account_id) as accounts, sum(n.n) as n from accounts a join n on a.account_id = n.account_id group by a.region"
)]
#[case::made_distinct_before(
    "with t as (select distinct account_id from touchpoints)\nselect count(d.opportunity_id) as n, sum(d.amount) as amount from deals d join t on d.account_id = t.account_id"
)]
#[case::semi_and_anti_joins(
    "select sum(d.amount) as amount from deals d semi join touchpoints t on d.account_id = t.account_id anti join contacts c on d.account_id = c.account_id"
)]
#[case::in_a_list_of_rows(
    "select sum(d.amount) as amount from deals d where d.account_id in (select account_id from touchpoints)"
)]
#[case::a_key_pinned_by_on(
    "select count(d.opportunity_id) as n from deals d join touchpoints t on d.account_id = t.account_id and t.touch_id = 'first'"
)]
#[case::a_key_pinned_by_where(
    "with t as (select account_id, kind, count(*) as n from touchpoints group by account_id, kind)\nselect count(d.opportunity_id) as n from deals d join t on d.account_id = t.account_id where t.kind = 'visit'"
)]
#[case::each_row_once_in_each_group(
    "select t.touch_id, sum(d.amount) as amount from deals d join touchpoints t on d.account_id = t.account_id group by t.touch_id"
)]
#[case::a_single_row(
    "with n as (select count(*) as n from contacts)\nselect sum(d.amount) as amount, max(n.n) as n from deals d cross join n"
)]
#[case::the_last_row_of_each(
    "with t as (select account_id, kind, row_number() over (partition by account_id order by occurred_at) as place from touchpoints)\nselect count(d.opportunity_id) as n from deals d join t on d.account_id = t.account_id where t.place = 1"
)]
#[case::a_spell(
    "with s as (select account_id, day as begun, lead(day) over (partition by account_id order by day) as ended from touches)\nselect count(d.opportunity_id) as n from deals d join s on d.account_id = s.account_id and d.closed_at >= s.begun and d.closed_at < s.ended"
)]
#[case::a_share_of_the_amount(
    "with n as (select account_id, count(*) as n from touchpoints group by account_id)\nselect t.kind, sum(d.amount / n.n) as amount from deals d join n on d.account_id = n.account_id join touchpoints t on d.account_id = t.account_id group by t.kind"
)]
#[case::a_weight_of_a_reference_table(
    "select sum(w.points) as points from weights w join touches t on w.kind = t.kind"
)]
#[case::an_unknown_key(
    "select r.currency, count(*) as n, sum(r.rate) as rates from fx_rates r join fx_rates o on r.currency = o.currency group by r.currency"
)]
fn nothing_is_said_of(#[case] query: &str) {
    assert_eq!(said(query), "");
}

#[test]
fn sums_over_rows_that_a_join_repeats() {
    assert_snapshot!(said("select t.kind, sum(d.amount) as amount\nfrom deals d\njoin touchpoints t on d.account_id = t.account_id\ngroup by t.kind"), @"
    error[fan-out]: `sum(d.amount)` takes each row of `deals` once for every row of `touchpoints` that it meets
     --> jobs/case.yaml:6:22
      |
    6 |       select t.kind, sum(d.amount) as amount
      |                      ^^^^^^^^^^^^
    7 |       from deals d
    8 |       join touchpoints t on d.account_id = t.account_id
      |            ----------- each row of `deals` meets several rows of `touchpoints`: its key is `touch_id`, the join is on `account_id`
      |
      = help: bring `touchpoints` to one row for each `account_id` in a `with` query before the join, or say `fans_out: [touchpoints]` beside `sql` if it is meant
    ");
}

#[test]
fn counts_and_means_too() {
    assert_snapshot!(said("select a.region, count(a.account_id) as accounts\nfrom accounts a left join contacts c using (account_id)\ngroup by a.region"), @"
    error[fan-out]: `count(a.account_id)` takes each row of `accounts` once for every row of `contacts` that it meets
     --> jobs/case.yaml:6:24
      |
    6 |       select a.region, count(a.account_id) as accounts
      |                        ^^^^^^^^^^^^^^^^^^
    7 |       from accounts a left join contacts c using (account_id)
      |                                 -------- each row of `accounts` meets several rows of `contacts`: its key is `contact_id`, the join is on `account_id`
      |
      = help: bring `contacts` to one row for each `account_id` in a `with` query before the join, write `count(distinct a.account_id)`, or say `fans_out: [contacts]` beside `sql` if it is meant
    ");
    assert_snapshot!(said("select avg(w.n) as mean\nfrom (select account_id, count(*) as n from contacts group by account_id) w\njoin touchpoints t on w.account_id = t.account_id"), @"
    error[fan-out]: `avg(w.n)` takes each row of `w` once for every row of `touchpoints` that it meets
     --> jobs/case.yaml:6:14
      |
    6 |       select avg(w.n) as mean
      |              ^^^^^^^
    7 |       from (select account_id, count(*) as n from contacts group by account_id) w
    8 |       join touchpoints t on w.account_id = t.account_id
      |            ----------- each row of `w` meets several rows of `touchpoints`: its key is `touch_id`, the join is on `account_id`
      |
      = help: bring `touchpoints` to one row for each `account_id` in a `with` query before the join, or say `fans_out: [touchpoints]` beside `sql` if it is meant
    ");
}

#[test]
fn pairs_that_are_counted() {
    assert_snapshot!(said("select d.account_id, count(*) as n\nfrom deals d\njoin touchpoints t on d.account_id = t.account_id\ngroup by d.account_id"), @"
    error[fan-out]: `count(*)` counts pairs of rows of `deals` and `touchpoints`
     --> jobs/case.yaml:6:28
      |
    6 |       select d.account_id, count(*) as n
      |                            ^^^^^
    7 |       from deals d
    8 |       join touchpoints t on d.account_id = t.account_id
      |            ----------- each row of `deals` meets several rows of `touchpoints`: its key is `touch_id`, the join is on `account_id`
      |
      = help: bring `touchpoints` to one row for each `account_id` in a `with` query before the join, or say `fans_out: [touchpoints]` beside `sql` if it is meant
    ");
}

#[test]
fn two_lists_beside_one_account() {
    assert_snapshot!(said("select a.account_id, sum(d.amount) as amount\nfrom accounts a\nleft join deals d on a.account_id = d.account_id\nleft join contacts c on a.account_id = c.account_id\ngroup by a.account_id"), @"
    error[fan-out]: `sum(d.amount)` takes each row of `deals` once for every row of `contacts` that it meets
     --> jobs/case.yaml:6:28
      |
    6 |       select a.account_id, sum(d.amount) as amount
      |                            ^^^^^^^^^^^^
    ...
    9 |       left join contacts c on a.account_id = c.account_id
      |                 -------- each row of `accounts` meets several rows of `contacts`: its key is `contact_id`, the join is on `account_id`
      |
      = help: bring `contacts` to one row for each `account_id` in a `with` query before the join, or say `fans_out: [contacts]` beside `sql` if it is meant
    ");
}

#[test]
fn an_amount_that_is_looked_up_for_many_rows() {
    assert_snapshot!(case("tables:\n  worth:\n    key: [account_id]\n    sql: select account_id, max(amount) as amount from deals group by account_id\n  x:\n    sql: |\n      select c.consent, sum(d.amount) as amount\n      from touchpoints t\n      join contacts c on t.contact_id = c.contact_id\n      join deals d on t.touch_id = d.opportunity_id\n      group by c.consent\n  y:\n    sql: |\n      select t.kind, sum(d.amount) as amount\n      from touchpoints t\n      join deals d on t.kind = d.opportunity_id\n      group by t.kind\n"), @"
    warning[fan-out]: `sum(d.amount)` adds an amount of `deals` once for every row of `touchpoints` that it is joined to
      --> jobs/case.yaml:16:22
       |
    16 |       select t.kind, sum(d.amount) as amount
       |                      ^^^^^^^^^^^^
    17 |       from touchpoints t
    18 |       join deals d on t.kind = d.opportunity_id
       |            ----- each row of `deals` meets several rows of `touchpoints`: its key is `touch_id`, the join is on `kind`
       |
       = help: bring `touchpoints` to one row for each `kind` in a `with` query before the join, or say `fans_out: [touchpoints]` beside `sql` if it is meant
    ");
}

#[test]
fn rows_that_are_pairs_unless_a_key_says_what_they_are() {
    let query =
        "sql: select d.opportunity_id, t.touch_id from deals d join touchpoints t on d.account_id = t.account_id";
    assert_snapshot!(case(&format!("tables:\n  x:\n    {query}\n")), @"
    warning[fan-out]: rows of `deals` and `touchpoints` are repeated: each meets several of the other
     --> jobs/case.yaml:5:64
      |
    5 |     sql: select d.opportunity_id, t.touch_id from deals d join touchpoints t on d.account_id = t.account_id
      |                                                                ^^^^^^^^^^^
      |
      = help: its key is `touch_id`, the join is on `account_id`; `key: […]` beside `sql` says what one row of the result is, and `fans_out: [touchpoints]` that it is meant
    ");
    assert_eq!(case(&format!("tables:\n  x:\n    key: [opportunity_id, touch_id]\n    {query}\n")), "");
    assert_eq!(case(&format!("tables:\n  x:\n    fans_out: [touchpoints]\n    {query}\n")), "");
}

#[test]
fn facts_over_what_a_join_has_repeated() {
    assert_snapshot!(case("tables:\n  x:\n    key: [opportunity_id, touch_id]\n    time: closed_at\n    sql: |\n      select d.opportunity_id, d.account_id, t.touch_id, d.amount, d.closed_at\n      from deals d\n      join touchpoints t on d.account_id = t.account_id\nfacts:\n  f:\n    per: account\n    from: x\n    measures: {amount: sum(amount), deals: count(distinct opportunity_id), touches: count(*)}\n"), @"
    error[fan-out]: `sum(amount)` takes each row of `deals` once for every row of `touchpoints` that it meets
      --> jobs/case.yaml:15:24
       |
    10 |       join touchpoints t on d.account_id = t.account_id
       |            ----------- each row of `deals` meets several rows of `touchpoints`: its key is `touch_id`, the join is on `account_id`
    ...
    15 |     measures: {amount: sum(amount), deals: count(distinct opportunity_id), touches: count(*)}
       |                        ^^^^^^^^^^
       |
       = help: bring `touchpoints` to one row for each `account_id` in a `with` query before the join, or say `fans_out: [touchpoints]` beside `sql` if it is meant
    ");
}

#[test]
fn what_is_meant_is_said() {
    let table = |mark: &str| {
        format!(
            "tables:\n  x:\n    {mark}\n    sql: |\n      select d.account_id, sum(d.amount) as amount\n      from deals d\n      join touchpoints t on d.account_id = t.account_id\n      group by d.account_id\n"
        )
    };
    assert_eq!(case(&table("fans_out: [touchpoints]")), "");
    assert_eq!(case(&table("fans_out: [t]")), "");
    assert_snapshot!(messages(&[("jobs/case.yaml", &job(&table("fans_out: [touchpoints, deals]")))]), @"
    warning[unused-input]: no join of the query repeats rows by `deals`
     --> jobs/case.yaml:5:29
      |
    5 |     fans_out: [touchpoints, deals]
      |                             ^^^^^
      |
      = help: `fans_out` names inputs of which several rows are meant to meet one
    ");
}
