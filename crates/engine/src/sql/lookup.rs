//! Joins that only look something up: each row of the first table finds at most one row of another, by equality.
//!
//! ```text
//! from contact_touches t left join people p on t.contact_id = p.contact_id
//!      └ every row stays as it is          └ one row an id: its columns are fetched by the place of the id
//! ```
//!
//! Most joins of jobs are of this kind, and fetching by place needs no hash table. Joins of any other kind, and keys that
//! stand in several rows, are left to Polars.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use polars::prelude::*;
use sqlparser::ast::{
    self, BinaryOperator, Expr as Sql, Ident, JoinConstraint, JoinOperator, Select, SelectItem, TableFactor,
};

use super::query::column;
use super::select::Rows;
use crate::codes::Index;
use crate::error::EngineError;
use crate::grouping;

/// Rows of a table without codes up to which its keys are worth comparing with those of every part.
const SMALL: usize = 10_000;

/// What a select looks up.
pub struct Lookup {
    /// The table whose rows look something up.
    pub from: String,
    /// Columns of it that the select reads.
    columns: Vec<PlSmallStr>,
    tables: Vec<Table>,
}

struct Table {
    /// The columns that the select reads, as `alias.column`, and a row of nulls.
    rows: DataFrame,
    key: Column,
    index: Option<Index>,
    /// The column that is looked up: of the first table, or of one that was looked up before.
    by: String,
    /// Rows that find nothing are left out.
    inner: bool,
}

struct Joined {
    alias: String,
    name: String,
    key: String,
    by: (String, String),
    inner: bool,
}

impl Lookup {
    /// Takes the joins out of a select; what is left reads the table `name`, which [`Lookup::apply`] makes.
    ///
    /// None where a join is of another kind, or compares columns of different types.
    ///
    /// # Errors
    /// When a table cannot be evaluated.
    pub fn taken_out(
        select: &Select,
        tables: &HashMap<String, Rows>,
        name: &str,
    ) -> Result<Option<(Self, Select)>, EngineError> {
        let Some((from, alias, joins)) = shape(select) else { return Ok(None) };
        let Some(first) = tables.get(&from) else { return Ok(None) };
        let first = first.schema()?;
        let mut schemas: Vec<(String, SchemaRef)> = Vec::new();
        for join in &joins {
            let Some(rows) = tables.get(&join.name) else { return Ok(None) };
            schemas.push((join.alias.clone(), rows.schema()?));
        }
        let names = Names { alias: &alias, first: &first, others: &schemas };
        let dtype_of = |alias: &str, column: &str| names.schema(alias)?.get(column);
        let comparable = |join: &Joined| {
            let (by, key) = (dtype_of(&join.by.0, &join.by.1), dtype_of(&join.alias, &join.key));
            by.is_some() && by == key
        };
        if !joins.iter().all(comparable) {
            return Ok(None);
        }
        let Some((rewritten, read)) = names.rewritten(select, name) else { return Ok(None) };
        // What a later table is looked up by is fetched from the earlier one, whether it is selected or not.
        let read: BTreeSet<String> =
            read.into_iter().chain(joins.iter().map(|join| names.column(&join.by.0, &join.by.1))).collect();
        let mut found = Vec::new();
        for (join, (_, schema)) in joins.iter().zip(&schemas) {
            let qualified = |column: &str| format!("{}.{column}", join.alias);
            let wanted: Vec<&PlSmallStr> =
                schema.iter_names().filter(|column| read.contains(&qualified(column))).collect();
            let exprs = wanted.iter().map(|column| col((*column).clone()).alias(qualified(column)));
            let exprs: Vec<Expr> = exprs.chain([col(join.key.as_str()).alias("__key")]).collect();
            let Some(rows) = tables.get(&join.name) else { return Ok(None) };
            let mut rows = rows.clone().whole()?.select(exprs).collect()?;
            let key = rows.drop_in_place("__key")?;
            let by = names.column(&join.by.0, &join.by.1);
            let index = Index::of(&key)?;
            let distinct = || grouping::Groups::new(&[&key]).map(|groups| groups.map(|groups| groups.count_groups()));
            if index.is_none() && (key.len() > SMALL || key.null_count() > 0 || distinct()? != Some(key.len())) {
                return Ok(None);
            }
            let nothing = DataFrame::full_null(rows.schema(), 1);
            found.push(Table { rows: rows.vstack(&nothing)?, key, index, by, inner: join.inner });
        }
        let columns = first.iter_names().filter(|name| read.contains(name.as_str())).cloned().collect();
        Ok(Some((Self { from, columns, tables: found }, rewritten)))
    }

