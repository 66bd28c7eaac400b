//! Beginning: a new project that runs at once, definitions added to it, and the program's own pages.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rstest::rstest;
use support::Marts;
use support::program::{Files, Outcome, Project, collect, run};
use tempfile::TempDir;

/// A new project in a folder `my-team`.
struct Begun {
    _place: TempDir,
    folder: PathBuf,
    outcome: Outcome,
}

impl Begun {
    fn new(options: &[&str]) -> Self {
        let place = TempDir::new().expect("a temporary folder");
        let folder = place.path().join("my-team");
        let mut all = vec!["init", folder.to_str().expect("UTF-8")];
        all.extend(options);
        let outcome = run(&all).ok();
        Self { _place: place, folder, outcome }
    }

    fn command(&self, arguments: &[&str]) -> Outcome {
        let mut all: Vec<_> = arguments.iter().map(Into::into).collect();
        all.extend(["--project".into(), self.folder.clone().into_os_string()]);
        run::<std::ffi::OsString>(&all)
    }

    fn marts(&self) -> Marts {
        Marts::read(&self.folder.join("out/marts"))
    }
}

// ---- init -----------------------------------------------------------------------------------------------------------

#[test]
fn a_new_project_validates_runs_and_publishes() {
    let begun = Begun::new(&[]);
    for words in ["project `my_team`", "pipelines.yaml", "jobs/", "data/lake/", "abmart validate", "abmart run"] {
        assert!(begun.outcome.stdout.contains(words), "`{words}` is not in:\n{}", begun.outcome.stdout);
    }
    let validated = begun.command(&["validate"]).ok();
    assert!(validated.stdout.starts_with("my_team is valid: "), "{}", validated.stdout);
    assert_eq!(validated.stderr, "");
    begun.command(&["run", "--quiet"]).ok();
    let marts = begun.marts();
    for mart in ["kpi_values", "account_360", "executive_summary", "alerts", "attribution"] {
        assert!(marts.names().contains(&mart), "{mart} is not in {:?}", marts.names());
    }
    let ignored = fs::read_to_string(begun.folder.join(".gitignore")).expect("a file");
    assert!(ignored.lines().any(|line| line == "/out/"), "{ignored}");
}

#[test]
fn a_bare_project_is_filled_step_by_step() {
    let begun = Begun::new(&["--bare"]);
    begun.command(&["validate"]).ok();
    begun.command(&["run", "--quiet"]).ok();
    assert_eq!(begun.marts().names(), ["kpi_values"]);
    // The commands that its README names.
    let readme = fs::read_to_string(begun.folder.join("README.md")).expect("a file");
    for arguments in [
        &["add", "source", "opportunities", "--from", "data/lake/opportunities"][..],
        &["add", "fact", "deals", "--from", "opportunities"],
        &["add", "kpi", "deals_created", "--formula", "sum(deals.records)"],
    ] {
        let words = arguments.join(" ");
        let words = words.split(" sum(").next().expect("a part");
        assert!(readme.contains(words), "`{words}` is not in its README");
        begun.command(arguments).ok();
        assert_eq!(begun.command(&["validate"]).ok().stderr, "");
    }
    begun.command(&["run", "--quiet"]).ok();
    let job = fs::read_to_string(begun.folder.join("jobs/accounts.yaml")).expect("a file");
    assert!(job.contains("key: [opportunity_id]") && job.contains("created_at: timestamp\n"), "{job}");
}

#[test]
fn a_lake_and_a_name_are_a_matter_of_choice() {
    let begun = Begun::new(&["--no-lake", "--name", "emea_abm"]);
    assert!(!begun.folder.join("data/lake").exists());
    assert!(begun.command(&["validate"]).ok().stdout.starts_with("emea_abm is valid"));
}

