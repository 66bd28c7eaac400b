//! The grammar → docs/language.md, and shapes in words.

use std::fmt::Write as _;

use crate::sql::{AGGREGATES, PERIOD_FUNCTIONS, RUN_FUNCTIONS};

use super::check::list;
use super::{GRAINS, JOB, Key, Keys, Object, PIPELINES, Rule, Shape, TESTS};

/// The reference manual of the language (`docs/language.md`), in Markdown.
#[must_use]
pub fn language_markdown() -> String {
    let mut manual = Manual { text: INTRODUCTION.to_owned(), seen: Vec::new() };
    manual.object(&PIPELINES);
    manual.object(&JOB);
    manual.object(&TESTS);
    manual.text.push_str(SQL);
    for (title, functions) in [
        ("### Functions of the run\n", RUN_FUNCTIONS),
        ("### Functions of the period\n", PERIOD_FUNCTIONS),
        ("### Aggregates\n", AGGREGATES),
    ] {
        let _ = write!(manual.text, "\n{title}");
        manual.text.push_str(match title {
            "### Aggregates\n" => AGGREGATE_RULES,
            "### Functions of the run\n" => "\nFor tables, facts and marts.\n",
            _ => "\nFor facts, scores, and `for_each: month` or `period` tables.\n",
        });
        manual.text.push('\n');
        for (name, meaning) in functions {
            let _ = writeln!(manual.text, "- `{name}`: {meaning}.");
        }
    }
    manual.text.push_str(FORMULAS);
    manual.text
}

struct Manual {
    text: String,
    /// Names of the objects that have a section.
    seen: Vec<&'static str>,
}

impl Manual {
    /// The section of an object, then those of the objects that its keys hold.
    fn object(&mut self, object: &'static Object) {
        if self.seen.contains(&object.name) {
            return;
        }
        self.seen.push(object.name);
        let _ = write!(self.text, "\n## {}\n\n{}\n", heading(object), object.doc);
        for rule in object.rules {
            let _ = write!(self.text, "\n{}\n", rule_in_words(rule));
        }
        for key in object.keys {
            self.key(key);
        }
        for key in object.keys {
            for inner in objects(&key.shape) {
                self.object(inner);
            }
        }
    }

    fn key(&mut self, key: &Key) {
        let presence = match (key.required, key.default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => format!("default: {default}"),
            (false, None) => "optional".to_owned(),
        };
        let _ = write!(
            self.text,
            "\n### `{}`\n\n*{}; {presence}.* {}\n\n```yaml\n{}\n```\n",
            key.name,
            capitalised(&key.shape.describe()),
            key.doc,
            key.example
        );
    }
}

