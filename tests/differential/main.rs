//! One script, several programs, equal bytes: ours, tokio's and Python's.
//!
//! What differs on purpose stands in `notes/differences.md` with its reason, and in the tables at the head of each file here. Where there is
//! no `python3`, its share is skipped, and a line on stderr says so.

#[expect(dead_code, reason = "the scripts and their client are used here, the servers are not")]
#[path = "../support/conversations/mod.rs"]
mod conversations;
mod fetchers;
#[expect(dead_code, reason = "a folder of files that come later")]
#[path = "../support/folder.rs"]
mod folder;
mod gateways;
#[path = "../support/many_at_a_time.rs"]
mod many_at_a_time;
mod python;
mod servers;
mod twin;
mod watchers;

use std::env;
use std::io::{self, Write, stdout};
use std::path::Path;
use std::process::exit;
use std::time::Duration;

use handloom::calc::Config;
use handloom::watch::{Needle, Order};
use handloom_tokio::tokio::net::TcpListener;
use handloom_tokio::tokio::runtime::{Builder, LocalOptions};
use handloom_tokio::{calc, fetch_logs, gateway, watch};
use twin::{BETWEEN, TWIN};

/// The test that becomes a twin when it is told to.
const CHILD: &str = "this_program_is_a_twin_when_it_is_told_so";

/// No test, but what the tests above start: one of tokio's twins, when the environment says so.
#[test]
fn this_program_is_a_twin_when_it_is_told_so() {
    let Ok(words) = env::var(TWIN) else { return };
    let words: Vec<_> = words.split(BETWEEN).collect();
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        match words[..] {
            ["calc", "--addr", address, ref options @ ..] => {
                let listener = TcpListener::bind(address).await.expect("bind");
                let address = listener.local_addr().expect("an address");
                say(&format!("listening on {address}")).expect("stdout");
                let served = calc::serve(listener, config(options), std::future::pending());
                served.await.expect("serve");
            }
            ["fetch", directory, ref urls @ ..] => {
                let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
                let log = |name| Path::new(directory).join(name);
                let mut came = fetch_logs::sequential(&urls, &log("fetch-sequential.log")).await;
                came = came.and(fetch_logs::concurrent(&urls, 64, &log("fetch-async.log")).await);
                exit(i32::from(!came.expect("the logs")));
            }
            ["gateway", "--addr", address, "--upstream", upstream, "--appid", appid] => {
                let listener = TcpListener::bind(address).await.expect("bind");
                let address = listener.local_addr().expect("an address");
                say(&format!("listening on {address}")).expect("stdout");
                let served =
                    gateway::serve(listener, gateway::Upstream::new(upstream, appid)).await;
                match served.expect("serve") {}
            }
            ["watch", path, needle, interval] => {
                let needle = Needle::new(needle).expect("a needle");
                let interval = Duration::from_secs_f64(interval.parse().expect("seconds"));
                let order = Order { path: path.into(), needle, interval };
                watch::watch(&order, std::future::pending(), say).await.expect("watch");
            }
            ref words => panic!("no such twin: {words:?}"),
        }
    });
}

/// Writes a line to stdout, past the harness.
fn say(line: &str) -> io::Result<()> {
    stdout().write_all(format!("{line}\n").as_bytes())
}

/// Reads the options of the calculator.
fn config(options: &[&str]) -> Config {
    let mut config = Config::default();
    for pair in options.chunks(2) {
        let [name, value] = pair else { panic!("expected a value for each of {options:?}") };
        match *name {
            "--op" => config.op = value.parse().expect("an operation"),
            "--pause-ms" => {
                config.pause = Duration::from_millis(value.parse().expect("milliseconds"));
            }
            "--max-message" => config.max_message_bytes = value.parse().expect("bytes"),
            _ => panic!("no such option: {name}"),
        }
    }
    config
}