    /// Rows of the first table with what they look up.
    ///
    /// # Errors
    /// When the rows cannot be evaluated.
    pub fn apply(&self, rows: LazyFrame) -> Result<LazyFrame, EngineError> {
        let columns: Vec<Expr> = self.columns.iter().map(|name| col(name.clone())).collect();
        let mut rows = rows.select(columns).collect()?;
        for table in &self.tables {
            let mut places = IdxCa::from_vec("place".into(), table.places(rows.column(&table.by)?)?);
            if table.inner {
                let kept = places.not_equal(table.nowhere());
                if !kept.all() {
                    rows = rows.filter(&kept)?;
                    places = places.filter(&kept)?;
                }
            }
            for column in table.rows.columns() {
                rows.with_column(column.take(&places)?)?;
            }
        }
        Ok(rows.lazy())
    }
}

impl Table {
    /// For every key its row; the last one, of nulls, where there is none.
    fn places(&self, keys: &Column) -> Result<Vec<IdxSize>, EngineError> {
        if let Some(index) = &self.index
            && let Some(places) = index.rows(keys, self.nowhere())?
        {
            return Ok(places);
        }
        Ok(grouping::places(keys, &self.key, self.nowhere())?)
    }

    /// The row of nulls, after the others.
    fn nowhere(&self) -> IdxSize {
        IdxSize::try_from(self.key.len()).unwrap_or(IdxSize::MAX)
    }
}

/// The first table, its alias, and the joins, where all of them look something up.
fn shape(select: &Select) -> Option<(String, String, Vec<Joined>)> {
    let [from] = select.from.as_slice() else { return None };
    if from.joins.is_empty() {
        return None;
    }
    let (name, alias) = named(&from.relation)?;
    let mut aliases = vec![alias.clone()];
    let mut joins = Vec::new();
    for join in &from.joins {
        let (constraint, inner) = match &join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (constraint, true),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (constraint, false),
            _ => return None,
        };
        let JoinConstraint::On(Sql::BinaryOp { left, op: BinaryOperator::Eq, right }) = constraint else { return None };
        let (name, alias) = named(&join.relation)?;
        if aliases.contains(&alias) {
            return None;
        }
        let (left, right) = (qualified(left)?, qualified(right)?);
        let (key, by) = if right.0 == alias { (right.1, left) } else { (left.1.clone(), right) };
        if !aliases.contains(&by.0) || (by.0 == alias) {
            return None;
        }
        aliases.push(alias.clone());
        joins.push(Joined { alias, name, key, by, inner });
    }
    Some((name, alias, joins))
}

fn named(relation: &TableFactor) -> Option<(String, String)> {
    let TableFactor::Table { name, alias, args: None, .. } = relation else { return None };
    let [part] = name.0.as_slice() else { return None };
    let name = part.as_ident()?.value.clone();
    let alias = alias.as_ref().map_or_else(|| name.clone(), |alias| alias.name.value.clone());
    Some((name, alias))
}

fn qualified(expr: &Sql) -> Option<(String, String)> {
    match expr {
        Sql::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] => Some((table.value.clone(), column.value.clone())),
            _ => None,
        },
        Sql::Nested(inner) => qualified(inner),
        _ => None,
    }
}

/// What the names of a select stand for.
struct Names<'a> {
    alias: &'a str,
    first: &'a Schema,
    others: &'a [(String, SchemaRef)],
}

