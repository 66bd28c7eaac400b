//! The project as a command sees it: loaded, checked, with the stores that the command line names.

use std::collections::BTreeMap;
use std::collections::HashMap;

use abmart_engine::cache::RunCache;
use abmart_plan::contract::{self, Breach};
use abmart_plan::{Plan, parse_period, period_text, plan};
use abmart_spec::Project;
use abmart_spec::diagnostic::{Diagnostic, render, to_json};
use abmart_spec::model::{self, Grain, Spanned};
use abmart_store::{Cache, Environment, Location, ObjectInfo, ParquetFooter, Store, StoreError, StoreSettings};
use jiff::civil::Date;

use crate::args::Global;
use crate::exit::{Failure, colours, config};
use crate::footers;

/// Loads and checks the project; warnings go to standard error.
///
/// # Errors
/// Everything that is wrong with it, each finding at its place.
pub fn load(global: &Global) -> Result<Project, Failure> {
    let project = read(global)?;
    let mut findings = abmart_engine::check(&project);
    findings.extend(crate::engine::refusals(&project, global));
    if findings.iter().any(Diagnostic::is_error) {
        return Err(Failure::of_diagnostics(&findings, &project.files));
    }
    show(&findings, &project, global.quiet);
    Ok(project)
}

/// Loads the project without the check of what is inside of SQL, for commands that compute nothing; warnings go to
/// standard error.
///
/// # Errors
/// Everything that is wrong with it, each finding at its place.
pub fn read(global: &Global) -> Result<Project, Failure> {
    if !global.project.join("pipelines.yaml").exists() {
        let folder = global.project.display();
        return Err(config(format!(
            "folder `{folder}` holds no pipelines.yaml; `--project` names the folder that does"
        )));
    }
    let (mut project, warnings) = abmart_spec::load(&global.project, &global.variables(), &environment)?;
    override_stores(&mut project, global);
    show(&warnings, &project, global.quiet);
    Ok(project)
}

/// A variable of this process's environment.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Refuses a pipeline that reads what another one has published, where it takes one that computes.
///
/// # Errors
/// When the pipeline is unknown or has a `from`.
pub fn computes(project: &Project, pipeline: &str) -> Result<(), Failure> {
    // One that the project does not have is refused with a suggestion when it is planned.
    match project.pipelines.get(pipeline).and_then(|pipeline| pipeline.from.as_ref()) {
        None => Ok(()),
        Some(from) => Err(config(format!(
            "`{pipeline}` reads the marts that `{from}` has published, and nothing of the lake: `{from}` is the one to name",
            from = from.value
        ))),
    }
}

/// Source → the objects below its folder.
pub type Listing = BTreeMap<String, Vec<ObjectInfo>>;

/// What a run needs to know of the lake.
pub struct Prepared {
    /// The lake.
    pub lake: Store,
    /// The plan.
    pub plan: Plan,
    /// Footers of all planned files, by key.
    pub footers: HashMap<String, ParquetFooter>,
}

/// Lists the lake, plans, reads the footers that the cache does not hold, and holds the contracts against them.
///
/// # Errors
/// When the lake cannot be read, nothing fits the day, or files break their contracts.
pub fn prepare(project: &Project, pipeline: &str, global: &Global, cache: &RunCache) -> Result<Prepared, Failure> {
    let lake = open(&project.stores.lake, project, false)?;
    let listing = listing(project, &lake)?;
    prepare_on(project, pipeline, global.as_of, lake, &listing, cache)
}

/// As [`prepare`], on what of the lake is listed.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_on(
    project: &Project,
    pipeline: &str,
    as_of: Option<Date>,
    lake: Store,
    listing: &Listing,
    cache: &RunCache,
) -> Result<Prepared, Failure> {
    let plan = Plan::build(project, pipeline, as_of, listing)?;
    with_footers(project, lake, plan, listing, cache)
}

/// As [`prepare`], of what one period needs of a part of the project: the period that a text names, the newest month where
/// there is no text.
///
/// # Errors
/// As [`prepare`], and when the text names no period that the lake covers.
pub fn prepare_period(
    (project, part): (&Project, &Project),
    pipeline: &str,
    global: &Global,
    cache: &RunCache,
    period: Option<&str>,
) -> Result<Prepared, Failure> {
    let lake = open(&project.stores.lake, project, false)?;
    let listing = listing(project, &lake)?;
    let mut plan = Plan::build(project, pipeline, global.as_of, &listing)?;
    let newest = |plan: &Plan| {
        let months = plan.periods.iter().filter(|period| period.grain == Grain::Month);
        months.max_by_key(|period| period.start).or(plan.periods.last()).copied()
    };
    let period = match period {
        Some(text) => Some(parse_period(text, plan.as_of, project.settings.fiscal_year_start).map_err(config)?),
        None => newest(&plan),
    };
    if let Some(period) = period {
        if period.end <= plan.history_start {
            let name = period_text(&period, project.settings.fiscal_year_start);
            return Err(config(format!("`{name}` lies before the lake's first day, {}", plan.history_start)));
        }
        if !plan.periods.contains(&period) {
            plan = Plan::build_with(project, pipeline, Some(plan.as_of), &listing, Some(period))?;
        }
        plan.narrow(part, period);
    }
    with_footers(part, lake, plan, &listing, cache)
}

