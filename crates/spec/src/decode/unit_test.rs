//! Files of unit tests.

use indexmap::IndexMap;
use jiff::civil::Date;

use crate::diagnostic::Diagnostic;
use crate::model::{Expectation, Expected, GivenRows, Spanned, TestCell, TestRow, UnitTest};
use crate::syntax::{Entry, Node, Value};

use super::Fields;
use super::fields::scalar;

/// The tests of a file; what is incomplete has been reported by the grammar and is left out.
pub(crate) fn unit_tests(node: &Node, diagnostics: &mut Vec<Diagnostic>) -> Vec<UnitTest> {
    let entries = Fields(node).entries("tests").iter();
    entries.filter_map(|entry| unit_test(entry, diagnostics)).collect()
}

fn unit_test(entry: &Entry, diagnostics: &mut Vec<Diagnostic>) -> Option<UnitTest> {
    let fields = Fields(&entry.node);
    let as_of = fields.text("as_of")?;
    let as_of = Spanned { value: as_of.value.parse().ok()?, span: as_of.span };
    let expect = fields.fields("expect")?;
    let rows_of = |of: Expected| expect.entries(of.key()).iter().map(move |entry| expectation(of, entry));
    let quarantined = expect.entries("quarantined").iter().filter_map(|entry| match entry.node.value {
        Value::Integer(rows) => {
            Some((entry.key.value.clone(), Spanned { value: u64::try_from(rows).ok()?, span: entry.key.span }))
        }
        _ => None,
    });
    let given = fields.entries("given").iter().filter_map(|entry| given(entry, diagnostics)).collect();
    Some(UnitTest {
        name: entry.key.value.clone(),
        description: fields.words("description"),
        as_of,
        pipeline: fields.text("pipeline"),
        period: fields.get("period").map(written),
        variables: fields.entries("variables").iter().map(variable).collect(),
        tolerance: fields.number("tolerance").unwrap_or(1e-9),
        given,
        expect: Expected::ALL.into_iter().flat_map(rows_of).collect(),
        quarantined: quarantined.collect(),
        span: entry.key.span,
    })
}

fn variable(entry: &Entry) -> (String, String) {
    (entry.key.value.clone(), written(&entry.node).value)
}

/// A scalar as text: `2026` as well as `2026-06`.
fn written(node: &Node) -> Spanned<String> {
    let value = match &node.value {
        Value::Text(text) => text.value.clone(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Null | Value::List(_) | Value::Map(_) => String::new(),
    };
    Spanned { value, span: node.span }
}

fn given(entry: &Entry, diagnostics: &mut Vec<Diagnostic>) -> Option<GivenRows> {
    let name = &entry.key;
    let (source, day) = match name.value.split_once('@') {
        None => (name.value.as_str(), None),
        Some((source, day)) => {
            let Ok(parsed) = day.parse::<Date>() else {
                diagnostics.push(
                    Diagnostic::error("bad-day", format!("`{day}` is no day"))
                        .at(name.span)
                        .help("the day of a snapshot is written `accounts@2026-05-31`"),
                );
                return None;
            };
            (source, Some(parsed))
        }
    };
    let name = Spanned { value: source.to_owned(), span: name.span };
    Some(GivenRows { name, snapshot: day, rows: rows(&entry.node) })
}

fn expectation(of: Expected, entry: &Entry) -> Expectation {
    let name = entry.key.clone();
    let span = entry.node.span;
    if matches!(entry.node.value, Value::Map(_)) {
        let some = |key: &str| Fields(&entry.node).get(key).map(rows).unwrap_or_default();
        return Expectation { of, name, rows: some("contains"), lacks: some("lacks"), all: false, span };
    }
    // Cells and facts are found one by one, and there are many more of them.
    let all = !matches!(of, Expected::Kpi | Expected::Fact);
    Expectation { of, name, rows: rows(&entry.node), lacks: Vec::new(), all, span }
}

fn rows(node: &Node) -> Vec<TestRow> {
    node.items().iter().map(|item| TestRow { cells: cells(item), span: item.span }).collect()
}

fn cells(node: &Node) -> IndexMap<String, TestCell> {
    let cell = |entry: &Entry| {
        let value = scalar(&entry.node)?;
        Some((entry.key.value.clone(), TestCell { value, span: entry.node.span, column: entry.key.span }))
    };
    node.entries().iter().filter_map(cell).collect()
}
