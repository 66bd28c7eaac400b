//! A short name for what a KPI means: two runs with the same one computed the same thing.
//!
//! It covers the formula and everything upstream that the formula uses, as parsed: comments, layout, titles,
//! descriptions and owners do not change it, nor does anything that the formula does not reach.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use crate::model::{
    Attribution, Check, Column, Entity, Fact, FactInput, FactKind, ForEach, Kpi, MartBody, Project, Score, Severity,
    Spanned, SqlExpr, Table, TableBody,
};
use crate::resolve::formula::formula;
use crate::sql;

/// The fingerprint of every KPI, as 16 hexadecimal digits.
#[must_use]
pub fn fingerprints(project: &Project) -> BTreeMap<String, String> {
    let meanings = Meanings::new(project);
    let kpis = project.kpis.keys();
    kpis.map(|kpi| (kpi.clone(), meanings.kpi(kpi))).collect()
}

/// The fingerprint of one relation (source, rollup or table) and everything upstream of it.
#[must_use]
pub fn relation(project: &Project, name: &str) -> String {
    Meanings::new(project).relation(name)
}

/// The fingerprint of everything that is computed in every period: the period's tables, entities, facts, scores and KPIs in
/// their order, and what marts show of them.
#[must_use]
pub fn periods(project: &Project) -> String {
    let (meanings, settings) = (Meanings::new(project), &project.settings);
    let mut text = format!("{} {} {:?}", settings.currency, settings.time_zone, settings.fiscal_year_start);
    for name in project.entities.keys() {
        add(&mut text, name, meanings.entity(name));
    }
    for (name, table) in project.tables.iter().filter(|(_, table)| table.for_each == ForEach::Period) {
        add(&mut text, name, meanings.table(table));
    }
    for (name, fact) in &project.facts {
        for measure in fact.measures.keys() {
            add(&mut text, name, format!("{measure} {}", meanings.measure(name, measure)));
        }
    }
    for (name, score) in &project.scores {
        let components: Vec<_> = score.components.iter().map(|(name, component)| (name, component.by_signal)).collect();
        add(&mut text, name, format!("{} {} {components:?}", meanings.score(score), score.signal.value));
    }
    for name in project.kpis.keys() {
        add(&mut text, name, meanings.kpi(name));
    }
    for (name, alert) in &project.alerts {
        let columns: Vec<_> = alert.expressions().map(|sql| sql.ast.to_string()).collect();
        add(&mut text, name, format!("{} {:?} {columns:?}", alert.over.value, alert.grain));
    }
    for (name, mart) in &project.marts {
        let body = match &mart.body {
            MartBody::From(from) => from.value.clone(),
            MartBody::Sql(sql) => sql.ast.to_string(),
        };
        add(&mut text, name, format!("{:?} {body}", mart.grains));
    }
    short(&text)
}

/// The fingerprint of a source's whole contract: its meaning, and what its checks report.
#[must_use]
pub fn contract(project: &Project, name: &str) -> String {
    let mut text = relation(project, name);
    let Some(source) = project.sources.get(name) else { return short(&text) };
    let severities =
        |severity: &dyn Fn(Check) -> Severity| Check::ALL.iter().map(|check| severity(*check)).collect::<Vec<_>>();
    add(&mut text, "on_breach", format!("{:?}", severities(&|check| source.severity(check))));
    for (name, column) in &source.columns {
        let references = column.references.as_ref().map(value);
        let checks = severities(&|check| column.severity(check));
        add(&mut text, name, format!("{:?} {references:?} {checks:?}", column.values));
    }
    short(&text)
}

struct Meanings<'a> {
    project: &'a Project,
    known: RefCell<BTreeMap<String, String>>,
}

impl<'a> Meanings<'a> {
    fn new(project: &'a Project) -> Self {
        Self { project, known: RefCell::default() }
    }

    /// The fingerprint of `key`, from its meaning where it is asked for the first time.
    fn memo(&self, key: String, meaning: impl FnOnce() -> String) -> String {
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        // A definition that needs itself is no project; the mark only keeps a broken one from looping.
        self.known.borrow_mut().insert(key.clone(), String::new());
        let digest = short(&meaning());
        self.known.borrow_mut().insert(key, digest.clone());
        digest
    }

    fn kpi(&self, name: &str) -> String {
        self.memo(format!("kpi {name}"), || match self.project.kpis.get(name) {
            Some(kpi) => self.kpi_meaning(kpi),
            None => name.to_owned(),
        })
    }

