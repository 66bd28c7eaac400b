use std::fmt;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Where a store is.
///
/// ```text
/// /absolute/path   relative/path   file:///absolute/path        a folder
/// s3://bucket/prefix                                             Amazon S3, and what speaks its protocol
/// az://container/prefix   abfss://container/prefix               Azure Blob Storage
/// abfss://container@account.dfs.core.windows.net/prefix          the same, with the account
/// gs://bucket/prefix                                             Google Cloud Storage
/// ```
///
/// A location never holds credentials, and is displayed as it would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A folder of the local file system.
    Local(PathBuf),
    /// A bucket, or what is below a prefix of it, behind the protocol of S3.
    S3(Bucket),
    /// A container of Azure Blob Storage, with its account where the location names it.
    Azure {
        /// The container and the prefix.
        container: Bucket,
        /// The storage account.
        account: Option<String>,
    },
    /// A bucket of Google Cloud Storage.
    Google(Bucket),
}

/// A bucket or container, and the prefix below which a store's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The prefix, without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
}

/// What `abfss://` locations write behind the account.
const AZURE_HOSTS: [&str; 2] = [".dfs.core.windows.net", ".blob.core.windows.net"];

impl Location {
    /// Reads a path or URL; a relative path counts from `base`.
    ///
    /// # Errors
    /// [`StoreError::Location`] for an empty text, a malformed URL, and one that carries credentials or a query;
    /// [`StoreError::UnsupportedScheme`] for a scheme of no known kind of store.
    pub fn parse(text: &str, base: &Path) -> Result<Self, StoreError> {
        if text.trim().is_empty() {
            return Err(refused(text, "it is empty; a path or a URL is needed"));
        }
        let Some((scheme, rest)) = text.split_once("://").filter(|(s, _)| is_scheme(s)) else {
            return Ok(Self::Local(base.join(text)));
        };
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "file" => local(text, rest),
            "s3" | "s3a" => Ok(Self::S3(bucket(text, rest)?)),
            "gs" => Ok(Self::Google(bucket(text, rest)?)),
            "az" | "azure" | "abfs" | "abfss" => azure(text, rest),
            _ => Err(StoreError::UnsupportedScheme { scheme, location: without_credentials(text) }),
        }
    }

    /// The folder, for a store of the local file system.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Local(folder) => Some(folder),
            _ => None,
        }
    }

    /// Whether both are the same kind of store, so that settings of one make sense for the other.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::S3(bucket) => write!(f, "s3://{bucket}"),
            Self::Google(bucket) => write!(f, "gs://{bucket}"),
            Self::Azure { container, account: None } => write!(f, "az://{container}"),
            Self::Azure { container: Bucket { name, prefix }, account: Some(account) } => {
                write!(f, "abfss://{name}@{account}{}", AZURE_HOSTS[0])?;
                if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
            }
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

fn local(text: &str, rest: &str) -> Result<Location, StoreError> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(refused(
            text,
            "a file URL needs an absolute path after three slashes, as in file:///data/lake; a relative path goes without a scheme",
        ));
    }
    percent_decoded(path)
        .map(|path| Location::Local(path.into()))
        .ok_or_else(|| refused(text, "its percent-encoding is malformed; `%` is written %25"))
}

fn azure(text: &str, rest: &str) -> Result<Location, StoreError> {
    let host = rest.split('/').next().unwrap_or_default();
    let Some((container, host)) = host.split_once('@') else {
        return Ok(Location::Azure { container: bucket(text, rest)?, account: None });
    };
    let account = AZURE_HOSTS.iter().find_map(|known| host.strip_suffix(known)).filter(|account| is_name(account));
    let Some(account) = account.filter(|_| !container.contains(':')) else {
        return Err(refused(
            text,
            "what follows `@` must be an account, as in abfss://container@account.dfs.core.windows.net/prefix",
        ));
    };
    let below = rest.split_once('/').map_or("", |(_, below)| below);
    let container = bucket(text, &format!("{container}/{below}"))?;
    Ok(Location::Azure { container, account: Some(account.to_owned()) })
}

fn bucket(text: &str, rest: &str) -> Result<Bucket, StoreError> {
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if name.contains('@') {
        return Err(refused(
            text,
            "credentials do not belong in a location; they come from the environment, a profile or the machine's role",
        ));
    }
    if rest.contains(['?', '#']) {
        return Err(refused(
            text,
            "a query, or anything after `#`, does not belong in it; settings of a store have keys of their own",
        ));
    }
    if !is_name(name) {
        return Err(refused(
            text,
            "after the scheme comes the name of a bucket or container, as in s3://bucket/prefix",
        ));
    }
    let prefix = prefix.trim_matches('/');
    match object_store::path::Path::parse(prefix) {
        Ok(_) => Ok(Bucket { name: name.to_owned(), prefix: prefix.to_owned() }),
        Err(error) => Err(refused(text, &format!("its prefix cannot begin keys: {error}"))),
    }
}

