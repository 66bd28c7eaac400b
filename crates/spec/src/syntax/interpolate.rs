//! `${NAME}` in values → the variable's value; `$${NAME}` stays as `${NAME}`.
//!
//! This happens on the parsed tree, so that a value can hold whatever it likes without becoming structure.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, FileId, Span, did_you_mean};

use super::{Node, Text, TextMap, Value};

/// Fills in the variables of every value below `node`; keys are left alone.
pub(crate) fn interpolate(node: &mut Node, variables: &Variables, diagnostics: &mut Vec<Diagnostic>) {
    match &mut node.value {
        Value::Text(text) if text.value.contains("${") => {
            let file = node.span.file;
            let filled = fill(text, file, variables, diagnostics);
            node.value = match filled.plain.then(|| scalar(&filled.value)).flatten() {
                Some(value) if text.value.starts_with("${") => value,
                _ => Value::Text(filled),
            };
        }
        Value::List(items) => {
            for item in items {
                interpolate(item, variables, diagnostics);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                interpolate(&mut entry.node, variables, diagnostics);
            }
        }
        _ => {}
    }
}

/// Where variables come from: the command line, then the environment, then the project's defaults.
pub(crate) struct Variables<'a> {
    given: &'a BTreeMap<String, String>,
    environment: &'a dyn Fn(&str) -> Option<String>,
    defaults: BTreeMap<String, String>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Variables<'a> {
    pub fn new(
        given: &'a BTreeMap<String, String>,
        environment: &'a dyn Fn(&str) -> Option<String>,
        defaults: BTreeMap<String, String>,
    ) -> Self {
        Self { given, environment, defaults, used: RefCell::default() }
    }

    /// Variables given on the command line that no value names.
    pub fn unused(&self) -> Vec<Diagnostic> {
        let used = self.used.borrow();
        let known = || self.defaults.keys().chain(used.iter()).map(String::as_str);
        self.given
            .keys()
            .filter(|name| !used.contains(*name) && !self.defaults.contains_key(*name))
            .map(|name| {
                Diagnostic::warning(
                    "unused-variable",
                    format!("variable `{name}` is given, but no value of the project names it"),
                )
                .maybe_help(did_you_mean(name, known()).map(|near| format!("did you mean `{near}`?")))
            })
            .collect()
    }

    /// The variables that values have named, with what they were filled in with.
    pub fn filled_in(&self) -> BTreeMap<String, String> {
        let used = self.used.borrow().clone();
        used.into_iter().filter_map(|name| self.get(&name).map(|value| (name, value))).collect()
    }

    /// Whether a value has named the variable.
    pub fn is_used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }

    fn get(&self, name: &str) -> Option<String> {
        let value = self
            .given
            .get(name)
            .cloned()
            .or_else(|| (self.environment)(name))
            .or_else(|| self.defaults.get(name).cloned());
        if value.is_some() {
            self.used.borrow_mut().insert(name.to_owned());
        }
        value
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let known = self.given.keys().chain(self.defaults.keys());
        let help = match did_you_mean(name, known.map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "give it with `--var {name}=…`, in the environment, or as a default under `variables` in pipelines.yaml; `$${{{name}}}` stands for the text itself"
            ),
        };
        Diagnostic::error("unknown-variable", format!("variable `{name}` has no value")).at(span).help(help)
    }
}

