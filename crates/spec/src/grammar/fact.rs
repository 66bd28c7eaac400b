//! `facts`.

use super::{GRAINS, Key, Keys, Object, Rule, Shape, description};

pub(super) static FACT: Object = Object {
    name: "fact",
    doc: "Measures per entity and period. Without `alive`, `window` or `state` a fact is a flow: it takes the rows whose `time` lies in the period.",
    keys: &[
        Key::new("per", Shape::Word("entity"), "The entity.", "per: account").required(),
        Key::new("from", Shape::Word("source, rollup or table"), "What it measures: an input with the entity's key column, and with the parent's where the entity has a parent.", "from: signals").default("none"),
        Key::new("from_entity", Shape::Word("entity"), "Sums up the facts of an entity below this one; measures then aggregate columns `<fact>.<measure>`.", "from_entity: contact").default("none"),
        Key::new("alive", Shape::Pair(&Shape::Word("column")), "A stock: rows alive at the period's end. Two columns, begin (before the end) and end (null, or not before it).", "alive: [created_at, closed_at]").default("none"),
        Key::new("window", Shape::Window, "A trailing fact: rows whose `time` lies in so many days or calendar months back from the period's end.", "window: 12 months").default("none"),
        Key::new("state", Shape::Boolean, "One row per member of the entity's snapshot as it was. Measures are plain expressions over its columns.", "state: true").default("`false`"),
        Key::new("time", Shape::Word("column"), "The column that says when.", "time: day").default("the input's `time`"),
        Key::new("where", Shape::Expression("condition"), "Rows that count.", "where: direction = 'inbound'").default("all rows"),
        Key::new("keep_last", Shape::Object(&KEEP_LAST), "Of the rows in a period, only the last of each key counts.", "keep_last: {by: [contact_id], order: answered_at}").default("none"),
        Key::new("grain", Shape::Choice(GRAINS), "The finest grain at which the fact means something: `month` for monthly data.", "grain: month").default("every grain"),
        Key::new("dimensions", Shape::Map(Keys::Any("dimension"), &Shape::Word("column")), "For rows without an entity, or with one that no snapshot knows: dimension and the input's column that gives it. What is not given is `(unknown)`.", "dimensions: {region: region, bu: bu}").default("none"),
        Key::new("measures", Shape::Map(Keys::Names, &Shape::Expression("aggregate expression")), "Measure and expression: aggregates over the input's rows, combined with arithmetic (plain expressions with `state`). See [aggregates](#aggregates).", "measures:\n  inbound: sum(touches) filter (where direction = 'inbound')").required(),
        description("description: What an account did of its own accord."),
    ],
    rules: &[
        Rule::OneOf(&["from", "from_entity"]),
        Rule::AtMostOne("fact-of-two-kinds", &["alive", "window", "state"]),
        Rule::AtMostOne("fact-of-two-kinds", &["from_entity", "alive"]),
        Rule::AtMostOne("fact-of-two-kinds", &["from_entity", "window"]),
        Rule::AtMostOne("fact-of-two-kinds", &["from_entity", "state"]),
        Rule::AtMostOne("conflicting-keys", &["from_entity", "time"]),
        Rule::AtMostOne("conflicting-keys", &["from_entity", "keep_last"]),
        Rule::AtMostOne("conflicting-keys", &["from_entity", "dimensions"]),
        Rule::AtMostOne("conflicting-keys", &["state", "keep_last"]),
        Rule::AtMostOne("conflicting-keys", &["state", "time"]),
    ],
};

static KEEP_LAST: Object = Object {
    name: "keep_last",
    doc: "Deduplication inside a period.",
    keys: &[
        Key::new(
            "by",
            Shape::List(&Shape::Word("column")),
            "Columns of the key. A row with null in one of them stands for itself.",
            "by: [contact_id]",
        )
        .required(),
        Key::new("order", Shape::Word("column"), "The row with the greatest value wins.", "order: answered_at")
            .required(),
    ],
    rules: &[],
};
