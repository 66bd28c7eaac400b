//! The project as a test runs it: the same definitions, with a mart for each thing that the test looks at and nothing else.

use std::collections::BTreeSet;

use abmart_plan::calendar::Period;
use abmart_plan::parse_period;
use abmart_spec::diagnostic::{Diagnostic, did_you_mean};
use abmart_spec::model::{
    Alert, Entity, Expectation, Expected, ForEach, Grain, Mart, MartBody, MartFormat, Project, SourceKind, Spanned,
    TableBody, TestRow, UnitTest,
};
use abmart_spec::{Node, Span, formula};
use indexmap::IndexMap;
use jiff::civil::Date;

use crate::lake;

/// The column of expected rows that stands for a period.
pub const PERIOD: &str = "period";
/// The mart of the cube.
pub const CUBE: &str = "kpi_values";

/// What a test runs.
pub struct Wanted {
    /// The project with the test's marts, without what these do not need.
    pub project: Project,
    /// The pipeline.
    pub pipeline: String,
    /// For every expectation the mart that holds its rows.
    pub marts: Vec<String>,
    /// For every expectation and expected row its period, where it has one.
    pub periods: Vec<Vec<Option<Period>>>,
    /// Grains to compute; empty: all of the pipeline.
    pub grains: BTreeSet<Grain>,
    /// The first day that history has to reach.
    pub from: Date,
}

