//! `abmart init`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use abmart_sample::{SampleOptions, SampleSummary, generate};
use abmart_scaffold::project::{self, File};
use abmart_scaffold::{Folder, FolderError};
use object_store::local::LocalFileSystem;

use crate::args::{Global, InitArgs};
use crate::exit::{Failure, chain, config};
use crate::interrupt;
use crate::text::{bytes, count, print};

/// Where the shipped `pipelines.yaml` and that of a bare project say that the lake is.
const LAKE: &str = "data/lake";

/// Writes a new project; all of it, or nothing.
///
/// # Errors
/// When the folder is not empty, no name can be made of its own, or it cannot be written.
pub fn init(global: &Global, args: &InitArgs) -> Result<(), Failure> {
    interrupt::listen();
    let name = name(args)?;
    let files = if args.bare { project::bare(&name) } else { project::shipped(&name) };
    let mut folder = Folder::claim(&args.dir).map_err(refused)?;
    for file in &files {
        folder.write(&file.path, &file.text).map_err(refused)?;
    }
    let lake = if args.no_lake { None } else { Some(lake(&mut folder)?) };
    if interrupt::flag().load(Ordering::Relaxed) {
        return Err(Failure::Interrupted(interrupt::signal()));
    }
    folder.keep();
    if global.quiet { Ok(()) } else { print(&summary(args, &name, &files, lake.as_ref())) }
}

fn name(args: &InitArgs) -> Result<String, Failure> {
    let name = match &args.name {
        Some(name) => Some(name.clone()),
        None => std::path::absolute(&args.dir)
            .ok()
            .and_then(|folder| project::name_of(&folder.file_name()?.to_string_lossy())),
    };
    let Some(name) = name else {
        return Err(config(format!(
            "folder `{}` gives no name for the project, for names begin with a letter; `--name` gives it one",
            args.dir.display()
        )));
    };
    if project::name_of(&name).as_deref() == Some(&name) {
        return Ok(name);
    }
    let near = project::name_of(&name).map(|near| format!(", such as `{near}`")).unwrap_or_default();
    Err(config(format!(
        "`{name}` cannot be a project's name; names are lower-case letters, digits and `_`, and begin with a letter{near}"
    )))
}

/// A lake that is made and read in seconds, with more than a year of data.
fn lake(folder: &mut Folder) -> Result<SampleSummary, Failure> {
    let options = SampleOptions { accounts: 60, months: 14, touchpoints: 6_000, ..SampleOptions::default() };
    let place = folder.tree(LAKE).map_err(refused)?;
    let store = LocalFileSystem::new_with_prefix(place).map_err(|error| Failure::Environment(chain(&error)))?;
    generate(&options, Arc::new(store), &object_store::path::Path::default(), &|_, _| {})
        .map_err(|error| Failure::Environment(chain(&error)))
}

fn refused(error: FolderError) -> Failure {
    match &error {
        FolderError::NotEmpty { .. } | FolderError::NotFolder(_) => config(error),
        FolderError::Write { .. } => Failure::Environment(chain(&error)),
    }
}

fn summary(args: &InitArgs, name: &str, files: &[File], lake: Option<&SampleSummary>) -> String {
    let mut text = format!("project `{name}` in {}\n\n", args.dir.display());
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        match file.path.rsplit_once('/') {
            Some((folder, _)) => *folders.entry(folder).or_default() += 1,
            None => {
                let _ = writeln!(text, "  {}", file.path);
            }
        }
    }
    for (folder, number) in folders {
        let noun = if number == 1 { "file" } else { "files" };
        let _ = writeln!(text, "  {:<22} {number:>4} {noun}", format!("{folder}/"));
    }
    if let Some(lake) = lake {
        let sum = |of: fn(&abmart_sample::TableSummary) -> u64| lake.tables.iter().map(of).sum::<u64>();
        let (number, rows, size) = (sum(|t| t.files), sum(|t| t.rows), sum(|t| t.bytes));
        let _ = writeln!(text, "  {:<22} {number:>4} files, {} rows, {}", format!("{LAKE}/"), count(rows), bytes(size));
    }
    let _ = writeln!(text, "\nnext, in that folder\n");
    if lake.is_none() {
        let _ = writeln!(text, "  name the lake in pipelines.yaml: `lake` of `stores`");
    }
    if args.dir != Path::new(".") {
        let _ = writeln!(text, "  cd {}", args.dir.display());
    }
    let steps: &[(&str, &str)] = if args.bare {
        &[
            ("abmart validate", "check all definitions, without data"),
            ("abmart run", "compute and publish to out/marts"),
            ("abmart add source opportunities --from data/lake/opportunities", "a contract, as the files have it"),
        ]
    } else {
        &[
            ("abmart validate", "check all definitions, without data"),
            ("abmart run", "compute and publish to out/marts"),
            ("abmart ls +target_account_coverage", "what a KPI is made of"),
        ]
    };
    let steps = if args.bare && lake.is_none() { &steps[..2] } else { steps };
    let width = steps.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (command, what) in steps {
        let _ = writeln!(text, "  {command:<width$}   # {what}");
    }
    text
}
