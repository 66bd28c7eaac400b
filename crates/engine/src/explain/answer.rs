//! What is told of a figure: plain data, for people and for machines.

use abmart_spec::model::{SourceKind, Title};
use indexmap::IndexMap;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;

/// Where a KPI's figure of one period and cut comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The KPI.
    pub kpi: String,
    /// Its title.
    pub title: Title,
    /// Unit of the value.
    pub unit: &'static str,
    /// The formula, variables filled in.
    pub formula: Written,
    /// The figures as `kpi_values` has them; none where it has no row.
    pub figures: Option<Figures>,
    /// Why there is no value.
    pub no_value: Option<String>,
    /// What is divided, where the formula is a ratio.
    pub numerator: Option<Side>,
    /// What it is divided by.
    pub denominator: Option<Side>,
    /// The aggregates of the formula, in its order.
    pub aggregates: Vec<Aggregated>,
    /// KPIs that the formula names.
    pub kpis: Vec<ReadKpi>,
    /// Entities whose parts add up to the aggregates that add up, one list an entity.
    pub contributions: Vec<Contributions>,
    /// Members behind the aggregates that do not add up, one list an aggregate.
    pub ranked: Vec<Ranked>,
    /// Rows of everything that the KPI is computed from, each after what it reads.
    pub steps: Vec<Step>,
    /// Files that were read.
    pub inputs: Vec<Input>,
    /// Rows behind facts, where they were asked for.
    pub rows: Vec<FactRows>,
}

/// A piece of a definition, with its place.
#[derive(Debug, Clone, Serialize)]
pub struct Written {
    /// As it stands in the file, variables filled in.
    pub text: String,
    /// File below the project's folder.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<usize>,
}

/// The figures of a cell of `kpi_values`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// The value.
    pub value: Option<f64>,
    /// What is divided.
    pub numerator: Option<f64>,
    /// What it is divided by.
    pub denominator: Option<f64>,
    /// Entities behind the value.
    pub n: Option<f64>,
    /// The target.
    pub target: Option<f64>,
    /// Value ÷ target.
    pub attainment: Option<f64>,
    /// The healthy level.
    pub benchmark: Option<f64>,
    /// `alarm`, `low`, `healthy` or `strong`.
    pub status: Option<String>,
    /// Share of the cell with the last dimension rolled up.
    pub share_of_parent: Option<f64>,
    /// Place among the cells of the cut.
    pub rank: Option<f64>,
    /// Members of a cohort whose window is not over.
    pub immature: Option<f64>,
    /// The value over mature members.
    pub mature_value: Option<f64>,
}

/// A side of a ratio.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// The expression.
    pub text: String,
    /// Its value.
    pub value: Option<f64>,
}

/// An aggregate of a formula with its value in the cell.
#[derive(Debug, Clone, Serialize)]
pub struct Aggregated {
    /// The aggregate as it would be written.
    pub text: String,
    /// The entity whose rows it goes over.
    pub entity: String,
    /// Facts whose measures it reads.
    pub facts: Vec<String>,
    /// Whether values of entities add up to it.
    pub adds_up: bool,
    /// Its value.
    pub value: Value,
}

/// A KPI that a formula names.
#[derive(Debug, Clone, Serialize)]
pub struct ReadKpi {
    /// The KPI.
    pub kpi: String,
    /// Its title.
    pub title: Title,
    /// Its value in the same period and cut.
    pub value: Option<f64>,
    /// Its value of everything in the period, where the formula reads that.
    pub overall: Option<f64>,
}

/// What the entities of a cut contribute.
#[derive(Debug, Clone, Serialize)]
pub struct Contributions {
    /// The entity.
    pub entity: String,
    /// Columns of its key, that of its parent first.
    pub key: Vec<String>,
    /// Places among the explanation's aggregates that `values` are of.
    pub aggregates: Vec<usize>,
    /// Entities that contribute.
    pub contributing: u64,
    /// Those that weigh most.
    pub members: Vec<Member>,
    /// The sum over all other entities that contribute.
    pub others: Option<Others>,
}

/// An entity with what it contributes.
#[derive(Debug, Clone, Serialize)]
pub struct Member {
    /// Its key, null for rows that have no entity.
    pub key: Vec<Option<String>>,
    /// Its name, where its snapshot or that of its parent has one.
    pub name: Option<String>,
    /// What it adds.
    #[serde(flatten)]
    pub adds: Adds,
}

/// All entities that are not shown one by one.
#[derive(Debug, Clone, Serialize)]
pub struct Others {
    /// How many.
    pub count: u64,
    /// What they add.
    #[serde(flatten)]
    pub adds: Adds,
}

/// What entities add to a figure.
#[derive(Debug, Clone, Serialize)]
pub struct Adds {
    /// To each of the aggregates.
    pub values: Vec<f64>,
    /// To the numerator, or to the value where the formula is no ratio.
    pub numerator: Option<f64>,
    /// To the denominator.
    pub denominator: Option<f64>,
    /// Share of the numerator.
    pub share: Option<f64>,
}

/// Members in the order of what an aggregate that does not add up looks at.
#[derive(Debug, Clone, Serialize)]
pub struct Ranked {
    /// Place among the explanation's aggregates.
    pub aggregate: usize,
    /// The entity.
    pub entity: String,
    /// Columns of its key, that of its parent first.
    pub key: Vec<String>,
    /// Members with a value.
    pub count: u64,
    /// Those around the place that decides, the greatest first.
    pub members: Vec<RankedMember>,
}

/// A member with its value.
#[derive(Debug, Clone, Serialize)]
pub struct RankedMember {
    /// Its place, from 1.
    pub rank: u64,
    /// Its key.
    pub key: Vec<Option<String>>,
    /// Its name.
    pub name: Option<String>,
    /// What the aggregate looks at.
    pub value: Value,
    /// What the members go by, where their order decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Value>,
}

/// Rows at a step from the files to the figure.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Kind of definition: `source`, `rollup`, `table`, `entity`, `fact`, `score`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// File below the project's folder.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Names of what it reads.
    pub reads: Vec<String>,
    /// What is counted → rows.
    pub rows: IndexMap<&'static str, u64>,
}

/// Files of a source.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// The source.
    pub source: String,
    /// Snapshot or events.
    pub kind: SourceKind,
    /// Why these files.
    pub why: String,
    /// The files.
    pub files: Vec<InputFile>,
}

/// A file of the lake.
#[derive(Debug, Clone, Serialize)]
pub struct InputFile {
    /// Key below the lake.
    pub key: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// First day of its partition.
    pub day: Date,
}

/// Rows behind a fact.
#[derive(Debug, Clone, Serialize)]
pub struct FactRows {
    /// The fact or score.
    pub fact: String,
    /// The table, rollup, source or entity that they are rows of.
    pub from: String,
    /// Names of columns.
    pub columns: Vec<String>,
    /// Rows, those of one entity side by side.
    pub rows: Vec<Vec<Value>>,
    /// Rows that are not shown.
    pub left_out: u64,
}
