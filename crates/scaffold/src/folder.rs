//! A new folder, which holds all that belongs into it or is as it was before.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A folder that is being filled. Unless it is [kept](Folder::keep), all that came into it through it is removed again.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// What was made, in order.
    made: Vec<Made>,
    kept: bool,
}

#[derive(Debug)]
enum Made {
    Folder(PathBuf),
    File(PathBuf),
    /// A folder with whatever is in it.
    Tree(PathBuf),
}

/// Why a folder cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something is in it.
    #[error("folder `{folder}` is not empty: it holds `{entry}`; a new project needs a folder of its own")]
    NotEmpty {
        /// The folder.
        folder: String,
        /// Something in it.
        entry: String,
    },
    /// It is no folder.
    #[error("`{0}` is a file, and a new project needs a folder of its own")]
    NotFolder(String),
    /// The file system refused.
    #[error("`{path}` cannot be written")]
    Write {
        /// What should have been written.
        path: String,
        /// Why it was not.
        #[source]
        source: std::io::Error,
    },
}

impl Folder {
    /// Takes a folder that is not there yet, is empty, or holds nothing but `.git`.
    ///
    /// # Errors
    /// When something else is in it, it is a file, or it cannot be made.
    pub fn claim(root: &Path) -> Result<Self, FolderError> {
        if root.is_file() {
            return Err(FolderError::NotFolder(root.display().to_string()));
        }
        if root.is_dir() {
            let entries = fs::read_dir(root).map_err(|error| failed(root, error))?;
            let mut names: Vec<String> =
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.retain(|name| name != ".git");
            names.sort();
            if let Some(entry) = names.into_iter().next() {
                return Err(FolderError::NotEmpty { folder: root.display().to_string(), entry });
            }
        }
        let mut folder = Self { root: root.to_owned(), made: Vec::new(), kept: false };
        folder.make(root)?;
        Ok(folder)
    }

    /// Writes a file that is not there, with the folders above it.
    ///
    /// # Errors
    /// When it is there already or cannot be written.
    pub fn write(&mut self, path: &str, text: &str) -> Result<(), FolderError> {
        let path = self.root.join(path);
        if let Some(above) = path.parent() {
            self.make(above)?;
        }
        let mut file = fs::File::create_new(&path).map_err(|error| failed(&path, error))?;
        self.made.push(Made::File(path.clone()));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| failed(&path, error))
    }

    /// A folder inside of it for others to fill; what they put there goes with it.
    ///
    /// # Errors
    /// When it is there already or cannot be made.
    pub fn tree(&mut self, path: &str) -> Result<PathBuf, FolderError> {
        let path = self.root.join(path);
        if let Some(above) = path.parent() {
            self.make(above)?;
        }
        fs::create_dir(&path).map_err(|error| failed(&path, error))?;
        self.made.push(Made::Tree(path.clone()));
        Ok(path)
    }

    /// Leaves everything in place.
    pub fn keep(mut self) {
        self.kept = true;
    }

    /// Makes a folder and those above it that are missing.
    fn make(&mut self, folder: &Path) -> Result<(), FolderError> {
        if folder.is_dir() || folder.as_os_str().is_empty() {
            return Ok(());
        }
        if let Some(above) = folder.parent() {
            self.make(above)?;
        }
        fs::create_dir(folder).map_err(|error| failed(folder, error))?;
        self.made.push(Made::Folder(folder.to_owned()));
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // The last first, so that folders are empty by their turn. What others have put there meanwhile stays.
        for made in self.made.drain(..).rev() {
            let _ = match made {
                Made::Folder(path) => fs::remove_dir(path),
                Made::File(path) => fs::remove_file(path),
                Made::Tree(path) => fs::remove_dir_all(path),
            };
        }
    }
}

fn failed(path: &Path, source: std::io::Error) -> FolderError {
    FolderError::Write { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn below(folder: &Path) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                found.extend(below(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}")));
            }
            found.push(name);
        }
        found.sort();
        found
    }

    #[test]
    fn what_is_not_kept_goes_with_the_folders_made_for_it() {
        let place = tempfile::TempDir::new().unwrap();
        let root = place.path().join("some/where");
        let mut folder = Folder::claim(&root).unwrap();
        folder.write("jobs/a.yaml", "job: a").unwrap();
        fs::write(folder.tree("data/lake").unwrap().join("x.parquet"), "x").unwrap();
        assert_eq!(below(&root), ["data", "data/lake", "data/lake/x.parquet", "jobs", "jobs/a.yaml"]);
        drop(folder);
        assert_eq!(below(place.path()), Vec::<String>::new());
    }

    #[test]
    fn what_was_there_or_came_from_others_stays() {
        let place = tempfile::TempDir::new().unwrap();
        fs::create_dir(place.path().join(".git")).unwrap();
        let mut folder = Folder::claim(place.path()).unwrap();
        folder.write("jobs/a.yaml", "job: a").unwrap();
        fs::write(place.path().join("jobs/mine.yaml"), "job: mine").unwrap();
        drop(folder);
        assert_eq!(below(place.path()), [".git", "jobs", "jobs/mine.yaml"]);
    }

    #[test]
    fn nothing_is_overwritten() {
        let place = tempfile::TempDir::new().unwrap();
        let mut folder = Folder::claim(place.path()).unwrap();
        fs::write(place.path().join("a"), "theirs").unwrap();
        assert!(folder.write("a", "ours").is_err());
        drop(folder);
        assert_eq!(fs::read_to_string(place.path().join("a")).unwrap(), "theirs");
        assert!(matches!(Folder::claim(place.path()), Err(FolderError::NotEmpty { entry, .. }) if entry == "a"));
        assert!(matches!(Folder::claim(&place.path().join("a")), Err(FolderError::NotFolder(_))));
    }

    #[test]
    fn what_is_kept_stays() {
        let place = tempfile::TempDir::new().unwrap();
        let mut folder = Folder::claim(&place.path().join("new")).unwrap();
        folder.write("a", "text").unwrap();
        folder.keep();
        assert_eq!(below(place.path()), ["new", "new/a"]);
    }
}
