//! Nodes → lines.

use abmart_spec::{Document as Kind, Sql, sql_at};

use super::comments::Comments;
use super::lines::{Line, join};
use super::sections;
use super::tree::{Comment, Document, Node, Value};
use super::{INDENT, WIDTH};

/// The text of a document, laid out.
pub(crate) fn write(text: &str, document: &Document, kind: Kind) -> String {
    let comments = Comments::new(text, &document.comments);
    let mut writer = Writer { text, kind, comments, lines: Vec::new(), path: Vec::new() };
    if document.marked {
        writer.lines.push(Line::new(0, "---"));
    }
    match &document.root {
        Some(root) if writer.is_broken(root) => writer.root(root),
        Some(root) => writer.value("", root.range.start, root, 0),
        None => {}
    }
    writer.comments_before(text.len() + 1, 0);
    join(&writer.lines)
}

pub(super) struct Writer<'a> {
    pub text: &'a str,
    kind: Kind,
    pub comments: Comments<'a>,
    pub lines: Vec<Line>,
    /// The keys that lead to the node that is being written.
    pub path: Vec<&'a str>,
}

/// Maps of one line below each other from which they are a table, and none of them is broken for its length.
const TABLE: usize = 3;

/// Where an entry of a map or list was written: its first line, comments above it included, and its own first line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub first: usize,
    pub own: usize,
}

impl<'a> Writer<'a> {
    fn root(&mut self, root: &'a Node) {
        let written = self.entries(root, 0, self.text.len() + 1);
        sections::separate_top_level(&mut self.lines, &written);
    }

    /// The entries of a map or items of a list, each on lines of its own. `until` is where the next thing behind it begins.
    fn entries(&mut self, node: &'a Node, indent: usize, until: usize) -> Vec<Written> {
        let begin = self.lines.len();
        let mut written = Vec::new();
        let column = match &node.value {
            Value::Map { entries, .. } => {
                let table =
                    entries.iter().filter(|(_, value)| matches!(value.value, Value::Map { flow: true, .. })).count();
                for (index, (key, value)) in entries.iter().enumerate() {
                    let next = entries.get(index + 1).map_or(until, |(next, _)| next.range.start);
                    written.push(self.entry(key, value, indent, begin, next, table >= TABLE));
                }
                entries.first().map_or(0, |(key, _)| self.comments.column(key.range.start))
            }
            Value::List { items, .. } => {
                let rows = self.rows(items, indent);
                for (index, item) in items.iter().enumerate() {
                    let next = items.get(index + 1).map_or(until, |next| next.range.start);
                    let row = rows.as_ref().map(|rows| rows[index].as_str());
                    written.push(self.item(item, indent, begin, next, row));
                }
                items.first().map_or(0, |item| self.comments.indentation(item.range.start))
            }
            Value::Scalar { .. } | Value::Alias(_) => 0,
        };
        if node.is_flow() {
            self.comments_before(node.range.end, indent);
        }
        while let Some(comment) = self.comments.next_behind(until) {
            self.comment_behind(comment, indent);
        }
        while let Some(group) = node.is_block().then(|| self.comments.next_of_block(column, until)).flatten() {
            for comment in group {
                let blank_before = self.comments.blank_above(comment.at);
                self.lines.push(Line { blank_before, ..Line::new(indent, comment.text.as_str()) });
            }
        }
        written
    }

    fn entry(
        &mut self,
        key: &'a Node,
        value: &'a Node,
        indent: usize,
        begin: usize,
        until: usize,
        row: bool,
    ) -> Written {
        let first = self.lines.len();
        self.comments_before(key.range.start, indent);
        let (own, blank_before) = (self.lines.len(), self.blank_before(begin, key));
        let head = format!("{}:", self.key(key));
        self.path.push(key.text().unwrap_or_default());
        if self.is_broken(value) || !row && self.is_better_broken(&head, key, value, indent) {
            self.lines.push(Line::new(indent, with_properties(&head, value)));
            let written = self.entries(value, indent + INDENT, until);
            if self.path.len() == 1 {
                sections::separate_definitions(&mut self.lines, &written, value);
            }
        } else {
            self.value(&head, key.range.start, value, indent);
        }
        self.path.pop();
        self.set_blank(own, blank_before);
        Written { first, own }
    }

    fn item(&mut self, item: &'a Node, indent: usize, begin: usize, until: usize, row: Option<&str>) -> Written {
        let first = self.lines.len();
        self.comments_before(item.range.start, indent);
        let (own, blank_before) = (self.lines.len(), self.blank_before(begin, item));
        if let Some(row) = row {
            self.lines.push(Line::new(indent, format!("- {row}")));
        } else if self.is_broken(item) || self.is_better_broken("-", item, item, indent) {
            if !item.properties.is_empty() {
                self.lines.push(Line::new(indent, with_properties("-", item)));
            }
            self.entries(item, indent + INDENT, until);
            // The first line of what is inside stands behind the dash.
            if let Some(line) = self.lines.get_mut(own).filter(|_| item.properties.is_empty()) {
                line.indent = indent;
                line.text.insert_str(0, "- ");
            }
        } else {
            self.value("-", item.range.start, item, indent);
        }
        self.set_blank(own, blank_before);
        Written { first, own }
    }

