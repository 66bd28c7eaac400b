//! What a token is follows from the tokens around it.

use super::pieces::{Clause, Piece, Role};
use super::tokens::{Kind, Token};
use super::words::{BEFORE_PARENTHESIS, JOINS, TYPES, is_keyword, precedence};

/// A parenthesis or case that is not closed yet.
pub(super) struct Enclosing {
    pub at: usize,
    pub case: bool,
    pub query: bool,
    /// The next `and` belongs to a `between`.
    pub between: bool,
}

impl Enclosing {
    pub fn new(at: usize, case: bool) -> Self {
        Self { at, case, query: at == 0 && !case, between: false }
    }
}

/// A token among others.
pub(super) struct Around<'t, 'a> {
    pub tokens: &'t [Token<'a>],
    pub index: usize,
}

impl Around<'_, '_> {
    fn token(&self) -> &Token<'_> {
        &self.tokens[self.index]
    }

    fn significant_before(&self) -> Option<usize> {
        (0..self.index).rev().find(|index| !self.tokens[*index].is_comment())
    }

    fn previous_is(&self, words: &[&str]) -> bool {
        self.significant_before().is_some_and(|before| words.iter().any(|word| self.tokens[before].is(word)))
    }

    fn next_is(&self, words: &[&str]) -> bool {
        let next = self.tokens[self.index + 1..].iter().find(|token| !token.is_comment());
        next.is_some_and(|next| words.iter().any(|word| next.is(word)))
    }

    /// The text, in lower case where it is a word of SQL.
    pub fn cased(&self, enclosing: &Enclosing) -> String {
        let token = self.token();
        let lower = token.text.to_ascii_lowercase();
        let is_name = self.previous_is(&["."]) || self.next_is(&["."]);
        let is_keyword = is_keyword(&lower);
        let is_call = self.next_is(&["("]) && !BEFORE_PARENTHESIS.contains(&lower.as_str());
        let casts = ["cast", "try_cast", "extract"].contains(&lower.as_str());
        let in_cast =
            enclosing.at > 0 && ["cast", "try_cast"].iter().any(|cast| self.tokens[enclosing.at - 1].is(cast));
        let literal = self.tokens.get(self.index + 1).is_some_and(|next| next.kind == Kind::Value);
        let is_type = TYPES.contains(&lower.as_str()) && ((in_cast && self.previous_is(&["as"])) || literal);
        let keyword = token.kind == Kind::Word && !is_name && (is_keyword && (!is_call || casts) || is_type);
        if keyword { lower } else { token.text.to_owned() }
    }

    pub fn role(&self, enclosing: &mut Enclosing) -> Role {
        let token = self.token();
        match token.kind {
            Kind::LineComment => return Role::LineComment,
            Kind::BlockComment => return Role::BlockComment,
            Kind::Value => return Role::Other,
            Kind::Word | Kind::Symbol => {}
        }
        let word = token.text.to_ascii_lowercase();
        if self.previous_is(&["."]) || self.next_is(&["."]) {
            return Role::Other;
        }
        match word.as_str() {
            "(" => Role::Open {
                close: 0,
                query: self.next_is(&["select", "with"]),
                call: !self.space_before_parenthesis(),
            },
            ")" => Role::Close,
            "," => Role::Comma,
            "case" => Role::Case { end: 0, operand: !self.next_is(&["when"]) },
            "when" if enclosing.case => Role::When,
            "then" if enclosing.case => Role::Then,
            "else" if enclosing.case => Role::Else,
            "end" if enclosing.case => Role::End,
            "between" => {
                enclosing.between = true;
                Role::Other
            }
            "and" if enclosing.between => {
                enclosing.between = false;
                Role::Other
            }
            "on" if enclosing.query => Role::On,
            "filter" | "over" if self.previous_is(&[")"]) && self.next_is(&["("]) => Role::Suffix,
            "as" if enclosing.query && !self.next_is(&["("]) => Role::Suffix,
            _ => {
                if let Some(precedence) = precedence(&word) {
                    return Role::Operator(precedence);
                }
                if enclosing.query {
                    return self.clause(&word).map_or(Role::Other, Role::Clause);
                }
                let sub_clause = match word.as_str() {
                    "partition" | "order" => self.next_is(&["by"]),
                    "where" => self.previous_is(&["("]),
                    "rows" | "range" => self.next_is(&["between", "unbounded", "current"]),
                    _ => false,
                };
                if sub_clause && !enclosing.case { Role::SubClause } else { Role::Other }
            }
        }
    }

    fn clause(&self, word: &str) -> Option<Clause> {
        let joined = |word: &str| word == "join" || JOINS.contains(&word);
        match word {
            "with" if self.index == 0 || self.previous_is(&["("]) => Some(Clause::With),
            "select" | "limit" | "offset" | "fetch" | "window" => Some(Clause::List),
            "from" if !self.previous_is(&["distinct"]) => Some(Clause::List),
            "group" | "order" if self.next_is(&["by"]) => Some(Clause::List),
            "where" | "having" | "qualify" => Some(Clause::Condition),
            "union" | "except" | "intersect" => Some(Clause::Set),
            _ if joined(word) && !self.previous_joins() => {
                let mut next = self.tokens[self.index..].iter().filter(|token| !token.is_comment());
                let ends = next.find(|token| !JOINS.iter().any(|word| token.is(word)));
                ends.is_some_and(|token| token.is("join")).then_some(Clause::Join)
            }
            _ => None,
        }
    }

    fn previous_joins(&self) -> bool {
        self.previous_is(JOINS)
    }

    /// Whether a sign belongs to what follows instead of standing between two values.
    pub fn is_unary(&self) -> bool {
        let token = self.token();
        if !["+", "-", "*"].iter().any(|sign| token.is(sign)) {
            return false;
        }
        let Some(before) = self.significant_before().map(|before| &self.tokens[before]) else { return true };
        match before.kind {
            Kind::Word => {
                let word = before.text.to_ascii_lowercase();
                is_keyword(&word) && !["end", "null", "true", "false"].contains(&word.as_str())
            }
            Kind::Symbol => ![")", "]", "*"].iter().any(|close| before.is(close)) || self.follows_star(),
            _ => false,
        }
    }

    /// Behind a `*` that is no product.
    fn follows_star(&self) -> bool {
        let Some(before) = self.significant_before().filter(|before| self.tokens[*before].is("*")) else {
            return false;
        };
        !Around { tokens: self.tokens, index: before }.is_unary()
    }

    fn space_before_parenthesis(&self) -> bool {
        match self.significant_before().map(|before| &self.tokens[before]) {
            Some(before) if before.kind == Kind::Word => BEFORE_PARENTHESIS.iter().any(|word| before.is(word)),
            Some(before) => !before.is(")") && !before.is("]"),
            None => true,
        }
    }

    /// Whether a space stands before the token, on one line with the token before.
    pub fn space(&self, pieces: &[Piece]) -> bool {
        let (Some(before), token) = (self.index.checked_sub(1).map(|before| &self.tokens[before]), self.token()) else {
            return false;
        };
        let signed = matches!(pieces.last(), Some(Piece { role: Role::Other, text, .. }) if text == "-" || text == "+");
        if signed && !token.is_comment() {
            // Two signs in a row would begin a comment.
            return token.is("-") || token.is("+");
        }
        if token.is_comment() || before.is_comment() {
            return true;
        }
        if before.is("(") || before.is("[") || before.is(".") || before.is("::") {
            return false;
        }
        match token.text {
            ")" | "]" | "," | ";" | "." | "::" => false,
            "(" => self.space_before_parenthesis() || before.is(","),
            "[" => token.spaced,
            "*" if before.is("(") => false,
            text if precedence(text).is_some() || before.is(",") => true,
            _ if precedence(before.text).is_some() => true,
            _ if token.kind != Kind::Symbol && before.kind != Kind::Symbol => token.spaced,
            _ if before.is(")") => token.kind == Kind::Word || token.spaced,
            _ => token.spaced,
        }
    }
}
