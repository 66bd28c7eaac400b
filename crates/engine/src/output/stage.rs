//! The last stage: the cube rolled up, every mart computed, audited and written into staging.

use std::collections::HashMap;

use abmart_plan::calendar::{Period, grain_name};
use abmart_spec::model::{Kpi, Mart, MartBody, Spanned};
use abmart_store::StagedFile;
use arrow::array::RecordBatch;
use polars::prelude::*;

use super::alerts::{self, OpenAlert};
use super::history::History;
use super::marts::{self, Staging};
use super::{bands, catalog, changes, cuts};
use crate::context::{Context, Stage};
use crate::cube::compile::Cube;
use crate::cube::finest::Finest;
use crate::cube::values::{Figures, Yardsticks};
use crate::error::EngineError;
use crate::input::rollup::Piece;
use crate::input::scan::scan_local;
use crate::job::{Job, Made, stamped};
use crate::read::ReadReport;
use crate::run::Target;
use crate::scope::{Frames, Scope};
use crate::sql::select;

/// What the stages before give to the last one.
pub struct Inputs<'a> {
    /// What all stages share.
    pub context: &'a Context<'a>,
    /// Sources, rollups and tables.
    pub frames: &'a Frames,
    /// What was computed in every period.
    pub job: &'a Job<'a>,
    /// What was read.
    pub report: &'a ReadReport,
    /// What earlier runs found.
    pub history: &'a History,
    /// Marts to make.
    pub wanted: &'a [&'a Mart],
}

/// What the last stage leaves.
pub struct Staged {
    /// The staged files.
    pub files: Vec<StagedFile>,
    /// Cells of the cube.
    pub cells: usize,
    /// Its grand totals and cells cut by one dimension: see [`crate::cells`].
    pub figures: Vec<RecordBatch>,
    /// Alerts that are open, where marts show them.
    pub alerts: Vec<OpenAlert>,
}

/// The cube once it is staged.
struct StagedCube {
    file: StagedFile,
    cells: usize,
    figures: Vec<RecordBatch>,
    /// A column a KPI, where marts read it so.
    wide: Option<DataFrame>,
}

