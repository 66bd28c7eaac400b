//! What holds for every file of the repository: it means the same, keeps its comments, and is laid out once and for all.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use abmart_fmt::format;
use abmart_spec::{Document, Project, fingerprint, kpi_markdown, source_markdown};
use granit_parser::{Event, Parser};
use proptest::prelude::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The YAML files below some folders, and pipelines.yaml.
fn files(patterns: &[&str]) -> Vec<(PathBuf, String)> {
    let found = patterns.iter().flat_map(|pattern| glob::glob(&root().join(pattern).to_string_lossy()).unwrap());
    let files: Vec<_> =
        found.map(|path| path.unwrap()).map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(!files.is_empty());
    files
}

fn shipped() -> Vec<(PathBuf, String)> {
    files(&["pipelines.yaml", "jobs/*.yaml", "jobs/local/*.yaml"])
}

fn everything() -> Vec<(PathBuf, String)> {
    files(&[
        "pipelines.yaml",
        "jobs/**/*.yaml",
        "tests/fixtures/**/*.yaml",
        "crates/spec/tests/messages/fixture/*.yaml",
    ])
}

fn formatted(path: &Path, text: &str) -> String {
    format(text, Document::Job).unwrap_or_else(|error| unreachable!("{}: {error} {:?}", path.display(), error.0.span))
}

#[test]
fn shipped_files_are_formatted() {
    for (path, text) in shipped() {
        assert_eq!(formatted(&path, &text), text, "{}", path.display());
    }
}

#[test]
fn formatting_again_changes_nothing() {
    for (path, text) in everything() {
        let once = formatted(&path, &text);
        assert_eq!(formatted(&path, &once), once, "{}", path.display());
    }
}

#[test]
fn comments_and_values_stay() {
    for (path, text) in everything() {
        let once = formatted(&path, &text);
        assert_eq!(comments(&once), comments(&text), "{}", path.display());
        assert_eq!(values(&once), values(&text), "{}", path.display());
    }
}

#[test]
fn definitions_mean_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files(&["pipelines.yaml", "jobs/*.yaml", "jobs/local/*.yaml"]) {
        let place = folder.path().join(path.strip_prefix(root()).unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, formatted(&path, &shaken(&formatted(&path, &text), 7))).unwrap();
    }
    let reference = folder.path().join("data/reference");
    fs::create_dir_all(&reference).unwrap();
    for entry in fs::read_dir(root().join("data/reference")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), reference.join(entry.file_name())).unwrap();
    }
    let (before, after) = (load(&root()), load(folder.path()));
    assert_eq!(fingerprint::fingerprints(&after), fingerprint::fingerprints(&before));
    assert_eq!(fingerprint::periods(&after), fingerprint::periods(&before));
    for name in before.sources.keys().chain(before.rollups.keys()).chain(before.tables.keys()) {
        assert_eq!(fingerprint::relation(&after, name), fingerprint::relation(&before, name), "{name}");
    }
    assert_eq!(kpi_markdown(&after), kpi_markdown(&before));
    assert_eq!(source_markdown(&after), source_markdown(&before));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_with_other_blanks_is_laid_out_alike(file in 0_usize..1000, seed in any::<u64>()) {
        let files = shipped();
        let (path, text) = &files[file % files.len()];
        let text = formatted(path, text);
        let shaken = shaken(&text, seed);
        prop_assert_eq!(formatted(path, &shaken), text, "{}", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_text_is_refused_or_means_the_same(seed in any::<u64>()) {
        let text = broken(include_str!("../../spec/tests/messages/fixture/base.yaml"), seed);
        if let Ok(once) = format(&text, Document::Job) {
            prop_assert_eq!(comments(&once), comments(&text));
            prop_assert_eq!(&format(&once, Document::Job).map_err(|error| error.to_string()), &Ok(once));
        }
    }
}

fn load(root: &Path) -> Project {
    abmart_spec::load(root, &BTreeMap::new(), &|_| None).map_err(|error| error.render(false)).unwrap().0
}

/// Every comment, as another reader finds them.
fn comments(text: &str) -> Vec<String> {
    let events = Parser::new_from_str(text).map(|event| event.unwrap().0);
    events
        .filter_map(|event| match event {
            Event::Comment(text, _) => Some(text.trim_end().to_owned()),
            _ => None,
        })
        .collect()
}

/// Every value, with blanks and the case of letters taken out of texts of several words: what is left of SQL.
fn values(text: &str) -> serde_json::Value {
    fn bare(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(text.chars().filter(|next| !next.is_whitespace()).collect()),
            Value::Array(items) => items.into_iter().map(bare).collect(),
            Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, bare(value))).collect(),
            other => other,
        }
    }
    bare(serde_yaml::from_str(text).unwrap())
}

