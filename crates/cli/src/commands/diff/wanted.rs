//! Which cells are compared.

use std::collections::BTreeSet;

use abmart_diff::Cut;
use abmart_plan::calendar::{Period, grain_name};
use abmart_plan::parse_period;
use abmart_spec::Project;
use abmart_spec::diagnostic::did_you_mean;
use abmart_spec::model::{Grain, Settings};
use jiff::civil::Date;

use super::cells;
use crate::args::DiffArgs;
use crate::exit::{Failure, config};

/// What the options ask for; all where they ask for nothing, but for cuts by several dimensions.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    kpis: BTreeSet<String>,
    grains: BTreeSet<Grain>,
    periods: Vec<(Grain, Date)>,
    cut: Option<Vec<(String, Option<String>)>>,
}

impl Wanted {
    /// Reads the options; names are held against both versions of the project.
    ///
    /// # Errors
    /// When an option names something that there is not.
    pub fn new(args: &DiffArgs, projects: [&Project; 2], as_of: Date) -> Result<Self, Failure> {
        let published = |project: &Project| {
            project.kpis.values().filter(|kpi| kpi.published).map(|kpi| kpi.name.clone()).collect::<BTreeSet<_>>()
        };
        let known: BTreeSet<String> = projects.iter().flat_map(|project| published(project)).collect();
        let dimensions: BTreeSet<String> = projects.iter().flat_map(|project| dimensions(project)).collect();
        let unknown = |what: &str, name: &str, known: &BTreeSet<String>| {
            let near = did_you_mean(name, known.iter().map(String::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            config(format!("there is no {what} `{name}`{near}"))
        };
        if let Some(name) = args.kpi.iter().find(|name| !known.contains(*name)) {
            return Err(unknown("published KPI", name, &known));
        }
        let mut wanted = Self { kpis: args.kpi.iter().cloned().collect(), ..Self::default() };
        for word in &args.grain {
            wanted.grains.insert(cells::grain(word).ok_or_else(|| {
                config(format!("`{word}` is no grain: month, quarter, year, week, day, fiscal_quarter or fiscal_year"))
            })?);
        }
        let Settings { fiscal_year_start, .. } = projects[1].settings;
        for text in &args.period {
            let Period { grain, start, .. } = parse_period(text, as_of, fiscal_year_start).map_err(config)?;
            wanted.periods.push((grain, start));
        }
        let mut cut = Vec::new();
        for part in &args.cut {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (part.as_str(), None),
            };
            if name == "all" && args.cut.len() == 1 {
                break;
            }
            if !dimensions.contains(name) {
                return Err(unknown("dimension", name, &dimensions));
            }
            cut.push((name.to_owned(), value));
        }
        wanted.cut = (!args.cut.is_empty()).then_some(cut);
        Ok(wanted)
    }

    /// Whether a KPI is wanted.
    pub fn kpi(&self, name: &str) -> bool {
        self.kpis.is_empty() || self.kpis.contains(name)
    }

    /// Whether the periods of a grain that start on a day are wanted.
    pub fn period(&self, grain: Grain, start: Date) -> bool {
        (self.grains.is_empty() || self.grains.contains(&grain))
            && (self.periods.is_empty() || self.periods.contains(&(grain, start)))
    }

    /// Whether cells that are cut by these dimensions may be wanted.
    pub fn cut(&self, by: &[&str]) -> bool {
        match &self.cut {
            None => by.len() <= 1,
            Some(cut) => by.len() == cut.len() && cut.iter().all(|(name, _)| by.contains(&name.as_str())),
        }
    }

    /// Whether a cell at this cut is wanted.
    pub fn cell(&self, cut: &Cut) -> bool {
        let by: Vec<&str> = cut.by().iter().map(|(name, _)| name.as_str()).collect();
        let given = |name: &str, value: &str| {
            let asked = self.cut.iter().flatten().find(|(asked, _)| asked == name);
            asked.and_then(|(_, value)| value.as_deref()).is_none_or(|asked| asked == value)
        };
        self.cut(&by) && cut.by().iter().all(|(name, value)| given(name, value))
    }

    /// Whether the cells are all among those that records of runs hold.
    pub fn is_brief(&self) -> bool {
        self.cut.as_ref().is_none_or(|cut| cut.len() <= 1)
    }

    /// What was asked for, in words.
    pub fn words(&self) -> String {
        let cut = match &self.cut {
            None => "grand totals and cuts by one dimension".to_owned(),
            Some(cut) if cut.is_empty() => "grand totals".to_owned(),
            Some(cut) => {
                let part = |(name, value): &(String, Option<String>)| match value {
                    Some(value) => format!("{name}={value}"),
                    None => name.clone(),
                };
                format!("cut {}", cut.iter().map(part).collect::<Vec<_>>().join(", "))
            }
        };
        if self.grains.is_empty() {
            return cut;
        }
        let grains: Vec<&str> = self.grains.iter().map(|grain| grain_name(*grain)).collect();
        format!("{cut}, {}", grains.join(", "))
    }
}

fn dimensions(project: &Project) -> Vec<String> {
    project.cube_root().map(|root| root.dimensions.iter().map(|name| name.value.clone()).collect()).unwrap_or_default()
}
