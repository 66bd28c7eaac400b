//! Local packs: what a region or business unit adds to the core.

use crate::diagnostic::{Diagnostic, Span};
use crate::model::{Pack, Spanned};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn packs(&mut self) {
        let project = self.project;
        let mut known: Vec<(&Pack, &str)> = Vec::new();
        for job in project.jobs.values() {
            let Some(pack) = &job.pack else { continue };
            for (dimension, value) in &pack.scope {
                self.dimension(&Spanned { value: dimension.clone(), span: value.span });
            }
            if let Some((first, name)) = known.iter().find(|(first, _)| first.prefix.value == pack.prefix.value) {
                self.report(
                    Diagnostic::error(
                        "prefix-taken",
                        format!("`{}` is the prefix of the pack `{name}` already", pack.prefix.value),
                    )
                    .at(pack.prefix.span)
                    .label(first.prefix.span, "first used here"),
                );
            }
            known.push((pack, &job.name));
            let begins = format!("{}_", pack.prefix.value);
            for (noun, name, place) in self.defined_in(&job.name) {
                if !name.starts_with(&begins) {
                    self.report(
                        Diagnostic::error(
                            "prefix-missing",
                            format!("{noun} `{name}` of the pack `{}` does not begin with `{begins}`", job.name),
                        )
                        .at(place)
                        .label(pack.prefix.span, "the pack's prefix")
                        .help(format!(
                            "for example `{begins}{name}`; core definitions keep the names without a prefix"
                        )),
                    );
                }
            }
        }
    }

    /// What a job defines: kind, name and place.
    fn defined_in(&self, job: &str) -> Vec<(&'static str, String, Span)> {
        let project = self.project;
        let mut found: Vec<(&'static str, String, Span)> = Vec::new();
        macro_rules! of {
            ($($noun:literal, $definitions:ident;)*) => {$(
                let mine = project.$definitions.values().filter(|definition| definition.job == job);
                found.extend(mine.map(|definition| ($noun, definition.name.clone(), definition.span)));
            )*};
        }
        of! {
            "entity", entities;
            "source", sources;
            "rollup", rollups;
            "table", tables;
            "fact", facts;
            "score", scores;
            "attribution", attributions;
            "KPI", kpis;
            "alert", alerts;
            "mart", marts;
        }
        found
    }
}