/// Reads the footers of a plan's files and holds the contracts against them.
fn with_footers(
    project: &Project,
    lake: Store,
    mut plan: Plan,
    listing: &Listing,
    cache: &RunCache,
) -> Result<Prepared, Failure> {
    let objects: HashMap<&str, &ObjectInfo> =
        listing.values().flatten().map(|object| (object.key.as_str(), object)).collect();
    let planned: Vec<ObjectInfo> = plan
        .sources
        .values()
        .flat_map(|source| &source.files)
        .filter_map(|file| objects.get(file.key.as_str()).map(|object| (*object).clone()))
        .collect();
    let mut footers = HashMap::new();
    let mut broken: Vec<String> = Vec::new();
    for (object, footer) in planned.iter().zip(footers::read(&lake, &planned, cache)?) {
        match footer {
            Ok(footer) => {
                footers.insert(object.key.clone(), footer);
            }
            Err(error) if error.is_environment() => return Err(error.into()),
            Err(error) => broken.push(unreadable(&plan, &object.key, &error)),
        }
    }
    // Not every store lists e-tags; all say them when they are read.
    for file in plan.sources.values_mut().flat_map(|source| &mut source.files).filter(|file| file.etag.is_none()) {
        file.etag = footers.get(&file.key).and_then(|footer| footer.etag.clone());
    }
    broken.extend(breaches(project, &plan, &footers).iter().map(ToString::to_string));
    if broken.is_empty() {
        Ok(Prepared { lake, plan, footers })
    } else {
        broken.sort();
        let lead = format!("the lake {} breaks its contracts; nothing was published", lake.label());
        Err(Failure::Run(format!("{lead}\n  {}", broken.join("\n  "))))
    }
}

/// The objects below the folder of every source.
///
/// # Errors
/// When the lake cannot be listed.
pub fn listing(project: &Project, lake: &Store) -> Result<Listing, StoreError> {
    plan::folders(project).into_iter().map(|(source, folder)| Ok((source, lake.list(&folder)?))).collect()
}

/// The cache of results for a computation that is no night of its own; one that cannot be opened is done without.
///
/// # Errors
/// When its location is no store.
pub fn visited_cache(project: &Project) -> Result<RunCache, Failure> {
    Ok(cache(project, false)?.visiting())
}

/// Opens a store of the project; paths are relative to the project's folder.
///
/// # Errors
/// When the location is no store, or is not there.
pub fn open(store: &model::Store, project: &Project, create: bool) -> Result<Store, Failure> {
    Ok(opened(store, project, create)?)
}

/// Opens a store of the project for reading, where it is there.
///
/// # Errors
/// When the location is no store, or is out of reach.
pub fn open_if_there(store: &model::Store, project: &Project) -> Result<Option<Store>, Failure> {
    match opened(store, project, false) {
        Ok(store) => Ok(Some(store)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn opened(store: &model::Store, project: &Project, create: bool) -> Result<Store, StoreError> {
    let settings = StoreSettings {
        endpoint: store.endpoint.clone(),
        region: store.region.clone(),
        profile: store.profile.clone(),
        account: store.account.clone(),
        allow_http: store.allow_http,
        anonymous: store.anonymous,
        virtual_hosted_style: store.virtual_hosted_style,
        retry_seconds: store.retry_seconds,
    };
    Store::open_with(&store.url.value, &project.root, create, &settings, &Environment::of_process())
}

/// The cache of results; one that cannot be opened is done without.
///
/// # Errors
/// When its location is no store.
pub fn cache(project: &Project, full: bool) -> Result<RunCache, Failure> {
    match opened(&project.stores.cache, project, true) {
        Ok(store) => Ok(RunCache::new(Cache::new(store), full)),
        Err(error) if error.is_environment() => {
            tracing::warn!("{}; nothing is reused or kept", crate::exit::chain(&error));
            Ok(RunCache::none())
        }
        Err(error) => Err(error.into()),
    }
}

fn override_stores(project: &mut Project, global: &Global) {
    // A path on the command line is relative to where the command was given.
    let here = |given: &String| match std::env::current_dir() {
        Ok(folder) if !given.contains("://") => folder.join(given).display().to_string(),
        _ => given.clone(),
    };
    let root = project.root.clone();
    let stores = &mut project.stores;
    for (given, store) in
        [(&global.lake, &mut stores.lake), (&global.marts, &mut stores.marts), (&global.cache, &mut stores.cache)]
    {
        let Some(given) = given.as_ref().map(here) else { continue };
        let places = Location::parse(&given, &root).ok().zip(Location::parse(&store.url.value, &root).ok());
        // Settings make sense for stores of one kind only.
        if places.is_some_and(|(new, old)| new.is_like(&old)) {
            store.url.value = given;
        } else {
            *store = model::Store::at(Spanned { value: given, span: store.url.span });
        }
    }
}

fn breaches(project: &Project, plan: &Plan, footers: &HashMap<String, ParquetFooter>) -> Vec<Breach> {
    let mut found = Vec::new();
    for (name, planned) in &plan.sources {
        let Some(source) = project.sources.get(name) else { continue };
        for file in &planned.files {
            if let Some(footer) = footers.get(&file.key) {
                found.extend(contract::breaches(source, file, footer));
            }
        }
    }
    found
}

fn unreadable(plan: &Plan, key: &str, error: &StoreError) -> String {
    let of = |file: &abmart_plan::PlannedFile| file.key == key;
    let source =
        plan.sources.iter().find(|(_, source)| source.files.iter().any(of)).map_or("?", |(name, _)| name.as_str());
    format!("source `{source}`: {}", crate::exit::chain(error))
}

fn show(findings: &[Diagnostic], project: &Project, quiet: bool) {
    if crate::logging::is_json() {
        for finding in findings {
            let place = to_json(std::slice::from_ref(finding), &project.files)[0]["place"].to_string();
            tracing::warn!(code = finding.code, place, help = finding.help, "{}", finding.message);
        }
    } else if !findings.is_empty() && !quiet {
        eprint!("{}", render(findings, &project.files, colours()));
    }
}
