//! What is written about the program agrees with it.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::contract::root;
use support::program::run;

#[test]
fn the_manual_of_the_language_is_the_grammar_s() {
    let written = fs::read_to_string(root().join("docs/language.md")).expect("docs/language.md");
    assert!(written == abmart_spec::language_markdown(), "docs/language.md differs from the grammar");
}

#[test]
fn every_yaml_example_is_yaml() {
    let mut examples = 0;
    for (page, text) in pages() {
        for block in blocks(&text, "yaml") {
            examples += 1;
            if let Err(error) = serde_yaml::from_str::<Value>(&block) {
                panic!("{}: {error}\n{block}", page.display());
            }
        }
    }
    assert!(examples > 50, "{examples} examples");
}

/// A command line in a page: the command is known, and so are its options.
#[test]
fn every_command_that_is_shown_exists() {
    let mut shown = 0;
    for (page, text) in pages() {
        for line in ["sh", "bash", "console"]
            .iter()
            .flat_map(|language| blocks(&text, language))
            .flat_map(|block| commands(&block))
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(command) = words.first().filter(|word| !word.starts_with('-')) else { continue };
            shown += 1;
            let mut help = run(&[command, "--help"]);
            if let Some(below) = words.get(1).filter(|_| help.stdout.contains("\nCommands:")) {
                help = run(&[command, below, "--help"]);
            }
            assert_eq!(help.code, 0, "{}: there is no command `{command}` ({line})", page.display());
            for option in words.iter().filter_map(|word| word.strip_prefix("--")) {
                let option = format!("--{}", option.split('=').next().unwrap_or_default());
                assert!(help.stdout.contains(&option), "{}: `{command}` has no option `{option}`", page.display());
            }
        }
    }
    assert!(shown > 2, "{shown} commands");
}

/// What follows the program's name on every line that calls it.
fn commands(block: &str) -> Vec<String> {
    let lines = block.lines().map(|line| line.trim().trim_start_matches("$ ").split(" #").next().unwrap_or_default());
    let called = lines.filter_map(|line| {
        ["abmart ", "cargo run -- ", "cargo run --release -- "].iter().find_map(|lead| line.strip_prefix(lead))
    });
    called.map(str::to_owned).collect()
}

/// README.md and the pages of docs/, as far as they are there.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).into_iter().flatten().flatten().map(|entry| entry.path());
    let all = docs.chain([root().join("README.md"), root().join("tests/README.md")]);
    let all = all.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    all.filter_map(|path| fs::read_to_string(&path).ok().map(|text| (path, text))).collect()
}

/// The contents of the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(tag)) => open = Some((tag.trim() == language, String::new())),
            (None, None) => {}
            (Some(_), Some(_)) => found.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, block)| block)),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    found
}