#[test]
fn a_folder_that_holds_something_is_refused_and_left_alone() {
    let place = TempDir::new().expect("a temporary folder");
    fs::write(place.path().join("notes.txt"), "mine").expect("a file");
    let folder = place.path().to_str().expect("UTF-8");
    run(&["init", folder, "--name", "x"]).fails(2, &["is not empty: it holds `notes.txt`"]);
    let mut files = Files::new();
    collect(place.path(), "", &mut files);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["notes.txt"]);
}

#[test]
fn a_new_repository_is_as_good_as_an_empty_folder() {
    let place = TempDir::new().expect("a temporary folder");
    fs::create_dir(place.path().join(".git")).expect("a folder");
    let folder = place.path().to_str().expect("UTF-8");
    run(&["init", folder, "--name", "x", "--bare", "--no-lake"]).ok();
    assert!(place.path().join("pipelines.yaml").exists());
}

#[rstest]
#[case::no_name_in_it("2026", &[], &["gives no name for the project", "`--name`"])]
#[case::a_name_that_is_none("x", &["--name", "My Team"], &["`My Team` cannot be a project's name", "such as `my_team`"])]
fn a_name_is_one_that_yaml_takes(#[case] folder: &str, #[case] options: &[&str], #[case] words: &[&str]) {
    let place = TempDir::new().expect("a temporary folder");
    let folder = place.path().join(folder);
    let mut all = vec!["init", folder.to_str().expect("UTF-8")];
    all.extend(options);
    run(&all).fails(2, words);
    assert!(!folder.exists());
}

// ---- add ------------------------------------------------------------------------------------------------------------

/// The files of a project that a command has changed, with what each has gained; nothing may be lost.
fn gained(before: &Files, after: &Files) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut gained = Vec::new();
    for (path, now) in after {
        let was = before.get(path).map(|bytes| text(bytes)).unwrap_or_default();
        let now = text(now);
        if was == now {
            continue;
        }
        let head = was.bytes().zip(now.bytes()).take_while(|(a, b)| a == b).count();
        let added = now.len().checked_sub(was.len()).expect("nothing is lost");
        let start = (0..=head).rev().find(|at| was.as_bytes()[*at..] == now.as_bytes()[at + added..]);
        let start = start.unwrap_or_else(|| panic!("{path} keeps every byte"));
        gained.push((path.clone(), now[start..start + added].to_owned()));
    }
    assert!(before.keys().all(|path| after.contains_key(path)));
    gained
}

fn files_of(project: &Project) -> Files {
    let mut files = Files::new();
    collect(&project.folder(), "", &mut files);
    files
}

#[rstest]
#[case::kpi(&["kpi", "quick_wins"])]
#[case::kpi_of_a_formula(&["kpi", "share_silent", "--formula", "count(*) filter (where activity.touches = 0) / count(*)"])]
#[case::table(&["table", "won", "--from", "opportunities"])]
#[case::fact(&["fact", "contacts_known", "--from", "contacts"])]
#[case::fact_by_default(&["fact", "signs"])]
#[case::mart(&["mart", "headlines"])]
#[case::mart_of_an_entity(&["mart", "accounts_by_period", "--from", "account"])]
#[case::alert(&["alert", "coverage_falls", "--kpi", "target_account_coverage"])]
fn what_is_added_is_valid_and_the_rest_stays(#[case] what: &[&str]) {
    let project = Project::copy();
    let before = files_of(&project);
    let mut arguments = vec!["add"];
    arguments.extend(what);
    let shown = project.command(&[&arguments[..], &["--dry-run"]].concat()).ok();
    assert_eq!(files_of(&project), before, "--dry-run writes nothing");
    let outcome = project.command(&arguments).ok();
    let gained = gained(&before, &files_of(&project));
    let [(path, text)] = &gained[..] else { panic!("one file changes: {gained:?}") };
    assert!(outcome.stdout.starts_with(&format!("{path}:")), "{}", outcome.stdout);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        for stdout in [&outcome.stdout, &shown.stdout] {
            assert!(stdout.contains(&format!("+ {line}")), "`{line}` is not in:\n{stdout}");
        }
    }
    project.command(&["validate"]).ok();
    let listed = project.command(&["ls", &format!("{}:{}", what[0], what[1])]).ok();
    let place = outcome.stdout.lines().next().expect("a line");
    let file = place.split(':').next().expect("a path");
    assert!(listed.stdout.contains(file), "{place} is where ls finds it: {}", listed.stdout);
}

