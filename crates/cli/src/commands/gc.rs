//! `abmart gc`.

use abmart_store::Cache;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::args::{GcArgs, Global};
use crate::exit::Failure;
use crate::project;
use crate::text::{bytes, count, print};

/// Removes entries of the cache that no run of the last days has used. Runs may go on meanwhile: what is younger than a
/// day stays, and an entry that is gone is computed anew.
///
/// # Errors
/// When the project does not load, or the cache cannot be read or written.
pub fn gc(global: &Global, args: &GcArgs) -> Result<(), Failure> {
    let project = project::load(global)?;
    let store = project::open(&project.stores.cache, &project, false)?;
    let label = store.label().to_owned();
    let now = Timestamp::now();
    let since = now - SignedDuration::from_hours(24 * i64::from(args.days));
    let trimmed = Cache::new(store).trim(since, now, args.dry_run)?;
    let (removed, kept) = (trimmed.removed as u64, trimmed.kept as u64);
    if args.json {
        let outcome = json!({
            "cache": label, "days": args.days, "dry_run": args.dry_run,
            "removed": removed, "removed_bytes": trimmed.removed_bytes,
            "kept": kept, "kept_bytes": trimmed.kept_bytes,
        });
        return print(&format!("{outcome:#}\n"));
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    print(&format!(
        "{verb} {} entries ({}) that no run of the last {} days has used; {} ({}) stay\n",
        count(removed),
        bytes(trimmed.removed_bytes),
        args.days,
        count(kept),
        bytes(trimmed.kept_bytes),
    ))
}
