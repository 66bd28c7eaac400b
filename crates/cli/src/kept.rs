//! What is kept of a run beside its marts, so that later figures can be compared with what it has published.
//!
//! ```text
//! _abmart/runs/<run>/cells.parquet   grand totals and cuts by one dimension, as `kpi_values` shows them
//! _abmart/runs/<run>/run.json.zst    the project's files and variables, and which files of the lake were read
//! ```
//!
//! The store shows a record together with the marts of its run, and forgets it when newer runs have taken its place.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use abmart_plan::Plan;
use abmart_spec::Project;
use abmart_store::{Bytes, KeptRun, RunRecord, Store, StoreError};
use arrow::array::RecordBatch;
use jiff::civil::Date;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, chain};
use crate::results::RunResults;

/// The version of the records that this build writes and reads.
const VERSION: u32 = 1;
const CELLS: &str = "cells.parquet";
const RUN: &str = "run.json.zst";
/// Definitions are a megabyte of text at most: what more effort saves is worth no second of a night.
const EFFORT: i32 = 6;

/// What a run was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this record's form.
    version: u32,
    /// The run.
    pub run_id: String,
    /// The pipeline.
    pub pipeline: String,
    /// The run's day.
    pub as_of: Date,
    /// Version of the program.
    pub abmart: String,
    /// The variables that the project's values name.
    variables: BTreeMap<String, String>,
    /// The project's files, path and text.
    files: Vec<TextFile>,
    /// Source → the files that were read.
    pub lake: BTreeMap<String, Vec<LakeFile>>,
}

/// A file of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TextFile {
    path: PathBuf,
    text: String,
}

/// A file of the lake, as far as its store tells versions of it apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LakeFile {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, where the store has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
}

/// Stages the record of a run. A pipeline that shows no cube keeps none.
///
/// # Errors
/// When the store cannot be written.
pub fn stage(
    project: &Project,
    results: &RunResults,
    plan: &Plan,
    figures: &[RecordBatch],
    marts: &Store,
) -> Result<RunRecord, Failure> {
    let kept = usize::try_from(project.settings.kept_runs).unwrap_or(usize::MAX);
    let mut record = RunRecord { pipeline: results.pipeline.clone(), files: Vec::new(), kept };
    if kept == 0 || figures.is_empty() {
        return Ok(record);
    }
    let run = Record {
        version: VERSION,
        run_id: results.run_id.clone(),
        pipeline: results.pipeline.clone(),
        as_of: plan.as_of,
        abmart: results.abmart.to_owned(),
        variables: project.variables.clone(),
        files: project
            .files
            .files
            .iter()
            .map(|file| TextFile { path: file.path.clone(), text: file.text.to_string() })
            .collect(),
        lake: lake(plan),
    };
    // Plain data without maps of odd keys always has a JSON form.
    let text = serde_json::to_vec(&run).unwrap_or_default();
    let packed = zstd::bulk::compress(&text, EFFORT).map_err(|error| Failure::Run(error.to_string()))?;
    for (name, content) in [(CELLS, encoded(figures)?), (RUN, Bytes::from(packed))] {
        record.files.push(marts.stage_record(&results.run_id, name, content)?);
    }
    Ok(record)
}

/// The files of a plan, by source.
pub fn lake(plan: &Plan) -> BTreeMap<String, Vec<LakeFile>> {
    let files = |files: &[abmart_plan::PlannedFile]| {
        let file = |file: &abmart_plan::PlannedFile| LakeFile {
            key: file.key.clone(),
            size: file.size,
            etag: file.etag.clone(),
        };
        let mut files: Vec<LakeFile> = files.iter().map(file).collect();
        files.sort();
        files
    };
    plan.sources.iter().map(|(name, source)| (name.clone(), files(&source.files))).collect()
}

/// What a kept run was made of; none where its record is gone or of another form.
///
/// # Errors
/// When the store cannot be read.
pub fn read(run: &KeptRun, marts: &Store) -> Result<Option<Record>, StoreError> {
    let Some(packed) = marts.record_file(run, RUN)? else { return Ok(None) };
    let unpacked = zstd::decode_all(packed.as_ref()).ok();
    let record: Option<Record> = unpacked.and_then(|text| serde_json::from_slice(&text).ok());
    Ok(record.filter(|record| record.version == VERSION))
}

/// The cells of a kept run, as Parquet; none where its record is gone.
///
/// # Errors
/// When the store cannot be read.
pub fn cells(run: &KeptRun, marts: &Store) -> Result<Option<Bytes>, StoreError> {
    marts.record_file(run, CELLS)
}

impl Record {
    /// The project as the run had it, but with the stores and the folder of another; none where it cannot be laid out anew.
    ///
    /// # Errors
    /// When the scratch folder cannot be written.
    pub fn project(&self, like: &Project, scratch: &Path) -> Result<Option<Project>, Failure> {
        // A job outside of the project's folder has no place in another folder.
        let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        if !self.files.iter().all(|file| inside(&file.path)) {
            return Ok(None);
        }
        let failed = |error: std::io::Error| Failure::Environment(format!("folder `{}`: {error}", scratch.display()));
        for file in &self.files {
            let path = scratch.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap_or(scratch)).map_err(failed)?;
            std::fs::write(path, &file.text).map_err(failed)?;
        }
        let loaded = abmart_spec::load(scratch, &self.variables, &|_| None);
        std::fs::remove_dir_all(scratch).map_err(failed)?;
        Ok(loaded.ok().map(|(mut project, _)| {
            project.root.clone_from(&like.root);
            project.stores.clone_from(&like.stores);
            project
        }))
    }
}

fn encoded(figures: &[RecordBatch]) -> Result<Bytes, Failure> {
    let failed = |error: parquet::errors::ParquetError| Failure::Run(chain(&error));
    let Some(first) = figures.first() else { return Ok(Bytes::new()) };
    let level = ZstdLevel::try_new(EFFORT).map_err(failed)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, Arc::clone(&first.schema()), Some(properties)).map_err(failed)?;
    for batch in figures {
        writer.write(batch).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(Bytes::from(file))
}