    /// Whether a blank line stands before an entry, which is not the first line of its block.
    fn blank_before(&self, begin: usize, node: &Node) -> bool {
        self.lines.len() > begin && self.comments.blank_above(node.range.start)
    }

    fn set_blank(&mut self, line: usize, blank_before: bool) {
        if let Some(line) = self.lines.get_mut(line) {
            line.blank_before |= blank_before;
        }
    }

    /// A scalar, an alias, or a map or list on one line, behind `head`.
    fn value(&mut self, head: &str, at: usize, node: &'a Node, indent: usize) {
        let comment = self.comments_inside(at, node, indent);
        let head = with_properties(head, node);
        let room = indent + head.chars().count() + 1;
        let first = self.lines.len();
        match &node.value {
            Value::Scalar { style, text } => {
                let scalar = self.scalar(node, *style, text, room, indent);
                let gap = if head.is_empty() || scalar.head.is_empty() { "" } else { " " };
                self.lines.push(Line::new(indent, format!("{head}{gap}{}", scalar.head)));
                self.lines.extend(scalar.below.into_iter().map(|text| Line::new(indent + INDENT, text)));
                if let Some(last) = self.lines.last_mut() {
                    last.keeps = scalar.keeps;
                }
            }
            _ => {
                let text = self.flow(node).unwrap_or_else(|| self.text[node.own.clone()].to_owned());
                let gap = if head.is_empty() { "" } else { " " };
                self.lines.push(Line::new(indent, format!("{head}{gap}{text}")));
            }
        }
        if let Some(line) = self.lines.get_mut(first) {
            line.comment = comment;
        }
    }

    /// Whether a node is written on lines of its own: as it was, or because one line cannot hold it.
    fn is_broken(&self, node: &Node) -> bool {
        let empty = match &node.value {
            Value::List { items, .. } => items.is_empty(),
            Value::Map { entries, .. } => entries.is_empty(),
            Value::Scalar { .. } | Value::Alias(_) => return false,
        };
        if empty {
            return false;
        }
        node.is_block() || self.comments.any_in(&node.range) || self.flow(node).is_none()
    }

    /// Whether a map or list is too long for one line, and all of it fits when it is broken.
    fn is_better_broken(&mut self, head: &str, key: &'a Node, node: &'a Node, indent: usize) -> bool {
        let Some(text) = self.flow(node).filter(|_| node.is_flow()) else { return false };
        let width = indent + with_properties(head, node).chars().count() + 1 + text.chars().count();
        if width <= WIDTH || text.len() <= "[]".len() || self.comments.any_in(&(key.range.start..node.range.end)) {
            return false;
        }
        let begin = self.lines.len();
        self.entries(node, indent + INDENT, 0);
        let fits = self.lines[begin..].iter().all(|line| line.width() <= WIDTH);
        self.lines.truncate(begin);
        fits
    }

    /// What sort of SQL the node is that is being written.
    pub fn sql(&self) -> Option<Sql> {
        self.sql_at(&self.path)
    }

    pub fn sql_at(&self, path: &[&str]) -> Option<Sql> {
        sql_at(self.kind, path.iter().copied())
    }

    fn key(&self, key: &Node) -> String {
        let written = &self.text[key.own.clone()];
        let written = if matches!(key.value, Value::Alias(_)) { format!("{written} ") } else { written.to_owned() };
        if key.properties.is_empty() { written } else { format!("{} {written}", key.properties) }
    }

    /// The comment behind the line of a node that begins at `at`; what else stands in it is written above it.
    fn comments_inside(&mut self, at: usize, node: &Node, indent: usize) -> Option<String> {
        let end = node.range.end;
        let mut inside = Vec::new();
        while let Some(comment) = self.comments.next_before(end) {
            inside.push(comment);
        }
        match inside[..] {
            [only] if only.at > at && !self.comments.owns_line(only) => Some(only.text.clone()),
            _ => {
                self.lines.extend(inside.iter().map(|comment| Line::new(indent, comment.text.as_str())));
                None
            }
        }
    }

    /// Writes the comments that stand before a place: behind the last line where they stood behind it, else above what
    /// follows, indented alike.
    pub fn comments_before(&mut self, place: usize, indent: usize) {
        while let Some(comment) = self.comments.next_before(place) {
            if self.comments.owns_line(comment) {
                let blank_before = !self.lines.is_empty() && self.comments.blank_above(comment.at);
                self.lines.push(Line { blank_before, ..Line::new(indent, comment.text.as_str()) });
            } else {
                self.comment_behind(comment, indent);
            }
        }
    }

    /// A comment behind the last line, or below it where one stands there already.
    fn comment_behind(&mut self, comment: &Comment, indent: usize) {
        match self.lines.last_mut() {
            Some(line) if line.comment.is_none() && !line.text.starts_with('#') => {
                line.comment = Some(comment.text.clone())
            }
            _ => self.lines.push(Line::new(indent, comment.text.as_str())),
        }
    }
}

fn with_properties(head: &str, node: &Node) -> String {
    match (head.is_empty(), node.properties.is_empty()) {
        (_, true) => head.to_owned(),
        (true, false) => node.properties.clone(),
        (false, false) => format!("{head} {}", node.properties),
    }
}
