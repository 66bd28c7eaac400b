//! What is defined, under which name, and where.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::model::Spanned;

/// The kinds of definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Job,
    Entity,
    Source,
    Rollup,
    Table,
    Fact,
    Score,
    Attribution,
    Kpi,
    Alert,
    Mart,
    Delivery,
    Pipeline,
}

impl Kind {
    pub const RELATIONS: &'static [Self] = &[Self::Source, Self::Rollup, Self::Table];
    pub const FACTS: &'static [Self] = &[Self::Fact, Self::Score];
    const ALL: &'static [Self] = &[
        Self::Job,
        Self::Entity,
        Self::Source,
        Self::Rollup,
        Self::Table,
        Self::Fact,
        Self::Score,
        Self::Attribution,
        Self::Kpi,
        Self::Alert,
        Self::Mart,
        Self::Delivery,
        Self::Pipeline,
    ];

    /// The kind of a [`crate::graph::Node`], by the name that it gives its kind.
    pub fn of(kind: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.noun().eq_ignore_ascii_case(kind))
    }

    pub fn noun(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Entity => "entity",
            Self::Source => "source",
            Self::Rollup => "rollup",
            Self::Table => "table",
            Self::Fact => "fact",
            Self::Score => "score",
            Self::Attribution => "attribution",
            Self::Kpi => "KPI",
            Self::Alert => "alert",
            Self::Mart => "mart",
            Self::Delivery => "delivery",
            Self::Pipeline => "pipeline",
        }
    }

    /// `a source`, `an entity`.
    pub fn with_article(self) -> String {
        let article = if matches!(self, Self::Entity | Self::Attribution | Self::Alert) { "an" } else { "a" };
        format!("{article} {}", self.noun())
    }

    /// The kinds that a name of this kind must differ from, its own included.
    pub fn space(self) -> &'static [Self] {
        // SQL sees sources, rollups, tables and entities side by side.
        const SQL: &[Kind] = &[Kind::Entity, Kind::Source, Kind::Rollup, Kind::Table];
        match self {
            Self::Entity | Self::Source | Self::Rollup | Self::Table => SQL,
            Self::Fact | Self::Score => Self::FACTS,
            Self::Job => &[Self::Job],
            Self::Attribution => &[Self::Attribution],
            Self::Kpi => &[Self::Kpi],
            Self::Alert => &[Self::Alert],
            Self::Mart => &[Self::Mart],
            Self::Delivery => &[Self::Delivery],
            Self::Pipeline => &[Self::Pipeline],
        }
    }
}

/// Tables that the engine makes for marts.
pub(crate) const ENGINE_TABLES: &[&str] = &[
    "kpi_values",
    "kpi_wide",
    "kpi_catalog",
    "kpi_changes",
    "alerts",
    "actions",
    "score_bands",
    "cuts",
    "data_quality",
];

/// All defined names, those of incomplete definitions included.
#[derive(Debug, Default)]
pub(crate) struct Names {
    places: BTreeMap<(Kind, String), Span>,
    /// Dimensions where they are keys of a map, whose places the definitions do not keep.
    pub dimensions: Vec<Spanned<String>>,
}

impl Names {
    /// Notes a definition; false, with a report, if the name is taken.
    pub fn register(&mut self, kind: Kind, name: &Spanned<String>, diagnostics: &mut Vec<Diagnostic>) -> bool {
        let value = &name.value;
        if kind.space().contains(&Kind::Source) && ENGINE_TABLES.contains(&value.as_str()) {
            diagnostics.push(
                Diagnostic::error("reserved-name", format!("`{value}` is the name of a table that the engine makes"))
                    .at(name.span)
                    .help("another name can stand beside it in the SQL of a mart"),
            );
        }
        for other in kind.space() {
            let Some(place) = self.place(*other, value) else {
                continue;
            };
            if *other == kind && place.file == name.span.file {
                // Twice in one map of one file: the grammar reports the repeated key.
                return false;
            }
            let message = if *other == kind {
                format!("{} `{value}` is defined twice", kind.noun())
            } else {
                format!("`{value}` is the name of both {} and {}", other.with_article(), kind.with_article())
            };
            diagnostics.push(
                Diagnostic::error("duplicate-definition", message)
                    .at(name.span)
                    .label(place, "first defined here")
                    .help("a name is defined once in the whole project"),
            );
            return false;
        }
        self.places.insert((kind, value.clone()), name.span);
        true
    }

    pub fn has(&self, kinds: &[Kind], name: &str) -> bool {
        kinds.iter().any(|kind| self.place(*kind, name).is_some())
    }

    pub fn place(&self, kind: Kind, name: &str) -> Option<Span> {
        self.places.get(&(kind, name.to_owned())).copied()
    }

    /// The names of some kinds.
    pub fn of<'a>(&'a self, kinds: &'a [Kind]) -> impl Iterator<Item = &'a str> {
        self.places.keys().filter(|(kind, _)| kinds.contains(kind)).map(|(_, name)| name.as_str())
    }

    /// What may have been meant by an unknown name: a near one, or the same name of another kind.
    pub fn hint(&self, kinds: &[Kind], name: &str) -> Option<String> {
        let other = Kind::ALL.iter().find(|kind| !kinds.contains(kind) && self.place(**kind, name).is_some());
        if let Some(other) = other {
            return Some(format!("`{name}` is {}", other.with_article()));
        }
        did_you_mean(name, self.of(kinds)).map(|near| format!("did you mean `{near}`?"))
    }

    /// An unknown name of some kinds, the first of which names the code.
    pub fn unknown(&self, kinds: &[Kind], name: &Spanned<String>) -> Diagnostic {
        let (code, noun) = match kinds {
            [Kind::Entity, ..] => ("unknown-entity", "entity"),
            [Kind::Source] => ("unknown-source", "source"),
            [Kind::Fact, ..] => ("unknown-fact", "fact"),
            [Kind::Kpi, ..] => ("unknown-kpi", "KPI"),
            [Kind::Alert, ..] => ("unknown-alert", "alert"),
            [Kind::Mart, ..] => ("unknown-mart", "mart"),
            [Kind::Pipeline, ..] => ("unknown-pipeline", "pipeline"),
            _ => ("unknown-table", "source, rollup or table"),
        };
        let article = if noun.starts_with(['a', 'e']) { "an" } else { "a" };
        Diagnostic::error(code, format!("`{}` is not {article} {noun} of the project", name.value))
            .at(name.span)
            .maybe_help(self.hint(kinds, &name.value))
    }
}
