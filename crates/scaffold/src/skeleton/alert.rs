//! An alert.

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::model::Better;
use abmart_spec::{Node, Project};

use super::{Skeleton, missing, title, unknown};
use crate::yaml::in_braces;

/// An alert for a KPI that is worse than in the period before; by default the first KPI that is published.
///
/// # Errors
/// When there is no such KPI.
pub fn alert(project: &Project, name: &str, kpi: Option<&str>) -> Result<Vec<Skeleton>, Box<Diagnostic>> {
    let mut published = project.kpis.values().filter(|kpi| kpi.published);
    let kpi = match kpi {
        Some(wanted) => published
            .find(|kpi| kpi.name == wanted)
            .ok_or_else(|| unknown("a published KPI", wanted, project.kpis.keys().map(String::as_str)))?,
        None => published.next().ok_or_else(|| {
            missing("the alert is about a KPI, and the project has none", "`abmart add kpi NAME` adds one")
        })?,
    };
    let worse = match kpi.better {
        Better::Higher => "<",
        Better::Lower => ">",
    };
    let title = in_braces(&title(name));
    let text = format!(
        "\
{name}:
  title: {{en: {title}, fr: {title}}}   # fr: to be translated
  description: What is wrong when it fires, in a sentence.
  over: kpi_values   # or an entity, whose measures are columns <fact>_<measure>
  grain: month
  period: complete   # the newest month that is over; current is the one under way
  where: kpi = '{kpi}' and cut = 'all' and value {worse} prior_value
  threshold: prior_value   # what the value is held against
  # owner: \"'sales-operations'\"   # who has to act
  severity: info   # info, warning or critical
  # action: {{en: Look into it., fr: Examiner.}}
  # due: 7 days   # how long there is for the action
",
        kpi = kpi.name,
    );
    Ok(vec![Skeleton::new("alerts", &text, Some(Node::Kpi(kpi.name.clone())))])
}