impl Inputs<'_> {
    /// Stages all marts.
    ///
    /// # Errors
    /// When a mart does not compute, an audit fails or the store does.
    pub fn stage(&self, target: &Target<'_>, finest: Vec<Finest>, made: &Made) -> Result<Staged, EngineError> {
        let project = self.context.project;
        let kpis: Vec<&Kpi> = project.kpis.values().filter(|kpi| kpi.published).collect();
        self.context.observer.started(Stage::Marts, (kpis.len() + self.wanted.len()) as u64);
        let job_title = |name: &str| project.jobs.get(name).map(|job| job.title.en.clone()).unwrap_or_default();
        let as_of = self.context.plan.as_of;
        let changed = changes::up_to(self.history.table("kpi_changes"), &kpis, target.definitions, as_of)?;
        let since = changes::held_since(&changed)?;
        let catalog = catalog::kpi_catalog(&kpis, target.definitions, &since, &job_title)?;
        let quality = catalog::data_quality(&self.report.findings, as_of)?;
        let quality = self.history.joined(quality, as_of, project.settings.quality_history)?;
        let mut known: HashMap<&str, LazyFrame> = HashMap::from([
            ("kpi_catalog", catalog.lazy()),
            ("kpi_changes", changed.lazy()),
            ("data_quality", quality.lazy()),
        ]);
        if let Some(root) = project.cube_root() {
            known.insert("cuts", cuts::table(root)?.lazy());
        }
        let staging = Staging {
            store: target.store,
            run_id: target.run_id,
            definitions: target.definitions,
            kpis: &project.kpis,
        };
        let (mut staged, mut cells, mut figures) = (Vec::new(), 0, Vec::new());
        // As long as others read its rows.
        let local;
        let (cube_marts, others): (Vec<&Mart>, Vec<&Mart>) =
            self.wanted.iter().copied().partition(|mart| is_cube(mart));
        if let (Some(mart), Some(cube)) = (cube_marts.first(), &self.job.cube) {
            let staged_cube = self.stage_cube(&staging, mart, cube, target, finest)?;
            let file = staged_cube.file;
            (cells, figures) = (staged_cube.cells, staged_cube.figures);
            known.extend(staged_cube.wide.map(|wide| ("kpi_wide", wide.lazy())));
            local = staging.store.local_copy(&file.staged_key(staging.run_id), self.context.shelf.folder())?;
            known.insert("kpi_values", scan_local(&local)?);
            staged.push(file);
        }
        let found = if self.reads(&["alerts", "actions"]) { Some(self.alerts(made, &known)?) } else { None };
        if let Some(found) = &found {
            known.insert("alerts", found.clone().lazy());
            known.insert("actions", alerts::actions(found.clone().lazy(), project));
        }
        if self.reads(&["score_bands"]) {
            let scores_of = |entity: &str, wanted: &dyn Fn(&Period) -> bool| -> Result<Vec<LazyFrame>, EngineError> {
                let months = made.get(entity).into_iter().flatten().filter(|(period, _)| wanted(period));
                months.map(|(_, rows)| rows.lazy()).collect()
            };
            let (earlier, keep) = (self.history.table("score_bands"), project.settings.alert_history);
            known.insert("score_bands", bands::table(project, earlier, as_of, keep, &scores_of)?.lazy());
        }
        for mart in others {
            self.context.check_interrupted()?;
            let _timed = tracing::debug_span!("mart", name = mart.name).entered();
            let file = if let Some((name, parts)) = by_period(mart, made) {
                let rows = |part: &LazyFrame| {
                    let own = |read: &str| (read == name).then(|| Ok(part.clone()));
                    self.rows(mart, &|read| own(read).or_else(|| known.get(read).cloned().map(Ok)))
                };
                staging.parts(mart, &parts?, &rows, self.context)?
            } else {
                let lookup = |name: &str| known.get(name).cloned().map(Ok).or_else(|| made_rows(made, mart, name));
                staging.frame(mart, self.rows(mart, &lookup)?)?
            };
            staged.push(file);
            self.context.advance(1);
        }
        self.context.observer.finished(Stage::Marts);
        let alerts = found.as_ref().map(alerts::open).transpose()?.unwrap_or_default();
        Ok(Staged { files: staged, cells, figures, alerts })
    }

    /// Whether a mart reads one of these tables.
    fn reads(&self, names: &[&str]) -> bool {
        self.wanted.iter().flat_map(|mart| mart.reads()).any(|read| names.contains(&read.value.as_str()))
    }

    /// The table `alerts`: what fulfils the conditions of all alerts, with what earlier runs found.
    fn alerts(&self, made: &Made, known: &HashMap<&str, LazyFrame>) -> Result<DataFrame, EngineError> {
        let (project, plan) = (self.context.project, self.context.plan);
        let mut fired = Vec::new();
        for alert in project.alerts.values() {
            let Some(period) = alerts::period(alert, plan) else { continue };
            let of_period = |parts: &Vec<(Period, Piece)>, start: jiff::civil::Date| {
                let found = parts.iter().find(|(at, _)| at.grain == period.grain && at.start == start);
                found.map(|(_, rows)| rows.lazy()).transpose()
            };
            let (rows, before) = match made.get(&alert.over.value) {
                Some(parts) => (of_period(parts, period.start)?, of_period(parts, period.previous_start())?),
                None => (known.get(alert.over.value.as_str()).cloned(), None),
            };
            let Some(rows) = rows else { continue };
            let found = alerts::firing(alert, rows, before, period, &self.scope());
            fired.push(found.map_err(|error| error.at(format!("alert `{}`", alert.name), alert.span))?);
        }
        alerts::continued(project, self.history.table("alerts"), fired, plan.as_of, project.settings.alert_history)
    }

    fn stage_cube(
        &self,
        staging: &Staging<'_>,
        mart: &Mart,
        cube: &Cube<'_>,
        target: &Target<'_>,
        finest: Vec<Finest>,
    ) -> Result<StagedCube, EngineError> {
        let _timed = tracing::debug_span!("mart", name = mart.name).entered();
        let step = |name: &'static str| tracing::debug_span!("cube", name);
        let rolled = step("grouping sets").in_scope(|| cube.roll_up(finest))?;
        let cells = step("cells").in_scope(|| cube.cells(&rolled, self.context.plan))?;
        let settings = &self.context.project.settings;
        let yardsticks = Yardsticks {
            targets: self.role(settings.targets.as_ref())?,
            benchmarks: self.role(settings.benchmarks.as_ref())?,
            definitions: target.definitions.clone(),
        };
        let figures = Figures::new(cube, &cells, yardsticks, self.context.plan)?;
        let (file, brief) = staging.kpi_values(mart, &figures, self.context)?;
        let wide = if self.reads(&["kpi_wide"]) { Some(figures.wide()?) } else { None };
        Ok(StagedCube { file, cells: cells.frame.height(), figures: brief, wide })
    }

    /// The rows of a table that has a role.
    fn role(&self, name: Option<&Spanned<String>>) -> Result<Option<DataFrame>, EngineError> {
        name.map(|name| Ok(self.scope().rows(&name.value, false)?.collect()?)).transpose()
    }

    fn scope(&self) -> Scope<'_> {
        Scope::of_run(self.context.project, self.context.plan, self.frames)
    }

    fn rows(
        &self,
        mart: &Mart,
        made: &dyn Fn(&str) -> Option<Result<LazyFrame, EngineError>>,
    ) -> Result<DataFrame, EngineError> {
        let rows = marts::rows_of(mart, &self.scope(), made)?;
        rows.collect().map_err(|error| EngineError::from(error).at(format!("mart `{}`", mart.name), mart.span))
    }
}

