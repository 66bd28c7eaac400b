//! Lines of a file that is being written.

/// A line without its line end.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub indent: usize,
    pub text: String,
    /// A comment behind it.
    pub comment: Option<String>,
    pub blank_before: bool,
    /// It ends a scalar whose blank lines at the end count.
    pub keeps: bool,
}

impl Line {
    pub fn new(indent: usize, text: impl Into<String>) -> Self {
        Self { indent, text: text.into(), ..Self::default() }
    }

    /// Characters, without the comment.
    pub fn width(&self) -> usize {
        if self.text.is_empty() { 0 } else { self.indent + self.text.chars().count() }
    }
}

/// The text of the lines; comments behind lines that follow each other begin in the same column.
pub(crate) fn join(lines: &[Line]) -> String {
    let columns = comment_columns(lines);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let kept = index > 0 && lines[index - 1].keeps;
        if line.blank_before && index > 0 && !kept {
            text.push('\n');
        }
        if !line.text.is_empty() {
            text.extend(std::iter::repeat_n(' ', line.indent));
            text.push_str(&line.text);
        }
        if let Some(comment) = &line.comment {
            let gap = columns[index].saturating_sub(line.width()).max(GAP);
            text.extend(std::iter::repeat_n(' ', gap));
            text.push_str(comment);
        }
        text.push('\n');
    }
    text
}

/// The least space before a comment behind a line.
const GAP: usize = 2;

/// The farthest column in which comments below each other begin; beyond it each follows its own line.
const FARTHEST: usize = 100;

/// For each line the column in which its comment begins; 0 where it follows its own line.
fn comment_columns(lines: &[Line]) -> Vec<usize> {
    let mut columns = vec![0; lines.len()];
    let mut begin = 0;
    while begin < lines.len() {
        let mut end = begin + 1;
        while end < lines.len() && beside(&lines[begin], &lines[end]) {
            end += 1;
        }
        let run = &lines[begin..end];
        let column = run.iter().map(Line::width).max().unwrap_or(0) + GAP;
        if column <= FARTHEST {
            columns[begin..end].fill(column);
        }
        begin = end;
    }
    columns
}

/// Whether a line's comment belongs below that of the first one of a run.
fn beside(first: &Line, line: &Line) -> bool {
    first.comment.is_some() && line.comment.is_some() && !line.blank_before && first.indent == line.indent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(indent: usize, text: &str, comment: &str) -> Line {
        Line { comment: (!comment.is_empty()).then(|| comment.to_owned()), ..Line::new(indent, text) }
    }

    #[test]
    fn comments_of_a_run_begin_in_one_column() {
        let lines = [line(2, "a: 1", "# x"), line(2, "long: 100", "# y"), line(2, "b: 2", ""), line(2, "c: 3", "# z")];
        insta::assert_snapshot!(join(&lines), @"
          a: 1       # x
          long: 100  # y
          b: 2
          c: 3  # z
        ");
    }

    #[test]
    fn a_long_line_does_not_push_the_comments_of_others_away() {
        let long = format!("a: {}", "x".repeat(100));
        let lines = [line(0, &long, "# x"), line(0, "b: 1", "# a comment of some length")];
        assert!(join(&lines).ends_with("b: 1  # a comment of some length\n"));
    }
}
