//! `abmart man`.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::exit::{Failure, config};
use crate::text::print;

/// Prints the manual page of the program, or writes one for every command.
///
/// # Errors
/// When the folder or standard output cannot be written.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives commands their full names and the options of all commands.
    program.build();
    let Some(folder) = &args.out else { return print(&rendered(&page(&program))?) };
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    let mut lines = String::new();
    write(&program, folder, &mut lines)?;
    print(&lines)
}

/// Writes the page of a command, and those of the commands below it; their paths are noted line by line.
fn write(command: &Command, folder: &Path, lines: &mut String) -> Result<(), Failure> {
    let page = page(command);
    let path = folder.join(page.get_filename());
    std::fs::write(&path, rendered(&page)?).map_err(|error| unwritten(&path, &error))?;
    let _ = writeln!(lines, "{}", path.display());
    command.get_subcommands().try_for_each(|below| write(below, folder, lines))
}

fn page(command: &Command) -> Man {
    Man::new(command.clone()).manual("abmart manual")
}

fn rendered(page: &Man) -> Result<String, Failure> {
    let mut text = Vec::new();
    page.render(&mut text).map_err(config)?;
    String::from_utf8(text).map_err(config)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Environment(format!("{}: {error}", path.display()))
}
