//! `abmart status`.

use std::fmt::Write;

use serde_json::json;

use crate::args::{Global, StatusArgs};
use crate::exit::{Failure, config};
use crate::project;
use crate::results::{KEY, LastRun};
use crate::text::{bytes, count, print};

/// Shows the last run and what is published.
///
/// # Errors
/// When the project is wrong or the store of marts cannot be read.
pub fn status(global: &Global, args: &StatusArgs) -> Result<(), Failure> {
    let project = project::load(global)?;
    let store = project::open(&project.stores.marts, &project, false)?;
    let last: Option<LastRun> = match store.get(KEY) {
        Ok(text) => Some(serde_json::from_slice(&text).map_err(|error| config(format!("{KEY}: {error}")))?),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let manifest = store.manifest()?;
    if args.json {
        let text = serde_json::to_string_pretty(&json!({"last_run": last, "manifest": manifest})).map_err(config)?;
        return print(&format!("{text}\n"));
    }
    let mut text = String::new();
    match last {
        None => text.push_str("no run has written here yet\n"),
        Some(last) => {
            let day = last.as_of.map_or_else(|| "an unknown day".to_owned(), |day| day.to_string());
            let _ = writeln!(
                text,
                "last run  {} {} for {day}, begun {}, {:.1} s",
                last.pipeline, last.status, last.started_at, last.seconds
            );
            if let Some(error) = last.error {
                let _ = writeln!(text, "          {}", error.lines().next().unwrap_or_default());
            }
        }
    }
    if let Some(manifest) = manifest {
        let _ = writeln!(text, "published {} by {}", manifest.published_at, manifest.run_id);
        for (name, mart) in &manifest.marts {
            let size: u64 = mart.files.iter().map(|file| file.size).sum();
            let day = mart.as_of.as_deref().unwrap_or("-");
            let _ = writeln!(text, "  {name:<20} {:>12} rows {:>10}  as of {day}", count(mart.rows), bytes(size));
        }
    }
    print(&text)
}
