//! Reference tables: inline rows and CSV files.

use crate::{job, load, messages};
use abmart_spec::model::{Literal, TableBody};
use insta::assert_snapshot;

const COLUMNS: &str = "{kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: boolean?}";

fn table(body: &str) -> String {
    job(&format!("tables:\n  marks:\n    columns: {COLUMNS}\n    key: [kpi, industry]\n{body}"))
}

#[test]
fn rows_have_the_types_of_their_columns() {
    let rows = "    rows:\n      - [win_rate, ~, 0.2, 2026-01-31, 3, true]\n      - [win_rate, saas, high, 2026-02-30, 0, yes]\n      - [7, saas]\n      - [~, [saas], 1, ~, 1.5, ~]\n      - [win_rate, ~, 0.3, ~, ~, ~]\n      - wrong\n";
    assert_snapshot!(messages(&[("jobs/case.yaml", &table(rows))]), @"
    error[wrong-type]: column `healthy` wants a number, found the text `high`
     --> jobs/case.yaml:9:26
      |
    5 |     columns: {kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: boole...
      |                                               ------- the column's type stands here
    ...
    9 |       - [win_rate, saas, high, 2026-02-30, 0, yes]
      |                          ^^^^

    error[bad-date]: `2026-02-30` is not a date `YYYY-MM-DD`
     --> jobs/case.yaml:9:32
      |
    9 |       - [win_rate, saas, high, 2026-02-30, 0, yes]
      |                                ^^^^^^^^^^

    error[value-out-of-range]: 0 is below the limit 1 of column `n`
     --> jobs/case.yaml:9:44
      |
    9 |       - [win_rate, saas, high, 2026-02-30, 0, yes]
      |                                            ^

    error[wrong-type]: column `shown` wants `true` or `false`, found the text `yes`
     --> jobs/case.yaml:9:47
      |
    5 | ... string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: boolean?}
      |                                                                                         ----- the column's type stands here
    ...
    9 | ...02-30, 0, yes]
      |              ^^^

    error[wrong-arity]: the row has 2 values, the table has 6 columns
      --> jobs/case.yaml:10:9
       |
    10 |       - [7, saas]
       |         ^^^^^^^^^

    error[null-value]: column `kpi` cannot be null
      --> jobs/case.yaml:11:10
       |
     5 |     columns: {kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: bool...
       |               --- `?` after the type would allow null
    ...
    11 |       - [~, [saas], 1, ~, 1.5, ~]
       |          ^

    error[wrong-type]: column `industry` wants a text, found a list or map
      --> jobs/case.yaml:11:13
       |
     5 |     columns: {kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: bool...
       |                            -------- the column's type stands here
    ...
    11 |       - [~, [saas], 1, ~, 1.5, ~]
       |             ^^^^^^

    error[wrong-type]: expected a single value, found a list
      --> jobs/case.yaml:11:13
       |
    11 |       - [~, [saas], 1, ~, 1.5, ~]
       |             ^^^^^^

    error[wrong-type]: column `n` wants a whole number, found the number 1.5
      --> jobs/case.yaml:11:27
       |
     5 |     columns: {kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: bool...
       |                                                                              - the column's type stands here
    ...
    11 |       - [~, [saas], 1, ~, 1.5, ~]
       |                           ^^^

    error[duplicate-row]: two rows have the same key
      --> jobs/case.yaml:12:9
       |
     8 |       - [win_rate, ~, 0.2, 2026-01-31, 3, true]
       |         --------------------------------------- the first one
    ...
    12 |       - [win_rate, ~, 0.3, ~, ~, ~]
       |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error[wrong-type]: expected a list, found the text `wrong`
      --> jobs/case.yaml:13:9
       |
    13 |       - wrong
       |         ^^^^^
       |
       = help: a list of one is written `[wrong]`
    ");
}

#[test]
fn fields_of_a_csv_file_have_their_own_places() {
    let csv = "kpi,healthy,industry,since,n,shown\nwin_rate,0.2,,2026-01-31,3,true\n\"win, \"\"rate\"\"\",high,saas,31.01.2026,,maybe\nwin_rate,,saas,,,\nshort,1\n";
    assert_snapshot!(messages(&[("jobs/case.yaml", &table("    file: data/marks.csv\n")), ("data/marks.csv", csv)]), @r#"
    error[wrong-type]: column `healthy` wants a number, found `high`
     --> data/marks.csv:3:17
      |
    3 | "win, ""rate""",high,saas,31.01.2026,,maybe
      |                 ^^^^
      |
     ::: jobs/case.yaml:5:47
      |
    5 |     columns: {kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: boole...
      |                                               ------- the column's type stands here

    error[bad-date]: `31.01.2026` is not a date `YYYY-MM-DD`
     --> data/marks.csv:3:27
      |
    3 | "win, ""rate""",high,saas,31.01.2026,,maybe
      |                           ^^^^^^^^^^

    error[wrong-type]: column `shown` wants `true` or `false`, found `maybe`
     --> data/marks.csv:3:39
      |
    3 | "win, ""rate""",high,saas,31.01.2026,,maybe
      |                                       ^^^^^
      |
     ::: jobs/case.yaml:5:122
      |
    5 | ...?, n: {type: integer, min: 1, nullable: true}, shown: boolean?}
      |                                                   ----- the column's type stands here

    error[null-value]: column `healthy` cannot be null
     --> data/marks.csv:4:10
      |
    4 | win_rate,,saas,,,
      |          ^
      |
     ::: jobs/case.yaml:5:47
      |
    5 |     columns: {kpi: string, industry: string?, healthy: number, since: date?, n: {type: integer, min: 1, nullable: true}, shown: boole...
      |                                               ------- `?` after the type would allow null

    error[wrong-arity]: the row has 2 values, the table has 6 columns
     --> data/marks.csv:5:1
      |
    5 | short,1
      | ^^^^^^^
    "#);
}

#[test]
fn the_header_of_a_csv_file_names_the_columns() {
    let csv = "kpi,helthy,industry,since,n\n";
    assert_snapshot!(messages(&[("jobs/case.yaml", &table("    file: data/marks.csv\n")), ("data/marks.csv", csv)]), @"
    error[missing-column]: the file has no column `healthy`
     --> data/marks.csv:1:1
      |
    1 | kpi,helthy,industry,since,n
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: jobs/case.yaml:7:11
      |
    7 |     file: data/marks.csv
      |           -------------- the file is named here

    error[missing-column]: the file has no column `shown`
     --> data/marks.csv:1:1
      |
    1 | kpi,helthy,industry,since,n
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: jobs/case.yaml:7:11
      |
    7 |     file: data/marks.csv
      |           -------------- the file is named here

    error[unknown-column]: the table has no column `helthy`
     --> data/marks.csv:1:5
      |
    1 | kpi,helthy,industry,since,n
      |     ^^^^^^
      |
      = help: did you mean `healthy`?
    ");
}

#[test]
fn a_missing_csv_file() {
    assert_snapshot!(messages(&[("jobs/case.yaml", &table("    file: data/marks.csv\n"))]), @"
    error[missing-file]: `data/marks.csv` cannot be read: No such file or directory (os error 2)
     --> jobs/case.yaml:7:11
      |
    7 |     file: data/marks.csv
      |           ^^^^^^^^^^^^^^
      |
      = help: the path is relative to the project
    ");
}

#[test]
fn csv_columns_come_in_the_order_of_the_table() {
    let csv = "\u{feff}healthy,kpi,industry,since,n,shown\n0.5,\"a, b\",,2026-01-31,3,true\n\n";
    let files = [("jobs/case.yaml", &table("    file: data/marks.csv\n")[..]), ("data/marks.csv", csv)];
    let (project, _) = load(&files, &[]).unwrap();
    let TableBody::Rows { rows, .. } = &project.tables["marks"].body else {
        panic!("a reference table has rows");
    };
    let text = |text: &str| Literal::String(text.to_owned());
    assert_eq!(
        rows[..],
        [vec![
            text("a, b"),
            Literal::Null,
            Literal::Number(0.5),
            text("2026-01-31"),
            Literal::Integer(3),
            Literal::Boolean(true)
        ]]
    );
}
