//! What would make the tests hold: a patch of the test files, for a person to read before it is applied.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use abmart_spec::Project;
use abmart_spec::diagnostic::{FileId, Span};
use abmart_spec::model::{Expectation, UnitTest};
use abmart_unittest::{Difference, Verdict};
use similar::TextDiff;

use super::Done;
use crate::exit::Failure;

/// Writes the patch and says how to apply it. Where nothing can be changed nothing is written.
///
/// # Errors
/// When the file cannot be written.
pub fn write(done: &[Done<'_>], project: &Project, file: &Path) -> Result<String, Failure> {
    let patch = patch(done, project);
    if patch.is_empty() {
        return Ok("there is nothing to update\n".to_owned());
    }
    std::fs::write(file, patch)
        .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", file.display())))?;
    let file = file.display();
    Ok(format!("what came out is written to {file} as a patch; read it, then `git apply {file}` takes it over\n"))
}

fn patch(done: &[Done<'_>], project: &Project) -> String {
    let mut edits: BTreeMap<FileId, Vec<(Range<usize>, String)>> = BTreeMap::new();
    for done in done {
        let Verdict::Failed(differences) = &done.outcome.verdict else { continue };
        for (expectation, difference) in differences {
            let Some(text) = project.files.file(done.test.span.file).map(|file| &*file.text) else { continue };
            let own = edits.entry(done.test.span.file).or_default();
            own.extend(of_difference(done.test, *expectation, difference, text));
        }
    }
    let mut patch = String::new();
    for (file, mut edits) in edits {
        let Some(file) = project.files.file(file) else { continue };
        // From the end to the beginning, so that places stay what they are.
        edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
        edits.dedup();
        let mut text = file.text.to_string();
        for (range, replacement) in edits {
            text.replace_range(range, &replacement);
        }
        let path = file.path.display();
        let diff = TextDiff::from_lines(&*file.text, &text);
        patch.push_str(&diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string());
    }
    patch
}

fn of_difference(
    test: &UnitTest,
    expectation: Option<usize>,
    difference: &Difference,
    text: &str,
) -> Vec<(Range<usize>, String)> {
    match difference {
        Difference::Cells { cells, .. } => {
            let known = cells.iter().filter(|cell| cell.column != "period" && !cell.place.is_none());
            known.map(|cell| (cell.place.start..cell.place.end, cell.found.clone())).collect()
        }
        Difference::Missing { place, .. } => vec![(without(*place, text), String::new())],
        Difference::Unexpected { row, place } => {
            let expectation = expectation.and_then(|index| test.expect.get(index));
            expectation.and_then(|expectation| added(expectation, row, *place, text)).into_iter().collect()
        }
        // What is wrong there is not the number.
        Difference::Present { .. } | Difference::Quarantined { .. } => Vec::new(),
    }
}

/// The stretch of a row that goes away: its line in a block, else the row and the comma beside it.
fn without(row: Span, text: &str) -> Range<usize> {
    let line_start = text[..row.start].rfind('\n').map_or(0, |newline| newline + 1);
    if text[line_start..row.start].trim() == "-" {
        let line_end = text[row.end..].find('\n').map_or(text.len(), |newline| row.end + newline + 1);
        return line_start..line_end;
    }
    let after = text[row.end..].trim_start();
    if let Some(rest) = after.strip_prefix(',') {
        return row.start..text.len() - rest.trim_start().len();
    }
    let before = text[..row.start].trim_end();
    before.strip_suffix(',').map_or(before.len(), |before| before.trim_end().len())..row.end
}

/// A row added behind the last expected one.
fn added(expectation: &Expectation, row: &str, rows: Span, text: &str) -> Option<(Range<usize>, String)> {
    let Some(last) = expectation.rows.last() else {
        return (text.get(rows.start..rows.end)?.trim() == "[]").then(|| (rows.start..rows.end, format!("[{row}]")));
    };
    let line_start = text[..last.span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let lead = &text[line_start..last.span.start];
    if lead.trim() == "-" {
        let line_end = text[last.span.end..].find('\n').map_or(text.len(), |newline| last.span.end + newline);
        Some((line_end..line_end, format!("\n{lead}{row}")))
    } else {
        Some((last.span.end..last.span.end, format!(", {row}")))
    }
}
