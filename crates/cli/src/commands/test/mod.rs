//! `abmart test`.
//!
//! ```text
//! tests/*.yaml ──load──▶ UnitTest ──run, several at once──▶ Outcome ──render──▶ what failed, line by line
//!                                                              ├──junit──▶ a report for build servers
//!                                                              └──patch──▶ what would make the tests hold
//! ```

mod junit;
mod patch;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use abmart_spec::model::{Expected, UnitTest};
use abmart_spec::{Node, Project};
use abmart_unittest::{Outcome, Verdict};

use crate::args::{Global, TestArgs};
use crate::commands::ls;
use crate::exit::{Failure, config};
use crate::text::{count, print};
use crate::{interrupt, project};

/// How many KPIs without a test are named.
const NAMED: usize = 10;

/// A test with what became of it.
pub struct Done<'a> {
    /// The test.
    pub test: &'a UnitTest,
    /// What became of it.
    pub outcome: Outcome,
}

/// Runs the project's unit tests.
///
/// # Errors
/// A wrong project or test file (2), tests that do not hold (1), an interruption (130, 143).
pub fn test(global: &Global, args: &TestArgs) -> Result<(), Failure> {
    interrupt::listen();
    let mut project = project::load(global)?;
    let tests = abmart_spec::load_tests(&mut project)?;
    if tests.is_empty() {
        let patterns: Vec<String> = project.tests.iter().map(|pattern| format!("`{}`", pattern.value)).collect();
        return Err(config(format!("the project has no tests: no file is like {}", patterns.join(" or "))));
    }
    let chosen = chosen(&tests, &project, args)?;
    let versions = Versions::load(&chosen, &project, global)?;
    let mut done = run_all(&chosen, &versions, &project, global)?;
    done.sort_by_key(|done| done.test.span);
    if let Some(file) = &args.junit {
        junit::write(&done, &project, file)?;
    }
    let failed = done.iter().filter(|done| !matches!(done.outcome.verdict, Verdict::Passed)).count();
    if let Some(file) = &args.update {
        print(&patch::write(&done, &project, file)?)?;
    }
    if !global.quiet {
        print(&summary(&done, &tests, &project, failed))?;
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Run("1 test failed".to_owned())),
        failed => Err(Failure::Run(format!("{} of {} tests failed", count(failed as u64), count(done.len() as u64)))),
    }
}

/// The tests that the command line asks for.
fn chosen<'a>(tests: &'a [UnitTest], project: &Project, args: &TestArgs) -> Result<Vec<&'a UnitTest>, Failure> {
    let mut wanted: Vec<&UnitTest> = tests.iter().collect();
    if !args.tests.is_empty() {
        let patterns = args.tests.iter().map(|name| {
            glob::Pattern::new(name).map_err(|error| config(format!("`{name}` is no pattern: {}", error.msg)))
        });
        let patterns: Vec<glob::Pattern> = patterns.collect::<Result<_, _>>()?;
        for pattern in &patterns {
            if !tests.iter().any(|test| pattern.matches(&test.name)) {
                let near = abmart_spec::diagnostic::did_you_mean(
                    pattern.as_str(),
                    tests.iter().map(|test| test.name.as_str()),
                );
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(config(format!("there is no test `{}`{near}", pattern.as_str())));
            }
        }
        wanted.retain(|test| patterns.iter().any(|pattern| pattern.matches(&test.name)));
    }
    let looks_at = |test: &UnitTest, nodes: &BTreeSet<Node>| test.looks_at(project).any(|node| nodes.contains(&node));
    if !args.select.is_empty() {
        let selected = ls::chosen(project, &args.select, &[])?;
        wanted.retain(|test| looks_at(test, &selected));
    }
    if !args.exclude.is_empty() {
        let excluded = ls::chosen(project, &args.exclude, &[])?;
        wanted.retain(|test| !looks_at(test, &excluded));
    }
    if wanted.is_empty() { Err(config("no test looks at what is selected")) } else { Ok(wanted) }
}

