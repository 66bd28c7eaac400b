//! YAML text → [`Node`].

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options;

use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::model::Spanned;

use super::text_map::Style;
use super::{Entry, Node, Text, TextMap, Value};

/// Parses one YAML document; every value is kept with its place, repeated keys included.
pub(crate) fn read(file: FileId, text: &str) -> Result<Node, Box<Diagnostic>> {
    let options = serde_yaml::options! {
        duplicate_keys: options::DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    let raw: Raw =
        serde_yaml::from_str_with_options(text, options).map_err(|error| syntax_error(&error, file, text).boxed())?;
    Ok(Placing { file, text }.node(raw))
}

/// Whether a text is YAML such as a project is written in, whatever it says.
///
/// # Errors
/// With the first place at which it is not.
pub fn check_syntax(file: FileId, text: &str) -> Result<(), Box<Diagnostic>> {
    read(file, text).map(|_| ())
}

fn syntax_error(error: &serde_yaml::Error, file: FileId, text: &str) -> Diagnostic {
    let start = error.location().map_or(0, |location| offset_of(text, location.line(), location.column()));
    let end = text[start..].char_indices().nth(1).map_or(text.len(), |(offset, _)| start + offset);
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    // The span says the place, and advice about the parser's functions is not for the writer of a file.
    let message = [" at line ", " (line ", "; use "]
        .iter()
        .filter_map(|tail| message.find(tail))
        .min()
        .map_or(message, |position| &message[..position]);
    Diagnostic::error("yaml-syntax", format!("YAML syntax: {message}"))
        .at(Span::new(file, start, end))
        .maybe_help(remedy(message, text, start))
}

/// What is likely meant by text that is no YAML, by the parser's message and what stands at the place.
fn remedy(message: &str, text: &str, start: usize) -> Option<String> {
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let before = &text[line_start..start];
    let here = text[start..].chars().next();
    let is_value = before.trim_end().ends_with([':', '-', ',', '[', '{']) && !before.trim().is_empty();
    if message.contains("tab") || before.contains('\t') && before.trim().is_empty() {
        return Some("indentation is made of spaces: two for each level".to_owned());
    }
    if message.starts_with("mapping values are not allowed") {
        return Some(if before.contains(": ") {
            "a text with `: ` in it stands in quotes".to_owned()
        } else {
            "the line stands deeper than the one above, which has a value already; keys of one map begin in one column"
                .to_owned()
        });
    }
    match here {
        Some(sign @ ('@' | '%' | '`' | '*' | '&' | '!' | '|' | '>')) if is_value => {
            let sign = if sign == '`' { "a backtick".to_owned() } else { format!("`{sign}`") };
            return Some(format!("a text that begins with {sign} stands in quotes"));
        }
        _ => {}
    }
    if message.contains("single-quoted") {
        return Some(
            "inside of single quotes `'` is written twice, `''`; or all of the text stands in double quotes".to_owned(),
        );
    }
    if message.contains("double-quoted") {
        return Some(
            "inside of double quotes `\"` is written `\\\"`; all of the text stands in one pair of quotes".to_owned(),
        );
    }
    if message.contains("unclosed quote") {
        return Some("a text that begins with a quote ends with one".to_owned());
    }
    if message.contains("block") || message.contains("did not find expected") {
        let what = if line.trim_start().starts_with("- ") { "items of one list" } else { "keys of one map" };
        return Some(format!("{what} begin in one column"));
    }
    None
}

/// The byte offset of a line and column, both from 1 and in characters.
fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(0);
    let mut start = 0;
    for line in text.split_inclusive('\n').take(index(line)) {
        start += line.len();
    }
    text[start..].char_indices().nth(index(column)).map_or(text.len(), |(offset, _)| start + offset)
}

type Raw = serde_yaml::Spanned<RawValue>;

enum RawValue {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(serde_yaml::Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Boolean(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<RawValue, E> {
        i64::try_from(value).map(RawValue::Integer).map_err(|_| E::custom("a whole number beyond 9223372036854775807"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawValue::Map(map))
    }
}

/// Turns the parser's locations into spans of the file.
struct Placing<'a> {
    file: FileId,
    text: &'a str,
}

impl Placing<'_> {
    fn node(&self, raw: Raw) -> Node {
        let mut span = self.span(raw.defined);
        let value = match raw.value {
            RawValue::Null => Value::Null,
            RawValue::Boolean(value) => Value::Boolean(value),
            RawValue::Integer(value) => Value::Integer(value),
            RawValue::Number(value) => Value::Number(value),
            RawValue::Text(value) => {
                let source = &self.text[span.start..span.end];
                let style = self.style(span);
                Value::Text(Text {
                    map: TextMap::align(&value, source, style, span.start),
                    plain: style == Style::Plain,
                    value,
                })
            }
            RawValue::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                span = self.around(span, items.iter().map(|item| item.span), ']');
                Value::List(items)
            }
            RawValue::Map(entries) => {
                let entries: Vec<Entry> = entries.into_iter().map(|(key, value)| self.entry(key, value)).collect();
                let spans = entries.iter().flat_map(|entry| [entry.key.span, entry.node.span]);
                span = self.around(span, spans, '}');
                Value::Map(entries)
            }
        };
        Node { value, span }
    }

    fn entry(&self, key: serde_yaml::Spanned<String>, value: Raw) -> Entry {
        let key = Spanned { span: self.span(key.defined), value: key.value };
        let mut node = self.node(value);
        if matches!(node.value, Value::Null) && node.span.start == node.span.end {
            // `key:` without a value has no place of its own.
            node.span = key.span;
        }
        Entry { key, node }
    }

