//! `abmart man`.

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
    program.build();
    match &args.out {
        None => print(&rendered(&program)?),
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
            let mut lines = String::new();
            write(&program, program.get_name(), folder, &mut lines)?;
            print(&lines)
        }
    }
}

/// Writes the page of a command, and those of the commands below it; their paths are noted line by line.
fn write(command: &Command, name: &str, folder: &Path, lines: &mut String) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    let page = rendered(&command.clone().name(name.to_owned()))?;
    std::fs::write(&path, page).map_err(|error| unwritten(&path, &error))?;
    lines.push_str(&format!("{}\n", path.display()));
    for below in command.get_subcommands() {
        write(below, &format!("{name}-{}", below.get_name()), folder, lines)?;
    }
    Ok(())
}

fn rendered(command: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone()).manual("abmart manual").render(&mut page).map_err(config)?;
    String::from_utf8(page).map_err(config)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Environment(format!("{}: {error}", path.display()))
}
