//! `abmart schema`.

use abmart_spec::{Document, json_schema};

use crate::args::{SchemaArgs, SchemaOf};
use crate::exit::{Failure, config};
use crate::text::print;

/// Prints the JSON Schema of a kind of file.
///
/// # Errors
/// When standard output cannot be written.
pub fn schema(args: &SchemaArgs) -> Result<(), Failure> {
    let document = match args.of {
        SchemaOf::Job => Document::Job,
        SchemaOf::Pipelines => Document::Pipelines,
        SchemaOf::Tests => Document::Tests,
    };
    let schema = serde_json::to_string_pretty(&json_schema(document)).map_err(config)?;
    print(&format!("{schema}\n"))
}
