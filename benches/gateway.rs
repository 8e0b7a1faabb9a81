//! The gateway for twelve cities, beside the slowest answer of its upstream.
//!
//! `cargo bench -p handloom-benches --bench gateway` prints one table. The embedded upstream and the gateway each have a thread and a loop;
//! a client that blocks asks for the twelve cities of the course, each time on a new connection, as `curl` would.
//!
//! | column | metric |
//! | --- | --- |
//! | slowest answer | the longest of the upstream's twelve, from the head of a request to the answer, told by its own log |
//! | gateway | what the client saw, from before its connect to the last byte |
//! | above | how much longer that is |
//!
//! What would change the conclusion: an upstream that is far away, where a connect of the first request costs a round
//! trip more; a busy machine.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use handloom::http::percent::encode;
use handloom::os::EventFd;
use handloom::rt::EventLoop;
use handloom::weather::gateway::{self, Settings};
use handloom::weather::{CITIES, Embedded};
use handloom::web::client::{Options, Request, blocking};

/// How often the gateway is asked.
const ROUNDS: usize = 20;

fn main() {
    let (tell, told) = channel();
    let (answered, answers) = channel();
    // Ends with the process.
    drop(thread::spawn(move || {
        EventLoop::new().expect("a loop").block_on(async {
            let embedded = Embedded::listen().expect("listen");
            tell.send(embedded.endpoint().expect("endpoint")).expect("main waits");
            embedded.serve(move |entry| answered.send(entry.took).expect("main listens")).await
        })
    }));
    let upstream = Some((told.recv().expect("an endpoint"), Embedded::key()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let cities: Vec<_> = CITIES.iter().map(|city| format!("city={}", encode(city))).collect();
    let address = listener.local_addr().expect("address");
    let url = format!("http://{address}/weather?{}", cities.join("&"));
    let stop = EventFd::new().expect("eventfd");
    thread::scope(|scope| {
        let settings = Settings { upstream, ..Settings::default() };
        scope.spawn(|| {
            gateway::serve(listener, settings, |_| {}, stop.as_fd(), &mut || Ok(()))
                .expect("served");
        });
        println!("round  slowest answer     gateway   above");
        let mut shares = Vec::new();
        for round in 1..=ROUNDS {
            let took = ask(&url);
            let slowest: Duration =
                answers.iter().take(CITIES.len()).max().expect("the upstream answered");
            let share = took.as_secs_f64() / slowest.as_secs_f64() - 1.0;
            let (slowest, took) = (slowest.as_secs_f64() * 1e3, took.as_secs_f64() * 1e3);
            println!("{round:>5}  {slowest:>11.3} ms  {took:>7.3} ms  {:>5.2} %", share * 100.0);
            shares.push(share * 100.0);
        }
        shares.sort_by(f64::total_cmp);
        println!("median {:.2} %, worst {:.2} %", shares[ROUNDS / 2], shares[ROUNDS - 1]);
        stop.signal().expect("signal");
    });
}

/// Asks for the twelve cities; returns how long that took.
fn ask(url: &str) -> Duration {
    let (begun, mut body) = (Instant::now(), Vec::new());
    let request = Request::get(url).expect("an address");
    let response = blocking::Client::new(Options::default()).fetch(&request, &mut body);
    let took = begun.elapsed();
    assert_eq!(response.expect("an answer").status().code(), 200);
    let text = String::from_utf8(body).expect("text");
    assert_eq!(text.matches(r#", "weather": ""#).count(), CITIES.len(), "{text}");
    took
}
