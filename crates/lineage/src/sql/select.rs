//! One select: its relations, its columns, and what decides about its rows.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, ExcludeSelectItem, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, NamedWindowDefinition,
    NamedWindowExpr, ObjectName, Query, RenameSelectItem, Select, SelectItem, SelectItemQualifiedWildcardKind,
    TableAlias, TableFactor, TableWithJoins, Value, Visit, Visitor, WildcardAdditionalOptions, WindowType,
};

use super::Reader;
use super::query::{Common, column_names};
use super::scope::{Only, Scope, Side};
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
            only = self.narrowed(condition, &scope, &only);
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
        if !self.keeps_kpis(select, &scope) {
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

    /// Adds a column, or all those that a wildcard stands for.
    fn item<'e>(
        &mut self,
        item: &'e SelectItem,
        scope: &mut Scope<'_>,
        only: &Only,
        relation: &mut Relation,
        items: &mut Vec<Option<&'e Expr>>,
    ) {
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, output_name(expr)),
            SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
            SelectItem::ExprWithAliases { expr, aliases } => {
                let inputs = self.inputs(expr, scope, only);
                for alias in aliases {
                    relation.set(alias.value.clone(), inputs.clone());
                    items.push(Some(expr));
                }
                return;
            }
            SelectItem::Wildcard(options) => return self.wildcard(None, options, scope, only, relation, items),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                return self.wildcard(Some(&last(name)), options, scope, only, relation, items);
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) => (expr, output_name(expr)),
        };
        let inputs = self.inputs(expr, scope, only);
        if path_of(expr).is_some_and(|path| scope.kpi_of(path).is_some()) {
            relation.kpi = Some(name.clone());
        }
        scope.aliases.insert(name.clone(), inputs.clone());
        relation.set(name, inputs);
        items.push(Some(expr));
    }

    fn wildcard<'e>(
        &mut self,
        alias: Option<&str>,
        options: &'e WildcardAdditionalOptions,
        scope: &mut Scope<'_>,
        only: &Only,
        relation: &mut Relation,
        items: &mut Vec<Option<&'e Expr>>,
    ) {
        let mut left_out: Vec<String> = match &options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => vec![last(name)],
            Some(ExcludeSelectItem::Multiple(names)) => names.iter().map(last).collect(),
            None => Vec::new(),
        };
        if let Some(except) = &options.opt_except {
            left_out.push(except.first_element.value.clone());
            left_out.extend(except.additional_elements.iter().map(|ident| ident.value.clone()));
        }
        let renamed: Vec<(&str, &str)> = match &options.opt_rename {
            Some(RenameSelectItem::Single(one)) => vec![(&one.ident.value, &one.alias.value)],
            Some(RenameSelectItem::Multiple(all)) => {
                all.iter().map(|one| (one.ident.value.as_str(), one.alias.value.as_str())).collect()
            }
            None => Vec::new(),
        };
        for (name, inputs, tells_kpi) in scope.expanded(alias, only) {
            if left_out.contains(&name) {
                continue;
            }
            let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
            let replaced = replaced.into_iter().find(|replaced| replaced.column_name.value == name);
            let inputs = match replaced {
                Some(replaced) => self.inputs(&replaced.expr, scope, only),
                None => inputs,
            };
            let name = renamed.iter().find(|(old, _)| *old == name).map_or(name.clone(), |(_, new)| (*new).to_owned());
            if tells_kpi && replaced.is_none() {
                relation.kpi = Some(name.clone());
            }
            // The first of two columns with one name counts.
            if !relation.columns.contains_key(&name) {
                relation.set(name, inputs);
                items.push(replaced.map(|replaced| &replaced.expr));
            }
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
                for expr in items.iter().flatten().filter(|expr| !has_aggregate(*expr)) {
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

    /// Whether the column of KPIs still tells of all values after a select: where they come from one relation and no
    /// window goes over several KPIs.
    fn keeps_kpis(&self, select: &Select, scope: &Scope<'_>) -> bool {
        let mut mixed = Mixed { scope, found: false };
        let _ = select.projection.visit(&mut mixed);
        scope.has_one_of_kpis() && !mixed.found
    }
}

/// Finds what may put values of several KPIs into one row.
struct Mixed<'s> {
    scope: &'s Scope<'s>,
    found: bool,
}

impl Visitor for Mixed<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.found = true;
        ControlFlow::Break(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(over) = &function.over
        {
            let by_kpi = match over {
                WindowType::WindowSpec(window) => window
                    .partition_by
                    .iter()
                    .any(|expr| path_of(expr).is_some_and(|path| self.scope.kpi_of(path).is_some())),
                WindowType::NamedWindow(_) => false,
            };
            self.found |= !by_kpi;
        }
        ControlFlow::Continue(())
    }
}

/// The name that a column has without an alias: that of the first column in it, as Polars names it.
fn output_name(expr: &Expr) -> String {
    struct First(Option<String>);
    impl Visitor for First {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match path_of(expr).and_then(<[Ident]>::last) {
                Some(ident) => {
                    self.0 = Some(ident.value.clone());
                    ControlFlow::Break(())
                }
                None => ControlFlow::Continue(()),
            }
        }
    }
    let mut first = First(None);
    let _ = expr.visit(&mut first);
    first.0.unwrap_or_else(|| expr.to_string().to_lowercase())
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

fn path_of(expr: &Expr) -> Option<&[Ident]> {
    match expr {
        Expr::Identifier(ident) => Some(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(path) => Some(path),
        Expr::Nested(inner) => path_of(inner),
        _ => None,
    }
}

fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}
