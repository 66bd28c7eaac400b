//! Aggregating selects: Polars' SQL front end prepares their rows, our own aggregates reduce them.
//!
//! ```text
//! select region, sum(amount) / count(*) as mean from deals d join accounts a using (account_id) where … group by region
//!        └ keys   └ aggregates                  └──────────────── rows: left to the front end ─────────┘
//! ```
//!
//! Two things come of it. Sums of floats are exact, so they do not depend on the order of rows, files or threads. And a
//! select over a rollup is evaluated part by part where its result merges, so memory does not hold the rollup at once.

use std::collections::HashMap;
use std::ops::ControlFlow;

use polars::prelude::*;
use polars::sql::SQLContext;
use sqlparser::ast::{
    self, Expr as Sql, GroupByExpr, Ident, JoinOperator, Query, Select, SelectItem, SetExpr, TableFactor, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::aggregate;
use super::execute;
use super::lookup::Lookup;
use super::prepared::Prepared;
use super::shape::{Shape, is_aggregate, key_column, named_item, same};
use crate::error::EngineError;

/// The rows behind a name.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a handful of them live at a time")]
pub enum Rows {
    /// In one piece.
    Whole(LazyFrame),
    /// In parts that may be reduced one after the other.
    Parts(Vec<LazyFrame>),
}

impl From<LazyFrame> for Rows {
    fn from(rows: LazyFrame) -> Self {
        Self::Whole(rows)
    }
}

impl Rows {
    /// The same done to every part.
    pub fn map(self, mut change: impl FnMut(LazyFrame) -> LazyFrame) -> Self {
        match self {
            Self::Whole(rows) => Self::Whole(change(rows)),
            Self::Parts(parts) => Self::Parts(parts.into_iter().map(change).collect()),
        }
    }

    /// As [`Rows::map`], where the change may fail.
    ///
    /// # Errors
    /// Those of the change.
    pub fn try_map(
        self,
        mut change: impl FnMut(LazyFrame) -> Result<LazyFrame, EngineError>,
    ) -> Result<Self, EngineError> {
        Ok(match self {
            Self::Whole(rows) => Self::Whole(change(rows)?),
            Self::Parts(parts) => Self::Parts(parts.into_iter().map(change).collect::<Result<Vec<_>, _>>()?),
        })
    }

    /// Names and types of the columns.
    ///
    /// # Errors
    /// When Polars cannot tell.
    pub fn schema(&self) -> Result<SchemaRef, EngineError> {
        let first = match self {
            Self::Whole(rows) => Some(rows),
            Self::Parts(parts) => parts.first(),
        };
        Ok(first.map_or_else(|| Ok(SchemaRef::default()), |rows| rows.clone().collect_schema())?)
    }

    /// All rows in one piece.
    ///
    /// # Errors
    /// When Polars cannot put the parts together.
    pub fn whole(self) -> Result<LazyFrame, EngineError> {
        match self {
            Self::Whole(rows) => Ok(rows),
            Self::Parts(mut parts) if parts.len() == 1 => Ok(parts.swap_remove(0)),
            Self::Parts(parts) => Ok(concat(parts, UnionArgs { rechunk: false, ..UnionArgs::default() })?),
        }
    }

    /// The rows as parts, one where they are in one piece.
    pub fn parts(self) -> Vec<LazyFrame> {
        match self {
            Self::Whole(rows) => vec![rows],
            Self::Parts(parts) => parts,
        }
    }
}

/// Names and their rows while a query runs.
#[derive(Default)]
pub struct Session {
    context: SQLContext,
    rows: HashMap<String, Rows>,
    /// Tables that are made of others by looking things up, part by part.
    looked_up: HashMap<String, Lookup>,
    made: usize,
}

impl Session {
    /// Gives rows a name.
    ///
    /// # Errors
    /// When Polars cannot put the parts together.
    pub fn register(&mut self, name: &str, rows: Rows) -> Result<(), EngineError> {
        self.rows.insert(name.to_owned(), rows.clone());
        self.context.register(name, rows.whole()?);
        Ok(())
    }

    fn next_name(&mut self, what: &str) -> String {
        self.made += 1;
        format!("__{what}_{}", self.made)
    }

    /// Runs a query that was rewritten for the front end.
    ///
    /// # Errors
    /// When Polars refuses it.
    pub fn run(&mut self, mut query: Query) -> Result<LazyFrame, EngineError> {
        let plain = |with: &ast::With| {
            !with.recursive
                && with.cte_tables.iter().all(|table| table.alias.columns.is_empty() && table.query.with.is_none())
        };
        if query.with.as_ref().is_some_and(|with| !plain(with)) {
            // Names inside names are the front end's matter.
            return Ok(execute(&mut self.context, &query.to_string())?);
        }
        if let Some(with) = query.with.take() {
            for table in with.cte_tables {
                let name = table.alias.name.value.clone();
                let rows = self.run(*table.query)?;
                // What several selects or parts read is computed once.
                let rows = rows.collect()?.lazy();
                self.register(&name, Rows::Whole(rows))?;
            }
        }
        if query.order_by.is_none() {
            self.reduce(&mut query.body)?;
        }
        Ok(execute(&mut self.context, &query.to_string())?)
    }

    /// Replaces the aggregating selects of a query's body by their results.
    fn reduce(&mut self, body: &mut SetExpr) -> Result<(), EngineError> {
        match body {
            SetExpr::Select(select) => {
                for relation in select.from.iter_mut().flat_map(relations) {
                    if let TableFactor::Derived { subquery, .. } = relation
                        && subquery.with.is_none()
                        && subquery.order_by.is_none()
                    {
                        self.reduce(&mut subquery.body)?;
                    }
                }
                let looked_up = self.next_name("looked_up");
                if let Some((lookup, rewritten)) = Lookup::taken_out(select, &self.rows, &looked_up)? {
                    **select = rewritten;
                    self.looked_up.insert(looked_up.clone(), lookup);
                }
                let reduced = self.next_name("reduced");
                match (Shape::of(select), select_all(&reduced)) {
                    (Some(shape), Some(all)) => {
                        let rows = self.aggregated(select, &shape)?;
                        self.context.register(&reduced, rows);
                        **select = all;
                    }
                    _ => {
                        if let Some(lookup) = self.looked_up.get(&looked_up)
                            && let Some(rows) = self.rows.get(&lookup.from)
                        {
                            let rows = lookup.apply(rows.clone().whole()?)?;
                            self.context.register(&looked_up, rows);
                        }
                    }
                }
                Ok(())
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.reduce(left)?;
                self.reduce(right)
            }
            SetExpr::Query(query) if query.with.is_none() && query.order_by.is_none() => self.reduce(&mut query.body),
            _ => Ok(()),
        }
    }

    fn aggregated(&mut self, select: &Select, shape: &Shape) -> Result<LazyFrame, EngineError> {
        let aggregates = Prepared::new(
            shape.aggregates.iter().enumerate().map(|(index, aggregate)| (aggregate::placeholder(index), aggregate)),
        );
        let mut rows = select.clone();
        let keys = shape.keys.iter().enumerate().map(|(index, key)| (key_column(index), key.clone()));
        rows.projection = keys
            .chain(aggregates.inputs())
            .map(|(name, expr)| SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) })
            .collect();
        if rows.projection.is_empty() {
            // Only `count(*)` over everything: any column will do.
            rows.projection.push(SelectItem::UnnamedExpr(Sql::Value(Value::Boolean(true).into())));
        }
        rows.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
        rows.having = None;
        let text = rows.to_string();
        let by: Vec<String> = (0..shape.keys.len()).map(key_column).collect();
        let grouped = match self.parts_of(&rows, shape)? {
            None => aggregates.group([execute(&mut self.context, &text).map_err(EngineError::from)], &by)?,
            Some((name, parts)) => {
                let lookup = self.looked_up.get(&name);
                let whole = if lookup.is_none() { Some(Rows::Parts(parts.clone()).whole()?) } else { None };
                let context = &mut self.context;
                let prepared = parts.into_iter().map(|part| {
                    context
                        .register(&name, lookup.map_or_else(|| Ok(part.clone()), |lookup| lookup.apply(part.clone()))?);
                    Ok(execute(context, &text)?)
                });
                let grouped = aggregates.group(prepared, &by)?;
                if let Some(whole) = whole {
                    self.context.register(&name, whole);
                }
                grouped
            }
        };
        let items: Vec<String> = shape.items.iter().map(ToString::to_string).collect();
        let having = shape.having.as_ref().map(|having| format!(" WHERE {having}")).unwrap_or_default();
        self.context.register("__grouped", grouped.lazy());
        let finished = execute(&mut self.context, &format!("SELECT {} FROM __grouped{having}", items.join(", ")));
        self.context.unregister("__grouped");
        Ok(finished?)
    }

    /// The parts of the select's first relation, where everything else only adds to it: those of a rollup, or the one
    /// part of what looks something up.
    fn parts_of(&self, select: &Select, shape: &Shape) -> Result<Option<(String, Vec<LazyFrame>)>, EngineError> {
        let first = select.from.first().and_then(|from| table_name(&from.relation));
        let Some(name) = first.filter(|name| only_adds(select, name)) else { return Ok(None) };
        let lookup = self.looked_up.get(&name);
        let Some(rows) = self.rows.get(lookup.map_or(&name, |lookup| &lookup.from)) else { return Ok(None) };
        let merges = shape.aggregates.iter().all(|aggregate| aggregate.kind.decomposable());
        let parts = if merges { rows.clone().parts() } else { vec![rows.clone().whole()?] };
        Ok((parts.len() > 1 || lookup.is_some()).then_some((name, parts)))
    }
}