    fn kpi_meaning(&self, kpi: &Kpi) -> String {
        let settings = &self.project.settings;
        let mut text = format!(
            "{:?} {:?} {:?} {:?} {:?} {} {} {:?}",
            kpi.unit,
            kpi.grains,
            kpi.compares.as_ref().map(value),
            kpi.cuts.iter().map(value).collect::<Vec<_>>(),
            kpi.scope,
            settings.currency,
            settings.time_zone,
            settings.fiscal_year_start,
        );
        for sql in [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()] {
            let Some(sql) = sql else {
                text.push_str("\n-");
                continue;
            };
            add(&mut text, "formula", &sql.ast);
            let parts = formula(self.project, sql);
            for aggregate in &parts.aggregates {
                add(&mut text, "per", self.entity(&aggregate.entity));
                for (fact, measure) in &aggregate.measures {
                    add(&mut text, "measure", self.measure(fact, measure));
                }
            }
            for kpi in &parts.kpis {
                add(&mut text, "kpi", self.kpi(kpi));
            }
        }
        text
    }

    fn measure(&self, fact: &str, measure: &str) -> String {
        self.memo(format!("measure {fact}.{measure}"), || {
            if let Some(fact) = self.project.facts.get(fact) {
                self.fact_measure(fact, measure)
            } else if let Some(score) = self.project.scores.get(fact) {
                self.score(score)
            } else {
                fact.to_owned()
            }
        })
    }

    fn fact_measure(&self, fact: &Fact, measure: &str) -> String {
        let mut text = self.entity(&fact.per.value);
        let kind = match &fact.kind {
            FactKind::Flow => "flow".to_owned(),
            FactKind::Stock { from, to } => format!("stock {} {}", from.value, to.value),
            FactKind::Trailing(window) => format!("trailing {window:?}"),
            FactKind::State => "state".to_owned(),
        };
        add(&mut text, "kind", kind);
        add(&mut text, "time", format!("{:?} {:?}", fact.time.as_ref().map(value), fact.grain));
        if let Some(keep) = &fact.keep_last {
            add(&mut text, "keep", format!("{:?} {}", values(&keep.by), keep.order.value));
        }
        let mut dimensions: Vec<_> = fact.dimensions.iter().map(|(name, column)| (name, &column.value)).collect();
        dimensions.sort();
        add(&mut text, "dimensions", format!("{dimensions:?}"));
        let expressions: Vec<&SqlExpr> = fact.measures.get(measure).into_iter().chain(&fact.filter).collect();
        for sql in &expressions {
            add(&mut text, "sql", &sql.ast);
        }
        match &fact.from {
            FactInput::Table(table) => add(&mut text, "from", self.relation(&table.value)),
            FactInput::Entity(entity) => {
                add(&mut text, "from entity", self.entity(&entity.value));
                for column in expressions.iter().flat_map(|sql| sql::parts(&sql.ast).columns) {
                    if let [fact, measure] = &column.path[..] {
                        add(&mut text, "measure", self.measure(fact, measure));
                    }
                }
            }
        }
        text
    }

    fn score(&self, score: &Score) -> String {
        let mut text = self.entity(&score.per.value);
        add(&mut text, "from", self.relation(&score.from.value));
        let mut components: Vec<_> = score.components.iter().collect();
        components.sort_by_key(|(name, _)| *name);
        for (name, component) in components {
            add(&mut text, name, format!("{} {}", component.weight, component.measure.ast));
        }
        if let Some(bands) = &score.bands {
            let own: BTreeMap<_, _> = bands.thresholds.iter().collect();
            add(&mut text, "bands", format!("{} {:?} {own:?}", bands.by.value, bands.default));
        }
        text
    }

    fn entity(&self, name: &str) -> String {
        self.memo(format!("entity {name}"), || match self.project.entities.get(name) {
            Some(entity) => self.entity_meaning(entity),
            None => name.to_owned(),
        })
    }

    fn entity_meaning(&self, entity: &Entity) -> String {
        let mut text = format!("{} {:?}", entity.key, values(&entity.dimensions));
        if let Some(snapshot) = &entity.snapshot {
            add(&mut text, "snapshot", self.relation(&snapshot.value));
        }
        if let Some(parent) = &entity.parent {
            add(&mut text, "parent", self.entity(&parent.value));
        }
        text
    }

