//! The part of a plan that one period of some KPIs needs.

use std::collections::BTreeSet;

use abmart_spec::model::{DimensionMode, FactInput, ForEach, Project, SourceKind, Table};
use jiff::civil::Date;

use crate::calendar::Period;
use crate::{Plan, SourcePlan};

impl Plan {
    /// Leaves of the plan what one period needs of a project that was restricted to what is asked for.
    ///
    /// Files of events stay, for what is kept of them is found by all of them together, and a key that lies in two is found
    /// by looking at both. Of snapshots those stay that the period, tables of months and tables of the run see. The days of
    /// the chosen snapshots stay as they were, so that each is known to be the newest one or not.
    pub fn narrow(&mut self, project: &Project, period: Period) {
        let months: Vec<Date> = self.months().iter().map(|month| month.end).collect();
        let readers = Readers { project, restated: self.restated(project) };
        let newest = readers.of_newest_snapshots();
        self.sources.retain(|name, _| project.sources.contains_key(name));
        let names: Vec<String> = self.sources.keys().cloned().collect();
        for name in names {
            let mut days: BTreeSet<Date> = self.snapshot_before(&name, period.end).into_iter().collect();
            if readers.reads(ForEach::Month, &name) {
                days.extend(months.iter().filter_map(|end| self.snapshot_before(&name, *end)));
            }
            let Some(source) = self.sources.get_mut(&name) else { continue };
            if newest.contains(name.as_str()) {
                days.extend(source.snapshots.last());
            }
            if source.kind == SourceKind::Snapshot && !source.files.is_empty() {
                source.files.retain(|file| days.contains(&file.day));
                source.why = why(source, period, &days);
            }
        }
        self.periods = vec![period];
    }

    fn restated(&self, project: &Project) -> bool {
        project.pipelines.get(&self.pipeline).is_some_and(|pipeline| pipeline.dimensions == DimensionMode::Restated)
    }
}

/// Why these snapshots of a source.
fn why(source: &SourcePlan, period: Period, days: &BTreeSet<Date>) -> String {
    match (days.len(), days.first(), source.snapshots.last()) {
        (1, Some(day), Some(newest)) if day == newest => "the newest snapshot".to_owned(),
        (1, Some(day), _) if *day < period.end => "as it was: the newest snapshot before the period's end".to_owned(),
        (1, ..) => "the first snapshot, for there is none before the period's end".to_owned(),
        (some, ..) => format!(
            "as it was for the period, and as its tables of months and of the run see it ({some} of {})",
            source.snapshots.len()
        ),
    }
}

/// Who reads which snapshots.
struct Readers<'a> {
    project: &'a Project,
    /// Whether periods see the newest snapshots.
    restated: bool,
}

impl Readers<'_> {
    /// Sources whose newest snapshot something reads, whatever the period is.
    fn of_newest_snapshots(&self) -> BTreeSet<&str> {
        let settings = &self.project.settings;
        let roles: Vec<&str> =
            [&settings.targets, &settings.benchmarks].into_iter().flatten().map(|name| name.value.as_str()).collect();
        let attributed = |name: &str| {
            let mut attributions = self.project.attributions.values();
            attributions.any(|attribution| attribution.reads().iter().any(|read| read.value == name))
        };
        let mut newest: BTreeSet<&str> = BTreeSet::new();
        for name in self.project.sources.keys() {
            let run = self.restated || self.reads(ForEach::Run, name) || attributed(name);
            if run || roles.contains(&name.as_str()) {
                newest.insert(name);
            }
        }
        // Rows whose reference is unknown may be set aside.
        let mut referred: BTreeSet<&str> = BTreeSet::new();
        for source in self.project.sources.values() {
            let checked = match source.kind {
                SourceKind::Snapshot => newest.contains(source.name.as_str()),
                SourceKind::Events => self.is_read(&source.name),
            };
            if checked {
                referred.extend(source.references().map(|(_, name)| name.value.as_str()));
            }
        }
        newest.extend(referred);
        newest
    }

    /// Whether a table of this scope reads a source.
    fn reads(&self, scope: ForEach, source: &str) -> bool {
        self.project
            .tables
            .values()
            .filter(|table| table.for_each == scope)
            .any(|table| self.table_reads(table, source))
    }

    fn table_reads(&self, table: &Table, source: &str) -> bool {
        let rates = table.money.as_ref().and(self.project.settings.rates.as_ref());
        table.reads(self.project).into_iter().chain(rates).any(|read| read.value == source)
    }

    /// Whether something other than a rollup reads a source.
    fn is_read(&self, source: &str) -> bool {
        let fact = |input: &FactInput| matches!(input, FactInput::Table(name) if name.value == source);
        self.project.tables.values().any(|table| self.table_reads(table, source))
            || self.project.facts.values().any(|definition| fact(&definition.from))
    }
}
