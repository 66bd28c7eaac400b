//! A run from plan to staged marts, stage by stage.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Instant;

use abmart_plan::calendar::{Period, grain_name};
use abmart_spec::model::{ForEach, Grain, Mart, MartBody, Project, SqlQuery, Table, TableBody};
use abmart_store::{StagedFile, Store};
use polars::prelude::*;
use serde::Serialize;
use sqlparser::ast::{self, Expr as Sql};

use crate::context::{Context, Stage};
use crate::cube::compile::Cube;
use crate::cube::finest::Finest;
use crate::cube::values::Yardsticks;
use crate::error::EngineError;
use crate::input::load::day;
use crate::measure::frame::{Measures, PeriodFrames};
use crate::output::{catalog, marts};
use crate::read::{self, ReadReport, SourceRows};
use crate::scope::{Frames, Scope};
use crate::table;

/// What a run left in staging, and what it saw on the way.
pub struct Outcome {
    /// Files ready to be published.
    pub staged: Vec<StagedFile>,
    /// Rows of every source.
    pub sources: Vec<SourceRows>,
    /// Outcomes of all checks.
    pub findings: Vec<crate::input::contract::Finding>,
    /// Source → rows set aside, as Arrow, with reasons.
    pub quarantined: Vec<(String, arrow::array::RecordBatch)>,
    /// Seconds that each stage took.
    pub stages: Vec<StageTime>,
    /// Cells of the cube.
    pub cells: usize,
    /// Rows of each rollup.
    pub rollup_rows: BTreeMap<String, usize>,
}

/// How long a stage took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Where and under which names a run stages its marts.
pub struct Target<'a> {
    /// The store of marts.
    pub store: &'a Store,
    /// The run's id.
    pub run_id: &'a str,
    /// Hashes of definitions: KPIs and marts by name.
    pub definitions: &'a BTreeMap<String, String>,
}

/// Runs a plan up to staged, audited marts; publishing them is the caller's.
///
/// # Errors
/// When data cannot be read, a definition does not compute, an audit fails or the store does. Nothing is visible then.
pub fn run(context: &Context<'_>, target: &Target<'_>) -> Result<Outcome, EngineError> {
    let mut stages = Vec::new();
    let mut begun = Instant::now();
    let mut done = |stage: Stage| {
        stages.push(StageTime { stage, seconds: begun.elapsed().as_secs_f64() });
        begun = Instant::now();
    };
    let mut frames = Frames::default();
    let report = read::read(context, &mut frames)?;
    done(Stage::Read);
    tables(context, &mut frames)?;
    done(Stage::Tables);
    let wanted = wanted_marts(context);
    let job = Job::new(context.project, &wanted);
    let (finest, made) = periods(context, &frames, &job)?;
    done(Stage::Periods);
    let (staged, cells) = stage_marts(context, target, &frames, &job, &wanted, &report, finest, made)?;
    done(Stage::Marts);
    let quarantined = report
        .quarantined
        .iter()
        .map(|(source, frames)| {
            let all: Vec<LazyFrame> = frames.iter().map(|frame| frame.clone().lazy()).collect();
            let all = concat_lf_diagonal(all, UnionArgs::default())?.collect()?;
            Ok((source.clone(), crate::output::arrow::batch(&all)?))
        })
        .collect::<Result<Vec<_>, EngineError>>()?;
    let rollup_rows = frames.rollups.iter().map(|(name, rolled)| (name.clone(), rolled.height())).collect();
    let ReadReport { sources, findings, .. } = report;
    Ok(Outcome { staged, sources, findings, quarantined, stages, cells, rollup_rows })
}

/// What is computed in every period.
pub(crate) struct Job<'a> {
    /// Facts and scores.
    pub measures: Measures<'a>,
    /// The cube.
    pub cube: Option<Cube<'a>>,
    /// Tables evaluated inside periods, in order.
    pub period_tables: Vec<&'a Table>,
    /// Entity, or `<score>_signals` → what marts read of it.
    pub published: HashMap<String, Wanted>,
}

