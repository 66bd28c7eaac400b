//! The report that build servers read: a suite for every test file.

use std::fmt::Write as _;
use std::path::Path;

use abmart_spec::Project;
use abmart_unittest::Verdict;

use super::{Done, render};
use crate::exit::Failure;

/// Writes the report.
///
/// # Errors
/// When the file cannot be written.
pub fn write(done: &[Done<'_>], project: &Project, file: &Path) -> Result<(), Failure> {
    let written = match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    };
    written
        .and_then(|()| std::fs::write(file, report(done, project)))
        .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", file.display())))
}

fn report(done: &[Done<'_>], project: &Project) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let file_of = |done: &Done<'_>| done.test.span.file;
    for suite in done.chunk_by(|one, other| file_of(one) == file_of(other)) {
        let Some(file) = suite.first().and_then(|done| project.files.file(file_of(done))) else { continue };
        let path = escaped(&file.path.display().to_string());
        let failures = suite.iter().filter(|done| matches!(done.outcome.verdict, Verdict::Failed(_))).count();
        let passed = suite.iter().filter(|done| matches!(done.outcome.verdict, Verdict::Passed)).count();
        let seconds: f64 = suite.iter().map(|done| done.outcome.seconds).sum();
        let errors = suite.len() - failures - passed;
        let _ = writeln!(
            text,
            "  <testsuite name=\"{path}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\">",
            suite.len()
        );
        for done in suite {
            let line = project.files.position(done.test.span).map_or(0, |(_, line, _)| line);
            let _ = write!(
                text,
                "    <testcase classname=\"{path}\" name=\"{}\" file=\"{path}\" line=\"{line}\" time=\"{:.3}\"",
                escaped(&done.test.name),
                done.outcome.seconds
            );
            let tag = match done.outcome.verdict {
                Verdict::Passed => {
                    text.push_str("/>\n");
                    continue;
                }
                Verdict::Failed(_) => "failure",
                _ => "error",
            };
            let why = render::failure(done, &project.files, false);
            let first = why.lines().next().unwrap_or_default().trim();
            let _ = writeln!(
                text,
                ">\n      <{tag} message=\"{}\">{}</{tag}>\n    </testcase>",
                escaped(first),
                escaped(&why)
            );
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Text inside of XML; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            other if other.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a < b & \"c\"\u{1b}[0m\n"), "a &lt; b &amp; &quot;c&quot;[0m\n");
    }
}
