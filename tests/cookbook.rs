//! docs/cookbook.md: the walk of the page, command by command, prints what the page shows.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]
#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Folder that the first command of the page makes, in which all others are run.
const PROJECT: &str = "acme";

#[test]
fn every_command_of_the_page_works_and_prints_what_the_page_shows() {
    let page = page();
    let walk = Walk::new();
    let mut printed = String::new();
    for block in blocks(&page) {
        match block.language.split_once(" file=") {
            Some(("yaml", file)) => walk.write(file, &block.text),
            None if block.language == "sh" => printed = walk.run(&block),
            None if block.language == "text" => assert_shown(&block, &printed),
            _ => {}
        }
    }
}

#[test]
fn pages_that_the_page_points_at_exist() {
    let page = page();
    let links = page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let missing: Vec<&str> = links.filter(|target| !root().join("docs").join(target).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A place in which the page is gone through.
struct Walk {
    place: TempDir,
    path: OsString,
}

impl Walk {
    /// An empty place, with the program on the `PATH`.
    fn new() -> Self {
        let place = TempDir::new().expect("a temporary folder");
        let programs = place.path().join("bin");
        fs::create_dir(&programs).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_abmart"), programs.join("abmart")).expect("a link");
        let mut folders = vec![programs];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(folders).expect("folders without a colon");
        Self { place, path }
    }

    fn project(&self) -> PathBuf {
        self.place.path().join(PROJECT)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.project().join(file), text).expect("a file in a folder of the project");
    }

    /// Runs a block by a shell that stops at the first command that fails, and gives what was printed.
    fn run(&self, block: &Block) -> String {
        let project = self.project();
        let folder = if project.exists() { project.as_path() } else { self.place.path() };
        let output = Command::new("bash")
            .args(["-e", "-c", &block.text])
            .current_dir(folder)
            .env("PATH", &self.path)
            .env_remove("ABMART_LOG")
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        let printed =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
        assert!(output.status.success(), "line {}:\n{}\n{printed}", block.line, block.text);
        printed
    }
}

/// Asserts that each line of a block was printed; before `…` it only has to begin so.
fn assert_shown(block: &Block, printed: &str) {
    for (offset, line) in block.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let shown = match line.split_once('…') {
            Some((start, _)) => {
                assert!(!start.trim().is_empty(), "line {}: `{line}` says nothing", block.line + offset + 1);
                printed.lines().any(|other| other.starts_with(start.trim_end()))
            }
            None => printed.lines().any(|other| other.trim_end() == line.trim_end()),
        };
        assert!(shown, "line {}: `{line}` is not in:\n{printed}", block.line + offset + 1);
    }
}

/// A fenced block.
struct Block {
    language: String,
    text: String,
    /// Line of the page that opens it.
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in page.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        match (text.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block { language: language.to_owned(), text: String::new(), line });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(text);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    if let Some(block) = open {
        panic!("the block of line {} has no end", block.line);
    }
    blocks
}

fn page() -> String {
    fs::read_to_string(root().join("docs/cookbook.md")).expect("the page")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
