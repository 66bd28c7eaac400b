//! The files of a new project.

use abmart_spec::{Document, json_schema};

/// The project that the repository ships: path and text of its files.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Where the schemas lie that editors check YAML with.
const SCHEMAS: &str = ".abmart";

/// A file of a new project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the project, with `/` between its parts.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All that the shipped project defines, under another name.
#[must_use]
pub fn shipped(name: &str) -> Vec<File> {
    let own = SHIPPED.iter().map(|(path, text)| {
        let text = if *path == "pipelines.yaml" { renamed(text, name) } else { (*text).to_owned() };
        File { path: (*path).to_owned(), text }
    });
    finished(own.collect(), include_str!("../templates/readme.md"), name)
}

/// One source and one KPI, with remarks: for a lake of one's own.
#[must_use]
pub fn bare(name: &str) -> Vec<File> {
    let own = [
        ("pipelines.yaml", include_str!("../templates/pipelines.yaml")),
        ("jobs/accounts.yaml", include_str!("../templates/accounts.yaml")),
    ];
    let own = own.map(|(path, text)| File { path: path.to_owned(), text: text.replace("NAME", name) });
    finished(own.to_vec(), include_str!("../templates/readme_bare.md"), name)
}

/// The name that a project gets from its folder: `my_team` of `My-Team`; none where no letter leads it.
#[must_use]
pub fn name_of(folder: &str) -> Option<String> {
    let lower = folder.to_lowercase();
    let clean: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = clean.trim_matches('_').to_owned();
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}

/// A job file without definitions.
#[must_use]
pub fn new_job(name: &str) -> String {
    let title = crate::yaml::in_braces(&crate::skeleton::title(name));
    format!(
        "# What the job is about, in a sentence.

job: {name}
title: {{en: {title}, fr: {title}}}
description: What its KPIs have in common.
owner: {name}
"
    )
}

/// The line by which editors find the schema of a YAML file; none where the project has no schemas.
#[must_use]
pub fn schema_hint(path: &str) -> Option<String> {
    let document = document(path)?;
    let up = "../".repeat(path.matches('/').count());
    Some(format!("# yaml-language-server: $schema={up}{SCHEMAS}/{document}.schema.json\n"))
}

/// Adds to a project's own files what goes with every one.
fn finished(mut files: Vec<File>, readme: &str, name: &str) -> Vec<File> {
    for file in &mut files {
        if let Some(hint) = schema_hint(&file.path)
            && !file.text.contains("yaml-language-server")
        {
            file.text.insert_str(0, &hint);
        }
    }
    for (document, kind) in DOCUMENTS {
        let text = format!("{:#}\n", json_schema(*kind));
        files.push(File { path: format!("{SCHEMAS}/{document}.schema.json"), text });
    }
    files.push(File { path: "README.md".to_owned(), text: readme.replace("NAME", name) });
    files.push(File { path: ".gitignore".to_owned(), text: "# What runs write.\n/out/\n".to_owned() });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The kinds of YAML file, as `abmart schema` calls them.
const DOCUMENTS: &[(&str, Document)] =
    &[("job", Document::Job), ("pipelines", Document::Pipelines), ("tests", Document::Tests)];

fn document(path: &str) -> Option<&'static str> {
    let yaml = path.strip_suffix(".yaml")?;
    match yaml {
        "pipelines" => Some("pipelines"),
        _ if yaml.starts_with("jobs/tests/") => Some("tests"),
        _ if yaml.starts_with("jobs/") => Some("job"),
        _ => None,
    }
}

/// The shipped `pipelines.yaml` under another name, without what its head says of this repository.
fn renamed(text: &str, name: &str) -> String {
    let body = text.lines().skip_while(|line| line.starts_with('#') || line.trim().is_empty());
    let body = body.map(|line| match line.strip_prefix("project:") {
        Some(_) => format!("project: {name}\n"),
        None => format!("{line}\n"),
    });
    let head = "# Where data lies, what holds for all jobs, and what runs together.\n\n".to_owned();
    head + &body.collect::<String>()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::shipped(shipped("my_team"))]
    #[case::bare(bare("my_team"))]
    fn a_new_project_is_in_order_and_bears_its_name(#[case] files: Vec<File>) {
        let place = tempfile::TempDir::new().unwrap();
        for file in &files {
            let path = place.path().join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &file.text).unwrap();
        }
        let loaded = abmart_spec::load(place.path(), &BTreeMap::new(), &|_| None);
        let (mut project, warnings) = loaded.map_err(|error| error.render(false)).unwrap();
        assert_eq!((project.name.as_str(), warnings), ("my_team", vec![]));
        abmart_spec::load_tests(&mut project).map_err(|error| error.render(false)).unwrap();
    }

    #[test]
    fn a_bare_project_is_laid_out() {
        for file in bare("x") {
            if let Some((_, kind)) = DOCUMENTS.iter().find(|(name, _)| document(&file.path) == Some(name)) {
                assert_eq!(file.text, abmart_fmt::format(&file.text, *kind).unwrap(), "{}", file.path);
            }
        }
    }

    /// The build takes in whole folders; this holds it against them.
    #[test]
    fn no_file_of_the_repository_is_missed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let files: BTreeSet<String> = shipped("x").into_iter().map(|file| file.path).collect();
        for part in ["jobs", "jobs/local", "jobs/tests", "data/reference"] {
            for entry in std::fs::read_dir(root.join(part)).into_iter().flatten().flatten() {
                if entry.path().is_file() {
                    let path = format!("{part}/{}", entry.file_name().to_string_lossy());
                    assert!(files.contains(&path), "{path}");
                }
            }
        }
    }

    #[test]
    fn every_yaml_file_leads_to_a_schema_that_is_there() {
        for files in [shipped("x"), bare("x")] {
            let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
            for file in files.iter().filter(|file| document(&file.path).is_some()) {
                let hint = file.text.lines().next().unwrap();
                let schema = hint.strip_prefix("# yaml-language-server: $schema=").unwrap();
                let depth = file.path.matches('/').count();
                let schema = schema.strip_prefix("../".repeat(depth).as_str()).unwrap();
                assert!(paths.contains(schema), "{} leads to {schema}", file.path);
            }
        }
    }

    #[rstest]
    #[case("abm", Some("abm"))]
    #[case("My-Team 2", Some("my_team_2"))]
    #[case("2026", None)]
    #[case("-abm-", Some("abm"))]
    #[case("", None)]
    fn a_folder_gives_a_name(#[case] folder: &str, #[case] name: Option<&str>) {
        assert_eq!(name_of(folder).as_deref(), name);
    }
}
