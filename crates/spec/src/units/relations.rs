//! The quantities of the columns of sources, rollups and tables.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use indexmap::IndexMap;
use sqlparser::ast::{GroupByExpr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor};

use crate::model::{Column, ColumnType, Project, SqlQuery, Table, TableBody};

use super::quantity::{Clash, Quantity, infer};
use super::{lookup, names_currency};

pub(super) type Columns = BTreeMap<String, Quantity>;

/// Columns per relation, inferred when they are first asked for.
pub(super) struct Relations<'a> {
    project: &'a Project,
    known: RefCell<BTreeMap<String, Rc<Columns>>>,
    clashes: RefCell<BTreeMap<String, Vec<Clash>>>,
}

impl<'a> Relations<'a> {
    pub fn new(project: &'a Project) -> Self {
        Self { project, known: RefCell::default(), clashes: RefCell::default() }
    }

    /// The columns of a relation whose quantity is known; those that are missing are unknown.
    pub fn columns(&self, name: &str) -> Rc<Columns> {
        if let Some(known) = self.known.borrow().get(name) {
            return Rc::clone(known);
        }
        let columns = Rc::new(self.inferred(name));
        self.known.borrow_mut().insert(name.to_owned(), Rc::clone(&columns));
        columns
    }

    /// What does not go together in the SQL of a table.
    pub fn clashes(&self, table: &str) -> Vec<(Clash, &'a SqlQuery)> {
        self.columns(table);
        let Some(TableBody::Sql(sql)) = self.project.tables.get(table).map(|table| &table.body) else {
            return Vec::new();
        };
        let clashes = self.clashes.borrow_mut().remove(table).unwrap_or_default();
        clashes.into_iter().map(|clash| (clash, sql)).collect()
    }

    fn inferred(&self, name: &str) -> Columns {
        if let Some(source) = self.project.sources.get(name) {
            return contract(&source.columns);
        }
        if let Some(rollup) = self.project.rollups.get(name) {
            let input = self.columns(&rollup.from.value);
            let outputs = rollup.by.iter().chain(&rollup.measures);
            return outputs
                .map(|(column, sql)| {
                    let (quantity, _) = infer(&sql.ast, &|path| lookup(&input, path));
                    (column.clone(), quantity)
                })
                .collect();
        }
        match self.project.tables.get(name) {
            Some(table) => self.table(table),
            None => Columns::new(),
        }
    }

    fn table(&self, table: &Table) -> Columns {
        let mut columns = match &table.body {
            TableBody::Rows { columns, .. } => contract(columns),
            TableBody::Attribution { of, .. } => self.attribution(of),
            TableBody::Sql(sql) => {
                let mut scope = Scope { relations: self, local: Vec::new(), clashes: Vec::new() };
                let columns = scope.query(&sql.ast);
                let clashes = std::mem::take(&mut scope.clashes);
                self.clashes.borrow_mut().insert(table.name.clone(), clashes);
                columns
            }
        };
        for column in table.money.iter().flat_map(|money| &money.columns) {
            columns.insert(column.value.clone(), Quantity::Money);
        }
        columns
    }

    /// Credit of a value is as much of the value's quantity.
    fn attribution(&self, name: &str) -> Columns {
        let Some(attribution) = self.project.attributions.get(name) else { return Columns::new() };
        let Some(value) = &attribution.conversions.value else { return Columns::new() };
        let input = self.columns(&attribution.conversions.from.value);
        let quantity = input.get(&value.value).copied().unwrap_or(Quantity::Unknown);
        ["value", "conversion_value"].into_iter().map(|column| (column.to_owned(), quantity)).collect()
    }
}

fn contract(columns: &IndexMap<String, Column>) -> Columns {
    let quantity = |column: &Column| match column.ty {
        ColumnType::Money => Quantity::Unconverted,
        ColumnType::Integer | ColumnType::Number => Quantity::Unknown,
        _ => Quantity::NotANumber,
    };
    columns.values().map(|column| (column.name.clone(), quantity(column))).collect()
}

/// The common tables in reach of a query.
struct Scope<'r, 'a> {
    relations: &'r Relations<'a>,
    local: Vec<(String, Columns)>,
    clashes: Vec<Clash>,
}

