//! Marts staged in the store: written, audited on the way, not yet visible to anyone.

use std::collections::BTreeMap;

use ::arrow::array::RecordBatch;
use abmart_spec::model::{Kpi, Mart, MartBody};
use abmart_store::{MartColumn as FileColumn, MartSpec, MartWriter, StagedFile, Store};
use indexmap::IndexMap;
use polars::prelude::*;

use super::{arrow, audit};
use crate::cells;
use crate::codes;
use crate::context::Context;
use crate::cube::values::Figures;
use crate::error::EngineError;
use crate::grouping::Order;
use crate::scope::Scope;
use crate::sql::query;

/// The file that a mart consists of.
pub const FILE: &str = "part-0.parquet";

/// Where marts are staged.
pub struct Staging<'a> {
    /// The store of marts.
    pub store: &'a Store,
    /// The run.
    pub run_id: &'a str,
    /// Mart → hash of its definition.
    pub definitions: &'a BTreeMap<String, String>,
    /// KPIs, which describe the columns that bear their names.
    pub kpis: &'a IndexMap<String, Kpi>,
}

impl Staging<'_> {
    /// Stages `kpi_values`, KPI by KPI, so that memory holds one KPI at a time; where runs are kept, gives its grand totals
    /// and the cells cut by one dimension as well.
    ///
    /// # Errors
    /// When a KPI cannot be evaluated, an audit fails, or the store does.
    pub fn kpi_values(
        &self,
        mart: &Mart,
        figures: &Figures<'_>,
        context: &Context<'_>,
    ) -> Result<(StagedFile, Vec<RecordBatch>), EngineError> {
        let mut published: Vec<_> = figures.cube.kpis.iter().filter(|kpi| kpi.kpi.published).collect();
        published.sort_by(|a, b| a.kpi.name.cmp(&b.kpi.name));
        let mut writer: Option<MartWriter> = None;
        let mut brief = Vec::new();
        let keeps = context.project.settings.kept_runs > 0;
        // As many KPIs at once as there are threads: more would only take memory.
        for kpis in published.chunks(context.budget.threads.max(1)) {
            context.check_interrupted()?;
            let rows = context.parallel(kpis, |kpi| {
                audit::kpi(figures.cube, kpi, figures.cells, &mart.name)?;
                let brief = |batch: &RecordBatch| cells::brief(batch, &figures.cube.dimensions, &|cut| cut.len() <= 1);
                let one = |batch: RecordBatch| Ok((keeps.then(|| brief(&batch)).transpose()?, batch));
                figures.rows(kpi)?.into_iter().map(one).collect::<Result<Vec<_>, EngineError>>()
            })?;
            for (few, batch) in rows.into_iter().flatten() {
                brief.extend(few);
                self.begun(&mut writer, mart, &batch)?.write(batch)?;
            }
            context.advance(kpis.len() as u64);
        }
        match writer {
            Some(writer) => Ok((writer.finish()?, brief)),
            None => Err(EngineError::Audit {
                mart: mart.name.clone(),
                problem: "no KPI has a value at any grain".to_owned(),
            }),
        }
    }

    /// Stages a mart whose rows are in memory, in its sort order.
    ///
    /// # Errors
    /// When an audit fails, a column has a type that marts do not have, or the store fails.
    pub fn frame(&self, mart: &Mart, frame: DataFrame) -> Result<StagedFile, EngineError> {
        let batch = ready(mart, frame)?;
        let spec = self.file_spec(mart, &batch.schema());
        Ok(self.store.write_mart(self.run_id, &spec, FILE, &batch.schema(), [batch.clone()])?)
    }

    /// Stages a mart part by part, so that memory holds as many parts as there are threads. The parts come in the order
    /// of the mart, and no key is in two of them.
    ///
    /// # Errors
    /// As [`Staging::frame`].
    pub fn parts<T: Sync>(
        &self,
        mart: &Mart,
        parts: &[T],
        rows: &(dyn Fn(&T) -> Result<DataFrame, EngineError> + Sync),
        context: &Context<'_>,
    ) -> Result<StagedFile, EngineError> {
        let mut writer: Option<MartWriter> = None;
        for several in parts.chunks(context.budget.threads.max(1)) {
            context.check_interrupted()?;
            for batch in context.parallel(several, |part| ready(mart, rows(part)?))? {
                self.begun(&mut writer, mart, &batch)?.write(batch)?;
            }
        }
        match writer {
            Some(writer) => Ok(writer.finish()?),
            None => Err(EngineError::Audit { mart: mart.name.clone(), problem: "it has no period".to_owned() }),
        }
    }

    /// The writer of a mart, which the first rows begin.
    fn begun<'w>(
        &self,
        writer: &'w mut Option<MartWriter>,
        mart: &Mart,
        rows: &RecordBatch,
    ) -> Result<&'w mut MartWriter, EngineError> {
        if writer.is_none() {
            let spec = self.file_spec(mart, &rows.schema());
            *writer = Some(MartWriter::create(self.store, self.run_id, &spec, FILE, &rows.schema())?);
        }
        writer
            .as_mut()
            .ok_or_else(|| EngineError::Audit { mart: mart.name.clone(), problem: "it has no file".to_owned() })
    }

    /// What a column means: as the mart says, else as the KPI of its name does.
    fn documented(&self, mart: &Mart, name: &str) -> Option<FileColumn> {
        let column = mart.columns.get(name).map(|column| (column.description.clone(), column.unit.clone()));
        let of_kpi = || {
            let kpi = self.kpis.get(name)?;
            Some((kpi.description.trim().to_owned(), Some(kpi.unit.name().to_owned())))
        };
        let (description, unit) = column.or_else(of_kpi)?;
        Some(FileColumn { name: name.to_owned(), description, unit })
    }

    fn file_spec(&self, mart: &Mart, schema: &::arrow::datatypes::Schema) -> MartSpec {
        let is_id = |name: &&str| name.ends_with("_id") && schema.field_with_name(name).is_ok();
        MartSpec {
            name: mart.name.clone(),
            description: mart.description.trim().to_owned(),
            sort: mart.sort.iter().map(|name| name.value.clone()).collect(),
            bloom: mart.key.iter().map(|name| name.value.as_str()).filter(is_id).map(str::to_owned).collect(),
            columns: schema.fields().iter().filter_map(|field| self.documented(mart, field.name())).collect(),
            metadata: self
                .definitions
                .get(&mart.name)
                .map(|hash| ("definition".to_owned(), hash.clone()))
                .into_iter()
                .chain(mart.audience.iter().map(|audience| ("audience".to_owned(), audience.clone())))
                .collect(),
        }
    }
}