/// What marts read of an entity or a score's signals.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Names of columns.
    columns: BTreeSet<String>,
    all_columns: bool,
    /// Grains of periods.
    grains: BTreeSet<Grain>,
    all_grains: bool,
}

impl Wanted {
    fn at(&self, grain: Grain) -> bool {
        self.all_grains || self.grains.contains(&grain)
    }

    fn column(&self, name: &str) -> bool {
        self.all_columns || self.columns.contains(name)
    }
}

/// Rows that periods give for marts, by the name under which SQL reads them.
type Made = HashMap<String, Vec<DataFrame>>;

impl<'a> Job<'a> {
    /// What the marts need of every period.
    pub fn new(project: &'a Project, wanted: &[&'a Mart]) -> Self {
        let kpis: Vec<_> = project.kpis.values().collect();
        let root = project.entities.values().find(|entity| entity.parent.is_none());
        let cube = root.map(|root| {
            let dimensions = root.dimensions.iter().map(|name| name.value.clone()).collect();
            Cube::new(project, root, dimensions, &kpis)
        });
        let mut job = Self {
            measures: Measures::new(project, &|_| true),
            cube,
            period_tables: ordered_tables(project, |for_each| for_each == ForEach::Period),
            published: HashMap::new(),
        };
        for mart in wanted {
            let (names, columns): (Vec<&str>, _) = match &mart.body {
                MartBody::From(name) => (vec![name.value.as_str()], None),
                MartBody::Sql(sql) => (sql.reads.iter().map(|name| name.value.as_str()).collect(), columns_of(sql)),
            };
            let is_signals = |name: &str| score_of(name).is_some_and(|score| project.scores.contains_key(score));
            for name in names.into_iter().filter(|name| project.entities.contains_key(*name) || is_signals(name)) {
                let known = job.published.entry(name.to_owned()).or_default();
                known.all_grains |= mart.grains.is_empty();
                known.grains.extend(mart.grains.iter().copied());
                match &columns {
                    Some(columns) => known.columns.extend(columns.iter().cloned()),
                    None => known.all_columns = true,
                }
            }
        }
        job
    }

    /// Evaluates the tables of a period, then its entity frames.
    ///
    /// # Errors
    /// When a table or fact does not compute.
    pub fn frames(&self, scope: &mut Scope<'_>) -> Result<PeriodFrames, EngineError> {
        for table in &self.period_tables {
            let rows = table::evaluate(table, scope)?;
            scope.local.insert(table.name.clone(), rows);
        }
        self.measures.frames(scope, &self.signals(scope.period))
    }

    /// As [`Job::frames`], with the tables of periods already in the run's frames.
    ///
    /// # Errors
    /// When a fact does not compute.
    pub fn frames_checked(&self, scope: &mut Scope<'_>) -> Result<PeriodFrames, EngineError> {
        self.measures.frames(scope, &self.signals(scope.period))
    }

    /// Scores whose signals a mart shows at the period's grain.
    fn signals(&self, period: Option<Period>) -> Vec<String> {
        let shown = self.published.iter().filter(|(_, wanted)| period.is_some_and(|period| wanted.at(period.grain)));
        shown.filter_map(|(name, _)| score_of(name)).map(str::to_owned).collect()
    }

    /// The rows of a period that marts read.
    pub fn made(&self, frames: PeriodFrames, period: &Period) -> Result<Vec<(String, DataFrame)>, EngineError> {
        let mut made = Vec::new();
        let stamp = [
            lit(grain_name(period.grain)).alias("period_grain"),
            day(period.start).alias("period_start"),
            day(period.end).alias("period_end"),
            lit(period.partial).alias("partial"),
        ];
        for (entity, frame) in frames.entities {
            let Some(wanted) = self.published.get(&entity).filter(|wanted| wanted.at(period.grain)) else { continue };
            let kept = frame.get_column_names().into_iter().filter_map(|name| {
                let published = name.replace('.', "_");
                wanted.column(&published).then(|| col(name.clone()).alias(published))
            });
            let columns: Vec<Expr> = stamp.iter().cloned().chain(kept).collect();
            made.push((entity, frame.clone().lazy().select(columns).collect()?));
        }
        for (score, frame) in frames.signals {
            let columns: Vec<Expr> = stamp.iter().cloned().chain([all().as_expr()]).collect();
            made.push((format!("{score}_signals"), frame.lazy().select(columns).collect()?));
        }
        Ok(made)
    }
}

