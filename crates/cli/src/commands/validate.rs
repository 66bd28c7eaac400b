//! `abmart validate`.

use abmart_spec::diagnostic::{Diagnostic, SourceMap, to_json};

use crate::args::{Global, ValidateArgs};
use crate::exit::{Failure, config};
use crate::project;
use crate::text::print;

/// Checks the project without data.
///
/// # Errors
/// Everything that is wrong with it.
pub fn validate(global: &Global, args: &ValidateArgs) -> Result<(), Failure> {
    if args.json {
        return as_json(global);
    }
    let mut project = project::load(global)?;
    let tests = abmart_spec::load_tests(&mut project)?;
    print(&format!(
        "{} is valid: {} sources, {} rollups, {} tables, {} attributions, {} facts, {} KPIs, {} marts in {} jobs, {} tests\n",
        project.name,
        project.sources.len(),
        project.rollups.len(),
        project.defined_tables(),
        project.attributions.len(),
        project.facts.len() + project.scores.len(),
        project.kpis.values().filter(|kpi| kpi.published).count(),
        project.marts.len(),
        project.jobs.len(),
        tests.len(),
    ))
}

fn as_json(global: &Global) -> Result<(), Failure> {
    let (findings, files): (Vec<Diagnostic>, SourceMap) =
        match abmart_spec::load(&global.project, &global.variables(), &project::environment) {
            Err(error) => (error.diagnostics, error.files),
            Ok((mut project, mut warnings)) => {
                warnings.extend(abmart_engine::check(&project));
                warnings.extend(crate::engine::refusals(&project, global));
                if let Err(error) = abmart_spec::load_tests(&mut project) {
                    warnings.extend(error.diagnostics);
                }
                (warnings, project.files)
            }
        };
    let text = serde_json::to_string_pretty(&to_json(&findings, &files)).map_err(config)?;
    print(&format!("{text}\n"))?;
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    if errors == 0 { Ok(()) } else { Err(Failure::Config(format!("the project has {errors} errors"))) }
}
