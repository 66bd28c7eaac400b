//! The command line.

mod begin;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use jiff::civil::Date;

pub use begin::{AddCommand, AddTo, InitArgs, LsArgs, ManArgs, SourceKind};

/// Account-based-marketing KPIs from Parquet snapshots, as BI-ready Parquet marts, from YAML.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of all commands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder that holds pipelines.yaml
    #[arg(long, global = true, default_value = ".", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub project: PathBuf,
    /// Day to run for: rows after it do not count [default: the newest snapshot]
    #[arg(long, global = true, value_name = "DATE", value_parser = day)]
    pub as_of: Option<Date>,
    /// Read the lake here instead of where pipelines.yaml says
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub lake: Option<String>,
    /// Publish the marts here
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub marts: Option<String>,
    /// Keep results for the next run here
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub cache: Option<String>,
    /// Give a variable of the project a value
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,
    /// Where rollups are computed [default: where the pipeline says, else here]
    #[arg(long, global = true, value_enum)]
    pub engine: Option<Engine>,
    /// Memory to stay within, such as 2GiB or 800MB
    #[arg(long, global = true, default_value = "2GiB", value_name = "SIZE", value_parser = size)]
    pub memory: u64,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Form of the log on standard error
    #[arg(long, global = true, value_enum, default_value_t = Log::Text)]
    pub log: Log,
    /// Say nothing but errors and results
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

impl Global {
    /// The variables that the command line gives.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.vars.iter().cloned().collect()
    }
}

/// Engines for rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Polars in this process
    Local,
    /// An engine that speaks Spark Connect, at the address of the pipeline or of `ABMART_SPARK_REMOTE`
    Spark,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Log {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a new project that runs at once
    Init(InitArgs),
    /// Add a definition to a job file, to be filled in
    #[command(subcommand)]
    Add(AddCommand),
    /// Compute the KPIs and publish the marts
    Run(RunArgs),
    /// Run every night of a range of days, one after the other
    Backfill(BackfillArgs),
    /// Show what a run would read and compute, and why
    Plan(PlanArgs),
    /// Check the project without data: names, columns, types, units, also inside SQL
    Validate(ValidateArgs),
    /// Run the unit tests of the definitions: given rows, expected rows, nothing of the lake
    Test(TestArgs),
    /// List definitions, all or those that selectors select
    Ls(LsArgs),
    /// Show what definitions and columns come from, where they go, and what breaks without one
    Lineage(LineageArgs),
    /// Show which figures changed between two runs, days or versions of the project, and why
    Diff(DiffArgs),
    /// Show where a figure comes from: formula, entities, rows and files; or a stage of a definition's compilation
    Explain(ExplainArgs),
    /// Show the last runs, what is published, how old the data is and which nights are missing
    Status(StatusArgs),
    /// Remove what the cache keeps and no run has used for a while
    Gc(GcArgs),
    /// Write a folder of pages that explain every definition, for a browser
    Docs(DocsArgs),
    /// Generate a lake of the canonical model
    Sample(SampleArgs),
    /// Lay out the YAML of the project and the SQL in it, keeping comments and meaning
    Fmt(FmtArgs),
    /// Print the JSON Schema that editors check YAML with
    Schema(SchemaArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page of the program, or write one for every command
    Man(ManArgs),
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Pipeline of pipelines.yaml
    #[arg(default_value = "nightly")]
    pub pipeline: String,
    /// Compute everything anew; what the cache holds is replaced, not read
    #[arg(long)]
    pub full: bool,
    /// Write metrics of the run for Prometheus' node exporter, also when it fails
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics: Option<PathBuf>,
}

/// Options of `backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Pipeline and how its nights are run
    #[command(flatten)]
    pub run: RunArgs,
    /// First night
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Date,
    /// The day after the last night
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub to: Date,
    /// Leave out nights that are done, whoever has done them
    #[arg(long)]
    pub missing_only: bool,
    /// Go on past nights that fail, and fail at the end
    #[arg(long)]
    pub keep_going: bool,
    /// Begin anew, where the same backfill was left before its end
    #[arg(long)]
    pub restart: bool,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Pipeline of pipelines.yaml
    #[arg(default_value = "nightly")]
    pub pipeline: String,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Names of tests, also with `*` [default: all]
    pub tests: Vec<String>,
    /// Only tests that look at one of the selected definitions, such as `win_rate`, `touchpoints+` or `job:funnel`
    #[arg(long, value_name = "SELECTOR")]
    pub select: Vec<String>,
    /// Leave out tests that look at one of these definitions [default: none]
    #[arg(long, value_name = "SELECTOR")]
    pub exclude: Vec<String>,
    /// Write a report in the form of `JUnit`, which build servers read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Write what came out where it was not as expected, as a patch of the test files
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "tests.patch", require_equals = true)]
    pub update: Option<PathBuf>,
}

