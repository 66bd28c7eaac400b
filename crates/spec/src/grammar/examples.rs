//! Every example of the grammar is what the grammar wants.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::diagnostic::{SourceMap, render};
use crate::sql;
use crate::syntax::{Node, Value, read};

use super::{JOB, Key, Object, PIPELINES, Shape, TESTS, check};

#[test]
fn every_example_fits_its_key() {
    let mut seen = Vec::new();
    for object in [&PIPELINES, &JOB, &TESTS] {
        visit(object, &mut seen);
    }
    assert!(seen.contains(&"component"), "inner objects are visited");
}

fn visit(object: &'static Object, seen: &mut Vec<&'static str>) {
    if seen.contains(&object.name) {
        return;
    }
    seen.push(object.name);
    assert!(object.doc.ends_with('.'), "{}", object.doc);
    for key in object.keys {
        assert!(key.doc.ends_with('.'), "{}", key.doc);
        assert!(!(key.required && key.default.is_some()), "{}", key.name);
        example(object, key);
        for inner in super::manual::objects(&key.shape) {
            visit(inner, seen);
        }
    }
}

fn example(object: &Object, key: &'static Key) {
    let mut files = SourceMap::default();
    let file = files.add(format!("{}.{}", object.name, key.name), key.example);
    let node = read(file, key.example).unwrap();
    let keys: Vec<&str> = node.entries().iter().map(|entry| entry.key.value.as_str()).collect();
    assert_eq!(keys, [key.name], "an example has its own key only");

    let alone = Object { name: object.name, doc: object.doc, keys: std::slice::from_ref(key), rules: &[] };
    let mut diagnostics = Vec::new();
    check(&node, &alone, node.span, &mut diagnostics);
    parse_sql(&key.shape, node.get(key.name).unwrap(), &mut diagnostics);
    assert!(diagnostics.is_empty(), "{}", render(&diagnostics, &files, false));
}

fn parse_sql(shape: &Shape, node: &Node, diagnostics: &mut Vec<crate::Diagnostic>) {
    let Value::Text(text) = &node.value else {
        let entries = node.entries().iter();
        let values = entries.map(|entry| (entry.key.value.as_str(), &entry.node));
        for (name, value) in values {
            match shape {
                Shape::Map(_, shape) => parse_sql(shape, value, diagnostics),
                Shape::Object(object) => {
                    let key = object.keys.iter().find(|key| key.name == name).unwrap();
                    parse_sql(&key.shape, value, diagnostics);
                }
                _ => {}
            }
        }
        return;
    };
    let parsed = match shape {
        Shape::Query => sql::query(text.clone(), node.span).map(|_| ()),
        Shape::Expression(_) => sql::expression(text.clone(), node.span).map(|_| ()),
        _ => Ok(()),
    };
    diagnostics.extend(parsed.err().map(|error| *error));
}
