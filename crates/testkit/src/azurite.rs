//! Azurite, Microsoft's emulator of Azure Blob Storage: a Node.js program, from npm.

use std::env;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use object_store::ClientOptions;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector};
use tempfile::TempDir;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Azurite, killed when it is dropped.
#[derive(Debug)]
pub struct Azurite {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Azurite {
    /// The account that it knows, Azurite's well-known one.
    pub const ACCOUNT: &'static str = "devstoreaccount1";
    /// Its key, printed in Azurite's manual.
    pub const KEY: &'static str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// Starts Azurite with these containers, empty: the program that `ABMART_AZURITE` names, else `azurite-blob` on the
    /// path. Without it the test says so and is to be left; with `ABMART_REQUIRE_AZURITE=1` it fails.
    #[must_use]
    pub fn start(containers: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            let how = "install it with `npm install azurite`, or name `azurite-blob` in ABMART_AZURITE";
            assert!(env::var_os("ABMART_REQUIRE_AZURITE").is_none(), "Azurite is required here, and not found: {how}");
            eprintln!("SKIPPED: Azurite is not found; {how}");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("a file for its output");
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port();
        let process = Command::new(&program)
            .args(["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"])
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut server = Self { process, port, folder };
        server.wait();
        for container in containers {
            server.create(container);
        }
        Some(server)
    }

    /// Its endpoint without the account, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client of a container.
    #[must_use]
    pub fn client(&self, container: &str) -> MicrosoftAzure {
        MicrosoftAzureBuilder::new()
            .with_endpoint(format!("{}/{}", self.url(), Self::ACCOUNT))
            .with_allow_http(true)
            .with_container_name(container)
            .with_account(Self::ACCOUNT)
            .with_access_key(Self::KEY)
            .build()
            .expect("a client")
    }

    /// The environment of a program that is to find it, or a proxy before it, at `endpoint`.
    #[must_use]
    pub fn environment(endpoint: &str) -> [(&'static str, String); 4] {
        [
            ("AZURE_STORAGE_ACCOUNT_NAME", Self::ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", Self::KEY.to_owned()),
            ("AZURE_STORAGE_ENDPOINT", format!("{endpoint}/{}", Self::ACCOUNT)),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = self.process.try_wait().expect("a process to ask");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "Azurite does not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn create(&self, container: &str) {
        let url = format!("{}/{}/{container}?restype=container", self.url(), Self::ACCOUNT);
        let mut request: HttpRequest = hyper::Request::put(url)
            .header(hyper::header::CONTENT_LENGTH, 0)
            .body(HttpRequestBody::empty())
            .expect("a well-formed request");
        let key = AzureAccessKey::try_new(Self::KEY).expect("a well-formed key");
        AzureAuthorizer::new(&AzureCredential::AccessKey(key), Self::ACCOUNT).authorize(&mut request);
        let sent = async {
            let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true))?;
            client
                .execute(request)
                .await
                .map_err(|error| object_store::Error::Generic { store: "Azurite", source: Box::new(error) })
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let answer = runtime.block_on(sent).unwrap_or_else(|error| panic!("container `{container}`: {error}"));
        assert!(answer.status().is_success(), "container `{container}`: {}\n{}", answer.status(), self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("ABMART_AZURITE") {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join("azurite-blob")).find(|program| program.is_file())
}