/// Whether a bucket, container or account may be called so; the stores know the finer rules.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$'))
}

/// The text without user name, password, query and fragment, any of which may carry a secret. Where
/// the parts cannot be told apart for sure, only the scheme is left.
pub(crate) fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://").filter(|(s, _)| is_scheme(s)) else {
        return text.to_owned();
    };
    if rest.starts_with('/') {
        return text.to_owned();
    }
    let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    if query.contains('@') {
        return format!("{scheme}://…");
    }
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    format!("{scheme}://{place}")
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn refused(text: &str, reason: &str) -> StoreError {
    StoreError::Location { location: without_credentials(text), reason: reason.to_owned() }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parse(text: &str) -> Result<Location, StoreError> {
        Location::parse(text, Path::new("/project"))
    }

    #[test]
    fn a_relative_path_counts_from_the_base() {
        assert_eq!(parse("data/lake").unwrap(), Location::Local("/project/data/lake".into()));
    }

    #[test]
    fn absolute_paths_and_file_urls_are_the_same_place() {
        for text in ["/abs/lake", "file:///abs/lake", "file://localhost/abs/lake", "FILE:///abs/l%61ke"] {
            assert_eq!(parse(text).unwrap(), Location::Local("/abs/lake".into()), "{text}");
        }
    }

    #[test]
    fn a_bucket_and_a_prefix_are_told_apart() {
        let bucket = |name: &str, prefix: &str| Bucket { name: name.to_owned(), prefix: prefix.to_owned() };
        assert_eq!(parse("s3://lake").unwrap(), Location::S3(bucket("lake", "")));
        assert_eq!(parse("S3://lake/nightly/marts/").unwrap(), Location::S3(bucket("lake", "nightly/marts")));
        assert_eq!(parse("gs://lake/a b").unwrap(), Location::Google(bucket("lake", "a b")));
        let azure = |account: Option<&str>| Location::Azure {
            container: bucket("lake", "nightly"),
            account: account.map(str::to_owned),
        };
        for text in ["az://lake/nightly", "abfss://lake/nightly/", "azure://lake/nightly"] {
            assert_eq!(parse(text).unwrap(), azure(None), "{text}");
        }
        for text in ["abfss://lake@acme.dfs.core.windows.net/nightly", "abfs://lake@acme.blob.core.windows.net/nightly"]
        {
            assert_eq!(parse(text).unwrap(), azure(Some("acme")), "{text}");
        }
    }

    #[test]
    fn a_location_is_shown_as_it_would_be_written() {
        for text in [
            "s3://lake/nightly",
            "s3://lake",
            "gs://lake/nightly",
            "az://lake/nightly",
            "abfss://lake@acme.dfs.core.windows.net/nightly",
            "/data/lake",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_schemes_are_named_with_what_would_be_supported() {
        let message = parse("http://host/lake").unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown scheme `http` (location `http://host/lake`); stores are a path, or a URL of file://, s3://, az://, \
             abfss:// or gs://"
        );
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for (text, words) in [
            ("s3:///lake", "name of a bucket"),
            ("s3://", "name of a bucket"),
            ("gs://buck et/lake", "name of a bucket"),
            ("s3://bucket/a//b", "cannot begin keys"),
            ("s3://bucket/../b", "cannot begin keys"),
            ("s3://key:secret@bucket/lake", "credentials do not belong"),
            ("s3://bucket/lake?region=eu", "a query, or anything"),
            ("abfss://lake@acme.example.com/nightly", "an account"),
            ("abfss://user:secret@acme.dfs.core.windows.net/nightly", "an account"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(words) && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn messages_never_show_credentials() {
        for (text, shown) in [
            ("s3://id:pa/ss@bucket/lake?X-Amz-Signature=abc#frag", "s3://bucket/lake"),
            ("s3://id:pa?ss@bucket/lake", "s3://…"),
            ("s3://bucket/lake?sig=a@b", "s3://…"),
            ("file://id:pass@host/lake", "file://host/lake"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(&format!("`{shown}`")), "{message}");
            for secret in ["id:", "pa/ss", "pa?ss", "pass@", "abc", "sig", "frag"] {
                assert!(!message.contains(secret), "{secret} in {message}");
            }
        }
    }

    #[test]
    fn malformed_locations_say_what_would_be_right() {
        let relative = parse("file://data/lake").unwrap_err().to_string();
        assert!(relative.contains("file:///data/lake"), "{relative}");
        assert!(matches!(parse("  "), Err(StoreError::Location { .. })));
        assert!(matches!(parse("file:///a%2"), Err(StoreError::Location { .. })));
    }
}
