//! YAML text → a tree whose nodes know where they are written and how, and the comments beside it.

use std::ops::Range;

use abmart_spec::Span as Place;
use abmart_spec::diagnostic::{Diagnostic, FileId};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// A document.
#[derive(Debug)]
pub(crate) struct Document {
    /// None where the file has nothing but comments.
    pub root: Option<Node>,
    /// In the order of the text.
    pub comments: Vec<Comment>,
    /// Whether `---` begins it.
    pub marked: bool,
}

#[derive(Debug)]
pub(crate) struct Comment {
    /// From `#` on, without blanks at the end.
    pub text: String,
    pub at: usize,
}

#[derive(Debug)]
pub(crate) struct Node {
    /// Anchor and tag, as written (`&name !tag`).
    pub properties: String,
    /// From its first character, properties included, to its last; a block scalar's begin is that of its content.
    pub range: Range<usize>,
    /// The same without properties.
    pub own: Range<usize>,
    pub value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Scalar {
        style: ScalarStyle,
        text: String,
    },
    /// As written (`*name`).
    Alias(String),
    List {
        flow: bool,
        items: Vec<Node>,
    },
    Map {
        flow: bool,
        entries: Vec<(Node, Node)>,
    },
}

impl Node {
    pub fn is_flow(&self) -> bool {
        matches!(self.value, Value::List { flow: true, .. } | Value::Map { flow: true, .. })
    }

    /// A list or map with something in it, on lines of its own.
    pub fn is_block(&self) -> bool {
        matches!(self.value, Value::List { flow: false, .. } | Value::Map { flow: false, .. })
    }

    /// What a scalar says.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Reads a text that [`abmart_spec::check_syntax`] takes.
pub(crate) fn read(file: FileId, text: &str) -> Result<Document, Box<Diagnostic>> {
    let options = granit_parser::options! { emit_anchor_events: true, max_buffered_comment_events: text.len() };
    let mut reader = Reader { file, text, events: Vec::new(), next: 0 };
    let mut comments = Vec::new();
    let mut marked = false;
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::Comment(..), span)) => {
                let range = range(&span);
                comments.push(Comment { text: text[range.clone()].trim_end().to_owned(), at: range.start });
            }
            Ok((Event::DocumentStart(_, Some(_)), span)) => {
                return Err(reader.unsupported("a `%YAML` directive", &span));
            }
            Ok((Event::DocumentStart(explicit, None), _)) => marked |= explicit,
            Ok((Event::StreamStart | Event::StreamEnd | Event::DocumentEnd, _)) => {}
            Ok(event) => reader.events.push(event),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                return Err(Diagnostic::error("yaml-syntax", format!("YAML syntax: {}", error.info()))
                    .at(Place::new(file, at, at))
                    .boxed());
            }
        }
    }
    comments.sort_by_key(|comment: &Comment| comment.at);
    let root = if reader.events.is_empty() { None } else { Some(reader.node()?) };
    Ok(Document { root, comments, marked })
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    events: Vec<(Event<'a>, Span)>,
    next: usize,
}

impl<'a> Reader<'a> {
    fn node(&mut self) -> Result<Node, Box<Diagnostic>> {
        let (event, span) = self.take();
        let mut properties: Vec<Range<usize>> = Vec::new();
        if let Some((Event::Anchor(..), anchor)) = self.events.get(self.next) {
            properties.push(range(anchor));
            self.next += 1;
        }
        properties.extend(span.tag_span().map(|tag| range(&tag)));
        properties.sort_by_key(|range| range.start);
        let mut whole = range(&span);
        let value = match event {
            Event::Scalar(value, style, ..) => Value::Scalar { style, text: value.into_owned() },
            Event::Alias(_) => Value::Alias(self.text[whole.clone()].to_owned()),
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                while !matches!(self.events.get(self.next), Some((Event::SequenceEnd, _)) | None) {
                    items.push(self.node()?);
                }
                let (_, end) = self.take();
                around(&mut whole, items.iter().map(|item| &item.range), &range(&end));
                Value::List { flow: style == StructureStyle::Flow, items }
            }
            Event::MappingStart(style, ..) => {
                let mut entries = Vec::new();
                while !matches!(self.events.get(self.next), Some((Event::MappingEnd, _)) | None) {
                    let key = self.node()?;
                    if !matches!(key.value, Value::Scalar { .. } | Value::Alias(_)) {
                        return Err(self.unsupported("a list or map as a key", &span));
                    }
                    entries.push((key, self.node()?));
                }
                let (_, end) = self.take();
                around(&mut whole, entries.iter().flat_map(|(key, value)| [&key.range, &value.range]), &range(&end));
                Value::Map { flow: style == StructureStyle::Flow, entries }
            }
            _ => return Err(self.unsupported("this", &span)),
        };
        let own = whole.clone();
        let written: Vec<&str> = properties.iter().map(|range| &self.text[range.clone()]).collect();
        if let Some(first) = properties.first() {
            whole.start = whole.start.min(first.start);
        }
        Ok(Node { properties: written.join(" "), range: whole, own, value })
    }

    fn take(&mut self) -> (Event<'a>, Span) {
        let taken = self.events.get(self.next).cloned().unwrap_or((Event::StreamEnd, Span::default()));
        self.next += 1;
        taken
    }

    fn unsupported(&self, what: &str, span: &Span) -> Box<Diagnostic> {
        let range = range(span);
        Diagnostic::error("not-formatted", format!("{what} has no format"))
            .at(Place::new(self.file, range.start, range.end))
            .help("the file is left as it is; no definition needs it")
            .boxed()
    }
}

fn range(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

/// Widens a collection's range to all that is in it.
fn around<'r>(whole: &mut Range<usize>, inner: impl Iterator<Item = &'r Range<usize>>, end: &Range<usize>) {
    for range in inner {
        whole.start = whole.start.min(range.start);
        whole.end = whole.end.max(range.end);
    }
    // The end of a block collection is where the next token begins, the end of a flow collection its bracket.
    if !end.is_empty() {
        whole.end = whole.end.max(end.end);
    }
}
