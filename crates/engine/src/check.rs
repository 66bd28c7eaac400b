//! The whole project type-checked without data: every query is built and run over empty frames of the declared
//! columns, by the same code that runs it over the lake.

mod explain;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use abmart_plan::Plan;
use abmart_plan::calendar::Period;
use abmart_spec::diagnostic::{Diagnostic, Span, did_you_mean};
use abmart_spec::model::{Fact, FactInput, Grain, Mart, MartBody, Project, SourceKind, Table, TableBody};
use indexmap::IndexMap;
use jiff::civil::{Date, date};
use polars::prelude::*;

use crate::cache::RunCache;
use crate::context::{Budget, Context, Silent};
use crate::cube::values;
use crate::error::EngineError;
use crate::input::load::Loaded;
use crate::input::rollup::{self, Rolled, Shelf};
use crate::input::scan;
use crate::input::snapshot::Snapshot;
use crate::job::{Job, ordered_tables, stamped};
use crate::measure::fact::{CompiledFact, keys_of};
use crate::output::{alerts, arrow, bands, catalog, changes, cuts, marts};
use crate::scope::{Frames, Scope};
use crate::table;

use explain::{Piece, pieces_of, pieces_of_fact};

/// Any day will do: types do not depend on it.
pub(crate) const SOME_DAY: Date = date(2026, 1, 31);

/// Checks columns and types of everything that the project computes, and says what is wrong, each at its place.
///
/// A definition whose inputs are already wrong is not checked, so that one mistake gives one finding.
#[must_use]
pub fn check(project: &Project) -> Vec<Diagnostic> {
    checked(project).0
}

fn checked(project: &Project) -> (Vec<Diagnostic>, MartColumns) {
    over_nothing(project, |mut checker| {
        checker.facts_and_kpis();
        (checker.findings, checker.columns)
    })
}

/// Computes sources, rollups and tables without rows, and goes on from there.
fn over_nothing<T>(project: &Project, then: impl FnOnce(Checker<'_>) -> T) -> T {
    let plan = some_plan(project);
    let context = Context {
        project,
        plan: &plan,
        lake: None,
        footers: &HashMap::new(),
        budget: Budget { memory: 1 << 30, threads: 1 },
        shelf: &Arc::new(Shelf::new(Path::new(""), u64::MAX)),
        cache: &Arc::new(RunCache::none()),
        remote: None,
        observer: &Silent,
        interrupted: &AtomicBool::new(false),
    };
    let mut checker = Checker::new(context);
    checker.sources();
    checker.rollups();
    checker.tables();
    then(checker)
}

/// Mart → its columns, in order: name and type, in the words of the language.
pub type MartColumns = BTreeMap<String, Vec<(String, &'static str)>>;

/// The columns that every mart will have, known without data. Marts that cannot be computed are left out: [`check`] says why.
#[must_use]
pub fn schemas(project: &Project) -> MartColumns {
    checked(project).1
}

/// Looks at something over the empty frames of all sources, rollups and tables that compute, inside some period.
///
/// # Errors
/// Those of the look.
pub(crate) fn over_empty_frames<T>(
    project: &Project,
    look: impl FnOnce(&Scope<'_>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    over_nothing(project, |checker| {
        look(&Scope::of_period(project, checker.context.plan, &checker.frames, checker.period()))
    })
}

struct Checker<'a> {
    context: Context<'a>,
    frames: Frames,
    /// Rollups and tables that cannot be computed.
    broken: BTreeSet<&'a str>,
    findings: Vec<Diagnostic>,
    /// Columns of marts.
    columns: MartColumns,
}

impl<'a> Checker<'a> {
    fn new(context: Context<'a>) -> Self {
        let (frames, broken, columns) = (Frames::default(), BTreeSet::new(), MartColumns::new());
        Self { context, frames, broken, findings: Vec::new(), columns }
    }

    fn sources(&mut self) {
        for source in self.context.project.sources.values() {
            let rows = scan::empty(self.context.project, source);
            let loaded = match source.kind {
                SourceKind::Snapshot => Loaded::Snapshots(BTreeMap::from([(SOME_DAY, Snapshot::held(rows))])),
                SourceKind::Events => Loaded::Events(rows),
            };
            self.frames.sources.insert(source.name.clone(), loaded);
        }
    }