    fn span(&self, location: serde_yaml::Location) -> Span {
        let bytes = |value: Option<u64>| usize::try_from(value.unwrap_or(0)).unwrap_or(0);
        let limit = self.text.len();
        let start = bytes(location.span().byte_offset()).min(limit);
        let end = start.saturating_add(bytes(location.span().byte_len())).min(limit);
        let start = self.text.floor_char_boundary(start);
        let end = self.text.floor_char_boundary(end).max(start);
        Span::new(self.file, start, start + self.text[start..end].trim_end().len())
    }

    /// How a scalar is written. The parser places a block scalar at its content, which may begin with a quote.
    fn style(&self, span: Span) -> Style {
        let before = &self.text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        if before[line_start..].trim().is_empty() {
            let above = before[..line_start].lines().rev();
            let header = above.map(without_remark).find(|line| !line.is_empty());
            let indicators = |character: char| matches!(character, '+' | '-' | '1'..='9');
            if header.is_some_and(|line| line.trim_end_matches(indicators).ends_with(['|', '>'])) {
                return Style::Block;
            }
        }
        match self.text.as_bytes().get(span.start) {
            Some(b'"') => Style::DoubleQuoted,
            Some(b'\'') => Style::SingleQuoted,
            _ => Style::Plain,
        }
    }

    /// The span of a list or map: the parser only tells where it begins.
    fn around(&self, begin: Span, inner: impl Iterator<Item = Span>, close: char) -> Span {
        let flow = self.text[begin.start..].starts_with(['[', '{']);
        let inner = inner.map(|span| span.end).chain([begin.start + usize::from(flow)]).max().unwrap_or(begin.start);
        let end = if flow { self.text[inner..].find(close).map_or(inner, |offset| inner + offset + 1) } else { inner };
        Span { end, ..begin }
    }
}

/// A line up to the `#` of a remark.
fn without_remark(line: &str) -> &str {
    let end = line.find(" #").unwrap_or(line.len());
    line[..end].trim_end()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use rstest::rstest;

    /// Every key and value with the text at its span.
    fn places(text: &str) -> String {
        fn walk(node: &Node, text: &str, depth: usize, out: &mut Vec<String>) {
            let at = |span: Span| text[span.start..span.end].replace('\n', "⏎");
            out.push(format!("{}{}", "  ".repeat(depth), at(node.span)));
            for entry in node.entries() {
                out.push(format!("{}{}:", "  ".repeat(depth + 1), at(entry.key.span)));
                walk(&entry.node, text, depth + 2, out);
            }
            for item in node.items() {
                walk(item, text, depth + 1, out);
            }
        }
        let mut out = Vec::new();
        walk(&read(FileId(0), text).unwrap(), text, 0, &mut out);
        out.join("\n")
    }

    #[test]
    fn every_node_keeps_its_place() {
        let text = "# é\nflow: {a: [1, 'é b', {c: ~}], d: }\nempty:\nblock: |\n  é x\n\n  y\n\nfolded: >-\n  x\n  y\nnumbers: [-1.5, 0x1F]\nlist:\n  - a  # remark\n  - b: c\n    d: \"e\\n\"\nlast: plain\n  goes on\n";
        insta::assert_snapshot!(places(text), @r#"
        flow: {a: [1, 'é b', {c: ~}], d: }⏎empty:⏎block: |⏎  é x⏎⏎  y⏎⏎folded: >-⏎  x⏎  y⏎numbers: [-1.5, 0x1F]⏎list:⏎  - a  # remark⏎  - b: c⏎    d: "e\n"⏎last: plain⏎  goes on
          flow:
            {a: [1, 'é b', {c: ~}], d: }
              a:
                [1, 'é b', {c: ~}]
                  1
                  'é b'
                  {c: ~}
                    c:
                      ~
              d:
                d
          empty:
            empty
          block:
            é x⏎⏎  y
          folded:
            x⏎  y
          numbers:
            [-1.5, 0x1F]
              -1.5
              0x1F
          list:
            - a  # remark⏎  - b: c⏎    d: "e\n"
              a
              b: c⏎    d: "e\n"
                b:
                  c
                d:
                  "e\n"
          last:
            plain⏎  goes on
        "#);
    }

    #[test]
    fn an_alias_has_the_place_of_its_anchor() {
        insta::assert_snapshot!(places("a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  own: 1\n"), @"
        a: &x {k: v}⏎b: *x⏎c:⏎  <<: *x⏎  own: 1
          a:
            {k: v}
              k:
                v
          b:
            {k: v}
              k:
                v
          c:
            <<: *x⏎  own: 1
              own:
                1
              k:
                v
        ");
    }

    #[test]
    fn repeated_keys_are_all_kept() {
        assert_eq!(read(FileId(0), "a: 1\na: 2\n").unwrap().entries().len(), 2);
    }

    #[rstest]
    #[case("a: [1, 2\nb: 3\n", "illegal placement of ':' indicator", 10)]
    #[case("a: 1\n b: 2\n", "mapping values are not allowed in this context", 7)]
    #[case("a: *nobody\n", "alias references unknown anchor", 3)]
    #[case("é: \"x\nb: 1", "unclosed quote", 4)]
    #[case("a: 1\n---\nb: 2\n", "multiple YAML documents detected", 9)]
    fn a_syntax_error_has_its_place(#[case] text: &str, #[case] message: &str, #[case] start: usize) {
        let diagnostic = read(FileId(0), text).unwrap_err();
        assert_eq!(diagnostic.message, format!("YAML syntax: {message}"));
        assert_eq!(diagnostic.span.unwrap().start, start);
    }
}
