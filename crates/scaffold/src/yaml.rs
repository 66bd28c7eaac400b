//! Text as a YAML scalar.

/// Words that YAML reads as something else than text.
const NOT_TEXT: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A text on one line, in quotes where YAML needs them.
pub(crate) fn scalar(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let begins = text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '(');
    let clear = !text.contains(": ") && !text.contains(" #") && !text.ends_with(':');
    let is_text = !NOT_TEXT.contains(&text.to_lowercase().as_str());
    if begins && clear && is_text { text } else { format!("'{}'", text.replace('\'', "''")) }
}

/// A text inside of `{…}` or `[…]`.
pub(crate) fn in_braces(text: &str) -> String {
    let scalar = scalar(text);
    let clear = scalar.starts_with('\'') || !scalar.contains([',', '{', '}', '[', ']']);
    if clear { scalar } else { format!("'{}'", scalar.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sum(a.b) / sum(a.c)", "sum(a.b) / sum(a.c)")]
    #[case("sum(a.b)\n  / 2", "sum(a.b) / 2")]
    #[case("'x' || y", "'''x'' || y'")]
    #[case("a: b", "'a: b'")]
    #[case("a #b", "'a #b'")]
    #[case("No", "'No'")]
    #[case("1", "'1'")]
    #[case("", "''")]
    fn quotes_what_needs_it(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(scalar(text), expected);
    }

    #[test]
    fn braces_need_more_quotes() {
        assert_eq!(in_braces("Deals, won"), "'Deals, won'");
        assert_eq!(in_braces("Deals won"), "Deals won");
    }
}
