//! The events of a run, as `OpenLineage` 2.0.2 wants them.

use abmart_spec::Project;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::settings::Settings;
use crate::results::RunResults;

/// Who says so.
pub const PRODUCER: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/tree/v", env!("CARGO_PKG_VERSION"));

/// What all events of a run have in common.
pub struct Event {
    job: Value,
    run_id: String,
    parent: Option<Value>,
    time_zone: TimeZone,
}

impl Event {
    /// Events of a run of a pipeline.
    pub fn of(project: &Project, settings: &Settings, results: &RunResults) -> Self {
        Self {
            job: job(project, settings, &results.pipeline),
            run_id: uuid(results.started_at, &results.run_id),
            parent: settings.parent.as_deref().and_then(parent),
            time_zone: TimeZone::get(&project.settings.time_zone).unwrap_or(TimeZone::UTC),
        }
    }

    /// The run begins.
    pub fn start(&self, results: &RunResults) -> Value {
        self.event("START", results.started_at, results, &[], &[])
    }

    /// What it reads is known.
    pub fn running(&self, results: &RunResults, inputs: &[Value]) -> Value {
        self.event("RUNNING", Timestamp::now(), results, inputs, &[])
    }

    /// It has ended; stopped from outside it was aborted.
    pub fn end(&self, results: &RunResults, inputs: &[Value], outputs: &[Value]) -> Value {
        let kind = match results.exit_code {
            0 => "COMPLETE",
            128.. => "ABORT",
            _ => "FAIL",
        };
        self.event(kind, Timestamp::now(), results, inputs, outputs)
    }

    fn event(&self, kind: &str, at: Timestamp, results: &RunResults, inputs: &[Value], outputs: &[Value]) -> Value {
        json!({
            "eventType": kind,
            "eventTime": at,
            "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": self.run_id, "facets": self.run_facets(kind, results)},
            "job": self.job,
            "inputs": inputs,
            "outputs": outputs,
        })
    }

    fn run_facets(&self, kind: &str, results: &RunResults) -> Map<String, Value> {
        let mut facets = Map::new();
        let engine = json!({"version": results.abmart, "name": "abmart", "openlineageAdapterVersion": results.abmart});
        facets.insert("processing_engine".to_owned(), facet("1-1-1/ProcessingEngineRunFacet", engine));
        if let Some(day) = results.as_of {
            let midnight = |day: Date| day.to_zoned(self.time_zone.clone()).ok().map(|moment| moment.timestamp());
            let time =
                json!({"nominalStartTime": midnight(day), "nominalEndTime": day.tomorrow().ok().and_then(midnight)});
            facets.insert("nominalTime".to_owned(), facet("1-0-1/NominalTimeRunFacet", time));
        }
        if let Some(parent) = &self.parent {
            facets.insert("parent".to_owned(), parent.clone());
        }
        if let Some(error) = results.error.as_ref().filter(|_| matches!(kind, "FAIL" | "ABORT")) {
            let message = json!({"message": error, "programmingLanguage": "YAML"});
            facets.insert("errorMessage".to_owned(), facet("1-0-1/ErrorMessageRunFacet", message));
        }
        // The run's own name, by which logs, results and the ledger are found.
        let own = json!({
            "_producer": PRODUCER,
            "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet",
            "runId": results.run_id,
            "exitCode": (!matches!(kind, "START" | "RUNNING")).then_some(results.exit_code),
        });
        facets.insert("abmart_run".to_owned(), own);
        facets
    }
}

/// A pipeline as a job.
pub fn job(project: &Project, settings: &Settings, pipeline: &str) -> Value {
    let mut facets = Map::new();
    facets.insert(
        "jobType".to_owned(),
        facet(
            "2-0-4/JobTypeJobFacet",
            json!({"processingType": "BATCH", "integration": "ABMART", "jobType": "PIPELINE"}),
        ),
    );
    if let Some(pipeline) = project.pipelines.get(pipeline) {
        let description = json!({"description": pipeline.title.en});
        facets.insert("documentation".to_owned(), facet("1-1-0/DocumentationJobFacet", description));
    }
    json!({
        "namespace": settings.namespace,
        "name": format!("{}.{pipeline}", project.name),
        "facets": facets,
    })
}

/// A facet of the specification: `1-0-1/NominalTimeRunFacet`.
pub fn facet(schema: &str, content: Value) -> Value {
    let name = schema.rsplit('/').next().unwrap_or(schema);
    let mut all = Map::new();
    all.insert("_producer".to_owned(), json!(PRODUCER));
    let url = format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{name}");
    all.insert("_schemaURL".to_owned(), json!(url));
    if let Value::Object(content) = content {
        all.extend(content);
    }
    Value::Object(all)
}

/// The run that started this one, from `namespace/job/run` as orchestrators pass it; a namespace may hold slashes.
fn parent(text: &str) -> Option<Value> {
    let mut parts = text.trim().rsplitn(3, '/');
    let (run, job, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    let is_uuid = run.len() == 36 && run.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if !is_uuid || job.is_empty() || namespace.is_empty() {
        tracing::warn!("OPENLINEAGE_PARENT_ID is left out: it is written `namespace/job/run`, the run as a UUID");
        return None;
    }
    let parent = json!({"run": {"runId": run}, "job": {"namespace": namespace, "name": job}});
    Some(facet("1-2-0/ParentRunFacet", parent))
}

/// A UUID of version 7: the moment, and digits that the run's own name gives. Equal runs have equal ones.
fn uuid(moment: Timestamp, run_id: &str) -> String {
    let millis = u64::try_from(moment.as_millisecond()).unwrap_or_default();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&Sha256::digest(run_id)[..10]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_run_id_is_a_uuid_of_version_7_that_begins_with_the_moment() {
        let moment = Timestamp::from_millisecond(0x0123_4567_89ab).expect("a moment");
        let id = uuid(moment, "20260101T000000Z-1");
        assert!(id.starts_with("01234567-89ab-7") && matches!(id.as_bytes()[19], b'8'..=b'b'), "{id}");
        assert_eq!(id.len(), 36);
        assert_ne!(id, uuid(moment, "20260101T000000Z-2"));
    }

    #[rstest]
    #[case("airflow/nights.run/01890a5d-ac96-774b-bcce-b302099a8057", Some(("airflow", "nights.run")))]
    #[case("s3://a/b/job/01890a5d-ac96-774b-bcce-b302099a8057", Some(("s3://a/b", "job")))]
    #[case("job/01890a5d-ac96-774b-bcce-b302099a8057", None)]
    #[case("a/b/c", None)]
    fn the_parent_is_read_from_the_right(#[case] text: &str, #[case] expected: Option<(&str, &str)>) {
        let found = parent(text);
        let job = found.as_ref().map(|parent| &parent["job"]);
        let found = job.and_then(|job| Some((job["namespace"].as_str()?, job["name"].as_str()?)));
        assert_eq!(found, expected);
    }
}
