//! The words of SQL that layout goes by.

use abmart_spec::is_sql_word;

/// Whether a word, in lower case, is written so. None of them can be a name without quotes where SQL expects the keyword;
/// where one is a name all the same, the comparison of the parsed query finds out.
pub(super) fn is_keyword(word: &str) -> bool {
    is_sql_word(word) || KEYWORDS.contains(&word)
}

/// Keywords that can be names as well.
const KEYWORDS: &[&str] = &[
    "current",
    "extract",
    "first",
    "following",
    "ilike",
    "last",
    "nulls",
    "preceding",
    "qualify",
    "range",
    "recursive",
    "row",
    "rows",
    "try_cast",
    "unbounded",
    "within",
];

/// Names of types, in lower case after `as` in a cast and before a literal.
pub(super) const TYPES: &[&str] = &[
    "bigint",
    "boolean",
    "char",
    "date",
    "decimal",
    "double",
    "float",
    "int",
    "integer",
    "numeric",
    "real",
    "smallint",
    "string",
    "text",
    "time",
    "timestamp",
    "tinyint",
    "varchar",
];

/// Keywords between which and an opening parenthesis stands a space; behind every other word it is a call.
pub(super) const BEFORE_PARENTHESIS: &[&str] = &[
    "all",
    "and",
    "as",
    "between",
    "by",
    "case",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "from",
    "having",
    "ilike",
    "in",
    "intersect",
    "is",
    "join",
    "like",
    "limit",
    "not",
    "offset",
    "on",
    "or",
    "over",
    "qualify",
    "select",
    "then",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// Words that stand before `join`.
pub(super) const JOINS: &[&str] =
    &["natural", "inner", "left", "right", "full", "outer", "cross", "semi", "anti", "asof"];

/// How tightly a binary operator binds, loosest first.
pub(super) fn precedence(operator: &str) -> Option<u8> {
    Some(match operator {
        "or" => 0,
        "and" => 1,
        "=" | "==" | "<>" | "!=" | "<" | "<=" | ">" | ">=" => 2,
        "+" | "-" | "||" => 3,
        "*" | "/" | "%" => 4,
        _ => return None,
    })
}
