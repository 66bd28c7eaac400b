//! The command line → docs/cli.md, which a test holds against what clap knows.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use crate::args::Cli;

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == reference(), "docs/cli.md differs from the command line; UPDATE_DOCS=1 rewrites it");
}

/// The page: options of all commands, then every command with its own, then the exit codes.
fn reference() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text = String::from(INTRODUCTION);
    table(&mut text, cli.get_arguments());
    for command in cli.get_subcommands() {
        section(&mut text, command, &format!("abmart {}", command.get_name()));
    }
    text.push_str(EXIT_CODES);
    text
}

/// What a command does; of one that only leads to others, what each of them does.
fn section(text: &mut String, command: &Command, name: &str) {
    if command.get_name() == "help" {
        return;
    }
    if command.has_subcommands() {
        for below in command.get_subcommands() {
            section(text, below, &format!("{name} {}", below.get_name()));
        }
        return;
    }
    let _ = write!(text, "\n## `{name}`\n\n{}.\n\n", about(command));
    let own = || command.get_arguments().filter(|arg| !arg.is_global_set() && !is_built_in(arg));
    let _ = writeln!(text, "```text\n{}\n```", usage(command, name));
    if own().next().is_some() {
        text.push('\n');
        table(text, own());
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn usage(command: &Command, name: &str) -> String {
    let operands = command.get_positionals().map(|arg| {
        let name = arg.get_id().as_str().to_uppercase();
        if arg.is_required_set() { format!(" <{name}>") } else { format!(" [{name}]") }
    });
    format!("{name} [OPTIONS]{}", operands.collect::<String>())
}

fn table<'a>(text: &mut String, args: impl Iterator<Item = &'a Arg>) {
    text.push_str("| option | meaning |\n|---|---|\n");
    for arg in args.filter(|arg| !is_built_in(arg)) {
        let _ = writeln!(text, "| {} | {} |", written(arg), meaning(arg));
    }
}

fn is_built_in(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

/// `--as-of <DATE>`, `-q, --quiet`, `[PIPELINE]`.
fn written(arg: &Arg) -> String {
    let Some(long) = arg.get_long() else {
        let name = arg.get_id().as_str().to_uppercase();
        return if arg.is_required_set() { format!("`<{name}>`") } else { format!("`[{name}]`") };
    };
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes_value).and_then(<[_]>::first);
    format!("`{short}--{long}{}`", value.map(|name| format!(" <{name}>")).unwrap_or_default())
}

fn meaning(arg: &Arg) -> String {
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let possible = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    if !possible.is_empty() {
        let names: Vec<String> = possible.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let _ = write!(meaning, ": {}", names.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(meaning, " [default: `{}`]", defaults.join(", "));
    }
    if arg.is_required_set() {
        meaning.push_str(" (required)");
    }
    meaning.replace('|', "\\|")
}

const INTRODUCTION: &str = "\
# The command line

This page is made from what the program says of itself; `abmart --help` and `abmart COMMAND --help` print the same.

Results go to standard output, the log, warnings and progress bars to standard error. Bars appear on a terminal only.

## Options of all commands

";

const EXIT_CODES: &str = "
## Exit codes

| code | meaning |
|---|---|
| 0 | done; a run has published |
| 1 | a run or an audit failed; nothing was published |
| 2 | the command or the project is wrong |
| 3 | the environment failed, as a store that cannot be reached; trying again is sensible |
| 130, 143 | stopped by Ctrl-C or SIGTERM; nothing is half-published |

## Environment variables

| variable | meaning |
|---|---|
| `ABMART_LOG` | what the log shows, as in `ABMART_LOG=debug` or `ABMART_LOG=abmart_engine=trace` |
| `NO_COLOR` | no colours in messages, whatever its value |
| a variable of the project | the value of `${NAME}` in YAML, unless `--var` gives one |
";
