//! What a query says that cannot be meant, whatever its columns are.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, SetExpr,
    Spanned as _, TableFactor, Value, Visit as _, Visitor,
};
use sqlparser::tokenizer::Span;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::grammar::list;
use crate::model::SqlQuery;
use crate::sql::{Mistake, join_constraint, locate, mistakes, parts};

use super::Resolver;

impl Resolver<'_> {
    /// Reports what is wrong with the form of a query, one finding for each `select` at the most.
    pub(super) fn query_form(&mut self, sql: &SqlQuery) {
        let mut form = Form::default();
        let _ = sql.ast.visit(&mut form);
        for mistake in mistakes(&*sql.ast).into_iter().chain(form.mistakes) {
            let place = locate(sql, mistake.place);
            self.report(Diagnostic::error(mistake.code, mistake.message).at(place).help(mistake.help));
        }
    }
}

#[derive(Default)]
struct Form {
    mistakes: Vec<Mistake>,
    /// Names of the tables of the queries around the visited one, which it can name as well.
    around: Vec<Vec<String>>,
}

impl Visitor for Form {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.body(&query.body);
        if let Some(limit) = &query.limit_clause
            && query.order_by.is_none()
        {
            self.note(
                "limit-without-order",
                "which rows `limit` leaves is not said".to_owned(),
                "`order by` before it puts the rows into an order that every run repeats".to_owned(),
                limit.span(),
            );
        }
        let mut names = Vec::new();
        tables_of(&query.body, &mut names);
        self.around.push(names);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.around.pop();
        ControlFlow::Continue(())
    }
}

