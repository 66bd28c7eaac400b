//! `marts`.

use super::{GRAINS, Key, Keys, Object, Rule, Shape, description};

pub(super) static MART: Object = Object {
    name: "mart",
    doc: "What is published under `<marts>/<name>/`: a table of the engine, a table of the project, or a query over those and over entities.",
    keys: &[
        Key::new("from", Shape::Word("table"), "`kpi_values`, `kpi_wide`, `kpi_catalog`, `kpi_changes`, `alerts`, `actions`, `score_bands`, `data_quality`, `<score>_signals`, or a `for_each: run` or `month` table.", "from: kpi_values").default("none"),
        Key::new("sql", Shape::Query, "A query over those tables, sources, and each entity as a table (`account`: `period_grain`, `period_start`, `period_end`, `partial`, its key, the dimensions, and `<fact>_<measure>` columns).", "sql: |\n  select period_grain, period_start, account_id, activity_inbound\n  from account").default("none"),
        Key::new("where", Shape::Expression("condition"), "Rows that are published, of a table named by `from`: a view for those who are to see only these.", "where: region = 'LATAM'").default("all"),
        Key::new("audience", Shape::Word("audience"), "Whom it is for; published in the file's metadata.", "audience: latam-sales").default("none"),
        Key::new("key", Shape::List(&Shape::Word("column")), "Columns that identify a row; audited before publishing.", "key: [period_grain, period_start, account_id]").required(),
        Key::new("fans_out", Shape::List(&Shape::Word("input")), "Inputs of the query, by name or alias, of which several rows are meant to meet one row of those before them. Otherwise sums and counts over rows that a join repeats are an error.", "fans_out: [touchpoints]").default("none"),
        Key::new("sort", Shape::List(&Shape::Word("column")), "Sort order of the rows.", "sort: [period_grain, period_start, account_id]").default("the key"),
        Key::new("grains", Shape::List(&Shape::Choice(GRAINS)), "Grains of the entity tables that its SQL reads.", "grains: [month, quarter, year]").default("all of the pipeline"),
        Key::new("format", Shape::Choice(&["parquet", "delta"]), "How it is published: as plain files under stable paths, or as a Delta table with a version for every night that changed it. See publishing.md.", "format: delta").default("`parquet`"),
        Key::new("columns", Shape::Map(Keys::Any("column"), &Shape::Object(&MART_COLUMN)), "Documentation of columns, published as field metadata.", "columns:\n  roi: {description: Return on the programme's cost, unit: ratio}").default("none"),
        description("description: Every account, period by period."),
    ],
    rules: &[Rule::OneOf(&["sql", "from"]), Rule::Needs("where", "from"), Rule::Needs("fans_out", "sql")],
};

static MART_COLUMN: Object = Object {
    name: "column of a mart",
    doc: "Documentation and audit of a published column.",
    keys: &[
        Key::new("description", Shape::Text, "Meaning.", "description: Recognised revenue").required(),
        Key::new("unit", Shape::Word("unit"), "Unit of its values.", "unit: money").default("none"),
        Key::new("not_null", Shape::Boolean, "Whether null is refused by the audit.", "not_null: true")
            .default("`false`"),
    ],
    rules: &[],
};
