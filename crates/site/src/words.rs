//! What the pages say in their own words, in English and French side by side; the style sheet shows one of them.

use abmart_spec::model::Title;
use maud::{Markup, Render, html};

/// One thing said in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub en: String,
    pub fr: String,
}

impl Words {
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { en: en.into(), fr: fr.into() }
    }

    /// A word that both languages share, or a name.
    pub fn same(word: impl Into<String>) -> Self {
        let word = word.into();
        Self { fr: word.clone(), en: word }
    }
}

impl From<&Title> for Words {
    fn from(title: &Title) -> Self {
        Self::new(title.en.clone(), title.fr.clone())
    }
}

impl Render for Words {
    fn render(&self) -> Markup {
        if self.en == self.fr {
            return html! { (self.en) };
        }
        html! { span.en lang="en" { (self.en) } span.fr lang="fr" { (self.fr) } }
    }
}

/// Text of a definition, which definitions have in English only.
pub(crate) fn english(text: &str) -> Markup {
    html! { span lang="en" { (text.trim()) } }
}
