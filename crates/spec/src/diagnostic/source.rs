//! The texts that diagnostics point into.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A stretch of one file, in byte offsets; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// A stretch of `file` from `start` up to `end`.
    #[must_use]
    pub const fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start, end }
    }

    /// The place of something that no file says, such as a default.
    #[must_use]
    pub const fn none() -> Self {
        Self::new(FileId(u32::MAX), 0, 0)
    }

    /// Whether this is [`Span::none`].
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.file.0 == u32::MAX
    }
}

/// A text file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the project, with `/` between its parts.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
}

/// All files that a project was read from, in the order of reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap {
    /// The files; a [`FileId`] is an index into them.
    pub files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { path: path.into(), text: text.into() });
        id
    }

    /// The file with this id; none for [`Span::none`].
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// The text at `span`; empty where the span lies outside of its file.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).and_then(|file| file.text.get(span.start..span.end)).unwrap_or_default()
    }

    /// Path, line and column of a span's first character; lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn position(&self, span: Span) -> Option<(&Path, usize, usize)> {
        let file = self.file(span.file)?;
        let before = file.text.get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Some((&file.path, line, column))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let mut files = SourceMap::default();
        let file = files.add("jobs/a.yaml", "a: é\nçé: x\n");
        let x = "a: é\nçé: x".rfind('x').unwrap();
        assert_eq!(files.position(Span::new(file, x, x + 1)), Some((Path::new("jobs/a.yaml"), 2, 5)));
        assert_eq!(files.position(Span::none()), None);
    }
}