/// The project for every set of variables that tests have. Neither the environment nor the command line counts: a test
/// says the same on every machine.
struct Versions(BTreeMap<BTreeMap<String, String>, Project>);

impl Versions {
    fn load(tests: &[&UnitTest], project: &Project, global: &Global) -> Result<Self, Failure> {
        let mut versions = BTreeMap::new();
        let sets: BTreeSet<BTreeMap<String, String>> = tests.iter().map(|test| variables(test)).collect();
        for set in sets {
            let (mut version, _) = abmart_spec::load(&global.project, &set, &|_| None)?;
            // Places of both are shown with the same files.
            version.files = project.files.clone();
            versions.insert(set, version);
        }
        Ok(Self(versions))
    }

    fn of(&self, test: &UnitTest) -> Option<&Project> {
        self.0.get(&variables(test))
    }
}

fn variables(test: &UnitTest) -> BTreeMap<String, String> {
    test.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Runs tests on as many threads as the command line allows and tells each outcome as it comes.
fn run_all<'a>(
    tests: &[&'a UnitTest],
    versions: &Versions,
    project: &Project,
    global: &Global,
) -> Result<Vec<Done<'a>>, Failure> {
    let scratch = std::env::temp_dir().join(format!("abmart-test-{}", std::process::id()));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<Done<'a>>| {
        while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(version) = versions.of(test) else { continue };
            let folder = scratch.join(&test.name);
            let outcome = in_folder(test, version, &folder);
            let stop = matches!(outcome.verdict, Verdict::Interrupted);
            if sender.send(Done { test, outcome }).is_err() || stop {
                return;
            }
        }
    };
    let done = std::thread::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(tests.len()) {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
        let mut all = Vec::new();
        let mut told = Ok(());
        for done in receiver {
            if told.is_ok() {
                told = print(&render::outcome(&done, project, global.quiet));
            }
            all.push(done);
        }
        told.map(|()| all)
    });
    let _ = std::fs::remove_dir_all(&scratch);
    let done = done?;
    if done.iter().any(|done| matches!(done.outcome.verdict, Verdict::Interrupted)) {
        return Err(Failure::Interrupted(interrupt::signal()));
    }
    Ok(done)
}

/// Runs a test in a folder of its own, which is gone afterwards.
fn in_folder(test: &UnitTest, project: &Project, folder: &Path) -> Outcome {
    if let Err(error) = std::fs::create_dir_all(folder) {
        let problem = format!("the scratch folder `{}` cannot be made: {error}", folder.display());
        return Outcome { verdict: Verdict::NotRun(problem), seconds: 0.0 };
    }
    let outcome = abmart_unittest::run(test, project, folder, interrupt::flag());
    let _ = std::fs::remove_dir_all(folder);
    outcome
}

fn summary(done: &[Done<'_>], tests: &[UnitTest], project: &Project, failed: usize) -> String {
    let seconds: f64 = done.iter().map(|done| done.outcome.seconds).sum();
    let expectations = tests.iter().flat_map(|test| &test.expect);
    let tested: BTreeSet<&str> =
        expectations.filter(|one| one.of == Expected::Kpi).map(|one| one.name.value.as_str()).collect();
    let published: Vec<&str> = project.kpis.values().filter(|kpi| kpi.published).map(|kpi| kpi.name.as_str()).collect();
    let untested: Vec<&str> = published.iter().copied().filter(|kpi| !tested.contains(kpi)).collect();
    let mut text = format!("{} passed, {failed} failed; {seconds:.1} s of work\n", done.len() - failed);
    if untested.is_empty() {
        let _ = writeln!(text, "all {} KPIs have a test", published.len());
    } else {
        let named = untested.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let others = if untested.len() > NAMED { ", …" } else { "" };
        let _ = writeln!(text, "{} of {} KPIs have no test: {named}{others}", untested.len(), published.len());
    }
    text
}
