use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriter, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use crate::blocks::Blocks;
use crate::mart::{self, ROW_GROUP_ROWS};
use crate::order::OrderCheck;
use crate::sink::Sink;
use crate::{MartSpec, StagedFile, Store, StoreError, durable};

/// Writes one file of a mart into staging, row group by row group, its columns encoded in parallel.
///
/// Equal rows give equal bytes, however they are cut into batches and however many threads encode
/// them. Memory holds one encoded row group and a block of rows. Dropped before [`MartWriter::finish`],
/// it leaves nothing that a reader could see.
pub struct MartWriter {
    store: Store,
    key: String,
    mart: String,
    file_name: String,
    sort: String,
    rows_schema: SchemaRef,
    file: SerializedFileWriter<Sink>,
    row_groups: ArrowRowGroupWriterFactory,
    fields: Vec<FieldRef>,
    leaf_counts: Vec<usize>,
    row_group: Option<RowGroup>,
    blocks: Blocks,
    order: OrderCheck,
    rows: u64,
}

/// The rows that are encoded together. It divides the row group, so row groups begin at block boundaries.
const BLOCK_ROWS: usize = 1 << 16;

impl Store {
    /// Writes `batches`, sorted as `spec` says, into the staging folder of run `run_id`. `schema` is that
    /// of the batches; with no batches at all the file has no rows.
    ///
    /// # Errors
    /// Those of [`MartWriter::create`], [`MartWriter::write`] and [`MartWriter::finish`].
    pub fn write_mart(
        &self,
        run_id: &str,
        spec: &MartSpec,
        file_name: &str,
        schema: &SchemaRef,
        batches: impl IntoIterator<Item = RecordBatch>,
    ) -> Result<StagedFile, StoreError> {
        let mut writer = MartWriter::create(self, run_id, spec, file_name, schema)?;
        batches.into_iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()
    }
}

impl MartWriter {
    /// Begins the file `file_name` of a mart in the staging folder of run `run_id`.
    ///
    /// # Errors
    /// [`StoreError::InvalidKey`] for unusable names, [`StoreError::Mart`] when `spec` names a column that
    /// `schema` lacks, [`StoreError::Encode`] for types that Parquet cannot hold.
    pub fn create(
        store: &Store,
        run_id: &str,
        spec: &MartSpec,
        file_name: &str,
        schema: &SchemaRef,
    ) -> Result<Self, StoreError> {
        mart::check_name(run_id, "run id")?;
        mart::check_name(&spec.name, "mart name")?;
        mart::check_file_name(file_name)?;
        let sort = spec.sort_positions(schema)?;
        let file_schema = spec.file_schema(schema);
        let encode = |error| StoreError::encode(&spec.name, file_name, error);
        let leaf_counts = leaf_counts(&file_schema).map_err(encode)?;
        let sort_leaves: Vec<usize> = sort.iter().map(|&column| leaf_counts[..column].iter().sum()).collect();
        let key = mart::staged_key(run_id, &spec.name, file_name);
        let (file, row_groups) = ArrowWriter::try_new(
            Sink::create(store, &key)?,
            SchemaRef::clone(&file_schema),
            Some(spec.properties(&sort_leaves)?),
        )
        .and_then(ArrowWriter::into_serialized_writer)
        .map_err(encode)?;
        Ok(Self {
            store: store.clone(),
            key,
            mart: spec.name.clone(),
            file_name: file_name.to_owned(),
            sort: spec.sort.join(", "),
            rows_schema: SchemaRef::clone(schema),
            file,
            row_groups,
            fields: file_schema.fields().to_vec(),
            leaf_counts,
            row_group: None,
            blocks: Blocks::new(SchemaRef::clone(schema), BLOCK_ROWS),
            order: OrderCheck::new(sort),
            rows: 0,
        })
    }

    /// Adds rows after those that are there.
    ///
    /// # Errors
    /// [`StoreError::Mart`] when the rows do not fit the schema, [`StoreError::Unsorted`] when they are out of
    /// order, [`StoreError::Encode`] and [`StoreError::Io`] when they cannot be written.
    pub fn write(&mut self, batch: RecordBatch) -> Result<(), StoreError> {
        self.check(&batch)?;
        self.blocks.push(batch);
        while let Some(block) = self.blocks.next_full().map_err(|error| self.failed(error.into()))? {
            self.encode(&block)?;
        }
        Ok(())
    }

    /// Completes the file; on return it is on the disk or in the store for good.
    ///
    /// # Errors
    /// As [`MartWriter::write`].
    pub fn finish(mut self) -> Result<StagedFile, StoreError> {
        if let Some(block) = self.blocks.rest().map_err(|error| self.failed(error.into()))? {
            self.encode(&block)?;
        }
        self.close_row_group()?;
        let (mart, file_name) = (self.mart, self.file_name);
        let (bytes, sha256) = self
            .file
            .into_inner()
            .and_then(|sink| sink.close().map_err(ParquetError::from))
            .map_err(|error| StoreError::encode(&mart, &file_name, error))?;
        if let Some(root) = self.store.local_root() {
            durable::sync_file(root, &self.key)?;
            durable::sync_folders(root, [self.key.as_str()])?;
        }
        Ok(StagedFile { mart, file_name, rows: self.rows, bytes, sha256 })
    }

