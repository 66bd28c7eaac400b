//! The language's grammar as data: every object's keys with type, default, meaning and example.
//!
//! This is the one definition from which come the shape check of the YAML ([`check`]), the JSON Schema
//! ([`json_schema`]) and the reference manual ([`language_markdown`]).

mod alert;
mod attribution;
mod check;
mod embedded;
mod entity;
#[cfg(test)]
mod examples;
mod fact;
mod format;
mod kpi;
mod manual;
mod mart;
mod mend;
mod project;
mod schema;
mod score;
mod source;
mod store;
mod table;
mod unit_test;

pub(crate) use attribution::KINDS;
pub(crate) use check::{check, list};
pub use embedded::{Sql, sql_at};
pub use format::is_sql_word;
pub(crate) use format::{is_date, is_timestamp, name_problem, window};
pub use manual::language_markdown;
pub(crate) use mend::mend;
pub use schema::{Document, json_schema};

pub(crate) use project::{JOB, PIPELINES};
pub(crate) use unit_test::TESTS;

/// An object of the language: a map with known keys.
#[derive(Debug)]
pub(crate) struct Object {
    /// What it is called in messages and as a heading (`source`).
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    pub keys: &'static [Key],
    pub rules: &'static [Rule],
}

/// A key of an object.
#[derive(Debug)]
pub(crate) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// What holds where the key is not given.
    pub default: Option<&'static str>,
    pub doc: &'static str,
    /// YAML with this key, which must satisfy the shape.
    pub example: &'static str,
}

/// What goes together and what does not.
#[derive(Debug)]
pub(crate) enum Rule {
    /// Exactly one of these keys is given.
    OneOf(&'static [&'static str]),
    /// At most one of these keys is given; the code names the mistake.
    AtMostOne(&'static str, &'static [&'static str]),
    /// The first key is of no use without the second.
    Needs(&'static str, &'static str),
}

/// What a value looks like.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Free text.
    Text,
    /// Text that stands for something: a name, a column, a path; the word says what.
    Word(&'static str),
    /// The name of a definition that SQL does not read.
    Name,
    Boolean,
    /// A whole number from … to ….
    Whole(i64, i64),
    Number,
    /// Any single value.
    Scalar,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A column's type, with `?` where null is a value.
    ColumnType,
    /// ISO 4217 code.
    Currency,
    /// IANA name.
    TimeZone,
    /// `90 days`, `12 months`.
    Window,
    /// `2026-06-01`.
    Day,
    /// A path with `{month}` or `{day}`.
    PathTemplate,
    /// A `SELECT`.
    Query,
    /// A SQL expression; the word says of what sort.
    Expression(&'static str),
    List(&'static Shape),
    /// A list of exactly two.
    Pair(&'static Shape),
    Map(Keys, &'static Shape),
    Object(&'static Object),
    /// The first for scalars and lists, the second for maps.
    ScalarOr(&'static Shape, &'static Shape),
}

/// What the keys of a map are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys {
    /// Names of definitions, measures and columns that SQL reads without quotes.
    Names,
    /// Names of definitions that SQL does not read.
    Labels,
    /// Columns of the lake, values of a dimension, dimensions: whatever they are called.
    Any(&'static str),
    /// Period grains.
    Grains,
}

/// Names of the period grains, from fine to coarse.
pub(crate) const GRAINS: &[&str] = &["day", "week", "month", "quarter", "year", "fiscal_quarter", "fiscal_year"];

/// Names of the column types.
pub(crate) const COLUMN_TYPES: &[&str] = &["string", "integer", "number", "money", "boolean", "date", "timestamp"];

impl Key {
    /// An optional key.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str, example: &'static str) -> Self {
        Self { name, shape, required: false, default: None, doc, example }
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

/// English and French title.
pub(crate) static TITLE: Object = Object {
    name: "title",
    doc: "A title in the two languages that every mart carries.",
    keys: &[
        Key::new("en", Shape::Text, "English.", "en: Win rate").required(),
        Key::new("fr", Shape::Text, "French.", "fr: Taux de succès").required(),
    ],
    rules: &[],
};

/// `description`, which most objects have.
pub(crate) const fn description(example: &'static str) -> Key {
    Key::new("description", Shape::Text, "What it holds or means, in words; published as documentation.", example)
        .default("empty")
}
