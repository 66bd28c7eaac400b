//! Writes a lake into a local folder: `generate <folder> [accounts] [months] [touchpoints] [seed]`.

use std::sync::Arc;
use std::time::Instant;

use abmart_sample::{SampleOptions, generate};
use object_store::local::LocalFileSystem;
use object_store::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("the folder to write to is missing")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let defaults = SampleOptions::default();
    let options = SampleOptions {
        accounts: u32::try_from(number(defaults.accounts.into())?)?,
        months: u32::try_from(number(defaults.months.into())?)?,
        touchpoints: number(defaults.touchpoints)?,
        seed: number(defaults.seed)?,
        overwrite: true,
        ..defaults
    };
    std::fs::create_dir_all(&folder)?;
    let store = Arc::new(LocalFileSystem::new_with_prefix(&folder)?);
    let begun = Instant::now();
    let summary = generate(&options, store, &Path::default(), &|_, _| {})?;
    for table in &summary.tables {
        println!("{:20} {:>12} rows {:>5} files {:>12} bytes", table.table, table.rows, table.files, table.bytes);
    }
    let bytes: u64 = summary.tables.iter().map(|table| table.bytes).sum();
    println!("{bytes} bytes in {:.1?}", begun.elapsed());
    Ok(())
}
