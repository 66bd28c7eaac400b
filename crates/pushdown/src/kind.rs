//! The types that expressions have here.

use abmart_spec::model::ColumnType;

/// What kind of value an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text, compared byte by byte.
    Text,
    /// 64-bit integer.
    Whole,
    /// 64-bit float.
    Real,
    /// True or false.
    Flag,
    /// A calendar day.
    Day,
    /// A wall-clock time of the reporting time zone.
    Moment,
}

impl Kind {
    /// The kind of a contract's column.
    #[must_use]
    pub fn of(ty: ColumnType) -> Self {
        match ty {
            ColumnType::String => Self::Text,
            ColumnType::Integer => Self::Whole,
            ColumnType::Number | ColumnType::Money => Self::Real,
            ColumnType::Boolean => Self::Flag,
            ColumnType::Date => Self::Day,
            ColumnType::Timestamp => Self::Moment,
        }
    }

    /// The type's name in SQL.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Whole => "BIGINT",
            Self::Real => "DOUBLE",
            Self::Flag => "BOOLEAN",
            Self::Day => "DATE",
            Self::Moment => "TIMESTAMP",
        }
    }

    /// The word for it in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number",
            Self::Real => "a number",
            Self::Flag => "true or false",
            Self::Day => "a day",
            Self::Moment => "a timestamp",
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Whole | Self::Real)
    }

    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Moment)
    }
}

/// A name as SQL writes it, whatever it is made of.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL writes it. Spark reads backslashes as the beginning of an escape.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