/// Works out what a test needs.
///
/// # Errors
/// Periods, measures and keys that the project does not have, each finding at its place.
pub fn wanted(test: &UnitTest, project: &Project) -> Result<Wanted, Vec<Diagnostic>> {
    let mut project = project.clone();
    let mut findings = Vec::new();
    for (table, given) in lake::reference_rows(test, &project)? {
        if let Some(TableBody::Rows { rows, .. }) = project.tables.get_mut(&table).map(|table| &mut table.body) {
            *rows = given;
        }
    }
    let pipeline = pipeline_of(test, &project)?;
    let periods: Vec<Vec<Option<Period>>> =
        test.expect.iter().map(|expected| periods_of(expected, test, &project, &mut findings)).collect();
    let marts = std::mem::take(&mut project.marts);
    let mut own: IndexMap<String, Mart> = IndexMap::new();
    let mut names = Vec::new();
    for (index, expected) in test.expect.iter().enumerate() {
        let mart = match expected.of {
            Expected::Kpi => Some(cube()),
            Expected::Alert => Some(from("alerts", "alerts")),
            Expected::Table => table(&format!("expected_{index}"), &expected.name.value, &project),
            Expected::Fact => fact(&format!("expected_{index}"), expected, &project, &mut findings),
            Expected::Mart => marts.get(&expected.name.value).cloned(),
        };
        let Some(mart) = mart else { continue };
        names.push(mart.name.clone());
        own.entry(mart.name.clone()).or_insert(mart);
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let all_alerts = own.values().filter(|mart| mart.name != "alerts").any(|mart| reads(mart, &["alerts", "actions"]));
    let looked_at = |of: Expected, name: &str| test.expect.iter().any(|one| one.of == of && one.name.value == name);
    if !all_alerts {
        project.alerts.retain(|name, _| looked_at(Expected::Alert, name));
    }
    let shows_cells = |expected: &Expectation| {
        expected.of == Expected::Mart
            && marts.get(&expected.name.value).is_some_and(|mart| reads(mart, &[CUBE, "kpi_wide"]))
    };
    let over_cells = |alert: &Alert| matches!(alert.over.value.as_str(), CUBE | "kpi_wide");
    if test.expect.iter().any(shows_cells) || project.alerts.values().any(over_cells) {
        own.entry(CUBE.to_owned()).or_insert_with(cube);
    } else {
        project.kpis.values_mut().for_each(|kpi| kpi.published &= looked_at(Expected::Kpi, &kpi.name));
    }
    let whole = test.expect.iter().any(|expected| matches!(expected.of, Expected::Alert | Expected::Mart));
    let period_table = |expected: &Expectation| {
        project.tables.get(&expected.name.value).is_some_and(|table| table.for_each == ForEach::Period)
    };
    let by_period = test.expect.iter().any(|expected| expected.of == Expected::Table && period_table(expected));
    let named = || periods.iter().flatten().flatten();
    let nodes: Vec<Node> = own.keys().cloned().map(Node::Mart).collect();
    project.marts = own;
    let mut restricted = project.needed_by(nodes);
    // How far periods go back is for events to say, though none may be needed.
    if !restricted.sources.values().any(|source| source.kind == SourceKind::Events) {
        let events = project.sources.iter().find(|(_, source)| source.kind == SourceKind::Events);
        restricted.sources.extend(events.map(|(name, source)| (name.clone(), source.clone())));
    }
    Ok(Wanted {
        project: restricted,
        pipeline,
        marts: names,
        grains: if whole || by_period { BTreeSet::new() } else { named().map(|period| period.grain).collect() },
        from: named().map(|period| period.start).min().unwrap_or(test.as_of.value).min(test.as_of.value),
        periods,
    })
}

fn pipeline_of(test: &UnitTest, project: &Project) -> Result<String, Vec<Diagnostic>> {
    let computes = |name: &String| project.pipelines.get(name).is_some_and(|pipeline| pipeline.from.is_none());
    match &test.pipeline {
        None => project.pipelines.keys().find(|name| computes(name)).cloned().ok_or_else(|| {
            vec![Diagnostic::error("no-pipeline", "the project has no pipeline that computes").at(test.span)]
        }),
        Some(name) if computes(&name.value) => Ok(name.value.clone()),
        Some(name) => {
            let message = format!("`{}` reads what another pipeline has published", name.value);
            Err(vec![Diagnostic::error("published-pipeline", message).at(name.span)])
        }
    }
}

/// The periods of expected rows.
fn periods_of(
    expected: &Expectation,
    test: &UnitTest,
    project: &Project,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Option<Period>> {
    let needs_one = matches!(expected.of, Expected::Kpi | Expected::Fact);
    let period = |row: &TestRow| {
        let own = row.cells.get(PERIOD).map(|cell| Spanned { value: crate::cell::plain(&cell.value), span: cell.span });
        let Some(text) = own.or_else(|| test.period.clone().filter(|_| needs_one)) else {
            if needs_one {
                let finding = Diagnostic::error("missing-period", "the row says no `period`, and the test has none");
                findings.push(finding.at(row.span).help("for example `period: 2026-06`"));
            }
            return None;
        };
        match parse_period(&text.value, test.as_of.value, project.settings.fiscal_year_start) {
            Ok(period) => Some(period),
            Err(error) => {
                findings.push(Diagnostic::error("bad-period", error.to_string()).at(text.span));
                None
            }
        }
    };
    let rows = expected.rows.iter().map(period);
    rows.collect()
}

fn reads(mart: &Mart, names: &[&str]) -> bool {
    mart.reads().any(|read| names.contains(&read.value.as_str()))
}

fn cube() -> Mart {
    from(CUBE, CUBE)
}

/// A mart that shows a table as it is.
fn from(name: &str, table: &str) -> Mart {
    mart(name, MartBody::From(Spanned { value: table.to_owned(), span: Span::none() }))
}

fn selecting(name: &str, sql: &str) -> Option<Mart> {
    Some(mart(name, MartBody::Sql(abmart_spec::sql::generated(sql).ok()?)))
}

fn mart(name: &str, body: MartBody) -> Mart {
    Mart {
        name: name.to_owned(),
        body,
        key: Vec::new(),
        sort: Vec::new(),
        filter: None,
        audience: None,
        grains: Vec::new(),
        format: MartFormat::Parquet,
        fans_out: Vec::new(),
        columns: IndexMap::new(),
        description: String::new(),
        job: String::new(),
        span: Span::none(),
    }
}

/// A mart of all rows of a table or rollup.
fn table(name: &str, table: &str, project: &Project) -> Option<Mart> {
    let of_period = project.tables.get(table).is_some_and(|table| table.for_each == ForEach::Period);
    if of_period { Some(from(name, table)) } else { selecting(name, &format!("select * from {table}")) }
}

/// A mart of the measures of a fact that a test names.
fn fact(name: &str, expected: &Expectation, project: &Project, findings: &mut Vec<Diagnostic>) -> Option<Mart> {
    let fact = &expected.name.value;
    let entity = entity_of(fact, project)?;
    let measures = formula::measures(project, fact).unwrap_or_default();
    let keys = keys_of(fact, project);
    let mut columns = BTreeSet::new();
    for row in &expected.rows {
        if !row.cells.contains_key(&entity.key) {
            let message = format!("the row of `{fact}` does not say its `{}`", entity.key);
            findings.push(Diagnostic::error("missing-column", message).at(row.span));
        }
        let is_key = |column: &str| column == PERIOD || keys.contains(&column);
        for (column, cell) in row.cells.iter().filter(|(column, _)| !is_key(column)) {
            if measures.contains(column) {
                columns.insert(column);
            } else {
                let near = did_you_mean(column, measures.iter().map(String::as_str));
                let message = format!("`{fact}` has no measure `{column}`");
                let near = near.map_or_else(
                    || format!("its measures are {}", measures.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                findings.push(Diagnostic::error("unknown-measure", message).at(cell.column).help(near));
            }
        }
    }
    let mut selected = vec!["period_grain".to_owned(), "period_start".to_owned()];
    selected.extend(keys.iter().map(|key| (*key).to_owned()));
    selected.extend(columns.into_iter().map(|measure| format!("{fact}_{measure} as {measure}")));
    selecting(name, &format!("select {} from {}", selected.join(", "), entity.name))
}

/// The entity of a fact or score.
fn entity_of<'p>(fact: &str, project: &'p Project) -> Option<&'p Entity> {
    project.entities.get(formula::entity_of(project, fact)?)
}

/// The key of a fact's entity and that of the entity that it belongs to, whose rows carry both.
pub fn keys_of<'p>(fact: &str, project: &'p Project) -> Vec<&'p str> {
    let Some(entity) = entity_of(fact, project) else { return Vec::new() };
    let parent = entity.parent.as_ref().and_then(|parent| project.entities.get(&parent.value));
    std::iter::once(entity).chain(parent).map(|entity| entity.key.as_str()).collect()
}
