//! Attributions.

use std::collections::BTreeMap;

use crate::decode::Kind;
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::model::{Attribution, AttributionModel, CONVERTED_AT, ModelKind, Spanned};

use super::Resolver;

/// How far from 1 the sum of weights may be: what decimal fractions lose in binary.
const ROUNDING: f64 = 1e-9;

/// Columns that the tables of every attribution have.
const OWN_COLUMNS: &[&str] = &[
    CONVERTED_AT,
    "channel",
    "channels",
    "conversion_value",
    "conversions",
    "first_at",
    "last_at",
    "model",
    "path",
    "steps",
    "touched_at",
    "touches",
    "value",
];

impl Resolver<'_> {
    pub(super) fn attributions(&mut self) {
        let project = self.project;
        for attribution in project.attributions.values() {
            match &attribution.per {
                Some(per) => {
                    self.known(&[Kind::Entity], per);
                }
                None if project.entities.is_empty() => self.report(
                    Diagnostic::error(
                        "unknown-entity",
                        "there is no entity whose touches and conversions belong together",
                    )
                    .at(attribution.span)
                    .help("define one under `entities` of a job"),
                ),
                None => {}
            }
            let (touches, conversions) = (&attribution.touches, &attribution.conversions);
            self.attribution_input(&touches.from, touches.time.as_ref());
            self.attribution_input(&conversions.from, conversions.time.as_ref());
            self.attribution_columns(attribution);
            self.attribution_channels(attribution);
            for (name, model) in &attribution.models {
                self.attribution_model(attribution, name, model);
            }
        }
    }

    /// An input exists once a run, and its rows have a time.
    fn attribution_input(&mut self, from: &Spanned<String>, time: Option<&Spanned<String>>) {
        if !self.known(Kind::RELATIONS, from) {
            return;
        }
        let table = self.project.tables.get(&from.value);
        self.of_whole_run(table, from.span, "journeys reach over many");
        if time.is_none() && !self.has_time(&from.value) {
            self.report(
                Diagnostic::error("missing-time", format!("nothing says when the rows of `{}` happened", from.value))
                    .at(from.span)
                    .help("`time: <column>`"),
            );
        }
    }

    /// What its tables show has different names.
    fn attribution_columns(&mut self, attribution: &Attribution) {
        let (touches, conversions) = (&attribution.touches, &attribution.conversions);
        let entity = self.project.attributed_entity(attribution);
        let mut known: BTreeMap<String, Option<Span>> =
            OWN_COLUMNS.iter().map(|name| ((*name).to_owned(), None)).collect();
        known.extend(entity.map(|entity| (entity.key.clone(), None)));
        let shown = [Some(&conversions.key), touches.campaign.as_ref()].into_iter().flatten();
        let shown = shown.chain(touches.key.iter().chain(&touches.show)).map(|name| (name.value.clone(), name.span));
        let models = attribution.models.iter().filter(|(_, model)| model.kind.per_conversion());
        let models = models.map(|(name, model)| (name.clone(), model.span));
        for (name, place) in shown.chain(models).collect::<Vec<_>>() {
            match known.get(&name) {
                Some(first) => {
                    let message =
                        format!("the tables of attribution `{}` would have two columns `{name}`", attribution.name);
                    let mut diagnostic = Diagnostic::error("duplicate-column", message).at(place);
                    if let Some(first) = first {
                        diagnostic = diagnostic.label(*first, "the other one");
                    }
                    self.report(diagnostic.help("a query in `tables` can give a column another name"));
                }
                None => {
                    known.insert(name, Some(place));
                }
            }
        }
    }

    /// A channel is in one group, and what is left out is no member of a group.
    fn attribution_channels(&mut self, attribution: &Attribution) {
        let mut groups: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
        for (group, members) in &attribution.channels {
            for member in members {
                if let Some((other, place)) = groups.insert(&member.value, (group, member.span)) {
                    let message = format!("channel `{}` is in two groups, `{other}` and `{group}`", member.value);
                    self.report(
                        Diagnostic::error("channel-in-two-groups", message)
                            .at(member.span)
                            .label(place, "the other one"),
                    );
                }
            }
        }
        for channel in &attribution.leave_out {
            if let Some((group, place)) = groups.get(channel.value.as_str())
                && !attribution.channels.contains_key(&channel.value)
            {
                let message =
                    format!("channel `{}` is taken for `{group}`, so that none is left to leave out", channel.value);
                self
                    .report(Diagnostic::error("channel-in-group", message).at(channel.span).label(*place, "here").help(
                    format!(
                        "`leave_out: [{group}]` leaves out the group; without `{}` in it the channel stands by itself",
                        channel.value
                    ),
                ));
            }
        }
    }

    fn attribution_model(&mut self, attribution: &Attribution, name: &str, model: &AttributionModel) {
        let ModelKind::Positions(weights) = &model.kind else { return };
        let milestones = &attribution.conversions.milestones;
        for (position, weight) in weights {
            if !matches!(position.as_str(), "first" | "middle" | "last") && !milestones.contains_key(position) {
                let known = ["first", "middle", "last"].into_iter().chain(milestones.keys().map(String::as_str));
                let help = match did_you_mean(position, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "`milestones: {{{position}: <column>}}` under `conversions` says when it was reached; \
                         without it the model cannot be used"
                    ),
                };
                self.report(
                    Diagnostic::error("unknown-milestone", format!("model `{name}` needs the milestone `{position}`"))
                        .at(model.span)
                        .help(help),
                );
            }
            if *weight < 0.0 {
                let message = format!("the weight of `{position}` is {weight}: credit is not taken away");
                self.report(Diagnostic::error("negative-weight", message).at(model.span));
            }
        }
        let sum: f64 = weights.values().sum();
        if (sum - 1.0).abs() > ROUNDING {
            // As it would be written: 0.9, not 0.8999999999999999.
            let sum = (sum * 1e9).round() / 1e9;
            self.report(
                Diagnostic::error("weights-do-not-sum-to-1", format!("the weights of model `{name}` add up to {sum}"))
                    .at(model.span)
                    .help("they are shares of the credit and add up to 1"),
            );
        }
    }
}
