//! Azure Blob Storage.

use object_store::azure::{AzureConfigKey as Config, MicrosoftAzureBuilder};

use super::{Remote, Site};
use crate::StoreError;
use crate::location::Bucket;

/// Credentials come from the environment: the account's key, a shared access signature, a client's secret, a federated
/// token; else the identity of the machine.
pub(super) fn client(site: &Site<'_>, container: &Bucket, account: Option<&str>) -> Result<Remote, StoreError> {
    let settings = site.settings;
    let mut builder = MicrosoftAzureBuilder::new();
    for (key, value) in site.environment.config::<Config>("AZURE_") {
        builder = builder.with_config(key, value);
    }
    // The name that Azure's own services give it.
    if let Some(endpoint) = site.environment.text("IDENTITY_ENDPOINT") {
        builder = builder.with_msi_endpoint(endpoint);
    }
    builder = builder.with_container_name(&container.name).with_retry(site.retries());
    for (key, value) in site.client_options("AZURE") {
        builder = builder.with_config(Config::Client(key), value);
    }
    if let Some(account) = account.or(settings.account.as_deref()) {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let emulator = site.environment.flag("AZURE_STORAGE_USE_EMULATOR");
    let endpoint = builder.get_config_value(&Config::Endpoint);
    site.check_endpoint(
        endpoint.as_deref(),
        emulator || settings.allow_http || site.environment.flag("AZURE_ALLOW_HTTP"),
    )?;
    if builder.get_config_value(&Config::AccountName).is_none() && !emulator {
        return Err(site.wrong(
            "no storage account is known; set `account` in the store's settings, or AZURE_STORAGE_ACCOUNT_NAME",
        ));
    }
    let anonymous = settings.anonymous || site.environment.flag("AZURE_SKIP_SIGNATURE");
    let secrets = site.environment.texts(&[
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_MASTER_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_CLIENT_SECRET",
    ]);
    remote!(site, builder, container, anonymous, secrets)
}
