//! Names: unknown ones, taken ones, cycles.

use crate::{case, job, messages};
use insta::assert_snapshot;

#[test]
fn a_name_is_defined_once_in_the_whole_project() {
    assert_snapshot!(case("kpis:\n  win_rate:\n    title: {en: Win rate, fr: Taux}\n    formula: sum(deals.won)\n    unit: count\n    better: higher\n    level: [executive]\n    cadence: monthly\n"), @"
    error[duplicate-definition]: KPI `win_rate` is defined twice
       --> jobs/case.yaml:4:3
        |
      4 |   win_rate:
        |   ^^^^^^^^
        |
       ::: jobs/base.yaml:100:3
        |
    100 |   win_rate:
        |   -------- first defined here
        |
        = help: a name is defined once in the whole project
    ");
}

#[test]
fn tables_and_sources_share_their_names() {
    assert_snapshot!(case("tables:\n  touchpoints: {sql: select 1 as one}\n"), @"
    error[duplicate-definition]: `touchpoints` is the name of both a source and a table
      --> jobs/case.yaml:4:3
       |
     4 |   touchpoints: {sql: select 1 as one}
       |   ^^^^^^^^^^^
       |
      ::: jobs/base.yaml:23:3
       |
    23 |   touchpoints:
       |   ----------- first defined here
       |
       = help: a name is defined once in the whole project
    ");
}

#[test]
fn unknown_entity_source_table_and_dimension() {
    assert_snapshot!(case("entities:\n  buyer: {key: contact_id, snapshot: contact, parent: acount}\nrollups:\n  r: {from: touchpoint, by: {day: bucket(occurred_at)}, measures: {n: count(*)}}\nfacts:\n  f: {per: opportunty, from: signal, measures: {n: count(*)}}\n  g: {per: account, from: deals, dimensions: {regoin: account_id}, measures: {n: count(*)}}\n"), @"
    error[unknown-source]: `contact` is not a source of the project
     --> jobs/case.yaml:4:38
      |
    4 |   buyer: {key: contact_id, snapshot: contact, parent: acount}
      |                                      ^^^^^^^
      |
      = help: `contact` is an entity

    error[unknown-entity]: `acount` is not an entity of the project
     --> jobs/case.yaml:4:55
      |
    4 |   buyer: {key: contact_id, snapshot: contact, parent: acount}
      |                                                       ^^^^^^
      |
      = help: did you mean `account`?

    error[unknown-source]: `touchpoint` is not a source of the project
     --> jobs/case.yaml:6:13
      |
    6 |   r: {from: touchpoint, by: {day: bucket(occurred_at)}, measures: {n: count(*)}}
      |             ^^^^^^^^^^
      |
      = help: did you mean `touchpoints`?

    error[unknown-entity]: `opportunty` is not an entity of the project
     --> jobs/case.yaml:8:12
      |
    8 |   f: {per: opportunty, from: signal, measures: {n: count(*)}}
      |            ^^^^^^^^^^
      |
      = help: did you mean `opportunity`?

    error[unknown-table]: `signal` is not a source, rollup or table of the project
     --> jobs/case.yaml:8:30
      |
    8 |   f: {per: opportunty, from: signal, measures: {n: count(*)}}
      |                              ^^^^^^
      |
      = help: did you mean `signals`?

    error[unknown-dimension]: `regoin` is not a dimension
     --> jobs/case.yaml:9:47
      |
    9 |   g: {per: account, from: deals, dimensions: {regoin: account_id}, measures: {n: count(*)}}
      |                                               ^^^^^^
      |
      = help: did you mean `region`?
    ");
}

#[test]
fn unknown_table_in_sql() {
    assert_snapshot!(case("tables:\n  x:\n    sql: |\n      with own as (select * from touchs)\n      select *\n      from own\n      join weigths w on w.kind = own.kind\n      where account_id in (select account_id from activity)\n"), @"
    error[unknown-table]: `touchs` is not a source, rollup or table of the project
     --> jobs/case.yaml:6:34
      |
    6 |       with own as (select * from touchs)
      |                                  ^^^^^^
      |
      = help: did you mean `touches`?

    error[unknown-table]: `weigths` is not a source, rollup or table of the project
     --> jobs/case.yaml:9:12
      |
    9 |       join weigths w on w.kind = own.kind
      |            ^^^^^^^
      |
      = help: did you mean `weights`?

    error[unknown-table]: `activity` is not a source, rollup or table of the project
      --> jobs/case.yaml:10:51
       |
    10 |       where account_id in (select account_id from activity)
       |                                                   ^^^^^^^^
       |
       = help: `activity` is a fact
    ");
}

#[test]
fn unknown_fact_measure_kpi_and_dimension_in_a_formula() {
    assert_snapshot!(case(&kpi("sum(deal.won) / sum(deals.wonn) + win_rat + count(*) filter (where regio = 'EMEA' and won > 1)", "ratio")), @"
    error[unknown-fact]: `deal` is not a fact of the project
     --> jobs/case.yaml:6:18
      |
    6 |     formula: sum(deal.won) / sum(deals.wonn) + win_rat + count(*) filter (where regio = 'EMEA' and won > 1)
      |                  ^^^^^^^^
      |
      = help: did you mean `deals`?

    error[unknown-measure]: fact `deals` has no measure `wonn`
     --> jobs/case.yaml:6:34
      |
    6 |     formula: sum(deal.won) / sum(deals.wonn) + win_rat + count(*) filter (where regio = 'EMEA' and won > 1)
      |                                  ^^^^^^^^^^
      |
      = help: did you mean `deals.won`?

    error[unknown-kpi]: `win_rat` is not a KPI of the project
     --> jobs/case.yaml:6:48
      |
    6 |     formula: sum(deal.won) / sum(deals.wonn) + win_rat + count(*) filter (where regio = 'EMEA' and won > 1)
      |                                                ^^^^^^^
      |
      = help: did you mean `win_rate`?

    error[unknown-dimension]: `regio` is not a dimension; measures are written `<fact>.<measure>`
     --> jobs/case.yaml:6:81
      |
    6 |     formula: sum(deal.won) / sum(deals.wonn) + win_rat + count(*) filter (where regio = 'EMEA' and won > 1)
      |                                                                                 ^^^^^
      |
      = help: did you mean `region`?

    error[unknown-dimension]: `won` is not a dimension; measures are written `<fact>.<measure>`
     --> jobs/case.yaml:6:100
      |
    6 |     formula: sum(deal.won) / sum(deals.wonn) + win_rat + count(*) filter (where regio = 'EMEA' and won > 1)
      |                                                                                                    ^^^
      |
      = help: did you mean `deals.won`?
    ");
}

#[test]
fn unknown_names_in_pipelines() {
    let pipelines =
        crate::PIPELINES.replace("[region, program]", "[regions, program, program]").replace("fx_rates", "fx_rate")
            + "    marts: [kpi_value]\n";
    assert_snapshot!(messages(&[("pipelines.yaml", &pipelines)]), @"
    error[unknown-table]: `fx_rate` is not a source, rollup or table of the project
     --> pipelines.yaml:2:59
      |
    2 | settings: {currency: EUR, time_zone: Europe/Paris, rates: fx_rate, targets: targets}
      |                                                           ^^^^^^^
      |
      = help: did you mean `fx_rates`?

    error[unknown-dimension]: `regions` is not a dimension
     --> pipelines.yaml:8:12
      |
    8 |     cube: [regions, program, program]
      |            ^^^^^^^
      |
      = help: did you mean `region`?

    error[repeated-dimension]: `program` stands twice in the cube
     --> pipelines.yaml:8:30
      |
    8 |     cube: [regions, program, program]
      |                     -------  ^^^^^^^
      |                     |
      |                     first here

    error[unknown-mart]: `kpi_value` is not a mart of the project
     --> pipelines.yaml:9:13
      |
    9 |     marts: [kpi_value]
      |             ^^^^^^^^^
      |
      = help: did you mean `kpi_values`?
    ");
}

#[test]
fn an_unknown_pipeline() {
    let (project, _) = crate::load(&[], &[]).unwrap();
    let error = project.pipeline("nigthly").unwrap_err();
    assert_snapshot!(abmart_spec::diagnostic::render(&[*error], &project.files, false), @"
    error[unknown-pipeline]: `nigthly` is not a pipeline of the project
     |
     = help: did you mean `nightly`?
    ");
    assert_eq!(project.pipeline("nightly").unwrap().title.fr, "Nuit");
}

#[test]
fn unknown_columns_of_a_contract() {
    assert_snapshot!(case("sources:\n  s:\n    kind: events\n    time: happened_at\n    key: [ids]\n    columns: {id: string, happend_at: timestamp}\nentities:\n  s2: {key: id, snapshot: contacts, dimensions: [account]}\n"), @"
    error[unknown-column]: source `s` has no column `happened_at`
     --> jobs/case.yaml:6:11
      |
    6 |     time: happened_at
      |           ^^^^^^^^^^^
      |
      = help: did you mean `happend_at`?

    error[unknown-column]: source `s` has no column `ids`
     --> jobs/case.yaml:7:11
      |
    7 |     key: [ids]
      |           ^^^
      |
      = help: did you mean `id`?

    error[unknown-column]: source `contacts` has no column `id`, the key of entity `s2`
      --> jobs/case.yaml:10:3
       |
    10 |   s2: {key: id, snapshot: contacts, dimensions: [account]}
       |   ^^
       |
      ::: jobs/base.yaml:15:3
       |
    15 |   contacts:
       |   -------- the source

    error[unknown-column]: source `contacts` has no column `account`
      --> jobs/case.yaml:10:50
       |
    10 |   s2: {key: id, snapshot: contacts, dimensions: [account]}
       |                                                  ^^^^^^^
       |
       = help: did you mean `account_id`?
    ");
}

#[test]
fn tables_in_a_circle() {
    assert_snapshot!(case("tables:\n  a: {sql: select * from b}\n  b:\n    sql: |\n      select *\n      from c\n  c: {sql: select * from a}\n"), @"
    error[cycle]: tables need each other in a circle: `a` → `b` → `c` → `a`
     --> jobs/case.yaml:4:26
      |
    4 |   a: {sql: select * from b}
      |                          ^
    ...
    8 |       from c
      |            - `b` needs `c`
    9 |   c: {sql: select * from a}
      |                          - `c` needs `a`
      |
      = help: what several of them need belongs into one more, which needs none of them
    ");
}

#[test]
fn kpis_in_a_circle_and_one_that_names_itself() {
    let kpis =
        [("a", "b + 1"), ("b", "a * 2"), ("c", "c / 2")].map(|(name, formula)| kpi_named(name, formula, "ratio"));
    assert_snapshot!(case(&format!("kpis:\n{}", kpis.concat())), @"
    error[cycle]: KPIs need each other in a circle: `a` → `b` → `a`
      --> jobs/case.yaml:6:14
       |
     6 |     formula: b + 1
       |              ^
    ...
    13 |     formula: a * 2
       |              - `b` needs `a`
       |
       = help: what several of them need belongs into one more, which needs none of them

    error[self-reference]: the formula of `c` names `c` itself
      --> jobs/case.yaml:20:14
       |
    20 |     formula: c / 2
       |              ^
    ");
}

#[test]
fn facts_in_a_circle() {
    assert_snapshot!(case("entities:\n  owner: {key: owner_id, parent: owner}\nfacts:\n  x: {per: account, from_entity: contact, measures: {n: sum(y.n)}}\n  y: {per: contact, from_entity: contact, measures: {n: sum(x.n)}}\n"), @"
    error[cycle]: entity `owner` is its own ancestor
     --> jobs/case.yaml:4:34
      |
    4 |   owner: {key: owner_id, parent: owner}
      |                                  ^^^^^

    error[cycle]: facts need each other in a circle: `x` → `y` → `x`
     --> jobs/case.yaml:6:61
      |
    6 |   x: {per: account, from_entity: contact, measures: {n: sum(y.n)}}
      |                                                             ^^^
    7 |   y: {per: contact, from_entity: contact, measures: {n: sum(x.n)}}
      |                                                             --- `y` needs `x`
      |
      = help: what several of them need belongs into one more, which needs none of them

    error[entity-mismatch]: entity `contact` is not below `contact`
     --> jobs/case.yaml:7:34
      |
    7 |   y: {per: contact, from_entity: contact, measures: {n: sum(x.n)}}
      |            -------               ^^^^^^^
      |            |
      |            the fact's entity
      |
      = help: `from_entity` names an entity whose `parent` leads to the fact's own

    error[entity-mismatch]: fact `x` is per `account`, but the rows are those of `contact`
     --> jobs/case.yaml:7:61
      |
    7 |   y: {per: contact, from_entity: contact, measures: {n: sum(x.n)}}
      |                                                             ^^^
    ");
}

#[test]
fn a_mistake_in_a_definition_does_not_hide_its_name() {
    // `deals` is incomplete, but known: only its own mistake is reported.
    let base = crate::BASE.replace("    from: deals\n", "    frm: deals\n");
    assert_snapshot!(messages(&[("jobs/base.yaml", &base)]), @"
    error[unknown-key]: a fact has no key `frm`
      --> jobs/base.yaml:77:5
       |
    77 |     frm: deals
       |     ^^^
       |
       = help: did you mean `from`?
    ");
}

#[test]
fn definitions_of_a_broken_file_are_not_missed() {
    assert_snapshot!(messages(&[("jobs/base.yaml", "job: base\n\ttitle: x\n"), ("jobs/case.yaml", &job("tables:\n  x: {sql: select * from touchpoints}\n"))]), @"
    error[yaml-syntax]: YAML syntax: while scanning a plain scalar, found a tab
     --> jobs/base.yaml:1:6
      |
    1 | job: base
      |      ^
      |
      = help: indentation is made of spaces: two for each level
    ");
}

pub(crate) fn kpi(formula: &str, unit: &str) -> String {
    format!("kpis:\n{}", kpi_named("case_kpi", formula, unit))
}

pub(crate) fn kpi_named(name: &str, formula: &str, unit: &str) -> String {
    format!(
        "  {name}:\n    title: {{en: Case, fr: Cas}}\n    formula: {formula}\n    unit: {unit}\n    better: higher\n    level: [executive]\n    cadence: monthly\n"
    )
}
