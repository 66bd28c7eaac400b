//! Scalars in blocks: SQL is laid out, all else stays as it is written but for its indentation.

use abmart_spec::Sql;
use granit_parser::ScalarStyle;

use super::tree::Node;
use super::write::Writer;
use super::{INDENT, WIDTH};
use crate::sql;

/// A scalar on its way to lines.
#[derive(Debug, Default)]
pub(super) struct Scalar {
    /// What stands behind the key.
    pub head: String,
    /// The lines below, without indentation.
    pub below: Vec<String>,
    /// Blank lines at its end count.
    pub keeps: bool,
}

impl Scalar {
    fn line(head: impl Into<String>) -> Self {
        Self { head: head.into(), ..Self::default() }
    }

    fn block(header: &str, below: Vec<String>) -> Self {
        Self { head: header.to_owned(), below, keeps: false }
    }
}

impl Writer<'_> {
    /// A scalar that begins in the column `room` of a line indented by `indent`.
    pub(super) fn scalar(&self, node: &Node, style: ScalarStyle, text: &str, room: usize, indent: usize) -> Scalar {
        let written = &self.text[node.own.clone()];
        let laid_out = self.sql().filter(|_| sql::is_laid_out(text)).and_then(|kind| {
            // What joins its lines is taken as it is written, for its writer has chosen where to break it.
            let lines = match style {
                ScalarStyle::Folded => Block::of(self.text, node, style).lines.join("\n"),
                ScalarStyle::Plain => written.to_owned(),
                _ => text.to_owned(),
            };
            let lines = if sql::same(text, &lines) { lines } else { text.to_owned() };
            Sentence { written, style, text: &lines, room, indent }.laid_out(kind)
        });
        laid_out.unwrap_or_else(|| match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_scalar(node, style, text),
            _ => as_written(written),
        })
    }

    /// A block scalar with its own header and lines.
    fn block_scalar(&self, node: &Node, style: ScalarStyle, text: &str) -> Scalar {
        let block = Block::of(self.text, node, style);
        // Blanks that begin every line of the text itself stay.
        let strip = indentation(block.lines.iter().copied()).saturating_sub(indentation(text.split('\n')));
        let mut below: Vec<String> =
            block.lines.iter().map(|line| without_indentation(line, strip).to_owned()).collect();
        let keeps = block.header.contains('+');
        if !keeps {
            while below.last().is_some_and(|line| line.trim().is_empty()) {
                below.pop();
            }
        }
        let header: String = block.header.chars().map(|sign| if sign.is_ascii_digit() { '2' } else { sign }).collect();
        Scalar { head: header, below, keeps }
    }
}

/// SQL in a scalar.
struct Sentence<'a> {
    written: &'a str,
    style: ScalarStyle,
    text: &'a str,
    room: usize,
    indent: usize,
}

impl Sentence<'_> {
    fn laid_out(&self, kind: Sql) -> Option<Scalar> {
        let in_block = matches!(self.style, ScalarStyle::Literal | ScalarStyle::Folded);
        let width = WIDTH - (self.indent + INDENT).min(WIDTH / 2);
        match kind {
            Sql::Query => {
                // A query on one line is short for its writer; one of several lines has a line for each clause.
                let one_line = !in_block && !self.written.contains('\n');
                let short = sql::query_on_one_line(self.text).filter(|_| one_line);
                if let Some(short) = short.and_then(|short| self.on_one_line(&short)) {
                    return Some(short);
                }
                let header = if self.style == ScalarStyle::Literal && self.strips() { "|-" } else { "|" };
                Some(Scalar::block(header, sql::query(self.text, width)?))
            }
            Sql::Expression => {
                let short = sql::expression_on_one_line(self.text);
                if let Some(short) = short.and_then(|short| self.on_one_line(&short)) {
                    return Some(short);
                }
                if sql::has_comments(self.text) {
                    return Some(Scalar::block("|", sql::expression(self.text, width)?));
                }
                Some(Scalar::block(">-", sql::flat_expression(self.text, width)?))
            }
        }
    }

    /// Behind the key, where there is room and the text can stand there.
    fn on_one_line(&self, sql: &str) -> Option<Scalar> {
        let scalar = match self.style {
            ScalarStyle::Literal | ScalarStyle::Folded if !is_plain(sql) => return None,
            ScalarStyle::Literal | ScalarStyle::Folded => sql.to_owned(),
            style => requoted(sql, style, self.written)?,
        };
        (self.room + scalar.chars().count() <= WIDTH).then(|| Scalar::line(scalar))
    }

    fn strips(&self) -> bool {
        !self.text.ends_with('\n')
    }
}