/// Rows that periods gave, at the grains that the mart is for.
fn made_rows(made: &Made, mart: &Mart, name: &str) -> Option<Result<LazyFrame, EngineError>> {
    let parts = made_parts(made.get(name)?, mart);
    Some(parts.and_then(|parts| Ok(concat(parts, UnionArgs { to_supertypes: true, ..UnionArgs::default() })?)))
}

/// As [`made_rows`], period by period in the order in which marts sort them. What a fact does not measure at a period's
/// grain is null there.
fn made_parts(made: &[(Period, Piece)], mart: &Mart) -> Result<Vec<LazyFrame>, EngineError> {
    let wanted = |period: &Period| mart.grains.is_empty() || mart.grains.contains(&period.grain);
    let mut parts: Vec<&(Period, Piece)> = made.iter().filter(|(period, _)| wanted(period)).collect();
    parts.sort_by_key(|(period, _)| (grain_name(period.grain), period.start));
    let mut columns = Schema::default();
    for (name, dtype) in parts.iter().flat_map(|(_, rows)| rows.schema().iter()) {
        if !columns.contains(name) {
            columns.insert(name.clone(), dtype.clone());
        }
    }
    let part = |(period, rows): &&(Period, Piece)| {
        let there = |name: &PlSmallStr| rows.schema().contains(name);
        let nothing = |name: &PlSmallStr, dtype: &DataType| lit(NULL).cast(dtype.clone()).alias(name.clone());
        let value = |(name, dtype): (&PlSmallStr, &DataType)| {
            if there(name) { col(name.clone()) } else { nothing(name, dtype) }
        };
        Ok(stamped(rows.lazy()?.select(columns.iter().map(value).collect::<Vec<_>>()), period))
    };
    parts.iter().map(part).collect()
}

/// The one name whose rows a mart takes period by period, and these rows: where it is sorted by periods first and nothing
/// in it looks beyond one.
fn by_period<'a>(mart: &'a Mart, made: &'a Made) -> Option<(&'a str, Result<Vec<LazyFrame>, EngineError>)> {
    let order: Vec<&str> = mart.sort.iter().map(|name| name.value.as_str()).collect();
    let in_key = |column: &str| mart.key.is_empty() || mart.key.iter().any(|name| name.value == column);
    if !order.starts_with(&PERIOD_COLUMNS) || !PERIOD_COLUMNS.iter().all(|column| in_key(column)) {
        return None;
    }
    let name = match &mart.body {
        MartBody::From(name) => name.value.as_str(),
        MartBody::Sql(sql) => {
            let mut read = sql.reads.iter().map(|name| name.value.as_str()).filter(|name| made.contains_key(*name));
            let name = read.next().filter(|_| read.next().is_none())?;
            select::is_row_by_row(&sql.ast, name, &PERIOD_COLUMNS).then_some(name)?
        }
    };
    Some((name, made_parts(made.get(name)?, mart)))
}

/// The columns by which marts of periods are sorted first.
const PERIOD_COLUMNS: [&str; 2] = ["period_grain", "period_start"];

fn is_cube(mart: &Mart) -> bool {
    matches!(&mart.body, MartBody::From(name) if name.value == "kpi_values" && mart.filter.is_none())
}
