use std::collections::BTreeMap;
use std::fmt;

/// Variables of an environment, in which the clouds' own tools look for credentials and settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn of_process() -> Self {
        // What is not UTF-8 is no setting of any client.
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable that says something.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|text| !text.is_empty()).cloned()
    }

    /// Whether a variable says yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let yes = |text: String| ["1", "true", "yes", "on", "y", "t"].contains(&text.to_ascii_lowercase().as_str());
        self.text(name).is_some_and(yes)
    }

    /// The values of those of the variables that are set.
    pub(crate) fn texts(&self, names: &[&str]) -> Vec<String> {
        names.iter().filter_map(|name| self.text(name)).collect()
    }

    /// What variables whose names begin so are to a client: its keys, and their values.
    pub(crate) fn config<K: std::str::FromStr>(&self, prefix: &str) -> Vec<(K, String)> {
        let named = self.0.iter().filter(|(name, value)| name.starts_with(prefix) && !value.is_empty());
        named.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.clone()))).collect()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The values may be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
