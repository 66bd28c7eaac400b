//! Columns of a mart: gone, renamed, of another type or unit.

use std::collections::BTreeMap;

use abmart_spec::diagnostic::Span;
use abmart_spec::fingerprint::fingerprints;
use abmart_spec::model::{Mart, MartBody, SqlQuery, TableBody};
use sqlparser::ast::{SelectItem, SetExpr};

use super::{Change, Version, renamed};

/// A column of a mart in one version.
struct Column<'a> {
    name: &'a str,
    ty: &'static str,
    /// What tells it from other columns whatever it is called: the expression that it is, or its documentation.
    meaning: Option<String>,
    span: Span,
}

pub(super) fn changes(old: &Mart, new: &Mart, before: &Version<'_>, after: &Version<'_>, found: &mut Vec<Change>) {
    let (Some(was), Some(is)) = (columns(old, before), columns(new, after)) else { return };
    let by_name = |columns: &[Column<'_>], name: &str| columns.iter().position(|column| column.name == name);
    let gone: Vec<&Column<'_>> = was.iter().filter(|column| by_name(&is, column.name).is_none()).collect();
    let come: Vec<&Column<'_>> = is.iter().filter(|column| by_name(&was, column.name).is_none()).collect();
    let same = |a: &Column<'_>, b: &Column<'_>| a.ty == b.ty && a.meaning.is_some() && a.meaning == b.meaning;
    let pairs = renamed(&gone, &come, same);
    for (number, column) in gone.iter().enumerate() {
        let successor = pairs.iter().find(|(old, _)| *old == number).map(|(_, new)| come[*new]);
        let (code, message) = match successor {
            Some(successor) => (
                "column-renamed",
                format!("column `{}` of mart `{}` is called `{}` now", column.name, new.name, successor.name),
            ),
            None => ("column-removed", format!("column `{}` of mart `{}` is gone", column.name, new.name)),
        };
        let at = successor.map_or(new.span, |successor| successor.span);
        found.push(Change::breaking(code, message, before, Some(column.span), after, Some(at)));
    }
    for (number, column) in come.iter().enumerate() {
        if pairs.iter().all(|(_, new)| *new != number) {
            let message = format!("column `{}` of mart `{}` is new", column.name, new.name);
            found.push(
                Change::breaking("column-added", message, before, Some(old.span), after, Some(column.span)).harmless(),
            );
        }
    }
    for column in &was {
        let Some(later) = by_name(&is, column.name).map(|place| &is[place]) else { continue };
        let mut tell = |code, message| {
            found.push(Change::breaking(code, message, before, Some(column.span), after, Some(later.span)));
        };
        if column.ty != later.ty {
            let (name, mart) = (column.name, &new.name);
            tell(
                "type-changed",
                format!("column `{name}` of mart `{mart}` is a `{}`, not a `{}`", later.ty, column.ty),
            );
        }
        let units = [old, new].map(|mart| mart.columns.get(column.name).and_then(|column| column.unit.as_deref()));
        if units[0] != units[1] {
            let unit = |unit: Option<&str>| unit.map_or_else(|| "no unit".to_owned(), |unit| format!("`{unit}`"));
            let (name, mart) = (column.name, &new.name);
            let message = format!("column `{name}` of mart `{mart}` is in {}, not {}", unit(units[1]), unit(units[0]));
            tell("unit-changed", message);
        }
    }
}

/// The columns of a mart; none where it could not be computed without data.
fn columns<'a>(mart: &'a Mart, version: &Version<'a>) -> Option<Vec<Column<'a>>> {
    let known = version.columns.get(&mart.name)?;
    let expressions = expressions(mart, version);
    let hashes = fingerprints(version.project);
    let column = |(name, ty): &'a (String, &'static str)| {
        let documented = mart.columns.get(name);
        let kpi = version.project.kpis.get(name);
        let meaning = expressions.get(name.as_str()).cloned();
        let meaning = meaning.or_else(|| kpi.and_then(|_| hashes.get(name)).map(|hash| format!("kpi {hash}")));
        let described = documented.map(|column| column.description.trim()).filter(|text| !text.is_empty());
        Column {
            name,
            ty,
            meaning: meaning.or_else(|| described.map(|text| format!("described {text}"))),
            span: documented.map(|column| column.span).or_else(|| kpi.map(|kpi| kpi.span)).unwrap_or(mart.span),
        }
    };
    Some(known.iter().map(column).collect())
}

/// What the columns of a mart are, where SQL says it: alias → expression.
fn expressions<'a>(mart: &'a Mart, version: &Version<'a>) -> BTreeMap<&'a str, String> {
    let query: Option<&SqlQuery> = match &mart.body {
        MartBody::Sql(sql) => Some(sql),
        MartBody::From(name) => match version.project.tables.get(&name.value).map(|table| &table.body) {
            Some(TableBody::Sql(sql)) => Some(sql),
            _ => None,
        },
    };
    let Some(SetExpr::Select(select)) = query.map(|query| &*query.ast.body) else { return BTreeMap::new() };
    let named = select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.as_str(), expr.to_string())),
        _ => None,
    });
    named.collect()
}
