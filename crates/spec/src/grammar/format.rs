//! Small formats inside scalars: names, currencies, time zones, windows, dates, path templates.

use crate::diagnostic::did_you_mean;
use crate::model::Window;

/// `90 days`, `12 months`.
pub(crate) fn window(text: &str) -> Option<Window> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: u16 = number.parse().ok().filter(|number| *number > 0)?;
    match unit.trim() {
        "day" | "days" => Some(Window::Days(number)),
        "month" | "months" => Some(Window::Months(number)),
        _ => None,
    }
}

/// A calendar day as `YYYY-MM-DD`.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// A point in time as `YYYY-MM-DD HH:MM:SS`, with `T` between the two or a fraction of a second.
pub(crate) fn is_timestamp(text: &str) -> bool {
    is_date(text) || (text.len() >= 16 && text.parse::<jiff::civil::DateTime>().is_ok())
}

/// Why a text cannot name a definition, of one that SQL reads or not: (code, what is wrong, what would be right).
pub(crate) fn name_problem(name: &str, in_sql: bool) -> Option<(&'static str, String, String)> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_lowercase());
    let rest = characters.all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_');
    if !first || !rest {
        return Some((
            "bad-name",
            format!("`{name}` cannot be a name"),
            "names are lower-case letters, digits and `_`, and begin with a letter".to_owned(),
        ));
    }
    (in_sql && is_sql_word(name)).then(|| {
        (
            "reserved-name",
            format!("`{name}` is a word of SQL and cannot be a name"),
            format!("a longer name such as `{name}_rows` can stand in SQL without quotes"),
        )
    })
}

/// Whether SQL reads a word, in lower case, as its own where a name could stand.
#[must_use]
pub fn is_sql_word(word: &str) -> bool {
    SQL_WORDS.contains(&word)
}

/// Why a text is no currency code, if so.
pub(super) fn currency_problem(code: &str) -> Option<String> {
    if CURRENCIES.contains(&code) {
        return None;
    }
    Some(match did_you_mean(code, CURRENCIES.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "an ISO 4217 code such as `EUR` or `USD`".to_owned(),
    })
}

/// Why a text is no time zone, if so.
pub(super) fn time_zone_problem(name: &str) -> Option<String> {
    let zones = || TIME_ZONES.lines();
    if zones().any(|zone| zone == name) {
        return None;
    }
    let city = |zone: &&str| zone.rsplit('/').next() == Some(name);
    Some(match zones().find(city).map(str::to_owned).or_else(|| did_you_mean(name, zones())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "an IANA name such as `UTC` or `Europe/Paris`".to_owned(),
    })
}

/// Why a text is no path template, if so.
pub(super) fn path_problem(path: &str) -> Option<String> {
    let mut rest = path;
    while let Some(open) = rest.find('{') {
        let placeholder = &rest[open..];
        if !placeholder.starts_with("{month}") && !placeholder.starts_with("{day}") {
            let end = placeholder.find('}').map_or(placeholder.len(), |end| end + 1);
            return Some(format!("`{}` is neither `{{month}}` nor `{{day}}`", &placeholder[..end]));
        }
        rest = &placeholder[1..];
    }
    (path.starts_with('/') || path.split('/').any(|part| part == ".."))
        .then(|| "the path is below the lake: it cannot begin with `/` or hold `..`".to_owned())
}

/// The names of the tz database.
const TIME_ZONES: &str = include_str!("time_zones.txt");

/// The active codes of ISO 4217 that money is paid in.
const CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC",
    "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS",
    "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD",
    "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD",
    "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD",
    "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

/// Words that SQL reads as its own where a name could stand.
const SQL_WORDS: &[&str] = &[
    "all",
    "and",
    "anti",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "cross",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "filter",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "right",
    "select",
    "semi",
    "set",
    "then",
    "true",
    "union",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("90 days", Some(Window::Days(90)))]
    #[case("1 month", Some(Window::Months(1)))]
    #[case("0 days", None)]
    #[case("90d", None)]
    #[case("2 weeks", None)]
    fn windows(#[case] text: &str, #[case] expected: Option<Window>) {
        assert_eq!(window(text), expected);
    }

    #[rstest]
    #[case("2026-02-28", true)]
    #[case("2026-02-29", false)]
    #[case("2026-2-3", false)]
    #[case("28.02.2026", false)]
    fn dates(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_date(text), expected);
    }

    #[rstest]
    #[case("EUR", None)]
    #[case("EURO", Some("did you mean `EUR`?"))]
    #[case("€", Some("an ISO 4217 code such as `EUR` or `USD`"))]
    fn currencies(#[case] code: &str, #[case] expected: Option<&str>) {
        assert_eq!(currency_problem(code).as_deref(), expected);
    }

    #[rstest]
    #[case("Europe/Paris", None)]
    #[case("UTC", None)]
    #[case("Paris", Some("did you mean `Europe/Paris`?"))]
    #[case("Europe/Pariss", Some("did you mean `Europe/Paris`?"))]
    fn time_zones(#[case] name: &str, #[case] expected: Option<&str>) {
        assert_eq!(time_zone_problem(name).as_deref(), expected);
    }

    #[rstest]
    #[case("touchpoints/ym={month}/*.parquet", None)]
    #[case("accounts/dt={day}/*.parquet", None)]
    #[case("accounts/{year}/*.parquet", Some("`{year}` is neither `{month}` nor `{day}`"))]
    #[case("../x/*.parquet", Some("the path is below the lake: it cannot begin with `/` or hold `..`"))]
    fn path_templates(#[case] path: &str, #[case] expected: Option<&str>) {
        assert_eq!(path_problem(path).as_deref(), expected);
    }
}
