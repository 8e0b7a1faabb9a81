use handloom::aio::gather;
use handloom::fetch::embed;
use handloom::rt::block_on;
use handloom::web::client::{Failure, Options, asynchronous, blocking};
use handloom::web::server::Config;
use std::cell::RefCell;
use std::error::Error;

/// Three pages, and how many milliseconds each takes.
const PAGES: [(&str, u32); 3] = [("a", 300), ("b", 100), ("c", 200)];

fn one_after_another(site: &str, log: &RefCell<Vec<String>>) -> Result<(), Failure> {
    let client = blocking::Client::new(Options::default());
    for (page, pause) in PAGES {
        log.borrow_mut().push(format!("{page} started"));
        let response = client.get(&format!("{site}{pause}"))?;
        log.borrow_mut().push(format!("{page} received {}", response.status().code()));
    }
    Ok(())
}

async fn at_once(site: &str, log: &RefCell<Vec<String>>) -> Result<(), Failure> {
    let client = asynchronous::Client::new(Options::default());
    let fetch = async |(page, pause)| {
        log.borrow_mut().push(format!("{page} started"));
        let response = client.get(&format!("{site}{pause}")).await?;
        log.borrow_mut().push(format!("{page} received {}", response.status().code()));
        Ok(())
    };
    gather(PAGES.map(fetch)).await.into_iter().collect()
}

pub fn main() -> Result<(), Box<dyn Error>> {
    let site = embed(Config::default())?;
    let (address, log) = (site.url("/slow?ms="), RefCell::default());
    one_after_another(&address, &log)?;
    let row = log.take();
    block_on(at_once(&address, &log))?;
    let together = log.take();
    assert_eq!(row.join(", "), "a started, a received 200, b started, b received 200, c started, c received 200");
    assert_eq!(together.join(", "), "a started, b started, c started, b received 200, c received 200, a received 200");
    Ok(())
}
