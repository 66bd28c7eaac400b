//! Pieces → lines. Where a line begins follows from the clauses of a query and from where its writer began one.

mod frames;
mod plan;

use super::pieces::{Clause, Piece, Role};
use frames::Frame;
use plan::Begins;

/// A line with where on it it could be broken.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub indent: usize,
    pub text: String,
    pub blank_before: bool,
    pub candidates: Vec<Candidate>,
}

/// A piece before which a line can be broken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub piece: usize,
    /// Characters of the line before it, indentation included.
    pub column: usize,
    /// How deep in parentheses it stands, then how loosely it binds: the least is broken first.
    pub rank: (usize, u8),
}

/// What is asked of a layout.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    /// A query has a line for each clause, even where its writer has put it on one.
    pub expand: bool,
    /// No line is indented.
    pub flat: bool,
}

/// Lays out the pieces. `breaks` says before which ones a line begins where that is free.
pub(super) fn layout(pieces: &[Piece], breaks: &[bool], style: Style) -> Vec<Line> {
    let mut layout = Layout { pieces, breaks, flat: style.flat, frames: vec![Frame::Expression], lines: Vec::new() };
    let first = pieces.iter().find(|piece| !piece.is_comment()).map(|first| first.role);
    if matches!(first, Some(Role::Clause(_))) || style.expand {
        let has_with = matches!(first, Some(Role::Clause(Clause::With)));
        let expanded = style.expand || has_with || layout.broken(0, pieces.len());
        layout.frames = vec![Frame::Query { indent: 0, expanded }];
    }
    for index in 0..pieces.len() {
        layout.piece(index);
    }
    layout.lines
}

struct Layout<'a> {
    pieces: &'a [Piece],
    breaks: &'a [bool],
    flat: bool,
    frames: Vec<Frame>,
    lines: Vec<Line>,
}

impl Layout<'_> {
    fn piece(&mut self, index: usize) {
        let piece = &self.pieces[index];
        if piece.is_comment() {
            return self.comment(index);
        }
        let plan = self.plan(index);
        let after_comment = index > 0 && self.pieces[index - 1].role == Role::LineComment
            || index > 0 && self.pieces[index - 1].is_comment() && piece.line_begins;
        self.leave(index);
        if plan.begins == Begins::Always || after_comment || (plan.begins == Begins::WhereBroken && self.breaks[index])
        {
            let separates = plan.begins == Begins::Always && self.separates();
            self.begin(plan.indent, piece.blank_before && separates);
        } else if plan.begins == Begins::WhereBroken {
            let depth = self.depth();
            let column = self.column();
            if let Some(line) = self.lines.last_mut().filter(|_| column > plan.indent) {
                line.candidates.push(Candidate { piece: index, column, rank: (depth, plan.rank) });
            }
        }
        self.put(index);
        self.enter(index);
    }

    /// A comment keeps to its line, or to a line of its own above what follows it.
    fn comment(&mut self, index: usize) {
        let piece = &self.pieces[index];
        if piece.line_begins || self.lines.is_empty() {
            let next = (index..self.pieces.len()).find(|next| !self.pieces[*next].is_comment());
            let mut indent = next.map_or(0, |next| self.plan(next).indent);
            if let (Some(Frame::Parentheses { hanging: true, content, .. }), Some(Role::Close)) =
                (self.frames.last(), next.map(|next| self.pieces[next].role))
            {
                indent = *content;
            }
            self.begin(indent, piece.blank_before && self.separates());
            self.put(index);
        } else if let Some(line) = self.lines.last_mut() {
            let gap = if piece.role == Role::LineComment { "  " } else { " " };
            line.text.push_str(gap);
            line.text.push_str(&piece.text);
        }
    }

    /// Whether a blank line may stand here: between the parts of a query, not inside of them.
    fn separates(&self) -> bool {
        !self.lines.is_empty()
            && matches!(self.frames.last(), Some(Frame::Query { .. } | Frame::Clause { clause: Clause::With, .. }))
    }

    fn begin(&mut self, indent: usize, blank_before: bool) {
        let indent = if self.flat { 0 } else { indent };
        self.lines.push(Line { indent, blank_before, ..Line::default() });
    }

    fn put(&mut self, index: usize) {
        let piece = &self.pieces[index];
        if self.lines.is_empty() {
            self.begin(0, false);
        }
        if let Some(line) = self.lines.last_mut() {
            if piece.space && !line.text.is_empty() {
                line.text.push(' ');
            }
            line.text.push_str(&piece.text);
        }
    }

    fn column(&self) -> usize {
        self.lines.last().map_or(0, |line| line.indent + line.text.chars().count())
    }
}