fn fill(text: &Text, file: FileId, variables: &Variables, diagnostics: &mut Vec<Diagnostic>) -> Text {
    let source = &text.value;
    let mut value = String::with_capacity(source.len());
    let mut map = TextMap::default();
    let mut at = 0;
    while let Some(character) = source[at..].chars().next() {
        let rest = &source[at..];
        if rest.starts_with("$${") {
            map.push(value.len(), text.map.to_file(at + 1));
            value.push_str("${");
            at += "$${".len();
        } else if let Some((name, length)) = reference(rest) {
            let place = text.map.range(at..at + length);
            let span = Span::new(file, place.start, place.end);
            let filled = variables.get(name).unwrap_or_else(|| {
                diagnostics.push(variables.unknown(name, span));
                // Something that most values can hold, so that one mistake is one error.
                "0".to_owned()
            });
            for (offset, _) in filled.char_indices() {
                map.push(value.len() + offset, place.start);
            }
            value.push_str(&filled);
            at += length;
        } else {
            map.push(value.len(), text.map.to_file(at));
            value.push(character);
            at += character.len_utf8();
        }
    }
    if value.is_empty() {
        map.push(0, text.map.to_file(0));
    }
    Text { value, map, plain: text.plain }
}

/// A text of a file with its variables filled in; one without a value stays as it is.
pub(crate) fn filled_in(source: &str, variables: &Variables) -> String {
    let mut value = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let known = reference(rest).and_then(|(name, length)| Some((variables.get(name)?, length)));
        let escaped = rest.starts_with("$${");
        let length = match known {
            Some((filled, length)) => {
                value.push_str(&filled);
                length
            }
            None if escaped => {
                value.push_str("${");
                "$${".len()
            }
            None => {
                value.push(character);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    value
}

/// The name in a text that begins with `${NAME}`, and the length of it all.
fn reference(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("${")?;
    let name = &inner[..inner.find('}')?];
    let is_name = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    (is_name && !name.is_empty()).then_some((name, name.len() + "${}".len()))
}

/// The number or truth value that an unquoted scalar stands for once its variables are filled in.
fn scalar(text: &str) -> Option<Value> {
    match text {
        "true" => return Some(Value::Boolean(true)),
        "false" => return Some(Value::Boolean(false)),
        _ => {}
    }
    if let Ok(integer) = text.parse() {
        return Some(Value::Integer(integer));
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.filter(|_| numeric).map(Value::Number)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::syntax::read;
    use rstest::rstest;

    fn filled(text: &str) -> (Node, Vec<Diagnostic>) {
        let given = BTreeMap::from([("BOTH".to_owned(), "given".to_owned())]);
        let defaults =
            BTreeMap::from([("BOTH".to_owned(), "default".to_owned()), ("HOURS".to_owned(), "24".to_owned())]);
        let environment = |name: &str| (name == "HOME_LAKE").then(|| "s3://lake".to_owned());
        let variables = Variables::new(&given, &environment, defaults);
        let mut node = read(FileId(0), text).unwrap();
        let mut diagnostics = Vec::new();
        interpolate(&mut node, &variables, &mut diagnostics);
        (node, diagnostics)
    }

    #[rstest]
    #[case::command_line_first("a: x-${BOTH}", "x-given")]
    #[case::environment("a: ${HOME_LAKE}/day", "s3://lake/day")]
    #[case::escaped("a: $${BOTH}", "${BOTH}")]
    #[case::not_a_reference("a: $5 ${not a name}", "$5 ${not a name}")]
    #[case::quoted_stays_text("a: '${HOURS}'", "24")]
    fn fills_in_variables(#[case] text: &str, #[case] expected: &str) {
        let (node, diagnostics) = filled(text);
        assert_eq!(node.get("a").unwrap().as_text(), Some(expected));
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn an_unquoted_variable_can_be_a_number() {
        let (node, _) = filled("a: ${HOURS}");
        assert!(matches!(node.get("a").unwrap().value, Value::Integer(24)));
    }

    #[test]
    fn keys_are_left_alone() {
        let (node, diagnostics) = filled("'${NOBODY}': 1");
        assert!(node.get("${NOBODY}").is_some());
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_a_suggestion() {
        let (_, diagnostics) = filled("a: x ${HUORS}");
        assert_eq!(diagnostics[0].code, "unknown-variable");
        assert_eq!(diagnostics[0].help.as_deref(), Some("did you mean `HOURS`?"));
        assert_eq!(diagnostics[0].span, Some(Span::new(FileId(0), 5, 13)));
    }
}
