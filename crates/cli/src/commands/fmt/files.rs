//! Which files are meant.

use std::path::{Path, PathBuf};

use abmart_spec::job_files;

use super::tidy;
use crate::args::{FmtArgs, Global};
use crate::exit::{Failure, colours};

/// The files that the arguments name, or those of the project, each once.
///
/// # Errors
/// A path leads nowhere, or pipelines.yaml does not say which files there are.
pub(super) fn files(global: &Global, args: &FmtArgs) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    if args.paths.is_empty() {
        files = of_project(global)?;
    }
    for path in &args.paths {
        if path == Path::new("-") {
            return Err(Failure::Config("`-` stands for standard input and goes with no other path".to_owned()));
        }
        if path.is_dir() {
            below(path, &mut files).map_err(|error| {
                Failure::Environment(format!("the folder `{}` cannot be read: {error}", path.display()))
            })?;
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(Failure::Config(format!("`{}` is no file and no folder", path.display())));
        }
    }
    let mut known = std::collections::BTreeSet::new();
    files.retain(|file| known.insert(file.clone()));
    Ok(files)
}

/// `pipelines.yaml` and the job files that it names.
fn of_project(global: &Global) -> Result<Vec<PathBuf>, Failure> {
    let jobs = job_files(&global.project, &global.variables(), &crate::project::environment)
        .map_err(|error| Failure::Config(error.render(colours())))?;
    let all = [PathBuf::from("pipelines.yaml")].into_iter().chain(jobs);
    Ok(all.map(|path| tidy(&global.project.join(path))).collect())
}

/// The YAML files of a folder and of those in it, but for hidden ones, by name.
fn below(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if path.is_dir() && !path.is_symlink() && !hidden {
            below(&path, files)?;
        } else if yaml && !hidden {
            files.push(path);
        }
    }
    Ok(())
}
