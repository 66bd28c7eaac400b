//! What pieces stand in: queries, clauses, parentheses, cases. Each knows where its lines begin.

use super::super::pieces::{Clause, Role};
use super::Layout;

/// What the next piece stands in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    Expression,
    Query {
        indent: usize,
        expanded: bool,
    },
    Clause {
        clause: Clause,
        start: usize,
        /// Where what follows the keyword begins.
        content: usize,
        /// Where the item of the list begins.
        item: usize,
    },
    /// The condition of a join.
    On {
        start: usize,
    },
    Parentheses {
        hanging: bool,
        call: bool,
        /// Where the line with the opening one begins.
        outside: usize,
        content: usize,
        item: usize,
    },
    Case {
        start: usize,
        operand: bool,
        /// `when` begins a line of its own behind `case`, and so does `end`.
        hanging: bool,
    },
}

impl Layout<'_> {
    /// Leaves what a piece ends.
    pub(super) fn leave(&mut self, index: usize) {
        match self.pieces[index].role {
            Role::Close => {
                while let Some(frame) = self.frames.pop() {
                    if matches!(frame, Frame::Parentheses { .. }) {
                        break;
                    }
                }
            }
            Role::Clause(_) if self.query().is_some() => self.leave_clause(),
            Role::SubClause => self.leave_clause(),
            _ => {}
        }
    }

    pub(super) fn leave_clause(&mut self) {
        while matches!(self.frames.last(), Some(Frame::Clause { .. } | Frame::On { .. })) {
            self.frames.pop();
        }
    }

    /// Enters what a piece begins.
    pub(super) fn enter(&mut self, index: usize) {
        let piece = &self.pieces[index];
        let (start, end) = (self.column() - piece.width(), self.column());
        match piece.role {
            Role::Open { close, query, call } => {
                let next_breaks = self.breaks.get(index + 1).copied().unwrap_or_default();
                let with = matches!(self.frames.last(), Some(Frame::Clause { clause: Clause::With, .. }));
                let has_with =
                    matches!(self.pieces.get(index + 1).map(|next| next.role), Some(Role::Clause(Clause::With)));
                let expanded = query && (with || has_with || self.broken(index + 1, close + 1));
                let hanging = expanded || (next_breaks && close > index + 1);
                let outside = self.lines.last().map_or(0, |line| line.indent);
                let content = if hanging { outside + 2 } else { end };
                self.frames.push(Frame::Parentheses { hanging, call, outside, content, item: content });
                if query {
                    self.frames.push(Frame::Query { indent: content, expanded });
                }
            }
            Role::Clause(clause) => {
                let content = if clause == Clause::With { start } else { end + 1 };
                self.frames.push(Frame::Clause { clause, start, content, item: content });
            }
            Role::SubClause => {
                let clause = if piece.text == "where" { Clause::Condition } else { Clause::List };
                self.frames.push(Frame::Clause { clause, start, content: end + 1, item: end + 1 });
            }
            Role::On if matches!(self.frames.last(), Some(Frame::Clause { clause: Clause::Join, .. })) => {
                self.frames.push(Frame::On { start });
            }
            Role::Case { operand, .. } => {
                let hanging = !operand && self.breaks.get(index + 1).copied().unwrap_or_default();
                self.frames.push(Frame::Case { start, operand, hanging });
            }
            Role::End => {
                if matches!(self.frames.last(), Some(Frame::Case { .. })) {
                    self.frames.pop();
                }
            }
            _ => self.within(index, start, end),
        }
    }

    /// `group by`: what is listed begins behind the second word. Behind a comma another item begins.
    pub(super) fn within(&mut self, index: usize, start: usize, end: usize) {
        let by = self.pieces[index].text == "by";
        let after_comma = matches!(self.before(index), Some(Role::Comma));
        let keyword = index.checked_sub(1).map(|before| self.pieces[before].role);
        match self.frames.last_mut() {
            Some(Frame::Clause { content, item, .. })
                if by && matches!(keyword, Some(Role::Clause(_) | Role::SubClause)) =>
            {
                (*content, *item) = (end + 1, end + 1);
            }
            Some(Frame::Clause { item, .. } | Frame::Parentheses { item, .. }) if after_comma => *item = start,
            _ => {}
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.frames.iter().filter(|frame| matches!(frame, Frame::Parentheses { .. } | Frame::Case { .. })).count()
    }

    /// The part of the last piece that is no comment.
    pub(super) fn before(&self, index: usize) -> Option<Role> {
        self.pieces[..index].iter().rev().find(|piece| !piece.is_comment()).map(|piece| piece.role)
    }

    /// The query whose clause the next piece would begin.
    pub(super) fn query(&self) -> Option<Frame> {
        let inside = |frame: &&Frame| !matches!(frame, Frame::Clause { .. } | Frame::On { .. });
        self.frames.iter().rev().find(inside).copied().filter(|frame| matches!(frame, Frame::Query { .. }))
    }

    pub(super) fn parentheses(&self) -> Option<Frame> {
        self.frames.iter().rev().find(|frame| matches!(frame, Frame::Parentheses { .. })).copied()
    }

    /// Whether a line begins, or a comment stands, anywhere from a piece up to another one.
    pub(super) fn broken(&self, from: usize, to: usize) -> bool {
        (from..to.min(self.pieces.len()))
            .any(|index| self.pieces[index].is_comment() || (index > 0 && self.breaks[index]))
    }
}