    fn relation(&self, name: &str) -> String {
        self.memo(format!("relation {name}"), || {
            let project = self.project;
            if let Some(source) = project.sources.get(name) {
                let mut text =
                    format!("{name} {:?} {:?} {:?}", source.kind, source.time.as_ref().map(value), values(&source.key));
                if source.severity(Check::Unique) != Severity::Quarantine {
                    add(&mut text, "unique", source.severity(Check::Unique).name());
                }
                columns(&mut text, &source.columns);
                text
            } else if let Some(rollup) = project.rollups.get(name) {
                let mut text = self.relation(&rollup.from.value);
                if let Some(filter) = &rollup.filter {
                    add(&mut text, "where", &filter.ast);
                }
                for (section, expressions) in [("by", &rollup.by), ("measures", &rollup.measures)] {
                    let mut expressions: Vec<_> = expressions.iter().collect();
                    expressions.sort_by_key(|(name, _)| *name);
                    for (name, sql) in expressions {
                        add(&mut text, section, format!("{name} {}", sql.ast));
                    }
                }
                text
            } else if let Some(table) = project.tables.get(name) {
                self.table(table)
            } else {
                name.to_owned()
            }
        })
    }

    fn table(&self, table: &Table) -> String {
        let mut text = format!("{:?} {:?} {:?}", table.for_each, table.time.as_ref().map(value), values(&table.during));
        match &table.body {
            TableBody::Sql(sql) => {
                add(&mut text, "sql", &sql.ast);
                for read in &sql.reads {
                    add(&mut text, "reads", format!("{} {}", read.value, self.relation(&read.value)));
                }
            }
            TableBody::Rows { columns: own, rows, .. } => {
                columns(&mut text, own);
                add(&mut text, "rows", format!("{rows:?}"));
            }
            TableBody::Attribution { of, part } => {
                add(
                    &mut text,
                    part.name(),
                    self.project.attributions.get(of).map_or_else(String::new, |of| self.attribution(of)),
                );
            }
        }
        if let Some(money) = &table.money {
            add(
                &mut text,
                "money",
                format!("{:?} {} {}", values(&money.columns), money.currency.value, money.on.value),
            );
            if let Some(rates) = &self.project.settings.rates {
                add(&mut text, "rates", self.relation(&rates.value));
            }
        }
        text
    }

    fn attribution(&self, attribution: &Attribution) -> String {
        let Attribution { touches, conversions, channels, leave_out, models, .. } = attribution;
        let mut text = format!(
            "{:?} {:?} {} {} {:?}",
            attribution.window,
            attribution.path,
            attribution.reset_on_conversion,
            attribution.non_converting,
            values(leave_out),
        );
        if let Some(entity) = self.project.attributed_entity(attribution) {
            add(&mut text, "per", self.entity(&entity.name));
        }
        for read in attribution.reads() {
            add(&mut text, "reads", self.relation(&read.value));
        }
        add(&mut text, "columns", format!("{:?}", attribution.columns().map(value).collect::<Vec<_>>()));
        let given = [&touches.time, &touches.count, &conversions.time, &conversions.value, &conversions.detail];
        let given: Vec<_> = given.iter().map(|column| column.as_ref().map(value)).collect();
        add(&mut text, "given", format!("{given:?} {}", touches.key.len()));
        let milestones: Vec<_> = conversions.milestones.iter().map(|(name, column)| (name, value(column))).collect();
        add(&mut text, "milestones", format!("{milestones:?}"));
        for (group, members) in channels {
            add(&mut text, group, format!("{:?}", values(members)));
        }
        for (name, model) in models {
            add(&mut text, name, format!("{:?}", model.kind));
        }
        text
    }
}

fn add(text: &mut String, what: &str, meaning: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{what}: {meaning}");
}

fn columns(text: &mut String, columns: &IndexMap<String, Column>) {
    for (name, column) in columns {
        add(
            text,
            name,
            format!(
                "{:?} {} {:?} {:?} {:?}",
                column.ty,
                column.nullable,
                column.min,
                column.max,
                column.severity(Check::Range)
            ),
        );
        // The others only mean something to a figure where they are not what they are by default.
        for check in [Check::NotNull, Check::Finite] {
            let severity = column.severity(check);
            if severity != Severity::Quarantine {
                add(text, check.name(), severity.name());
            }
        }
        for check in [Check::AcceptedValues, Check::References] {
            let severity = column.severity(check);
            if severity > Severity::Warn {
                let referred = column.references.as_ref().map(value);
                add(text, check.name(), format!("{} {:?} {referred:?}", severity.name(), column.values));
            }
        }
        if let Some(since) = &column.since {
            add(text, "since", since.value);
        }
    }
}

fn value(spanned: &Spanned<String>) -> &str {
    &spanned.value
}

fn values(list: &[Spanned<String>]) -> Vec<&str> {
    list.iter().map(value).collect()
}

fn short(meaning: &str) -> String {
    let digest = Sha256::digest(meaning.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
