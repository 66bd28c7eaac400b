//! Rows of reference tables, inline or from CSV files, typed by their columns.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, FileId, Span, did_you_mean};
use crate::grammar::{is_date, is_timestamp};
use crate::model::{Column, ColumnType, Literal, Spanned};
use crate::syntax::{Node, Value};

use super::Decoder;

type Columns = IndexMap<String, Column>;

/// Typed rows, each with its place.
#[derive(Default)]
pub(super) struct Rows {
    pub rows: Vec<Vec<Literal>>,
    pub places: Vec<Span>,
}

/// The rows that a job file holds itself.
pub(super) fn inline(items: &[Node], columns: &Columns, key: &[Spanned<String>], decoder: &mut Decoder) -> Rows {
    let mut rows = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| matches!(item.value, Value::List(_))) {
        let cells = item.items().iter().map(|node| Cell { value: Written::from(node), span: node.span });
        rows.push(Row { cells: cells.collect(), span: item.span });
    }
    typed(rows, columns, key, decoder.diagnostics)
}

/// The rows of a CSV file, whose header may name the columns in any order.
pub(super) fn from_file(
    path: &Spanned<String>,
    columns: &Columns,
    key: &[Spanned<String>],
    decoder: &mut Decoder,
) -> Option<Rows> {
    let text = match std::fs::read_to_string(decoder.root.join(&path.value)) {
        Ok(text) => text,
        Err(error) => {
            decoder.diagnostics.push(
                Diagnostic::error("missing-file", format!("`{}` cannot be read: {error}", path.value))
                    .at(path.span)
                    .help("the path is relative to the project"),
            );
            return None;
        }
    };
    let file = decoder.files.add(path.value.as_str(), text.as_str());
    let mut records = records(&text, file).into_iter();
    let header = records.next().unwrap_or_else(|| Row { cells: Vec::new(), span: Span::new(file, 0, 0) });
    let order = order(&header, columns, path.span, decoder.diagnostics)?;
    let mut rows = Vec::new();
    for record in records {
        if record.cells.len() != header.cells.len() {
            decoder.diagnostics.push(arity(&record, header.cells.len()));
            continue;
        }
        rows.push(Row { cells: order.iter().map(|index| record.cells[*index].clone()).collect(), span: record.span });
    }
    Some(typed(rows, columns, key, decoder.diagnostics))
}

struct Row {
    cells: Vec<Cell>,
    span: Span,
}

#[derive(Clone)]
struct Cell {
    value: Written,
    span: Span,
}

/// A value as it is written: YAML knows numbers, CSV only knows text.
#[derive(Clone)]
enum Written {
    Yaml(Literal),
    Csv(String),
    /// A list or map.
    Structure,
}

impl From<&Node> for Written {
    fn from(node: &Node) -> Self {
        super::fields::scalar(node).map_or(Self::Structure, Self::Yaml)
    }
}

