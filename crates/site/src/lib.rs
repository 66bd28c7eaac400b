//! A project → pages for people: a folder of static files that explains every definition and shows what it is made from.
//!
//! ```text
//! Project ──atlas──▶ definitions with addresses ──pages──▶ HTML ─┐
//! Extras ────┘            │  columns: which column comes from where ├─▶ Site: path → bytes
//!                         │  lineage: graph → layers → SVG          │
//!                         └──search──▶ index for the browser ───────┘
//! ```
//!
//! Nothing here reads or writes anything: equal projects with equal [`Extras`] give equal bytes. The pages need no server
//! and nothing from elsewhere; they work from a folder on a disk.

mod address;
mod atlas;
mod code;
mod columns;
mod extras;
mod highlight;
mod key;
mod lineage;
mod page;
mod pages;
mod parts;
mod relatives;
mod search;
mod words;

use std::collections::BTreeMap;

use abmart_spec::Project;

pub use abmart_spec::Change;
pub use extras::{Extras, Published, TestCase};
pub use key::Kind;

use atlas::Atlas;

/// The pages of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

impl Site {
    /// The pages of a project, with what the caller knows besides.
    #[must_use]
    pub fn of(project: &Project, extras: &Extras) -> Self {
        let atlas = Atlas::new(project, extras);
        let mut files: BTreeMap<String, Vec<u8>> =
            pages::all(&atlas).into_iter().map(|page| (page.path.clone(), page.html(&atlas).into_bytes())).collect();
        files.insert("assets/search.js".to_owned(), search::script(&atlas).into_bytes());
        for (path, content) in ASSETS {
            files.insert((*path).to_owned(), content.as_bytes().to_vec());
        }
        Self { files }
    }

    /// Path, with `/` between its parts, → bytes. The first page is `index.html`.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
}

const ASSETS: &[(&str, &str)] = &[
    ("assets/site.css", include_str!("../assets/site.css")),
    ("assets/site.js", include_str!("../assets/site.js")),
    ("assets/icon.svg", include_str!("../assets/icon.svg")),
];
