//! Where each byte of a scalar's value stands in the file.
//!
//! A value differs from what is written: quotes, escapes and the indentation of block scalars are gone, folded
//! lines are joined, variables are filled in. The map is kept as runs in which both sides advance alike.

use std::ops::Range;

/// Byte offsets of a value → byte offsets of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextMap {
    /// (offset in the value, offset in the file) at the begin of every run, in order.
    runs: Vec<(usize, usize)>,
}

impl TextMap {
    /// The offset in the file of an offset in the value.
    #[must_use]
    pub fn to_file(&self, offset: usize) -> usize {
        let run = self.runs.partition_point(|(value, _)| *value <= offset);
        match run.checked_sub(1).and_then(|index| self.runs.get(index)) {
            Some((value, file)) => file + (offset - value),
            None => self.runs.first().map_or(0, |(_, file)| *file),
        }
    }

    /// The stretch of the file that a stretch of the value stands for.
    #[must_use]
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.to_file(range.start);
        let end = match range.end.checked_sub(1) {
            Some(last) if range.end > range.start => self.to_file(last) + 1,
            _ => start,
        };
        start..end.max(start)
    }

    /// The map of a value that is written as it is, from `base` on.
    pub(crate) fn at(base: usize) -> Self {
        Self { runs: vec![(0, base)] }
    }

    /// Finds every character of `value` in `source`, the scalar as written, which begins at `base` in its file.
    pub(super) fn align(value: &str, source: &str, style: Style, base: usize) -> Self {
        let mut map = Self::default();
        match style {
            Style::DoubleQuoted => map.align_double_quoted(value, source, base),
            Style::SingleQuoted => map.align_plain(value, source, 1, base, true),
            Style::Plain | Style::Block => map.align_plain(value, source, 0, base, false),
        }
        if map.runs.is_empty() {
            map.runs.push((0, base));
        }
        map
    }

    /// Begins a new run unless the last one goes on in step.
    pub(super) fn push(&mut self, value: usize, file: usize) {
        let in_step = self
            .runs
            .last()
            .is_some_and(|(run_value, run_file)| file >= *run_file && file - run_file == value - run_value);
        if !in_step {
            self.runs.push((value, file));
        }
    }

    /// Plain, single-quoted and block scalars: the characters that are not blank are the same on both sides.
    fn align_plain(&mut self, value: &str, source: &str, from: usize, base: usize, quoted: bool) {
        let mut at = from;
        let mut line_begins = true;
        for (offset, character) in value.char_indices() {
            let rest = &source[at..];
            if character == '\n' {
                // Blanks before a line end belong to the value of a literal block only, where they have been passed.
                at += rest.find('\n').filter(|end| rest[..*end].trim().is_empty()).unwrap_or(0);
            } else if character.is_whitespace() {
                // Of the blanks that begin a line, the last ones are the value's, the others are indentation.
                if line_begins {
                    at += blanks(rest).saturating_sub(blanks(&value[offset..]));
                }
            } else {
                let skipped = rest.len() - rest.trim_start().len();
                at += if rest[skipped..].starts_with(character) { skipped } else { rest.find(character).unwrap_or(0) };
            }
            line_begins = character == '\n';
            self.push(offset, base + at);
            if source[at..].starts_with(character) {
                at += character.len_utf8();
                if quoted && character == '\'' && source[at..].starts_with('\'') {
                    at += 1;
                }
            }
        }
    }

    fn align_double_quoted(&mut self, value: &str, source: &str, base: usize) {
        let mut at = 1;
        for (offset, character) in value.char_indices() {
            let mut rest = &source[at..];
            if !character.is_whitespace() {
                // Blanks and line ends that folding took away, and escaped line ends.
                rest = rest.trim_start();
                while let Some(next) = after_escaped_line_end(rest) {
                    rest = next.trim_start();
                }
                at = source.len() - rest.len();
            }
            self.push(offset, base + at);
            if rest.starts_with('\\') {
                at += escape_length(rest).min(rest.len());
            } else if rest.starts_with(character) {
                at += character.len_utf8();
            }
        }
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// After `|` or `>`.
    Block,
}

fn after_escaped_line_end(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('\\')?;
    rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n"))
}

/// How many blanks a text begins with.
fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// The length of the escape sequence that a double-quoted scalar goes on with.
fn escape_length(text: &str) -> usize {
    match text.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use crate::diagnostic::FileId;
    use crate::syntax::read;
    use rstest::rstest;

    #[rstest]
    #[case::plain("a: sum(wön) / bad\n")]
    #[case::plain_folded("a: sum(wön)\n   / bad + 1\n")]
    #[case::single_quoted("a: 'it''s bad'\n")]
    #[case::double_quoted(r#"a: "tab\t\u00e9 \"x\" bad""#)]
    #[case::double_quoted_folded("a: \"sum(x)\n  / bad\"\n")]
    #[case::literal("a: |\n  select x\n    from y\n\n  where bad\n")]
    #[case::literal_with_indentation_mark("a: |2-  # remark\n   select\n  bad\n")]
    #[case::folded("a: >-\n  select x\n  from y\n\n  where bad\n")]
    #[case::block_that_begins_with_a_quote("a: |\n  'it''s' or bad\n")]
    #[case::flow("{a: [1, {b: bad}]}\n")]
    fn finds_a_word_of_the_value_in_the_file(#[case] text: &str) {
        fn words(node: &crate::syntax::Node) -> Vec<crate::syntax::Text> {
            match &node.value {
                crate::syntax::Value::Text(text) => vec![text.clone()],
                crate::syntax::Value::List(items) => items.iter().flat_map(words).collect(),
                crate::syntax::Value::Map(entries) => entries.iter().flat_map(|entry| words(&entry.node)).collect(),
                _ => Vec::new(),
            }
        }
        let node = read(FileId(0), text).unwrap();
        let scalar = words(&node).remove(0);
        let offset = scalar.value.find("bad").unwrap();
        let range = scalar.map.range(offset..offset + 3);
        assert_eq!(&text[range.clone()], "bad", "{range:?} {scalar:?}");
    }
}
