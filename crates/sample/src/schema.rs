//! The tables of the canonical model, column by column, as the generator writes them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Every table of a generated lake.
pub static TABLES: [&Table; 20] = [
    &ACCOUNTS,
    &CONTACTS,
    &CAMPAIGNS,
    &CONTENTS,
    &OWNERS,
    &TOUCHPOINTS,
    &AD_STATS,
    &CAMPAIGN_TARGETS,
    &OPPORTUNITIES,
    &OPPORTUNITY_STAGES,
    &ACCOUNT_STAGES,
    &CONTRACTS,
    &REVENUE,
    &SPEND,
    &STAFF,
    &SURVEYS,
    &ACCOUNT_HEALTH,
    &FOLLOW_UPS,
    &TARGETS,
    &FX_RATES,
];

/// A table of the lake: its name, how its files are laid out, its key and its columns.
#[derive(Debug)]
pub struct Table {
    /// Folder name under the lake's prefix.
    pub name: &'static str,
    /// How the folder is partitioned.
    pub layout: Layout,
    /// Columns that identify a row within one snapshot, or within all partitions of an event table.
    /// Empty where the model defines no key.
    pub key: &'static [&'static str],
    /// Columns in file order.
    pub columns: &'static [Column],
}

/// How a table's folder is partitioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A full copy per day: `<table>/dt=YYYY-MM-DD/`.
    Snapshot,
    /// Facts of one month: `<table>/ym=YYYY-MM/`.
    Events,
}

/// One column: name, type and whether it may be null.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name, as in the model.
    pub name: &'static str,
    /// Type on disk.
    pub kind: ColumnKind,
    /// Whether a row may leave it empty.
    pub nullable: bool,
}

/// The types of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8 text.
    Text,
    /// A civil date.
    Date,
    /// Microseconds since the epoch, UTC.
    Instant,
    /// A 64-bit count.
    Count,
    /// A 64-bit float: money, shares, scores, durations.
    Number,
    /// True or false.
    Flag,
}

impl Table {
    /// The table's Arrow schema.
    #[must_use]
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| Field::new(column.name, column.kind.data_type(), column.nullable))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

impl ColumnKind {
    /// The Arrow type it is written as.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Count => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }
}

const fn column(name: &'static str, kind: ColumnKind) -> Column {
    Column { name, kind, nullable: false }
}
const fn text(name: &'static str) -> Column {
    column(name, ColumnKind::Text)
}
const fn date(name: &'static str) -> Column {
    column(name, ColumnKind::Date)
}
const fn instant(name: &'static str) -> Column {
    column(name, ColumnKind::Instant)
}
const fn count(name: &'static str) -> Column {
    column(name, ColumnKind::Count)
}
const fn number(name: &'static str) -> Column {
    column(name, ColumnKind::Number)
}
const fn flag(name: &'static str) -> Column {
    column(name, ColumnKind::Flag)
}

impl Column {
    const fn maybe(self) -> Self {
        Self { nullable: true, ..self }
    }
}

use Layout::{Events, Snapshot};

pub(crate) static ACCOUNTS: Table = Table {
    name: "accounts",
    layout: Snapshot,
    key: &["account_id"],
    columns: &[
        text("account_id"),
        text("name"),
        text("parent_account_id").maybe(),
        text("region").maybe(),
        text("country").maybe(),
        text("bu").maybe(),
        text("tier").maybe(),
        text("industry").maybe(),
        text("program"),
        text("program_style").maybe(),
        number("annual_revenue").maybe(),
        text("size_band").maybe(),
        text("owner_id"),
        number("potential_value").maybe(),
        text("currency"),
        date("listed_on").maybe(),
        date("delisted_on").maybe(),
        date("customer_since").maybe(),
    ],
};

pub(crate) static CONTACTS: Table = Table {
    name: "contacts",
    layout: Snapshot,
    key: &["contact_id"],
    columns: &[
        text("contact_id"),
        text("account_id"),
        text("function"),
        text("seniority"),
        text("country"),
        flag("at_headquarters"),
        flag("in_buying_committee"),
        text("buying_group").maybe(),
        flag("consent"),
        date("created_on"),
    ],
};

pub(crate) static CAMPAIGNS: Table = Table {
    name: "campaigns",
    layout: Snapshot,
    key: &["campaign_id"],
    columns: &[
        text("campaign_id"),
        text("name"),
        text("kind"),
        text("channel"),
        text("region").maybe(),
        text("bu").maybe(),
        text("tier").maybe(),
        date("signal_on").maybe(),
        date("briefed_on"),
        date("launched_on").maybe(),
        date("ended_on").maybe(),
    ],
};

pub(crate) static CONTENTS: Table = Table {
    name: "contents",
    layout: Snapshot,
    key: &["content_id"],
    columns: &[
        text("content_id"),
        text("title"),
        text("kind"),
        flag("premium"),
        date("produced_on"),
        text("region").maybe(),
        text("bu").maybe(),
    ],
};

pub(crate) static OWNERS: Table = Table {
    name: "owners",
    layout: Snapshot,
    key: &["owner_id"],
    columns: &[text("owner_id"), text("name"), text("role"), text("region"), text("bu")],
};

