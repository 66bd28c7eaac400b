//! Queries and their answers on Apache Spark and on Sail.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use abmart_spark::{Client, Settings, SparkError, Unwatched};
use rstest::rstest;
use support::{ENDLESS, Watcher, client, server, settings, slow, told};

const SPARK: &str = "ABMART_SPARK";
const SAIL: &str = "ABMART_SAIL";

/// A query that is still running when it is called off. What Spark fails to stop there must not hold the cores for long.
fn long(variable: &str) -> String {
    if variable == SPARK { slow(100) } else { ENDLESS.to_owned() }
}

#[rstest]
#[case(SPARK, "Spark 4.3.0")]
#[case(SAIL, "Sail 0.7.2")]
fn an_engine_says_what_it_is(#[case] variable: &str, #[case] engine: &str) {
    let Some(client) = client(variable) else { return };
    assert_eq!(client.engine(), engine);
}

#[rstest]
#[case::one("SELECT 1 AS n", 1)]
#[case::none("SELECT id FROM range(10) WHERE id > 99", 0)]
#[case::many("SELECT id, id * 2 AS twice FROM range(0, 2000000, 1, 8)", 2_000_000)]
#[case::utc("SELECT 1 AS n WHERE CAST(CAST(0 AS TIMESTAMP) AS STRING) = '1970-01-01 00:00:00'", 1)]
fn rows_come_as_streams_of_arrow(#[values(SPARK, SAIL)] variable: &str, #[case] sql: &str, #[case] rows: u64) {
    let Some(client) = client(variable) else { return };
    let answer = client.rows(sql, &Unwatched).unwrap();
    assert_eq!(answer.rows, rows);
    assert_eq!(answer.query_id.len(), 36);
    // A reader needs the schema, also where there are no rows.
    assert!(!answer.streams.is_empty());
    for stream in &answer.streams {
        assert_eq!(stream[..4], [0xff; 4]);
        assert_eq!(stream[stream.len() - 8..], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    }
}

#[rstest]
fn the_shipped_lake_is_read_file_by_file(#[values(SPARK, SAIL)] variable: &str) {
    let Some(client) = client(variable) else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/lake/touchpoints").canonicalize().unwrap();
    let files = folder.read_dir().unwrap().flat_map(|month| month.unwrap().path().read_dir().unwrap());
    let files = files.map(|file| format!("SELECT * FROM parquet.`{}`", file.unwrap().path().display()));
    let files: Vec<_> = files.collect();
    let sql = format!("WITH touchpoints AS ({}) SELECT * FROM touchpoints", files.join(" UNION ALL "));
    assert_eq!(client.rows(&sql, &Unwatched).unwrap().rows, 60_000);
}

#[rstest]
fn a_query_writes_parquet_once(#[values(SPARK, SAIL)] variable: &str) {
    let Some(remote) = server(variable) else { return };
    let client = Client::connect(&remote, &settings()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sql = "SELECT id, CAST(id % 2 AS INT) AS _part FROM range(10)";
    client.write(sql, out.to_str().unwrap(), &["_part"], &Unwatched).unwrap();
    for part in ["_part=0", "_part=1"] {
        let files = out.join(part).read_dir().unwrap().map(|file| file.unwrap().path());
        assert!(files.into_iter().any(|file| file.extension().is_some_and(|end| end == "parquet")));
    }
    let read = client.rows(&format!("SELECT * FROM parquet.`{}`", out.display()), &Unwatched).unwrap();
    assert_eq!(read.rows, 10);

    let again = client.write(sql, out.to_str().unwrap(), &["_part"], &Unwatched).unwrap_err();
    assert!(matches!(again, SparkError::Failed { .. }), "{again:?}");
    assert!(again.to_string().contains("already exists"), "{again}");
}

#[test]
fn what_spark_cannot_run_is_told() {
    let Some(remote) = server(SPARK) else { return };
    let client = Client::connect(&remote, &settings()).unwrap();
    let failed = |sql| told(&client.rows(sql, &Unwatched).unwrap_err(), &remote);
    insta::assert_snapshot!(failed("SELECT no_such_function(1)"), @r#"Spark 4.3.0 at HOST:PORT cannot run query ID: Cannot resolve routine `no_such_function` on search path [`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]; use another engine, or reduce this rollup without one"#);
    insta::assert_snapshot!(failed("SELECT nope FROM range(1)"), @r#"query ID failed on Spark 4.3.0 at HOST:PORT: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `nope` cannot be resolved. Did you mean one of the following? [`id`]"#);
    insta::assert_snapshot!(failed("SELEC 1"), @r#"query ID failed on Spark 4.3.0 at HOST:PORT: [PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'"#);
    insta::assert_snapshot!(failed("SELECT sum(id + 9223372036854775807L) FROM range(2)"), @r#"query ID failed on Spark 4.3.0 at HOST:PORT: [ARITHMETIC_OVERFLOW] overflow. Use 'try_add' to tolerate overflow and return NULL instead. If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error"#);
    insta::assert_snapshot!(failed("SELECT * FROM parquet.`/no/such/file.parquet`"), @r#"query ID failed on Spark 4.3.0 at HOST:PORT: [PATH_NOT_FOUND] Path does not exist: file:/no/such/file.parquet"#);
}

#[test]
fn what_sail_cannot_run_is_told() {
    let Some(remote) = server(SAIL) else { return };
    let client = Client::connect(&remote, &settings()).unwrap();
    let failed = |sql| told(&client.rows(sql, &Unwatched).unwrap_err(), &remote);
    insta::assert_snapshot!(failed("SELECT no_such_function(1)"), @r#"Sail 0.7.2 at HOST:PORT cannot run query ID: unknown function: no_such_function; use another engine, or reduce this rollup without one"#);
    insta::assert_snapshot!(failed("SELECT nope FROM range(1)"), @r#"query ID failed on Sail 0.7.2 at HOST:PORT: attribute ObjectName([Identifier("nope")]) is missing from the schema: cannot resolve attribute"#);
    assert!(failed("SELECT id FROM range(1) QUALIFY id = 1").contains("found QUALIFY"));
}

#[test]
fn a_setting_that_cannot_be_set_is_told() {
    let Some(remote) = server(SPARK) else { return };
    let config = vec![("spark.driver.memory".to_owned(), "7g".to_owned())];
    let error = Client::connect(&remote, &Settings { config, ..settings() }).err().unwrap();
    insta::assert_snapshot!(told(&error, &remote), @r#"the Spark Connect server at HOST:PORT refuses the configuration of the session: [CANNOT_MODIFY_CONFIG] Cannot modify the value of the Spark config: "spark.driver.memory". See also 'https://spark.apache.org/docs/latest/sql-migration-guide.html#ddl-statements'"#);
}

#[rstest]
fn a_query_that_is_not_wanted_any_more_is_cancelled(#[values(SPARK, SAIL)] variable: &str) {
    let Some(client) = client(variable) else { return };
    let begun = Instant::now();
    let error = client.rows(&long(variable), &Watcher::that_calls_off_after(Duration::from_secs(1))).unwrap_err();
    assert!(matches!(error, SparkError::Interrupted { .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert_eq!(client.rows("SELECT 1 AS n", &Unwatched).unwrap().rows, 1);
}

#[rstest]
fn a_query_that_takes_too_long_is_cancelled(#[values(SPARK, SAIL)] variable: &str) {
    let Some(remote) = server(variable) else { return };
    let settings = Settings { query_timeout: Duration::from_secs(1), ..settings() };
    let client = Client::connect(&remote, &settings).unwrap();
    let error = client.rows(&long(variable), &Unwatched).unwrap_err();
    insta::allow_duplicates! {
        insta::assert_snapshot!(told(&error, &remote), @r#"query ID on the Spark Connect server at HOST:PORT was cancelled: it did not end within 1 s; a longer time can be set"#);
    }
}

#[test]
fn spark_says_how_far_it_is() {
    let Some(client) = client(SPARK) else { return };
    let watcher = Watcher::default();
    assert_eq!(client.rows(&slow(16), &watcher).unwrap().rows, 16);
    let heard = watcher.heard.lock().unwrap();
    let last = heard.last().unwrap_or_else(|| panic!("no progress"));
    assert_eq!(last.tasks, 16);
    assert!(last.done > 0);
    assert!(heard.is_sorted_by_key(|progress| progress.done));
}

#[rstest]
fn one_session_runs_queries_side_by_side(#[values(SPARK, SAIL)] variable: &str) {
    let Some(client) = client(variable) else { return };
    let rows: Vec<_> = thread::scope(|scope| {
        let query = |rows: u64| {
            let client = &client;
            scope.spawn(move || client.rows(&format!("SELECT id FROM range({rows})"), &Unwatched).unwrap().rows)
        };
        let threads: Vec<_> = [3, 5, 7].map(query).into_iter().collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(rows, [3, 5, 7]);
}
