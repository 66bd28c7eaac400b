//! `abmart`: account-based-marketing KPIs from Parquet snapshots, as BI-ready Parquet marts, from YAML.

mod args;
mod commands;
mod deliver;
mod engine;
mod exit;
mod folder;
mod footers;
mod http;
mod interrupt;
mod kept;
mod ledger;
mod lineage;
mod logging;
mod metrics;
mod progress;
mod project;
mod quarantine;
mod record;
#[cfg(test)]
mod reference;
mod replace;
mod results;
mod run_id;
mod text;
mod threads;
mod timings;
#[cfg(feature = "otel")]
mod traces;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.global);
    let outcome = threads::limit(&cli.global).and_then(|()| dispatch(&cli));
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.code())
        }
    };
    #[cfg(feature = "otel")]
    traces::finish();
    code
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Init(args) => commands::init::init(&cli.global, args),
        Command::Add(command) => commands::add::add(&cli.global, command),
        Command::Run(args) => commands::run::run(&cli.global, args),
        Command::Backfill(args) => commands::backfill::backfill(&cli.global, args),
        Command::Plan(args) => commands::plan::plan(&cli.global, args),
        Command::Validate(args) => commands::validate::validate(&cli.global, args),
        Command::Test(args) => commands::test::test(&cli.global, args),
        Command::Ls(args) => commands::ls::ls(&cli.global, args),
        Command::Lineage(args) => commands::lineage::lineage(&cli.global, args),
        Command::Diff(args) => commands::diff::diff(&cli.global, args),
        Command::Explain(args) => commands::explain::explain(&cli.global, args),
        Command::Status(args) => commands::status::status(&cli.global, args),
        Command::Gc(args) => commands::gc::gc(&cli.global, args),
        Command::Docs(args) => commands::docs::docs(&cli.global, args),
        Command::Sample(args) => commands::sample::sample(&cli.global, args),
        Command::Fmt(args) => commands::fmt::fmt(&cli.global, args),
        Command::Schema(args) => commands::schema::schema(args),
        Command::Completions(args) => commands::completions::completions(args),
        Command::Man(args) => commands::man::man(args),
    }
}
