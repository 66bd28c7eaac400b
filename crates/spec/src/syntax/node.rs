//! The syntax tree.

use crate::diagnostic::Span;
use crate::model::Spanned;

use super::TextMap;

/// A YAML node with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub value: Value,
    /// From its first to its last character; of an aliased node, the place of the anchored original.
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A string scalar.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub value: String,
    /// Which byte of the file each byte of `value` came from.
    pub map: TextMap,
    /// Written without quotes, so that a variable filled in may turn it into a number.
    pub plain: bool,
}

/// A key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: Spanned<String>,
    pub node: Node,
}

impl Node {
    /// What the node is, for messages: `a list`, `the number 3`.
    pub fn noun(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Boolean(value) => format!("`{value}`"),
            Value::Integer(value) => format!("the number {value}"),
            Value::Number(value) => format!("the number {value}"),
            Value::Text(text) if text.value.chars().count() > 40 || text.value.contains('\n') => "a text".to_owned(),
            Value::Text(text) => format!("the text `{}`", text.value),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key.value == key).map(|entry| &entry.node)
    }
}
