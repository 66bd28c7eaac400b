//! `abmart sample`.

use std::fmt::Write;
use std::sync::Arc;

use abmart_sample::{SampleOptions, generate};
use indicatif::ProgressBar;
use object_store::local::LocalFileSystem;

use crate::args::{Global, SampleArgs};
use crate::exit::{Failure, chain, config};
use crate::progress;
use crate::text::{bytes, count, print};

/// Generates a lake.
///
/// # Errors
/// When the options make no lake, the place holds one already, or it cannot be written.
pub fn sample(global: &Global, args: &SampleArgs) -> Result<(), Failure> {
    let options = SampleOptions {
        accounts: args.accounts,
        months: args.months,
        touchpoints: args.touchpoints,
        seed: args.seed,
        until: args.until,
        overwrite: args.overwrite,
        ..SampleOptions::default()
    };
    let store = target(&args.out)?;
    let bar = if progress::wanted(global) { progress::rows_bar(args.touchpoints) } else { ProgressBar::hidden() };
    let summary = generate(&options, store, &object_store::path::Path::default(), &|table, rows| {
        bar.set_message(table.to_owned());
        if table == "touchpoints" {
            bar.set_position(rows);
        }
    })
    .map_err(|error| Failure::Run(chain(&error)))?;
    bar.finish_and_clear();
    let mut text = String::new();
    for table in &summary.tables {
        let (rows, size) = (count(table.rows), bytes(table.bytes));
        let _ = writeln!(text, "{:<20} {rows:>12} rows {:>5} files {size:>10}", table.table, table.files);
    }
    print(&text)
}

fn target(out: &str) -> Result<Arc<LocalFileSystem>, Failure> {
    let path = out.strip_prefix("file://").unwrap_or(out);
    if path.contains("://") {
        return Err(config(format!(
            "`--out {out}`: this build writes to the local file system, a path or a file:// URL"
        )));
    }
    std::fs::create_dir_all(path).map_err(|error| Failure::Environment(format!("{path}: {error}")))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| Failure::Environment(chain(&error)))?;
    Ok(Arc::new(store))
}
