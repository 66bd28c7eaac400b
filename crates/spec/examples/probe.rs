//! probe
fn main() {
    let root = std::env::args().nth(1).unwrap();
    let t = std::time::Instant::now();
    let r = abmart_spec::load(std::path::Path::new(&root), &Default::default(), &|_| None);
    eprintln!("{:?}", t.elapsed());
    match r {
        Ok((p, w)) => {
            eprintln!("ok {} warnings", w.len());
            eprintln!("{}", abmart_spec::diagnostic::render(&w, &p.files, false));
            let t = std::time::Instant::now();
            let g = p.graph();
            let f = abmart_spec::fingerprint::fingerprints(&p);
            eprintln!("graph+fp {:?} {} {}", t.elapsed(), g.order().len(), f.len());
        }
        Err(e) => {
            println!("{}", e.render(false));
            eprintln!("{e}");
        }
    }
}
