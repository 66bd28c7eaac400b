//! Another engine: is its address one, without a secret in it, and can it do what it would be asked to?

use crate::diagnostic::Diagnostic;
use crate::model::Spark;

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn engine(&mut self, spark: &Spark) {
        let remote = &spark.remote;
        let rest = remote.value.strip_prefix("sc://");
        let host = rest.map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        if host.is_none_or(str::is_empty) {
            self.report(
                Diagnostic::error(
                    "engine-address",
                    format!("`{}` is no address of a Spark Connect server", remote.value),
                )
                .at(remote.span)
                .help("write `sc://host:15002`, and `sc://host:443/;use_ssl=true` where the server speaks TLS"),
            );
        } else if remote.value.contains("token=") || remote.value.contains('@') {
            self.report(
                Diagnostic::error("engine-address", "the address of the engine holds a secret".to_owned())
                    .at(remote.span)
                    .help("`token: SPARK_TOKEN` names the environment variable that holds it"),
            );
        }
        if let Some(staging) = &spark.staging {
            self.store("staging", staging);
        }
    }
}
