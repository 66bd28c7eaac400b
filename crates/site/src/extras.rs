//! What the pages can say beyond the project itself. All of it is optional; what is absent is said to be.

use abmart_spec::Change;

use crate::key::Kind;

/// What the caller knows besides the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Unit tests of definitions; none: the project has none, or they are not known.
    pub tests: Vec<TestCase>,
    /// The published log of definitions; `None` where none is published.
    pub changes: Option<Vec<Change>>,
    /// What the marts hold; `None` where nothing is published.
    pub published: Option<Published>,
}

/// A unit test of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// The file that holds it, relative to the project.
    pub file: String,
    /// The line of its name, from 1.
    pub line: usize,
    /// The definitions that it expects something of, by kind and name.
    pub of: Vec<(Kind, String)>,
}

/// Which publication the marts hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The day that it was computed for, as `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// The run that published last.
    pub run_id: String,
    /// When it was published, in RFC 3339.
    pub at: String,
}
