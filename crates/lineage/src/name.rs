//! Definitions by name: `kpi:win_rate`, `mart:account_360.owner`, `touchpoints`.

use std::fmt;

use abmart_spec::Node;
use abmart_spec::diagnostic::did_you_mean;

use crate::{ColumnRef, Lineage};

/// The kinds of definitions, in the order of the data's way, with the word for several.
pub const KINDS: &[(&str, &str)] = &[
    ("source", "sources"),
    ("rollup", "rollups"),
    ("table", "tables"),
    ("entity", "entities"),
    ("attribution", "attributions"),
    ("fact", "facts"),
    ("score", "scores"),
    ("kpi", "KPIs"),
    ("alert", "alerts"),
    ("mart", "marts"),
];

/// The place of a kind among [`KINDS`].
#[must_use]
pub fn rank(node: &Node) -> usize {
    KINDS.iter().position(|(name, _)| *name == node.kind()).unwrap_or(KINDS.len())
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A definition.
    Definition(Node),
    /// One of its columns.
    Column(ColumnRef),
}

impl Target {
    /// The definition, of which it may be a column.
    #[must_use]
    pub fn definition(&self) -> &Node {
        match self {
            Self::Definition(node) => node,
            Self::Column(column) => &column.of,
        }
    }
}

/// Why a name stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is called so.
    Unknown {
        /// The name as given.
        name: String,
        /// What was meant, perhaps.
        near: Option<String>,
    },
    /// What stands before the colon is no kind.
    Kind {
        /// The kind as given.
        kind: String,
        /// What was meant, perhaps.
        near: Option<String>,
    },
    /// The definition has no such column.
    Column {
        /// The definition.
        of: Node,
        /// The column as given.
        column: String,
        /// What was meant, perhaps.
        near: Option<String>,
    },
    /// Several definitions are called so.
    Ambiguous {
        /// The name as given.
        name: String,
        /// The same with the kinds.
        candidates: Vec<String>,
    },
}

impl std::error::Error for NameError {}

impl fmt::Display for NameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suggest = |formatter: &mut fmt::Formatter<'_>, near: &Option<String>| match near {
            Some(near) => write!(formatter, "; did you mean `{near}`?"),
            None => Ok(()),
        };
        match self {
            Self::Unknown { name, near } => {
                write!(formatter, "`{name}` is not defined in this project")?;
                suggest(formatter, near)
            }
            Self::Kind { kind, near } => {
                let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                write!(formatter, "`{kind}` is no kind of definition; the kinds are {}", kinds.join(", "))?;
                suggest(formatter, near)
            }
            Self::Column { of, column, near } => {
                write!(formatter, "{} `{}` has no column `{column}`", of.kind(), of.name())?;
                suggest(formatter, near)
            }
            Self::Ambiguous { name, candidates } => {
                let candidates: Vec<String> = candidates.iter().map(|name| format!("`{name}`")).collect();
                write!(formatter, "`{name}` names several definitions: {}", candidates.join(" and "))
            }
        }
    }
}

/// Finds what `name`, `kind:name`, `name.column` or `kind:name.column` stands for. `<fact>_<measure>` of an entity, as marts
/// read it, is the measure.
pub(crate) fn find(lineage: &Lineage, text: &str) -> Result<Target, NameError> {
    let (wanted, rest) = match text.split_once(':') {
        Some((kind, rest)) => {
            if !KINDS.iter().any(|(name, _)| *name == kind) {
                let near = did_you_mean(kind, KINDS.iter().map(|(name, _)| *name));
                return Err(NameError::Kind { kind: kind.to_owned(), near });
            }
            (Some(kind), rest)
        }
        None => (None, text),
    };
    let (name, column) = match rest.split_once('.') {
        Some((name, column)) => (name, Some(column)),
        None => (rest, None),
    };
    let of_kind = |node: &&Node| wanted.is_none_or(|wanted| wanted == node.kind());
    let named: Vec<&Node> = lineage.nodes().filter(of_kind).filter(|node| node.name() == name).collect();
    let Some(first) = named.first() else {
        let names = lineage.nodes().filter(of_kind).map(Node::name);
        let near = did_you_mean(name, names).map(|near| match (wanted, column) {
            (Some(kind), _) => format!("{kind}:{near}"),
            (None, _) => near,
        });
        return Err(NameError::Unknown { name: text.to_owned(), near });
    };
    let found: Vec<Target> = match column {
        None => named.iter().map(|node| Target::Definition((*node).clone())).collect(),
        Some(column) => named.iter().filter_map(|node| with_column(lineage, node, column)).collect(),
    };
    match (&found[..], column) {
        ([one], _) => Ok(one.clone()),
        ([], Some(column)) => {
            let near = did_you_mean(column, lineage.columns(first));
            let near =
                near.map(|near| format!("{}{name}.{near}", wanted.map_or_else(String::new, |kind| format!("{kind}:"))));
            Err(NameError::Column { of: (*first).clone(), column: column.to_owned(), near })
        }
        _ => {
            let suffix = column.map_or_else(String::new, |column| format!(".{column}"));
            let candidates = found.iter().map(|target| format!("{}{suffix}", target.definition())).collect();
            Err(NameError::Ambiguous { name: text.to_owned(), candidates })
        }
    }
}

fn with_column(lineage: &Lineage, node: &Node, column: &str) -> Option<Target> {
    let own = ColumnRef::new(node.clone(), column);
    if lineage.has(&own) {
        return Some(Target::Column(own));
    }
    if !matches!(node, Node::Entity(_)) {
        return None;
    }
    let measured =
        |other: &&Node| matches!(other, Node::Fact(_) | Node::Score(_)) && lineage.needs(other).contains(node);
    lineage.nodes().filter(measured).find_map(|fact| {
        let measure = column.strip_prefix(fact.name())?.strip_prefix('_')?;
        let measure = ColumnRef::new(fact.clone(), measure);
        lineage.has(&measure).then_some(Target::Column(measure))
    })
}
