//! `fetch DIRECTORY URL ...`: handloom's `fetch`, on tokio and hyper; writes two logs into the directory.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use handloom_tokio::fetch_logs::{concurrent, sequential};
use tokio::runtime::Builder;

/// How many are fetched at once.
const AT_ONCE: usize = 64;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words = env::args().skip(1).collect::<Vec<_>>();
    let [directory, urls @ ..] = &words[..] else {
        return Err("usage: fetch DIRECTORY URL ...".into());
    };
    let log = |name| Path::new(directory).join(name);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let mut all_came = runtime.block_on(sequential(urls, &log("fetch-sequential.log")))?;
    println!("sequential  {:.3?}", began.elapsed());
    let began = Instant::now();
    all_came &= runtime.block_on(concurrent(urls, AT_ONCE, &log("fetch-async.log")))?;
    println!("async       {:.3?}", began.elapsed());
    Ok(if all_came { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
