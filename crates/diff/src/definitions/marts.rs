//! Marts: gone, renamed, in another order, of other rows; and their columns.

use abmart_spec::model::{Grain, Mart, MartBody, Spanned};

use super::{Change, Version, columns, renamed, word};

pub(super) fn changes(before: &Version<'_>, after: &Version<'_>, found: &mut Vec<Change>) {
    let (old, new) = (&before.project.marts, &after.project.marts);
    let gone: Vec<&Mart> = old.values().filter(|mart| !new.contains_key(&mart.name)).collect();
    let come: Vec<&Mart> = new.values().filter(|mart| !old.contains_key(&mart.name)).collect();
    let pairs = renamed(&gone, &come, |a, b| body(a) == body(b));
    for (number, mart) in gone.iter().enumerate() {
        let successor = pairs.iter().find(|(old, _)| *old == number).map(|(_, new)| come[*new]);
        let (code, message) = match successor {
            Some(successor) => ("mart-renamed", format!("mart `{}` is called `{}` now", mart.name, successor.name)),
            None => ("mart-removed", format!("mart `{}` is gone", mart.name)),
        };
        let at = successor.map(|successor| successor.span);
        found.push(Change::breaking(code, message, before, Some(mart.span), after, at));
        if let Some(successor) = successor {
            one(mart, successor, before, after, found);
        }
    }
    let unpaired = |number: &usize| pairs.iter().all(|(_, new)| new != number);
    for mart in come.iter().enumerate().filter(|(number, _)| unpaired(number)).map(|(_, mart)| mart) {
        let message = format!("mart `{}` is new", mart.name);
        found.push(Change::breaking("mart-added", message, before, None, after, Some(mart.span)).harmless());
    }
    for (name, mart) in old {
        if let Some(later) = new.get(name) {
            one(mart, later, before, after, found);
        }
    }
}

/// A mart that both versions have, perhaps under another name.
fn one(old: &Mart, new: &Mart, before: &Version<'_>, after: &Version<'_>, found: &mut Vec<Change>) {
    let name = &new.name;
    columns::changes(old, new, before, after, found);
    let mut tell = |code, message, at: Option<_>, to: Option<_>| {
        found.push(Change::breaking(code, message, before, at.or(Some(old.span)), after, to.or(Some(new.span))));
    };
    let first = |columns: &[Spanned<String>]| columns.first().map(|name| name.span);
    for (code, what, was, is) in
        [("key-changed", "key", &old.key, &new.key), ("sort-changed", "sort order", &old.sort, &new.sort)]
    {
        if names(was) != names(is) {
            let message = format!("the {what} of mart `{name}` is {}, not {}", listed(is), listed(was));
            tell(code, message, first(was), first(is));
        }
    }
    if old.format != new.format {
        let message = format!("mart `{name}` is published as `{}`, not `{}`", word(&new.format), word(&old.format));
        tell("format-changed", message, None, None);
    }
    let filters = [old, new].map(|mart| mart.filter.as_ref());
    if filters[0].map(|filter| filter.ast.to_string()) != filters[1].map(|filter| filter.ast.to_string()) {
        let message = format!("mart `{name}` shows other rows: its `where` has changed");
        tell("rows-changed", message, filters[0].map(|filter| filter.span), filters[1].map(|filter| filter.span));
    }
    let shows = |grain: &Grain| new.grains.is_empty() || new.grains.contains(grain);
    let fewer = if old.grains.is_empty() { !new.grains.is_empty() } else { !old.grains.iter().all(shows) };
    if fewer {
        let kept: Vec<String> = new.grains.iter().map(word).collect();
        tell("rows-changed", format!("mart `{name}` shows periods of {} only", kept.join(", ")), None, None);
    }
    if rows(old) != rows(new) {
        let message = format!("the rows of mart `{name}` are computed otherwise");
        let at = [old, new].map(|mart| match &mart.body {
            MartBody::From(name) => name.span,
            MartBody::Sql(sql) => sql.span,
        });
        found.push(Change::breaking("mart-redefined", message, before, Some(at[0]), after, Some(at[1])).harmless());
    }
}

/// What a mart shows, whatever it is called.
fn body(mart: &Mart) -> String {
    format!("{} where {:?}", rows(mart), mart.filter.as_ref().map(|sql| sql.ast.to_string()))
}

/// Where a mart's rows come from.
fn rows(mart: &Mart) -> String {
    match &mart.body {
        MartBody::From(name) => name.value.clone(),
        MartBody::Sql(sql) => sql.ast.to_string(),
    }
}

fn names(columns: &[Spanned<String>]) -> Vec<&str> {
    columns.iter().map(|name| name.value.as_str()).collect()
}

fn listed(columns: &[Spanned<String>]) -> String {
    if columns.is_empty() { "none".to_owned() } else { format!("({})", names(columns).join(", ")) }
}
