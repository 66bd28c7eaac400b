//! A folder that is written as a whole: what is there before is replaced in one step, and only where it is ours to replace.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::exit::{Failure, config};

/// The list of what was written, by which a later run knows its own files.
const LIST: &str = ".abmart-docs";

/// Refuses a place that holds files which an earlier run has not written; with `overwrite`, only places that hold the project
/// or the work at hand.
///
/// # Errors
/// When the place is not one to write to.
pub fn check(out: &Path, project: &Path, overwrite: bool) -> Result<(), Failure> {
    let shown = out.display();
    if out.to_string_lossy().contains("://") {
        return Err(config(format!("`{shown}`: pages are written to a folder of this machine")));
    }
    let Some(place) = resolved(out)? else { return Ok(()) };
    if !place.is_dir() {
        return Err(config(format!("`{shown}` is a file; `--out` names a folder")));
    }
    let here = std::env::current_dir().map_err(|error| unreadable(Path::new("."), &error))?;
    for (held, what) in [(resolved(project)?, "the project"), (Some(here), "the current folder")] {
        if held.is_some_and(|held| held.starts_with(&place)) {
            return Err(config(format!(
                "`{shown}` holds {what}, and all of it would be replaced; another folder is needed"
            )));
        }
    }
    if overwrite {
        return Ok(());
    }
    let mut found = BTreeSet::new();
    collect(&place, "", &mut found)?;
    let list = fs::read_to_string(place.join(LIST)).unwrap_or_default();
    let own: BTreeSet<&str> = list.lines().chain([LIST]).collect();
    match found.iter().find(|file| !own.contains(file.as_str())) {
        None => Ok(()),
        Some(file) => Err(config(format!(
            "`{shown}` holds `{file}`, which `abmart docs` did not write; `--overwrite` replaces the folder all the same"
        ))),
    }
}

/// Writes files to a folder beside the place and puts it there when it is complete, so that nobody sees half of it.
///
/// # Errors
/// When something cannot be written; what was there before stays.
pub fn replace(out: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let place = resolved(out)?.unwrap_or_else(|| out.to_owned());
    let new = sibling(&place, "new")?;
    let written = write(&new, files).and_then(|()| exchange(&place, &new));
    if written.is_err() {
        // What is left of it is of no use; the failure is the news.
        let _ = fs::remove_dir_all(&new);
    }
    written
}

fn write(new: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let list = files.keys().flat_map(|path| [path.as_str(), "\n"]).collect::<String>();
    let contents = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    for (path, content) in contents.chain([(LIST, list.as_bytes())]) {
        let path = new.join(path);
        let folder = path.parent().unwrap_or(new);
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        fs::write(&path, content).map_err(|error| unwritable(&path, &error))?;
    }
    Ok(())
}

fn exchange(place: &Path, new: &Path) -> Result<(), Failure> {
    let old = sibling(place, "old")?;
    let was_there = match fs::rename(place, &old) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(unwritable(place, &error)),
    };
    if let Err(error) = fs::rename(new, place) {
        if was_there {
            // The one before goes back; should that fail too, it is beside the place.
            let _ = fs::rename(&old, place);
        }
        return Err(unwritable(place, &error));
    }
    if was_there {
        fs::remove_dir_all(&old).map_err(|error| unwritable(&old, &error))?;
    }
    Ok(())
}

/// `.docs.new-4711` beside `docs`; the process' number keeps two runs apart.
fn sibling(place: &Path, what: &str) -> Result<PathBuf, Failure> {
    let Some(name) = place.file_name() else {
        return Err(config(format!("`{}` has no name that a folder beside it could bear", place.display())));
    };
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{what}-{}", std::process::id()));
    Ok(place.with_file_name(beside))
}

/// The place with links followed; none where nothing is there yet.
fn resolved(path: &Path) -> Result<Option<PathBuf>, Failure> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// The files below a folder, with `/` between the parts of their paths.
fn collect(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(|error| unreadable(folder, &error))?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Environment(format!("`{}` cannot be read: {error}", path.display()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Environment(format!("`{}` cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use tempfile::TempDir;

    use super::*;

    fn files(names: &[&str]) -> BTreeMap<String, Vec<u8>> {
        names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect()
    }

    fn found(place: &Path) -> Vec<String> {
        let mut found = BTreeSet::new();
        collect(place, "", &mut found).unwrap();
        found.into_iter().collect()
    }

    #[test]
    fn what_an_earlier_run_wrote_is_replaced_as_a_whole() {
        let folder = TempDir::new().unwrap();
        let (out, project) = (folder.path().join("a/docs"), folder.path().join("project"));
        check(&out, &project, false).unwrap();
        replace(&out, &files(&["index.html", "kpi/a.html"])).unwrap();
        check(&out, &project, false).unwrap();
        replace(&out, &files(&["index.html", "kpi/b.html"])).unwrap();
        assert_eq!(found(folder.path()), ["a/docs/.abmart-docs", "a/docs/index.html", "a/docs/kpi/b.html"]);
    }

    #[test]
    fn what_somebody_else_wrote_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let (out, project) = (folder.path().join("docs"), folder.path().join("project"));
        replace(&out, &files(&["index.html"])).unwrap();
        fs::write(out.join("thesis.tex"), "years").unwrap();
        assert!(matches!(check(&out, &project, false), Err(Failure::Config(text)) if text.contains("thesis.tex")));
        check(&out, &project, true).unwrap();
    }

    #[test]
    fn a_folder_that_holds_the_project_is_never_replaced() {
        let folder = TempDir::new().unwrap();
        let project = folder.path().join("project");
        fs::create_dir(&project).unwrap();
        for out in [folder.path(), &project] {
            assert!(
                matches!(check(out, &project, true), Err(Failure::Config(text)) if text.contains("holds the project"))
            );
        }
    }
}
