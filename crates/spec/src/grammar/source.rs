//! `sources`, their columns, and `rollups`.

use super::{COLUMN_TYPES, Key, Keys, Object, Shape, description};

pub(super) static SOURCE: Object = Object {
    name: "source",
    doc: "A Parquet dataset of the lake with its contract.",
    keys: &[
        Key::new("kind", Shape::Choice(&["snapshot", "events"]), "`snapshot`: a full copy per day. `events`: rows with a time in date partitions.", "kind: events").required(),
        Key::new("path", Shape::PathTemplate, "Files below the lake; `{month}` stands for `YYYY-MM`, `{day}` for `YYYY-MM-DD`, `*` for part of a file name.", "path: touchpoints/ym={month}/*.parquet").default("`<name>/ym={month}/*.parquet` for events, `<name>/dt={day}/*.parquet` for snapshots"),
        Key::new("time", Shape::Word("column"), "The column that says when a row happened; events need it, snapshots have none.", "time: occurred_at").default("none"),
        Key::new("key", Shape::List(&Shape::Word("column")), "Columns that identify a row; checked.", "key: [touch_id]").default("none"),
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
        Key::new("values", Shape::List(&Shape::Text), "Known values of an open enumeration; another value is reported and kept.", "values: [inbound, outbound]").default("any"),
        Key::new("min", Shape::Number, "Smallest value accepted.", "min: 0").default("none"),
        Key::new("max", Shape::Number, "Largest value accepted.", "max: 1").default("none"),
        Key::new("on_breach", Shape::Choice(&["warn", "quarantine", "fail"]), "What becomes of a row that breaks a check other than `values`: it is used and reported, set aside with its reason, or the run stops.", "on_breach: warn").default("`quarantine`"),
        description("description: Share of the content that was consumed."),
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
