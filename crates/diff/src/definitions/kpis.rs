//! KPIs: gone, renamed, new, of another unit, or meaning something else.

use std::collections::BTreeMap;

use abmart_spec::fingerprint::fingerprints;
use abmart_spec::model::Kpi;

use super::{Change, Version, renamed, word};

pub(super) fn changes(before: &Version<'_>, after: &Version<'_>, found: &mut Vec<Change>) {
    let (old, new) = (Meanings::of(before), Meanings::of(after));
    let gone: Vec<&Kpi> = old.kpis.values().copied().filter(|kpi| !new.kpis.contains_key(kpi.name.as_str())).collect();
    let come: Vec<&Kpi> = new.kpis.values().copied().filter(|kpi| !old.kpis.contains_key(kpi.name.as_str())).collect();
    let pairs = renamed(&gone, &come, |a, b| old.hash(&a.name) == new.hash(&b.name));
    for (number, kpi) in gone.iter().enumerate() {
        let pair = pairs.iter().find(|(old, _)| *old == number).map(|(_, new)| come[*new]);
        let (code, message, at) = if let Some(successor) = pair {
            let message = format!("KPI `{}` is called `{}` now", kpi.name, successor.name);
            ("kpi-renamed", message, Some(successor.span))
        } else {
            let hidden = after.project.kpis.get(&kpi.name);
            let how = if hidden.is_some() { "published no longer" } else { "gone" };
            ("kpi-removed", format!("KPI `{}` is {how}", kpi.name), hidden.map(|hidden| hidden.span))
        };
        found.push(Change::breaking(code, message, before, Some(kpi.span), after, at));
    }
    let unpaired = |number: &usize| pairs.iter().all(|(_, new)| new != number);
    for kpi in come.iter().enumerate().filter(|(number, _)| unpaired(number)).map(|(_, kpi)| kpi) {
        let message = format!("KPI `{}` is new", kpi.name);
        found.push(Change::breaking("kpi-added", message, before, None, after, Some(kpi.span)).harmless());
    }
    for (name, earlier) in &old.kpis {
        if let Some(later) = new.kpis.get(name) {
            one(earlier, later, old.hash(name) != new.hash(name), (before, after), found);
        }
    }
}

/// A KPI that both versions have.
fn one(old: &Kpi, new: &Kpi, differs: bool, (before, after): (&Version<'_>, &Version<'_>), found: &mut Vec<Change>) {
    let name = &old.name;
    let mut tell = |code, message, at: Option<_>| {
        let change = Change::breaking(code, message, before, Some(old.span), after, at.or(Some(new.span)));
        found.push(change);
    };
    if old.unit != new.unit {
        tell("unit-changed", format!("KPI `{name}` is in `{}`, not `{}`", new.unit.name(), old.unit.name()), None);
    }
    if old.better != new.better {
        let message = format!("of KPI `{name}` `{}` is better, not `{}`", word(&new.better), word(&old.better));
        tell("direction-changed", message, None);
    }
    if !differs {
        return;
    }
    let how = if old.formula.text == new.formula.text {
        "what its formula is made of has changed".to_owned()
    } else {
        format!("`{}` instead of `{}`", one_line(&new.formula.text), one_line(&old.formula.text))
    };
    let spans = (Some(old.formula.span), Some(new.formula.span));
    let change = |code, message| Change::breaking(code, message, before, spans.0, after, spans.1);
    found.push(if new.version > old.version {
        let message = format!("KPI `{name}` means something else since version {}: {how}", new.version);
        change("meaning-changed", message).harmless()
    } else {
        let message = format!("KPI `{name}` means something else under the same version {}: {how}", new.version);
        change("meaning-changed-silently", message)
            .help(format!("raise its `version` to {}, so that readers are told", old.version + 1))
    });
}

/// Published KPIs and the hashes of their definitions.
struct Meanings<'a> {
    kpis: BTreeMap<&'a str, &'a Kpi>,
    hashes: BTreeMap<String, String>,
}

impl<'a> Meanings<'a> {
    fn of(version: &Version<'a>) -> Self {
        let published = version.project.kpis.values().filter(|kpi| kpi.published);
        Self { kpis: published.map(|kpi| (kpi.name.as_str(), kpi)).collect(), hashes: fingerprints(version.project) }
    }

    fn hash(&self, kpi: &str) -> Option<&String> {
        self.hashes.get(kpi)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
