//! `gateway --upstream URL [--addr A] [--appid KEY]`: handloom's `gateway`, on tokio and hyper.

use std::env;
use std::error::Error;
use std::io::{self, Write};

use handloom_tokio::gateway::{Upstream, serve};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut address, mut upstream, mut appid) = ("127.0.0.1:8003".to_owned(), None, String::new());
    let mut words = env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--addr" => address = value,
            "--upstream" => upstream = Some(value),
            "--appid" => appid = value,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let upstream = Upstream::new(&upstream.ok_or("--upstream is missing")?, &appid);
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        let mut stdout = io::stdout();
        writeln!(stdout, "listening on {}", listener.local_addr()?)?;
        stdout.flush()?;
        match serve(listener, upstream).await? {}
    })
}