/// Options of `lineage`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub struct LineageArgs {
    /// Definitions or columns, such as `win_rate`, `mart:account_360` or `touchpoints.channel` [default: how many there are]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Show only what they come from
    #[arg(long, conflicts_with = "downstream")]
    pub upstream: bool,
    /// Show only where they go
    #[arg(long)]
    pub downstream: bool,
    /// Go so many steps at most [default: all, with --columns 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub depth: Option<u16>,
    /// Show the columns of definitions
    #[arg(long)]
    pub columns: bool,
    /// Of columns, follow what decides about rows as well: filters, joins, groups
    #[arg(long)]
    pub rows: bool,
    /// Show what breaks and what changes without a column or a whole source
    #[arg(long, value_name = "NAME", conflicts_with_all = ["names", "upstream", "downstream", "depth", "columns", "rows"])]
    pub if_removed: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = LineageForm::Text, value_name = "FORM")]
    pub output: LineageForm,
}

/// Forms of lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineageForm {
    /// A tree for people
    Text,
    /// A Mermaid flowchart
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// JSON for machines
    Json,
    /// `OpenLineage` events of jobs and datasets, with the lineage of columns
    Openlineage,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// KPIs; with --stage any definitions
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Pipeline of pipelines.yaml
    #[arg(long, default_value = "nightly", value_name = "NAME")]
    pub pipeline: String,
    /// Period: 2026-10, 2026-Q4, 2026, 2026-W47, 2026-11-22, FY2026, FY2026-Q1 [default: the newest month]
    #[arg(long, value_name = "PERIOD")]
    pub period: Option<String>,
    /// Cut by these values of dimensions [default: everything together]
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION=VALUE", value_parser = cut)]
    pub cut: Vec<(String, String)>,
    /// Entities to show one by one
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: usize,
    /// Show the rows behind the facts, of the entities that are shown
    #[arg(long)]
    pub rows: bool,
    /// Show the rows of these entities instead
    #[arg(long, value_delimiter = ',', requires = "rows", value_name = "ID")]
    pub entity: Vec<String>,
    /// Rows to show of a fact
    #[arg(long, default_value_t = 20, requires = "rows", value_name = "N")]
    pub limit: usize,
    /// Show a stage of the compilation instead of a figure
    #[arg(long, value_enum, conflicts_with_all = ["period", "cut", "rows", "json"])]
    pub stage: Option<ExplainStage>,
    /// Print the explanations as JSON
    #[arg(long)]
    pub json: bool,
}

