//! BEFORE and AFTER: a day, or a run with what is still known of it.

use abmart_spec::Project;
use abmart_store::{KeptRun, Manifest, Store};
use jiff::civil::Date;
use serde::Serialize;

use crate::exit::{Failure, config};
use crate::kept::{self, Record};
use crate::ledger::Ledger;

/// One of the two.
#[derive(Debug)]
pub struct Side {
    /// Its day.
    pub as_of: Date,
    /// The run, where it is one.
    pub run: Option<Run>,
}

/// A run that has published.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "a run's id is its `run_id` everywhere")]
pub struct Run {
    /// Its id.
    pub run_id: String,
    /// What it was made of, where that is kept.
    pub record: Option<Record>,
    /// Its entry in the manifest, where there is one.
    kept: Option<KeptRun>,
}

/// What JSON says of a side.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    as_of: Date,
    run_id: Option<&'a str>,
    /// Whether what the run has published is known.
    published: bool,
}

impl Side {
    /// Reads a day, or the id of a run of the pipeline.
    ///
    /// # Errors
    /// When it is neither, or the store of marts cannot be read.
    pub fn parse(
        text: &str,
        pipeline: &str,
        marts: Option<&Store>,
        manifest: Option<&Manifest>,
    ) -> Result<Self, Failure> {
        if let Ok(as_of) = text.parse::<Date>() {
            return Ok(Self { as_of, run: None });
        }
        let Some(marts) = marts else { return Err(unknown(text, pipeline, manifest)) };
        let kept = manifest.into_iter().flat_map(|manifest| &manifest.runs).find(|run| run.run_id == text).cloned();
        let record = kept.as_ref().map(|kept| kept::read(kept, marts)).transpose()?.flatten();
        if let Some(record) = record {
            if record.pipeline != pipeline {
                let Record { pipeline: own, .. } = record;
                return Err(config(format!("run `{text}` is one of pipeline `{own}`: `--pipeline {own}`")));
            }
            let as_of = record.as_of;
            return Ok(Self { as_of, run: Some(Run { run_id: text.to_owned(), record: Some(record), kept }) });
        }
        let nights = Ledger::of(marts, pipeline).nights()?;
        let of = |night: &crate::ledger::Night| {
            let published = |attempt: &crate::ledger::Attempt| {
                attempt.run_id == text && attempt.state == crate::ledger::State::Done
            };
            night.night.filter(|_| night.attempts.iter().any(published))
        };
        let Some(as_of) = nights.iter().find_map(of) else { return Err(unknown(text, pipeline, manifest)) };
        Ok(Self { as_of, run: Some(Run { run_id: text.to_owned(), record: None, kept: None }) })
    }

    /// What to call it.
    pub fn label(&self) -> String {
        match &self.run {
            Some(run) => format!("{} (run {})", self.as_of, run.run_id),
            None => self.as_of.to_string(),
        }
    }

    /// What was made of it, where it is a run that is kept.
    pub fn record(&self) -> Option<&Record> {
        self.run.as_ref()?.record.as_ref()
    }

    /// For JSON; `published` says whether its published cells are known.
    pub fn told(&self, published: bool) -> Told<'_> {
        Told { as_of: self.as_of, run_id: self.run.as_ref().map(|run| run.run_id.as_str()), published }
    }
}

impl Run {
    /// The file of the cells that it has published: of its record where that holds all that is wanted (`brief`), else of the
    /// mart, where that is still this run's.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cells(
        &self,
        brief: bool,
        project: &Project,
        marts: &Store,
        manifest: &Manifest,
    ) -> Result<Vec<abmart_store::Bytes>, Failure> {
        if let Some(kept) = self.kept.as_ref().filter(|_| brief)
            && let Some(file) = kept::cells(kept, marts)?
        {
            return Ok(vec![file]);
        }
        let of_cube = project.marts.values().find(|mart| {
            mart.filter.is_none()
                && mart.reads().all(|read| read.value == "kpi_values")
                && matches!(mart.body, abmart_spec::model::MartBody::From(_))
        });
        let mart = of_cube.and_then(|mart| manifest.marts.get(&mart.name)).filter(|mart| mart.run_id == self.run_id);
        let Some(mart) = mart else { return Ok(Vec::new()) };
        Ok(mart.files.iter().map(|file| marts.get(&file.key)).collect::<Result<_, _>>()?)
    }
}

/// The runs of a pipeline that can be compared with what they published, newest first.
pub fn kept_runs(pipeline: &str, manifest: Option<&Manifest>) -> String {
    let runs = manifest.into_iter().flat_map(|manifest| manifest.runs.iter().rev());
    let runs = runs.filter(|run| run.pipeline == pipeline);
    let told: Vec<String> =
        runs.map(|run| format!("\n  {}  {}", run.as_of.as_deref().unwrap_or("-"), run.run_id)).collect();
    if told.is_empty() { "; no run is kept yet".to_owned() } else { format!("; runs that are kept:{}", told.concat()) }
}

fn unknown(text: &str, pipeline: &str, manifest: Option<&Manifest>) -> Failure {
    let runs = kept_runs(pipeline, manifest);
    config(format!(
        "`{text}` is no day such as 2026-11-21, and no run of pipeline `{pipeline}` that has published{runs}"
    ))
}
