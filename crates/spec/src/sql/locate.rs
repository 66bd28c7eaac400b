//! A place in SQL → the place in the YAML file.

use sqlparser::tokenizer;

use crate::diagnostic::Span;
use crate::model::{SqlExpr, SqlQuery};
use crate::syntax::TextMap;

/// The stretch of the YAML file that a stretch of a SQL text stands for; the whole text where SQL knows no place.
#[must_use]
pub fn locate(sql: &impl Located, place: tokenizer::Span) -> Span {
    if place == tokenizer::Span::empty() {
        return sql.span();
    }
    let start = offset(sql.text(), place.start);
    let end = offset(sql.text(), place.end).max(start);
    let range = sql.map().range(start..end);
    Span::new(sql.span().file, range.start, range.end)
}

/// SQL text with its place in a YAML file.
pub trait Located {
    /// The text that was parsed.
    fn text(&self) -> &str;
    /// Where its bytes stand in the file.
    fn map(&self) -> &TextMap;
    /// The place of all of it.
    fn span(&self) -> Span;
}

impl Located for SqlExpr {
    fn text(&self) -> &str {
        &self.text
    }

    fn map(&self) -> &TextMap {
        &self.map
    }

    fn span(&self) -> Span {
        self.span
    }
}

impl Located for SqlQuery {
    fn text(&self) -> &str {
        &self.text
    }

    fn map(&self) -> &TextMap {
        &self.map
    }

    fn span(&self) -> Span {
        self.span
    }
}

/// The text between two stretches of it.
pub(crate) fn between(text: &str, before: tokenizer::Span, after: tokenizer::Span) -> &str {
    text.get(offset(text, before.end)..offset(text, after.start)).unwrap_or_default()
}

/// The byte offset of a SQL location: line and column from 1, columns in characters.
pub(super) fn offset(text: &str, location: tokenizer::Location) -> usize {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(index(location.line)).map(str::len).sum();
    text[start..].char_indices().nth(index(location.column)).map_or(text.len(), |(offset, _)| start + offset)
}
