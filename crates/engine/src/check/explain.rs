//! What Polars and the rewriting of SQL refuse, as findings with the place and the way out.

use abmart_spec::diagnostic::{Diagnostic, Span, did_you_mean};
use abmart_spec::model::{Fact, FactInput, SqlExpr, SqlQuery};
use abmart_spec::sql::{locate, near_function};
use polars::prelude::PolarsError;
use sqlparser::ast::{Expr, Ident, JoinConstraint, JoinOperator, Query, SetExpr, Spanned as _, Visit, Visitor};
use sqlparser::tokenizer;

use crate::error::EngineError;
use crate::sql::rewrite::RewriteError;

/// The finding that an error is for the writer of a definition. `columns` are those of the definition's inputs.
pub(super) fn finding(
    what: &str,
    span: Span,
    pieces: &[Piece<'_>],
    columns: &[String],
    error: &EngineError,
) -> Diagnostic {
    let (span, inner) = innermost(span, error);
    let place = |wanted: &Wanted<'_>| pieces.iter().find_map(|piece| piece.place_of(wanted));
    match inner {
        EngineError::Polars(error) => {
            let error = root_of(error);
            let text = error.to_string();
            let name = match error {
                PolarsError::ColumnNotFound(text) => quoted(text),
                _ => None,
            };
            if let Some(name) = name {
                return unknown_column(what, span, pieces, columns, &name, &text);
            }
            refused(what, span, pieces, columns, first_line(&text))
        }
        EngineError::Rewrite(error) => {
            let (wanted, help) = match error {
                RewriteError::NoPeriod(function) => (Wanted::Function(function), None),
                RewriteError::Unit { function, .. } => {
                    (Wanted::Function(function), Some(format!("the unit comes first: `{}`", form_of(function))))
                }
                RewriteError::Arguments { function, .. } => {
                    (Wanted::Function(function), Some(format!("it is written `{}`", form_of(function))))
                }
                RewriteError::Subquery => {
                    let help =
                        "after `left join (select distinct …) as found on …`, `found.x is not null` tells for each row";
                    (Wanted::Subquery, Some(help.to_owned()))
                }
            };
            let place = place(&wanted).unwrap_or(span);
            Diagnostic::error("does-not-compute", format!("{what}: {error}")).at(place).maybe_help(help)
        }
        other => {
            let text = other.to_string();
            Diagnostic::error("does-not-compute", format!("{what}: {}", first_line(&text))).at(span)
        }
    }
}

fn unknown_column(
    what: &str,
    span: Span,
    pieces: &[Piece<'_>],
    columns: &[String],
    name: &str,
    text: &str,
) -> Diagnostic {
    let bare = name.rsplit('.').next().unwrap_or(name);
    let found = |wanted: &Wanted<'_>| pieces.iter().find_map(|piece| piece.place_of(wanted));
    if let Some(place) = found(&Wanted::Using(bare)) {
        let near = did_you_mean(bare, columns.iter().map(String::as_str));
        let help = match near.filter(|near| near != bare) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`on a.x = b.y` joins columns of different names".to_owned(),
        };
        let message = format!("{what}: a side of the join has no column `{bare}`, which `using` takes from both");
        return Diagnostic::error("unknown-column", message).at(place).help(help);
    }
    let place = found(&Wanted::Column(name)).unwrap_or(span);
    let valid = valid_columns(text);
    let known: Vec<&str> = if columns.is_empty() { &valid } else { columns }.iter().map(String::as_str).collect();
    let all = valid.iter().map(String::as_str).chain(known.iter().copied());
    let help = if pieces.iter().any(|piece| piece.is_in_double_quotes(bare)) {
        Some(format!("double quotes are for names; a text stands in single quotes: `'{bare}'`"))
    } else if pieces.iter().any(|piece| piece.gives(bare)) {
        Some(format!(
            "`{bare}` is a column of the result, which `where` does not see yet; it can repeat the expression, or a query around this one can ask for it"
        ))
    } else {
        match did_you_mean(bare, all) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if known.is_empty() => None,
            None => Some(format!("there are {}", known.join(", "))),
        }
    };
    Diagnostic::error("unknown-column", format!("{what}: there is no column `{bare}`")).at(place).maybe_help(help)
}

