//! What rollups become in SQL, and what is refused.

#![expect(clippy::expect_used, reason = "tests")]

use std::path::Path;

use abmart_pushdown::{
    Asked, FileInput, Form, Found, Kind, Output, Slice, check, doubtful, repeating, rolled, rollup, survey,
};
use abmart_spec::Project;
use insta::assert_snapshot;
use jiff::civil::date;
use rstest::rstest;
use tempfile::TempDir;

const PIPELINES: &str = "project: small\njobs: [job.yaml]\npipelines:\n  nightly:\n    title: {en: Nightly, fr: Nuit}\n    periods: {month: {}}\n";

const SOURCE: &str = "job: small
title: {en: Small, fr: Petit}
sources:
  touches:
    kind: events
    path: touches/ym={month}/*.parquet
    time: at
    key: [touch_id]
    columns:
      touch_id: {type: string, description: Id}
      account_id: {type: string, description: Account}
      channel: {type: string, values: [web, email], description: Channel}
      at: {type: timestamp, description: When}
      seconds: {type: integer, nullable: true, min: 0, description: How long}
      worth: {type: number, nullable: true, description: What it is worth}
      asked: {type: boolean, description: Whether it was asked for}
";

/// The small project with one rollup, whose parts are given.
fn project(parts: &str) -> Project {
    let folder = TempDir::new().expect("a temporary folder");
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).expect("a file");
    write("pipelines.yaml", PIPELINES);
    write("job.yaml", &format!("{SOURCE}rollups:\n  days:\n    from: touches\n{parts}"));
    let loaded = abmart_spec::load(Path::new(folder.path()), &std::collections::BTreeMap::new(), &|_| None);
    loaded.map_err(|error| format!("{:#?}", error.diagnostics)).expect("a project").0
}

/// A condition as SQL.
fn condition(text: &str) -> String {
    let parts = format!("    where: {text}\n    by: {{account_id: account_id}}\n    measures: {{n: count(*)}}\n");
    let project = project(&parts);
    let rendered = rollup(&project.sources["touches"], &project.rollups["days"]);
    rendered.expect("a rollup").filter.expect("a filter")
}

#[rstest]
#[case("channel = 'web'", "(`channel` = 'web')")]
#[case("touches.account_id <> 'it''s'", r"(`account_id` <> 'it\'s')")]
#[case(r"account_id = 'a\b'", r"(`account_id` = 'a\\b')")]
#[case("seconds > 5", "(`seconds` > CAST(5 AS BIGINT))")]
#[case("seconds > 0.5", "(CAST(`seconds` AS DOUBLE) > CAST('0.5' AS DOUBLE))")]
#[case("worth * 2 >= seconds", "((`worth` * CAST(CAST(2 AS BIGINT) AS DOUBLE)) >= CAST(`seconds` AS DOUBLE))")]
#[case("not asked and seconds is null", "((NOT `asked`) AND (`seconds` IS NULL))")]
#[case("asked is not true", "(NOT COALESCE(`asked`, FALSE))")]
#[case("channel in ('web', 'email')", "(`channel` IN ('web', 'email'))")]
#[case("seconds not between 1 and 9", "(NOT (`seconds` >= CAST(1 AS BIGINT) AND `seconds` <= CAST(9 AS BIGINT)))")]
#[case("at >= date '2026-10-01'", "(`at` >= CAST(DATE'2026-10-01' AS TIMESTAMP))")]
#[case("at < timestamp '2026-10-01 08:30:00'", "(`at` < TIMESTAMP'2026-10-01 08:30:00')")]
#[case("coalesce(seconds, 0) = 0", "(COALESCE(`seconds`, CAST(0 AS BIGINT)) = CAST(0 AS BIGINT))")]
#[case(
    "case when asked then 1 else null end = 1",
    "((CASE WHEN `asked` THEN CAST(1 AS BIGINT) ELSE CAST(NULL AS BIGINT) END) = CAST(1 AS BIGINT))"
)]
#[case("cast(at as date) = date '2026-10-01'", "(CAST(`at` AS DATE) = DATE'2026-10-01')")]
#[case("extract(month from at) = 10", "(CAST(EXTRACT(MONTH FROM `at`) AS BIGINT) = CAST(10 AS BIGINT))")]
#[case("date_trunc('week', at) = date '2026-10-05'", "(CAST(DATE_TRUNC('WEEK', `at`) AS DATE) = DATE'2026-10-05')")]
fn an_expression_means_the_same_to_every_engine(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(condition(&format!("\"{}\"", text.replace('\\', "\\\\"))), expected);
}

#[rstest]
#[case::division("seconds / 60 > 1", "`/`, in `seconds / 60`,")]
#[case::letters("lower(channel) = 'web'", "`lower(…)`")]
#[case::pattern("channel like 'w%'", "`channel LIKE 'w%'`")]
#[case::no_condition("seconds", "`seconds`, which is not true or false,")]
#[case::narrow("cast(seconds as integer) = 1", "`CAST(seconds AS INTEGER)`")]
#[case::interval("at + interval '1 day' > at", "`INTERVAL '1 day'`")]
fn what_may_mean_something_else_is_refused_at_its_place(#[case] text: &str, #[case] what: &str) {
    let parts = format!("    where: \"{text}\"\n    by: {{account_id: account_id}}\n    measures: {{n: count(*)}}\n");
    let findings = check(&project(&parts));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].code, "not-portable");
    assert_eq!(findings[0].message, format!("{what} may mean something else to another engine"));
    assert!(findings[0].span.is_some(), "{findings:#?}");
}

#[rstest]
#[case::a_float_as_a_key("{worth: worth}", "{n: count(*)}", "`worth`, as a group key,")]
#[case::the_greatest_truth("{account_id: account_id}", "{n: max(asked)}", "`max(asked)`")]
fn keys_and_measures_are_refused_too(#[case] by: &str, #[case] measures: &str, #[case] what: &str) {
    let findings = check(&project(&format!("    by: {by}\n    measures: {measures}\n")));
    assert_eq!(findings[0].message, format!("{what} may mean something else to another engine"));
}

fn input(project: &Project, location: &str, found: &dyn Fn(&str) -> Found, time_zone: &str) -> Option<FileInput> {
    let slice = Slice { location, days: Some((20_727, 20_757)), time_zone, end: date(2026, 10, 16) };
    FileInput::of(&project.sources["touches"], &slice, found, &|column| column == "touch_id")
}

fn as_contracted(column: &str) -> Found {
    match column {
        "at" => Found::Moment,
        "seconds" => Found::Whole { bits: 32, signed: true },
        "worth" => Found::Real { bits: 64 },
        "asked" => Found::Flag,
        _ => Found::Text,
    }
}

const PARTS: &str = "    where: channel = 'web'
    by:
      account_id: account_id
      day: bucket(at)
    measures:
      touches: count(*)
      asked: count(*) filter (where asked)
      seconds: sum(seconds)
      worth: sum(worth)
      last_at: max(at)
";

#[test]
fn a_rollup_is_one_query_with_results_file_by_file() {
    let project = project(PARTS);
    let file =
        input(&project, "file:///lake/touches/ym=2026-10/part-0.parquet", &as_contracted, "UTC").expect("a file");
    // 1 October is day 20727 since 1970, the 12th day 20738.
    let asked =
        Asked { number: 3, input: &file, edges: &[20_700, 20_727, 20_738, 20_800], days: Some((20_727, 20_757)) };
    let rendered = rollup(&project.sources["touches"], &project.rollups["days"]).expect("a rollup");
    let query = rolled(&rendered, &[asked]);
    assert_snapshot!(query.sql.replace(" FROM ", "\nFROM ").replace(" WHERE ", "\nWHERE ").replace(", ", ",\n  "), @r"
    SELECT file_number,
      k0 AS c0,
      k1 AS c1,
      COUNT(*) AS c2,
      COUNT(v1) AS c3,
      CAST(COALESCE(SUM(v2),
      0) AS BIGINT) AS c4,
      CAST(COALESCE(SUM(CAST((CASE WHEN ABS((v3 * CAST('1099511627776' AS DOUBLE))) >= CAST('4503599627370496' AS DOUBLE) THEN (v3 * CAST('1099511627776' AS DOUBLE)) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) < CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) > CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + CAST('1' AS DOUBLE) ELSE CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + (CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) - CAST(FLOOR(CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) / CAST('2' AS DOUBLE)) AS DOUBLE) * CAST('2' AS DOUBLE)) END) - CAST(FLOOR((CASE WHEN ABS((v3 * CAST('1099511627776' AS DOUBLE))) >= CAST('4503599627370496' AS DOUBLE) THEN (v3 * CAST('1099511627776' AS DOUBLE)) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) < CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) > CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + CAST('1' AS DOUBLE) ELSE CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + (CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) - CAST(FLOOR(CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) / CAST('2' AS DOUBLE)) AS DOUBLE) * CAST('2' AS DOUBLE)) END) / CAST('2147483648' AS DOUBLE)) AS DOUBLE) * CAST('2147483648' AS DOUBLE) AS BIGINT)),
      0) AS BIGINT) AS c5,
      CAST(COALESCE(SUM(CAST(CAST(FLOOR((CASE WHEN ABS((v3 * CAST('1099511627776' AS DOUBLE))) >= CAST('4503599627370496' AS DOUBLE) THEN (v3 * CAST('1099511627776' AS DOUBLE)) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) < CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) > CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + CAST('1' AS DOUBLE) ELSE CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + (CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) - CAST(FLOOR(CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) / CAST('2' AS DOUBLE)) AS DOUBLE) * CAST('2' AS DOUBLE)) END) / CAST('2147483648' AS DOUBLE)) AS DOUBLE) - CAST(FLOOR(CAST(FLOOR((CASE WHEN ABS((v3 * CAST('1099511627776' AS DOUBLE))) >= CAST('4503599627370496' AS DOUBLE) THEN (v3 * CAST('1099511627776' AS DOUBLE)) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) < CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) > CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + CAST('1' AS DOUBLE) ELSE CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + (CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) - CAST(FLOOR(CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) / CAST('2' AS DOUBLE)) AS DOUBLE) * CAST('2' AS DOUBLE)) END) / CAST('2147483648' AS DOUBLE)) AS DOUBLE) / CAST('2147483648' AS DOUBLE)) AS DOUBLE) * CAST('2147483648' AS DOUBLE) AS BIGINT)),
      0) AS BIGINT) AS c6,
      CAST(COALESCE(SUM(CAST(CAST(FLOOR(CAST(FLOOR((CASE WHEN ABS((v3 * CAST('1099511627776' AS DOUBLE))) >= CAST('4503599627370496' AS DOUBLE) THEN (v3 * CAST('1099511627776' AS DOUBLE)) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) < CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) WHEN ((v3 * CAST('1099511627776' AS DOUBLE)) - CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE)) > CAST('0.5' AS DOUBLE) THEN CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + CAST('1' AS DOUBLE) ELSE CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) + (CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) - CAST(FLOOR(CAST(FLOOR((v3 * CAST('1099511627776' AS DOUBLE))) AS DOUBLE) / CAST('2' AS DOUBLE)) AS DOUBLE) * CAST('2' AS DOUBLE)) END) / CAST('2147483648' AS DOUBLE)) AS DOUBLE) / CAST('2147483648' AS DOUBLE)) AS DOUBLE) AS BIGINT)),
      0) AS BIGINT) AS c7,
      COALESCE(MAX(ABS(v3)),
      CAST(0 AS DOUBLE)) AS c8,
      UNIX_MICROS(MAX(v4)) AS c9
    FROM (SELECT CAST(3 AS BIGINT) AS file_number,
      `account_id` AS k0,
      CASE WHEN CAST(`at` AS DATE) IS NULL THEN CAST(NULL AS DATE) WHEN CAST(`at` AS DATE) >= DATE'2026-10-12' THEN DATE'2026-10-12' ELSE DATE'2026-10-01' END AS k1,
      CASE WHEN `asked` THEN TRUE END AS v1,
      `seconds` AS v2,
      `worth` AS v3,
      `at` AS v4
    FROM (SELECT CAST(`touch_id` AS STRING) AS `touch_id`,
      CAST(`account_id` AS STRING) AS `account_id`,
      CAST(`channel` AS STRING) AS `channel`,
      CAST(`at` AS TIMESTAMP) AS `at`,
      CAST(`seconds` AS BIGINT) AS `seconds`,
      CAST(`worth` AS DOUBLE) AS `worth`,
      CAST(`asked` AS BOOLEAN) AS `asked`
    FROM parquet.`file:///lake/touches/ym=2026-10/part-0.parquet`) AS file
    WHERE NOT (`account_id` IS NULL OR `channel` IS NULL OR COALESCE(`channel` NOT IN ('web',
      'email'),
      FALSE) OR `at` IS NULL OR COALESCE(`seconds` < CAST('0e0' AS DOUBLE),
      FALSE) OR COALESCE(NOT (`worth` >= CAST('-1.7976931348623157e308' AS DOUBLE) AND `worth` <= CAST('1.7976931348623157e308' AS DOUBLE)),
      FALSE) OR `asked` IS NULL) AND NOT COALESCE(`at` >= DATE'2026-10-16',
      FALSE) AND COALESCE((`channel` = 'web'),
      FALSE)) AS files GROUP BY file_number,
      k0,
      k1
    ");
    let output = |name: &str, form: Form| Output { name: name.to_owned(), form };
    let expected = [
        output("account_id", Form::Value(Kind::Text)),
        output("day", Form::Value(Kind::Day)),
        output("touches", Form::Value(Kind::Whole)),
        output("asked", Form::Value(Kind::Whole)),
        output("seconds", Form::Value(Kind::Whole)),
        output("worth", Form::FixedSum),
        output("last_at", Form::Value(Kind::Moment)),
    ];
    assert_eq!(query.outputs, expected);
}

#[test]
fn rows_that_may_break_the_contract_are_told_from_the_others() {
    let project = project(PARTS);
    let file = input(&project, "file:///lake/a.parquet", &as_contracted, "UTC").expect("a file");
    let asked = Asked { number: 0, input: &file, edges: &[], days: None };
    let source = &project.sources["touches"];
    assert_snapshot!(doubtful(source, &[asked]).sql.replace(" WHERE ", "\nWHERE ").replace(" OR ", "\n  OR "), @r"
    SELECT file_number, `touch_id` AS c0, `account_id` AS c1, `channel` AS c2, UNIX_MICROS(`at`) AS c3, `seconds` AS c4, `worth` AS c5, `asked` AS c6 FROM (SELECT CAST(0 AS BIGINT) AS file_number, file.* FROM (SELECT CAST(`touch_id` AS STRING) AS `touch_id`, CAST(`account_id` AS STRING) AS `account_id`, CAST(`channel` AS STRING) AS `channel`, CAST(`at` AS TIMESTAMP) AS `at`, CAST(`seconds` AS BIGINT) AS `seconds`, CAST(`worth` AS DOUBLE) AS `worth`, CAST(`asked` AS BOOLEAN) AS `asked` FROM parquet.`file:///lake/a.parquet`) AS file
    WHERE (`account_id` IS NULL
      OR `channel` IS NULL
      OR COALESCE(`channel` NOT IN ('web', 'email'), FALSE)
      OR `at` IS NULL
      OR COALESCE(`seconds` < CAST('0e0' AS DOUBLE), FALSE)
      OR COALESCE(NOT (`worth` >= CAST('-1.7976931348623157e308' AS DOUBLE) AND `worth` <= CAST('1.7976931348623157e308' AS DOUBLE)), FALSE)
      OR `asked` IS NULL) AND NOT COALESCE(`at` >= DATE'2026-10-16', FALSE)) AS files
    ");
    assert_snapshot!(survey(source, &[asked]).sql.replace(", ", ",\n  "), @r"
    SELECT file_number,
      COUNT(*) AS c0,
      CAST(COALESCE(SUM(later),
      0) AS BIGINT) AS c1,
      CAST(COALESCE(SUM(doubtful),
      0) AS BIGINT) AS c2,
      MIN(row_key) AS c3,
      MAX(row_key) AS c4,
      COUNT(row_key) AS c5,
      COUNT(DISTINCT row_key) AS c6 FROM (SELECT CAST(0 AS BIGINT) AS file_number,
      CASE WHEN COALESCE(`at` >= DATE'2026-10-16',
      FALSE) THEN 1 ELSE 0 END AS later,
      CASE WHEN (`account_id` IS NULL OR `channel` IS NULL OR COALESCE(`channel` NOT IN ('web',
      'email'),
      FALSE) OR `at` IS NULL OR COALESCE(`seconds` < CAST('0e0' AS DOUBLE),
      FALSE) OR COALESCE(NOT (`worth` >= CAST('-1.7976931348623157e308' AS DOUBLE) AND `worth` <= CAST('1.7976931348623157e308' AS DOUBLE)),
      FALSE) OR `asked` IS NULL) AND NOT COALESCE(`at` >= DATE'2026-10-16',
      FALSE) THEN 1 ELSE 0 END AS doubtful,
      CAST(`touch_id` AS STRING) AS row_key FROM (SELECT CAST(`touch_id` AS STRING) AS `touch_id`,
      CAST(`account_id` AS STRING) AS `account_id`,
      CAST(`channel` AS STRING) AS `channel`,
      CAST(`at` AS TIMESTAMP) AS `at`,
      CAST(`seconds` AS BIGINT) AS `seconds`,
      CAST(`worth` AS DOUBLE) AS `worth`,
      CAST(`asked` AS BOOLEAN) AS `asked` FROM parquet.`file:///lake/a.parquet`) AS file) AS files GROUP BY file_number
    ");
    assert_snapshot!(repeating(source, &[asked, asked]).expect("a key").sql.replace(" UNION ", "\nUNION "), @r"
    SELECT DISTINCT file_number FROM (SELECT file_number, COUNT(*) OVER (PARTITION BY row_key) AS times FROM (SELECT CAST(0 AS BIGINT) AS file_number, CAST(`touch_id` AS STRING) AS row_key FROM (SELECT CAST(`touch_id` AS STRING) AS `touch_id`, CAST(`account_id` AS STRING) AS `account_id`, CAST(`channel` AS STRING) AS `channel`, CAST(`at` AS TIMESTAMP) AS `at`, CAST(`seconds` AS BIGINT) AS `seconds`, CAST(`worth` AS DOUBLE) AS `worth`, CAST(`asked` AS BOOLEAN) AS `asked` FROM parquet.`file:///lake/a.parquet`) AS file
    UNION ALL SELECT CAST(0 AS BIGINT) AS file_number, CAST(`touch_id` AS STRING) AS row_key FROM (SELECT CAST(`touch_id` AS STRING) AS `touch_id`, CAST(`account_id` AS STRING) AS `account_id`, CAST(`channel` AS STRING) AS `channel`, CAST(`at` AS TIMESTAMP) AS `at`, CAST(`seconds` AS BIGINT) AS `seconds`, CAST(`worth` AS DOUBLE) AS `worth`, CAST(`asked` AS BOOLEAN) AS `asked` FROM parquet.`file:///lake/a.parquet`) AS file) AS files WHERE row_key IS NOT NULL) AS counted WHERE times > 1
    ");
}

#[rstest]
#[case::decimals("worth", Found::Other, "file:///lake/a.parquet")]
#[case::integers_that_no_float_holds("worth", Found::Whole { bits: 64, signed: true }, "file:///lake/a.parquet")]
#[case::unsigned("seconds", Found::Whole { bits: 64, signed: false }, "file:///lake/a.parquet")]
#[case::a_pattern("seconds", Found::Whole { bits: 64, signed: true }, "file:///lake/a[1].parquet")]
fn what_an_engine_may_read_otherwise_is_read_here(#[case] column: &str, #[case] found: Found, #[case] location: &str) {
    let project = project(PARTS);
    let found = |name: &str| if name == column { found } else { as_contracted(name) };
    assert!(input(&project, location, &found, "UTC").is_none());
}

#[test]
fn a_column_that_a_file_lacks_is_null_and_times_are_those_of_the_zone() {
    let project = project(PARTS);
    let found = |name: &str| if name == "seconds" { Found::Missing } else { as_contracted(name) };
    let file = input(&project, "s3a://lake/a.parquet", &found, "Europe/Paris").expect("a file");
    let asked = Asked { number: 0, input: &file, edges: &[], days: None };
    let sql = survey(&project.sources["touches"], &[asked]).sql;
    assert!(sql.contains("CAST(NULL AS BIGINT) AS `seconds`"), "{sql}");
    assert!(sql.contains("FROM_UTC_TIMESTAMP(CAST(`at` AS TIMESTAMP), 'Europe/Paris') AS `at`"), "{sql}");
}
