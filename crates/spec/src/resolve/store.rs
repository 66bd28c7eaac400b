//! Stores: is each setting one of the kind of store that the URL names?

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::Store;

use super::Resolver;

/// Schemes of URLs, each with what it stands for.
const SCHEMES: [(&str, Kind); 9] = [
    ("file", Kind::Folder),
    ("s3", Kind::S3),
    ("s3a", Kind::S3),
    ("az", Kind::Azure),
    ("azure", Kind::Azure),
    ("abfs", Kind::Azure),
    ("abfss", Kind::Azure),
    ("gs", Kind::Google),
    ("", Kind::Folder),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    S3,
    Azure,
    Google,
}

impl Resolver<'_> {
    pub(super) fn stores(&mut self) {
        let stores = &self.project.stores;
        self.store("lake", &stores.lake);
        self.store("marts", &stores.marts);
        self.store("cache", &stores.cache);
    }

    pub(super) fn store(&mut self, name: &str, store: &Store) {
        let url = &store.url;
        let scheme = url.value.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        let Some((_, kind)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
            let near = did_you_mean(&scheme, SCHEMES.iter().map(|(known, _)| *known));
            let help = near.map_or_else(
                || "stores are a path, or a URL of file://, s3://, az://, abfss:// or gs://".to_owned(),
                |near| format!("did you mean `{near}://`?"),
            );
            let message = format!("store `{name}`: no kind of store has URLs of the scheme `{scheme}`");
            return self.report(Diagnostic::error("unknown-scheme", message).at(url.span).help(help));
        };
        let given = [
            ("endpoint", store.endpoint.is_some(), *kind != Kind::Folder, "stores in a cloud"),
            ("region", store.region.is_some(), *kind == Kind::S3, "S3 buckets"),
            ("profile", store.profile.is_some(), *kind == Kind::S3, "S3 buckets"),
            ("account", store.account.is_some(), *kind == Kind::Azure, "Azure containers"),
            ("allow_http", store.allow_http, *kind != Kind::Folder, "stores in a cloud"),
            ("anonymous", store.anonymous, *kind != Kind::Folder, "stores in a cloud"),
            ("virtual_hosted_style", store.virtual_hosted_style, *kind == Kind::S3, "S3 buckets"),
            ("retry_seconds", store.retry_seconds.is_some(), *kind != Kind::Folder, "stores in a cloud"),
        ];
        for (key, _, _, whose) in given.into_iter().filter(|(_, given, fits, _)| *given && !fits) {
            let message = format!("store `{name}` cannot have `{key}`, which is a setting of {whose}");
            self.report(Diagnostic::error("misplaced-setting", message).at(url.span));
        }
        if store.virtual_hosted_style && store.endpoint.is_none() {
            let message = format!(
                "store `{name}` with `virtual_hosted_style` lacks `endpoint`, whose host holds the bucket's name"
            );
            self.report(Diagnostic::error("missing-key", message).at(url.span));
        }
        if store.anonymous && store.profile.is_some() {
            let message = format!("store `{name}` cannot be `anonymous` and have a `profile`");
            self.report(Diagnostic::error("conflicting-keys", message).at(url.span));
        }
        if store.unsafe_no_lease && name != "marts" {
            let message = format!("store `{name}` cannot have `unsafe_no_lease`: only the store of marts has a lease");
            self.report(Diagnostic::error("misplaced-setting", message).at(url.span));
        }
    }
}
