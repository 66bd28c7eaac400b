//! The KPI catalogue: every published KPI as a reader of figures wants to know it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::contracts::cell;
use crate::graph::{Graph, Node};
use crate::model::{Benchmark, Better, Grain, Job, Kpi, Literal, Project, TableBody, Unit};

/// The KPI catalogue (`docs/kpis.md`), in Markdown: the KPIs job by job, in the order of the files, each with its
/// titles, formula, unit, benchmark and the sources that it is made from. Building blocks that no mart shows are left
/// out.
#[must_use]
pub fn kpi_markdown(project: &Project) -> String {
    let graph = project.graph();
    let mut text = INTRODUCTION.to_owned();
    overview(project, &mut text);
    for job in project.jobs.values() {
        let kpis = published(project, job);
        if kpis.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {}\n\n", job.title.en);
        if job.title.fr != job.title.en {
            let _ = write!(text, "*{}.* ", job.title.fr);
        }
        let _ = writeln!(text, "{} Defined in the job `{}`.", job.description.trim(), job.name);
        for kpi in kpis {
            entry(project, &graph, kpi, &mut text);
        }
    }
    text
}

fn published<'a>(project: &'a Project, job: &Job) -> Vec<&'a Kpi> {
    project.kpis.values().filter(|kpi| kpi.published && kpi.job == job.name).collect()
}

fn overview(project: &Project, text: &mut String) {
    text.push_str("\n| KPI | title | unit | better | reviewed | read by |\n|---|---|---|---|---|---|\n");
    for kpi in project.jobs.values().flat_map(|job| published(project, job)) {
        let _ = writeln!(
            text,
            "| [`{name}`](#{name}) | {} | {} | {} | {} | {} |",
            cell(&kpi.title.en),
            kpi.unit.name(),
            better(kpi.better),
            kpi.cadence,
            kpi.level.join(", "),
            name = kpi.name,
        );
    }
}

fn entry(project: &Project, graph: &Graph, kpi: &Kpi, text: &mut String) {
    let _ = write!(text, "\n### `{}`\n\n**{}** · *{}*\n\n", kpi.name, kpi.title.en, kpi.title.fr);
    let _ = writeln!(text, "{}\n", kpi.description.trim());
    let _ = writeln!(text, "```sql\n{}\n```\n", kpi.formula.text.trim());
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "- {name}: {value}");
    };
    line("unit", format!("{}; {} is better", unit_in_words(kpi.unit), better(kpi.better)));
    line("read by", format!("{}; reviewed {}", kpi.level.join(", "), kpi.cadence));
    line("owner", format!("{}; version {}, {}", kpi.owner, kpi.version, if kpi.core { "core" } else { "local" }));
    line("programme styles", kpi.styles.join(", "));
    if let Some(limits) = kpi.benchmark {
        line("benchmark", limits_in_words(limits, kpi.better));
    }
    for scoped in scoped_benchmarks(project, &kpi.name) {
        line("benchmark", scoped);
    }
    let upstream = graph.closure([Node::Kpi(kpi.name.clone())]);
    if let Some(grains) = grains(project, kpi, &upstream) {
        line("periods", grains);
    }
    if let Some(dimension) = &kpi.compares {
        line("cuts", format!("compares the values of `{0}` and so has no value where `{0}` is cut", dimension.value));
    }
    if !kpi.cuts.is_empty() {
        let cuts: Vec<String> = kpi.cuts.iter().map(|dimension| format!("`{}`", dimension.value)).collect();
        line("cuts", format!("can be cut by {} and has no value where another dimension is cut", cuts.join(", ")));
    }
    if let Some(mature) = &kpi.mature {
        line("over mature members only", format!("`{}`", mature.text.trim()));
    }
    let sources = upstream.iter().filter(|node| matches!(node, Node::Source(_))).map(Node::name);
    let sources: BTreeSet<&str> = sources.collect();
    line("made from", sources.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
}