/// Rows audited, in the order of their mart, as Arrow.
fn ready(mart: &Mart, rows: DataFrame) -> Result<RecordBatch, EngineError> {
    let located = |error: EngineError| error.at(format!("mart `{}`", mart.name), mart.span);
    audit::rows(mart, &rows).map_err(located)?;
    let by: Vec<&str> = mart.sort.iter().map(|name| name.value.as_str()).collect();
    let columns = by.iter().map(|name| rows.column(name)).collect::<Result<Vec<_>, _>>()?;
    let order = Order::of(&columns)?;
    let in_key = |name: &&str| mart.key.iter().any(|key| key.value == **name);
    let repeated = order.as_ref().filter(|_| by.len() == mart.key.len() && by.iter().all(in_key));
    audit::keys(mart, &rows, repeated.map(|order| order.repeated)).map_err(located)?;
    arrow::batch(&match order {
        Some(order) => rows.take(&order.rows)?,
        None if by.is_empty() => rows,
        None => codes::plain(rows)?.sort(by, SortMultipleOptions::default())?,
    })
}

/// The rows of a mart that is not the cube: a made table or a query over such tables and the entities.
///
/// # Errors
/// When the query does not fit its inputs.
pub fn rows_of(
    mart: &Mart,
    scope: &Scope<'_>,
    made: &dyn Fn(&str) -> Option<Result<LazyFrame, EngineError>>,
) -> Result<LazyFrame, EngineError> {
    let named = |name: &str| made(name).unwrap_or_else(|| scope.rows(name, false));
    let rows = match &mart.body {
        MartBody::From(name) => named(&name.value)
            .and_then(|rows| query::filter(rows, mart.filter.as_ref().map(|sql| &sql.ast), &scope.clock())),
        MartBody::Sql(sql) => (|| {
            let mut inputs = Vec::new();
            for name in &sql.reads {
                inputs.push((name.value.as_str(), named(&name.value)?));
            }
            Ok(query::run(&sql.ast, inputs, &scope.clock())?.lazy())
        })(),
    };
    rows.map_err(|error| error.at(format!("mart `{}`", mart.name), mart.span))
}