/// The names by which the selects of a query know their tables.
fn tables_of(body: &SetExpr, names: &mut Vec<String>) {
    match body {
        SetExpr::Select(select) => {
            let joined = select
                .from
                .iter()
                .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
            for relation in joined {
                names.push(name_of(relation));
                if let TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } =
                    relation
                {
                    names.push(alias.name.value.clone());
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            tables_of(left, names);
            tables_of(right, names);
        }
        SetExpr::Query(query) => tables_of(&query.body, names),
        _ => {}
    }
}

impl Form {
    fn note(&mut self, code: &'static str, message: String, help: String, place: Span) {
        self.mistakes.push(Mistake { code, message, help, place });
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                self.body(left);
                self.body(right);
                let by_name = set_quantifier.to_string().contains("BY NAME");
                if let (Some(one), Some(other)) = (columns_of(left), columns_of(right))
                    && one != other
                    && !by_name
                {
                    self.note(
                        "union-columns",
                        format!("one query has {one} columns, the one put below it {other}"),
                        "columns go together by their place; `null as region` fills one that is missing".to_owned(),
                        right.span(),
                    );
                }
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &Select) {
        if let Some(top) = &select.top {
            self.note(
                "unknown-clause",
                format!("`{}` does not limit rows", top.to_string().to_lowercase()),
                "`order by … limit 10` at the end of the query does".to_owned(),
                select.span(),
            );
            return;
        }
        let before = self.mistakes.len();
        self.joins(select);
        self.qualifiers(select);
        if self.mistakes.len() == before {
            self.aggregates(select);
        }
        if self.mistakes.len() == before {
            self.beside_aggregates(select);
            self.names(select);
        }
    }

    fn joins(&mut self, select: &Select) {
        for join in select.from.iter().flat_map(|from| &from.joins) {
            if let Some(JoinConstraint::None) = join_constraint(&join.join_operator)
                && !matches!(join.join_operator, JoinOperator::CrossJoin(_))
            {
                let name = name_of(&join.relation);
                self.note(
                    "join-without-condition",
                    format!("nothing says which rows of `{name}` belong to a row"),
                    format!("`on …` or `using (…)` says it; `cross join {name}` if each row is to meet each"),
                    join.relation.span(),
                );
            }
        }
    }

    /// Aggregates where there are no groups yet, and inside of each other.
    fn aggregates(&mut self, select: &Select) {
        let found = |expr: &Expr| {
            let parts = parts(expr);
            if parts.subqueries.is_empty() { parts.aggregates.into_iter().next() } else { None }
        };
        let conditions = select.from.iter().flat_map(|from| &from.joins).filter_map(condition);
        let clauses = [("where", select.selection.as_ref()), ("on", None)];
        let clauses = clauses.into_iter().filter_map(|(name, expr)| Some((name, expr?)));
        for (clause, expr) in clauses.chain(conditions.map(|expr| ("on", expr))) {
            if let Some(call) = found(expr) {
                self.note(
                    "aggregate-not-allowed",
                    format!("`{}` is an aggregate, but `{clause}` is evaluated row by row", call.name),
                    "`having …` after `group by` chooses among groups".to_owned(),
                    call.span,
                );
            }
        }
        if let GroupByExpr::Expressions(keys, _) = &select.group_by
            && let Some(call) = keys.iter().find_map(found)
        {
            self.note(
                "aggregate-not-allowed",
                format!("`{}` is an aggregate, but groups are made of the values of rows", call.name),
                "`group by` names the columns that stand outside of aggregates".to_owned(),
                call.span,
            );
        }
        for expr in outputs(select).chain(&select.having) {
            if let Some(call) = parts(expr).nested.first() {
                self.note(
                    "nested-aggregate",
                    format!("`{}` stands inside of another aggregate", call.name),
                    "the inner one belongs into a `with` query".to_owned(),
                    call.span,
                );
            }
        }
    }

    /// Columns that have no one value in a group.
    fn beside_aggregates(&mut self, select: &Select) {
        let GroupByExpr::Expressions(keys, _) = &select.group_by else { return };
        // Those of a query inside of an expression are its own.
        let aggregates = |expr: &Expr| {
            let parts = parts(expr);
            parts.subqueries.is_empty() && !parts.aggregates.is_empty()
        };
        let aggregated = outputs(select).any(aggregates);
        if keys.is_empty() && !aggregated {
            return;
        }
        let last = |path: &[String]| path.last().cloned().unwrap_or_default();
        let mut grouped: Vec<String> =
            keys.iter().flat_map(|key| parts(key).columns).map(|column| last(&column.path)).collect();
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && grouped.contains(&alias.value)
            {
                grouped.extend(parts(expr).columns.iter().map(|column| last(&column.path)));
            }
        }
        let by_place: Vec<usize> = keys.iter().filter_map(ordinal).collect();
        for (index, expr) in outputs(select).enumerate() {
            let found = parts(expr);
            let unit = expr.to_string().to_lowercase().contains("diff(");
            if by_place.contains(&(index + 1)) || unit || !found.windows.is_empty() || !found.subqueries.is_empty() {
                continue;
            }
            let outside = found.columns.iter().filter(|column| column.aggregate.is_none());
            let mut alone = outside.filter(|column| !grouped.contains(&last(&column.path)));
            if let Some(column) = alone.next() {
                let name = column.path.join(".");
                let help = if keys.is_empty() {
                    format!("`group by {name}` gives a row for each, or an aggregate such as `max({name})` one value")
                } else {
                    format!("`{name}` belongs into `group by`, or into an aggregate such as `max({name})`")
                };
                let message =
                    format!("`{name}` stands beside aggregates, but has no one value for the rows of a group");
                self.note("column-outside-aggregate", message, help, column.span);
                return;
            }
        }
    }

    /// `b.region` where no table is called `b`.
    fn qualifiers(&mut self, select: &Select) {
        let mut known: Vec<String> = self.around.iter().flatten().cloned().collect();
        let mut shown: Vec<String> = Vec::new();
        for from in &select.from {
            for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
                let (TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. }) = factor else { return };
                let name = name_of(factor);
                let alias = alias.as_ref().map_or_else(|| name.clone(), |alias| alias.name.value.clone());
                known.push(name);
                shown.push(alias.clone());
                known.push(alias);
            }
        }
        let conditions = select.from.iter().flat_map(|from| &from.joins).filter_map(condition);
        let keys = match &select.group_by {
            GroupByExpr::Expressions(keys, _) => keys.as_slice(),
            GroupByExpr::All(_) => &[],
        };
        let all = outputs(select).chain(&select.selection).chain(&select.having).chain(conditions).chain(keys);
        for expr in all {
            let found = parts(expr);
            if !found.subqueries.is_empty() {
                continue;
            }
            for column in found.columns {
                let [qualifier, _] = &column.path[..] else { continue };
                if !known.contains(qualifier) {
                    let near = did_you_mean(qualifier, shown.iter().map(String::as_str));
                    let help = match near.filter(|near| near.len() > 1) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("its tables are {}", list(shown.iter().map(String::as_str))),
                    };
                    let message = format!("no table of this `select` is called `{qualifier}`");
                    return self.note("unknown-table", message, help, column.span);
                }
            }
        }
    }

    fn names(&mut self, select: &Select) {
        let mut seen: Vec<Ident> = Vec::new();
        for item in &select.projection {
            let (name, place) = match item {
                SelectItem::ExprWithAlias { alias, .. } => (alias.clone(), alias.span),
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => (name.clone(), name.span),
                SelectItem::UnnamedExpr(expr @ Expr::CompoundIdentifier(path)) => match path.last() {
                    Some(name) => (name.clone(), expr.span()),
                    None => continue,
                },
                _ => continue,
            };
            if seen.iter().any(|known| known.value == name.value) {
                self.note(
                    "duplicate-column",
                    format!("two columns of the result would be called `{}`", name.value),
                    format!("one of them can go, or have another name: `as other_{}`", name.value),
                    place,
                );
                return;
            }
            seen.push(name);
        }
    }
}

fn outputs(select: &Select) -> impl Iterator<Item = &Expr> {
    select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    })
}

/// How many columns a query has; none where it does not say.
fn columns_of(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => {
            let named = outputs(select).count();
            (named == select.projection.len()).then_some(named)
        }
        SetExpr::SetOperation { left, .. } => columns_of(left),
        SetExpr::Query(query) => columns_of(&query.body),
        _ => None,
    }
}

fn ordinal(key: &Expr) -> Option<usize> {
    match key {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn condition(join: &Join) -> Option<&Expr> {
    match join_constraint(&join.join_operator) {
        Some(JoinConstraint::On(condition)) => Some(condition),
        _ => None,
    }
}

fn name_of(factor: &TableFactor) -> String {
    match factor {
        TableFactor::Table { name: ObjectName(path), .. } => {
            let parts = path.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.as_str());
            parts.collect::<Vec<_>>().join(".")
        }
        _ => "the query".to_owned(),
    }
}
