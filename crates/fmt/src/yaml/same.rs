//! Whether two texts mean the same: the proof that a layout has changed nothing.

use abmart_spec::{Document as Kind, sql_at};
use granit_parser::ScalarStyle;

use super::tree::{Document, Node, Value};
use crate::sql;

/// Whether two documents have the same nodes, anchors, tags and comments; SQL may differ in blanks and the case of words.
pub(crate) fn same(one: &Document, other: &Document, kind: Kind) -> bool {
    let comments =
        one.comments.iter().map(|comment| &comment.text).eq(other.comments.iter().map(|comment| &comment.text));
    let root = match (&one.root, &other.root) {
        (Some(one), Some(other)) => node(one, other, kind, &mut Vec::new()),
        (None, None) => true,
        _ => false,
    };
    comments && root
}

fn node<'a>(one: &'a Node, other: &'a Node, kind: Kind, path: &mut Vec<&'a str>) -> bool {
    let values = match (&one.value, &other.value) {
        (Value::Scalar { style, text }, Value::Scalar { style: other_style, text: other_text }) => {
            let plain = |style: ScalarStyle| style == ScalarStyle::Plain;
            let equal = text == other_text && plain(*style) == plain(*other_style);
            equal
                || (sql_at(kind, path.iter().copied()).is_some()
                    && sql::is_laid_out(text)
                    && sql::same(text, other_text))
        }
        (Value::Alias(one), Value::Alias(other)) => one == other,
        (Value::List { items, .. }, Value::List { items: others, .. }) => {
            items.len() == others.len() && items.iter().zip(others).all(|(one, other)| node(one, other, kind, path))
        }
        (Value::Map { entries, .. }, Value::Map { entries: others, .. }) => {
            entries.len() == others.len()
                && entries.iter().zip(others).all(|((key, value), (other_key, other_value))| {
                    let keys = node(key, other_key, kind, &mut Vec::new());
                    path.push(key.text().unwrap_or_default());
                    let values = node(value, other_value, kind, path);
                    path.pop();
                    keys && values
                })
        }
        _ => false,
    };
    values && one.properties == other.properties
}
