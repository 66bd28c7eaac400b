//! The manual, the JSON Schema, the graph and the fingerprints, on the shipped project.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abmart_spec::fingerprint::fingerprints;
use abmart_spec::{Document, Node, Project, json_schema, language_markdown, load};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped() -> Project {
    let (project, warnings) =
        load(&root(), &BTreeMap::new(), &|_| None).unwrap_or_else(|error| panic!("{}", error.render(false)));
    assert_eq!(warnings, []);
    project
}

#[test]
fn the_manual_is_up_to_date() {
    let path = root().join("docs/language.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, language_markdown()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == language_markdown(), "docs/language.md differs from the grammar; UPDATE_DOCS=1 rewrites it");
}

#[test]
fn the_schema_accepts_the_shipped_files() {
    let folders = [("jobs", Document::Job), ("jobs/local", Document::Job), ("jobs/tests", Document::Tests)].into_iter();
    let mut files: Vec<(PathBuf, Document)> = folders
        .flat_map(|(folder, document)| {
            let entries = std::fs::read_dir(root().join(folder)).unwrap();
            entries.map(move |entry| (entry.unwrap().path(), document))
        })
        .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.push((root().join("pipelines.yaml"), Document::Pipelines));
    for (path, document) in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let value: Value = serde_yaml::from_str(&text).unwrap();
        if let Err(error) = accepts(&json_schema(document), &value, "$") {
            panic!("{}: {error}", path.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let schema = json_schema(Document::Job);
    for text in [
        "job: x\n",
        "job: X\ntitle: {en: X, fr: X}\n",
        "job: x\ntitle: {en: X, fr: X}\nkpi: {}\n",
        "job: x\ntitle: {en: X, fr: X}\ntables: {t: {time: day}}\n",
        "job: x\ntitle: {en: X, fr: X}\ntables: {t: {sql: select 1, file: x.csv, columns: {a: string}}}\n",
        "job: x\ntitle: {en: X, fr: X}\ntables: {t: {rows: []}}\n",
        "job: x\ntitle: {en: X, fr: X}\nsources: {s: {kind: stream, columns: {a: string}}}\n",
        "job: x\ntitle: {en: X, fr: X}\nsources: {s: {kind: events, columns: {a: text}}}\n",
        "job: x\ntitle: {en: X, fr: X}\nfacts: {f: {per: a, from: b, alive: [x], measures: {}}}\n",
        "job: x\ntitle: {en: X, fr: X}\nfacts: {f: {per: a, from: b, state: true, window: 3 days, measures: {}}}\n",
    ] {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert!(accepts(&schema, &value, "$").is_err(), "{text}");
    }
}

#[test]
fn definitions_come_after_what_they_need() {
    let project = shipped();
    let graph = project.graph();
    let order = graph.order();
    for (index, node) in order.iter().enumerate() {
        for need in graph.needs(node) {
            assert!(order[..index].contains(need), "{node:?} needs {need:?}");
        }
    }
    let definitions = project.sources.len()
        + project.rollups.len()
        + project.tables.len()
        + project.entities.len()
        + project.facts.len()
        + project.scores.len()
        + project.attributions.len()
        + project.kpis.len()
        + project.alerts.len()
        + project.marts.len();
    assert_eq!(order.len(), definitions);
}

#[test]
fn a_kpi_needs_only_what_its_formula_reaches() {
    let graph = shipped().graph();
    let needs = graph.closure([Node::Kpi("win_rate".to_owned())]);
    assert!(needs.contains(&Node::Source("opportunities".to_owned())));
    assert!(!needs.contains(&Node::Source("touchpoints".to_owned())));
    assert_eq!(needs.last(), Some(&Node::Kpi("win_rate".to_owned())));

    let dependents = graph.dependents(&Node::Source("touchpoints".to_owned()));
    assert!(dependents.contains(&Node::Mart("kpi_values".to_owned())));
    assert!(!dependents.contains(&Node::Kpi("win_rate".to_owned())));
}

#[test]
fn every_kpi_has_a_fingerprint_that_repeats() {
    let first = fingerprints(&shipped());
    assert_eq!(first, fingerprints(&shipped()));
    assert_eq!(first.len(), shipped().kpis.len());
    assert!(first.values().all(|hash| hash.len() == 16));
}

/// The part of JSON Schema that the schemas use.
fn accepts(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let Some(rules) = schema.as_object() else {
        return match schema {
            Value::Bool(false) => Err(format!("{place}: not allowed")),
            _ => Ok(()),
        };
    };
    for (rule, wanted) in rules {
        let fits = match rule.as_str() {
            "type" => list(wanted).iter().any(|ty| is_type(ty, value)),
            "enum" => list(wanted).contains(value),
            "pattern" => value.as_str().is_none_or(|text| matches(wanted.as_str().unwrap(), text)),
            "format" => {
                assert_eq!(wanted, "date", "the format of a day is the only one");
                value.as_str().is_none_or(|text| text.parse::<jiff::civil::Date>().is_ok())
            }
            "minLength" => value.as_str().is_none_or(|text| !text.is_empty()),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= wanted.as_u64().unwrap()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    accepts(wanted, item, &format!("{place}[{index}]"))?;
                }
                true
            }
            "properties" | "additionalProperties" | "propertyNames" => {
                properties(rules, rule, wanted, value, place)?;
                true
            }
            "required" => value
                .as_object()
                .is_none_or(|map| list(wanted).iter().all(|key| map.contains_key(key.as_str().unwrap()))),
            "dependentRequired" => value.as_object().is_none_or(|map| {
                wanted.as_object().unwrap().iter().all(|(key, needs)| {
                    !map.contains_key(key) || list(needs).iter().all(|need| map.contains_key(need.as_str().unwrap()))
                })
            }),
            "allOf" => list(wanted).iter().all(|one| accepts(one, value, place).is_ok()),
            "anyOf" => list(wanted).iter().any(|one| accepts(one, value, place).is_ok()),
            "oneOf" => list(wanted).iter().filter(|one| accepts(one, value, place).is_ok()).count() == 1,
            "not" => accepts(wanted, value, place).is_err(),
            "$schema" | "title" | "description" | "examples" | "contentMediaType" => true,
            other => panic!("the schemas do not use `{other}`"),
        };
        if !fits {
            return Err(format!("{place}: {value} breaks {rule} {wanted}"));
        }
    }
    Ok(())
}

fn properties(
    rules: &serde_json::Map<String, Value>,
    rule: &str,
    wanted: &Value,
    value: &Value,
    place: &str,
) -> Result<(), String> {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{key}");
        let known = rules.get("properties").and_then(|known| known.get(key));
        match rule {
            "properties" => known.map_or(Ok(()), |schema| accepts(schema, inner, &place))?,
            "additionalProperties" if known.is_none() => accepts(wanted, inner, &place)?,
            "propertyNames" => accepts(wanted, &Value::from(key.as_str()), &place)?,
            _ => {}
        }
    }
    Ok(())
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn is_type(ty: &Value, value: &Value) -> bool {
    match ty.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type `{other}`"),
    }
}

/// The patterns of the schemas.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[a-z][a-z0-9_]*$" => {
            text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.chars().all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_')
        }
        "^[A-Z]{3}$" => text.len() == 3 && text.chars().all(|next| next.is_ascii_uppercase()),
        r"^([1-9][0-9]*|\$\{[^}]+\}) (days?|months?)$|^\$\{[^}]+\}$" => {
            let variable = |text: &str| matches(r"^\$\{[^}]+\}$", text);
            let (number, unit) = text.split_once(' ').unwrap_or_default();
            let counts = variable(number) || number.parse::<u32>().is_ok_and(|number| number > 0);
            variable(text) || counts && ["day", "days", "month", "months"].contains(&unit)
        }
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" => {
            let digit =
                |(place, next): (usize, char)| if matches!(place, 4 | 7) { next == '-' } else { next.is_ascii_digit() };
            text.len() == 10 && text.chars().enumerate().all(digit)
        }
        r"^\$\{[^}]+\}$" => {
            let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            name.is_some_and(|name| !name.is_empty() && !name.contains('}'))
        }
        other => panic!("unknown pattern `{other}`"),
    }
}
