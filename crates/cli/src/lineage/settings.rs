//! Whom to tell, by the names that `OpenLineage`'s own clients use.

use std::path::PathBuf;

use abmart_spec::Project;

/// Whom to tell, and under which names.
pub struct Settings {
    /// Namespace of the jobs.
    pub namespace: String,
    /// The run that started this one, as `namespace/job/run`.
    pub parent: Option<String>,
    /// The file to append to.
    pub file: Option<PathBuf>,
    /// The service to post to.
    pub service: Option<ServiceSettings>,
}

/// A service that takes events. No `Debug`: it holds a key.
pub struct ServiceSettings {
    /// Its base.
    pub url: String,
    /// The path below it.
    pub endpoint: String,
    /// What it knows the sender by.
    pub key: Option<String>,
}

impl Settings {
    /// The settings of the environment and, where it says nothing, of the project.
    pub fn of(project: &Project, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        let given = &project.lineage;
        let or = |name: &str, given: &Option<abmart_spec::model::Spanned<String>>| {
            env(name).or_else(|| given.as_ref().map(|given| given.value.clone()))
        };
        let disabled = env("OPENLINEAGE_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let service = or("OPENLINEAGE_URL", &given.url).map(|url| ServiceSettings {
            url,
            endpoint: or("OPENLINEAGE_ENDPOINT", &given.endpoint).unwrap_or_else(|| "api/v1/lineage".to_owned()),
            key: env("OPENLINEAGE_API_KEY"),
        });
        Self {
            namespace: or("OPENLINEAGE_NAMESPACE", &given.namespace).unwrap_or_else(|| "default".to_owned()),
            parent: env("OPENLINEAGE_PARENT_ID"),
            file: given.file.as_ref().filter(|_| !disabled).map(|file| project.root.join(&file.value)),
            service: service.filter(|_| !disabled),
        }
    }
}
