//! The grammar → JSON Schema, by which editors complete and check.

use serde_json::{Map, Value, json};

use super::{GRAINS, JOB, Keys, Object, PIPELINES, Rule, Shape, TESTS};

/// The kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// A file in `jobs/`.
    Job,
    /// `pipelines.yaml`.
    Pipelines,
    /// A file of unit tests.
    Tests,
}

impl Document {
    pub(crate) fn object(self) -> &'static Object {
        match self {
            Self::Job => &JOB,
            Self::Pipelines => &PIPELINES,
            Self::Tests => &TESTS,
        }
    }
}

/// The JSON Schema (draft 2020-12) of a kind of file.
#[must_use]
pub fn json_schema(document: Document) -> Value {
    let (object, title) = match document {
        Document::Job => (&JOB, "abmart job file"),
        Document::Pipelines => (&PIPELINES, "abmart pipelines.yaml"),
        Document::Tests => (&TESTS, "abmart test file"),
    };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
    });
    if let (Some(schema), Value::Object(body)) = (schema.as_object_mut(), of_object(object)) {
        schema.extend(body);
    }
    schema
}

fn of_object(object: &Object) -> Value {
    let mut properties = Map::new();
    for key in object.keys {
        let mut schema = of_shape(&key.shape);
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), description(key.doc, key.default).into());
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let required = object.keys.iter().filter(|key| key.required);
    let mut schema = json!({
        "type": "object",
        "description": object.doc,
        "properties": properties,
        "required": required.map(|key| key.name).collect::<Vec<_>>(),
        "additionalProperties": false,
    });
    let rules: Vec<Value> = object.rules.iter().map(of_rule).collect();
    if let (Some(fields), false) = (schema.as_object_mut(), rules.is_empty()) {
        fields.insert("allOf".to_owned(), rules.into());
    }
    schema
}

fn description(doc: &str, default: Option<&str>) -> String {
    match default {
        Some(default) => format!("{doc} Default: {default}."),
        None => doc.to_owned(),
    }
}

fn of_rule(rule: &Rule) -> Value {
    let required = |name: &&str| json!({"required": [name]});
    match rule {
        Rule::OneOf(names) => json!({"oneOf": names.iter().map(required).collect::<Vec<_>>()}),
        Rule::AtMostOne(_, names) => {
            let pairs = names
                .iter()
                .enumerate()
                .flat_map(|(index, one)| names[index + 1..].iter().map(move |other| json!({"required": [one, other]})));
            json!({"not": {"anyOf": pairs.collect::<Vec<_>>()}})
        }
        Rule::Needs(name, needed) => json!({"dependentRequired": {*name: [needed]}}),
    }
}

fn of_shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Word(_) | Shape::TimeZone => json!({"type": "string", "minLength": 1}),
        Shape::Name => json!({"type": "string", "pattern": NAME}),
        Shape::Boolean => json!({"type": ["boolean", "string"], "pattern": VARIABLE}),
        Shape::Whole(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
        Shape::Number => json!({"type": ["number", "string"], "pattern": VARIABLE}),
        Shape::Scalar => json!({"type": ["string", "number", "boolean", "null"]}),
        Shape::Choice(choices) => json!({"type": "string", "enum": choices}),
        Shape::ColumnType => {
            let types = super::COLUMN_TYPES.iter();
            let all: Vec<String> = types.flat_map(|ty| [(*ty).to_owned(), format!("{ty}?")]).collect();
            json!({"type": "string", "enum": all})
        }
        Shape::Currency => json!({"type": "string", "pattern": "^[A-Z]{3}$"}),
        Shape::Window => {
            json!({"type": "string", "pattern": r"^([1-9][0-9]*|\$\{[^}]+\}) (days?|months?)$|^\$\{[^}]+\}$"})
        }
        Shape::Day => json!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
        Shape::PathTemplate => {
            json!({"type": "string", "examples": ["touchpoints/ym={month}/*.parquet"]})
        }
        Shape::Query => json!({"type": "string", "contentMediaType": "application/sql"}),
        Shape::Expression(_) => json!({"type": ["string", "number", "boolean"]}),
        Shape::List(item) => json!({"type": "array", "items": of_shape(item)}),
        Shape::Pair(item) => {
            json!({"type": "array", "items": of_shape(item), "minItems": 2, "maxItems": 2})
        }
        Shape::Map(keys, value) => {
            let names = match keys {
                Keys::Names | Keys::Labels => json!({"pattern": NAME}),
                Keys::Grains => json!({"enum": GRAINS}),
                Keys::Any(_) => json!({"type": "string"}),
            };
            json!({"type": "object", "propertyNames": names, "additionalProperties": of_shape(value)})
        }
        Shape::Object(object) => of_object(object),
        Shape::ScalarOr(scalar, object) => json!({"anyOf": [of_shape(scalar), of_shape(object)]}),
    }
}

/// A variable alone, which can stand for a number or a truth value.
const VARIABLE: &str = r"^\$\{[^}]+\}$";

const NAME: &str = "^[a-z][a-z0-9_]*$";
