//! Text → selector.

use std::str::FromStr;

use glob::Pattern;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::graph::Node;

/// What a user wrote to name definitions. [`select`](super::select) finds them in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// What any of these selects; each is what all of its words select.
    pub(super) alternatives: Vec<Vec<Word>>,
}

/// A method, a pattern, and how far around what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub method: Method,
    /// The pattern as written.
    pub value: String,
    pub pattern: Pattern,
    pub reach: Reach,
}

/// What a pattern is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// The name of a definition of any kind.
    Name,
    /// The name of a definition of this kind.
    Kind(&'static str),
    /// The name of the job that defines it.
    Job,
    /// One of its tags.
    Tag,
    /// The file that defines it, or a folder of it.
    Path,
    /// Who answers for it.
    Owner,
}

/// What is selected beside what a word names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What it needs and what needs it, over at most so many steps.
    Around { needs: usize, dependents: usize },
    /// What needs it, and all that those need.
    Closed,
}

impl Method {
    const OTHERS: [(&'static str, Self); 4] =
        [("job", Self::Job), ("tag", Self::Tag), ("path", Self::Path), ("owner", Self::Owner)];

    fn of(name: &str) -> Option<Self> {
        let kind = Node::KINDS.into_iter().find(|kind| *kind == name).map(Self::Kind);
        kind.or_else(|| Self::OTHERS.into_iter().find(|(other, _)| *other == name).map(|(_, method)| method))
    }

    fn names() -> impl Iterator<Item = &'static str> {
        Node::KINDS.into_iter().chain(Self::OTHERS.into_iter().map(|(name, _)| name))
    }
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// The first thing that is wrong with it: an unknown method, a word that is missing, a pattern that is none.
    pub fn parse(text: &str) -> Result<Self, Box<Diagnostic>> {
        let alternatives: Vec<Vec<Word>> =
            text.split_whitespace().map(|words| words.split(',').map(word).collect()).collect::<Result<_, _>>()?;
        if alternatives.is_empty() {
            return Err(
                wrong("a selector is empty", "a name as `win_rate`, or `kpi:win_rate`, `job:engagement`").boxed()
            );
        }
        Ok(Self { alternatives })
    }
}

impl FromStr for Selector {
    type Err = Box<Diagnostic>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn word(text: &str) -> Result<Word, Box<Diagnostic>> {
    let (closed, rest) = match text.strip_prefix('@') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (needs, rest) = leading(rest, text)?;
    let (dependents, rest) = trailing(rest, text)?;
    if closed && (needs.is_some() || dependents.is_some()) {
        let help = "`@` takes in all that needs it, and all that those need, so `+` beside it adds nothing";
        return Err(wrong(&format!("`{text}` has both `@` and `+`"), help).boxed());
    }
    let (method, value) = match rest.split_once(':') {
        None if rest.contains('/') => (Method::Path, rest),
        None => (Method::Name, rest),
        Some((name, value)) => (Method::of(name).ok_or_else(|| unknown_method(name, value))?, value),
    };
    if value.is_empty() {
        return Err(wrong(&format!("`{text}` names nothing"), "`*` stands for every name, as in `kpi:*`").boxed());
    }
    let value = if method == Method::Path { plain_path(value) } else { value };
    let pattern = Pattern::new(value).map_err(|error| {
        wrong(&format!("`{value}` is no pattern: {}", error.msg), "`*` stands for any letters, `?` for one")
    })?;
    let reach = if closed {
        Reach::Closed
    } else {
        Reach::Around { needs: needs.unwrap_or(0), dependents: dependents.unwrap_or(0) }
    };
    Ok(Word { method, value: value.to_owned(), pattern, reach })
}

/// The steps of a leading `+`, `2+`, and what comes after it.
fn leading<'t>(rest: &'t str, whole: &str) -> Result<(Option<usize>, &'t str), Box<Diagnostic>> {
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    match after.strip_prefix('+') {
        Some(name) => Ok((Some(steps(&rest[..rest.len() - after.len()], whole)?), name)),
        None => Ok((None, rest)),
    }
}

/// The steps of a trailing `+`, `+2`, and what comes before it.
fn trailing<'t>(rest: &'t str, whole: &str) -> Result<(Option<usize>, &'t str), Box<Diagnostic>> {
    let before = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    match before.strip_suffix('+') {
        Some(name) => Ok((Some(steps(&rest[before.len()..], whole)?), name)),
        None => Ok((None, rest)),
    }
}

/// No digits: as far as it goes.
fn steps(digits: &str, whole: &str) -> Result<usize, Box<Diagnostic>> {
    if digits.is_empty() {
        return Ok(usize::MAX);
    }
    digits
        .parse()
        .map_err(|_| wrong(&format!("`{whole}` goes too far"), "`+` without a number goes all the way").boxed())
}

/// `jobs/local` of `./jobs/local/`.
fn plain_path(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.len() > 1 { path.trim_end_matches('/') } else { path }
}

fn unknown_method(name: &str, value: &str) -> Diagnostic {
    let help = match did_you_mean(name, Method::names()) {
        Some(near) => format!("did you mean `{near}:{value}`?"),
        None => {
            format!("known are {}", Method::names().map(|name| format!("`{name}:`")).collect::<Vec<_>>().join(", "))
        }
    };
    wrong(&format!("`{name}:` is no method of selectors"), &help)
}

fn wrong(message: &str, help: &str) -> Diagnostic {
    Diagnostic::error("bad-selector", message).help(help)
}
