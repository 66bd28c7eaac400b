//! Where in a file SQL stands, by the grammar: what a formatter or an editor asks.

use super::{Document, Object, Shape};

/// What sort of SQL a value of the language is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sql {
    /// A `select`.
    Query,
    /// An expression: a formula, a measure, a condition.
    Expression,
}

/// The sort of SQL that stands at a path of keys; an item of a list has the path of its list. None where it is no SQL,
/// and where the grammar knows no such path.
#[must_use]
pub fn sql_at<'k>(document: Document, path: impl IntoIterator<Item = &'k str>) -> Option<Sql> {
    let mut shape = Place::Object(document.object());
    for key in path {
        shape = shape.below(key)?;
    }
    match shape {
        Place::Shape(Shape::Query) => Some(Sql::Query),
        Place::Shape(Shape::Expression(_)) => Some(Sql::Expression),
        _ => None,
    }
}

/// Where a path has led so far.
enum Place {
    Object(&'static Object),
    Shape(&'static Shape),
}

impl Place {
    fn below(&self, name: &str) -> Option<Self> {
        match self {
            Self::Object(object) => object.keys.iter().find(|key| key.name == name).map(|key| Self::Shape(&key.shape)),
            Self::Shape(Shape::Object(object)) => Self::Object(object).below(name),
            Self::Shape(Shape::Map(_, value)) => Some(Self::Shape(value)),
            Self::Shape(Shape::List(item) | Shape::Pair(item)) => Self::Shape(item).below(name),
            Self::Shape(Shape::ScalarOr(_, map)) => Self::Shape(map).below(name),
            Self::Shape(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::query("tables/deals/sql", Some(Sql::Query))]
    #[case::query_of_a_mart("marts/account_360/sql", Some(Sql::Query))]
    #[case::formula("kpis/win_rate/formula", Some(Sql::Expression))]
    #[case::measure("facts/deals/measures/won", Some(Sql::Expression))]
    #[case::inside_a_score("scores/engagement/components/touch/measure", Some(Sql::Expression))]
    #[case::text("kpis/win_rate/description", None)]
    #[case::unknown("kpis/win_rate/formulas", None)]
    #[case::too_deep("kpis/win_rate/formula/more", None)]
    fn sql_is_where_the_grammar_says(#[case] path: &str, #[case] expected: Option<Sql>) {
        assert_eq!(sql_at(Document::Job, path.split('/')), expected);
    }
}
