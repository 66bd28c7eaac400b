//! Files and variables.

use crate::{job, load, messages};
use abmart_spec::diagnostic::{render, to_json};
use insta::assert_snapshot;

#[test]
fn a_folder_without_pipelines_is_no_project() {
    let folder = tempfile::TempDir::new().unwrap();
    let error = crate::load_folder(folder.path(), &std::collections::BTreeMap::new()).unwrap_err();
    assert_snapshot!(error.render(false), @"error[missing-file]: `pipelines.yaml` cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_job_file_that_is_named_must_exist() {
    let pipelines = crate::PIPELINES.to_owned() + "jobs: [jobs/*.yaml, jobs/local/*.yaml, jobs/extra.yaml]\n";
    assert_snapshot!(messages(&[("pipelines.yaml", &pipelines)]), @"
    error[missing-file]: `jobs/extra.yaml` cannot be read: No such file or directory (os error 2)
     --> pipelines.yaml:9:40
      |
    9 | jobs: [jobs/*.yaml, jobs/local/*.yaml, jobs/extra.yaml]
      |                                        ^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_file_that_two_patterns_match_is_read_once() {
    let pipelines = crate::PIPELINES.to_owned() + "jobs: [jobs/base.yaml, jobs/*.yaml]\n";
    assert_eq!(messages(&[("pipelines.yaml", &pipelines)]), "");
}

#[test]
fn variables_have_values() {
    let text = job(
        "facts:\n  f:\n    per: account\n    from: touches\n    time: day\n    measures: {late: 'count(*) filter (where touches > ${RESPONSE_HORS})', n: 'count(*) filter (where touches > ${NOBODY} and ttouches > )'}\n",
    );
    let error = load(&[("jobs/case.yaml", &text)], &[("RESPONSE_HUORS", "48")]).unwrap_err();
    assert_snapshot!(error.render(false), @"
    warning[unused-variable]: variable `RESPONSE_HUORS` is given, but no value of the project names it
     |
     = help: did you mean `RESPONSE_HOURS`?

    error[unknown-variable]: variable `RESPONSE_HORS` has no value
     --> jobs/case.yaml:8:56
      |
    8 |     measures: {late: 'count(*) filter (where touches > ${RESPONSE_HORS})', n: 'count(*) filter (where touches > ${NOBODY} and ttouche...
      |                                                        ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `RESPONSE_HOURS`?

    error[unknown-variable]: variable `NOBODY` has no value
     --> jobs/case.yaml:8:113
      |
    8 |     measures: {late: 'count(*) filter (where touches > ${RESPONSE_HORS})', n: 'count(*) filter (where touches > ${NOBODY} and ttouche...
      |                                                                                                                 ^^^^^^^^^
      |
      = help: give it with `--var NOBODY=…`, in the environment, or as a default under `variables` in pipelines.yaml; `$${NOBODY}` stands for the text itself

    error[sql-syntax]: SQL: expected an expression, found `)`
     --> jobs/case.yaml:8:138
      |
    8 | ..., n: 'count(*) filter (where touches > ${NOBODY} and ttouches > )'}
      |                                                                    ^
    ");
}

#[test]
fn a_place_behind_a_variable_is_right() {
    let text = job(
        "tables:\n  x:\n    sql: |\n      select * from touches\n      where touches > ${RESPONSE_HOURS} annd kind = 'x'\n",
    );
    assert_snapshot!(messages(&[("jobs/case.yaml", &text)]), @"
    error[sql-syntax]: SQL: expected the end of the text, found `annd`
     --> jobs/case.yaml:7:41
      |
    7 |       where touches > ${RESPONSE_HOURS} annd kind = 'x'
      |                                         ^^^^
      |
      = help: a comma, an operator or a keyword is missing before it
    ");
}

#[test]
fn variables_given_beat_defaults() {
    let text = job(
        "facts:\n  f:\n    per: account\n    from: touches\n    time: day\n    measures: {late: 'count(*) filter (where touches > ${RESPONSE_HOURS})'}\n",
    );
    let formula = |vars: &[(&str, &str)]| {
        load(&[("jobs/case.yaml", &text)], vars).unwrap().0.facts["f"].measures["late"].text.clone()
    };
    assert_eq!(formula(&[]), "count(*) filter (where touches > 24)");
    assert_eq!(formula(&[("RESPONSE_HOURS", "48")]), "count(*) filter (where touches > 48)");
}

#[test]
fn a_variable_that_nothing_names_is_a_warning() {
    let (project, warnings) = load(&[], &[("RESPONSE_HOUR", "48")]).unwrap();
    assert_snapshot!(render(&warnings, &project.files, false), @"
    warning[unused-variable]: variable `RESPONSE_HOUR` is given, but no value of the project names it
     |
     = help: did you mean `RESPONSE_HOURS`?
    ");
}

#[test]
fn all_errors_of_all_files_come_at_once_in_order() {
    let files = [
        ("jobs/case.yaml", &job("tables:\n  x: {sql: selec 1}\n  y: {sql: select * from nowhere}\n")[..]),
        ("jobs/other.yaml", "job: other\ntitle: {en: Other}\n"),
        ("jobs/syntax.yaml", "a: [\n"),
    ];
    let error = load(&files, &[]).unwrap_err();
    assert_snapshot!(error, @"the project has 3 errors");
    let json = to_json(&error.diagnostics, &error.files);
    let brief = json.as_array().unwrap().iter().map(|one| {
        let place = &one["place"];
        format!(
            "{} {}:{}:{}",
            one["code"].as_str().unwrap(),
            place["file"].as_str().unwrap(),
            place["line"],
            place["column"]
        )
    });
    assert_snapshot!(brief.collect::<Vec<_>>().join("\n"), @"
    sql-syntax jobs/case.yaml:4:12
    missing-key jobs/other.yaml:2:1
    yaml-syntax jobs/syntax.yaml:1:4
    ");
}

#[test]
fn json_tells_place_labels_and_help() {
    let error = load(&[("jobs/case.yaml", &job("entities:\n  account: {key: id}\n"))], &[]).unwrap_err();
    let json = to_json(&error.diagnostics, &error.files);
    assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    [
      {
        "code": "duplicate-definition",
        "severity": "error",
        "message": "entity `account` is defined twice",
        "place": {
          "file": "jobs/case.yaml",
          "line": 4,
          "column": 3,
          "end_line": 4,
          "end_column": 10
        },
        "labels": [
          {
            "place": {
              "file": "jobs/base.yaml",
              "line": 6,
              "column": 3,
              "end_line": 6,
              "end_column": 10
            },
            "message": "first defined here"
          }
        ],
        "help": "a name is defined once in the whole project"
      }
    ]
    "#);
}
