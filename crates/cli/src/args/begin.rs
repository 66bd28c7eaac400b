//! Options of the commands by which people begin and find their way: a new project, new definitions, lists, manual pages.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder of the project: one that is not there, is empty or holds nothing but .git
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// The project's name: lower-case letters, digits and `_` [default: that of the folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Begin with one source and one KPI instead of all definitions that come with the program
    #[arg(long)]
    pub bare: bool,
    /// Leave out the lake of generated data
    #[arg(long)]
    pub no_lake: bool,
}

/// Kinds of definition that can be added.
#[derive(Debug, Subcommand)]
pub enum AddCommand {
    /// Add a KPI
    Kpi {
        /// Name, job and whether it is written
        #[command(flatten)]
        to: AddTo,
        /// Aggregates over `<fact>.<measure>`, and other KPIs [default: a count over a fact of the project]
        #[arg(long, value_name = "SQL")]
        formula: Option<String>,
        /// Unit of the value [default: the first that the formula can have, count before others]
        #[arg(long, value_parser = ["count", "money", "percent", "ratio", "score", "days", "hours", "seconds"])]
        unit: Option<String>,
    },
    /// Add a source with the contract that a Parquet file has
    Source {
        /// Name, job and whether it is written
        #[command(flatten)]
        to: AddTo,
        /// Parquet file, or folder whose newest one is taken: a path, or a key below the lake
        #[arg(long, value_name = "FILE_OR_FOLDER", value_hint = ValueHint::AnyPath)]
        from: String,
        /// Full copies or rows with a time [default: what the folders' dates and the columns tell]
        #[arg(long, value_enum)]
        kind: Option<SourceKind>,
    },
    /// Add a SQL table
    Table {
        /// Name, job and whether it is written
        #[command(flatten)]
        to: AddTo,
        /// Source, rollup or table that it reads [default: the first source]
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
    },
    /// Add a fact: measures per entity and period
    Fact {
        /// Name, job and whether it is written
        #[command(flatten)]
        to: AddTo,
        /// Source, rollup or table that it measures [default: the first one with the entity's key and a time]
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// Entity that it is kept for [default: the one that KPIs are cut by]
        #[arg(long, value_name = "ENTITY")]
        per: Option<String>,
    },
    /// Add a mart
    Mart {
        /// Name, job and whether it is written
        #[command(flatten)]
        to: AddTo,
        /// Entity, source or table that it publishes [default: `kpi_values`, not cut by any dimension]
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
    },
    /// Add an alert about a KPI
    Alert {
        /// Name, job and whether it is written
        #[command(flatten)]
        to: AddTo,
        /// KPI that it looks at [default: the first one that is published]
        #[arg(long, value_name = "NAME")]
        kpi: Option<String>,
    },
}

/// What is the same for all kinds of definition.
#[derive(Debug, Args)]
pub struct AddTo {
    /// Name of the definition: lower-case letters, digits and `_`
    pub name: String,
    /// Job to add it to; a new name makes a new file in jobs/ [default: the job of what it reads, else the one with most of its kind]
    #[arg(long, value_name = "JOB")]
    pub job: Option<String>,
    /// Print what would be added and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How the files of a source relate to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SourceKind {
    /// A full copy a day
    Snapshot,
    /// Rows with a time
    Events,
}

/// Options of `ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Definitions to list, such as `win_rate`, `+kpi:win_rate`, `job:engagement` or `tag:core,kpi:*_rate` [default: all]
    #[arg(value_name = "SELECTOR")]
    pub select: Vec<String>,
    /// Definitions to leave out; may be given more than once [default: none]
    #[arg(long, value_name = "SELECTOR")]
    pub exclude: Vec<String>,
    /// Print the list as JSON, with owners and tags
    #[arg(long)]
    pub json: bool,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for every command into this folder, such as abmart-run.1 [default: print that of the program]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}
