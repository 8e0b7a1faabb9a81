//! Fetching pages, as `handloom::web::client::asynchronous` does, with hyper's client.
//!
//! hyper-util's `Client` keeps connections, as Handloom's does, and `Collected` collects a body as a `Vec` does. It sets no
//! time limits; Handloom's has three on each request.

use std::error::Error;

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Builder;

/// Fetches a page `pages` times, `at_once` of them at a time, on one thread; returns the bytes of all bodies.
///
/// # Errors
/// A fetch failed, or the address is none.
pub fn fetch_pages(
    url: &str,
    pages: usize,
    at_once: usize,
) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let url: Uri = url.parse()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let workers = (0..at_once).map(|worker| {
            let (client, url) = (client.clone(), url.clone());
            // The first workers take what does not part evenly.
            let share = pages / at_once + usize::from(worker < pages % at_once);
            tokio::spawn(async move {
                let mut bytes = 0;
                for _ in 0..share {
                    let response = client.get(url.clone()).await?;
                    bytes += response.into_body().collect().await?.to_bytes().len();
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(bytes)
            })
        });
        let mut bytes = 0;
        for worker in workers.collect::<Vec<_>>() {
            bytes += worker.await??;
        }
        Ok(bytes)
    })
}
