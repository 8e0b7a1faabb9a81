//! `watch FILE [NEEDLE [SECONDS]]`: handloom's `watch --mode async`, on tokio and the `notify` crate.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use handloom::watch::{Deletion, Needle, Order, Outcome};
use handloom_tokio::watch::watch;
use tokio::runtime::{Builder, LocalOptions};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let path = words.next().ok_or("usage: watch FILE [NEEDLE [SECONDS]]")?.into();
    let needle = words.next().unwrap_or_else(|| "Wow!".to_owned());
    let needle = Needle::new(needle).ok_or("expected at least one character")?;
    let interval = words.next().map_or(Ok(5.0), |text| text.parse())?;
    let order = Order { path, needle, interval: Duration::try_from_secs_f64(interval)? };
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    Ok(match runtime.block_on(watch(&order, stop, line))? {
        Outcome::Found(Deletion::Deleted | Deletion::Gone) => ExitCode::SUCCESS,
        Outcome::Found(Deletion::Replaced) => ExitCode::FAILURE,
        Outcome::Stopped => ExitCode::from(130),
    })
}

/// Writes a line to stdout.
fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{text}\n").as_bytes())?;
    stdout.flush()
}
