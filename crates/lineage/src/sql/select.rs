//! One select: its relations, its columns, and what decides about its rows.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, NamedWindowDefinition, NamedWindowExpr,
    Select, TableAlias, TableFactor, TableWithJoins, Value, Visit, Visitor,
};

use super::Reader;
use super::projection::{keeps_kpis, last};
use super::query::{Common, column_names};
use super::scope::{Only, Scope, Side, narrowed};
use crate::column::{How, Inputs};
use crate::relation::Relation;

impl Reader<'_> {
    /// The columns that a select gives; what `order` names goes into `sorted`, for an order may name what the select does
    /// not give.
    pub(super) fn select<'e>(
        &mut self,
        select: &Select,
        common: &Common,
        outer: Option<&Scope<'_>>,
        order: impl Iterator<Item = &'e Expr>,
        sorted: &mut Inputs,
    ) -> Relation {
        let mut scope = Scope::inside(outer);
        let mut rows = Inputs::default();
        for from in &select.from {
            self.from(from, common, &mut scope, &mut rows);
        }
        rows.add(scope.rows());
        let mut only = Only::default();
        if let Some(condition) = &select.selection {
            only = narrowed(condition, &scope, &only);
            rows.add(self.inputs(condition, &scope, &only).then(How::Filter));
        }
        for NamedWindowDefinition(name, window) in &select.named_window {
            let inputs = match window {
                NamedWindowExpr::WindowSpec(window) => self.window(window, &scope, &only),
                NamedWindowExpr::NamedWindow(other) => scope.windows.get(&other.value).cloned().unwrap_or_default(),
            };
            scope.windows.insert(name.value.clone(), inputs);
        }
        let mut relation = Relation::default();
        let mut items: Vec<Option<&Expr>> = Vec::new();
        for item in &select.projection {
            self.item(item, &mut scope, &only, &mut relation, &mut items);
        }
        if !keeps_kpis(select, &scope) {
            relation.kpi = None;
        }
        self.groups(select, &scope, &only, &items, &mut rows);
        for condition in select.having.iter().chain(&select.qualify) {
            rows.add(self.inputs(condition, &scope, &only).then(How::Filter));
        }
        match &select.distinct {
            Some(Distinct::Distinct) => {
                let all: Inputs = relation.columns.values().cloned().collect();
                rows.add(all.then(How::GroupBy));
            }
            Some(Distinct::On(by)) => {
                for expr in by {
                    rows.add(self.inputs(expr, &scope, &only).then(How::GroupBy));
                }
            }
            _ => {}
        }
        for by in order {
            sorted.add(self.named_or_counted(by, &scope, &only, &items));
        }
        relation.rows = rows;
        relation
    }

    fn from(&mut self, from: &TableWithJoins, common: &Common, scope: &mut Scope<'_>, rows: &mut Inputs) {
        self.factor(&from.relation, common, scope, rows);
        for join in &from.joins {
            let right = self.factor(&join.relation, common, scope, rows);
            self.join(join, right, scope, rows);
        }
    }

    /// Adds a relation to the scope.
    fn factor(
        &mut self,
        factor: &TableFactor,
        common: &Common,
        scope: &mut Scope<'_>,
        rows: &mut Inputs,
    ) -> Option<usize> {
        let named = |alias: &Option<TableAlias>, relation: Relation, name: String| match alias {
            Some(alias) => (alias.name.value.clone(), relation.renamed(&column_names(alias))),
            None => (name, relation),
        };
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let full = last(name);
                let relation = common.get(&full).cloned().or_else(|| (self.tables)(&full)).unwrap_or_default();
                let (name, relation) = named(alias, relation, full);
                Some(scope.add(&name, relation))
            }
            TableFactor::Derived { subquery, alias, lateral, .. } => {
                let relation = self.query(subquery, common, if *lateral { Some(&*scope) } else { None });
                let (name, relation) = named(alias, relation, String::new());
                Some(scope.add(&name, relation))
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.from(table_with_joins, common, scope, rows);
                None
            }
            _ => None,
        }
    }

    fn join(&mut self, join: &Join, right: Option<usize>, scope: &mut Scope<'_>, rows: &mut Inputs) {
        use JoinOperator as Op;
        let (constraint, side) = match &join.join_operator {
            Op::Right(constraint) | Op::RightOuter(constraint) => (constraint, Side::Right),
            Op::FullOuter(constraint) => (constraint, Side::Both),
            Op::AsOf { match_condition, constraint } => {
                rows.add(self.inputs(match_condition, scope, &Only::default()).then(How::Join));
                (constraint, Side::Left)
            }
            Op::Join(constraint)
            | Op::Inner(constraint)
            | Op::Left(constraint)
            | Op::LeftOuter(constraint)
            | Op::CrossJoin(constraint)
            | Op::Semi(constraint)
            | Op::LeftSemi(constraint)
            | Op::RightSemi(constraint)
            | Op::Anti(constraint)
            | Op::LeftAnti(constraint)
            | Op::RightAnti(constraint)
            | Op::StraightJoin(constraint) => (constraint, Side::Left),
            _ => return,
        };
        let columns = match (constraint, right) {
            (JoinConstraint::On(condition), _) => {
                rows.add(self.inputs(condition, scope, &Only::default()).then(How::Join));
                Vec::new()
            }
            (JoinConstraint::Using(names), _) => names.iter().map(last).collect(),
            (JoinConstraint::Natural, Some(right)) => scope.shared(right),
            _ => Vec::new(),
        };
        for column in columns {
            let both = scope.resolve(&[Ident::new(column.as_str())], &Only::default());
            self.note(&both);
            rows.add(both.then(How::Join));
            if let Some(right) = right {
                scope.merge(&column, right, side);
            }
        }
        // What was joined only to look whether it is there gives no columns.
        let looked_at = matches!(join.join_operator, Op::Semi(_) | Op::LeftSemi(_) | Op::Anti(_) | Op::LeftAnti(_));
        if let (true, Some(right)) = (looked_at, right) {
            scope.hide(right);
        }
    }

    fn groups(&mut self, select: &Select, scope: &Scope<'_>, only: &Only, items: &[Option<&Expr>], rows: &mut Inputs) {
        match &select.group_by {
            GroupByExpr::Expressions(by, _) => {
                for expr in by {
                    rows.add(self.named_or_counted(expr, scope, only, items).then(How::GroupBy));
                }
            }
            GroupByExpr::All(_) => {
                for expr in items.iter().flatten().filter(|expr| !has_aggregate(expr)) {
                    rows.add(self.inputs(expr, scope, only).then(How::GroupBy));
                }
            }
        }
    }

    /// An expression of `group by` or `order by`: over the relations, by an output column's name, or by its place.
    fn named_or_counted(&mut self, expr: &Expr, scope: &Scope<'_>, only: &Only, items: &[Option<&Expr>]) -> Inputs {
        if let Expr::Value(value) = expr
            && let Value::Number(number, _) = &value.value
            && let Some(Some(item)) = number.parse::<usize>().ok().and_then(|place| items.get(place.wrapping_sub(1)))
        {
            return self.inputs(item, scope, only);
        }
        self.inputs(expr, scope, only)
    }
}

fn has_aggregate(expr: &Expr) -> bool {
    struct Finder(bool);
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr {
                let name = function.name.to_string().to_lowercase();
                self.0 |= function.over.is_none() && abmart_spec::sql::aggregates(&name);
            }
            ControlFlow::Continue(())
        }
    }
    let mut finder = Finder(false);
    let _ = expr.visit(&mut finder);
    finder.0
}
