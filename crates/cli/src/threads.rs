//! `--threads`: as many threads for Polars as for everything else.

use crate::args::Global;
use crate::exit::{Failure, config};

/// Limits the threads of both pools. Polars reads its limit from the environment at its first query, and a program
/// cannot safely change its own environment, so it starts itself anew with the limit set.
///
/// # Errors
/// When the pool or the new process cannot be started.
pub fn limit(global: &Global) -> Result<(), Failure> {
    let Some(threads) = global.threads else { return Ok(()) };
    let wanted = threads.to_string();
    if std::env::var("POLARS_MAX_THREADS").as_deref() != Ok(wanted.as_str()) {
        return restart(&wanted);
    }
    rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global().map_err(config)
}

#[cfg(unix)]
fn restart(threads: &str) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().map_err(config)?;
    let error =
        std::process::Command::new(program).args(std::env::args_os().skip(1)).env("POLARS_MAX_THREADS", threads).exec();
    Err(config(format!("the program cannot start itself anew with {threads} threads: {error}")))
}

#[cfg(not(unix))]
fn restart(threads: &str) -> Result<(), Failure> {
    Err(config(format!(
        "on this system `--threads {threads}` works with the environment variable POLARS_MAX_THREADS={threads} set"
    )))
}
