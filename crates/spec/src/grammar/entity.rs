//! `entities`.

use super::{Key, Object, Shape};

pub(super) static ENTITY: Object = Object {
    name: "entity",
    doc: "What facts are measured for: account, contact, opportunity. An entity without a parent is a root; its dimensions are those of everything below it.",
    keys: &[
        Key::new("key", Shape::Word("column"), "The column that identifies it, in every input of its facts.", "key: account_id").required(),
        Key::new("snapshot", Shape::Word("source"), "The snapshot source that lists its members. Every member has a row in every period; an entity without a snapshot only has the rows that its facts have.", "snapshot: accounts").default("none"),
        Key::new("parent", Shape::Word("entity"), "The entity that it belongs to. Its rows carry the parent's key as well and have the parent's dimensions.", "parent: account").default("none: a root entity"),
        Key::new("dimensions", Shape::List(&Shape::Word("column")), "Columns of the snapshot that KPIs are cut by. Only a root entity with a snapshot has them.", "dimensions: [region, bu, tier, industry, program]").default("none"),
    ],
    rules: &[super::Rule::Needs("dimensions", "snapshot")],
};
