//! Where a server is and who asks: `sc://host:port/;token=…;use_ssl=true`.

use std::fmt;
use std::str::FromStr;

use crate::SparkError;

/// The address of a server of Spark Connect. Neither `Display` nor `Debug` shows its token.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    host: String,
    port: u16,
    tls: bool,
    user_id: Option<String>,
    user_agent: Option<String>,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

/// The port of a server that names none.
const PORT: u16 = 15002;
const SCHEME: &str = "sc://";
const PARAMETERS: [&str; 4] = ["token", "use_ssl", "user_id", "user_agent"];

impl Remote {
    /// Host and port, as in messages.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host; an IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls
    }

    /// Who asks, where the address says so.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// What the client calls itself, where the address says so.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The token, to be shown to nobody but the server.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Headers that go with every request, such as those by which a managed service finds the cluster.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The same server with a token that is kept somewhere else than in its address.
    ///
    /// # Errors
    /// [`SparkError::Address`] when the token would cross a network in the clear, or cannot be in a header.
    pub fn with_token(mut self, token: &str) -> Result<Self, SparkError> {
        self.token = Some(token.to_owned());
        self.checked()
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "token" => self.token = Some(value),
            "user_id" => self.user_id = Some(value),
            "user_agent" => self.user_agent = Some(value),
            "use_ssl" if value.eq_ignore_ascii_case("true") => self.tls = true,
            "use_ssl" if value.eq_ignore_ascii_case("false") => self.tls = false,
            "use_ssl" => return Err(format!("`use_ssl` is `true` or `false`, not `{value}`")),
            // Headers of a service of its own, as other clients pass them on; a misspelt parameter is none of them.
            _ if name.starts_with("x-") => self.headers.push((name.to_owned(), value)),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// A token must not cross a network in the clear, and nothing may break out of its header.
    fn checked(self) -> Result<Self, SparkError> {
        let local = matches!(self.host.as_str(), "localhost" | "[::1]") || self.host.starts_with("127.");
        if self.token.is_some() && !self.tls && !local {
            let reason = "a token would go over the network in the clear; add `use_ssl=true`".to_owned();
            return Err(SparkError::Address { reason });
        }
        let texts = [("token", &self.token), ("user_id", &self.user_id), ("user_agent", &self.user_agent)];
        let texts = texts.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in texts.chain(headers) {
            if value.is_empty() {
                return Err(SparkError::Address { reason: format!("`{name}` has no value") });
            }
            if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                let reason = format!("the value of `{name}` has characters that are no printable ASCII");
                return Err(SparkError::Address { reason });
            }
            if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)) {
                return Err(SparkError::Address { reason: format!("`{name}` is no name of a header") });
            }
        }
        Ok(self)
    }
}

impl FromStr for Remote {
    type Err = SparkError;

    fn from_str(text: &str) -> Result<Self, SparkError> {
        parsed(text).map_err(|reason| SparkError::Address { reason }).and_then(Remote::checked)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}", self.host, self.port)?;
        if self.tls {
            write!(f, "/;use_ssl=true")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("user_id", &self.user_id)
            .field("user_agent", &self.user_agent)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish()
    }
}

