//! `tables`.

use super::source::COLUMN;
use super::{Key, Keys, Object, Rule, Shape, description};

pub(super) static TABLE: Object = Object {
    name: "table",
    doc: "A SQL query over sources, rollups and other tables, or a reference table that the project itself holds, inline (`rows`) or in a CSV file (`file`).",
    keys: &[
        Key::new("sql", Shape::Query, "The query; see [queries](#queries-and-expressions).", "sql: |\n  select opportunity_id, account_id, amount, currency, closed_at\n  from opportunities\n  where is_won").default("none"),
        Key::new("rows", Shape::List(&Shape::List(&Shape::Scalar)), "Rows of a reference table: a value per column, in the order of `columns`; dates as `YYYY-MM-DD`.", "rows:\n  - [page_view, 1, touch]\n  - [download, 2, content]").default("none"),
        Key::new("file", Shape::Word("path"), "CSV file with a header, relative to the project. An empty field is null.", "file: data/reference/benchmarks.csv").default("none"),
        Key::new("columns", Shape::Map(Keys::Names, &Shape::ScalarOr(&Shape::ColumnType, &Shape::Object(&COLUMN))), "Columns of a reference table, as in the contract of a source. A query's columns follow from its SQL.", "columns: {kind: string, points: number, component: string}").default("none"),
        Key::new("for_each", Shape::Choice(&["run", "month", "period"]), "How often the query is evaluated: once over the newest snapshots; once per calendar month, put together; or once per period of every grain, seen only inside that period. With `month` and `period`, snapshots are those of that time.", "for_each: period").default("`run`"),
        Key::new("during", Shape::List(&Shape::Word("source, rollup or table")), "Inputs of which the query sees only the rows of its month or period, up to `cutoff()`.", "during: [contact_touches]").default("none"),
        Key::new("time", Shape::Word("column"), "The column that facts go by.", "time: closed_at").default("none"),
        Key::new("money", Shape::Object(&MONEY), "Conversion of amounts to the reporting currency, after the query.", "money: {columns: [amount, tcv], currency: currency, on: closed_at}").default("none"),
        Key::new("key", Shape::List(&Shape::Word("column")), "Columns that identify a row; checked.", "key: [opportunity_id]").default("none"),
        Key::new("fans_out", Shape::List(&Shape::Word("input")), "Inputs of the query, by name or alias, of which several rows are meant to meet one row of those before them. Otherwise sums and counts over rows that a join repeats are an error.", "fans_out: [touchpoints]").default("none"),
        Key::new("reconciles", Shape::Object(&RECONCILES), "The table whose amounts it divides up; their sums agree to the cent, or the run fails.", "reconciles: {with: monthly_spend, by: [month, currency], columns: [amount]}").default("none"),
        description("description: Deals closed as won, in the reporting currency."),
    ],
    rules: &[
        Rule::OneOf(&["sql", "rows", "file"]),
        Rule::AtMostOne("conflicting-keys", &["sql", "columns"]),
        Rule::Needs("rows", "columns"),
        Rule::Needs("file", "columns"),
        Rule::Needs("during", "for_each"),
        Rule::Needs("fans_out", "sql"),
        Rule::Needs("reconciles", "sql"),
    ],
};

static RECONCILES: Object = Object {
    name: "reconciles",
    doc: "What must come out again of a table that divides up amounts. It is looked at in every run before anything is published.",
    keys: &[
        Key::new(
            "with",
            Shape::Word("source or table"),
            "The table that holds the amounts, once a run or month by month.",
            "with: monthly_spend",
        )
        .required(),
        Key::new(
            "by",
            Shape::List(&Shape::Word("column")),
            "Columns of both, for whose values the sums agree each.",
            "by: [month, currency]",
        )
        .required(),
        Key::new("columns", Shape::List(&Shape::Word("column")), "The amounts.", "columns: [amount]").required(),
    ],
    rules: &[],
};

static MONEY: Object = Object {
    name: "money",
    doc: "Each amount is multiplied by its currency's rate of that day. A missing rate is an error that names currency and day; an amount that is null stays null.",
    keys: &[
        Key::new("columns", Shape::List(&Shape::Word("column")), "Columns with amounts.", "columns: [amount, tcv]")
            .required(),
        Key::new(
            "currency",
            Shape::Word("column"),
            "Column with the ISO 4217 code of the row's currency.",
            "currency: currency",
        )
        .required(),
        Key::new("on", Shape::Word("column"), "Date or timestamp column whose day's rate counts.", "on: closed_at")
            .required(),
    ],
    rules: &[],
};