#[test]
fn a_source_takes_the_contract_of_its_files() {
    let begun = Begun::new(&["--bare"]);
    let folder = begun.folder.join("data/lake/touchpoints");
    let outcome = begun.command(&["add", "source", "touchpoints", "--from", folder.to_str().expect("UTF-8")]).ok();
    for line in [
        "+   touchpoints:",
        "+     kind: events       # rows with a time, in files of a month",
        "+     time: occurred_at  # when a row happened",
        "+       account_id: string",
        "+       contact_id: string?",
        "+       requested: boolean",
    ] {
        assert!(outcome.stdout.contains(line), "`{line}` is not in:\n{}", outcome.stdout);
    }
    begun.command(&["add", "fact", "touches", "--from", "touchpoints"]).ok();
    begun.command(&["add", "kpi", "touches", "--formula", "sum(touches.records)"]).ok();
    begun.command(&["run", "--quiet"]).ok();
}

#[test]
fn a_new_job_gets_a_file_of_its_own() {
    let project = Project::copy();
    let outcome = project.command(&["add", "kpi", "reach", "--job", "brand"]).ok();
    assert!(outcome.stdout.starts_with("jobs/brand.yaml:1 (new file)\n"), "{}", outcome.stdout);
    project.command(&["validate"]).ok();
    project.command(&["fmt", "--check"]).ok();
    let listed = project.command(&["ls", "job:brand"]).ok();
    assert_eq!(listed.stdout.split_whitespace().collect::<Vec<_>>()[..3], ["kpi", "reach", "brand"]);
}

#[rstest]
#[case::taken(&["kpi", "pipeline_velocity"], &["`pipeline_velocity` is a KPI already", "--> jobs/", "defined once"])]
#[case::taken_by_another_kind(&["table", "accounts"], &["`accounts` is a source already", "--> jobs/sources.yaml"])]
#[case::bad_name(&["kpi", "Win-Rate"], &["`Win-Rate` cannot be a name", "lower-case letters"])]
#[case::word_of_sql(&["table", "select"], &["`select` is a word of SQL"])]
#[case::engine_table(&["table", "kpi_values"], &["`kpi_values` is the name of a table that the engine makes"])]
#[case::unknown_input(&["fact", "x", "--from", "contcts"], &["`contcts` is not a source", "did you mean `contacts`?"])]
#[case::formula(&["kpi", "x", "--formula", "sum(activity.touched)"], &["has no measure `touched`", "did you mean"])]
#[case::unit(&["kpi", "x", "--formula", "count(*) filter (where activity.touches > 0)", "--unit", "money"], &["`x` is declared `money`"])]
#[case::pack(&["kpi", "x", "--job", "apac"], &["does not begin with `apac_`"])]
#[case::file(&["source", "x", "--from", "nowhere"], &["`nowhere`"])]
fn what_cannot_be_added_changes_nothing(#[case] what: &[&str], #[case] words: &[&str]) {
    let project = Project::copy();
    fs::create_dir_all(project.folder().join("data/lake")).expect("a folder");
    let before = files_of(&project);
    let mut arguments = vec!["add"];
    arguments.extend(what);
    project.command(&arguments).fails(2, words);
    assert_eq!(files_of(&project), before);
}