/// Stages of a definition's compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainStage {
    /// The definition as it stands in its file, variables filled in
    Yaml,
    /// SQL as Polars gets it
    Sql,
    /// Polars' plan of a table's query over empty tables
    Plan,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Pipeline of pipelines.yaml [default: all]
    pub pipeline: Option<String>,
    /// Runs to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub last: usize,
    /// First night to look at [default: the first one that was run]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Option<Date>,
    /// The day after the last night to look at [default: that after the last one that was run]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub to: Option<Date>,
    /// Exit with 1 when the newest night is not done or a source is older than it may be
    #[arg(long)]
    pub check: bool,
    /// Print the status as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A day, computed from the lake as it is now, or a run, as it was published
    pub before: Option<String>,
    /// The same; with --project-before it may be left out [default: the newest snapshot]
    pub after: Option<String>,
    /// Folder of another version of the project, which BEFORE is computed with
    #[arg(long, value_name = "DIR")]
    pub project_before: Option<PathBuf>,
    /// Compare the definitions only
    #[arg(long, requires = "project_before")]
    pub no_data: bool,
    /// Exit with 1 when the definitions have a change that breaks what reads the marts
    #[arg(long, requires = "project_before")]
    pub check: bool,
    /// Pipeline of pipelines.yaml
    #[arg(long, default_value = "nightly", value_name = "NAME")]
    pub pipeline: String,
    /// KPIs to compare [default: all]
    #[arg(long, value_delimiter = ',', value_name = "KPI")]
    pub kpi: Vec<String>,
    /// Cells of one cut, such as region=EMEA,tier or all [default: grand totals and cuts by one dimension]
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION[=VALUE]")]
    pub cut: Vec<String>,
    /// Periods to compare, such as 2026-10, 2026-Q4 or 2026-W47 [default: all]
    #[arg(long, value_delimiter = ',', value_name = "PERIOD")]
    pub period: Vec<String>,
    /// Grains to compare, such as month [default: all]
    #[arg(long, value_delimiter = ',', value_name = "GRAIN")]
    pub grain: Vec<String>,
    /// Leave out changes that are smaller
    #[arg(long, default_value_t = 0.0, value_name = "NUMBER")]
    pub min: f64,
    /// KPIs and cells to show
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: usize,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Keep what runs of so many days have used
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `docs`.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// Folder to write [default: out/docs in the project's folder]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace a folder that holds other files as well
    #[arg(long)]
    pub overwrite: bool,
}

/// Options of `sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Accounts; contacts are about twenty times as many
    #[arg(long, default_value_t = 400)]
    pub accounts: u32,
    /// Months up to the one that holds --until
    #[arg(long, default_value_t = 18)]
    pub months: u32,
    /// Touchpoints in all
    #[arg(long, default_value_t = 60_000)]
    pub touchpoints: u64,
    /// Equal seeds give equal files
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Last day of the lake
    #[arg(long, default_value = "2026-11-22", value_name = "DATE", value_parser = day)]
    pub until: Date,
    /// Where to write it
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub out: String,
    /// Replace a lake that is there
    #[arg(long)]
    pub overwrite: bool,
}

/// Options of `fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Files, or folders with YAML files below; `-` reads standard input and writes standard output [default: pipelines.yaml and the job files that it names]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing, list the files that would change, and exit with 1 when there are any
    #[arg(long)]
    pub check: bool,
    /// Write nothing and show what would change
    #[arg(long)]
    pub diff: bool,
}

/// Options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which kind of file
    #[arg(value_enum, default_value_t = SchemaOf::Job)]
    pub of: SchemaOf,
}

/// Kinds of YAML files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A file of jobs/
    Job,
    /// pipelines.yaml
    Pipelines,
    /// A file of unit tests
    Tests,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "a day of the calendar is written as 2026-11-22".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn cut(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as DIMENSION=VALUE, such as region=EMEA".to_owned()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().map_err(|_| "write it as 2GiB, 800MB or a number of bytes".to_owned())?;
    let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        other => return Err(format!("`{other}` is no unit of size; known are B, KB, MB, GB, KiB, MiB, GiB")),
    };
    let bytes = number.checked_mul(unit).ok_or("that is more than any machine has")?;
    if bytes < 64 << 20 { Err("less than 64MiB is too little for any run".to_owned()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[rstest]
    #[case("2GiB", Ok(2 << 30))]
    #[case("800MB", Ok(800_000_000))]
    #[case("1073741824", Ok(1 << 30))]
    #[case("1MB", Err("less than 64MiB is too little for any run"))]
    #[case("lots", Err("write it as 2GiB, 800MB or a number of bytes"))]
    fn a_size_is_read(#[case] text: &str, #[case] expected: Result<u64, &str>) {
        assert_eq!(size(text), expected.map_err(str::to_owned));
    }
}
