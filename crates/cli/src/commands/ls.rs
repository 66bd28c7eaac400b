//! `abmart ls`.

use std::fmt::Write;

use abmart_spec::diagnostic::{Diagnostic, SourceMap};
use abmart_spec::select::tags;
use abmart_spec::{Node, Project, Selector, select};
use serde_json::{Value, json};

use crate::args::{Global, LsArgs};
use crate::exit::{Failure, config};
use crate::project;
use crate::text::print;

/// Lists the definitions that selectors select.
///
/// # Errors
/// When the project is wrong, or a selector is or selects nothing.
pub fn ls(global: &Global, args: &LsArgs) -> Result<(), Failure> {
    let project = project::read(global)?;
    let selected = chosen(&project, &args.select, &args.exclude)?;
    let rows: Vec<Row> = selected.iter().filter_map(|node| Row::of(&project, node)).collect();
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        let text = serde_json::to_string_pretty(&rows).map_err(config)?;
        return print(&format!("{text}\n"));
    }
    if rows.is_empty() {
        tracing::warn!("nothing is selected: the selectors have no definition in common, or all are excluded");
    }
    print(&table(&rows))
}

/// The definitions that selectors of a command line select; all mistakes in them at once.
///
/// # Errors
/// When a selector is wrong or names nothing.
pub fn chosen(
    project: &Project,
    selectors: &[String],
    exclude: &[String],
) -> Result<std::collections::BTreeSet<Node>, Failure> {
    let mut findings: Vec<Diagnostic> = Vec::new();
    let mut parse = |texts: &[String]| -> Vec<Selector> {
        let parsed = texts.iter().map(|text| Selector::parse(text));
        parsed.filter_map(|parsed| parsed.map_err(|finding| findings.push(*finding)).ok()).collect()
    };
    let (selectors, exclude) = (parse(selectors), parse(exclude));
    let failed = |findings: &[Diagnostic]| Failure::of_diagnostics(findings, &SourceMap::default());
    if findings.is_empty() {
        select(project, &selectors, &exclude).map_err(|findings| failed(&findings))
    } else {
        Err(failed(&findings))
    }
}

/// What is shown of a definition.
struct Row<'a> {
    kind: &'static str,
    name: String,
    job: &'a str,
    owner: &'a str,
    tags: Vec<&'a str>,
    file: String,
    line: usize,
}

impl<'a> Row<'a> {
    fn of(project: &'a Project, node: &Node) -> Option<Self> {
        let definition = project.definition(node)?;
        let (path, line, _) = project.files.position(definition.span)?;
        Some(Self {
            kind: node.kind(),
            name: node.name().to_owned(),
            job: definition.job,
            owner: definition.owner,
            tags: tags(project, node),
            file: path.to_string_lossy().into_owned(),
            line,
        })
    }

    fn json(&self) -> Value {
        json!({
            "kind": self.kind,
            "name": self.name,
            "job": self.job,
            "owner": self.owner,
            "tags": self.tags,
            "file": self.file,
            "line": self.line,
        })
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (kind, name, job) = (width(|row| row.kind.len()), width(|row| row.name.len()), width(|row| row.job.len()));
    let mut text = String::new();
    for row in rows {
        let _ =
            writeln!(text, "{:<kind$}  {:<name$}  {:<job$}  {}:{}", row.kind, row.name, row.job, row.file, row.line);
    }
    text
}
