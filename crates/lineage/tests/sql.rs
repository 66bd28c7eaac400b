//! What columns of queries come from.

mod support;

use rstest::rstest;
use support::{table, written};

#[rstest]
#[case::a_column_as_it_is("select region from accounts", "region <- source:accounts.region identity")]
#[case::an_alias("select region as r from accounts", "r <- source:accounts.region identity")]
#[case::parentheses("select (region) as r from accounts", "r <- source:accounts.region identity")]
#[case::a_function(
    "select coalesce(region, industry) as r from accounts",
    "r <- source:accounts.industry transformation, source:accounts.region transformation"
)]
#[case::a_cast("select cast(closed_on as timestamp) as t from deals", "t <- source:deals.closed_on transformation")]
#[case::a_constant("select 1 as one, as_of() as day from deals", "one <-\nday <-")]
#[case::a_case(
    "select case when region = 'EMEA' then industry else 'none' end as i from accounts",
    "i <- source:accounts.industry transformation, source:accounts.region conditional"
)]
#[case::a_condition_on_rows(
    "select deal_id from deals where is_won and amount > 1",
    "deal_id <- source:deals.deal_id identity\n(rows) <- source:deals.amount filter, source:deals.is_won filter"
)]
#[case::groups(
    "select account_id, sum(amount) as amount, count(*) as n from deals group by account_id",
    "account_id <- source:deals.account_id identity\namount <- source:deals.amount aggregation\nn <-\n\
     (rows) <- source:deals.account_id group_by"
)]
#[case::groups_by_place_and_by_alias(
    "select date_trunc('month', closed_on) as month, currency, count(is_won) as n from deals group by month, 2",
    "month <- source:deals.closed_on transformation\ncurrency <- source:deals.currency identity\n\
     n <- source:deals.is_won aggregation\n(rows) <- source:deals.closed_on group_by, source:deals.currency group_by"
)]
#[case::a_filtered_aggregate(
    "select sum(amount) filter (where is_won) as won from deals",
    "won <- source:deals.amount aggregation, source:deals.is_won filter"
)]
#[case::a_formula_of_aggregates(
    "select sum(amount) / count(deal_id) as mean from deals having count(is_won) > 1",
    "mean <- source:deals.amount aggregation, source:deals.deal_id aggregation\n(rows) <- source:deals.is_won filter"
)]
#[case::a_window(
    "select deal_id, row_number() over (partition by account_id order by closed_on) as place, \
     lag(amount) over w as before from deals window w as (order by closed_on)",
    "deal_id <- source:deals.deal_id identity\n\
     place <- source:deals.account_id window, source:deals.closed_on window\n\
     before <- source:deals.amount transformation, source:deals.closed_on window"
)]
#[case::distinct_rows(
    "select distinct account_id from deals",
    "account_id <- source:deals.account_id identity\n(rows) <- source:deals.account_id group_by"
)]
#[case::an_order(
    "select deal_id from deals order by closed_on limit 3",
    "deal_id <- source:deals.deal_id identity\n(rows) <- source:deals.closed_on sort"
)]
fn one_relation(#[case] sql: &str, #[case] expected: &str) {
    assert_eq!(written(&table(sql).1), expected);
}