/// The grains that a KPI exists at, where not all: named by it or limited by the facts that it is made of.
fn grains(project: &Project, kpi: &Kpi, upstream: &[Node]) -> Option<String> {
    if !kpi.grains.is_empty() {
        return Some(kpi.grains.iter().map(|grain| grain_name(*grain)).collect::<Vec<_>>().join(", "));
    }
    let facts = upstream.iter().filter_map(|node| match node {
        Node::Fact(name) => project.facts.get(name),
        _ => None,
    });
    facts.filter_map(|fact| fact.grain).max().map(|grain| format!("{} and coarser", grain_name(grain)))
}

/// The rows of the project's table of benchmarks that are about a KPI, in words.
fn scoped_benchmarks(project: &Project, kpi: &str) -> Vec<String> {
    let table = project.settings.benchmarks.as_ref().and_then(|name| project.tables.get(&name.value));
    let Some(TableBody::Rows { columns, rows, .. }) = table.map(|table| &table.body) else { return Vec::new() };
    let about = columns.get_index_of("kpi");
    let mine = rows.iter().filter(|row| {
        about.and_then(|index| row.get(index)).is_some_and(|value| *value == Literal::String(kpi.to_owned()))
    });
    mine.map(|row| {
        let given = columns.keys().zip(row).filter(|(name, _)| *name != "kpi" && *name != "source");
        let facts: Vec<String> =
            given.filter_map(|(name, value)| Some(format!("{name} {}", literal(value)?))).collect();
        let source = columns.get_index_of("source").and_then(|index| row.get(index)).and_then(literal);
        match source {
            Some(source) => format!("{} ({source})", facts.join(", ")),
            None => facts.join(", "),
        }
    })
    .collect()
}

fn literal(value: &Literal) -> Option<String> {
    match value {
        Literal::Null => None,
        Literal::Boolean(flag) => Some(flag.to_string()),
        Literal::Integer(number) => Some(number.to_string()),
        Literal::Number(number) => Some(number.to_string()),
        Literal::String(text) => Some(text.clone()),
    }
}

fn limits_in_words(limits: Benchmark, better: Better) -> String {
    let (good, bad) = match better {
        Better::Higher => ("from", "below"),
        Better::Lower => ("up to", "above"),
    };
    let named = [("alarm", bad, limits.alarm), ("healthy", good, limits.healthy), ("strong", good, limits.strong)];
    let known = named.into_iter().filter_map(|(name, word, limit)| Some(format!("{name} {word} {}", limit?)));
    known.collect::<Vec<_>>().join(", ")
}

fn unit_in_words(of: Unit) -> String {
    match of {
        Unit::Percent => "percent, stored as a fraction".to_owned(),
        Unit::Money => "money, in the reporting currency".to_owned(),
        other => other.name().to_owned(),
    }
}

fn better(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

fn grain_name(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Quarter => "quarter",
        Grain::Year => "year",
        Grain::FiscalQuarter => "fiscal quarter",
        Grain::FiscalYear => "fiscal year",
    }
}

const INTRODUCTION: &str = "\
# KPIs

Every KPI that the shipped jobs publish. This page is made from the definitions in `jobs/`; the mart `kpi_catalog` holds
the same for business intelligence.

What holds for all of them:

- A ratio is the sum of its numerators divided by the sum of its denominators at every cut, never a mean of ratios. Where
  the divisor is 0 there is no value.
- Accounts where nothing happened count: facts have a row for every account in every period.
- A period that is not over holds what happened up to `as_of` and is marked `partial`.
- Money is converted to the reporting currency at the rate of the row's own day before it is added up.
- Dimensions are those of the period's end, unless the pipeline says `dimensions: restated`.

In a formula, `fact.measure` is a measure of the jobs' `facts`, a bare name another KPI; [language.md](language.md) tells
the rest.
";
