//! Adding a definition to the text of a job file, every byte of which stays as it is.

use std::ops::Range;

use crate::decode::{ENGINE_TABLES, Kind};
use crate::diagnostic::{Diagnostic, FileId, did_you_mean};
use crate::grammar;
use crate::graph::Node as Definition;
use crate::model::Project;
use crate::syntax::{self, Entry, Value};

/// A text with something added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The whole text.
    pub text: String,
    /// The bytes of it that are new.
    pub new: Range<usize>,
}

/// Adds a definition at the end of its section of a job file; a section that is missing is made, in the language's order
/// of sections.
///
/// `definition` is block YAML as it would stand at the left margin: `name:` and indented lines.
///
/// # Errors
///
/// When the text is no job file in block style, or the section is written in braces, which cannot be added to line by line.
pub fn add(text: &str, section: &str, definition: &str) -> Result<Added, Box<Diagnostic>> {
    let root = syntax::read(FileId(0), text)?;
    let entries = root.entries();
    let at_margin = |entry: &Entry| entry.key.span.start == line_start(text, entry.key.span.start);
    if entries.is_empty() || !entries.iter().all(at_margin) {
        return Err(
            refused("the file is not written as keys at the left margin, so nothing can be added to it").boxed()
        );
    }
    let layout = Layout { text, entries };
    let (at, block) = match layout.index_of(section) {
        Some(index) => layout.in_section(index, definition)?,
        None => layout.in_new_section(section, definition),
    };
    let mut new = String::new();
    if at > 0 && !text[..at].ends_with('\n') {
        new.push('\n');
    }
    new.push_str(&block);
    if text.contains("\r\n") {
        new = new.replace('\n', "\r\n");
    }
    let added = Added { text: format!("{}{new}{}", &text[..at], &text[at..]), new: at..at + new.len() };
    let again = syntax::read(FileId(0), &added.text)?;
    let count = |root: &syntax::Node| root.get(section).map_or(0, |node| node.entries().len());
    if count(&again) == count(&root) + 1 {
        Ok(added)
    } else {
        Err(refused(&format!("nothing can be added to `{section}` line by line")).boxed())
    }
}

/// Why a definition cannot be given a name: it is none, or it is taken; the place is that of the definition that has it.
#[must_use]
pub fn name_problem(project: &Project, kind: &str, name: &str) -> Option<Diagnostic> {
    let in_sql = !matches!(kind, "alert" | "mart" | "job");
    if let Some((code, message, help)) = grammar::name_problem(name, in_sql) {
        return Some(Diagnostic::error(code, message).help(help));
    }
    let kind = Kind::of(kind)?;
    let reads_sql = kind.space().contains(&Kind::Source);
    if reads_sql && ENGINE_TABLES.contains(&name) {
        let message = format!("`{name}` is the name of a table that the engine makes");
        return Some(Diagnostic::error("reserved-name", message));
    }
    let order = project.order();
    let rival = |node: &&Definition| {
        node.name() == name && Kind::of(node.kind()).is_some_and(|other| kind.space().contains(&other))
    };
    let taken = order.iter().find(rival)?;
    let noun = Kind::of(taken.kind()).map(Kind::with_article).unwrap_or_default();
    let mut finding = Diagnostic::error("duplicate-definition", format!("`{name}` is {noun} already"))
        .help(format!("`abmart ls {taken}+1` lists what needs it; a name is defined once in the whole project"));
    if let Some(definition) = project.definition(taken) {
        finding = finding.at(definition.span);
    }
    Some(finding)
}

/// A job that the project does not have, where it has others: what may have been meant.
#[must_use]
pub fn near_job(project: &Project, name: &str) -> Option<String> {
    did_you_mean(name, project.jobs.keys().map(String::as_str))
}

struct Layout<'a> {
    text: &'a str,
    entries: &'a [Entry],
}

impl Layout<'_> {
    fn index_of(&self, section: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key.value == section)
    }

    /// The place behind the last definition of a section, and what to put there.
    fn in_section(&self, index: usize, definition: &str) -> Result<(usize, String), Box<Diagnostic>> {
        let section = &self.entries[index];
        let indentation = match &section.node.value {
            Value::Null => {
                let rest = &self.text[section.key.span.end..line_end(self.text, section.key.span.end)];
                let rest = rest.trim_start_matches(['"', '\'']).trim_start_matches(':').trim();
                if !rest.is_empty() && !rest.starts_with('#') {
                    return Err(braces(section).boxed());
                }
                2
            }
            Value::Map(entries) => {
                let Some(first) = entries.first() else { return Err(braces(section).boxed()) };
                let start = line_start(self.text, first.key.span.start);
                let before = &self.text[start..first.key.span.start];
                if start <= section.key.span.start || before.is_empty() || !before.chars().all(|c| c == ' ') {
                    return Err(braces(section).boxed());
                }
                before.len()
            }
            _ => return Err(braces(section).boxed()),
        };
        let blank = if self.airy() { "\n" } else { "" };
        Ok((self.end(index), format!("{blank}{}", indented(definition, indentation))))
    }

    /// The place of a section that is missing: behind the last one that comes before it in the language, else before the
    /// first one that comes after it, else at the end.
    fn in_new_section(&self, section: &str, definition: &str) -> (usize, String) {
        let rank = |name: &str| grammar::JOB.keys.iter().position(|key| key.name == name);
        let own = rank(section);
        let before = self.entries.iter().rposition(|entry| rank(&entry.key.value) < own);
        let head = if self.airy() { format!("{section}:\n\n") } else { format!("{section}:\n") };
        let block = format!("{head}{}", indented(definition, 2));
        match before {
            Some(index) => (self.end(index), format!("\n{block}")),
            None => (0, format!("{block}\n")),
        }
    }

    /// Whether definitions are parted by blank lines; a file that has none yet gets them.
    fn airy(&self) -> bool {
        let is_section = |entry: &&Entry| {
            let ranked = grammar::JOB.keys.iter().find(|key| key.name == entry.key.value);
            ranked.is_some_and(|key| matches!(key.shape, grammar::Shape::Map(..)))
        };
        let mut definitions = self.entries.iter().filter(is_section).flat_map(|entry| entry.node.entries()).peekable();
        definitions.peek().is_none() || definitions.any(|entry| self.follows_blank(entry.key.span.start))
    }

    fn follows_blank(&self, at: usize) -> bool {
        let above = &self.text[..line_start(self.text, at)];
        above.lines().next_back().is_some_and(|line| line.trim().is_empty())
    }

    /// The end of the last line of an entry of the file. Blank lines and comments at the margin that follow it belong to
    /// what comes next.
    fn end(&self, index: usize) -> usize {
        let start = self.entries[index].key.span.start;
        let limit = self.entries.get(index + 1).map_or(self.text.len(), |next| next.key.span.start);
        let mut end = start;
        let mut at = start;
        for line in self.text[start..limit].split_inclusive('\n') {
            at += line.len();
            let apart = line.trim().is_empty() || line.starts_with('#') || line.starts_with("...");
            if !apart {
                end = at;
            }
        }
        end
    }
}