impl Scope<'_, '_> {
    fn query(&mut self, query: &Query) -> Columns {
        let outer = self.local.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&table.query);
            self.local.push((table.alias.name.value.clone(), columns));
        }
        let columns = self.body(&query.body);
        self.local.truncate(outer);
        columns
    }

    fn body(&mut self, body: &SetExpr) -> Columns {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let mut columns = self.body(left);
                let other = self.body(right);
                // Columns go together by position, which the names of the first query hide: only a common name counts.
                columns.retain(|name, quantity| other.get(name).is_none_or(|other| other == quantity));
                columns
            }
            _ => Columns::new(),
        }
    }

    fn select(&mut self, select: &Select) -> Columns {
        let mut input = Columns::new();
        for from in &select.from {
            let joined = from.joins.iter().map(|join| &join.relation);
            for factor in std::iter::once(&from.relation).chain(joined) {
                self.factor(factor, &mut input);
            }
        }
        let mut output = Columns::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    if let Some(name) = name_of(expr) {
                        let quantity = self.infer(expr, select, &input);
                        output.insert(name, quantity);
                    } else {
                        self.infer(expr, select, &input);
                    }
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let quantity = self.infer(expr, select, &input);
                    output.insert(alias.value.clone(), quantity);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let prefix = format!("{name}.");
                    let own = input
                        .iter()
                        .filter_map(|(path, quantity)| Some((path.strip_prefix(&prefix)?.to_owned(), *quantity)));
                    output.extend(own.collect::<Vec<_>>());
                }
                SelectItem::Wildcard(_) => {
                    let bare = input.iter().filter(|(path, _)| !path.contains('.'));
                    output.extend(bare.map(|(path, quantity)| (path.clone(), *quantity)));
                }
                _ => {}
            }
        }
        output
    }

    /// Adds a table's columns, bare and with the table's name in front.
    fn factor(&mut self, factor: &TableFactor, input: &mut Columns) {
        let (columns, alias) = match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = name.to_string();
                let local = self.local.iter().rev().find(|(local, _)| *local == name);
                let columns = match local {
                    Some((_, columns)) => columns.clone(),
                    None => self.relations.columns(&name).as_ref().clone(),
                };
                (columns, alias.as_ref().map_or(name, |alias| alias.name.value.clone()))
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.query(subquery);
                (columns, alias.as_ref().map(|alias| alias.name.value.clone()).unwrap_or_default())
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.factor(&table_with_joins.relation, input);
                for join in &table_with_joins.joins {
                    self.factor(&join.relation, input);
                }
                return;
            }
            _ => return,
        };
        for (column, quantity) in columns {
            input.insert(format!("{alias}.{column}"), quantity);
            // Of two columns of one name, neither is known by the bare name.
            let bare = input.entry(column).or_insert(quantity);
            if *bare != quantity {
                *bare = Quantity::Unknown;
            }
        }
    }

    fn infer(&mut self, expr: &sqlparser::ast::Expr, select: &Select, input: &Columns) -> Quantity {
        let (quantity, clashes) = infer(expr, &|path| match path {
            [column] => input.get(column).copied().unwrap_or(Quantity::Unknown),
            path => input.get(&path.join(".")).copied().unwrap_or(Quantity::Unknown),
        });
        let by_currency = match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(keys, _) => keys.iter().any(names_currency),
        };
        let tolerated = |clash: &Clash| by_currency && matches!(clash, Clash::Unconverted(..));
        let sums_by_currency = clashes.iter().any(tolerated);
        self.clashes.extend(clashes.into_iter().filter(|clash| !tolerated(clash)));
        // A sum within one currency is still an amount of that currency.
        if sums_by_currency { Quantity::Unconverted } else { quantity }
    }
}

fn name_of(expr: &sqlparser::ast::Expr) -> Option<String> {
    match expr {
        sqlparser::ast::Expr::Identifier(ident) => Some(ident.value.clone()),
        sqlparser::ast::Expr::CompoundIdentifier(idents) => idents.last().map(|ident| ident.value.clone()),
        _ => None,
    }
}
