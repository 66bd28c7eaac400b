//! How SQL is laid out.

#![expect(clippy::unwrap_used, reason = "tests")]

use abmart_fmt::format;
use abmart_spec::Document;
use rstest::rstest;

/// A query in a table, as a literal block.
fn query(sql: &str) -> String {
    let lines: Vec<String> =
        sql.lines().map(|line| if line.is_empty() { String::new() } else { format!("      {line}") }).collect();
    format!("tables:\n  t:\n    sql: |\n{}\n", lines.join("\n"))
}

#[rstest]
#[case::a_line_for_each_clause(
    "SELECT a,b , c FROM x LEFT JOIN y ON x.id=y.id WHERE a>1 AND b IS NOT NULL GROUP BY a,b HAVING count( * )>1 ORDER BY a DESC LIMIT 10",
    "select a, b, c\nfrom x\nleft join y on x.id = y.id\nwhere a > 1 and b is not null\ngroup by a, b\nhaving count(*) > 1\norder by a desc\nlimit 10"
)]
#[case::with_and_union(
    "with a as (select 1 as one from x), b as ( select 2 as two\nfrom y)\n\nselect one from a union all select two from b",
    "with a as (\n  select 1 as one\n  from x\n),\nb as (\n  select 2 as two\n  from y\n)\n\nselect one\nfrom a\nunion all\nselect two\nfrom b"
)]
#[case::lists_keep_their_lines(
    "select a, b,\n  c,\n   d\n     , e\nfrom x",
    "select a, b,\n       c,\n       d,\n       e\nfrom x"
)]
#[case::conditions_keep_their_lines(
    "select a\nfrom x\nwhere a\nand b or\n c",
    "select a\nfrom x\nwhere a\n  and b\n  or c"
)]
#[case::long_lists_are_broken(
    "select aaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, ccccccccccccccccccccccccccccc, ddddddddddddddddddd\nfrom x",
    "select aaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, ccccccccccccccccccccccccccccc,\n       ddddddddddddddddddd\nfrom x"
)]
#[case::cases_and_windows(
    "select case when a then 1\nwhen b\n and c then 2 else 3 end as d,\nrow_number() over (partition by e\norder by f) as g\nfrom x",
    "select case when a then 1\n            when b\n             and c then 2 else 3 end as d,\n       row_number() over (partition by e\n                          order by f) as g\nfrom x"
)]
#[case::a_case_of_lines(
    "select case\nwhen a then 1\nelse 2\nend as b\nfrom x",
    "select case\n         when a then 1\n         else 2\n       end as b\nfrom x"
)]
#[case::joins_over_lines(
    "select a\nfrom x\nsemi join y\non x.a = y.a and x.b = y.b\nand x.c = y.c",
    "select a\nfrom x\nsemi join y\n  on x.a = y.a and x.b = y.b\n and x.c = y.c"
)]
#[case::comments(
    "-- what it is\nselect a, -- first\n  b /* second */\n-- where from\nfrom x -- here\n",
    "-- what it is\nselect a,  -- first\n       b /* second */\n-- where from\nfrom x  -- here"
)]
#[case::subqueries(
    "select a from x where b in (select c from y) and d in (\nselect e\nfrom z)",
    "select a\nfrom x\nwhere b in (select c from y) and d in (\n  select e\n  from z\n)"
)]
#[case::signs(
    "select -a, b - -1, (-c), count(*) * -1, x.* from x",
    "select -a, b - -1, (-c), count(*) * -1, x.*\nfrom x"
)]
#[case::strings_and_names_stay(
    "select 'It''s  SELECT' as \"A  b\", Amount, DATE '2026-01-01', cast(x as VARCHAR) from X",
    "select 'It''s  SELECT' as \"A  b\", Amount, date '2026-01-01', cast(x as varchar)\nfrom X"
)]
#[case::variables(
    "select ${A}  as a, '${B}  months' from x where y>=${C}",
    "select ${A} as a, '${B}  months'\nfrom x\nwhere y >= ${C}"
)]
#[case::functions_keep_their_case("select COUNT(*), Left (a, 1) from x", "select COUNT(*), Left(a, 1)\nfrom x")]
#[case::no_sql_stays("select  a from where", "select  a from where")]
fn a_query_is_laid_out(#[case] before: &str, #[case] after: &str) {
    // The section has a blank line where the query is long, which is not what this is about.
    let formatted = |text: &str| format(&query(text), Document::Job).unwrap().replace("tables:\n\n", "tables:\n");
    assert_eq!(formatted(before), query(after));
    assert_eq!(formatted(after), query(after), "again");
}

#[rstest]
#[case::short_stays_short(
    "tables: {t: {sql: \"SELECT a,b FROM x\"}}\n",
    "tables: {t: {sql: \"select a, b from x\"}}\n"
)]
#[case::plain_over_lines(
    "tables:\n  t:\n    sql: select a\n      from x\n",
    "tables:\n  t:\n    sql: |\n      select a\n      from x\n"
)]
#[case::folded(
    "tables:\n  t:\n    sql: >\n      select a\n      from x\n",
    "tables:\n  t:\n    sql: |\n      select a\n      from x\n"
)]
#[case::stripped_stays_stripped(
    "tables:\n  t:\n    sql: |-\n        SELECT a\n",
    "tables:\n  t:\n    sql: |-\n      select a\n"
)]
fn a_query_keeps_to_its_form(#[case] before: &str, #[case] after: &str) {
    assert_eq!(format(before, Document::Job).unwrap(), after);
    assert_eq!(format(after, Document::Job).unwrap(), after, "again");
}

#[rstest]
#[case::spaces("count( * ) FILTER( WHERE a.b>0 )/sum(c)", "count(*) filter (where a.b > 0) / sum(c)")]
#[case::a_name("revenue", "revenue")]
#[case::a_variable("${LIMIT}", "${LIMIT}")]
#[case::quoted("\"kind  = 'a: b'\"", "\"kind = 'a: b'\"")]
#[case::single_quoted("'a  = ''b'''", "'a = ''b'''")]
#[case::short_again(">-\n      sum(a)\n      / sum(b)", "sum(a) / sum(b)")]
#[case::not_without_quotes(">-\n      'a: b'  = c", ">-\n      'a: b' = c")]
#[case::long(
    "sum(aaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb) / sum(ccccccccccccccccccccccccccccc.dddddddddddddddddddddd)",
    ">-\n      sum(aaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)\n      / sum(ccccccccccccccccccccccccccccc.dddddddddddddddddddddd)"
)]
#[case::commented("|\n      sum(a)   -- all\n        / sum(b)", "|\n      sum(a)  -- all\n      / sum(b)")]
#[case::no_sql("a +", "a +")]
fn an_expression_is_laid_out(#[case] before: &str, #[case] after: &str) {
    let kpi = |formula: &str| format!("kpis:\n  k:\n    formula: {formula}\n");
    assert_eq!(format(&kpi(before), Document::Job).unwrap(), kpi(after));
    assert_eq!(format(&kpi(after), Document::Job).unwrap(), kpi(after), "again");
}

#[test]
fn text_that_looks_like_sql_is_text() {
    let text = "kpis:\n  k:\n    description: SELECT  a\n";
    assert_eq!(format(text, Document::Job).unwrap(), text);
}
