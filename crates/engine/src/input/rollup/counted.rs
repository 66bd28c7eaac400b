//! Rollups that checks need: a source's rows counted by something, file by file.

use abmart_spec::TextMap;
use abmart_spec::diagnostic::Span;
use abmart_spec::model::{Check, Rollup, Source, Spanned, SqlExpr};
use polars::prelude::DataFrame;
use sqlparser::ast::{self, Expr as Sql, Ident};

/// The column of the counts.
pub const ROWS: &str = "rows";

/// What a file gives to a check.
pub struct Counted {
    /// The file's key.
    pub file: String,
    /// Values with the number of their rows.
    pub rows: DataFrame,
}

/// Counts the rows of a source by a column, under its name, or by the day of a column. The name says all that the rollup
/// depends on beside the source, and can be no rollup's of a project: those have no dots.
pub fn by(source: &Source, check: Check, column: &str, whole_days: bool) -> Rollup {
    let value = Sql::Identifier(Ident::new(column));
    let key = if whole_days {
        Sql::Cast {
            kind: ast::CastKind::Cast,
            expr: Box::new(value),
            data_type: ast::DataType::Date,
            array: false,
            format: None,
        }
    } else {
        value
    };
    let count = Sql::Function(ast::Function {
        name: ast::ObjectName::from(vec![Ident::new("count")]),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    });
    let expression = |ast: Sql| SqlExpr { text: ast.to_string(), span: Span::none(), map: TextMap::default(), ast };
    Rollup {
        name: format!("{}.{}.{column}", source.name, check.name()),
        from: Spanned { value: source.name.clone(), span: source.span },
        filter: None,
        by: [(column.to_owned(), expression(key))].into_iter().collect(),
        measures: [(ROWS.to_owned(), expression(count))].into_iter().collect(),
        description: String::new(),
        job: source.job.clone(),
        span: source.span,
    }
}
