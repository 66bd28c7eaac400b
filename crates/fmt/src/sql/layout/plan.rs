//! Whether a line begins at a piece, and where.

use super::super::pieces::{Clause, Piece, Role};
use super::Layout;
use super::frames::Frame;

/// Whether a line begins at a piece, and how far it is indented then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub begins: Begins,
    pub indent: usize,
    pub rank: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    Always,
    WhereBroken,
    /// Only behind a comment.
    Never,
}

impl Layout<'_> {
    pub(super) fn plan(&self, index: usize) -> Plan {
        let piece = &self.pieces[index];
        let top = self.frames.last().copied().unwrap_or(Frame::Expression);
        let always = |indent| Plan { begins: Begins::Always, indent, rank: 0 };
        let never = |indent| Plan { begins: Begins::Never, indent, rank: 0 };
        let broken = |indent, rank| Plan { begins: Begins::WhereBroken, indent, rank };
        let before = self.before(index);
        if before.is_none() {
            return always(0);
        }
        match piece.role {
            Role::Close => {
                return match self.parentheses() {
                    Some(Frame::Parentheses { hanging: true, outside, .. }) => always(outside),
                    _ => never(Self::continuation(&top, None)),
                };
            }
            Role::Clause(_) => {
                if let Some(Frame::Query { indent, expanded }) = self.query() {
                    // The first clause of a query in parentheses stands where these put it.
                    let first = matches!(before, Some(Role::Open { .. }));
                    return match (first, expanded) {
                        (true, _) => self.behind_parenthesis(),
                        (false, true) => always(indent),
                        (false, false) => broken(indent, 2),
                    };
                }
            }
            Role::SubClause => {
                if let Some(Frame::Parentheses { content, .. }) = self.parentheses() {
                    let first = matches!(before, Some(Role::Open { .. }));
                    return if first { self.behind_parenthesis() } else { broken(content, 0) };
                }
            }
            Role::On => {
                if let Frame::Clause { clause: Clause::Join, start, .. } = top {
                    return broken(start + 2, 0);
                }
            }
            Role::When | Role::Then | Role::Else | Role::End => return Self::plan_in_case(piece.role, &top, before),
            Role::Operator(precedence) => return broken(Self::continuation(&top, Some(piece)), 3 + precedence),
            Role::Suffix => {
                let rank = if piece.text == "as" { 9 } else { 8 };
                let list = matches!(top, Frame::Clause { clause: Clause::List, .. });
                let indent = Self::continuation(&top, None);
                return if list || rank == 8 { broken(indent, rank) } else { never(indent) };
            }
            Role::Open { .. } if matches!(top, Frame::Clause { clause: Clause::Set, .. }) => {
                if let Some(Frame::Query { indent, expanded: true }) = self.query() {
                    return always(indent);
                }
            }
            _ => {}
        }
        match (before, top) {
            (Some(Role::Open { .. }), _) => self.behind_parenthesis(),
            (Some(Role::Comma), Frame::Clause { clause: Clause::With, content, .. }) => always(content),
            (Some(Role::Comma), Frame::Clause { content, .. } | Frame::Parentheses { content, .. }) => {
                broken(content, 1)
            }
            _ => never(Self::continuation(&top, None)),
        }
    }

    /// The first piece behind an opening parenthesis.
    pub(super) fn behind_parenthesis(&self) -> Plan {
        match self.frames.iter().rev().find(|frame| matches!(frame, Frame::Parentheses { .. })) {
            Some(Frame::Parentheses { hanging: true, content, .. }) => {
                Plan { begins: Begins::Always, indent: *content, rank: 0 }
            }
            Some(Frame::Parentheses { content, outside, .. }) => {
                let query = matches!(self.frames.last(), Some(Frame::Query { .. }));
                // Queries are rather put on lines of their own than broken inside; other parentheses rather not.
                let rank = if query { 2 } else { u8::MAX };
                Plan { begins: Begins::WhereBroken, indent: (*content).min(outside + 2), rank }
            }
            _ => Plan { begins: Begins::Never, indent: 0, rank: 0 },
        }
    }

    pub(super) fn plan_in_case(role: Role, top: &Frame, before: Option<Role>) -> Plan {
        let Frame::Case { start, operand, hanging } = *top else {
            return Plan { begins: Begins::Never, indent: Self::continuation(top, None), rank: 0 };
        };
        let inner = if operand || hanging { start + 2 } else { start + "case ".len() };
        let (begins, indent, rank) = match role {
            Role::End if hanging => (Begins::Always, start, 0),
            Role::End => (Begins::Never, inner, 0),
            Role::When if matches!(before, Some(Role::Case { .. })) && hanging => (Begins::Always, inner, 0),
            Role::When if matches!(before, Some(Role::Case { .. })) => (Begins::Never, inner, 0),
            Role::Then => (Begins::WhereBroken, inner, 2),
            _ => (Begins::WhereBroken, inner, 1),
        };
        Plan { begins, indent, rank }
    }

    /// How far a line is indented that goes on with what the line before began; with an operator before it, if so.
    pub(super) fn continuation(top: &Frame, operator: Option<&Piece>) -> usize {
        // `and` and `or` end where the keyword that they belong to ends.
        let river = |column: usize| match operator {
            Some(Piece { role: Role::Operator(0 | 1), text, .. }) => column.saturating_sub(text.len()),
            _ => column + 1,
        };
        match *top {
            Frame::Expression => 0,
            Frame::Query { indent, .. } => indent + 2,
            Frame::Clause { clause: Clause::List, item, .. } | Frame::Parentheses { call: true, item, .. } => item + 2,
            Frame::Clause { start, .. } => start + 2,
            Frame::On { start } => river(start + "on".len()),
            Frame::Parentheses { content, .. } => content,
            Frame::Case { start, operand, hanging } => {
                river(start + if operand || hanging { 2 } else { "case ".len() } + "when".len())
            }
        }
    }
}
