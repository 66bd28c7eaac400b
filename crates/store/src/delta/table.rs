use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake_core::kernel::transaction::{CommitData, PROTOCOL, TransactionError};
use deltalake_core::kernel::{Action, Add, MetadataExt as _, StructType, new_metadata};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableError, checkpoints};
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;
use serde_json::{Value, json};
use url::Url;

use super::stats;
use crate::failure::Failure;
use crate::footer::read_metadata;
use crate::store::object_key;
use crate::{ManifestFile, ManifestMart, ObjectInfo, Store, StoreError, durable};

/// A Delta table as it stands.
pub(super) struct Table<'a> {
    store: &'a Store,
    name: &'a str,
    log: LogStoreRef,
    /// `None` when there is no table yet.
    state: Option<DeltaTableState>,
}

/// What became of an attempt to commit.
pub(super) enum Outcome {
    /// The table is as wanted, at this version.
    At(u64),
    /// Another writer has made the version that this one would have made.
    AnotherCameFirst,
    /// The store said nothing: it may have been made or not.
    Unknown(StoreError),
}

/// A data file, known by its footer.
pub(super) struct DataFile {
    pub(super) schema: Schema,
    metadata: ParquetMetaData,
    bytes: u64,
    modified: jiff::Timestamp,
}

impl<'a> Table<'a> {
    /// Reads the newest state of a mart's table.
    pub(super) async fn open(store: &'a Store, name: &'a str) -> Result<Self, StoreError> {
        let mut table = Self { store, name, log: log_store(store, name)?, state: None };
        table.state = match DeltaTableState::try_new(table.log.as_ref(), None).await {
            Ok(state) => Some(state),
            Err(DeltaTableError::NotATable(_)) => None,
            Err(error) => return Err(table.failed(error)),
        };
        Ok(table)
    }

    /// Makes one commit after which the table consists of the files of `mart`, if it does not already.
    pub(super) async fn bring_to(&self, mart: &ManifestMart) -> Result<Outcome, StoreError> {
        let (actions, next) = self.difference(mart).await?;
        if let Some(state) = self.state.as_ref().filter(|_| actions.is_empty()) {
            return Ok(Outcome::At(state.version()));
        }
        let operation = DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None };
        if let Some(state) = &self.state {
            PROTOCOL.can_commit(state, &actions, &operation).map_err(|error| self.failed(error.into()))?;
        }
        let run = HashMap::from([
            ("abmart.run_id".to_owned(), Value::from(mart.run_id.clone())),
            ("abmart.as_of".to_owned(), Value::from(mart.as_of.clone())),
        ]);
        let commit = CommitData::new(actions, operation, run, Vec::new());
        let bytes = commit.get_bytes().map_err(|error| self.failed(error.into()))?;
        let commit = CommitOrBytes::LogBytes(bytes);
        #[expect(
            clippy::default_trait_access,
            reason = "names an operation, which only other logs than this one look at"
        )]
        let nameless = Default::default();
        match self.log.write_commit_entry(next, commit, nameless).await {
            Ok(()) => {}
            // It may have been this one, its answer lost: the table, read again, then is as wanted.
            Err(TransactionError::VersionAlreadyExists(_)) => return Ok(Outcome::AnotherCameFirst),
            Err(TransactionError::ObjectStore { source }) if Failure::of(&source, &[]).unanswered => {
                return Ok(Outcome::Unknown(self.failed(source.into())));
            }
            Err(error) => return Err(self.failed(error.into())),
        }
        if let Some(root) = self.store.local_root() {
            let key = format!("{}/_delta_log/{next:020}.json", self.name);
            durable::sync_file(root, &key)?;
            durable::sync_folders(root, [key.as_str()])?;
        }
        Ok(Outcome::At(next))
    }

    /// Writes the checkpoint of `version` unless it is there.
    pub(super) async fn checkpoint(&self, version: u64) -> Result<(), StoreError> {
        let key = object_key(&format!("{}/_delta_log/{version:020}.checkpoint.parquet", self.name))?;
        if self.store.objects().head(&key).await.is_ok() {
            return Ok(());
        }
        let mut table = DeltaTable::new(Arc::clone(&self.log));
        table.load_version(version).await.map_err(|error| self.failed(error))?;
        checkpoints::create_checkpoint(&table, None).await.map_err(|error| self.failed(error))
    }

    /// What is to be done, and the version that it makes.
    async fn difference(&self, mart: &ManifestMart) -> Result<(Vec<Action>, u64), StoreError> {
        let wanted: BTreeMap<&str, &ManifestFile> =
            mart.files.iter().map(|file| (below(self.name, &file.key), file)).collect();
        let (mut actions, mut there) = (Vec::new(), BTreeSet::new());
        if let Some(state) = &self.state {
            for file in state.snapshot().try_log_data().map_err(|error| self.failed(error))?.iter() {
                let path = file.path().into_owned();
                if wanted.contains_key(path.as_str()) {
                    there.insert(path);
                } else {
                    actions.push(Action::Remove(file.remove_action(true)));
                }
            }
        }
        let mut columns = None;
        for (path, file) in wanted.into_iter().filter(|(path, _)| !there.contains(*path)) {
            let described = describe(self.store, self.name, &file.key).await?;
            actions.push(Action::Add(described.add(path)));
            columns.get_or_insert(described.schema);
        }
        let mut first = Vec::new();
        if let Some(columns) = columns {
            let schema = schema(self.name, &columns)?;
            let failed = |error| self.failed(error);
            match &self.state {
                None => {
                    let protocol = json!({"minReaderVersion": 1, "minWriterVersion": 2});
                    let protocol = serde_json::from_value(protocol).map_err(|error| failed(error.into()))?;
                    first.push(Action::Protocol(protocol));
                    let none: [(String, String); 0] = [];
                    let metadata = new_metadata(&schema, Vec::<String>::new(), none);
                    let metadata = metadata.and_then(|metadata| metadata.with_name(self.name.to_owned()));
                    first.push(Action::Metadata(metadata.map_err(|error| failed(error.into()))?));
                }
                Some(state) if *state.schema() != schema => {
                    let metadata = state.metadata().clone().with_schema(&schema);
                    first.push(Action::Metadata(metadata.map_err(|error| failed(error.into()))?));
                }
                Some(_) => {}
            }
        }
        first.extend(actions);
        Ok((first, self.state.as_ref().map_or(0, |state| state.version() + 1)))
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
    fn failed(&self, error: DeltaTableError) -> StoreError {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        // One of the crates below hands errors of the store on as text.
        let mut environment = error.to_string().contains("object store");
        while let Some(error) = cause {
            environment |= error.is::<object_store::Error>();
            cause = error.source();
        }
        StoreError::Delta {
            mart: self.name.to_owned(),
            store: self.store.label().to_owned(),
            reason: error.to_string(),
            environment,
        }
    }
}

