//! First stage: the text of a YAML file → a tree in which every key, scalar, list and map knows its place.

mod interpolate;
mod node;
mod read;
mod text_map;

pub(crate) use interpolate::{Variables, filled_in, interpolate};
pub(crate) use node::{Entry, Node, Text, Value};
pub use read::check_syntax;
pub(crate) use read::read;
pub use text_map::TextMap;
