//! What a page can be about: a definition by kind and name.

use abmart_spec::Node;

use crate::words::Words;

/// Kinds of definition that have pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A job file.
    Job,
    /// A KPI.
    Kpi,
    /// A published table.
    Mart,
    /// A condition that is looked at in every run.
    Alert,
    /// Measures per entity and period.
    Fact,
    /// An explained score.
    Score,
    /// A multi-touch attribution.
    Attribution,
    /// What facts are per.
    Entity,
    /// A SQL or reference table.
    Table,
    /// A reduction of events.
    Rollup,
    /// A Parquet dataset.
    Source,
}

/// A definition by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub kind: Kind,
    pub name: String,
}

impl Kind {
    /// All of them, in the order in which readers of figures go from what they see to where it comes from.
    pub const ALL: &'static [Self] = &[
        Self::Job,
        Self::Kpi,
        Self::Mart,
        Self::Alert,
        Self::Fact,
        Self::Score,
        Self::Attribution,
        Self::Entity,
        Self::Table,
        Self::Rollup,
        Self::Source,
    ];

    /// The word for it in folders, anchors and classes.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Kpi => "kpi",
            Self::Mart => "mart",
            Self::Alert => "alert",
            Self::Fact => "fact",
            Self::Score => "score",
            Self::Attribution => "attribution",
            Self::Entity => "entity",
            Self::Table => "table",
            Self::Rollup => "rollup",
            Self::Source => "source",
        }
    }

    /// The page that lists all of the kind.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::Job => "jobs.html",
            Self::Kpi => "kpis.html",
            Self::Mart => "marts.html",
            Self::Alert => "alerts.html",
            Self::Fact => "facts.html",
            Self::Score => "scores.html",
            Self::Attribution => "attributions.html",
            Self::Entity => "entities.html",
            Self::Table => "tables.html",
            Self::Rollup => "rollups.html",
            Self::Source => "sources.html",
        }
    }

    pub(crate) fn noun(self) -> Words {
        match self {
            Self::Job => Words::new("job", "job"),
            Self::Kpi => Words::new("KPI", "KPI"),
            Self::Mart => Words::new("mart", "mart"),
            Self::Alert => Words::new("alert", "alerte"),
            Self::Fact => Words::new("fact", "fait"),
            Self::Score => Words::new("score", "score"),
            Self::Attribution => Words::new("attribution", "attribution"),
            Self::Entity => Words::new("entity", "entité"),
            Self::Table => Words::new("table", "table"),
            Self::Rollup => Words::new("rollup", "agrégat"),
            Self::Source => Words::new("source", "source"),
        }
    }

    pub(crate) fn plural(self) -> Words {
        match self {
            Self::Job => Words::new("Jobs", "Jobs"),
            Self::Kpi => Words::new("KPIs", "KPI"),
            Self::Mart => Words::new("Marts", "Marts"),
            Self::Alert => Words::new("Alerts", "Alertes"),
            Self::Fact => Words::new("Facts", "Faits"),
            Self::Score => Words::new("Scores", "Scores"),
            Self::Attribution => Words::new("Attributions", "Attributions"),
            Self::Entity => Words::new("Entities", "Entités"),
            Self::Table => Words::new("Tables", "Tables"),
            Self::Rollup => Words::new("Rollups", "Agrégats"),
            Self::Source => Words::new("Sources", "Sources"),
        }
    }

    /// What the kind is, in a sentence for those who do not know the word.
    pub(crate) fn meaning(self) -> Words {
        match self {
            Self::Job => Words::new(
                "A job is a file that holds the definitions of one family of KPIs.",
                "Un job est un fichier qui contient les définitions d’une famille de KPI.",
            ),
            Self::Kpi => Words::new(
                "A KPI is one formula, evaluated at every cut and period. Ratios are a sum divided by a sum, never a mean of ratios.",
                "Un KPI est une formule, évaluée pour chaque coupe et chaque période. Un ratio est une somme divisée par une somme, jamais une moyenne de ratios.",
            ),
            Self::Mart => Words::new(
                "A mart is a published table, ready for tools of business intelligence.",
                "Un mart est une table publiée, prête pour les outils de BI.",
            ),
            Self::Alert => Words::new(
                "An alert is a condition that is looked at in every run, with what is to be done.",
                "Une alerte est une condition vérifiée à chaque exécution, avec l’action à mener.",
            ),
            Self::Fact => Words::new(
                "A fact holds measures of every member of an entity in every period.",
                "Un fait contient des mesures pour chaque membre d’une entité et chaque période.",
            ),
            Self::Score => Words::new(
                "A score adds up weighted components and shows what it is made of.",
                "Un score additionne des composantes pondérées et montre de quoi il est fait.",
            ),
            Self::Attribution => Words::new(
                "An attribution divides the credit for conversions among the touches that came before them.",
                "Une attribution répartit le crédit des conversions entre les contacts qui les ont précédées.",
            ),
            Self::Entity => Words::new(
                "An entity is what facts are measured per: an account, a person, an opportunity.",
                "Une entité est ce pour quoi les faits sont mesurés : un compte, une personne, une opportunité.",
            ),
            Self::Table => Words::new(
                "A table is a query over sources, rollups and other tables, or reference data of the project.",
                "Une table est une requête sur des sources, des agrégats et d’autres tables, ou des données de référence du projet.",
            ),
            Self::Rollup => Words::new(
                "A rollup reduces a large source of events file by file.",
                "Un agrégat réduit une grande source d’événements, fichier par fichier.",
            ),
            Self::Source => Words::new(
                "A source is a dataset of the lake with a contract: columns, types, keys and checks.",
                "Une source est un jeu de données du lac avec un contrat : colonnes, types, clés et contrôles.",
            ),
        }
    }
}

impl Key {
    pub fn new(kind: Kind, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }

    /// The definition as the graph knows it; a job is no part of the graph.
    pub fn node(&self) -> Option<Node> {
        let node = match self.kind {
            Kind::Job => return None,
            Kind::Kpi => Node::Kpi,
            Kind::Mart => Node::Mart,
            Kind::Alert => Node::Alert,
            Kind::Fact => Node::Fact,
            Kind::Score => Node::Score,
            Kind::Attribution => Node::Attribution,
            Kind::Entity => Node::Entity,
            Kind::Table => Node::Table,
            Kind::Rollup => Node::Rollup,
            Kind::Source => Node::Source,
        };
        Some(node(self.name.clone()))
    }
}

impl From<&Node> for Key {
    fn from(node: &Node) -> Self {
        let kind = match node {
            Node::Source(_) => Kind::Source,
            Node::Rollup(_) => Kind::Rollup,
            Node::Table(_) => Kind::Table,
            Node::Entity(_) => Kind::Entity,
            Node::Fact(_) => Kind::Fact,
            Node::Score(_) => Kind::Score,
            Node::Attribution(_) => Kind::Attribution,
            Node::Kpi(_) => Kind::Kpi,
            Node::Alert(_) => Kind::Alert,
            Node::Mart(_) => Kind::Mart,
        };
        Self::new(kind, node.name())
    }
}
