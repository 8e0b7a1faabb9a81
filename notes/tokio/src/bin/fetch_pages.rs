//! `fetch_pages URL N C`: fetches a page N times, C of them at a time, with hyper's client on one thread.

use std::env;
use std::error::Error;
use std::time::Instant;

use handloom_tokio::fetch::fetch_pages;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let words = env::args().skip(1).collect::<Vec<_>>();
    let [url, pages, at_once] = &words[..] else {
        return Err("usage: fetch_pages URL N C".into());
    };
    let (pages, at_once) = (pages.parse()?, at_once.parse::<usize>()?.max(1));
    let began = Instant::now();
    let bytes = fetch_pages(url, pages, at_once)?;
    println!("{pages} pages, {bytes} bytes in {:?}", began.elapsed());
    Ok(())
}