/// Whether every row of a query's result comes of one row of the named relation, whose columns `kept` it keeps: then a
/// part of the relation gives that part of the result.
pub fn is_row_by_row(query: &Query, name: &str, kept: &[&str]) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.distinct.is_none()
        && select.top.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(keys, modifiers) if keys.is_empty() && modifiers.is_empty());
    let keeps = |column: &str| {
        let mut items = select.projection.iter().filter_map(named_item);
        items.any(|(alias, expr)| alias.value == column && same(expr, &Sql::Identifier(Ident::new(column))))
    };
    let by_row = |node: &Sql| match node {
        Sql::Function(function) => function.over.is_none() && !is_aggregate(function),
        Sql::Subquery(_) | Sql::Exists { .. } | Sql::InSubquery { .. } => false,
        _ => true,
    };
    let mut all_by_row = true;
    let _ = ast::visit_expressions(&**select, |node| {
        all_by_row &= by_row(node);
        if all_by_row { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    plain && all_by_row && only_adds(select, name) && kept.iter().all(|column| keeps(column))
}

/// Whether a select begins with the named relation, and everything that it joins only adds to its rows or leaves some
/// out, row by row.
fn only_adds(select: &Select, name: &str) -> bool {
    let [from] = select.from.as_slice() else { return false };
    let adds = |join: &ast::Join| {
        let kind = matches!(
            join.join_operator,
            JoinOperator::Join(_)
                | JoinOperator::Inner(_)
                | JoinOperator::Left(_)
                | JoinOperator::LeftOuter(_)
                | JoinOperator::Semi(_)
                | JoinOperator::LeftSemi(_)
                | JoinOperator::Anti(_)
                | JoinOperator::LeftAnti(_)
                | JoinOperator::CrossJoin(_)
        );
        kind && table_name(&join.relation).is_some_and(|joined| joined != name)
    };
    table_name(&from.relation).is_some_and(|first| first == name) && from.joins.iter().all(adds)
}

fn select_all(name: &str) -> Option<Select> {
    let text = format!("SELECT * FROM {name}");
    let query = Parser::new(&GenericDialect {}).try_with_sql(&text).and_then(|mut parser| parser.parse_query()).ok()?;
    match *query.body {
        SetExpr::Select(select) => Some(*select),
        _ => None,
    }
}

fn relations(table: &mut ast::TableWithJoins) -> impl Iterator<Item = &mut TableFactor> {
    std::iter::once(&mut table.relation).chain(table.joins.iter_mut().map(|join| &mut join.relation))
}

fn table_name(relation: &TableFactor) -> Option<String> {
    match relation {
        TableFactor::Table { name, args: None, .. } => {
            Some(name.0.last()?.as_ident()?.value.clone()).filter(|_| name.0.len() == 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn deals() -> LazyFrame {
        df!(
            "region" => [Some("EMEA"), Some("EMEA"), Some("APAC"), None],
            "amount" => [Some(1.5), Some(2.5), None, Some(4.0)],
            "pieces" => [1_i64, 2, 3, 4],
        )
        .unwrap()
        .lazy()
    }

    fn regions() -> LazyFrame {
        df!("region" => ["EMEA", "APAC"], "factor" => [2.0, 3.0]).unwrap().lazy()
    }

    fn parse_query(text: &str) -> Query {
        *Parser::new(&GenericDialect {}).try_with_sql(text).unwrap().parse_query().unwrap()
    }

    fn rows_of(text: &str, deals: Rows) -> String {
        let mut session = Session::default();
        session.register("deals", deals).unwrap();
        session.register("regions", regions().into()).unwrap();
        let rows = session.run(parse_query(text)).unwrap().collect().unwrap();
        let rows = rows.sort(rows.get_column_names_owned(), SortMultipleOptions::default()).unwrap();
        let texts = rows.columns().iter().map(|column| {
            let values: Vec<String> = (0..rows.height()).map(|row| column.get(row).unwrap().to_string()).collect();
            format!("{}: {}", column.name(), values.join(" "))
        });
        texts.collect::<Vec<_>>().join("; ")
    }

    #[rstest]
    #[case(
        "select region, sum(amount) as a from deals group by region",
        r#"region: null "APAC" "EMEA"; a: 4.0 null 4.0"#
    )]
    #[case(
        "select d.region, avg(amount) as a from deals d group by region",
        r#"region: null "APAC" "EMEA"; a: 4.0 null 2.0"#
    )]
    #[case("select region as r, 2 * count(*) as n from deals group by 1", r#"r: null "APAC" "EMEA"; n: 2 2 4"#)]
    #[case("select sum(pieces) as n from deals where pieces > 9", "n: null")]
    #[case("select count(*) as n from deals where pieces > 9", "n: 0")]
    #[case("select region from deals where region is not null group by region", r#"region: "APAC" "EMEA""#)]
    #[case("select region, sum(pieces) as n from deals group by region having count(*) > 1", r#"region: "EMEA"; n: 3"#)]
    #[case(
        "select coalesce(region, '?') as r, max(pieces) as n from deals group by coalesce(region, '?')",
        r#"r: "?" "APAC" "EMEA"; n: 4 3 2"#
    )]
    #[case(
        "select d.region, sum(d.amount * r.factor) as a from deals d join regions r on d.region = r.region group by d.region",
        r#"region: "APAC" "EMEA"; a: null 8.0"#
    )]
    #[case(
        "with big as (select region, sum(pieces) as n from deals group by region) select sum(n) filter (where n > 2) as n from big",
        "n: 10"
    )]
    #[case(
        "select region, sum(amount) as a from deals group by region union all select 'all' as region, sum(amount) as a from deals",
        r#"region: null "APAC" "EMEA" "all"; a: 4.0 null 4.0 8.0"#
    )]
    #[case("select sum(n) as n from (select max(pieces) as n from deals group by region) t", "n: 9")]
    #[case("select median(pieces) as m, count(distinct region) as n from deals", "m: 2.5; n: 2")]
    fn a_select_means_the_same_in_one_piece_and_in_parts(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(rows_of(text, Rows::Whole(deals())), expected);
        let parts = (0..3).map(|part| deals().slice(part * 2, 2)).collect();
        assert_eq!(rows_of(text, Rows::Parts(parts)), expected);
    }

    proptest! {
        #[test]
        fn a_sum_does_not_depend_on_the_order_of_its_rows(mut values in prop::collection::vec(-1e9..1e9_f64, 2..30)) {
            let sum = |values: &[f64]| {
                let rows = df!("region" => vec!["EMEA"; values.len()], "amount" => values).unwrap().lazy();
                rows_of("select region, sum(amount) as a, avg(amount) as m from deals group by region", rows.into())
            };
            let forwards = sum(&values);
            values.reverse();
            prop_assert_eq!(forwards, sum(&values));
        }
    }
}
