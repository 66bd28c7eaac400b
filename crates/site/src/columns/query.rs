//! The columns of a query.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, Visit, Visitor,
};

use super::{Column, Columns, Origin, Relation, types};
use crate::highlight::lower_keywords;

/// The common tables in reach.
type Common = BTreeMap<String, Relation>;

/// What the expressions of a `select` can name.
pub(super) struct Scope<'c, 'a> {
    columns: &'c Columns<'a>,
    common: Common,
    /// Alias → relation, in the order of the text.
    relations: Vec<(String, Relation)>,
}

/// The columns that a query gives.
pub(super) fn of(columns: &Columns<'_>, query: &Query, common: &Common) -> Relation {
    let mut common = common.clone();
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let made = renamed(of(columns, &table.query, &common), &table.alias);
        common.insert(table.alias.name.value.clone(), made);
    }
    body(columns, &query.body, &common)
}

fn body(columns: &Columns<'_>, expr: &SetExpr, common: &Common) -> Relation {
    match expr {
        SetExpr::Select(select) => self::select(columns, select, common),
        SetExpr::Query(query) => of(columns, query, common),
        SetExpr::SetOperation { left, right, .. } => {
            let mut relation = body(columns, left, common);
            let other = body(columns, right, common);
            for (column, other) in relation.columns.iter_mut().zip(other.columns) {
                add(&mut column.origins, other.origins);
                column.ty = column.ty.filter(|ty| other.ty.is_none_or(|other| other == *ty));
            }
            relation
        }
        _ => Relation::default(),
    }
}

fn select(columns: &Columns<'_>, select: &Select, common: &Common) -> Relation {
    let mut scope = Scope { columns, common: common.clone(), relations: Vec::new() };
    for table in &select.from {
        scope.add(&table.relation);
        for join in &table.joins {
            scope.add(&join.relation);
        }
    }
    let mut relation = Relation::default();
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { expr, alias } => {
                relation.columns.push(scope.column(alias.value.clone(), expr));
            }
            SelectItem::UnnamedExpr(expr) => relation.columns.push(scope.column(name_of(expr), expr)),
            SelectItem::Wildcard(_) => {
                for (_, read) in &scope.relations {
                    relation.columns.extend(read.columns.iter().cloned().map(passed_on));
                    relation.open = relation.open.or_else(|| read.open.clone());
                }
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let alias = name.to_string();
                if let Some((_, read)) = scope.relations.iter().find(|(known, _)| *known == alias) {
                    relation.columns.extend(read.columns.iter().cloned().map(passed_on));
                    relation.open = relation.open.or_else(|| read.open.clone());
                }
            }
            _ => {}
        }
    }
    relation
}

impl<'c, 'a> Scope<'c, 'a> {
    /// The scope of expressions over one relation.
    pub fn over(columns: &'c Columns<'a>, relation: Relation) -> Self {
        Self { columns, common: Common::new(), relations: vec![(String::new(), relation)] }
    }

    /// The column of an expression.
    pub fn column(&self, name: String, expr: &Expr) -> Column {
        let mut finder = Origins { scope: self, found: Vec::new(), depth: 0 };
        let _ = expr.visit(&mut finder);
        let taken_over = matches!(path(expr).as_deref(), Some([.., last]) if *last == name);
        Column {
            name,
            expression: (!taken_over).then(|| lower_keywords(&expr.to_string())),
            origins: finder.found,
            ty: types::of(expr, self),
        }
    }

    /// The column that a name stands for; of a relation whose columns are not known, where no other can be meant.
    pub fn resolve(&self, path: &[String]) -> Option<Column> {
        let (alias, name) = match path {
            [name] => (None, name),
            [.., alias, name] => (Some(alias), name),
            [] => return None,
        };
        let mut reach = self.relations.iter().filter(|(known, _)| alias.is_none_or(|alias| alias == known));
        if let Some(column) = reach.clone().find_map(|(_, relation)| relation.column(name)) {
            return Some(column.clone());
        }
        let open = reach.find_map(|(_, relation)| relation.open.clone())?;
        let origins = vec![Origin { of: open, column: name.clone() }];
        Some(Column { name: name.clone(), expression: None, origins, ty: None })
    }

    fn add(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = name.to_string().replace('"', "");
                let read = self.common.get(&name).cloned().unwrap_or_else(|| self.columns.read(&name));
                let alias = alias.as_ref().map_or(name, |alias| alias.name.value.clone());
                self.relations.push((alias, read));
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let made = of(self.columns, subquery, &self.common);
                let (name, made) = match alias {
                    Some(alias) => (alias.name.value.clone(), renamed(made, alias)),
                    None => (String::new(), made),
                };
                self.relations.push((name, made));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.add(&table_with_joins.relation);
                for join in &table_with_joins.joins {
                    self.add(&join.relation);
                }
            }
            _ => {}
        }
    }
}

/// Collects the columns that an expression is made from.
struct Origins<'s, 'c, 'a> {
    scope: &'s Scope<'c, 'a>,
    found: Vec<Origin>,
    /// How many subqueries are open around the visited place; their names are not those of the scope.
    depth: usize,
}

impl Visitor for Origins<'_, '_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            let made = of(self.scope.columns, query, &self.scope.common);
            add(&mut self.found, made.columns.into_iter().flat_map(|column| column.origins));
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Some(path) = path(expr)
            && let Some(column) = self.scope.resolve(&path)
        {
            add(&mut self.found, column.origins);
        }
        ControlFlow::Continue(())
    }
}

/// The parts of a column's name.
pub(super) fn path(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![ident.value.clone()]),
        Expr::CompoundIdentifier(idents) => Some(idents.iter().map(|ident| ident.value.clone()).collect()),
        _ => None,
    }
}

fn name_of(expr: &Expr) -> String {
    path(expr).and_then(|path| path.into_iter().next_back()).unwrap_or_else(|| expr.to_string())
}

/// A column that a wildcard hands on: what it was computed by is told where it was.
fn passed_on(column: Column) -> Column {
    Column { expression: None, ..column }
}

fn renamed(mut relation: Relation, alias: &TableAlias) -> Relation {
    for (column, new) in relation.columns.iter_mut().zip(&alias.columns) {
        column.name.clone_from(&new.name.value);
    }
    relation
}

fn add(origins: &mut Vec<Origin>, more: impl IntoIterator<Item = Origin>) {
    for origin in more {
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
}
