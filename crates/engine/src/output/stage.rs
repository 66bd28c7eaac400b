//! The last stage: the cube rolled up, every mart computed, audited and written into staging.

use std::collections::HashMap;

use abmart_plan::calendar::grain_name;
use abmart_spec::model::{Kpi, Mart, MartBody, Spanned};
use abmart_store::StagedFile;
use polars::prelude::*;

use super::catalog;
use super::marts::{self, Staging};
use crate::context::{Context, Stage};
use crate::cube::compile::Cube;
use crate::cube::finest::Finest;
use crate::cube::values::{Figures, Yardsticks};
use crate::error::EngineError;
use crate::job::{Job, Made};
use crate::read::ReadReport;
use crate::run::Target;
use crate::scope::{Frames, Scope};

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
    /// Marts to make.
    pub wanted: &'a [&'a Mart],
}

/// The staged files, and how many cells the cube has.
pub type Staged = (Vec<StagedFile>, usize);

impl Inputs<'_> {
    /// Stages all marts.
    ///
    /// # Errors
    /// When a mart does not compute, an audit fails or the store does.
    pub fn stage(&self, target: &Target<'_>, finest: Vec<Finest>, mut made: Made) -> Result<Staged, EngineError> {
        let project = self.context.project;
        let kpis: Vec<&Kpi> = project.kpis.values().filter(|kpi| kpi.published).collect();
        self.context.observer.started(Stage::Marts, (kpis.len() + self.wanted.len()) as u64);
        let job_title = |name: &str| project.jobs.get(name).map(|job| job.title.en.clone()).unwrap_or_default();
        made.insert("kpi_catalog".into(), vec![catalog::kpi_catalog(&kpis, target.definitions, &job_title)?]);
        made.insert(
            "data_quality".into(),
            vec![catalog::data_quality(&self.report.findings, self.context.plan.as_of)?],
        );
        let mut scans: HashMap<&str, LazyFrame> = HashMap::new();
        let staging = Staging { store: target.store, run_id: target.run_id, definitions: target.definitions };
        let (mut staged, mut cells) = (Vec::new(), 0);
        let (cube_marts, others): (Vec<&Mart>, Vec<&Mart>) =
            self.wanted.iter().copied().partition(|mart| is_cube(mart));
        if let (Some(mart), Some(cube)) = (cube_marts.first(), &self.job.cube) {
            let (file, height) = self.stage_cube(&staging, mart, cube, target, finest)?;
            cells = height;
            scans.insert("kpi_values", staged_rows(&staging, &file)?);
            staged.push(file);
        }
        for mart in others {
            self.context.check_interrupted()?;
            let lookup = |name: &str| scans.get(name).cloned().or_else(|| self.made_rows(&made, mart, name));
            let rows = marts::rows_of(mart, &self.scope(), &lookup)?;
            let rows = rows
                .collect()
                .map_err(|error| EngineError::from(error).at(format!("mart `{}`", mart.name), mart.span))?;
            staged.push(staging.frame(mart, rows)?);
            self.context.advance(1);
        }
        self.context.observer.finished(Stage::Marts);
        Ok((staged, cells))
    }

    fn stage_cube(
        &self,
        staging: &Staging<'_>,
        mart: &Mart,
        cube: &Cube<'_>,
        target: &Target<'_>,
        finest: Vec<Finest>,
    ) -> Result<(StagedFile, usize), EngineError> {
        let rolled = cube.roll_up(finest)?;
        let cells = cube.cells(&rolled, self.context.plan)?;
        let settings = &self.context.project.settings;
        let yardsticks = Yardsticks {
            targets: self.role(settings.targets.as_ref())?,
            benchmarks: self.role(settings.benchmarks.as_ref())?,
            definitions: target.definitions.clone(),
        };
        let figures = Figures::new(cube, &cells, yardsticks, self.context.plan)?;
        let file = staging.kpi_values(mart, &figures, self.context)?;
        Ok((file, cells.frame.height()))
    }

    /// The rows of a table that has a role.
    fn role(&self, name: Option<&Spanned<String>>) -> Result<Option<DataFrame>, EngineError> {
        name.map(|name| Ok(self.scope().rows(&name.value, false)?.collect()?)).transpose()
    }

    fn scope(&self) -> Scope<'_> {
        Scope::of_run(self.context.project, self.context.plan, self.frames)
    }

    /// Rows that periods or the catalogue gave, at the grains that the mart is for.
    fn made_rows(&self, made: &Made, mart: &Mart, name: &str) -> Option<LazyFrame> {
        let parts: Vec<LazyFrame> = made.get(name)?.iter().map(|frame| frame.clone().lazy()).collect();
        let rows = concat_lf_diagonal(parts, UnionArgs::default()).ok()?;
        let grains = mart.grains.iter().map(|grain| col("period_grain").eq(lit(grain_name(*grain))));
        Some(match grains.reduce(Expr::or).filter(|_| self.job.published.contains_key(name)) {
            Some(at_grains) => rows.filter(at_grains),
            None => rows,
        })
    }
}

fn is_cube(mart: &Mart) -> bool {
    matches!(&mart.body, MartBody::From(name) if name.value == "kpi_values")
}

/// A staged mart as input of others: only the rows that they ask for are read back.
fn staged_rows(staging: &Staging<'_>, file: &StagedFile) -> Result<LazyFrame, EngineError> {
    let key = file.staged_key(staging.run_id);
    let path = staging.store.local_path(&key).ok_or_else(|| EngineError::Unreadable {
        source_name: file.mart.clone(),
        file: key,
        reason: "marts are not on a local file system".to_owned(),
    })?;
    let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
    Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(&path)?, args)?)
}
