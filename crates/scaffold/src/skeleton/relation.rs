//! What is known of sources, rollups and tables without computing anything.

use abmart_spec::diagnostic::Diagnostic;
use abmart_spec::model::{Column, ColumnType, SourceKind, TableBody};
use abmart_spec::{Node, Project};

use super::unknown;

/// A source, rollup or table.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub node: Node,
    /// Its columns; none where only the engine knows.
    pub columns: Option<Vec<Field>>,
    pub key: Vec<String>,
    /// The column that says when a row happened.
    pub time: Option<String>,
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub name: String,
    /// Its type, where declared.
    pub ty: Option<ColumnType>,
    pub nullable: bool,
    /// What its contract says of it, if anything.
    pub description: String,
    /// The aggregate of a rollup that it is (`sum`).
    pub aggregate: Option<String>,
}

impl Relation {
    /// All relations: rollups, events, tables with a time, snapshots, other tables. The first are the likeliest to be
    /// measured.
    pub fn all(project: &Project) -> Vec<Self> {
        let names = project.rollups.keys().chain(project.sources.keys()).chain(project.tables.keys());
        let mut all: Vec<Self> = names.filter_map(|name| Self::find(project, name)).collect();
        all.sort_by_key(|relation| match (&relation.node, &relation.time) {
            (Node::Rollup(_), Some(_)) => 0,
            (Node::Source(_), Some(_)) => 1,
            (Node::Table(_), Some(_)) => 2,
            (Node::Source(_), None) => 3,
            _ => 4,
        });
        all
    }

    /// The relation of a name.
    pub fn named(project: &Project, name: &str) -> Result<Self, Box<Diagnostic>> {
        let known = project.sources.keys().chain(project.rollups.keys()).chain(project.tables.keys());
        Self::find(project, name)
            .ok_or_else(|| unknown("a source, rollup or table", name, known.map(String::as_str)).boxed())
    }

    fn find(project: &Project, name: &str) -> Option<Self> {
        if let Some(source) = project.sources.get(name) {
            let time = source.time.as_ref().filter(|_| source.kind == SourceKind::Events);
            return Some(Self {
                node: Node::Source(name.to_owned()),
                columns: Some(source.columns.values().map(Field::of).collect()),
                key: source.key.iter().map(|column| column.value.clone()).collect(),
                time: time.map(|time| time.value.clone()),
            });
        }
        if let Some(rollup) = project.rollups.get(name) {
            let by = rollup.by.keys().map(|name| Field::untyped(name, None));
            let measures = rollup.measures.iter().map(|(name, sql)| {
                let aggregate = sql.text.split('(').next().unwrap_or_default().trim().to_lowercase();
                Field::untyped(name, Some(aggregate))
            });
            let bucket = rollup.by.iter().find(|(_, sql)| sql.text.trim_start().starts_with("bucket("));
            return Some(Self {
                node: Node::Rollup(name.to_owned()),
                columns: Some(by.chain(measures).collect()),
                key: rollup.by.keys().cloned().collect(),
                time: bucket.map(|(name, _)| name.clone()),
            });
        }
        let table = project.tables.get(name)?;
        let columns = match &table.body {
            TableBody::Rows { columns, .. } => Some(columns.values().map(Field::of).collect()),
            TableBody::Sql(_) | TableBody::Attribution { .. } => None,
        };
        Some(Self {
            node: Node::Table(name.to_owned()),
            columns,
            key: table.key.iter().map(|column| column.value.clone()).collect(),
            time: table.time.as_ref().map(|time| time.value.clone()),
        })
    }

    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// Whether it has a column; none where only the engine knows.
    pub fn has(&self, column: &str) -> Option<bool> {
        self.columns.as_ref().map(|columns| columns.iter().any(|field| field.name == column))
    }

    /// `a, b, c`, or `*`.
    pub fn projection(&self) -> String {
        match &self.columns {
            Some(columns) => columns.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", "),
            None => "*".to_owned(),
        }
    }

    /// The column by which rows that have none declared happened: a timestamp or date that is never null, else any.
    pub fn likely_time(&self) -> Option<&str> {
        let of = |ty: ColumnType, nullable: bool| {
            let columns = self.columns.iter().flatten();
            let fit = |field: &&Field| field.ty == Some(ty) && field.nullable == nullable;
            columns.filter(fit).map(|field| field.name.as_str()).next()
        };
        let (at, on) = (ColumnType::Timestamp, ColumnType::Date);
        of(at, false).or_else(|| of(on, false)).or_else(|| of(at, true)).or_else(|| of(on, true))
    }
}

impl Field {
    fn of(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            ty: Some(column.ty),
            nullable: column.nullable,
            description: column.description.clone(),
            aggregate: None,
        }
    }

    fn untyped(name: &str, aggregate: Option<String>) -> Self {
        Self { name: name.to_owned(), ty: None, nullable: false, description: String::new(), aggregate }
    }
}