#[test]
fn a_job_that_no_pattern_takes_in_is_refused() {
    let project =
        Project::copy().edit("pipelines.yaml", "  - jobs/*.yaml\n", "  - jobs/[a-f]*.yaml\n  - jobs/[m-s]*.yaml\n");
    let before = files_of(&project);
    project.command(&["add", "kpi", "x", "--job", "zeal"]).fails(2, &["no pattern of `jobs`", "jobs/zeal.yaml"]);
    assert_eq!(files_of(&project), before);
}

// ---- ls -------------------------------------------------------------------------------------------------------------

#[test]
fn ls_tells_what_a_selector_means() {
    let project = Project::copy();
    let listed = project.command(&["ls", "1+kpi:target_account_coverage"]).ok();
    let names: Vec<Vec<&str>> = listed.stdout.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(
        names,
        [
            ["entity", "account", "sources"],
            ["fact", "activity", "engagement"],
            ["fact", "target_list", "coverage"],
            ["kpi", "target_account_coverage", "coverage"]
        ]
    );
    let coverage = fs::read_to_string(project.folder().join("jobs/coverage.yaml")).expect("a file");
    let line = 1 + coverage.lines().position(|line| line == "  target_account_coverage:").expect("the KPI");
    assert!(listed.stdout.contains(&format!("jobs/coverage.yaml:{line}\n")), "{}", listed.stdout);
}

#[test]
fn ls_is_for_machines_too() {
    let project = Project::copy();
    let listed = project.command(&["ls", "kpi:*,tag:local", "--exclude", "job:amer", "--json"]).ok();
    let rows: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let rows = rows.as_array().expect("a list");
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!((row["kind"].as_str(), row["job"].as_str()), (Some("kpi"), Some("apac")));
        assert_eq!(row["file"], "jobs/local/apac.yaml");
        assert!(row["tags"].as_array().expect("tags").contains(&"local".into()) && row["line"].as_u64() > Some(0));
    }
}

#[test]
fn ls_names_every_mistyped_selector_at_once() {
    let project = Project::copy();
    project
        .command(&["ls", "kpi:target_acount_coverage", "--exclude", "job:coverge"])
        .fails(2, &["did you mean `kpi:target_account_coverage`?", "did you mean `job:coverage`?"]);
}

// ---- pages and completions ------------------------------------------------------------------------------------------

#[test]
fn every_command_has_a_manual_page_that_groff_understands() {
    let place = TempDir::new().expect("a temporary folder");
    let outcome = run(&["man", "--out", place.path().to_str().expect("UTF-8")]).ok();
    let pages: Vec<&Path> = outcome.stdout.lines().map(Path::new).collect();
    let names: Vec<_> = pages.iter().filter_map(|page| page.file_name()?.to_str()).collect();
    for name in ["abmart.1", "abmart-run.1", "abmart-ls.1", "abmart-add-kpi.1", "abmart-man.1"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let groff_is_here = Command::new("groff").arg("--version").stdout(Stdio::null()).status().is_ok();
    for page in pages {
        let text = fs::read_to_string(page).expect("a page");
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{}", page.display());
        if groff_is_here {
            let output = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(page).output().expect("groff");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", page.display());
        }
    }
    assert!(run(&["man"]).ok().stdout.contains(".SH SUBCOMMANDS"));
}

#[rstest]
#[case("bash", &["--unit", "count money percent", "init", "snapshot events", "job pipelines tests"])]
#[case("zsh", &["--unit", "count money percent", "_files -/", "_files"])]
#[case("fish", &["-l unit", "money", "-l kind"])]
fn completions_know_values(#[case] shell: &str, #[case] words: &[&str]) {
    let script = run(&["completions", shell]).ok().stdout.replace("\\n", " ").replace('\t', " ");
    for word in words {
        assert!(script.contains(word), "`{word}` is not in the script of {shell}");
    }
    let installed = Command::new(shell).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if installed {
        let place = TempDir::new().expect("a temporary folder");
        let file = place.path().join("script");
        fs::write(&file, run(&["completions", shell]).stdout).expect("a file");
        let output = Command::new(shell).arg("-n").arg(&file).output().expect("the shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