/// A text in the quotes of a style; none where the text as it was written has escapes.
pub(super) fn requoted(text: &str, style: ScalarStyle, written: &str) -> Option<String> {
    match style {
        ScalarStyle::SingleQuoted => Some(format!("'{}'", text.replace('\'', "''"))),
        ScalarStyle::DoubleQuoted => (!written.contains('\\')).then(|| format!("\"{text}\"")),
        _ => Some(text.to_owned()),
    }
}

/// Whether a text of several words means the same without quotes.
fn is_plain(text: &str) -> bool {
    let indicators = |first: char| ",[]{}#&*!|>'\"%@`".contains(first);
    !text.starts_with(indicators)
        && !["- ", "? ", ": "].iter().any(|begin| text.starts_with(begin))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.contains(['\n', '\t'])
}

/// A plain or quoted scalar, its further lines without their indentation.
fn as_written(written: &str) -> Scalar {
    let mut lines = written.split('\n').map(|line| {
        let trimmed = line.trim_end_matches([' ', '\t']);
        // A blank behind a backslash belongs to the text.
        if trimmed.ends_with('\\') { line } else { trimmed }
    });
    let head = lines.next().unwrap_or_default().to_owned();
    Scalar { head, below: lines.map(|line| line.trim_start_matches([' ', '\t']).to_owned()).collect(), keeps: false }
}

/// A block scalar as it is written.
struct Block<'a> {
    /// `|` or `>` with what follows it.
    header: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Block<'a> {
    fn of(text: &'a str, node: &Node, style: ScalarStyle) -> Self {
        let sign = if style == ScalarStyle::Literal { '|' } else { '>' };
        let before = &text[..node.own.start];
        let begin = header(before, sign).unwrap_or(node.own.start);
        let rest = &text[begin..node.own.end.max(begin)];
        let mut lines = rest.split('\n');
        let first = lines.next().unwrap_or_default();
        let length = first.find(|next: char| !"|>+-0123456789".contains(next)).unwrap_or(first.len());
        let mut lines: Vec<&str> = lines.collect();
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        Self { header: &first[..length], lines }
    }
}

/// The blanks that every line begins with.
fn indentation<'l>(lines: impl Iterator<Item = &'l str>) -> usize {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    lines.filter(|line| !line.trim_matches(' ').is_empty()).map(blanks).min().unwrap_or(0)
}

/// Where the header of a block scalar begins, which ends before its content.
fn header(before: &str, sign: char) -> Option<usize> {
    let mut end = before.len();
    for line in before.split_inclusive('\n').rev() {
        end -= line.len();
        let code = line.find(" #").map_or(line, |comment| &line[..comment]).trim_end();
        let without = code.trim_end_matches(|next: char| next.is_ascii_digit() || "+-".contains(next));
        if without.ends_with(sign) {
            return Some(end + without.len() - 1);
        }
        if !code.trim().is_empty() {
            return None;
        }
    }
    None
}

fn without_indentation(line: &str, blanks: usize) -> &str {
    let indentation = line.len() - line.trim_start_matches(' ').len();
    &line[indentation.min(blanks)..]
}