#[rstest]
#[case::names_of_tables(
    "select d.deal_id, a.region from deals d left join accounts a on d.account_id = a.account_id",
    "deal_id <- source:deals.deal_id identity\nregion <- source:accounts.region identity\n\
     (rows) <- source:accounts.account_id join, source:deals.account_id join"
)]
#[case::names_that_one_table_holds(
    "select deal_id, region from deals d join accounts a on d.account_id = a.account_id",
    "deal_id <- source:deals.deal_id identity\nregion <- source:accounts.region identity\n\
     (rows) <- source:accounts.account_id join, source:deals.account_id join"
)]
#[case::a_name_that_both_hold_is_of_both(
    "select account_id from deals d cross join accounts a",
    "account_id <- source:accounts.account_id identity, source:deals.account_id identity"
)]
#[case::using_takes_the_left_one(
    "select account_id, region from deals left join accounts using (account_id)",
    "account_id <- source:deals.account_id identity\nregion <- source:accounts.region identity\n\
     (rows) <- source:accounts.account_id join, source:deals.account_id join"
)]
#[case::a_full_join_takes_both(
    "select account_id from deals full join accounts using (account_id)",
    "account_id <- source:accounts.account_id identity, source:deals.account_id identity\n\
     (rows) <- source:accounts.account_id join, source:deals.account_id join"
)]
#[case::a_set_to_be_in(
    "select region from accounts where account_id in (select account_id from deals where is_won)",
    "region <- source:accounts.region identity\n\
     (rows) <- source:accounts.account_id filter, source:deals.account_id filter, source:deals.is_won filter"
)]
#[case::a_query_for_a_value(
    "select deal_id, (select max(day) from fx_rates) as newest from deals",
    "deal_id <- source:deals.deal_id identity\nnewest <- source:fx_rates.day aggregation"
)]
#[case::a_correlated_query(
    "select region from accounts a where exists (select 1 as one from deals d where d.account_id = a.account_id)",
    "region <- source:accounts.region identity\n\
     (rows) <- source:accounts.account_id filter, source:deals.account_id filter"
)]
fn several_relations(#[case] sql: &str, #[case] expected: &str) {
    assert_eq!(written(&table(sql).1), expected);
}

#[rstest]
#[case::a_common_table(
    "with won as (select account_id, amount as worth from deals where is_won)\n\
     select account_id, sum(worth) as worth from won group by account_id",
    "account_id <- source:deals.account_id identity\nworth <- source:deals.amount aggregation\n\
     (rows) <- source:deals.account_id group_by, source:deals.is_won filter"
)]
#[case::one_after_the_other(
    "with a as (select amount * 2 as twice from deals), b as (select twice from a) select max(twice) as most from b",
    "most <- source:deals.amount aggregation"
)]
#[case::a_common_table_hides_a_source(
    "with deals as (select region from accounts) select region from deals",
    "region <- source:accounts.region identity"
)]
#[case::names_for_the_columns(
    "with a (id, place) as (select account_id, region from accounts) select place from a",
    "place <- source:accounts.region identity"
)]
#[case::a_query_in_from(
    "select t.n from (select count(is_won) as n from deals) t",
    "n <- source:deals.is_won aggregation"
)]
#[case::a_union_by_place(
    "select account_id as id, region as what from accounts union all select deal_id, currency from deals where is_won",
    "id <- source:accounts.account_id identity, source:deals.deal_id identity\n\
     what <- source:accounts.region identity, source:deals.currency identity\n(rows) <- source:deals.is_won filter"
)]
#[case::what_is_left_out(
    "select account_id from accounts except select account_id from deals",
    "account_id <- source:accounts.account_id identity\n(rows) <- source:deals.account_id filter"
)]
fn queries_in_queries(#[case] sql: &str, #[case] expected: &str) {
    assert_eq!(written(&table(sql).1), expected);
}

#[rstest]
#[case::all_columns(
    "select * from weights",
    "kind <- table:weights.kind identity\npoints <- table:weights.points identity"
)]
#[case::all_of_one_table(
    "select w.*, r.rate from weights w cross join fx_rates r",
    "kind <- table:weights.kind identity\npoints <- table:weights.points identity\nrate <- source:fx_rates.rate identity"
)]
#[case::columns_of_using_once(
    "select * from weights join (select kind, direction from touches) t using (kind)",
    "kind <- table:weights.kind identity\npoints <- table:weights.points identity\n\
     direction <- source:touches.direction identity\n(rows) <- source:touches.kind join, table:weights.kind join"
)]
#[case::all_but_one("select * exclude (points) from weights", "kind <- table:weights.kind identity")]
#[case::one_by_another_name(
    "select * rename (points as worth) from weights",
    "kind <- table:weights.kind identity\nworth <- table:weights.points identity"
)]
fn wildcards(#[case] sql: &str, #[case] expected: &str) {
    assert_eq!(written(&table(sql).1), expected);
}