pub(crate) static TOUCHPOINTS: Table = Table {
    name: "touchpoints",
    layout: Events,
    key: &["touch_id"],
    columns: &[
        text("touch_id"),
        text("account_id"),
        text("contact_id").maybe(),
        instant("occurred_at"),
        text("channel"),
        text("kind"),
        text("direction"),
        text("campaign_id").maybe(),
        text("content_id").maybe(),
        number("duration_s").maybe(),
        number("consumed").maybe(),
        flag("requested"),
    ],
};

pub(crate) static AD_STATS: Table = Table {
    name: "ad_stats",
    layout: Events,
    key: &["day", "campaign_id", "account_id", "source"],
    columns: &[
        date("day"),
        text("campaign_id"),
        text("account_id").maybe(),
        text("source"),
        count("impressions"),
        count("clicks"),
        number("cost"),
        text("currency"),
    ],
};

pub(crate) static CAMPAIGN_TARGETS: Table = Table {
    name: "campaign_targets",
    layout: Events,
    key: &["campaign_id", "account_id"],
    columns: &[text("campaign_id"), text("account_id"), date("targeted_on")],
};

pub(crate) static OPPORTUNITIES: Table = Table {
    name: "opportunities",
    layout: Snapshot,
    key: &["opportunity_id"],
    columns: &[
        text("opportunity_id"),
        text("account_id"),
        text("owner_id"),
        text("kind"),
        text("origin"),
        flag("marketing_sourced"),
        text("stage"),
        flag("advanced"),
        number("amount"),
        number("tcv"),
        text("currency"),
        instant("created_at"),
        instant("qualified_at").maybe(),
        instant("closed_at").maybe(),
        flag("is_won").maybe(),
        date("expected_close_on").maybe(),
        number("probability").maybe(),
    ],
};

pub(crate) static OPPORTUNITY_STAGES: Table = Table {
    name: "opportunity_stages",
    layout: Events,
    key: &["opportunity_id", "stage"],
    columns: &[text("opportunity_id"), text("stage"), instant("entered_at")],
};

pub(crate) static ACCOUNT_STAGES: Table = Table {
    name: "account_stages",
    layout: Events,
    key: &["account_id", "stage", "entered_at"],
    columns: &[
        text("account_id"),
        text("stage"),
        instant("entered_at"),
        text("decision").maybe(),
        instant("decided_at").maybe(),
    ],
};

pub(crate) static CONTRACTS: Table = Table {
    name: "contracts",
    layout: Snapshot,
    key: &["contract_id"],
    columns: &[
        text("contract_id"),
        text("account_id"),
        text("opportunity_id").maybe(),
        date("start_on"),
        date("end_on"),
        number("tcv"),
        number("arr"),
        text("currency"),
        text("outcome").maybe(),
        flag("at_risk"),
        number("renewed_arr").maybe(),
    ],
};

pub(crate) static REVENUE: Table = Table {
    name: "revenue",
    layout: Events,
    key: &["account_id", "month", "kind"],
    columns: &[
        text("account_id"),
        date("month"),
        text("kind"),
        number("amount"),
        number("gross_margin"),
        text("currency"),
    ],
};

pub(crate) static SPEND: Table = Table {
    name: "spend",
    layout: Events,
    key: &[],
    columns: &[
        date("month"),
        text("category"),
        text("nature"),
        text("program"),
        text("campaign_id").maybe(),
        text("account_id").maybe(),
        text("region").maybe(),
        text("bu").maybe(),
        text("tier").maybe(),
        text("channel").maybe(),
        number("amount"),
        text("currency"),
    ],
};

pub(crate) static STAFF: Table = Table {
    name: "staff",
    layout: Events,
    key: &["month", "region", "bu", "program"],
    columns: &[date("month"), text("region"), text("bu"), text("program"), number("fte")],
};

pub(crate) static SURVEYS: Table = Table {
    name: "surveys",
    layout: Events,
    key: &["survey_id"],
    columns: &[
        text("survey_id"),
        text("kind"),
        text("account_id").maybe(),
        text("contact_id").maybe(),
        text("region").maybe(),
        text("bu").maybe(),
        number("score"),
        instant("answered_at"),
    ],
};

pub(crate) static ACCOUNT_HEALTH: Table = Table {
    name: "account_health",
    layout: Events,
    key: &["account_id", "day"],
    columns: &[text("account_id"), date("day"), number("score")],
};

pub(crate) static FOLLOW_UPS: Table = Table {
    name: "follow_ups",
    layout: Events,
    key: &["account_id", "signalled_at"],
    columns: &[text("account_id"), instant("signalled_at"), instant("responded_at").maybe(), text("owner_id").maybe()],
};

pub(crate) static TARGETS: Table = Table {
    name: "targets",
    layout: Snapshot,
    key: &["kpi", "period_grain", "period_start", "region", "bu", "tier", "industry", "program"],
    columns: &[
        text("kpi"),
        text("period_grain"),
        date("period_start").maybe(),
        text("region").maybe(),
        text("bu").maybe(),
        text("tier").maybe(),
        text("industry").maybe(),
        text("program").maybe(),
        number("target"),
    ],
};

pub(crate) static FX_RATES: Table = Table {
    name: "fx_rates",
    layout: Snapshot,
    key: &["day", "currency"],
    columns: &[date("day"), text("currency"), number("rate")],
};
