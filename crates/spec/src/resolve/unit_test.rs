//! Unit tests: do the names that they use exist?

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::model::{Column, Expected, GivenRows, Project, SourceKind, Spanned, TableBody, TestRow, UnitTest};

/// Everything that is wrong with tests whose shape is in order.
pub(crate) fn unit_tests(project: &Project, tests: &[UnitTest]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut places: BTreeMap<&str, Span> = BTreeMap::new();
    for test in tests {
        if let Some(first) = places.insert(&test.name, test.span) {
            diagnostics.push(
                Diagnostic::error("duplicate-definition", format!("test `{}` is defined twice", test.name))
                    .at(test.span)
                    .label(first, "first defined here"),
            );
        }
        let mut checks = Checks { project, diagnostics: &mut diagnostics };
        if let Some(pipeline) = &test.pipeline {
            checks.known(("unknown-pipeline", "pipeline"), pipeline, project.pipelines.keys());
        }
        for given in &test.given {
            checks.given(given, test);
        }
        for expectation in &test.expect {
            checks.expected(expectation.of, &expectation.name);
        }
        for (source, rows) in &test.quarantined {
            checks.known(
                ("unknown-source", "source"),
                &Spanned { value: source.clone(), span: rows.span },
                project.sources.keys(),
            );
        }
    }
    diagnostics
}

struct Checks<'a> {
    project: &'a Project,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Checks<'_> {
    /// Reports a name that is not among the known ones, under a code and with the word for what it should be.
    fn known<'n>(
        &mut self,
        (code, noun): (&'static str, &str),
        name: &Spanned<String>,
        known: impl Iterator<Item = &'n String> + Clone,
    ) -> bool {
        if known.clone().any(|known| *known == name.value) {
            return true;
        }
        let near = did_you_mean(&name.value, known.map(String::as_str));
        self.diagnostics.push(
            Diagnostic::error(code, format!("`{}` is not a {noun} of the project", name.value))
                .at(name.span)
                .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
        );
        false
    }

    fn expected(&mut self, of: Expected, name: &Spanned<String>) {
        let project = self.project;
        match of {
            Expected::Kpi => self.known(
                ("unknown-kpi", "KPI"),
                name,
                project.kpis.values().filter(|kpi| kpi.published).map(|kpi| &kpi.name),
            ),
            Expected::Fact => {
                self.known(("unknown-fact", "fact or score"), name, project.facts.keys().chain(project.scores.keys()))
            }
            Expected::Table => self.known(
                ("unknown-table", "table or rollup"),
                name,
                project.tables.keys().chain(project.rollups.keys()),
            ),
            Expected::Alert => self.known(("unknown-alert", "alert"), name, project.alerts.keys()),
            Expected::Mart => self.known(("unknown-mart", "mart"), name, project.marts.keys()),
        };
    }

    fn given(&mut self, given: &GivenRows, test: &UnitTest) {
        let project = self.project;
        let reference = project
            .tables
            .values()
            .filter(|table| matches!(table.body, TableBody::Rows { .. }))
            .map(|table| &table.name);
        if !self.known(
            ("unknown-source", "source or reference table"),
            &given.name,
            project.sources.keys().chain(reference),
        ) {
            return;
        }
        let source = project.sources.get(&given.name.value);
        if let Some(day) = given.snapshot {
            if source.is_none_or(|source| source.kind != SourceKind::Snapshot) {
                let message = format!("`{}` has no snapshots", given.name.value);
                let help = "without a day its rows go by their own time";
                self.diagnostics.push(Diagnostic::error("no-snapshots", message).at(given.name.span).help(help));
            } else if day > test.as_of.value {
                let message = format!("the snapshot of {day} is later than the run's day");
                let finding = Diagnostic::error("later-snapshot", message).at(given.name.span);
                self.diagnostics.push(finding.label(test.as_of.span, "the run's day"));
            }
        }
        let columns = match (source, project.tables.get(&given.name.value).map(|table| &table.body)) {
            (Some(source), _) => &source.columns,
            (None, Some(TableBody::Rows { columns, .. })) => columns,
            _ => return,
        };
        for row in &given.rows {
            self.columns(&given.name.value, row, columns);
            let time =
                source.and_then(|source| source.time.as_ref()).filter(|time| !row.cells.contains_key(&time.value));
            if let Some(time) = time {
                let message = format!("a row of `{}` needs its time `{}`", given.name.value, time.value);
                self.diagnostics.push(Diagnostic::error("missing-time", message).at(row.span));
            }
        }
    }

    fn columns(&mut self, owner: &str, row: &TestRow, known: &IndexMap<String, Column>) {
        for (name, cell) in row.cells.iter().filter(|(name, _)| *name != "times") {
            if !known.contains_key(name) {
                let near = did_you_mean(name, known.keys().map(String::as_str));
                self.diagnostics.push(
                    Diagnostic::error("unknown-column", format!("`{owner}` has no column `{name}`"))
                        .at(cell.column)
                        .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
                );
            }
        }
    }
}