/// The heading of an object's section; keys have headings too, from which its anchor must differ.
fn heading(object: &Object) -> String {
    match object.name {
        file if file.contains('.') => format!("`{file}`"),
        name => format!("Keys: {name}"),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn rule_in_words(rule: &Rule) -> String {
    match rule {
        Rule::OneOf(names) => format!("Exactly one of {} is given.", list(names.iter().copied())),
        Rule::AtMostOne(_, names) => {
            format!("At most one of {} is given.", list(names.iter().copied()))
        }
        Rule::Needs(name, needed) => format!("`{name}` goes with `{needed}`."),
    }
}

/// The objects inside of a shape.
pub(super) fn objects(shape: &'static Shape) -> Vec<&'static Object> {
    match shape {
        Shape::Object(object) => vec![object],
        Shape::List(inner) | Shape::Pair(inner) | Shape::Map(_, inner) => objects(inner),
        Shape::ScalarOr(scalar, object) => [objects(scalar), objects(object)].concat(),
        _ => Vec::new(),
    }
}

impl Shape {
    /// What a value looks like, for messages and the manual: `a column`, `a list, each item a column`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Word(word) => with_article(word),
            Self::Name => "a name".to_owned(),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Whole(from, to) => format!("a whole number from {from} to {to}"),
            Self::Number => "a number".to_owned(),
            Self::Scalar => "a single value".to_owned(),
            Self::Choice(choices) => format!("one of {}", list(choices.iter().copied())),
            Self::ColumnType => "a column type".to_owned(),
            Self::Currency => "a currency code".to_owned(),
            Self::TimeZone => "a time zone".to_owned(),
            Self::Window => "a number of days or months".to_owned(),
            Self::Day => "a day".to_owned(),
            Self::PathTemplate => "a path".to_owned(),
            Self::Query => "a SQL query".to_owned(),
            Self::Expression(word) => format!("SQL: {}", with_article(word)),
            Self::List(item) => format!("a list, each item {}", item.describe()),
            Self::Pair(item) => format!("a list of two, each {}", item.describe()),
            Self::Map(keys, value) => {
                let key = match keys {
                    Keys::Names | Keys::Labels => "a name".to_owned(),
                    Keys::Any(word) => with_article(word),
                    Keys::Grains => format!("a grain ({})", list(GRAINS.iter().copied())),
                };
                format!("a map from {key} to {}", value.describe())
            }
            Self::Object(object) => {
                format!("a map, see [{}](#{})", object.name, anchor(object.name))
            }
            Self::ScalarOr(scalar, object) => {
                format!("{}, or {}", scalar.describe(), object.describe())
            }
        }
    }
}

fn with_article(word: &str) -> String {
    super::check::with_article(word)
}

/// The anchor that Markdown gives the heading of an object's section.
fn anchor(name: &str) -> String {
    format!("keys-{}", name.to_lowercase().replace(' ', "-"))
}

const INTRODUCTION: &str = "\
# The language

A project is a folder with `pipelines.yaml` and the job files that it names. This page is made from the grammar in
`crates/spec/src/grammar`, which also checks the files and gives the JSON Schema (`abmart schema`).

Rules that hold everywhere:

- A key that is not listed here is an error.
- Names are lower-case letters, digits and `_`, begin with a letter and are no words of SQL. Sources, rollups, tables
  and entities share one set of names, facts and scores another.
- `${NAME}` in a value is replaced by the variable of that name once the YAML is parsed; `$${NAME}` stands for the text
  itself. A value that consists of a variable alone, without quotes, can become a number.
- Definitions of all job files see each other; the order of files and keys means nothing.
";

const SQL: &str = "
## Queries and expressions

Queries are `select` statements in the dialect of Polars: joins (inner, left, full, cross, semi, anti, `using`), `with`,
window functions, `filter (where …)`, `case`, `coalesce`, intervals, `union all`. Added to it:

- `date_trunc('month', d)` and `date_diff('day', a, b)` (whole units between the two truncated ends).
- `days_between(a, b)` and `hours_between(a, b)`: b − a with its fraction.
- `count_if(x)`: rows where x holds.
- `date '2026-01-31'` and `timestamp '2026-01-31 08:00:00'`.
- `x in (select …)`.

A timestamp in SQL is a local time of the reporting time zone, without a zone of its own. A query reads sources, rollups
and tables by their names; the names of its own `with` come first.

A join whose columns hold no key of the joined side repeats rows. A sum, count or mean over their values is an error, in
the query as in a fact over it: bring the other side to one row for each value with `group by` or `distinct` first, or
count `distinct`. Keys are those that sources, tables and rollups have and those that follow from a query. `fans_out` says
that several rows are meant to meet one; [mistakes.md](mistakes.md) has examples.
";

const AGGREGATE_RULES: &str = "
Each can have `filter (where …)`, and arithmetic combines them. A division by 0 gives null. Sums do not depend on the
order of rows.
";

const FORMULAS: &str = "
### Formulas

A KPI's formula combines aggregates and names of other KPIs:

- Inside of an aggregate, `<fact>.<measure>` is a measure and a bare name is a dimension of the root entity.
- The facts of one aggregate are per the same entity, or per one above it: an opportunity sees its account's facts.
- `count(*)` counts entities: those of the facts in its filter, else the root's.
- Outside of aggregates a bare name is the value of another KPI at the same cut and period.
- `overall(kpi)` is the value of another KPI in the grand total of the same period.
- Numerator and denominator are kept where the last operation is a division.

```yaml
formula: count(*) filter (where activity.inbound > 0) / count(*) filter (where listing.on_list)
```
";