fn indented(definition: &str, spaces: usize) -> String {
    let margin = " ".repeat(spaces);
    let lines = definition.trim_end().lines();
    lines.map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{margin}{line}\n") }).collect()
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline)
}

fn braces(section: &Entry) -> Diagnostic {
    refused(&format!("`{}` is written on one line, so nothing can be added to it", section.key.value))
}

fn refused(message: &str) -> Diagnostic {
    Diagnostic::error("not-editable", message)
        .help("definitions stand each on lines of their own, indented below the name of their section")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use rstest::rstest;

    use super::*;

    const NEW: &str = "new:\n  unit: count   # of things\n";

    #[rstest]
    #[case::at_the_end(
        "job: a\nkpis:\n  old: {unit: count}\n",
        "job: a\nkpis:\n  old: {unit: count}\n>  new:\n>    unit: count   # of things\n"
    )]
    #[case::as_airy_as_the_file(
        "kpis:\n\n  old:\n    unit: count\n\n\n# Marts.\nmarts:\n\n  m: {}\n",
        "kpis:\n\n  old:\n    unit: count\n>\n>  new:\n>    unit: count   # of things\n\n\n# Marts.\nmarts:\n\n  m: {}\n"
    )]
    #[case::with_the_files_indentation(
        "kpis:\n    old:\n        unit: count\n    # a remark on what is left out\nmarts: {}\n",
        "kpis:\n    old:\n        unit: count\n    # a remark on what is left out\n>    new:\n>      unit: count   # of things\nmarts: {}\n"
    )]
    #[case::after_a_block_of_text(
        "kpis:\n  old:\n    formula: |\n      sum(x)\n\n      # no comment\n\nmarts: {}",
        "kpis:\n  old:\n    formula: |\n      sum(x)\n\n      # no comment\n>  new:\n>    unit: count   # of things\n\nmarts: {}"
    )]
    #[case::to_an_empty_section(
        "job: a\nkpis:  # none yet\n",
        "job: a\nkpis:  # none yet\n>\n>  new:\n>    unit: count   # of things\n"
    )]
    #[case::without_a_last_line_end("kpis:\n  old: {}", "kpis:\n  old: {}\n>  new:\n>    unit: count   # of things\n")]
    #[case::a_section_in_its_place(
        "job: a\n\nfacts:\n\n  f: {}\n\n# Marts.\nmarts:\n\n  m: {}\n",
        "job: a\n\nfacts:\n\n  f: {}\n>\n>kpis:\n>\n>  new:\n>    unit: count   # of things\n\n# Marts.\nmarts:\n\n  m: {}\n"
    )]
    #[case::a_section_behind_the_head(
        "# A file.\njob: a\ntitle: {en: A, fr: A}\n\n# Marts.\nmarts:\n  m: {}\n",
        "# A file.\njob: a\ntitle: {en: A, fr: A}\n>\n>kpis:\n>  new:\n>    unit: count   # of things\n\n# Marts.\nmarts:\n  m: {}\n"
    )]
    fn adds(#[case] text: &str, #[case] expected: &str) {
        let added = add(text, "kpis", NEW).unwrap();
        assert_eq!(added.text, expected.replace('>', ""));
        let kept = format!("{}{}", &added.text[..added.new.start], &added.text[added.new.end..]);
        assert_eq!(kept, text, "every byte of before is there");
    }

    #[test]
    fn keeps_the_line_ends_of_the_file() {
        let added = add("job: a\r\nkpis:\r\n  old: {}\r\n", "kpis", NEW).unwrap();
        assert_eq!(added.text, "job: a\r\nkpis:\r\n  old: {}\r\n  new:\r\n    unit: count   # of things\r\n");
    }

    #[rstest]
    #[case::braces("kpis: {old: {unit: count}}\n", "`kpis` is written on one line")]
    #[case::empty_braces("kpis: {}\n", "`kpis` is written on one line")]
    #[case::null("kpis: ~\n", "`kpis` is written on one line")]
    #[case::all_in_braces("{job: a}\n", "not written as keys at the left margin")]
    #[case::nothing("", "not written as keys at the left margin")]
    #[case::no_yaml("kpis: [\n", "YAML syntax")]
    fn refuses(#[case] text: &str, #[case] message: &str) {
        let finding = add(text, "kpis", NEW).unwrap_err();
        assert!(finding.message.contains(message), "{finding:?}");
    }
}
