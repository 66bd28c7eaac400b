//! Files of unit tests.

use super::{Key, Keys, Object, Shape, description};

/// A file of unit tests.
pub(crate) static TESTS: Object = Object {
    name: "test file",
    doc: "Unit tests of the project's definitions: `abmart test` runs the pipeline over the rows that a test gives, in memory, and compares what comes out. Neither the lake nor the environment counts.",
    keys: &[Key::new(
        "tests",
        Shape::Map(Keys::Labels, &Shape::Object(&TEST)),
        "The tests, by names that are unique in the project. What one set of rows shows belongs into one test: a test is one run.",
        "tests:\n  silent_accounts_count:\n    as_of: 2026-06-30\n    period: 2026-06\n    given:\n      accounts: [{account_id: A}, {account_id: B}]\n    expect:\n      kpis:\n        target_accounts: [{value: 0}]",
    )
    .required()],
    rules: &[],
};

const ROWS: Shape = Shape::List(&Shape::Map(Keys::Any("column"), &Shape::Scalar));

static TEST: Object = Object {
    name: "test",
    doc: "Rows that are given, and rows that are expected.",
    keys: &[
        description("description: Accounts without touches count in the denominator."),
        Key::new("as_of", Shape::Day, "The run's day.", "as_of: 2026-06-30").required(),
        Key::new(
            "pipeline",
            Shape::Word("pipeline"),
            "The pipeline whose periods, cube and dimensions the run has.",
            "pipeline: nightly",
        )
        .default("the first one that computes"),
        Key::new(
            "period",
            Shape::Scalar,
            "The period of expected cells and facts that name none: `2026-06`, `2026-Q2`, `2026`, `2026-W23`, `2026-06-15`, `FY2026`, `FY2026-Q1`.",
            "period: 2026-06",
        )
        .default("none"),
        Key::new(
            "variables",
            Shape::Map(Keys::Any("variable"), &Shape::Scalar),
            "Variables of the project that differ from their defaults. The environment and `--var` do not count.",
            "variables: {HIGHLY_ENGAGED_POINTS: 5}",
        )
        .default("none"),
        Key::new(
            "tolerance",
            Shape::Number,
            "How far a number may lie from the expected one: relative to it, absolute below 1.",
            "tolerance: 0.001",
        )
        .default("`1e-9`"),
        Key::new(
            "given",
            Shape::Map(Keys::Any("source"), &ROWS),
            "Rows of sources; those that are not named are empty. `accounts@2026-05-31` is an older snapshot of `accounts`. A row names the columns that matter: of the others null where the contract allows it, a name of its own for the first column of a key, the first of the known values, the reporting currency, the least number allowed or 0, `false`, 2020-01-01. `{01..30}` in a text makes thirty rows, `times: 4` writes a row four times. The rows of a reference table replace its own.",
            "given:\n  accounts: [{account_id: A, region: EMEA}]\n  touchpoints:\n    - {account_id: A, kind: webinar, occurred_at: 2026-06-15 12:00, times: 4}",
        )
        .default("no rows"),
        Key::new(
            "expect",
            Shape::Object(&EXPECT),
            "What comes out, by kind and name of the definition.",
            "expect:\n  kpis:\n    win_rate: [{value: 2/3}, {region: EMEA, value: 1}]",
        )
        .required(),
    ],
    rules: &[],
};

static EXPECT: Object = Object {
    name: "expect",
    doc: "Rows that definitions give, in any order. Of each row only the named columns are compared: numbers by value within the tolerance, and `2/3` is a quotient; days as `2026-06-15`, times as `2026-06-15 12:00`, in the reporting time zone where the definition is a table.",
    keys: &[
        Key::new(
            "kpis",
            Shape::Map(Keys::Any("KPI"), &ROWS),
            "Cells of KPIs: `period`, the dimensions of the cut, and columns of `kpi_values` such as `value`, `numerator`, `denominator`, `prior_value`, `status`. A dimension that is not named is not cut by. A cell that does not exist is null.",
            "kpis:\n  win_rate: [{period: 2026-Q2, region: EMEA, value: 0.5, numerator: 1, denominator: 2}]",
        )
        .default("none"),
        Key::new(
            "facts",
            Shape::Map(Keys::Any("fact"), &ROWS),
            "Measures of facts and scores: `period`, the key of the entity, and measures; of a score `score`, its components and `band`.",
            "facts:\n  activity: [{account_id: A, inbound: 4}, {account_id: B, period: 2026-05, inbound: 0}]",
        )
        .default("none"),
        Key::new(
            "tables",
            Shape::Map(Keys::Any("table"), &AMONG_OR_ALL),
            "Rows of tables, rollups, and tables of attributions: all rows, or with `contains` some of them. A `for_each: period` table has the columns `period_grain`, `period_start`, `period_end` and `partial` as well.",
            "tables:\n  won_deals: [{opportunity_id: O1, amount: 10}]",
        )
        .default("none"),
        Key::new(
            "alerts",
            Shape::Map(Keys::Any("alert"), &AMONG_OR_ALL),
            "Open alerts, with columns of the mart `alerts`: all of a name, or with `contains` some of them.",
            "alerts:\n  silent_account: [{account_id: A, state: new}]",
        )
        .default("none"),
        Key::new(
            "marts",
            Shape::Map(Keys::Any("mart"), &AMONG_OR_ALL),
            "Rows of marts: all rows, or with `contains` some of them.",
            "marts:\n  funnel: {contains: [{funnel: account, stage: sqa, cut: all, entered: 3}]}",
        )
        .default("none"),
        Key::new(
            "quarantined",
            Shape::Map(Keys::Any("source"), &Shape::Whole(0, 1_000_000)),
            "How many of the given rows the contract sets aside. A source that is not named has none, or the test fails.",
            "quarantined: {touchpoints: 1}",
        )
        .default("none"),
    ],
    rules: &[],
};

const AMONG_OR_ALL: Shape = Shape::ScalarOr(&ROWS, &Shape::Object(&AMONG));

static AMONG: Object = Object {
    name: "some rows",
    doc: "Rows that are there among others.",
    keys: &[
        Key::new("contains", ROWS, "Rows that must be there.", "contains: [{account_id: A, inbound: 4}]"),
        Key::new("lacks", ROWS, "Rows that must not be there.", "lacks: [{account_id: B}]"),
    ],
    rules: &[],
};
