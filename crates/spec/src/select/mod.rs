//! Which definitions are meant: `+kpi:win_rate`, `job:engagement`, `tag:core,kpi:*_rate`.
//!
//! ```text
//! "2+kpi:*_rate,tag:core" ── parse ──▶ Selector ─┐
//!                                                ├─ select ──▶ nodes of the graph
//!                                    Project ────┘
//! ```
//!
//! The grammar is that of dbt's node selection. A word is a method and a pattern, `kpi:win_rate`; without a method the
//! pattern is a name of any kind. `+` before a word adds all that it needs, `+` behind it all that needs it, a number
//! beside the `+` is how far; `@` adds what needs it with all that those need. A comma between words leaves what both
//! select, a blank puts together what either selects.

mod graph;
mod parse;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::graph::Node;
use crate::model::Project;

pub use parse::Selector;
pub use words::tags;

use graph::Reachable;
use parse::{Reach, Word};

/// The definitions that any of `selectors` selects and none of `exclude`. No selectors at all select everything.
///
/// # Errors
///
/// A finding for each word that selects nothing by itself, for then it is mistyped. Words that have nothing in common
/// are in order.
pub fn select(
    project: &Project,
    selectors: &[Selector],
    exclude: &[Selector],
) -> Result<BTreeSet<Node>, Vec<Diagnostic>> {
    let scene = Scene { project, reachable: Reachable::new(&project.graph()) };
    let mut findings = Vec::new();
    let chosen: BTreeSet<Node> = if selectors.is_empty() {
        scene.reachable.nodes().cloned().collect()
    } else {
        scene.union(selectors, &mut findings)
    };
    let excluded = scene.union(exclude, &mut findings);
    if findings.is_empty() { Ok(chosen.difference(&excluded).cloned().collect()) } else { Err(findings) }
}

/// What words are looked up in.
struct Scene<'a> {
    project: &'a Project,
    reachable: Reachable,
}

impl Scene<'_> {
    fn union(&self, selectors: &[Selector], findings: &mut Vec<Diagnostic>) -> BTreeSet<Node> {
        let alternatives = selectors.iter().flat_map(|selector| &selector.alternatives);
        alternatives.flat_map(|words| self.intersection(words, findings)).collect()
    }

    fn intersection(&self, words: &[Word], findings: &mut Vec<Diagnostic>) -> BTreeSet<Node> {
        let selected = words.iter().map(|word| self.word(word, findings));
        selected.reduce(|both, one| both.intersection(&one).cloned().collect()).unwrap_or_default()
    }

    fn word(&self, word: &Word, findings: &mut Vec<Diagnostic>) -> BTreeSet<Node> {
        let meant: BTreeSet<Node> =
            self.reachable.nodes().filter(|node| words::selects(self.project, word, node)).cloned().collect();
        if meant.is_empty() {
            findings.push(words::unknown(self.project, word));
        }
        match word.reach {
            Reach::Around { needs, dependents } => {
                let mut selected = self.reachable.needs(&meant, needs);
                selected.extend(self.reachable.dependents(&meant, dependents));
                selected
            }
            Reach::Closed => {
                let dependents = self.reachable.dependents(&meant, usize::MAX);
                self.reachable.needs(&dependents, usize::MAX)
            }
        }
    }
}
