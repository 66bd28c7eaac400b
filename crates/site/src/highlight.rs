//! SQL with colours, and with links where a name is another definition's.

use abmart_spec::is_sql_word;
use maud::{Markup, PreEscaped, html};

/// Where the names of a piece of SQL lead.
pub(crate) trait Links {
    /// The address of a table that stands after `from` or `join`.
    fn table(&self, name: &str) -> Option<String>;
    /// The address of any other name; `fact.measure` is two parts.
    fn name(&self, path: &[&str]) -> Option<String>;
}

/// SQL as it stands, in pieces that the style sheet colours.
pub(crate) fn sql(text: &str, links: &dyn Links) -> Markup {
    let mut out = String::new();
    let text = dedented(text);
    let mut rest = text.as_str();
    let mut after_from = false;
    while let Some(token) = next(rest) {
        let piece = &rest[..token.length];
        let markup = match token.kind {
            Token::Space => html! { (piece) },
            Token::Comment => html! { span.comment { (piece) } },
            Token::String => html! { span.string { (piece) } },
            Token::Number => html! { span.number { (piece) } },
            Token::Other => html! { (piece) },
            Token::Word => word(piece, &rest[token.length..], after_from, links),
        };
        if !matches!(token.kind, Token::Space | Token::Comment) {
            after_from = ["from", "join"].iter().any(|keyword| piece.eq_ignore_ascii_case(keyword));
        }
        out.push_str(&markup.into_string());
        rest = &rest[token.length..];
    }
    PreEscaped(out)
}

/// SQL that a parser wrote, with keywords as people write them here.
pub(crate) fn lower_keywords(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(token) = next(rest) {
        let piece = &rest[..token.length];
        let lower = piece.to_lowercase();
        let keyword = token.kind == Token::Word && is_keyword(&lower);
        out.push_str(if keyword { &lower } else { piece });
        rest = &rest[token.length..];
    }
    out
}

fn word(piece: &str, rest: &str, after_from: bool, links: &dyn Links) -> Markup {
    let path: Vec<&str> = piece.split('.').collect();
    let lower = piece.to_lowercase();
    if after_from {
        return linked(piece, links.table(piece));
    }
    if is_keyword(&lower) {
        return html! { span.keyword { (piece) } };
    }
    if rest.starts_with('(') {
        return html! { span.function { (piece) } };
    }
    linked(piece, links.name(&path))
}

fn linked(piece: &str, address: Option<String>) -> Markup {
    html! { @if let Some(address) = address { a href=(address) { (piece) } } @else { (piece) } }
}

/// The text without the indentation that its lines share after the first one.
fn dedented(text: &str) -> String {
    let text = text.trim_end();
    let indented = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let shared = indented.map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0);
    let first_is_indented = text.lines().next().is_some_and(|line| line.starts_with(' '));
    let lines = text.lines().enumerate().map(|(number, line)| {
        if number == 0 && !first_is_indented { line } else { line.get(shared..).unwrap_or_default() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Space,
    Comment,
    String,
    Number,
    Word,
    Other,
}

struct Piece {
    kind: Token,
    length: usize,
}

fn next(text: &str) -> Option<Piece> {
    let first = text.chars().next()?;
    let run = |belongs: &dyn Fn(char) -> bool| text.find(|character: char| !belongs(character)).unwrap_or(text.len());
    let piece = |kind, length| Some(Piece { kind, length });
    if first.is_whitespace() {
        return piece(Token::Space, run(&char::is_whitespace));
    }
    if text.starts_with("--") {
        return piece(Token::Comment, run(&|character| character != '\n'));
    }
    if text.starts_with("/*") {
        return piece(Token::Comment, text.find("*/").map_or(text.len(), |end| end + 2));
    }
    if first == '\'' {
        let close = text[1..].find('\'').map_or(text.len(), |end| end + 2);
        return piece(Token::String, close);
    }
    if first.is_ascii_digit() {
        return piece(Token::Number, run(&|character| character.is_ascii_alphanumeric() || character == '.'));
    }
    if first.is_alphabetic() || first == '_' {
        let length = run(&|character| character.is_alphanumeric() || character == '_' || character == '.');
        // A point that ends a sentence of a name belongs to what comes after it, as in `a.*`.
        return piece(Token::Word, text[..length].trim_end_matches('.').len());
    }
    piece(Token::Other, first.len_utf8())
}

/// Whether a word, in lower case, is one of SQL's own.
fn is_keyword(word: &str) -> bool {
    is_sql_word(word) || ["date", "nulls", "timestamp"].contains(&word)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    struct Sample;

    impl Links for Sample {
        fn table(&self, name: &str) -> Option<String> {
            (name == "deals").then(|| "table/deals.html".to_owned())
        }

        fn name(&self, path: &[&str]) -> Option<String> {
            matches!(path, ["won", "amount"]).then(|| "fact/won.html#measure-amount".to_owned())
        }
    }

    #[rstest]
    #[case("select 1", r#"<span class="keyword">select</span> <span class="number">1</span>"#)]
    #[case("x < 'a<b''c' -- <i>", r#"x &lt; <span class="string">'a&lt;b'</span><span class="string">'c'</span> <span class="comment">-- &lt;i&gt;</span>"#)]
    #[case("deals from deals", r#"deals <span class="keyword">from</span> <a href="table/deals.html">deals</a>"#)]
    #[case(
        "sum(won.amount)",
        r#"<span class="function">sum</span>(<a href="fact/won.html#measure-amount">won.amount</a>)"#
    )]
    #[case("count(d.*)", r#"<span class="function">count</span>(d.*)"#)]
    #[case("'open", r#"<span class="string">'open</span>"#)]
    #[case("a\n    b\n      c", "a\nb\n  c")]
    fn pieces_are_told_apart(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(sql(text, &Sample).into_string(), expected);
    }
}