    fn rollups(&mut self) {
        let project = self.context.project;
        for definition in project.rollups.values() {
            let Some(source) = project.sources.get(&definition.from.value) else { continue };
            match rollup::schema_only(&self.context, source, definition) {
                Ok(rows) => {
                    self.frames.rollups.insert(definition.name.clone(), Rolled::empty(&rows));
                }
                Err(error) => {
                    let pieces = definition.by.values().chain(definition.measures.values()).chain(&definition.filter);
                    let mut pieces = pieces_of(pieces);
                    pieces.push(Piece::Input(&source.name));
                    self.report(&format!("rollup `{}`", definition.name), definition.span, &pieces, &error);
                    self.broken.insert(&definition.name);
                }
            }
        }
    }

    fn tables(&mut self) {
        let project = self.context.project;
        for definition in ordered_tables(project, |_| true) {
            let broken = |name: &str| self.broken.contains(name);
            if broken(&definition.name) || definition.reads(project).iter().any(|name| broken(&name.value)) {
                self.broken.insert(&definition.name);
                continue;
            }
            if let TableBody::Attribution { of, .. } = &definition.body {
                self.attribution(of, definition);
                continue;
            }
            let result = {
                let scope = Scope::of_period(project, self.context.plan, &self.frames, self.period());
                table::evaluate(definition, &scope).and_then(|rows| {
                    table::declared_columns(definition, &rows)?;
                    Ok(rows)
                })
            };
            match result {
                Ok(rows) => {
                    self.frames.tables.insert(definition.name.clone(), rows);
                    // Empty tables reconcile, if only they have the columns.
                    let scope = Scope::of_run(project, self.context.plan, &self.frames);
                    if let Err(error) = table::reconcile(definition, &scope) {
                        self.report(&format!("table `{}`", definition.name), definition.span, &[], &error);
                    }
                }
                Err(error) => {
                    let piece = match &definition.body {
                        TableBody::Sql(sql) => vec![Piece::Query(sql)],
                        TableBody::Rows { .. } | TableBody::Attribution { .. } => Vec::new(),
                    };
                    self.report(&format!("table `{}`", definition.name), definition.span, &piece, &error);
                    self.broken.insert(&definition.name);
                }
            }
        }
    }

    /// All tables of an attribution with the first one, so that what is wrong with it is said once.
    fn attribution(&mut self, name: &str, table: &'a Table) {
        if self.frames.has_table(&table.name) {
            return;
        }
        if let Err(error) = table::attributed(name, &self.context, &mut self.frames) {
            self.report(&format!("table `{}`", table.name), table.span, &[], &error);
            let tables = self.context.project.tables.values();
            let siblings =
                tables.filter(|other| matches!(&other.body, TableBody::Attribution { of, .. } if of == name));
            self.broken.extend(siblings.map(|other| other.name.as_str()));
        }
    }

    /// Checks all at once, which is fast; only where that fails each is looked at alone, to find those at fault.
    fn facts_and_kpis(&mut self) {
        let project = self.context.project;
        let frames = std::mem::take(&mut self.frames);
        let mut scope = Scope::of_period(project, self.context.plan, &frames, self.period());
        let wanted: Vec<&Mart> = project.marts.values().collect();
        // One month stands for periods of every grain.
        let job = Job::new(project, &wanted).at_every_grain();
        let together = if self.broken.is_empty() { Some(job.frames_checked(&mut scope)) } else { None };
        match together {
            Some(Ok(period)) => {
                self.kpis(&job, &period, &scope);
                self.marts(&job, period, &scope);
            }
            failed => {
                let before = self.findings.len();
                self.facts(&scope);
                if self.findings.len() == before
                    && let Some(Err(error)) = failed
                {
                    let place = project.jobs.values().next().map_or(Span::none(), |job| job.span);
                    self.report("facts", place, &[], &error);
                }
            }
        }
    }

