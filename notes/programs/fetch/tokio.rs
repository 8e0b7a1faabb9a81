use handloom::fetch::embed;
use handloom::web::server::Config;
use handloom_tokio::tokio;
use std::cell::RefCell;
use std::error::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Three pages, and how many milliseconds each takes.
const PAGES: [(&str, u32); 3] = [("a", 300), ("b", 100), ("c", 200)];

/// The status of a response. tokio has no HTTP client; its users take `reqwest`.
async fn get(host: &str, target: &str) -> Result<u16, Box<dyn Error>> {
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response.split(' ').nth(1).ok_or("no status")?.parse()?)
}

async fn fetch(site: &str, page: &str, pause: u32, log: &RefCell<Vec<String>>) -> Result<(), Box<dyn Error>> {
    log.borrow_mut().push(format!("{page} started"));
    let status = get(site, &format!("/slow?ms={pause}")).await?;
    log.borrow_mut().push(format!("{page} received {status}"));
    Ok(())
}

async fn one_after_another(site: &str, log: &RefCell<Vec<String>>) -> Result<(), Box<dyn Error>> {
    for (page, pause) in PAGES {
        fetch(site, page, pause, log).await?;
    }
    Ok(())
}

async fn at_once(site: &str, log: &RefCell<Vec<String>>) -> Result<(), Box<dyn Error>> {
    let [a, b, c] = PAGES.map(|(page, pause)| fetch(site, page, pause, log));
    tokio::try_join!(a, b, c)?;
    Ok(())
}

pub fn main() -> Result<(), Box<dyn Error>> {
    let site = embed(Config::default())?;
    let (address, log) = (site.address().to_string(), RefCell::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(one_after_another(&address, &log))?;
    let row = log.take();
    runtime.block_on(at_once(&address, &log))?;
    let together = log.take();
    assert_eq!(row.join(", "), "a started, a received 200, b started, b received 200, c started, c received 200");
    let (started, received) = together.split_at(3);
    assert!(started.iter().all(|line| line.ends_with("started")));
    assert_eq!(received.join(", "), "b received 200, c received 200, a received 200");
    Ok(())
}
