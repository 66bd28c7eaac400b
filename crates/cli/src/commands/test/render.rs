//! What became of a test, for people: one line where it holds, else only what differs.

use std::fmt::Write as _;

use abmart_engine::EngineError;
use abmart_spec::diagnostic::{SourceMap, Span, render};
use abmart_spec::{Project, model::UnitTest};
use abmart_unittest::{Difference, Verdict, WrongCell};

use super::Done;
use crate::exit::{colours, described};

/// What is said of a test once it is over.
pub fn outcome(done: &Done<'_>, project: &Project, quiet: bool) -> String {
    let seconds = done.outcome.seconds;
    match done.outcome.verdict {
        Verdict::Passed if quiet => String::new(),
        Verdict::Passed => format!("ok    {:<44} {seconds:>6.1} s\n", done.test.name),
        _ => {
            let place = place(done.test.span, &project.files);
            format!(
                "FAIL  {:<44} {seconds:>6.1} s  {place}\n{}",
                done.test.name,
                failure(done, &project.files, colours())
            )
        }
    }
}

/// Why a test does not hold; empty where it does.
pub fn failure(done: &Done<'_>, files: &SourceMap, colour: bool) -> String {
    match &done.outcome.verdict {
        Verdict::Passed => String::new(),
        Verdict::Interrupted => "  interrupted\n".to_owned(),
        Verdict::NotRun(problem) => format!("  {problem}\n"),
        Verdict::Wrong(findings) => render(findings, files, colour),
        Verdict::Broken(error) => match &**error {
            at @ EngineError::At { .. } => described(at, files, colour),
            other => format!("  the run failed: {}\n", described(other, files, colour)),
        },
        Verdict::Failed(differences) => {
            let mut text = String::new();
            let mut last = None;
            for (expectation, difference) in differences {
                if *expectation != last || expectation.is_none() {
                    text.push_str(&heading(done.test, *expectation, files));
                }
                last = *expectation;
                text.push_str(&difference_told(difference, files));
            }
            text
        }
    }
}

fn heading(test: &UnitTest, expectation: Option<usize>, files: &SourceMap) -> String {
    match expectation.and_then(|index| test.expect.get(index)) {
        Some(one) => format!("  {} {}  {}\n", one.of.noun(), one.name.value, place(one.name.span, files)),
        None => String::new(),
    }
}

fn difference_told(difference: &Difference, files: &SourceMap) -> String {
    match difference {
        Difference::Cells { row, place: span, cells } => {
            let mut text = format!("    {}  {}\n", row, place(*span, files));
            let width = cells.iter().map(|cell| cell.column.len()).max().unwrap_or_default();
            for WrongCell { column, expected, found, .. } in cells {
                let _ = writeln!(text, "      {column:<width$}  expected {expected}, found {found}");
            }
            text
        }
        Difference::Missing { row, place: span } => format!("    missing     {row}  {}\n", place(*span, files)),
        Difference::Unexpected { row, .. } => format!("    unexpected  {row}\n"),
        Difference::Present { row, place: span } => format!("    is there    {row}  {}\n", place(*span, files)),
        Difference::Quarantined { source, expected, found, reasons, place: span } => {
            let mut text = format!(
                "  {found} given rows of `{source}` are set aside, expected {expected}  {}\n",
                place(*span, files)
            );
            for reason in reasons {
                let _ = writeln!(text, "      {reason}");
            }
            text
        }
    }
}

/// `jobs/tests/coverage.yaml:12`.
pub fn place(span: Span, files: &SourceMap) -> String {
    match files.position(span) {
        Some((path, line, _)) => format!("{}:{line}", path.display()),
        None => String::new(),
    }
}