    /// Batches must have the columns that were announced: the encoder goes by position.
    fn check(&self, batch: &RecordBatch) -> Result<(), StoreError> {
        let refused = |reason: String| StoreError::Mart { mart: self.mart.clone(), reason };
        let schema = batch.schema();
        if schema.fields().len() != self.rows_schema.fields().len() {
            return Err(refused(format!(
                "rows have {} columns, {} were announced",
                schema.fields().len(),
                self.rows_schema.fields().len()
            )));
        }
        for ((announced, field), column) in self.rows_schema.fields().iter().zip(schema.fields()).zip(batch.columns()) {
            if announced.name() != field.name() || announced.data_type() != column.data_type() {
                return Err(refused(format!(
                    "column `{}` of type {} comes where `{}` of type {} was announced",
                    field.name(),
                    column.data_type(),
                    announced.name(),
                    announced.data_type()
                )));
            }
            if !announced.is_nullable() && column.logical_null_count() > 0 {
                return Err(refused(format!(
                    "column `{}` was announced without nulls and has {}",
                    field.name(),
                    column.logical_null_count()
                )));
            }
        }
        Ok(())
    }

    fn encode(&mut self, block: &RecordBatch) -> Result<(), StoreError> {
        let row_group = match &mut self.row_group {
            Some(open) => open,
            none => none.insert(RowGroup::new(
                self.row_groups
                    .create_column_writers(self.file.flushed_row_groups().len())
                    .map_err(|error| StoreError::encode(&self.mart, &self.file_name, error))?,
                &self.fields,
                &self.leaf_counts,
            )),
        };
        let order = &mut self.order;
        let (ordered, encoded) = rayon::join(|| order.check(block), || row_group.encode(block));
        let full = row_group.rows >= ROW_GROUP_ROWS;
        encoded.map_err(|error| self.failed(error))?;
        if let Some(row) = ordered.map_err(|error| self.failed(error.into()))? {
            return Err(StoreError::Unsorted { mart: self.mart.clone(), row, columns: self.sort.clone() });
        }
        self.rows += block.num_rows() as u64;
        if full {
            self.close_row_group()?;
        }
        Ok(())
    }

    fn close_row_group(&mut self) -> Result<(), StoreError> {
        let Some(row_group) = self.row_group.take() else {
            return Ok(());
        };
        append(&mut self.file, row_group).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: ParquetError) -> StoreError {
        StoreError::encode(&self.mart, &self.file_name, error)
    }
}

/// The encoders of one row group, grouped by top-level column.
struct RowGroup {
    columns: Vec<(FieldRef, Vec<ArrowColumnWriter>)>,
    rows: usize,
}

impl RowGroup {
    fn new(writers: Vec<ArrowColumnWriter>, fields: &[FieldRef], leaf_counts: &[usize]) -> Self {
        let mut writers = writers.into_iter();
        let columns = fields
            .iter()
            .zip(leaf_counts)
            .map(|(field, &leaves)| (FieldRef::clone(field), writers.by_ref().take(leaves).collect()))
            .collect();
        Self { columns, rows: 0 }
    }

    fn encode(&mut self, block: &RecordBatch) -> Result<(), ParquetError> {
        self.rows += block.num_rows();
        self.columns.par_iter_mut().zip(block.columns()).try_for_each(|((field, writers), column)| {
            let leaves = compute_leaves(field, column)?;
            writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))
        })
    }

    /// Compresses what is left; the chunks come in the file's order.
    fn close(self) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let writers: Vec<ArrowColumnWriter> = self.columns.into_iter().flat_map(|(_, writers)| writers).collect();
        writers.into_par_iter().map(ArrowColumnWriter::close).collect()
    }
}

fn append(file: &mut SerializedFileWriter<Sink>, row_group: RowGroup) -> Result<(), ParquetError> {
    let chunks = row_group.close()?;
    let mut group = file.next_row_group()?;
    for chunk in chunks {
        chunk.append_to_row_group(&mut group)?;
    }
    group.close().map(drop)
}

/// How many Parquet leaves each top-level column has: one, or several when it is nested.
fn leaf_counts(schema: &Schema) -> Result<Vec<usize>, ParquetError> {
    let descriptor = ArrowSchemaConverter::new().convert(schema)?;
    let mut counts = vec![0; schema.fields().len()];
    for leaf in 0..descriptor.num_columns() {
        counts[descriptor.get_column_root_idx(leaf)] += 1;
    }
    Ok(counts)
}
