//! Tokens → pieces: in their final case, with the part that each plays in the query.

use super::around::{Around, Enclosing};
use super::tokens::Token;

/// A token that is to be laid out.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub text: String,
    pub role: Role,
    /// Whether its writer began a line with it.
    pub line_begins: bool,
    /// Whether its writer left a blank line before it.
    pub blank_before: bool,
    /// Whether a space stands before it where it goes on with a line.
    pub space: bool,
}

/// The part that a piece plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Open {
        close: usize,
        /// Holds a query.
        query: bool,
        /// Holds the arguments of a function.
        call: bool,
    },
    Close,
    Comma,
    /// A binary operator, with how tightly it binds.
    Operator(u8),
    /// Begins a clause of a query.
    Clause(Clause),
    /// `partition by`, `order by`, `rows` and `where` of a window or filter.
    SubClause,
    On,
    /// `filter` and `over` behind an aggregate, `as` behind a column.
    Suffix,
    Case {
        end: usize,
        operand: bool,
    },
    When,
    Then,
    Else,
    End,
    LineComment,
    BlockComment,
    Other,
}

/// Clauses, by how they are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    With,
    /// `select`, `from`, `group by`, `order by`: lists.
    List,
    /// `where`, `having`: conditions.
    Condition,
    Join,
    /// `union all` and the like, with a query of its own behind them.
    Set,
}

impl Piece {
    pub fn is_comment(&self) -> bool {
        matches!(self.role, Role::LineComment | Role::BlockComment)
    }

    pub fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// The pieces of a text; none where its parentheses or cases do not match.
pub(super) fn pieces(tokens: &[Token]) -> Option<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(tokens.len());
    let mut open: Vec<Enclosing> = vec![Enclosing::new(0, false)];
    for (index, token) in tokens.iter().enumerate() {
        let around = Around { tokens, index };
        let text = around.cased(open.last()?);
        let mut role = around.role(open.last_mut()?);
        match role {
            Role::Open { query, .. } => open.push(Enclosing { query, ..Enclosing::new(index, false) }),
            Role::Case { .. } => open.push(Enclosing::new(index, true)),
            Role::Close | Role::End => {
                let begin = open.pop().filter(|begin| !open.is_empty() && begin.case == (role == Role::End))?;
                match &mut pieces.get_mut(begin.at)? {
                    Piece { role: Role::Open { close: at, .. } | Role::Case { end: at, .. }, .. } => *at = index,
                    _ => return None,
                }
            }
            Role::Operator(_) if around.is_unary() => role = Role::Other,
            _ => {}
        }
        // A line that ends with an operator, or begins with a comma, is broken on the other side of it.
        let behind = index.checked_sub(1).map(|before| &tokens[before]);
        let mut line_begins = token.line_ends > 0 || behind.is_some_and(|comma| comma.is(",") && comma.line_ends > 0);
        if let Some(operator) = pieces.last_mut().filter(|before| matches!(before.role, Role::Operator(_))) {
            operator.line_begins |= line_begins;
            line_begins = false;
        }
        pieces.push(Piece { text, role, line_begins, blank_before: token.line_ends > 1, space: around.space(&pieces) });
    }
    (open.len() == 1).then_some(pieces)
}