    fn facts(&mut self, scope: &Scope<'_>) {
        let project = self.context.project;
        for fact in project.facts.values() {
            let FactInput::Table(from) = &fact.from else { continue };
            if self.broken.contains(from.value.as_str()) {
                continue;
            }
            if let Err(error) = one_fact(project, fact, scope) {
                let columns = columns_of(&from.value, scope);
                let pieces = pieces_of_fact(fact);
                let what = format!("fact `{}`", fact.name);
                self.findings.push(explain::finding(&what, fact.span, &pieces, &columns, &error));
            }
        }
    }

    fn kpis(&mut self, job: &Job<'a>, period: &crate::measure::frame::PeriodFrames, scope: &Scope<'_>) {
        let Some(cube) = &job.cube else { return };
        let evaluated = cube
            .finest(0, period, scope)
            .and_then(|finest| cube.roll_up(vec![finest]))
            .and_then(|rolled| cube.cells(&rolled, self.context.plan));
        let Err(error) = evaluated else { return };
        let before = self.findings.len();
        for kpi in &cube.kpis {
            let formulas = [Some(&kpi.formula), kpi.immature.as_ref(), kpi.mature.as_ref()];
            let mut places = formulas.into_iter().flatten().flat_map(|formula| &formula.places);
            let first_error = places.find_map(|index| cube.aggregate_alone(*index, period, scope).err());
            if let Some(error) = first_error {
                let pieces = pieces_of(
                    [Some(&kpi.kpi.formula), kpi.kpi.immature.as_ref(), kpi.kpi.mature.as_ref()].into_iter().flatten(),
                );
                self.report(&format!("kpi `{}`", kpi.kpi.name), kpi.kpi.formula.span, &pieces, &error);
            }
        }
        if self.findings.len() == before {
            self.report("kpis", Span::none(), &[], &error);
        }
    }

    fn marts(&mut self, job: &Job<'a>, period: crate::measure::frame::PeriodFrames, scope: &Scope<'_>) {
        let project = self.context.project;
        let mut made: HashMap<String, LazyFrame> = HashMap::new();
        if let Some(cube) = &job.cube {
            made.insert("kpi_values".to_owned(), values::empty(&cube.dimensions).lazy());
            made.insert("kpi_wide".to_owned(), values::empty_wide(cube).lazy());
        }
        if let Some(root) = project.cube_root() {
            made.extend(cuts::table(root).ok().map(|rows| ("cuts".to_owned(), rows.lazy())));
        }
        if let Ok(rows) = catalog::kpi_catalog(&[], &BTreeMap::new(), &BTreeMap::new(), &|_| String::new()) {
            made.insert("kpi_catalog".to_owned(), rows.lazy());
        }
        if let Ok(rows) = catalog::data_quality(&[], SOME_DAY) {
            made.insert("data_quality".to_owned(), rows.lazy());
        }
        if let Ok(rows) = job.made(period, &self.period()) {
            made.extend(rows.into_iter().map(|(name, rows)| (name, stamped(rows.lazy(), &self.period()))));
        }
        made.insert("score_bands".to_owned(), DataFrame::empty_with_schema(&bands::schema()).lazy());
        made.insert("kpi_changes".to_owned(), DataFrame::empty_with_schema(&changes::schema()).lazy());
        made.insert("alerts".to_owned(), alerts::empty(project).lazy());
        made.insert("actions".to_owned(), alerts::actions(alerts::empty(project).lazy(), project));
        for alert in project.alerts.values() {
            let Some(rows) = made.get(&alert.over.value) else { continue };
            if let Err(error) = alerts::firing(alert, rows.clone(), Some(rows.clone()), &self.period(), scope) {
                let pieces = pieces_of(alert.expressions());
                self.report(&format!("alert `{}`", alert.name), alert.span, &pieces, &error);
            }
        }
        for mart in project.marts.values() {
            let result = marts::rows_of(mart, scope, &|name| made.get(name).cloned().map(Ok))
                .and_then(|mut rows| Ok(rows.collect_schema()?));
            match result {
                Err(error) => {
                    let piece = match &mart.body {
                        MartBody::Sql(sql) => vec![Piece::Query(sql)],
                        MartBody::From(_) => Vec::new(),
                    };
                    self.report(&format!("mart `{}`", mart.name), mart.span, &piece, &error);
                }
                Ok(schema) => {
                    self.mart_columns(mart, &schema);
                    let columns = schema.iter().map(|(name, dtype)| (name.to_string(), arrow::type_name(dtype)));
                    self.columns.insert(mart.name.clone(), columns.collect());
                }
            }
        }
    }

