use abmart_spec::Document;
#[test]
fn x() {
    for path in glob::glob("../../jobs/**/*.yaml")
        .unwrap()
        .chain(glob::glob("../../pipelines.yaml").unwrap())
        .chain(glob::glob("../../tests/fixtures/**/*.yaml").unwrap())
    {
        let path = path.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        match abmart_fmt::format(&text, Document::Job) {
            Ok(out) => {
                let to = std::path::Path::new("/tmp/fmtout").join(path.strip_prefix("../../").unwrap());
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::write(to, &out).unwrap();
                let again = abmart_fmt::format(&out, Document::Job).unwrap();
                if again != out {
                    println!("NOT IDEMPOTENT {}", path.display());
                    std::fs::write("/tmp/fmtout/again.yaml", again).unwrap();
                }
            }
            Err(e) => println!("{}: {} {:?}", path.display(), e, e.0.span),
        }
    }
}
