//! SQL text → the same SQL, laid out.
//!
//! ```text
//! text ── tokens ──▶ tokens ── pieces ──▶ pieces ── layout ──▶ lines ── fit ──▶ lines of at most the width
//! ```
//!
//! Tokens are never made up: what comes out is what went in, but for blanks and the case of keywords. Both texts are
//! parsed, and where they would not mean the same, or the text is no SQL, it is left alone.

mod layout;
mod pieces;
mod tokens;
mod words;

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use layout::{Candidate, Line, Style, layout};
use pieces::Piece;
use tokens::{Kind, Token, masked, tokens};

/// A query with a line for each clause, at most `width` characters wide where that can be; none where it is no query.
pub(crate) fn query(text: &str, width: usize) -> Option<Vec<String>> {
    let lines = laid_out(text, Shape::Lines { width, expand: true }, parse_query)?;
    Some(lines.iter().flat_map(rendered).collect())
}

/// A query on one line; none where it is no query, or has comments that end lines.
pub(crate) fn query_on_one_line(text: &str) -> Option<String> {
    only(&laid_out(text, Shape::OneLine, parse_query)?)
}

/// An expression on one line; none where it is no expression, or has comments that end lines.
pub(crate) fn expression_on_one_line(text: &str) -> Option<String> {
    only(&laid_out(text, Shape::OneLine, parse_expression)?)
}

/// An expression on lines of at most `width` characters where that can be; none where it is no expression.
pub(crate) fn expression(text: &str, width: usize) -> Option<Vec<String>> {
    let lines = laid_out(text, Shape::Lines { width, expand: false }, parse_expression)?;
    Some(lines.iter().flat_map(rendered).collect())
}

/// The same without indentation, for a scalar that joins its lines.
pub(crate) fn flat_expression(text: &str, width: usize) -> Option<Vec<String>> {
    let lines = laid_out(text, Shape::Flat { width }, parse_expression)?;
    Some(lines.iter().map(|line| line.text.clone()).collect())
}

/// Whether a text is more than a name or number, and so has anything to lay out.
pub(crate) fn is_laid_out(text: &str) -> bool {
    tokens(text).is_some_and(|tokens| tokens.len() > 1)
}

/// Whether two texts are the same SQL but for blanks and the case of words.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (tokens(one), tokens(other)) else { return one.trim() == other.trim() };
    let same = |one: &Token, other: &Token| {
        one.kind == other.kind
            && (one.text == other.text || (one.kind == Kind::Word && one.text.eq_ignore_ascii_case(other.text)))
    };
    one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| same(one, other))
}

/// Whether a text holds comments of SQL.
pub(crate) fn has_comments(text: &str) -> bool {
    tokens(text).is_some_and(|tokens| tokens.iter().any(Token::is_comment))
}

#[derive(Clone, Copy)]
enum Shape {
    OneLine,
    Flat { width: usize },
    Lines { width: usize, expand: bool },
}

fn laid_out(text: &str, shape: Shape, parse: fn(&str) -> Option<String>) -> Option<Vec<Line>> {
    let meaning = parse(&masked(text))?;
    let pieces = pieces::pieces(&tokens(text)?)?;
    let lines = match shape {
        Shape::OneLine => layout(&pieces, &vec![false; pieces.len()], Style::default()),
        Shape::Flat { width } => fitting(&pieces, width, Style { flat: true, ..Style::default() }),
        Shape::Lines { width, expand } => fitting(&pieces, width, Style { expand, ..Style::default() }),
    };
    let written = lines.iter().flat_map(rendered).collect::<Vec<_>>().join("\n");
    (same(text, &written) && parse(&masked(&written)).as_ref() == Some(&meaning)).then_some(lines)
}

/// Breaks lines that are too long, one by one, where they bind most loosely.
fn fitting(pieces: &[Piece], width: usize, style: Style) -> Vec<Line> {
    let mut breaks: Vec<bool> = pieces.iter().map(|piece| piece.line_begins).collect();
    loop {
        let lines = layout(pieces, &breaks, style);
        let too_long = lines.iter().filter(|line| line.indent + line.text.chars().count() > width);
        let Some(place) = too_long.filter_map(|line| place_to_break(&line.candidates, width)).next() else {
            return lines;
        };
        breaks[place.piece] = true;
    }
}

/// The last place of the loosest binding that leaves a line of the width; else the first place of all.
fn place_to_break(candidates: &[Candidate], width: usize) -> Option<Candidate> {
    let fits = candidates.iter().filter(|candidate| candidate.column <= width);
    let best =
        fits.min_by_key(|candidate| (candidate.rank.1 == u8::MAX, candidate.rank, std::cmp::Reverse(candidate.column)));
    best.or_else(|| candidates.iter().find(|candidate| candidate.rank.1 != u8::MAX)).or(candidates.first()).copied()
}

fn only(lines: &[Line]) -> Option<String> {
    match lines {
        [line] => Some(line.text.clone()),
        _ => None,
    }
}

fn rendered(line: &Line) -> Vec<String> {
    let text = format!("{}{}", " ".repeat(line.indent), line.text);
    if line.blank_before { vec![String::new(), text] } else { vec![text] }
}

fn parse_query(text: &str) -> Option<String> {
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).ok()?;
    let query = parser.parse_query().ok()?;
    at_end(&parser).then(|| query.to_string())
}

fn parse_expression(text: &str) -> Option<String> {
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).ok()?;
    let expression = parser.parse_expr().ok()?;
    at_end(&parser).then(|| expression.to_string())
}

fn at_end(parser: &Parser) -> bool {
    parser.peek_token().token == sqlparser::tokenizer::Token::EOF
}
