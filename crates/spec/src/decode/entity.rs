//! `entities`.

use crate::model::{Entity, Job};
use crate::syntax::Entry;

use super::{Decoder, Fields, job_name};

pub(super) fn decode(entry: &Entry, job: &Job, _: &mut Decoder) -> Option<Entity> {
    let fields = Fields(&entry.node);
    Some(Entity {
        name: entry.key.value.clone(),
        key: fields.text("key")?.value,
        snapshot: fields.text("snapshot"),
        parent: fields.text("parent"),
        dimensions: fields.texts("dimensions"),
        job: job_name(job),
        span: entry.key.span,
    })
}