/// What the SQL front end says in words.
fn refused(what: &str, span: Span, pieces: &[Piece<'_>], columns: &[String], text: &str) -> Diagnostic {
    let place = |wanted: &Wanted<'_>| pieces.iter().find_map(|piece| piece.place_of(wanted)).unwrap_or(span);
    let names: Vec<&str> = text.split(['\'', '"']).skip(1).step_by(2).collect();
    match names[..] {
        [column, table, ..] if text.contains("no column named") => {
            let near = did_you_mean(column, columns.iter().map(String::as_str));
            let message = format!("{what}: `{table}` has no column `{column}`");
            return Diagnostic::error("unknown-column", message)
                .at(place(&Wanted::Column(column)))
                .maybe_help(near.map(|near| format!("did you mean `{near}`?")));
        }
        [function, ..] if text.contains("unsupported function") => {
            let near = near_function(function).map(|near| format!("did you mean `{near}`?"));
            return Diagnostic::error("unknown-function", format!("{what}: there is no function `{function}`"))
                .at(place(&Wanted::Function(function)))
                .maybe_help(near);
        }
        [column, ..] if text.contains("ambiguous reference") => {
            let choices = text.split_once("use one of: ").map(|(_, choices)| choices.trim_end_matches(')'));
            let help =
                choices.map(|choices| format!("the table before it says which: {}", choices.replace(", ", " or ")));
            return Diagnostic::error(
                "ambiguous-column",
                format!("{what}: more than one table has a column `{column}`"),
            )
            .at(place(&Wanted::Column(column)))
            .maybe_help(help);
        }
        _ => {}
    }
    let column = names.first().map(|name| Wanted::Column(name));
    let place = column.map_or(span, |wanted| place(&wanted));
    Diagnostic::error("does-not-compute", format!("{what}: {text}")).at(place)
}

/// How a function of this language is called.
fn form_of(function: &str) -> &'static str {
    match function {
        "date_trunc" => "date_trunc('month', day)",
        "date_diff" | "datediff" => "date_diff('day', from, to)",
        "days_between" => "days_between(from, to)",
        "hours_between" => "hours_between(from, to)",
        _ => "count_if(condition)",
    }
}