/// For each column the index of its field.
fn order(header: &Row, columns: &Columns, place: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<Vec<usize>> {
    let before = diagnostics.len();
    let names: Vec<&str> = header
        .cells
        .iter()
        .map(|cell| match &cell.value {
            Written::Csv(name) => name.as_str(),
            _ => "",
        })
        .collect();
    for (name, cell) in names.iter().zip(&header.cells) {
        if !columns.contains_key(*name) {
            let near = did_you_mean(name, columns.keys().map(String::as_str));
            diagnostics.push(
                Diagnostic::error("unknown-column", format!("the table has no column `{name}`"))
                    .at(cell.span)
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
            );
        }
    }
    let find = |column: &String| {
        let index = names.iter().position(|name| name == column);
        if index.is_none() {
            diagnostics.push(
                Diagnostic::error("missing-column", format!("the file has no column `{column}`"))
                    .at(header.span)
                    .label(place, "the file is named here"),
            );
        }
        index
    };
    let order: Vec<usize> = columns.keys().filter_map(find).collect();
    (diagnostics.len() == before).then_some(order)
}

fn typed(rows: Vec<Row>, columns: &Columns, key: &[Spanned<String>], diagnostics: &mut Vec<Diagnostic>) -> Rows {
    let mut places = Vec::with_capacity(rows.len());
    let mut typed = Vec::with_capacity(rows.len());
    let mut keys: BTreeMap<String, Span> = BTreeMap::new();
    let key: Vec<usize> = key.iter().filter_map(|name| columns.get_index_of(&name.value)).collect();
    for row in rows {
        if row.cells.len() != columns.len() {
            diagnostics.push(arity(&row, columns.len()));
            continue;
        }
        let cells = row.cells.iter().zip(columns.values());
        let literals: Vec<Literal> = cells
            .map(|(cell, column)| {
                literal(cell, column).unwrap_or_else(|diagnostic| {
                    diagnostics.push(*diagnostic);
                    Literal::Null
                })
            })
            .collect();
        if !key.is_empty() {
            let identity: Vec<&Literal> = key.iter().map(|index| &literals[*index]).collect();
            if let Some(first) = keys.insert(format!("{identity:?}"), row.span) {
                diagnostics.push(
                    Diagnostic::error("duplicate-row", "two rows have the same key")
                        .at(row.span)
                        .label(first, "the first one"),
                );
            }
        }
        typed.push(literals);
        places.push(row.span);
    }
    Rows { rows: typed, places }
}

fn arity(row: &Row, expected: usize) -> Diagnostic {
    let found = row.cells.len();
    Diagnostic::error("wrong-arity", format!("the row has {found} values, the table has {expected} columns"))
        .at(row.span)
}

/// A cell as a value of its column.
fn literal(cell: &Cell, column: &Column) -> Result<Literal, Box<Diagnostic>> {
    let name = &column.name;
    let wrong = |found: &str| {
        Diagnostic::error("wrong-type", format!("column `{name}` wants {}, found {found}", noun(column.ty)))
            .at(cell.span)
            .label(column.span, "the column's type stands here")
            .boxed()
    };
    let value = match &cell.value {
        Written::Structure => return Err(wrong("a list or map")),
        Written::Yaml(literal) => literal.clone(),
        Written::Csv(text) => from_text(text, column.ty).ok_or_else(|| wrong(&format!("`{text}`")))?,
    };
    let value = match (value, column.ty) {
        (Literal::Null, _) if column.nullable => Literal::Null,
        (Literal::Null, _) => {
            return Err(Diagnostic::error("null-value", format!("column `{name}` cannot be null"))
                .at(cell.span)
                .label(column.span, "`?` after the type would allow null")
                .boxed());
        }
        #[expect(clippy::cast_precision_loss, reason = "a number column holds floats")]
        (Literal::Integer(value), ColumnType::Number | ColumnType::Money) => Literal::Number(value as f64),
        (value @ Literal::Integer(_), ColumnType::Integer)
        | (value @ Literal::Number(_), ColumnType::Number | ColumnType::Money)
        | (value @ Literal::Boolean(_), ColumnType::Boolean)
        | (value @ Literal::String(_), ColumnType::String) => value,
        (Literal::String(text), ColumnType::Date) if is_date(&text) => Literal::String(text),
        (Literal::String(text), ColumnType::Timestamp) if is_timestamp(&text) => Literal::String(text),
        (Literal::String(text), ColumnType::Date | ColumnType::Timestamp) => {
            let code = "bad-date";
            let message = format!("`{text}` is not {}", noun(column.ty));
            return Err(Diagnostic::error(code, message).at(cell.span).boxed());
        }
        (Literal::Boolean(value), _) => return Err(wrong(&format!("`{value}`"))),
        (Literal::Integer(value), _) => return Err(wrong(&format!("the number {value}"))),
        (Literal::Number(value), _) => return Err(wrong(&format!("the number {value}"))),
        (Literal::String(text), _) => return Err(wrong(&format!("the text `{text}`"))),
    };
    in_range(&value, column, cell.span)?;
    Ok(value)
}

/// A CSV field as a value of a type; empty is null.
fn from_text(text: &str, ty: ColumnType) -> Option<Literal> {
    if text.is_empty() {
        return Some(Literal::Null);
    }
    Some(match ty {
        ColumnType::String | ColumnType::Date | ColumnType::Timestamp => Literal::String(text.to_owned()),
        ColumnType::Integer => Literal::Integer(text.parse().ok()?),
        ColumnType::Number | ColumnType::Money => {
            Literal::Number(text.parse().ok().filter(|number: &f64| number.is_finite())?)
        }
        ColumnType::Boolean => Literal::Boolean(text.parse().ok()?),
    })
}

fn in_range(value: &Literal, column: &Column, span: Span) -> Result<(), Box<Diagnostic>> {
    let number = match value {
        #[expect(clippy::cast_precision_loss, reason = "limits are floats")]
        Literal::Integer(value) => *value as f64,
        Literal::Number(value) => *value,
        _ => return Ok(()),
    };
    let below = column.min.is_some_and(|min| number < min);
    let above = column.max.is_some_and(|max| number > max);
    if below || above {
        let limit = if below { ("below", column.min) } else { ("above", column.max) };
        let message =
            format!("{number} is {} the limit {} of column `{}`", limit.0, limit.1.unwrap_or_default(), column.name);
        return Err(Diagnostic::error("value-out-of-range", message).at(span).boxed());
    }
    Ok(())
}

fn noun(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::String => "a text",
        ColumnType::Integer => "a whole number",
        ColumnType::Number | ColumnType::Money => "a number",
        ColumnType::Boolean => "`true` or `false`",
        ColumnType::Date => "a date `YYYY-MM-DD`",
        ColumnType::Timestamp => "a timestamp `YYYY-MM-DD HH:MM:SS`",
    }
}

/// The records of a CSV text with the place of every field.
fn records(text: &str, file: FileId) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).unwrap_or(false) {
        let begin = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
        // The reader places a record where the last one ended, which may be in front of empty lines.
        let begin =
            text.len() - text.get(begin..).unwrap_or_default().trim_start_matches(['\n', '\r', '\u{feff}']).len();
        let mut at = begin;
        let cells: Vec<Cell> = record
            .iter()
            .map(|field| {
                let length = written_length(text.get(at..).unwrap_or_default());
                let span = Span::new(file, at, at + length);
                at += length + 1;
                Cell { value: Written::Csv(field.trim().trim_start_matches('\u{feff}').to_owned()), span }
            })
            .collect();
        let end = at.saturating_sub(1).max(begin);
        rows.push(Row { cells, span: Span::new(file, begin, end) });
    }
    rows
}

/// How long the field that a CSV text begins with is, quotes included.
fn written_length(text: &str) -> usize {
    let mut quoted = false;
    text.find(|character: char| {
        quoted ^= character == '"';
        !quoted && matches!(character, ',' | '\n' | '\r')
    })
    .unwrap_or(text.len())
}
