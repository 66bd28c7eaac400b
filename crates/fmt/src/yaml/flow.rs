//! Maps and lists on one line, and lists of rows in columns.

use granit_parser::ScalarStyle;

use super::WIDTH;
use super::scalar::requoted;
use super::tree::{Node, Value};
use super::write::Writer;
use crate::sql;

impl<'a> Writer<'a> {
    /// A node on one line; none where it cannot stand on one.
    pub(super) fn flow(&self, node: &'a Node) -> Option<String> {
        Flow { writer: self, path: self.path.clone() }.content(node)
    }

    /// The rows of a list, with the cells of each column below each other; none where they are no rows of one length.
    pub(super) fn rows(&self, items: &'a [Node], indent: usize) -> Option<Vec<String>> {
        let mut rows: Vec<Vec<String>> = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::List { flow: true, items } if item.properties.is_empty() => {
                    let inside = self.comments.any_in(&item.range);
                    rows.push(items.iter().map(|cell| self.flow(cell)).collect::<Option<_>>().filter(|_| !inside)?);
                }
                _ => return None,
            }
        }
        let columns = rows.first()?.len();
        if columns == 0 || rows.iter().any(|row| row.len() != columns) {
            return None;
        }
        let width = |cell: &String| cell.chars().count();
        let widths: Vec<usize> =
            (0..columns).map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0)).collect();
        let total = indent + "- []".len() + widths.iter().map(|width| width + ", ".len()).sum::<usize>();
        let padded = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| match column + 1 == columns {
                true => cell.clone(),
                false => format!("{cell},{}", " ".repeat(1 + widths[column] - width(cell))),
            });
            format!("[{}]", cells.collect::<String>())
        };
        (total <= WIDTH + ", ".len()).then(|| rows.iter().map(padded).collect())
    }
}

/// A node that is written on one line.
struct Flow<'w, 'a> {
    writer: &'w Writer<'a>,
    /// The keys that lead to it.
    path: Vec<&'a str>,
}

impl<'a> Flow<'_, 'a> {
    fn node(&mut self, node: &'a Node) -> Option<String> {
        let text = self.content(node)?;
        Some(if node.properties.is_empty() {
            text
        } else {
            format!("{} {text}", node.properties).trim_end().to_owned()
        })
    }

    fn content(&mut self, node: &'a Node) -> Option<String> {
        Some(match &node.value {
            Value::Alias(alias) => alias.clone(),
            Value::Scalar { style, text } => self.scalar(node, *style, text)?,
            Value::List { items, .. } => {
                let items: Option<Vec<String>> = items.iter().map(|item| self.node(item)).collect();
                format!("[{}]", items?.join(", "))
            }
            Value::Map { entries, .. } => {
                let entries: Option<Vec<String>> = entries.iter().map(|(key, value)| self.entry(key, value)).collect();
                format!("{{{}}}", entries?.join(", "))
            }
        })
    }

    fn entry(&mut self, key: &'a Node, value: &'a Node) -> Option<String> {
        let key_text = self.node(key)?;
        let colon = if matches!(key.value, Value::Alias(_)) { " :" } else { ":" };
        self.path.push(key.text().unwrap_or_default());
        let value = self.node(value);
        self.path.pop();
        let value = value?;
        Some(if value.is_empty() { format!("{key_text}{colon}") } else { format!("{key_text}{colon} {value}") })
    }

    fn scalar(&self, node: &Node, style: ScalarStyle, text: &str) -> Option<String> {
        let written = &self.writer.text[node.own.clone()];
        let laid_out = match self.writer.sql_at(&self.path).filter(|_| sql::is_laid_out(text)) {
            Some(abmart_spec::Sql::Query) => sql::query_on_one_line(text),
            Some(abmart_spec::Sql::Expression) => sql::expression_on_one_line(text),
            None => None,
        };
        let several = written.contains('\n');
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => None,
            _ => match laid_out.and_then(|sql| requoted(&sql, style, written)) {
                Some(sql) => Some(sql),
                None if several && text.contains('\n') => None,
                None if several => requoted(text, style, written),
                None => Some(written.to_owned()),
            },
        }
    }
}
