//! `abmart validate` of the shipped project: as a command from start to exit, and its two parts in this process.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().sample_size(30).configure_from_args();
    command(&mut criterion);
    parts(&mut criterion);
    criterion.final_summary();
}

fn command(criterion: &mut Criterion) {
    let root = root();
    criterion.bench_function("validate: the command", |bencher| {
        bencher.iter(|| {
            let mut validate = Command::new(env!("CARGO_BIN_EXE_abmart"));
            let status = validate.arg("--project").arg(&root).arg("validate").stdout(Stdio::null()).status();
            assert!(status.is_ok_and(|status| status.success()));
        });
    });
}

fn parts(criterion: &mut Criterion) {
    let root = root();
    let load = || abmart_spec::load(&root, &BTreeMap::new(), &|_| None);
    criterion.bench_function("validate: load", |bencher| bencher.iter(|| black_box(load().is_ok())));
    if let Ok((project, _)) = load() {
        criterion.bench_function("validate: check", |bencher| {
            bencher.iter(|| assert!(black_box(abmart_engine::check(&project)).is_empty()));
        });
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
