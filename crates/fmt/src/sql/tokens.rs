//! SQL text → tokens that remember how they were written.
//!
//! sqlparser's tokenizer says where a token begins; the text is always taken from the file. A variable `${NAME}` would be no
//! token of SQL, so the tokenizer sees a name of the same length in its place.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Token as Sql, Tokenizer, Whitespace};

/// A token with what stood before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    pub kind: Kind,
    /// Line ends between it and the token before.
    pub line_ends: usize,
    /// Whether anything blank stands between it and the token before.
    pub spaced: bool,
}

/// Sorts of tokens, as far as layout minds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word without quotes: keyword, name, function, variable.
    Word,
    /// A number, a string, a quoted name.
    Value,
    Symbol,
    LineComment,
    BlockComment,
}

impl Token<'_> {
    pub fn is(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Symbol) && self.text.eq_ignore_ascii_case(word)
    }

    pub fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }
}

/// The tokens of a text; none where it cannot be read as SQL at all.
pub(super) fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let masked = masked(text);
    let found = Tokenizer::new(&GenericDialect, &masked).tokenize_with_location().ok()?;
    let lines = line_starts(text);
    let starts: Vec<usize> =
        found.iter().map(|token| offset(text, &lines, token.span.start)).chain([text.len()]).collect();
    let mut tokens = Vec::new();
    let (mut line_ends, mut spaced) = (0, false);
    for (index, token) in found.iter().enumerate() {
        let written = text.get(starts[index]..starts[index + 1])?;
        let kind = match &token.token {
            Sql::EOF => continue,
            Sql::Whitespace(Whitespace::SingleLineComment { .. }) => Kind::LineComment,
            Sql::Whitespace(Whitespace::MultiLineComment(_)) => Kind::BlockComment,
            Sql::Whitespace(_) => {
                line_ends += written.matches('\n').count();
                spaced = true;
                continue;
            }
            Sql::Word(word) if word.quote_style.is_none() => Kind::Word,
            Sql::Word(_) | Sql::Number(..) => Kind::Value,
            _ if written.contains(['\'', '"']) => Kind::Value,
            _ => Kind::Symbol,
        };
        tokens.push(Token { text: written.trim_end(), kind, line_ends, spaced });
        // The tokenizer counts the end of its line to a comment.
        let ends_line = kind == Kind::LineComment && written.ends_with('\n');
        (line_ends, spaced) = (usize::from(ends_line), ends_line);
    }
    Some(tokens)
}

/// The text with a name of the same length for every variable.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        masked.push_str(before.strip_suffix('$').unwrap_or(before));
        if before.ends_with('$') {
            masked.push('_');
        }
        let name = &from["${".len()..];
        let length = name.find(|next: char| !(next.is_ascii_alphanumeric() || next == '_')).unwrap_or(name.len());
        if length > 0 && name[length..].starts_with('}') {
            masked.push_str("__");
            masked.push_str(&name[..length]);
            masked.push('_');
            rest = &name[length + 1..];
        } else {
            masked.push_str("${");
            rest = name;
        }
    }
    masked.push_str(rest);
    masked
}

fn line_starts(text: &str) -> Vec<usize> {
    [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The byte offset of a line and column, both from 1 and in characters.
fn offset(text: &str, lines: &[usize], location: Location) -> usize {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(start) = lines.get(index(location.line)) else { return text.len() };
    text[*start..].char_indices().nth(index(location.column)).map_or(text.len(), |(offset, _)| start + offset)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_token_is_what_is_written() {
        let text = "select 'é''x' as \"A b\", t.n*1.5 -- why\n\n/* a\nb */ where x>=${LIMIT} and y = '${A} months'";
        let written: Vec<&str> = tokens(text).unwrap().iter().map(|token| token.text).collect();
        assert_eq!(
            written,
            [
                "select",
                "'é''x'",
                "as",
                "\"A b\"",
                ",",
                "t",
                ".",
                "n",
                "*",
                "1.5",
                "-- why",
                "/* a\nb */",
                "where",
                "x",
                ">=",
                "${LIMIT}",
                "and",
                "y",
                "=",
                "'${A} months'"
            ]
        );
    }

    #[test]
    fn line_ends_are_counted() {
        let ends: Vec<usize> =
            tokens("a -- b\nc\n\nd /* e */ f").unwrap().iter().map(|token| token.line_ends).collect();
        assert_eq!(ends, [0, 0, 1, 2, 0, 0]);
    }

    #[test]
    fn a_variable_is_a_name_of_the_same_length() {
        assert_eq!(masked("x > ${LIMIT} + $${A} ${ no }"), "x > __LIMIT_ + ___A_ ${ no }");
    }

    #[test]
    fn a_string_without_end_is_no_sql() {
        assert_eq!(tokens("select 'a"), None);
    }
}
