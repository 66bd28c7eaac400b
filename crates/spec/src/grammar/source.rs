//! `sources`, their columns, and `rollups`.

use super::{COLUMN_TYPES, Key, Keys, Object, Shape, description};

/// What a broken check does.
const SEVERITIES: &[&str] = &["warn", "quarantine", "fail"];

/// More rows than any source has.
const MANY: i64 = 1_000_000_000_000;

pub(super) static SOURCE: Object = Object {
    name: "source",
    doc: "A Parquet dataset of the lake with its contract.",
    keys: &[
        Key::new("kind", Shape::Choice(&["snapshot", "events"]), "`snapshot`: a full copy per day. `events`: rows with a time in date partitions.", "kind: events").required(),
        Key::new("path", Shape::PathTemplate, "Files below the lake; `{month}` stands for `YYYY-MM`, `{day}` for `YYYY-MM-DD`, `*` for part of a file name.", "path: touchpoints/ym={month}/*.parquet").default("`<name>/ym={month}/*.parquet` for events, `<name>/dt={day}/*.parquet` for snapshots"),
        Key::new("time", Shape::Word("column"), "The column that says when a row happened; events need it, snapshots have none.", "time: occurred_at").default("none"),
        Key::new("key", Shape::List(&Shape::Word("column")), "Columns that identify a row, among all events or in a snapshot. The first row of a key is used; another one breaks the check `unique`.", "key: [touch_id]").default("none"),
        Key::new("freshness", Shape::Window, "How long before the day of the run the newest row (events) or snapshot may lie.", "freshness: 2 days").default("any age"),
        Key::new("row_count", Shape::Object(&ROW_COUNT), "How many rows there should be.", "row_count: {min: 1, drift: 0.3}").default("any"),
        Key::new("on_breach", Shape::Object(&SOURCE_CHECKS), "What the checks of the source as a whole lead to.", "on_breach: {unique: fail, freshness: warn}").default("see there"),
        Key::new("optional", Shape::Boolean, "Whether the dataset may be absent, which then counts as empty.", "optional: true").default("`false`"),
        description("description: One row per interaction with a target account."),
        Key::new("columns", Shape::Map(Keys::Any("column"), &Shape::ScalarOr(&Shape::ColumnType, &Shape::Object(&COLUMN))), "The contract: every column with its type, short (`string?`) or with checks.", "columns:\n  touch_id: string\n  contact_id: string?\n  duration_s: {type: number, nullable: true, min: 0}").required(),
    ],
    rules: &[],
};

/// A column of a contract in its long form.
pub(super) static COLUMN: Object = Object {
    name: "column",
    doc: "A column with its checks. The short form is the type alone, with `?` where null is a value: `string?`.",
    keys: &[
        Key::new("type", Shape::Choice(COLUMN_TYPES), "`string`, `integer` (64 bits), `number` (float), `money` (float in the row's own currency), `boolean`, `date`, or `timestamp` (an instant in UTC). Narrower numbers in files are widened.", "type: number").required(),
        Key::new("nullable", Shape::Boolean, "Whether null is a value.", "nullable: true").default("`false`"),
        Key::new("values", Shape::List(&Shape::Text), "Known values of an open enumeration.", "values: [inbound, outbound]").default("any"),
        Key::new("min", Shape::Number, "Smallest value accepted.", "min: 0").default("none"),
        Key::new("max", Shape::Number, "Largest value accepted.", "max: 1").default("none"),
        Key::new("references", Shape::Word("snapshot source"), "The snapshot source whose key the values are; null refers to nothing. Looked up in that source's newest copy that the run reads. Of a snapshot source, the newest copy is checked.", "references: accounts").default("none"),
        Key::new("since", Shape::Day, "The first day of the column. Files of earlier days or months may lack it, and hold nulls then.", "since: 2026-06-01").default("always there"),
        Key::new("on_breach", Shape::ScalarOr(&Shape::Choice(SEVERITIES), &Shape::Object(&COLUMN_CHECKS)), "What becomes of a row that breaks a check: with `warn` it is used and reported, with `quarantine` set aside with its reason, with `fail` the run stops. One word is for `range`; where it is `fail`, for `not_null` and `finite` as well. A map names checks.", "on_breach: {range: warn, accepted_values: quarantine}").default("`quarantine`, of `accepted_values` and `references` `warn`"),
        description("description: Share of the content that was consumed."),
    ],
    rules: &[],
};

