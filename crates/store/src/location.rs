use std::fmt;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Where a store is: so far a folder of the local file system.
///
/// Accepted are `file:///absolute/path`, `/absolute/path` and `relative/path`, the last resolved against
/// a base folder. Displaying a location never shows credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A folder of the local file system.
    Local(PathBuf),
}

impl Location {
    /// Reads a path or URL; a relative path counts from `base`.
    ///
    /// # Errors
    /// [`StoreError::Location`] for an empty text or a malformed `file:` URL,
    /// [`StoreError::UnsupportedScheme`] for any other scheme.
    pub fn parse(text: &str, base: &Path) -> Result<Self, StoreError> {
        if text.trim().is_empty() {
            return Err(refused(text, "it is empty; a path or a file:// URL is needed"));
        }
        let Some((scheme, rest)) = text.split_once("://").filter(|(s, _)| is_scheme(s)) else {
            return Ok(Self::Local(base.join(text)));
        };
        if !scheme.eq_ignore_ascii_case("file") {
            return Err(StoreError::UnsupportedScheme {
                scheme: scheme.to_ascii_lowercase(),
                location: without_credentials(text),
            });
        }
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(refused(
                text,
                "a file URL needs an absolute path after three slashes, as in file:///data/lake; a relative path goes without a scheme",
            ));
        }
        percent_decoded(path)
            .map(|path| Self::Local(path.into()))
            .ok_or_else(|| refused(text, "its percent-encoding is malformed; `%` is written %25"))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
        }
    }
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
    fn other_schemes_are_named_with_what_would_be_supported() {
        let message = parse("s3://bucket/lake").unwrap_err().to_string();
        assert_eq!(
            message,
            "unsupported scheme `s3` in this build (location `s3://bucket/lake`); supported: a path or a file:// URL"
        );
        for text in ["az://container/lake", "gs://bucket/lake"] {
            assert!(matches!(parse(text), Err(StoreError::UnsupportedScheme { .. })), "{text}");
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
