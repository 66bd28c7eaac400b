//! SQL text → syntax tree, or an error at its place.

use sqlparser::ast::{Query, SetExpr};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token};

use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::model::{Spanned, SqlExpr, SqlQuery};
use crate::syntax::{Text, TextMap};

use super::locate::offset;
use super::reads::reads;

/// Parses an expression; all of the text must be one.
pub(crate) fn expression(text: Text, span: Span) -> Result<SqlExpr, Box<Diagnostic>> {
    let parsed = parser(&text.value).and_then(|mut parser| {
        let ast = parser.parse_expr()?;
        finished(&parser)?;
        Ok(ast)
    });
    match parsed {
        Ok(ast) => Ok(SqlExpr { text: text.value, span, map: text.map, ast }),
        Err(error) => Err(syntax_error(&error, &text.value, &text.map, span).boxed()),
    }
}

/// Parses a query; all of the text must be one.
pub(crate) fn query(text: Text, span: Span) -> Result<SqlQuery, Box<Diagnostic>> {
    let parsed = parser(&text.value).and_then(|mut parser| {
        let ast = parser.parse_query()?;
        finished(&parser)?;
        Ok(ast)
    });
    let ast = match parsed {
        Ok(ast) if reads_only(&ast) => ast,
        Ok(_) => {
            return Err(Diagnostic::error("sql-syntax", "SQL: only a `select` can stand here").at(span).boxed());
        }
        Err(error) => return Err(syntax_error(&error, &text.value, &text.map, span).boxed()),
    };
    let mut sql = SqlQuery { text: text.value, span, map: text.map, ast, reads: Vec::new() };
    sql.reads =
        reads(&sql.ast).into_iter().map(|(value, place)| Spanned { value, span: super::locate(&sql, place) }).collect();
    Ok(sql)
}

/// A query that no file holds, for a mart that a program makes up.
///
/// # Errors
/// When the text is no query.
pub fn generated(text: &str) -> Result<SqlQuery, Box<Diagnostic>> {
    query(Text { value: text.to_owned(), map: TextMap::at(0), plain: false }, Span::none())
}

fn parser(text: &str) -> Result<Parser<'static>, ParserError> {
    Parser::new(&GenericDialect).try_with_sql(text)
}

fn finished(parser: &Parser) -> Result<(), ParserError> {
    match parser.peek_token() {
        token if token.token == Token::EOF => Ok(()),
        token => parser.expected("the end of the text", token),
    }
}

fn reads_only(query: &Query) -> bool {
    fn body(expr: &SetExpr) -> bool {
        match expr {
            SetExpr::Select(_) => true,
            SetExpr::Query(query) => reads_only(query),
            SetExpr::SetOperation { left, right, .. } => body(left) && body(right),
            _ => false,
        }
    }
    body(&query.body)
}

fn syntax_error(error: &ParserError, text: &str, map: &TextMap, span: Span) -> Diagnostic {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.as_str(),
        ParserError::RecursionLimitExceeded => "too deeply nested",
    };
    let (message, location) = split_location(message);
    let message = match message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, found)) => {
            format!("expected {}, found {}", quoted(expected), quoted(found))
        }
        None => message.to_owned(),
    };
    Diagnostic::error("sql-syntax", format!("SQL: {message}"))
        .at(place(text, map, span.file, location))
        .maybe_help(remedy(&message, text, location))
}

/// What is likely meant by text that is no SQL, by what stands where it stops being SQL.
fn remedy(message: &str, text: &str, location: Option<Location>) -> Option<String> {
    let start = location.filter(|location| location.line > 0).map_or(text.len(), |location| offset(text, location));
    let (before, rest) = text.split_at(start.min(text.len()));
    let here = rest.chars().next();
    if message.contains("Unterminated string") {
        return Some(
            "a text ends with the quote that it begins with; in YAML, ` #` begins a remark unless the SQL stands in quotes or below `|`"
                .to_owned(),
        );
    }
    if text.contains(['‘', '’', '“', '”']) && matches!(here, Some('‘' | '’' | '“' | '”')) {
        return Some("quotes of SQL are straight: `'text'`".to_owned());
    }
    match here {
        Some(';') => return Some("a query ends without `;`".to_owned()),
        Some('!') => return Some("`not` turns a condition round, `<>` is unlike".to_owned()),
        _ => {}
    }
    let open = before.matches('(').count();
    let closed = before.matches(')').count();
    if here == Some(')') && closed >= open {
        return Some("no `(` before it is open".to_owned());
    }
    if here.is_none() && open > closed {
        return Some(format!(
            "{} `(` is open; in YAML, ` #` begins a remark that is no part of the SQL",
            open - closed
        ));
    }
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let follows_value = before.trim_end().ends_with(|character| is_name(character) || matches!(character, ')' | '\''));
    if message.contains("the end of the text, found") && here.is_some_and(is_name) && follows_value {
        return Some("a comma, an operator or a keyword is missing before it".to_owned());
    }
    if here == Some(',') || before.trim_end().ends_with(',') {
        return Some("a comma stands between two values, not before or after them".to_owned());
    }
    None
}

/// A piece of SQL in backticks; the parser's own phrases as they are.
fn quoted(piece: &str) -> String {
    match piece {
        "EOF" => "the end of the text".to_owned(),
        phrase if phrase.contains(' ') => phrase.to_owned(),
        word => format!("`{word}`"),
    }
}

/// `… at Line: 1, Column: 8` → the message and the place.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let split = || {
        let (head, tail) = message.rsplit_once(" at Line: ")?;
        let (line, column) = tail.split_once(", Column: ")?;
        Some((head, Location::new(line.parse().ok()?, column.parse().ok()?)))
    };
    match split() {
        Some((head, location)) => (head, Some(location)),
        None => (message, None),
    }
}

/// The word at a location; the text's last character where it ended too early.
fn place(text: &str, map: &TextMap, file: FileId, location: Option<Location>) -> Span {
    let last = text.trim_end().char_indices().next_back().map_or(0, |(offset, _)| offset);
    let start = match location {
        Some(location) if location.line > 0 => offset(text, location).min(last),
        _ => last,
    };
    let word = text[start..]
        .find(|character: char| !(character.is_alphanumeric() || character == '_'))
        .unwrap_or(text.len() - start);
    let first = text[start..].chars().next().map_or(0, char::len_utf8);
    let range = map.range(start..start + word.max(first));
    Span::new(file, range.start, range.end)
}