/// A piece of SQL in which a name may stand.
pub(super) enum Piece<'a> {
    Expression(&'a SqlExpr),
    Query(&'a SqlQuery),
    /// An input of expressions.
    Input(&'a str),
}

/// What is looked for in a piece of SQL.
enum Wanted<'w> {
    Column(&'w str),
    Function(&'w str),
    /// A column of `using`.
    Using(&'w str),
    /// `x in (select …)`.
    Subquery,
}

impl<'a> Piece<'a> {
    /// The relations that it reads.
    pub fn reads(&self) -> Vec<&'a str> {
        match self {
            Self::Expression(_) => Vec::new(),
            Self::Query(sql) => sql.reads.iter().map(|read| read.value.as_str()).collect(),
            Self::Input(name) => vec![name],
        }
    }

    fn place_of(&self, wanted: &Wanted<'_>) -> Option<Span> {
        let mut finder = Finder { wanted, found: None };
        match self {
            Self::Expression(sql) => {
                let _ = sql.ast.visit(&mut finder);
                finder.found.map(|place| locate(*sql, place))
            }
            Self::Query(sql) => {
                let _ = sql.ast.visit(&mut finder);
                finder.found.map(|place| locate(*sql, place))
            }
            Self::Input(_) => None,
        }
    }

    fn is_in_double_quotes(&self, name: &str) -> bool {
        let quoted =
            |names: Vec<Ident>| names.iter().any(|known| known.value == name && known.quote_style == Some('"'));
        match self {
            Self::Expression(sql) => quoted(crate::sql::names::columns(&sql.ast)),
            Self::Query(sql) => quoted(crate::sql::names::columns(&sql.ast)),
            Self::Input(_) => false,
        }
    }

    /// Whether the outermost `select` gives a column of this name.
    fn gives(&self, name: &str) -> bool {
        let Self::Query(sql) = self else { return false };
        let SetExpr::Select(select) = &*sql.ast.body else { return false };
        let alias = |item: &sqlparser::ast::SelectItem| match item {
            sqlparser::ast::SelectItem::ExprWithAlias { alias, .. } => alias.value == name,
            _ => false,
        };
        select.projection.iter().any(alias)
    }
}

struct Finder<'w> {
    wanted: &'w Wanted<'w>,
    found: Option<tokenizer::Span>,
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> std::ops::ControlFlow<()> {
        if let (Wanted::Using(name), SetExpr::Select(select)) = (self.wanted, &*query.body) {
            for join in select.from.iter().flat_map(|from| &from.joins) {
                let (JoinOperator::Join(JoinConstraint::Using(names))
                | JoinOperator::Inner(JoinConstraint::Using(names))
                | JoinOperator::Left(JoinConstraint::Using(names))
                | JoinOperator::LeftOuter(JoinConstraint::Using(names))
                | JoinOperator::Right(JoinConstraint::Using(names))
                | JoinOperator::RightOuter(JoinConstraint::Using(names))
                | JoinOperator::FullOuter(JoinConstraint::Using(names))) = &join.join_operator
                else {
                    continue;
                };
                let place = names.iter().find(|known| known.to_string() == *name).map(sqlparser::ast::Spanned::span);
                self.found = self.found.or(place);
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> std::ops::ControlFlow<()> {
        let found = match (self.wanted, expr) {
            (Wanted::Column(name), Expr::Identifier(ident)) => is(ident, name).then_some(ident.span),
            (Wanted::Column(name), Expr::CompoundIdentifier(path)) => {
                path.last().filter(|ident| is(ident, name)).map(|ident| ident.span)
            }
            (Wanted::Function(name), Expr::Function(function)) => {
                function.name.to_string().eq_ignore_ascii_case(name).then(|| function.name.span())
            }
            (Wanted::Subquery, Expr::InSubquery { .. }) => Some(expr.span()),
            _ => None,
        };
        self.found = self.found.or(found);
        std::ops::ControlFlow::Continue(())
    }
}

fn is(ident: &Ident, name: &str) -> bool {
    ident.value == name || ident.value == name.rsplit('.').next().unwrap_or(name)
}

pub(super) fn pieces_of<'a>(expressions: impl Iterator<Item = &'a SqlExpr>) -> Vec<Piece<'a>> {
    expressions.map(Piece::Expression).collect()
}

pub(super) fn pieces_of_fact(fact: &Fact) -> Vec<Piece<'_>> {
    let mut pieces = pieces_of(fact.measures.values().chain(&fact.filter));
    if let FactInput::Table(from) = &fact.from {
        pieces.push(Piece::Input(&from.value));
    }
    pieces
}

/// The place that the error itself knows, and the error without it.
fn innermost(span: Span, error: &EngineError) -> (Span, &EngineError) {
    match error {
        EngineError::At { span, source, .. } => innermost(*span, source),
        other => (span, other),
    }
}

/// What went wrong first, without the steps of the query around it.
fn root_of(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } => root_of(error),
        other => other,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// The first name in quotes of a message.
fn quoted(text: &str) -> Option<String> {
    if !text.contains(' ') {
        return Some(text.trim_matches(['"', '\'']).to_owned());
    }
    text.split_once('"')
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .or_else(|| text.split_once('\'').and_then(|(_, rest)| rest.split_once('\'')).map(|(name, _)| name.to_owned()))
}

/// The columns that Polars lists as valid ones.
fn valid_columns(text: &str) -> Vec<String> {
    let Some((_, list)) = text.split_once("valid columns: [") else { return Vec::new() };
    let Some((list, _)) = list.split_once(']') else { return Vec::new() };
    list.split(", ").map(|name| name.trim_matches('"').to_owned()).collect()
}
