//! The columns of a select: expressions, wildcards, and the one that says of which KPI a row is.

use std::ops::ControlFlow;

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, Query, RenameSelectItem, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Visit, Visitor, WildcardAdditionalOptions, WindowType,
};

use super::Reader;
use super::scope::{Only, Scope};
use crate::relation::Relation;

impl Reader<'_> {
    /// Adds a column, or all those that a wildcard stands for.
    pub(super) fn item<'e>(
        &mut self,
        item: &'e SelectItem,
        scope: &mut Scope<'_>,
        only: &Only,
        relation: &mut Relation,
        items: &mut Vec<Option<&'e Expr>>,
    ) {
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(expr)
            | SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) => {
                (expr, output_name(expr))
            }
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
}

/// Whether the column of KPIs still tells of all values after a select: where they come from one relation and no
/// window goes over several KPIs.
pub(super) fn keeps_kpis(select: &Select, scope: &Scope<'_>) -> bool {
    let mut mixed = Mixed { scope, found: false };
    let _ = select.projection.visit(&mut mixed);
    scope.has_one_of_kpis() && !mixed.found
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

fn path_of(expr: &Expr) -> Option<&[Ident]> {
    match expr {
        Expr::Identifier(ident) => Some(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(path) => Some(path),
        Expr::Nested(inner) => path_of(inner),
        _ => None,
    }
}

pub(super) fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}
