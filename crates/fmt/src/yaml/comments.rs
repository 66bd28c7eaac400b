//! Comments find their line: behind what they stood behind, above what they stood above.

use super::tree::Comment;

/// The comments of a file that have not been written yet.
pub(super) struct Comments<'a> {
    text: &'a str,
    left: &'a [Comment],
}

impl<'a> Comments<'a> {
    pub fn new(text: &'a str, comments: &'a [Comment]) -> Self {
        Self { text, left: comments }
    }

    /// The next one that stands before a place.
    pub fn next_before(&mut self, place: usize) -> Option<&'a Comment> {
        let (next, rest) = self.left.split_first().filter(|(next, _)| next.at < place)?;
        self.left = rest;
        Some(next)
    }

    /// The next one that stands before a place and behind something else on its line.
    pub fn next_behind(&mut self, place: usize) -> Option<&'a Comment> {
        self.left.first().filter(|next| !self.owns_line(next)).and_then(|_| self.next_before(place))
    }

    /// Whether any stands in a range of the text.
    pub fn any_in(&self, range: &std::ops::Range<usize>) -> bool {
        self.left.iter().any(|comment| range.contains(&comment.at))
    }

    /// The next group of comments where it ends a block: on lines of its own before `until`, indented at least as far as the
    /// block's entries, and apart from what follows.
    pub fn next_of_block(&mut self, column: usize, until: usize) -> Option<&'a [Comment]> {
        let first = self.left.first().filter(|first| first.at < until && self.owns_line(first))?;
        if self.column(first.at) < column {
            return None;
        }
        let mut end = 1;
        while self.left.get(end).is_some_and(|next| next.at < until && self.follows(&self.left[end - 1], next)) {
            end += 1;
        }
        let (group, rest) = self.left.split_at(end);
        let last = group.last()?;
        let after = &self.text[last.at..];
        let below = after.find('\n').map_or("", |line_end| &after[line_end + 1..]);
        let apart = below.trim_end_matches('\u{feff}').lines().next().is_none_or(|line| line.trim().is_empty());
        if !apart {
            return None;
        }
        self.left = rest;
        Some(group)
    }

    /// Whether a comment stands on a line of its own; behind a dash or `---` it might as well.
    pub fn owns_line(&self, comment: &Comment) -> bool {
        self.line_before(comment.at).trim_matches([' ', '\t', '-']).is_empty()
    }

    /// Whether the line above that of a place is blank.
    pub fn blank_above(&self, place: usize) -> bool {
        let line_start = place - self.line_before(place).len();
        let above = self.text[..line_start].strip_suffix('\n');
        above.is_some_and(|above| above.rsplit('\n').next().is_some_and(|line| line.trim().is_empty()))
    }

    /// Characters of a place's line before it.
    pub fn column(&self, place: usize) -> usize {
        self.line_before(place).chars().count()
    }

    /// Blanks that the line of a place begins with.
    pub fn indentation(&self, place: usize) -> usize {
        let before = self.line_before(place);
        before.chars().count() - before.trim_start().chars().count()
    }

    fn line_before(&self, place: usize) -> &'a str {
        let before = &self.text[..place];
        &before[before.rfind('\n').map_or(0, |line_end| line_end + 1)..]
    }

    fn follows(&self, one: &Comment, next: &Comment) -> bool {
        let between = &self.text[one.at + one.text.len()..next.at];
        between.matches('\n').count() == 1 && between.trim().is_empty()
    }
}