/// Tables in an order in which each comes after those that it reads.
pub(crate) fn ordered_tables(project: &Project, wanted: impl Fn(ForEach) -> bool) -> Vec<&Table> {
    let mut waiting: Vec<&Table> = project.tables.values().filter(|table| wanted(table.for_each)).collect();
    let mut ordered: Vec<&Table> = Vec::new();
    while !waiting.is_empty() {
        let open: BTreeSet<&str> = waiting.iter().map(|table| table.name.as_str()).collect();
        let ready = |table: &Table| match &table.body {
            TableBody::Rows { .. } => true,
            TableBody::Sql(sql) => !sql.reads.iter().any(|name| open.contains(name.value.as_str())),
        };
        let (now, later): (Vec<&Table>, Vec<&Table>) = waiting.iter().copied().partition(|table| ready(table));
        if now.is_empty() {
            // The project's checks refuse cycles.
            ordered.extend(later);
            break;
        }
        ordered.extend(now);
        waiting = later;
    }
    ordered
}

fn tables(context: &Context<'_>, frames: &mut Frames) -> Result<(), EngineError> {
    let ordered = ordered_tables(context.project, |for_each| for_each != ForEach::Period);
    context.observer.started(Stage::Tables, ordered.len() as u64);
    table::evaluate_all(&ordered, context, frames)?;
    context.observer.finished(Stage::Tables);
    Ok(())
}

fn periods(context: &Context<'_>, frames: &Frames, job: &Job<'_>) -> Result<(Vec<Finest>, Made), EngineError> {
    context.observer.started(Stage::Periods, context.plan.periods.len() as u64);
    let numbered: Vec<(usize, Period)> = context.plan.periods.iter().copied().enumerate().collect();
    let outcomes = context.parallel(&numbered, |(number, period)| {
        context.check_interrupted()?;
        let mut scope = Scope::of_period(context.project, context.plan, frames, *period);
        let frames = job.frames(&mut scope)?;
        let finest = match &job.cube {
            Some(cube) => cube.finest(*number, &frames, &scope)?,
            None => Finest::default(),
        };
        let made = job.made(frames, period)?;
        context.advance(1);
        Ok((finest, made))
    })?;
    context.observer.finished(Stage::Periods);
    let (mut all_finest, mut all_made) = (Vec::new(), Made::new());
    for (finest, made) in outcomes {
        all_finest.push(finest);
        for (name, frame) in made {
            all_made.entry(name).or_default().push(frame);
        }
    }
    Ok((all_finest, all_made))
}

