//! The path template of a source: which object belongs to which day or month.

use jiff::ToSpan;
use jiff::civil::Date;

/// A path template: `touchpoints/ym={month}/*.parquet`.
#[derive(Debug, Clone)]
pub struct Layout {
    prefix: String,
    placeholder: Placeholder,
    suffix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Day,
    Month,
    None,
}

/// Days that an object's partition covers: `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    /// First day.
    pub start: Date,
    /// The day after the last one.
    pub end: Date,
}

impl Layout {
    /// Reads a template; it holds `{day}` or `{month}` at most once.
    #[must_use]
    pub fn parse(template: &str) -> Self {
        for (mark, placeholder) in [("{day}", Placeholder::Day), ("{month}", Placeholder::Month)] {
            if let Some((prefix, suffix)) = template.split_once(mark) {
                return Self { prefix: prefix.to_owned(), placeholder, suffix: suffix.to_owned() };
            }
        }
        let cut = template.find('*').unwrap_or(template.len());
        Self { prefix: template[..cut].to_owned(), placeholder: Placeholder::None, suffix: template[cut..].to_owned() }
    }

    /// The folder to list.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.prefix.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The key of a file of this name that holds rows of a day.
    #[must_use]
    pub fn key(&self, day: Date, name: &str) -> String {
        let label = match self.placeholder {
            Placeholder::Day => day.to_string(),
            Placeholder::Month => day.strftime("%Y-%m").to_string(),
            Placeholder::None => String::new(),
        };
        format!("{}{label}{}", self.prefix, self.suffix.replace('*', name))
    }

    /// The partition of an object, or `None` where its key does not match the template.
    #[must_use]
    pub fn partition(&self, key: &str) -> Option<Partition> {
        let rest = key.strip_prefix(&self.prefix)?;
        let length = match self.placeholder {
            Placeholder::Day => 10,
            Placeholder::Month => 7,
            Placeholder::None => 0,
        };
        let (label, tail) = rest.split_at_checked(length)?;
        if !matches_glob(&self.suffix, tail) {
            return None;
        }
        match self.placeholder {
            Placeholder::Day => {
                let start: Date = label.parse().ok()?;
                Some(Partition { start, end: start.saturating_add(1.day()) })
            }
            Placeholder::Month => {
                let start: Date = format!("{label}-01").parse().ok()?;
                Some(Partition { start, end: start.saturating_add(1.month()) })
            }
            Placeholder::None => Some(Partition { start: Date::MIN, end: Date::MAX }),
        }
    }
}

/// `*` stands for any run of characters without a slash.
fn matches_glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            let reach = text.find('/').unwrap_or(text.len());
            (0..=reach).filter(|at| text.is_char_boundary(*at)).any(|at| matches_glob(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("t/ym={month}/*.parquet", "t/ym=2026-10/part-0.parquet", Some((date(2026, 10, 1), date(2026, 11, 1))))]
    #[case("t/ym={month}/*.parquet", "t/ym=2026-13/part-0.parquet", None)]
    #[case("t/ym={month}/*.parquet", "t/ym=2026-10/x.csv", None)]
    #[case("t/ym={month}/*.parquet", "t/ym=2026-10/deeper/x.parquet", None)]
    #[case("a/dt={day}/*.parquet", "a/dt=2026-11-22/part-0.parquet", Some((date(2026, 11, 22), date(2026, 11, 23))))]
    #[case("a/dt={day}/*.parquet", "b/dt=2026-11-22/part-0.parquet", None)]
    fn a_key_belongs_to_a_partition(#[case] template: &str, #[case] key: &str, #[case] days: Option<(Date, Date)>) {
        let found = Layout::parse(template).partition(key);
        assert_eq!(found.map(|p| (p.start, p.end)), days);
    }

    #[rstest]
    #[case("t/ym={month}/*.parquet", "t/ym=2026-11/part-0.parquet")]
    #[case("a/dt={day}/*.parquet", "a/dt=2026-11-22/part-0.parquet")]
    #[case("a/*.parquet", "a/part-0.parquet")]
    fn a_day_has_a_key_in_its_own_partition(#[case] template: &str, #[case] key: &str) {
        let (layout, day) = (Layout::parse(template), date(2026, 11, 22));
        assert_eq!(layout.key(day, "part-0"), key);
        assert!(layout.partition(key).is_some_and(|days| days.start <= day && day < days.end));
    }
}
