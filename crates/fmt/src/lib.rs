//! The project's YAML, laid out: indentation, spaces and blank lines, and the SQL inside of it.
//!
//! ```text
//! text ── yaml ──▶ lines of YAML ──▶ text, the same but for its layout
//!                  └─ sql: queries and expressions, where the grammar says that they stand
//! ```
//!
//! [`format()`] works on the text and never prints what was parsed: keys keep their order, comments their place, scalars their
//! quotes. What it gives is read again and compared, node by node and comment by comment, before anybody gets it.

mod sql;
mod yaml;

use abmart_spec::diagnostic::{Diagnostic, FileId};
use abmart_spec::{Document, check_syntax};

/// Why a file has not been formatted; its place is in [`FileId`] 0.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.message)]
pub struct FormatError(pub Box<Diagnostic>);

/// The text of a file of the project, laid out. Formatting it again changes nothing.
///
/// # Errors
///
/// The text is no YAML that a project is written in, or has no layout that means the same.
pub fn format(text: &str, kind: Document) -> Result<String, FormatError> {
    let file = FileId(0);
    check_syntax(file, text).map_err(FormatError)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let document = yaml::read(file, &text).map_err(FormatError)?;
    let formatted = yaml::write(&text, &document, kind);
    match yaml::read(file, &formatted) {
        Ok(again) if yaml::same(&document, &again, kind) => Ok(formatted),
        _ => Err(FormatError(
            Diagnostic::error("not-formatted", "the file has no layout that means the same")
                .help("it is left as it is; a simpler way to write it will do")
                .boxed(),
        )),
    }
}