/// The same text with other blanks: indentation, spaces inside of lines, blank lines, line ends.
fn shaken(text: &str, seed: u64) -> String {
    let mut dice = Dice(seed | 1);
    let wide = dice.one_in(2);
    let line_end = if dice.one_in(4) { "\r\n" } else { "\n" };
    let mut shaken = String::new();
    let mut block: Option<usize> = None;
    let mut first_of_block = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if !line.is_empty() && block.is_some_and(|outside| indent <= outside) {
            block = None;
        }
        let mut body = line.trim_start().to_owned();
        let quoted = body.contains(['\'', '"']);
        let comment = body.starts_with('#') || body.contains("--");
        let mut blanks = indent * if wide { 2 } else { 1 };
        if line.is_empty() {
            for _ in 0..dice.up_to(2) {
                shaken.push_str(line_end);
            }
        } else if block.is_some() {
            // The first line says how far the block is indented.
            blanks += if first_of_block { 0 } else { dice.up_to(3) };
            first_of_block = false;
            if !quoted && !comment && dice.one_in(2) {
                body = body.replace(' ', "   ").replace('(', "( ");
            }
        } else if !comment {
            let (code, remark) = body.split_once("  #").unwrap_or((&body, ""));
            let (mut code, remark) = (code.trim_end().to_owned(), remark.to_owned());
            if dice.one_in(2) {
                code = code.replacen(": ", ":  ", 1);
            }
            if !quoted && code.ends_with(['}', ']']) && dice.one_in(2) {
                code = code.replace(", ", " ,  ").replace(": {", ": { ").replace(": [", ": [ ");
            }
            body.clone_from(&code);
            if !remark.is_empty() {
                body.push_str(&" ".repeat(1 + dice.up_to(5)));
                body.push('#');
                body.push_str(&remark);
            }
            if code.ends_with('|') || code.ends_with(">-") {
                (block, first_of_block) = (Some(indent), true);
            }
        }
        let trailing = if comment && block.is_some() { 0 } else { dice.up_to(2) };
        let blanks = if body.is_empty() { 0 } else { blanks };
        shaken.push_str(&" ".repeat(blanks));
        shaken.push_str(&body);
        shaken.push_str(&" ".repeat(trailing));
        shaken.push_str(line_end);
    }
    shaken
}

/// A section of a text with something taken out of it or put into it in a few places.
fn broken(text: &str, seed: u64) -> String {
    let mut dice = Dice(seed | 1);
    let sections: Vec<&str> = text.split("\n\n").collect();
    let section = sections[dice.up_to(sections.len() - 1)];
    let mut lines: Vec<String> = section.lines().map(str::to_owned).collect();
    for _ in 0..=dice.up_to(4) {
        let at = dice.up_to(lines.len() - 1);
        let column = lines[at].floor_char_boundary(dice.up_to(lines[at].len()));
        match dice.up_to(4) {
            0 => lines.insert(at, ["", "# own", "    # own", "key: &x {a: b}", "- c"][dice.up_to(4)].to_owned()),
            1 => lines[at].push_str([" # behind", ",", "]", " |", " >-"][dice.up_to(4)]),
            2 => lines[at].insert_str(column, ["\n", "\n      ", " ", "'", "\""][dice.up_to(4)]),
            3 => lines[at].insert_str(column, [" # inside\n        ", "[", ": ", "- ", "--"][dice.up_to(4)]),
            _ if lines.len() > 1 => drop(lines.remove(at)),
            _ => {}
        }
    }
    lines.join("\n")
}

/// Chance that can be repeated.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (most as u64 + 1)).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.up_to(sides - 1) == 0
    }
}