    /// Columns that a mart names and its rows do not have; columns that it has and does not document.
    fn mart_columns(&mut self, mart: &Mart, schema: &Schema) {
        let known = || schema.iter_names().map(PlSmallStr::as_str);
        let named = mart.key.iter().chain(&mart.sort).map(|name| (name.value.as_str(), name.span));
        let documented = mart.columns.iter().map(|(name, column)| (name.as_str(), column.span));
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for (name, span) in named.chain(documented) {
            if schema.get(name).is_none() && missing.insert(name) {
                let others = known().filter(|known| !mart.key.iter().any(|key| key.value == *known));
                let help = match (did_you_mean(name, others), &mart.body) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, MartBody::Sql(_)) => {
                        format!(
                            "its `select` gives {}; `{name}` can be one more",
                            known().collect::<Vec<_>>().join(", ")
                        )
                    }
                    (None, MartBody::From(_)) => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                };
                let message = format!("mart `{}` has no column `{name}`", mart.name);
                self.findings.push(Diagnostic::error("unknown-column", message).at(span).help(help));
            }
        }
        let kpis = &self.context.project.kpis;
        let bare: Vec<&str> =
            known().filter(|name| !mart.columns.contains_key(*name) && !kpis.contains_key(*name)).collect();
        if let Some(first) = bare.first() {
            let message = match bare.len() {
                1 => format!("column `{first}` of mart `{}` is not documented", mart.name),
                _ => format!("columns of mart `{}` are not documented: {}", mart.name, bare.join(", ")),
            };
            let help = format!("add `{first}: {{description: …}}` under `columns`");
            self.findings.push(Diagnostic::warning("undocumented-column", message).at(mart.span).help(help));
        }
    }

    fn period(&self) -> Period {
        self.context.plan.periods[0]
    }

    fn report(&mut self, what: &str, span: Span, pieces: &[Piece<'_>], error: &EngineError) {
        let inputs: BTreeSet<&str> = pieces.iter().flat_map(Piece::reads).collect();
        let scope = Scope::of_period(self.context.project, self.context.plan, &self.frames, self.period());
        let columns = inputs.into_iter().flat_map(|name| columns_of(name, &scope)).collect::<Vec<_>>();
        self.findings.push(explain::finding(what, span, pieces, &columns, error));
    }
}

/// The columns of a source, rollup or table, as far as they are known by now.
fn columns_of(name: &str, scope: &Scope<'_>) -> Vec<String> {
    let schema = scope.rows(name, false).and_then(|mut rows| Ok(rows.collect_schema()?));
    schema.map(|schema| schema.iter_names().map(ToString::to_string).collect()).unwrap_or_default()
}

fn one_fact(project: &Project, fact: &Fact, scope: &Scope<'_>) -> Result<(), EngineError> {
    let Some(entity) = project.entities.get(&fact.per.value) else { return Ok(()) };
    let keys = keys_of(project, entity);
    let compiled = CompiledFact::new(fact);
    if matches!(fact.kind, abmart_spec::model::FactKind::State) {
        let FactInput::Table(from) = &fact.from else { return Ok(()) };
        compiled.state(scope.rows(&from.value, false)?, &keys, scope)?.collect_schema()?;
    } else {
        compiled.rows(scope, &keys, None)?.lazy().with_columns(compiled.measures()?).collect()?;
    }
    Ok(())
}

fn some_plan(project: &Project) -> Plan {
    let period = Period::holding(Grain::Month, SOME_DAY, SOME_DAY, 1);
    Plan {
        pipeline: project.pipelines.keys().next().cloned().unwrap_or_default(),
        as_of: SOME_DAY,
        history_start: SOME_DAY.first_of_month(),
        periods: vec![period],
        buckets: BTreeMap::new(),
        sources: IndexMap::new(),
    }
}