fn parsed(text: &str) -> Result<Remote, String> {
    let Some(rest) = text.trim().strip_prefix(SCHEME) else {
        return Err(match text.split_once("://") {
            Some((scheme, _)) => format!("its scheme is `sc`, not `{scheme}`"),
            None => "it begins with `sc://`".to_owned(),
        });
    };
    let (authority, path) = rest.find(['/', ';', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = host_and_port(authority)?;
    let mut remote =
        Remote { host, port, tls: false, user_id: None, user_agent: None, token: None, headers: Vec::new() };
    let parameters = match path.strip_prefix('/').unwrap_or(path) {
        "" => return Ok(remote),
        path => path.strip_prefix(';').ok_or("parameters follow host and port as `/;name=value;name=value`")?,
    };
    let mut seen = Vec::new();
    for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
        // The text after a missing `=` may be a token, and is not repeated.
        let (name, value) = parameter.split_once('=').ok_or("each parameter is `name=value`")?;
        if seen.contains(&name) {
            return Err(format!("`{name}` is given twice"));
        }
        seen.push(name);
        remote.set(name, unescaped(value).ok_or_else(|| format!("the value of `{name}` has a broken `%` escape"))?)?;
    }
    Ok(remote)
}

fn host_and_port(authority: &str) -> Result<(String, u16), String> {
    if authority.contains('@') {
        return Err("it has no user and password; a token is a parameter".to_owned());
    }
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or("the bracket of its IPv6 address is not closed")?;
        let (host, rest) = authority.split_at(end + 1);
        match rest.strip_prefix(':') {
            None if !rest.is_empty() => return Err(format!("`{rest}` follows its IPv6 address")),
            port => (host, port),
        }
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(format!("an IPv6 address is in brackets: `[{authority}]`"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() || host == "[]" {
        return Err("it names no host".to_owned());
    }
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte)) {
        return Err(format!("`{host}` is no name of a host"));
    }
    let port = match port {
        None => PORT,
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => return Err(format!("its port is a number from 1 to 65535, not `{port}`")),
            Ok(port) => port,
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

fn unknown(name: &str) -> String {
    let near = PARAMETERS
        .into_iter()
        .map(|known| (strsim::jaro_winkler(known, &name.to_ascii_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match near {
        Some((_, known)) => format!("unknown parameter `{name}`; `{known}` is one"),
        None => format!("unknown parameter `{name}`; there are `{}`, and headers `x-…`", PARAMETERS.join("`, `")),
    }
}

/// `%XX` read as the byte that it stands for.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::default_port("sc://spark", "sc://spark:15002")]
    #[case::port("sc://Spark.Example.COM:443", "sc://spark.example.com:443")]
    #[case::slash("sc://spark:1/", "sc://spark:1")]
    #[case::tls("sc://spark:1/;use_ssl=True;token=s%3Bcret", "sc://spark:1/;use_ssl=true")]
    #[case::no_slash("sc://spark;user_id=ann", "sc://spark:15002")]
    #[case::trailing("sc://localhost/;token=s;", "sc://localhost:15002")]
    #[case::ipv6("sc://[::1]:15003/;token=s", "sc://[::1]:15003")]
    #[case::header("sc://spark/;use_ssl=true;token=s;x-cluster-id=7", "sc://spark:15002/;use_ssl=true")]
    fn an_address_is_read(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<Remote>().unwrap().to_string(), shown);
    }

    #[rstest]
    #[case::scheme("http://spark:15002", "its scheme is `sc`, not `http`")]
    #[case::no_scheme("spark:15002", "it begins with `sc://`")]
    #[case::no_host("sc://:15002", "it names no host")]
    #[case::nothing("sc://", "it names no host")]
    #[case::port("sc://spark:http", "its port is a number from 1 to 65535, not `http`")]
    #[case::big_port("sc://spark:70000", "its port is a number from 1 to 65535, not `70000`")]
    #[case::no_port("sc://spark:", "its port is a number from 1 to 65535, not ``")]
    #[case::ipv6("sc://::1", "an IPv6 address is in brackets: `[::1]`")]
    #[case::open("sc://[::1", "the bracket of its IPv6 address is not closed")]
    #[case::user("sc://ann:secret@spark", "it has no user and password; a token is a parameter")]
    #[case::path("sc://spark/lake", "parameters follow host and port as `/;name=value;name=value`")]
    #[case::query("sc://spark?token=s", "parameters follow host and port as `/;name=value;name=value`")]
    #[case::no_value("sc://localhost/;secret", "each parameter is `name=value`")]
    #[case::empty("sc://localhost/;token=", "`token` has no value")]
    #[case::twice("sc://localhost/;token=a;token=b", "`token` is given twice")]
    #[case::misspelt("sc://localhost/;tokne=secret", "unknown parameter `tokne`; `token` is one")]
    #[case::other_name(
        "sc://localhost/;ssl=true",
        "unknown parameter `ssl`; there are `token`, `use_ssl`, `user_id`, `user_agent`, and headers `x-…`"
    )]
    #[case::capital("sc://localhost/;USE_SSL=true", "unknown parameter `USE_SSL`; `use_ssl` is one")]
    #[case::boolean("sc://localhost/;use_ssl=yes", "`use_ssl` is `true` or `false`, not `yes`")]
    #[case::escape("sc://localhost/;token=%4", "the value of `token` has a broken `%` escape")]
    #[case::newline("sc://localhost/;token=a%0Ab", "the value of `token` has characters that are no printable ASCII")]
    #[case::clear("sc://spark/;token=secret", "a token would go over the network in the clear; add `use_ssl=true`")]
    fn what_is_no_address_is_refused(#[case] text: &str, #[case] wrong: &str) {
        let Err(SparkError::Address { reason }) = text.parse::<Remote>() else { panic!("{text} is read") };
        assert_eq!(reason, wrong);
    }

    #[test]
    fn values_are_unescaped() {
        let remote: Remote =
            "sc://spark/;use_ssl=true;token=a%3Bb%3D;user_id=ann;user_agent=x%20y;x-k=v".parse().unwrap();
        assert_eq!(remote.token(), Some("a;b="));
        assert_eq!((remote.user_id(), remote.user_agent()), (Some("ann"), Some("x y")));
        assert_eq!(remote.headers(), [("x-k".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn a_token_is_never_shown() {
        let remote: Remote = "sc://spark/;use_ssl=true;token=s3cret;x-key=s3cret".parse().unwrap();
        let shown = format!("{remote} {remote:?} {remote:#?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_token_kept_elsewhere_obeys_the_same_rule() {
        let remote: Remote = "sc://spark".parse().unwrap();
        assert!(remote.with_token("s").is_err());
        let remote: Remote = "sc://127.0.0.1".parse().unwrap();
        assert_eq!(remote.with_token("s").unwrap().token(), Some("s"));
    }
}
