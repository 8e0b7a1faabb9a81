//! The gateway: the weather of many cities behind one request.

use std::fmt::Write as _;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use super::super::failure::Failure;
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::http::percent;
use crate::json::Json;
use crate::os::EventFd;
use crate::report::span;
use crate::weather::CITIES;
use crate::weather::gateway::{Settings, serve};
use crate::web::client::{Options, blocking::Client};

/// The part.
pub(super) const PART: Part = Part {
    title: "The gateway: the weather of twelve cities",
    introduction: &[
        "A server on the event loop that asks another server, which is slow, and answers with JSON.",
        "First one city, then twelve by a request each, then the same twelve by one request, then one that is not there.",
    ],
    run,
    notices: &[
        "One request for twelve cities takes as long as the slowest of them: they are gathered, all at once.",
        "Twelve requests in a row take the sum. The client waits, and the server has nothing to do meanwhile.",
        "The answers stand in the order asked, whichever came first. A city that nobody knows spoils nothing.",
        "`handloom gateway` runs it for your own curl or browser; `handloom weather` asks without it.",
    ],
};

/// A city that the embedded upstream does not know.
const UNKNOWN: &str = "Atlantis";

/// Starts the gateway on a thread, asks it, stops it.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    output.progress("the gateway");
    let failed = |error: io::Error| Failure::while_doing("the gateway", error);
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = EventFd::new().map_err(failed)?;
    let mut text = String::new();
    let asked = thread::scope(|scope| {
        let stopped = stop.as_fd();
        let work = move || serve(listener, Settings::default(), |_| {}, stopped, &mut || Ok(()));
        let gateway = scope.spawn(work);
        let asked = ask(&format!("http://{address}/weather?"), tour, &mut text);
        // On every way out: the scope waits for the thread.
        let told = stop.signal();
        let served = gateway.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        told.and(served).map(|()| asked)
    });
    let asked = asked.map_err(failed)?;
    match asked {
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        verdict => Ok(Shown::text(text, verdict)),
    }
}

/// Asks for cities in three ways, and writes down what came.
fn ask(address: &str, tour: &Tour<'_>, text: &mut String) -> Result<(), Failure> {
    let client = Client::new(Options::default());
    let get = |cities: &[&str]| -> Result<(Json, Duration), Failure> {
        if tour.is_interrupted() {
            return Err(Failure::Interrupted);
        }
        let query: Vec<_> =
            cities.iter().map(|city| format!("city={}", percent::encode(city))).collect();
        let begun = Instant::now();
        let page = client.get(&format!("{address}{}", query.join("&")));
        let page = page.map_err(|error| Failure::Failed(error.to_string()))?;
        let json = Json::parse(&page.body).map_err(|error| Failure::Failed(error.to_string()))?;
        Ok((json, begun.elapsed()))
    };
    let mut note =
        |line: String| writeln!(text, "{line}").expect("holds because a String takes all");
    let (one, took) = get(&CITIES[..1])?;
    note(format!("GET /weather?city={}: {} in {}", CITIES[0], one, span(took)));
    let mut in_a_row = Duration::ZERO;
    for city in CITIES {
        in_a_row += get(&[city])?.1;
    }
    note(format!("{} cities, a request each, in a row: {}", CITIES.len(), span(in_a_row)));
    let (all, at_once) = get(&CITIES)?;
    note(format!("the same in one request: {}", span(at_once)));
    for entry in all.items() {
        note(format!("  {entry}"));
    }
    let (unknown, _) = get(&[UNKNOWN])?;
    note(format!("GET /weather?city={UNKNOWN}: {unknown}"));
    judge(&all, &unknown, in_a_row, at_once)
}

/// Tells whether the gateway did what it is for.
fn judge(all: &Json, unknown: &Json, in_a_row: Duration, at_once: Duration) -> Result<(), Failure> {
    let city = |entry: &Json| entry.get("city").and_then(Json::as_text).map(str::to_owned);
    let has_weather = |entry: &Json| entry.get("weather").and_then(Json::as_text).is_some();
    let cities: Vec<_> = all.items().iter().filter_map(city).collect();
    if cities != CITIES {
        return Err(Failure::Failed(format!("expected the cities in the order asked, came {all}")));
    }
    if !all.items().iter().all(has_weather) {
        return Err(Failure::Failed(format!("expected the weather of every city, came {all}")));
    }
    if unknown.get("weather") != Some(&Json::Null) {
        return Err(Failure::Failed(format!("expected no weather of {UNKNOWN}, came {unknown}")));
    }
    if at_once >= in_a_row {
        return Err(Failure::Failed(format!("gathered {at_once:?}, in a row {in_a_row:?}")));
    }
    Ok(())
}
