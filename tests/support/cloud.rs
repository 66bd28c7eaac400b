//! Stores in an S3 server of this process, as the program and its readers find them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use abmart_testkit::{Proxy, S3Server};
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::Value;
use tempfile::TempDir;

use super::program::{Files, Outcome, collect};
use super::tiny::{Tiny, ended};

/// A server with the buckets `lake`, `marts` and `cache`, a proxy before it, and a project that is run on them.
pub struct Cloud {
    /// The server.
    pub server: S3Server,
    /// What all requests of the program go through.
    pub proxy: Proxy,
    project: PathBuf,
    scratch: TempDir,
}

impl Cloud {
    /// A project in a folder, with its lake.
    pub fn new(project: &Path, lake: &Path) -> Self {
        let server = S3Server::start(&["lake", "marts", "cache"]);
        let proxy = Proxy::start(&server.url());
        let cloud =
            Self { server, proxy, project: project.to_owned(), scratch: TempDir::new().expect("a temporary folder") };
        let mut files = Files::new();
        collect(lake, "", &mut files);
        let bucket = cloud.server.client("lake");
        for (key, content) in files {
            put(&bucket, &key, content);
        }
        cloud
    }

    /// Lets the snapshot of a night come into the lake, as it lies in a folder.
    pub fn night(&self, place: &Tiny, number: u8) {
        let key = Tiny::snapshot(number);
        put(&self.server.client("lake"), &key, fs::read(place.lake().join(&key)).expect("a snapshot"));
    }

    /// The program on the cloud's stores.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abmart"));
        command
            .args(arguments)
            .arg("--project")
            .arg(&self.project)
            .args(["--lake", "s3://lake", "--marts", "s3://marts/abm", "--cache", "s3://cache"])
            .env_remove("ABMART_LOG")
            .env("TMPDIR", self.scratch.path())
            .envs(S3Server::environment(&self.proxy.url()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        ended(self.command(arguments).spawn().expect("the program starts"))
    }

    /// Mart and name of the file → content, by the manifest.
    pub fn published(&self) -> Files {
        published(&self.server.folder("marts").join("abm"))
    }

    /// Files that a run has left in its temporary folder.
    pub fn leftovers(&self) -> Files {
        let mut files = Files::new();
        collect(self.scratch.path(), "", &mut files);
        files
    }
}

/// Puts an object into a bucket.
pub fn put(bucket: &dyn ObjectStore, key: &str, content: Vec<u8>) {
    runtime().block_on(bucket.put(&key.into(), content.into())).expect("an object that can be put");
}

/// All objects of a bucket.
pub fn objects(bucket: &dyn ObjectStore) -> Files {
    runtime().block_on(async {
        let listed: Vec<_> = bucket.list(None).try_collect().await.expect("a listing");
        let mut files = Files::new();
        for object in listed {
            let content = bucket.get(&object.location).await.expect("an object").bytes().await.expect("its content");
            files.insert(object.location.to_string(), content.to_vec());
        }
        files
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Mart and name of the file → content, as the manifest of a folder of marts has it.
pub fn published(marts: &Path) -> Files {
    let text = fs::read(marts.join("_abmart/manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    let mut files = BTreeMap::new();
    for (mart, entry) in manifest["marts"].as_object().expect("marts") {
        for file in entry["files"].as_array().expect("files") {
            let key = file["key"].as_str().expect("a key");
            let name = file["name"].as_str().map_or_else(|| key.to_owned(), |name| format!("{mart}/{name}"));
            files.insert(name, fs::read(marts.join(key)).expect("a file that the manifest names"));
        }
    }
    files
}
