//! The tables of an attribution.

use abmart_spec::model::{Attribution, AttributionPart, CONVERTED_AT, Spanned};

use super::{Definitions, Draft};
use crate::column::{How, Inputs};
use crate::relation::Relation;
use crate::sql::Reader;

impl Definitions<'_> {
    pub(super) fn attributed(&self, attribution: &Attribution, part: AttributionPart) -> Draft {
        let none = |_: &str| None;
        let mut reader = Reader::new(&none);
        let columns = Inward { definitions: self, attribution };
        let mut named: Inputs = columns.keys();
        named.add(columns.all());
        reader.note(&named);
        let mut relation = Relation::default();
        // Touches and conversions of one entity within the window are put together.
        relation.rows.add(columns.keys().then(How::Join));
        relation.rows.add(columns.times().then(How::Window));
        match part {
            AttributionPart::Credits => {
                relation.made(&["model"]);
                columns.conversion(&mut relation, "conversion_value");
                columns.tactic(&mut relation);
                relation.set("touches", columns.counted());
                columns.credit(&mut relation);
            }
            AttributionPart::Touches => {
                columns.conversion(&mut relation, "value");
                relation.set("touched_at", columns.touch_time());
                columns.tactic(&mut relation);
                for name in attribution.touches.key.iter().chain(&attribution.touches.show) {
                    relation.set(name.value.clone(), columns.touch(name));
                }
                for (name, _) in attribution.models.iter().filter(|(_, model)| model.kind.per_conversion()) {
                    relation.set(name.clone(), columns.share());
                }
                if let Some(detail) = &attribution.conversions.detail {
                    relation.rows.add(columns.of_conversion(detail).then(How::Filter));
                }
            }
            AttributionPart::Journeys => {
                columns.conversion(&mut relation, "value");
                for name in ["touches", "steps"] {
                    relation.set(name, columns.counted());
                }
                for name in ["first_at", "last_at"] {
                    relation.set(name, columns.touch_time().then(How::Aggregation));
                }
                for name in ["path", "channels"] {
                    relation.set(name, columns.path());
                }
            }
            AttributionPart::Channels => {
                relation.made(&["model"]);
                relation.set("channel", columns.touch(&attribution.touches.channel));
                columns.credit(&mut relation);
                for name in ["share", "weight"] {
                    relation.set(name, columns.share());
                }
                for name in ["touches", "touches_in_window", "journeys"] {
                    relation.set(name, columns.counted());
                }
            }
            AttributionPart::Models => {
                relation.made(&["model", "measure"]);
                for name in ["state", "next_state"] {
                    relation.set(name, columns.path());
                }
                for name in ["value", "n", "standard_error"] {
                    relation.set(name, columns.share());
                }
            }
        }
        Draft { relation, named: reader.named() }
    }
}

/// The columns that an attribution reads.
struct Inward<'a> {
    definitions: &'a Definitions<'a>,
    attribution: &'a Attribution,
}

impl Inward<'_> {
    fn touch(&self, name: &Spanned<String>) -> Inputs {
        self.definitions.column(&self.attribution.touches.from, &name.value)
    }

    fn of_conversion(&self, name: &Spanned<String>) -> Inputs {
        self.definitions.column(&self.attribution.conversions.from, &name.value)
    }

    fn entity_key(&self) -> Option<String> {
        self.definitions.project.attributed_entity(self.attribution).map(|entity| entity.key.clone())
    }

    /// The key of the entity on both sides.
    fn keys(&self) -> Inputs {
        let Some(key) = self.entity_key() else { return Inputs::default() };
        let inputs = self.attribution.reads().into_iter();
        inputs.map(|from| self.definitions.column(from, &key)).collect()
    }

    fn touch_time(&self) -> Inputs {
        self.time(&self.attribution.touches.from, self.attribution.touches.time.as_ref())
    }

    fn conversion_time(&self) -> Inputs {
        self.time(&self.attribution.conversions.from, self.attribution.conversions.time.as_ref())
    }

    fn time(&self, from: &Spanned<String>, given: Option<&Spanned<String>>) -> Inputs {
        let time = given.map(|time| time.value.clone()).or_else(|| self.definitions.time_of(&from.value));
        time.map(|time| self.definitions.column(from, &time)).unwrap_or_default()
    }

    fn times(&self) -> Inputs {
        [self.touch_time(), self.conversion_time()].into_iter().collect()
    }

    /// Everything that is named, as it is.
    fn all(&self) -> Inputs {
        let both =
            |name: &Spanned<String>| [self.touch(name), self.of_conversion(name)].into_iter().collect::<Inputs>();
        let mut all: Inputs = self.attribution.columns().map(both).collect();
        all.add(self.times());
        all
    }

    /// Which conversion a row is about.
    fn conversion(&self, relation: &mut Relation, value: &str) {
        let conversions = &self.attribution.conversions;
        if let Some(key) = self.entity_key() {
            let inputs = self.definitions.column(&conversions.from, &key);
            relation.set(key, inputs);
        }
        relation.set(conversions.key.value.clone(), self.of_conversion(&conversions.key));
        relation.set(CONVERTED_AT, self.conversion_time());
        if let Some(worth) = &conversions.value {
            relation.set(value, self.of_conversion(worth));
        }
    }

    /// Channel and campaign.
    fn tactic(&self, relation: &mut Relation) {
        let touches = &self.attribution.touches;
        relation.set("channel", self.touch(&touches.channel));
        if let Some(campaign) = &touches.campaign {
            relation.set(campaign.value.clone(), self.touch(campaign));
        }
    }

    /// How many touches there are.
    fn counted(&self) -> Inputs {
        let touches = &self.attribution.touches;
        touches.count.iter().map(|count| self.touch(count)).collect::<Inputs>().then(How::Aggregation)
    }

    /// The order of channels.
    fn path(&self) -> Inputs {
        let mut inputs = self.touch(&self.attribution.touches.channel).then(How::Aggregation);
        inputs.add(self.touch_time().then(How::Sort));
        inputs.add(self.attribution.touches.key.iter().map(|key| self.touch(key)).collect::<Inputs>().then(How::Sort));
        inputs
    }

    /// What models divide up by.
    fn share(&self) -> Inputs {
        let touches = &self.attribution.touches;
        let mut inputs = self.path();
        inputs.add(self.counted());
        inputs.add(touches.campaign.iter().map(|campaign| self.touch(campaign)).collect::<Inputs>().then(How::GroupBy));
        let milestones = self.attribution.conversions.milestones.values();
        inputs.add(milestones.map(|name| self.of_conversion(name)).collect::<Inputs>().then(How::Conditional));
        inputs
    }

    /// Conversions and their value, divided up.
    fn credit(&self, relation: &mut Relation) {
        relation.set("conversions", self.share());
        if let Some(worth) = &self.attribution.conversions.value {
            let mut value = self.of_conversion(worth).then(How::Aggregation);
            value.add(self.share());
            relation.set("value", value);
        }
    }
}
