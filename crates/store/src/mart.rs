use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use crate::store::is_hidden;
use crate::{MartFormat, StoreError, order};

/// How a mart's files are to be written and documented.
#[derive(Debug, Clone, Default)]
pub struct MartSpec {
    /// The mart's name, also the folder that it is published in.
    pub name: String,
    /// What a row of it is, for its readers.
    pub description: String,
    /// The columns that its rows are sorted by, ascending with nulls first.
    pub sort: Vec<String>,
    /// The columns that get Bloom filters: ids that readers look up.
    pub bloom: Vec<String>,
    /// The documentation of its columns, in any order.
    pub columns: Vec<MartColumn>,
    /// Facts about the mart as a whole, such as its definition's hash, written as `abmart.<key>`. They are
    /// part of the file: a value that differs every night, such as the run's id, makes every file differ every
    /// night, and belongs in the manifest instead.
    pub metadata: BTreeMap<String, String>,
}

/// The documentation of one column of a mart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MartColumn {
    /// The column's name.
    pub name: String,
    /// What its values mean.
    pub description: String,
    /// The unit of its values, when they have one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
}

/// A mart file that is written but not yet visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// The mart that it belongs to.
    pub mart: String,
    /// Its path below the mart's folder, such as `part-0.parquet`.
    pub file_name: String,
    /// Its number of rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

/// The folder of files that are written but not yet visible.
pub(crate) const STAGING: &str = "_staging";
/// The most rows in a row group: enough for compression, few enough for readers to skip by.
pub(crate) const ROW_GROUP_ROWS: usize = 1 << 20;

impl StagedFile {
    /// The key of the staged file of run `run_id`.
    #[must_use]
    pub fn staged_key(&self, run_id: &str) -> String {
        staged_key(run_id, &self.mart, &self.file_name)
    }

    /// The key that the file is published under: a stable one, or in a Delta table one of its own.
    pub(crate) fn published_key(&self, format: MartFormat, run_id: &str) -> String {
        let file_name = &self.file_name;
        match format {
            MartFormat::Parquet => format!("{}/{file_name}", self.mart),
            MartFormat::Delta => {
                let stem = file_name.strip_suffix(".parquet").unwrap_or(file_name);
                format!("{}/{stem}.{run_id}.parquet", self.mart)
            }
        }
    }
}

pub(crate) fn staged_key(run_id: &str, mart: &str, file_name: &str) -> String {
    format!("{STAGING}/{run_id}/{mart}/{file_name}")
}

/// A mart name or run id is one visible path part.
pub(crate) fn check_name(name: &str, role: &'static str) -> Result<(), StoreError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.contains(['/', '\\']) {
        "it must be one path part, without slashes"
    } else if is_hidden(name) {
        "it must not begin with `_` or `.`, which hide a path from readers"
    } else if name.chars().any(char::is_control) {
        "it must not contain control characters"
    } else {
        return Ok(());
    };
    Err(StoreError::InvalidKey { key: name.to_owned(), role, reason: reason.to_owned() })
}

/// A mart file may lie in partition folders, all of them visible.
pub(crate) fn check_file_name(file_name: &str) -> Result<(), StoreError> {
    file_name.split('/').try_for_each(|part| check_name(part, "file name"))?;
    if is_parquet(file_name) {
        return Ok(());
    }
    Err(StoreError::InvalidKey {
        key: file_name.to_owned(),
        role: "file name",
        reason: "it must end in `.parquet`".to_owned(),
    })
}

pub(crate) fn is_parquet(key: &str) -> bool {
    key.ends_with(".parquet")
}

impl MartSpec {
    /// The schema that the file declares: the rows' own, documented, with one plain type for each of text
    /// and binary, because not every reader knows Arrow's views, large variants and dictionaries.
    pub(crate) fn file_schema(&self, rows: &Schema) -> SchemaRef {
        let documentation: HashMap<&str, &MartColumn> =
            self.columns.iter().map(|column| (column.name.as_str(), column)).collect();
        let fields: Vec<Field> = rows
            .fields()
            .iter()
            .map(|field| {
                let mut metadata = HashMap::new();
                if let Some(column) = documentation.get(field.name().as_str()) {
                    metadata.insert("description".to_owned(), column.description.clone());
                    metadata.extend(column.unit.clone().map(|unit| ("unit".to_owned(), unit)));
                }
                Field::new(field.name(), plain_type(field.data_type()), field.is_nullable()).with_metadata(metadata)
            })
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// The positions of the sort columns in `schema`; also checks that every column named anywhere is there.
    pub(crate) fn sort_positions(&self, schema: &Schema) -> Result<Vec<usize>, StoreError> {
        let position = |name: &String, role: &str| {
            schema.index_of(name).map_err(|_| StoreError::Mart {
                mart: self.name.clone(),
                reason: format!("{role} names column `{name}`, which its rows do not have"),
            })
        };
        for name in &self.bloom {
            position(name, "the list of Bloom filters")?;
        }
        for column in &self.columns {
            position(&column.name, "the documentation")?;
        }
        self.sort.iter().map(|name| position(name, "the sort order")).collect()
    }

    /// How the encoder writes this mart. `sort_leaves` are the sort columns' positions among the file's leaves.
    pub(crate) fn properties(&self, sort_leaves: &[usize]) -> Result<WriterProperties, StoreError> {
        let level = ZstdLevel::try_new(3).map_err(|error| StoreError::encode(&self.name, "", error))?;
        let sorting = sort_leaves
            .iter()
            .map(|&leaf| SortingColumn {
                column_idx: i32::try_from(leaf).unwrap_or(i32::MAX),
                descending: order::SORT.descending,
                nulls_first: order::SORT.nulls_first,
            })
            .collect::<Vec<_>>();
        let mut properties = WriterProperties::builder()
            // `<application> version <version>` is the form that other readers parse; some ignore the statistics of
            // a file whose writer they cannot name.
            .set_created_by(concat!("abmart version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_dictionary_enabled(true)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_sorting_columns((!sorting.is_empty()).then_some(sorting))
            .set_key_value_metadata(Some(self.key_values()?));
        for name in &self.bloom {
            let path = ColumnPath::new(vec![name.clone()]);
            properties =
                properties.set_column_bloom_filter_enabled(path.clone(), true).set_column_bloom_filter_fpp(path, 0.01);
        }
        Ok(properties.build())
    }

    fn key_values(&self) -> Result<Vec<KeyValue>, StoreError> {
        let columns = serde_json::to_string(&self.columns).map_err(|error| StoreError::Mart {
            mart: self.name.clone(),
            reason: format!("the documentation cannot be written as JSON: {error}"),
        })?;
        let own = [("mart", self.name.clone()), ("description", self.description.clone()), ("columns", columns)];
        let given = self.metadata.iter().map(|(key, value)| (key.as_str(), value.clone()));
        Ok(own.into_iter().chain(given).map(|(key, value)| KeyValue::new(format!("abmart.{key}"), value)).collect())
    }
}

fn plain_type(rows: &DataType) -> DataType {
    match rows {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}