static COLUMN_CHECKS: Object = Object {
    name: "column check",
    doc: "Severities of a column's checks, by the names that the checks have in `data_quality`: `warn`, `quarantine` or `fail`. Only checks that the column has can be named.",
    keys: &[
        Key::new("not_null", Shape::Choice(SEVERITIES), "A null where none may be.", "not_null: fail").default("`quarantine`"),
        Key::new("finite", Shape::Choice(SEVERITIES), "A `number` or `money` that is NaN or infinite.", "finite: fail").default("`quarantine`"),
        Key::new("range", Shape::Choice(SEVERITIES), "A value below `min` or above `max`.", "range: warn").default("`quarantine`"),
        Key::new("accepted_values", Shape::Choice(SEVERITIES), "A value that is none of `values`.", "accepted_values: quarantine").default("`warn`"),
        Key::new("references", Shape::Choice(SEVERITIES), "A value that is no key of the source that `references` names. Of a source that rollups reduce, no row can be set aside for it: `warn` or `fail`.", "references: fail").default("`warn`"),
    ],
    rules: &[],
};

static SOURCE_CHECKS: Object = Object {
    name: "source check",
    doc: "Severities of the checks of a source as a whole, by the names that they have in `data_quality`. Only checks that the source has can be named.",
    keys: &[
        Key::new("unique", Shape::Choice(SEVERITIES), "A row whose `key` was met in a row before.", "unique: fail")
            .default("`quarantine`"),
        Key::new(
            "freshness",
            Shape::Choice(SEVERITIES),
            "Data older than `freshness` allows: `warn` or `fail`.",
            "freshness: fail",
        )
        .default("`warn`"),
        Key::new(
            "row_count",
            Shape::Choice(SEVERITIES),
            "A number of rows that `row_count` does not allow: `warn` or `fail`.",
            "row_count: fail",
        )
        .default("`warn`"),
    ],
    rules: &[],
};

static ROW_COUNT: Object = Object {
    name: "row count",
    doc: "How many rows a source may have: of a snapshot source its newest copy, of events all rows up to the day of the run, without those set aside.",
    keys: &[
        Key::new("min", Shape::Whole(0, MANY), "At least so many.", "min: 1").default("none"),
        Key::new("max", Shape::Whole(0, MANY), "At most so many.", "max: 100000").default("none"),
        Key::new("drift", Shape::Number, "How far the number may be, up or down, from that of the latest earlier day in the published mart `data_quality`, as a share of it. Without an earlier day there is nothing to compare.", "drift: 0.3").default("none"),
    ],
    rules: &[],
};

pub(super) static ROLLUP: Object = Object {
    name: "rollup",
    doc: "A reduction of an events source that is computed per file, kept between runs and merged on reading. Only mergeable measures are possible, so that a late file costs one file.",
    keys: &[
        Key::new("from", Shape::Word("events source"), "The events source that it reduces.", "from: touchpoints").required(),
        Key::new("where", Shape::Expression("condition"), "Rows that count.", "where: kind <> 'email_sent'").default("all rows"),
        Key::new("by", Shape::Map(Keys::Names, &Shape::Expression("expression")), "Group keys: output column and expression. `bucket(time)` is the first day of the finest stretch of time that the run's periods and windows tell apart.", "by: {account_id: account_id, day: bucket(occurred_at), kind: kind}").required(),
        Key::new("measures", Shape::Map(Keys::Names, &Shape::Expression("mergeable aggregate")), "Output column and one of `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)`, each with an optional `filter (where …)`.", "measures: {touches: count(*), consumed: sum(consumed), first_at: min(occurred_at) filter (where direction = 'inbound')}").required(),
        description("description: Touches per contact, day and kind."),
    ],
    rules: &[],
};
