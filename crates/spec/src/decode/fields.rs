//! Reading the keys of a map whose shape the grammar has checked.

use crate::model::{Grain, Literal, Spanned};
use crate::syntax::{Entry, Node, Value};

/// The keys of a map.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'n>(pub &'n Node);

impl<'n> Fields<'n> {
    pub fn get(self, key: &str) -> Option<&'n Node> {
        self.0.get(key)
    }

    pub fn fields(self, key: &str) -> Option<Fields<'n>> {
        self.get(key).map(Fields)
    }

    pub fn text(self, key: &str) -> Option<Spanned<String>> {
        text(self.get(key)?)
    }

    /// A text whose place does not matter later; empty where it is not given.
    pub fn words(self, key: &str) -> String {
        self.text(key).map(|text| text.value).unwrap_or_default()
    }

    pub fn texts(self, key: &str) -> Vec<Spanned<String>> {
        self.items(key).iter().filter_map(text).collect()
    }

    pub fn boolean(self, key: &str) -> Option<bool> {
        match self.get(key)?.value {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub fn whole<T: TryFrom<i64>>(self, key: &str) -> Option<T> {
        match self.get(key)?.value {
            Value::Integer(value) => T::try_from(value).ok(),
            _ => None,
        }
    }

    pub fn number(self, key: &str) -> Option<f64> {
        match self.get(key)?.value {
            #[expect(clippy::cast_precision_loss, reason = "limits and weights are small numbers")]
            Value::Integer(value) => Some(value as f64),
            Value::Number(value) => Some(value),
            _ => None,
        }
    }

    pub fn grains(self, key: &str) -> Vec<Grain> {
        self.texts(key).iter().filter_map(|text| grain(&text.value)).collect()
    }

    pub fn items(self, key: &str) -> &'n [Node] {
        self.get(key).map(Node::items).unwrap_or_default()
    }

    pub fn entries(self, key: &str) -> &'n [Entry] {
        self.get(key).map(Node::entries).unwrap_or_default()
    }
}

/// A text node's value with its place.
pub(crate) fn text(node: &Node) -> Option<Spanned<String>> {
    node.as_text().map(|value| Spanned { value: value.to_owned(), span: node.span })
}

/// A scalar node's value; none of a list or map.
pub(super) fn scalar(node: &Node) -> Option<Literal> {
    Some(match &node.value {
        Value::Null => Literal::Null,
        Value::Boolean(value) => Literal::Boolean(*value),
        Value::Integer(value) => Literal::Integer(*value),
        Value::Number(value) => Literal::Number(*value),
        Value::Text(text) => Literal::String(text.value.clone()),
        Value::List(_) | Value::Map(_) => return None,
    })
}

pub(super) fn grain(name: &str) -> Option<Grain> {
    Some(match name {
        "day" => Grain::Day,
        "week" => Grain::Week,
        "month" => Grain::Month,
        "quarter" => Grain::Quarter,
        "year" => Grain::Year,
        "fiscal_quarter" => Grain::FiscalQuarter,
        "fiscal_year" => Grain::FiscalYear,
        _ => return None,
    })
}
