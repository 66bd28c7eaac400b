//! Profiles of the files that AWS' own tools keep: `~/.aws/config` and `~/.aws/credentials`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::PathBuf;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Config};

use super::Site;
use crate::StoreError;

/// What the files say of one profile.
#[derive(Debug, Default)]
pub(super) struct Profile {
    name: String,
    /// Whether the settings or the environment name it, so that it must be there and have credentials.
    wanted: bool,
    values: BTreeMap<String, String>,
}

/// Keys of a profile that lead to credentials in ways that this program does not go.
const OTHER_WAYS: [(&str, &str); 4] = [
    ("sso_session", "single sign-on"),
    ("sso_start_url", "single sign-on"),
    ("credential_process", "a program of its own"),
    ("source_profile", "a role taken on by another profile"),
];

impl Profile {
    /// The profile that counts, where one does: credentials of the environment come before one that only
    /// `AWS_PROFILE` names, and before the default one.
    pub fn find(site: &Site<'_>, environment: &AmazonS3Builder, anonymous: bool) -> Result<Option<Self>, StoreError> {
        let named = site.settings.profile.clone();
        let in_environment =
            [Config::AccessKeyId, Config::WebIdentityTokenFile, Config::ContainerCredentialsRelativeUri]
                .iter()
                .chain(&[Config::ContainerCredentialsFullUri])
                .any(|key| environment.get_config_value(key).is_some());
        let by_variable = site.environment.text("AWS_PROFILE").filter(|_| !in_environment);
        let wanted = named.is_some() || by_variable.is_some();
        let name = named.or(by_variable).unwrap_or_else(|| "default".to_owned());
        let mut profile = Self { name, wanted, values: BTreeMap::new() };
        let mut found = false;
        for (variable, file, prefix) in
            [("AWS_CONFIG_FILE", "config", "profile "), ("AWS_SHARED_CREDENTIALS_FILE", "credentials", "")]
        {
            let Some(path) =
                site.environment.text(variable).map(PathBuf::from).or_else(|| home(site).map(|home| home.join(file)))
            else {
                continue;
            };
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let section = section(&text, &profile.name, prefix);
                    found |= section.is_some();
                    profile.values.extend(section.unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(StoreError::io(format!("reading `{}`", path.display()), source)),
            }
        }
        if in_environment || anonymous {
            // Its region and endpoint may still count; whoever it is, is settled.
            profile
                .values
                .retain(|key, _| site.settings.profile.is_some() || matches!(key.as_str(), "region" | "endpoint_url"));
        }
        if wanted && !found {
            let reason = format!("the AWS files hold no profile `{}`; `profile` or AWS_PROFILE names it", profile.name);
            return Err(site.wrong(&reason));
        }
        Ok(found.then_some(profile))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Settings of the client that credentials come from; none where the profile says nothing of them.
    pub fn credentials(&self, site: &Site<'_>) -> Result<Option<HashMap<Config, String>>, StoreError> {
        let wanted = [
            ("aws_access_key_id", Config::AccessKeyId),
            ("aws_secret_access_key", Config::SecretAccessKey),
            ("aws_session_token", Config::Token),
        ];
        let keys = |wanted: &[(&str, Config)]| -> HashMap<Config, String> {
            wanted.iter().filter_map(|(name, key)| Some((*key, self.get(name)?.to_owned()))).collect()
        };
        let of_keys = keys(&wanted);
        if of_keys.contains_key(&Config::AccessKeyId) && of_keys.contains_key(&Config::SecretAccessKey) {
            return Ok(Some(of_keys));
        }
        let identity = keys(&[
            ("web_identity_token_file", Config::WebIdentityTokenFile),
            ("role_arn", Config::RoleArn),
            ("role_session_name", Config::RoleSessionName),
        ]);
        if identity.contains_key(&Config::WebIdentityTokenFile) && identity.contains_key(&Config::RoleArn) {
            return Ok(Some(identity));
        }
        let profile = &self.name;
        if let Some((_, way)) = OTHER_WAYS.iter().find(|(key, _)| self.values.contains_key(*key)) {
            return Err(StoreError::Credentials {
                store: site.location.to_string(),
                reason: format!("profile `{profile}` gets its credentials by {way}, which is not supported"),
                help: format!(
                    "`aws configure export-credentials --profile {profile} --format env` prints them for the environment"
                ),
            });
        }
        if self.wanted && site.settings.profile.is_some() {
            return Err(StoreError::Credentials {
                store: site.location.to_string(),
                reason: format!("profile `{profile}` has no keys"),
                help: "it needs aws_access_key_id and aws_secret_access_key, or web_identity_token_file and role_arn"
                    .to_owned(),
            });
        }
        Ok(None)
    }
}

fn home(site: &Site<'_>) -> Option<PathBuf> {
    Some(PathBuf::from(site.environment.text("HOME").or_else(|| site.environment.text("USERPROFILE"))?).join(".aws"))
}

/// The keys of a profile; `None` when the file does not speak of it. Indented lines belong to a key that is a group of its
/// own, none of which is needed here.
fn section(text: &str, name: &str, prefix: &str) -> Option<BTreeMap<String, String>> {
    let mut own = None;
    let mut inside = false;
    for line in text.lines() {
        let indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            let title = title.trim();
            inside = title.strip_prefix(prefix).unwrap_or(title).trim() == name;
            if inside {
                own.get_or_insert_with(BTreeMap::new);
            }
        } else if let (true, false, Some((key, value))) = (inside, indented, line.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            if let Some(own) = own.as_mut().filter(|_| !value.is_empty()) {
                own.insert(key.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::section;

    const CONFIG: &str = "\
# comment
[default]
region = eu-west-3
s3 =
    endpoint_url = http://group.example.com
[profile night]
region=eu-central-1   # Frankfurt
endpoint_url = https://objects.example.com
";

    #[test]
    fn a_profile_is_found_by_its_name_in_either_file() {
        let of = |name: &str, key: &str| section(CONFIG, name, "profile ").and_then(|own| own.get(key).cloned());
        assert_eq!(of("default", "region").as_deref(), Some("eu-west-3"));
        assert_eq!(of("night", "region").as_deref(), Some("eu-central-1"));
        assert_eq!(of("night", "endpoint_url").as_deref(), Some("https://objects.example.com"));
        assert_eq!(of("default", "endpoint_url"), None, "that one is of a group");
        assert_eq!(section(CONFIG, "day", "profile "), None);
        let credentials = "[night]\naws_access_key_id = AKIA\naws_secret_access_key = a/b+c=\n";
        let night = section(credentials, "night", "").unwrap_or_default();
        assert_eq!(night.get("aws_secret_access_key").map(String::as_str), Some("a/b+c="));
    }
}
