//! A bucket of very many objects, of which there is nothing but the listing.

use std::io;

use crate::listen::{Answer, Listening, answer, listen};

/// A server that lists a bucket of so many objects, a thousand on a page as S3 does. It has nothing else.
#[derive(Debug)]
pub struct Pages {
    listening: Listening,
}

/// Objects on a page.
const PAGE: usize = 1000;

impl Pages {
    /// Starts a server whose buckets all hold the objects `lake/<number>.parquet`, numbered from 0 in nine digits.
    #[must_use]
    pub fn start(objects: usize) -> Self {
        let listening = listen(move |request, _| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            async move { Ok::<Answer, io::Error>(answer(200, "application/xml", page(&query, objects))) }
        });
        Self { listening }
    }

    /// Its endpoint, `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.listening.address)
    }
}

fn page(query: &str, objects: usize) -> String {
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let first: usize = value("continuation-token").and_then(|token| token.parse().ok()).unwrap_or_default();
    let longest = value("max-keys").and_then(|keys| keys.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let next = (first + longest).min(objects);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>");
    let objects_of_page = (first..next).map(|number| {
        format!(
            "<Contents><Key>lake/{number:09}.parquet</Key><LastModified>2026-07-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;{number:x}&quot;</ETag><Size>{number}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )
    });
    text.extend(objects_of_page);
    let more = next < objects;
    let token = if more { format!("<NextContinuationToken>{next}</NextContinuationToken>") } else { String::new() };
    format!("{text}{token}<IsTruncated>{more}</IsTruncated></ListBucketResult>")
}