impl Names<'_> {
    /// The column of the table that [`Lookup::apply`] makes.
    fn column(&self, alias: &str, name: &str) -> String {
        if alias == self.alias { name.to_owned() } else { format!("{alias}.{name}") }
    }

    /// The columns of a table.
    fn schema(&self, alias: &str) -> Option<&Schema> {
        if alias == self.alias {
            return Some(self.first);
        }
        self.others.iter().find(|(other, _)| other == alias).map(|(_, schema)| &**schema)
    }

    /// The columns that an expression which is a name may stand for.
    fn found(&self, expr: &Sql) -> Vec<String> {
        match expr {
            Sql::CompoundIdentifier(_) => {
                let Some((alias, name)) = qualified(expr) else { return Vec::new() };
                let there = self.schema(&alias).is_some_and(|schema| schema.contains(&name));
                if there { vec![self.column(&alias, &name)] } else { Vec::new() }
            }
            Sql::Identifier(name) => {
                let others = self.others.iter().filter(|(_, schema)| schema.contains(&name.value));
                let own = self.first.contains(&name.value).then_some(self.alias);
                let places = own.into_iter().chain(others.map(|(alias, _)| alias.as_str()));
                places.map(|alias| self.column(alias, &name.value)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The select over the table `name`, and the columns that it reads; none where it holds a name that means nothing here.
    fn rewritten(&self, select: &Select, name: &str) -> Option<(Select, BTreeSet<String>)> {
        let mut rewritten = select.clone();
        for item in &mut rewritten.projection {
            let output = match &*item {
                SelectItem::UnnamedExpr(Sql::Identifier(name)) => name.clone(),
                SelectItem::UnnamedExpr(Sql::CompoundIdentifier(parts)) => parts.last()?.clone(),
                SelectItem::ExprWithAlias { .. } => continue,
                _ => return None,
            };
            if let SelectItem::UnnamedExpr(expr) = item.clone() {
                *item = SelectItem::ExprWithAlias { expr, alias: output };
            }
        }
        let outputs: BTreeSet<String> = rewritten
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { expr: Sql::Identifier(name), alias } if name.value == alias.value => None,
                SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
                _ => None,
            })
            .collect();
        let relation = rewritten.from.first_mut()?;
        relation.joins.clear();
        if let TableFactor::Table { name: table, alias, .. } = &mut relation.relation {
            *table = ast::ObjectName::from(vec![Ident::new(name)]);
            *alias = None;
        }
        let mut read = BTreeSet::new();
        let mut known = true;
        let _ = ast::visit_expressions_mut(&mut rewritten, |node| {
            match node {
                Sql::Subquery(_) | Sql::Exists { .. } | Sql::InSubquery { .. } => known = false,
                Sql::Identifier(_) | Sql::CompoundIdentifier(_) => match self.found(node).as_slice() {
                    [found] => {
                        *node = column(found);
                        read.insert(found.clone());
                    }
                    // A name of what is selected may stand in `group by`.
                    [] => known &= matches!(node, Sql::Identifier(name) if outputs.contains(&name.value)),
                    // Which of several is meant is the front end's matter.
                    _ => known = false,
                },
                _ => {}
            }
            if known { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        known.then_some((rewritten, read))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;
    use crate::codes;

    fn select_of(text: &str) -> Select {
        let query = Parser::new(&GenericDialect {}).try_with_sql(text).unwrap().parse_query().unwrap();
        match *query.body {
            ast::SetExpr::Select(select) => *select,
            other => panic!("{other}"),
        }
    }

    fn tables() -> HashMap<String, Rows> {
        let coded = |name: &str| col(name).cast(codes::dtype(name));
        let touches = df!("contact_id" => [Some("c1"), Some("c2"), None, Some("c9")], "kind" => ["a", "b", "a", "z"]);
        let people = df!("contact_id" => ["c2", "c1"], "level" => ["vp", "cxo"]);
        let weights = df!("kind" => ["a", "b"], "points" => [1.0, 2.0]);
        let numbered = df!("kind" => [1, 2], "points" => [1.0, 2.0]);
        let twice = df!("kind" => ["a", "a"], "points" => [1.0, 2.0]);
        HashMap::from([
            ("touches".to_owned(), touches.unwrap().lazy().with_columns([coded("contact_id")]).into()),
            ("people".to_owned(), people.unwrap().lazy().with_columns([coded("contact_id")]).into()),
            ("weights".to_owned(), weights.unwrap().lazy().into()),
            ("numbered".to_owned(), numbered.unwrap().lazy().into()),
            ("twice".to_owned(), twice.unwrap().lazy().into()),
        ])
    }

    fn looked_up(text: &str) -> Option<DataFrame> {
        let tables = tables();
        let (lookup, rewritten) = Lookup::taken_out(&select_of(text), &tables, "found").unwrap()?;
        let rows = lookup.apply(tables[&lookup.from].clone().whole().unwrap()).unwrap();
        let mut context = polars::sql::SQLContext::new();
        context.register("found", rows);
        Some(context.execute(&rewritten.to_string()).unwrap().collect().unwrap())
    }

    #[test]
    fn every_row_finds_at_most_one_row_of_each_table() {
        let found = looked_up(
            "select t.kind, p.level, points * 2 as double from touches t
             left join people p on t.contact_id = p.contact_id left join weights w on w.kind = t.kind",
        );
        let expected = df!(
            "kind" => ["a", "b", "a", "z"],
            "level" => [Some("cxo"), Some("vp"), None, None],
            "double" => [Some(2.0), Some(4.0), Some(2.0), None],
        );
        assert!(found.unwrap().equals_missing(&expected.unwrap()));
    }

    #[test]
    fn an_inner_join_leaves_out_rows_that_find_nothing() {
        let found =
            looked_up("select t.kind as kind, level from touches t join people p on t.contact_id = p.contact_id");
        assert!(found.unwrap().equals(&df!("kind" => ["a", "b"], "level" => ["cxo", "vp"]).unwrap()));
    }

    #[test]
    fn other_joins_are_left_to_polars() {
        for text in [
            "select t.kind, points from touches t left join twice w on t.kind = w.kind",
            "select t.kind, points from touches t left join numbered n on t.kind = n.kind",
            "select t.kind, points from touches t left join weights w on t.kind = w.kind and points > 1",
            "select t.kind, points from touches t left join weights w on t.kind > w.kind",
            "select t.kind, points from touches t full join weights w on t.kind = w.kind",
            "select * from touches t left join weights w on t.kind = w.kind",
            "select kind, points from touches t left join weights w on t.kind = w.kind",
            "select t.kind, price from touches t left join weights w on t.kind = w.kind",
            "select t.kind from touches t",
        ] {
            assert!(looked_up(text).is_none(), "{text}");
        }
    }
}
