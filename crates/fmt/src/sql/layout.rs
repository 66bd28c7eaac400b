//! Pieces → lines. Where a line begins follows from the clauses of a query and from where its writer began one.

use super::pieces::{Clause, Piece, Role};

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

/// What the next piece stands in.
#[derive(Debug, Clone, Copy)]
enum Frame {
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

/// Whether a line begins at a piece, and how far it is indented then.
#[derive(Debug, Clone, Copy)]
struct Plan {
    begins: Begins,
    indent: usize,
    rank: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Always,
    WhereBroken,
    /// Only behind a comment.
    Never,
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

    fn plan(&self, index: usize) -> Plan {
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
                    _ => never(self.continuation(&top, None)),
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
            Role::When | Role::Then | Role::Else | Role::End => return self.plan_in_case(piece.role, &top, before),
            Role::Operator(precedence) => return broken(self.continuation(&top, Some(piece)), 3 + precedence),
            Role::Suffix => {
                let rank = if piece.text == "as" { 9 } else { 8 };
                let list = matches!(top, Frame::Clause { clause: Clause::List, .. });
                let indent = self.continuation(&top, None);
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
            _ => never(self.continuation(&top, None)),
        }
    }

    /// The first piece behind an opening parenthesis.
    fn behind_parenthesis(&self) -> Plan {
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

    fn plan_in_case(&self, role: Role, top: &Frame, before: Option<Role>) -> Plan {
        let Frame::Case { start, operand, hanging } = *top else {
            return Plan { begins: Begins::Never, indent: self.continuation(top, None), rank: 0 };
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
    fn continuation(&self, top: &Frame, operator: Option<&Piece>) -> usize {
        // `and` and `or` end where the keyword that they belong to ends.
        let river = |column: usize| match operator {
            Some(Piece { role: Role::Operator(0 | 1), text, .. }) => column.saturating_sub(text.len()),
            _ => column + 1,
        };
        match *top {
            Frame::Expression => 0,
            Frame::Query { indent, .. } => indent + 2,
            Frame::Clause { clause: Clause::List, item, .. } => item + 2,
            Frame::Clause { start, .. } => start + 2,
            Frame::On { start } => river(start + "on".len()),
            Frame::Parentheses { call: true, item, .. } => item + 2,
            Frame::Parentheses { content, .. } => content,
            Frame::Case { start, operand, hanging } => {
                river(start + if operand || hanging { 2 } else { "case ".len() } + "when".len())
            }
        }
    }

    /// Leaves what a piece ends.
    fn leave(&mut self, index: usize) {
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

    fn leave_clause(&mut self) {
        while matches!(self.frames.last(), Some(Frame::Clause { .. } | Frame::On { .. })) {
            self.frames.pop();
        }
    }

    /// Enters what a piece begins.
    fn enter(&mut self, index: usize) {
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
    fn within(&mut self, index: usize, start: usize, end: usize) {
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

    fn depth(&self) -> usize {
        self.frames.iter().filter(|frame| matches!(frame, Frame::Parentheses { .. } | Frame::Case { .. })).count()
    }

    /// The part of the last piece that is no comment.
    fn before(&self, index: usize) -> Option<Role> {
        self.pieces[..index].iter().rev().find(|piece| !piece.is_comment()).map(|piece| piece.role)
    }

    /// The query whose clause the next piece would begin.
    fn query(&self) -> Option<Frame> {
        let inside = |frame: &&Frame| !matches!(frame, Frame::Clause { .. } | Frame::On { .. });
        self.frames.iter().rev().find(inside).copied().filter(|frame| matches!(frame, Frame::Query { .. }))
    }

    fn parentheses(&self) -> Option<Frame> {
        self.frames.iter().rev().find(|frame| matches!(frame, Frame::Parentheses { .. })).copied()
    }

    /// Whether a line begins, or a comment stands, anywhere from a piece up to another one.
    fn broken(&self, from: usize, to: usize) -> bool {
        (from..to.min(self.pieces.len()))
            .any(|index| self.pieces[index].is_comment() || (index > 0 && self.breaks[index]))
    }
}
