//! `abmart completions`.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::exit::Failure;

/// Prints the completions of a shell.
///
/// # Errors
/// None; the signature is that of all commands.
#[expect(clippy::unnecessary_wraps, reason = "the signature is that of all commands")]
pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    clap_complete::generate(args.shell, &mut Cli::command(), "abmart", &mut std::io::stdout());
    Ok(())
}
