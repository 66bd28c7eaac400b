//! Does the YAML have the shape that the grammar wants?

use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::syntax::{Entry, Node, Value};

use super::format::{currency_problem, is_date, name_problem, path_problem, time_zone_problem, window};
use super::{COLUMN_TYPES, GRAINS, Key, Keys, Object, Rule, Shape};

/// Reports every key and value below `node` that does not fit `object`; `place` is where a missing key is reported.
pub(crate) fn check(node: &Node, object: &Object, place: Span, diagnostics: &mut Vec<Diagnostic>) {
    Checker { diagnostics }.object(node, object, place);
}

struct Checker<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn report(&mut self, code: &'static str, message: String, span: Span, help: Option<String>) {
        self.diagnostics.push(Diagnostic::error(code, message).at(span).maybe_help(help));
    }

    fn object(&mut self, node: &Node, object: &Object, place: Span) {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            // Nothing behind a key is as good as an empty map.
            Value::Null => &[],
            _ => {
                let required = object.keys.iter().filter(|key| key.required);
                let examples: Vec<&str> = required.map(|key| one_line(key.example)).collect();
                let help = (!examples.is_empty()).then(|| format!("for example `{{{}}}`", examples.join(", ")));
                let message =
                    format!("expected a map with the keys of {}, found {}", with_article(object.name), node.noun());
                return self.report("wrong-type", message, node.span, help);
            }
        };
        self.repeated_keys(entries);
        for entry in entries {
            match object.keys.iter().find(|key| key.name == entry.key.value) {
                Some(key) => self.shape(&entry.node, &key.shape, entry.key.span, key.name),
                None => self.unknown_key(entry, object),
            }
        }
        let missing: Vec<&Key> =
            object.keys.iter().filter(|key| key.required && node.get(key.name).is_none()).collect();
        if !missing.is_empty() {
            let names = list(missing.iter().map(|key| key.name));
            let examples = list(missing.iter().map(|key| one_line(key.example)));
            self.report(
                "missing-key",
                format!("{} lacks {names}", with_article(object.name)),
                place,
                Some(format!("for example {examples}")),
            );
        }
        for rule in object.rules {
            self.rule(node, object, rule, place);
        }
    }

    fn repeated_keys(&mut self, entries: &[Entry]) {
        for (index, entry) in entries.iter().enumerate() {
            let earlier = entries[..index].iter().find(|earlier| earlier.key.value == entry.key.value);
            if let Some(earlier) = earlier {
                self.diagnostics.push(
                    Diagnostic::error("repeated-key", format!("`{}` stands twice in the same map", entry.key.value))
                        .at(entry.key.span)
                        .label(earlier.key.span, "first here")
                        .help("one of the two can go, or was meant to be another key"),
                );
            }
        }
    }

    fn unknown_key(&mut self, entry: &Entry, object: &Object) {
        let name = &entry.key.value;
        let names = || object.keys.iter().map(|key| key.name);
        let help = match did_you_mean(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys are {}", list(names())),
        };
        self.report(
            "unknown-key",
            format!("{} has no key `{name}`", with_article(object.name)),
            entry.key.span,
            Some(help),
        );
    }

    fn rule(&mut self, node: &Node, object: &Object, rule: &Rule, place: Span) {
        let entry = |name: &str| node.entries().iter().find(|entry| entry.key.value == name);
        let article = with_article(object.name);
        match rule {
            Rule::OneOf(names) => match names.iter().filter_map(|name| entry(name)).count() {
                0 => self.report(
                    "missing-key",
                    format!("{article} needs one of {}", list(names.iter().copied())),
                    place,
                    None,
                ),
                1 => {}
                _ => self.conflict("conflicting-keys", &article, node, names),
            },
            Rule::AtMostOne(code, names) => {
                if names.iter().filter_map(|name| entry(name)).count() > 1 {
                    self.conflict(code, &article, node, names);
                }
            }
            Rule::Needs(name, needed) => {
                if let (Some(entry), None) = (entry(name), entry(needed)) {
                    self.report(
                        "missing-key",
                        format!("{article} with `{name}` lacks `{needed}`"),
                        entry.key.span,
                        None,
                    );
                }
            }
        }
    }

    fn conflict(&mut self, code: &'static str, article: &str, node: &Node, names: &[&str]) {
        let given: Vec<&Entry> =
            node.entries().iter().filter(|entry| names.contains(&entry.key.value.as_str())).collect();
        if let [first, second, ..] = given[..] {
            self.diagnostics.push(
                Diagnostic::error(
                    code,
                    format!("{article} cannot have both `{}` and `{}`", first.key.value, second.key.value),
                )
                .at(second.key.span)
                .label(first.key.span, "the other one")
                .help(format!("at most one of {} says what it is", list(names.iter().copied()))),
            );
        }
    }

    fn shape(&mut self, node: &Node, shape: &Shape, place: Span, key: &str) {
        match shape {
            Shape::Object(object) => self.object(node, object, place),
            Shape::ScalarOr(scalar, object) => match node.value {
                Value::Map(_) => self.shape(node, object, place, key),
                _ => self.shape(node, scalar, place, key),
            },
            Shape::List(item) => {
                if let Value::List(items) = &node.value {
                    for node in items {
                        self.shape(node, item, node.span, key);
                    }
                } else {
                    let help = node.as_text().map(|text| format!("a list of one is written `[{text}]`"));
                    self.report("wrong-type", format!("expected a list, found {}", node.noun()), node.span, help);
                }
            }
            Shape::Pair(item) => match &node.value {
                Value::List(items) if items.len() == 2 => {
                    for node in items {
                        self.shape(node, item, node.span, key);
                    }
                }
                _ => self.wrong_type(node, "a list of two"),
            },
            Shape::Map(keys, value) => self.map(node, *keys, value, key),
            Shape::Scalar => {
                if matches!(node.value, Value::List(_) | Value::Map(_)) {
                    self.wrong_type(node, "a single value");
                }
            }
            Shape::Boolean => {
                if !matches!(node.value, Value::Boolean(_)) {
                    self.wrong_type(node, "`true` or `false`");
                }
            }
            Shape::Number => {
                if !matches!(node.value, Value::Integer(_) | Value::Number(_)) {
                    self.wrong_type(node, "a number");
                }
            }
            Shape::Whole(from, to) => match node.value {
                Value::Integer(value) if (*from..=*to).contains(&value) => {}
                _ => self.wrong_type(node, &format!("a whole number from {from} to {to}")),
            },
            Shape::Query | Shape::Expression(_) => {
                if matches!(node.value, Value::List(_) | Value::Map(_) | Value::Null) {
                    self.wrong_type(node, &shape.describe());
                }
            }
            _ => self.text(node, shape, key),
        }
    }

    fn map(&mut self, node: &Node, keys: Keys, value: &Shape, key: &str) {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null => &[],
            _ => {
                let help = matches!(node.value, Value::List(_))
                    .then(|| format!("each entry is written `name: value` below `{key}:`"));
                let message = format!("expected a map, found {}", node.noun());
                return self.report("wrong-type", message, node.span, help);
            }
        };
        self.repeated_keys(entries);
        for entry in entries {
            match keys {
                Keys::Names => self.name(&entry.key.value, entry.key.span, true),
                Keys::Labels => self.name(&entry.key.value, entry.key.span, false),
                Keys::Grains => self.choice(&entry.key.value, entry.key.span, GRAINS, "a grain"),
                Keys::Any(_) => {}
            }
            self.shape(&entry.node, value, entry.key.span, key);
        }
    }

    /// The shapes that are written as text.
    fn text(&mut self, node: &Node, shape: &Shape, key: &str) {
        let Some(text) = node.as_text() else {
            let number = matches!(node.value, Value::Integer(_) | Value::Number(_) | Value::Boolean(_));
            let help = number.then(|| "quotes make it a text".to_owned());
            let message = format!("expected {}, found {}", shape.describe(), node.noun());
            return self.report("wrong-type", message, node.span, help);
        };
        let span = node.span;
        match shape {
            Shape::Name => self.name(text, span, false),
            Shape::Choice(choices) => {
                self.choice(text, span, choices, &format!("a value of `{key}`"));
            }
            Shape::ColumnType => {
                let ty = text.strip_suffix('?').unwrap_or(text);
                self.choice(ty, span, COLUMN_TYPES, "a column type");
            }
            Shape::Currency => {
                if let Some(help) = currency_problem(text) {
                    self.report("bad-currency", format!("`{text}` is no currency"), span, Some(help));
                }
            }
            Shape::TimeZone => {
                if let Some(help) = time_zone_problem(text) {
                    self.report("bad-time-zone", format!("`{text}` is no time zone"), span, Some(help));
                }
            }
            Shape::Window => {
                if window(text).is_none() {
                    let help = "a number of days or months, such as `90 days` or `12 months`";
                    self.report("bad-window", format!("`{text}` is no window"), span, Some(help.to_owned()));
                }
            }
            Shape::Day => {
                if !is_date(text) {
                    let help = "a calendar day as `YYYY-MM-DD`, such as `2026-06-01`";
                    self.report("bad-day", format!("`{text}` is no day"), span, Some(help.to_owned()));
                }
            }
            Shape::PathTemplate => {
                if let Some(help) = path_problem(text) {
                    self.report("bad-path", format!("`{text}` is no path of a source"), span, Some(help));
                }
            }
            _ => {
                if text.trim().is_empty() {
                    self.report(
                        "wrong-type",
                        format!("expected {}, found an empty text", shape.describe()),
                        span,
                        None,
                    );
                }
            }
        }
    }

    fn choice(&mut self, text: &str, span: Span, choices: &[&str], what: &str) {
        if !choices.contains(&text) {
            let help = match did_you_mean(text, choices.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it is one of {}", list(choices.iter().copied())),
            };
            self.report("unknown-value", format!("`{text}` is not {what}"), span, Some(help));
        }
    }

    fn name(&mut self, name: &str, span: Span, in_sql: bool) {
        if let Some((code, message, help)) = name_problem(name, in_sql) {
            self.report(code, message, span, Some(help));
        }
    }

    fn wrong_type(&mut self, node: &Node, expected: &str) {
        self.report("wrong-type", format!("expected {expected}, found {}", node.noun()), node.span, None);
    }
}

/// `a source`, `an entity`.
pub(crate) fn with_article(noun: &str) -> String {
    if noun.contains('.') {
        // The name of a file.
        return noun.to_owned();
    }
    let article = if noun.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "none".to_owned(),
    }
}

fn one_line(example: &str) -> &str {
    example.lines().next().unwrap_or_default()
}