impl DataFile {
    fn add(&self, path: &str) -> Add {
        Add {
            path: path.to_owned(),
            size: i64::try_from(self.bytes).unwrap_or(i64::MAX),
            modification_time: self.modified.as_millisecond(),
            data_change: true,
            stats: Some(stats::of(&self.metadata)),
            ..Add::default()
        }
    }
}

/// Reads the footer of a data file.
pub(super) async fn describe(store: &Store, mart: &str, key: &str) -> Result<DataFile, StoreError> {
    let meta =
        store.objects().head(&object_key(key)?).await.map_err(|source| store.failed("looking up", key, source))?;
    let object = ObjectInfo { key: key.to_owned(), ..meta.into() };
    let (metadata, _) = read_metadata(store, &object).await?;
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|error| StoreError::encode(mart, key, error))?;
    Ok(DataFile { schema, metadata, bytes: object.size, modified: object.last_modified })
}

/// The columns of a file as Delta knows them, with their documentation.
pub(super) fn schema(mart: &str, columns: &Schema) -> Result<StructType, StoreError> {
    let refused = |reason: String| StoreError::Mart { mart: mart.to_owned(), reason };
    let bad = |name: &&Field| name.name().contains([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=']);
    if let Some(field) = columns.fields().iter().map(AsRef::as_ref).find(bad) {
        return Err(refused(format!(
            "column `{}` cannot be in a Delta table: names must not contain spaces nor any of , ; {{ }} ( ) =",
            field.name()
        )));
    }
    let field = |field: &Arc<Field>| {
        // The name under which readers of Delta look for what a column means.
        let comment = field.metadata().get("description").map(|text| ("comment".to_owned(), text.clone()));
        let unit = field.metadata().get("unit").map(|text| ("unit".to_owned(), text.clone()));
        field.as_ref().clone().with_metadata(comment.into_iter().chain(unit).collect())
    };
    let documented = Schema::new(columns.fields().iter().map(field).collect::<Vec<_>>());
    (&documented).try_into_kernel().map_err(|error| refused(format!("it cannot be a Delta table: {error}")))
}

/// The log of a mart's table, through this program's own client.
fn log_store(store: &Store, name: &str) -> Result<LogStoreRef, StoreError> {
    let root: Arc<dyn ObjectStore> = Arc::clone(store.objects());
    let folder: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(Arc::clone(&root), name));
    // Nobody looks this place up: it is joined with names, and names a bucket of the kind whose listings do not come
    // sorted, which those of file systems do not either.
    let url = Url::parse(&format!("memory://marts--x-s3/{name}/")).map_err(|error| StoreError::InvalidKey {
        key: name.to_owned(),
        role: "mart name",
        reason: error.to_string(),
    })?;
    Ok(default_logstore(folder, root, &url, &StorageConfig::default()))
}

/// A key without the folder of its mart.
fn below<'k>(mart: &str, key: &'k str) -> &'k str {
    key.strip_prefix(mart).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key)
}
