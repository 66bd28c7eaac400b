//! `alerts`, and `deliveries` of `pipelines.yaml`.

use crate::grammar::window;
use crate::model::{Alert, AlertSeverity, Delivery, Grain, Job};
use crate::syntax::Entry;

use super::fields::grain;
use super::project::{title, title_of};
use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, decoder: &mut Decoder) -> Option<Alert> {
    let fields = Fields(&entry.node);
    let filter = decoder.expression(fields, "where");
    let [value, threshold, owner] = ["value", "threshold", "owner"].map(|key| decoder.expression(fields, key));
    Some(Alert {
        name: entry.key.value.clone(),
        title: title(fields)?,
        description: fields.words("description"),
        over: fields.text("over")?,
        grain: fields.text("grain").map_or(Some(Grain::Month), |text| grain(&text.value))?,
        complete: fields.words("period") == "complete",
        filter: filter?,
        value,
        threshold,
        owner,
        severity: AlertSeverity::of(&fields.words("severity")).unwrap_or(AlertSeverity::Warning),
        action: fields.fields("action").and_then(title_of),
        due: fields.text("due").and_then(|text| window(&text.value)),
        job: job_name(job),
        span: entry.key.span,
    })
}

pub(super) fn delivery(entry: &Entry) -> Option<Delivery> {
    let fields = Fields(&entry.node);
    Some(Delivery {
        name: entry.key.value.clone(),
        webhook: fields.text("webhook")?,
        language: fields.text("language").map_or_else(|| "en".to_owned(), |text| text.value),
        at_least: AlertSeverity::of(&fields.words("at_least")).unwrap_or(AlertSeverity::Info),
        alerts: fields.texts("alerts"),
        span: entry.key.span,
    })
}