#[expect(clippy::too_many_arguments, reason = "the last stage takes what all stages before it gave")]
fn stage_marts(
    context: &Context<'_>,
    target: &Target<'_>,
    frames: &Frames,
    job: &Job<'_>,
    wanted: &[&Mart],
    report: &ReadReport,
    finest: Vec<Finest>,
    mut made: Made,
) -> Result<(Vec<StagedFile>, usize), EngineError> {
    let scope = Scope::of_run(context.project, context.plan, frames);
    let staging = marts::Staging { store: target.store, run_id: target.run_id, definitions: target.definitions };
    let published: Vec<_> = context.project.kpis.values().filter(|kpi| kpi.published).collect();
    context.observer.started(Stage::Marts, (published.len() + wanted.len()) as u64);
    let mut staged = Vec::new();
    let mut height = 0;
    let is_cube = |mart: &&&Mart| matches!(&mart.body, MartBody::From(name) if name.value == "kpi_values");
    if let (Some(mart), Some(cube)) = (wanted.iter().find(is_cube), &job.cube) {
        let cells = cube.cells(cube.roll_up(finest)?, context.plan)?;
        height = cells.frame.height();
        let table = |name: &Option<abmart_spec::model::Spanned<String>>| match name {
            Some(name) => scope.rows(&name.value, false).and_then(|rows| Ok(rows.collect()?)).map(Some),
            None => Ok(None),
        };
        let settings = &context.project.settings;
        let yardsticks = Yardsticks {
            targets: table(&settings.targets)?,
            benchmarks: table(&settings.benchmarks)?,
            definitions: target.definitions.clone(),
        };
        let shared = cube.shared(&cells, context.plan)?;
        let file = staging.kpi_values(mart, cube, &cells, &shared, &yardsticks, &scope, &|| context.advance(1))?;
        if let Some(path) = target.store.local_path(&file.staged_key(target.run_id)) {
            let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
            made.insert("kpi_values".to_owned(), Vec::new());
            let rows = LazyFrame::scan_parquet(PlRefPath::try_from_path(&path)?, args)?;
            staged.push(file);
            for mart in wanted.iter().filter(|mart| !is_cube(mart) && reads(mart, "kpi_values")) {
                context.check_interrupted()?;
                let lookup = |name: &str| (name == "kpi_values").then(|| rows.clone());
                let frame = marts::rows_of(mart, &scope, &lookup)?.collect().map_err(|error| at(mart, error))?;
                staged.push(staging.frame(mart, frame)?);
                context.advance(1);
            }
        }
    }
    let catalogued: Vec<_> = published.clone();
    let job_title = |name: &str| context.project.jobs.get(name).map(|job| job.title.en.clone()).unwrap_or_default();
    made.insert("kpi_catalog".into(), vec![catalog::kpi_catalog(&catalogued, target.definitions, &job_title)?]);
    made.insert("data_quality".into(), vec![catalog::data_quality(&report.findings, context.plan.as_of)?]);
    for mart in wanted.iter().filter(|mart| !reads(mart, "kpi_values")) {
        context.check_interrupted()?;
        let lookup = |name: &str| {
            let parts: Vec<LazyFrame> = made.get(name)?.iter().map(|frame| frame.clone().lazy()).collect();
            let rows = concat_lf_diagonal(parts, UnionArgs::default()).ok()?;
            let grains: Vec<Expr> = mart.grains.iter().map(|grain| col("period_grain").eq(lit(grain_name(*grain)))).collect();
            Some(match grains.into_iter().reduce(Expr::or).filter(|_| job.published.contains_key(name)) {
                Some(at_grains) => rows.filter(at_grains),
                None => rows,
            })
        };
        let frame = marts::rows_of(mart, &scope, &lookup)?.collect().map_err(|error| at(mart, error))?;
        staged.push(staging.frame(mart, frame)?);
        context.advance(1);
    }
    context.observer.finished(Stage::Marts);
    Ok((staged, height))
}

fn at(mart: &Mart, error: PolarsError) -> EngineError {
    EngineError::from(error).at(format!("mart `{}`", mart.name), mart.span)
}

fn reads(mart: &Mart, name: &str) -> bool {
    match &mart.body {
        MartBody::From(from) => from.value == name,
        MartBody::Sql(sql) => sql.reads.iter().any(|read| read.value == name),
    }
}

/// The score whose signals a name stands for.
fn score_of(name: &str) -> Option<&str> {
    name.strip_suffix("_signals")
}

/// The marts of the pipeline; all where it names none.
pub(crate) fn wanted_marts<'a>(context: &Context<'a>) -> Vec<&'a Mart> {
    let named = context.project.pipelines.get(&context.plan.pipeline).map(|pipeline| pipeline.marts.as_slice());
    match named {
        Some(names) if !names.is_empty() => {
            names.iter().filter_map(|name| context.project.marts.get(&name.value)).collect()
        }
        _ => context.project.marts.values().collect(),
    }
}

/// Names of columns that a query mentions; `None` where it has a wildcard.
fn columns_of(sql: &SqlQuery) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let _ = ast::visit_expressions(&*sql.ast, |node| {
        match node {
            Sql::Identifier(name) => {
                names.insert(name.value.clone());
            }
            Sql::CompoundIdentifier(parts) => names.extend(parts.last().map(|part| part.value.clone())),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    (!sql.ast.to_string().contains('*') || sql.ast.to_string().matches('*').count() == sql.ast.to_string().matches("count(*)").count())
        .then_some(names)
}
