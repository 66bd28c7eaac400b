//! What the program writes for people who begin: whole projects, and definitions to be filled in.
//!
//! ```text
//! name ──────────────▶ project::{shipped, bare} ──▶ files ──▶ Folder (all of them, or none)
//!
//! Project, options ──▶ skeleton::{kpi, source, …} ──▶ YAML, the likeliest first ──▶ abmart_spec::edit
//! ```
//!
//! The shipped project is that of this repository, taken in when the program is built.

mod folder;
pub mod project;
pub mod skeleton;
mod yaml;

pub use folder::{Folder, FolderError};
