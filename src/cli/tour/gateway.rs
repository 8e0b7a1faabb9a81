//! The gateway: the weather of many cities behind one request.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use super::super::failure::{Doing, Failure};
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

/// Runs the gateway on a thread, and asks it.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    output.progress("the gateway");
    let mut lines = Vec::new();
    match serve_and_ask(tour, &mut lines).doing("the gateway")? {
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        verdict => Ok(Shown::lines(lines, verdict)),
    }
}

/// Starts the gateway on a thread, asks it, stops it; fails when the gateway does.
fn serve_and_ask(tour: &Tour<'_>, lines: &mut Vec<String>) -> io::Result<Result<(), Failure>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = format!("http://{}/weather?", listener.local_addr()?);
    let stop = EventFd::new()?;
    thread::scope(|scope| {
        let stopped = stop.as_fd();
        let work = move || serve(listener, Settings::default(), |_| {}, stopped, &mut || Ok(()));
        let gateway = scope.spawn(work);
        let verdict = ask(&address, tour, lines);
        // Always, because the scope waits for the thread.
        let told = stop.signal();
        let served = gateway.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        told.and(served).map(|()| verdict)
    })
}

/// Asks for cities in three ways, notes the answers, and judges them.
fn ask(address: &str, tour: &Tour<'_>, lines: &mut Vec<String>) -> Result<(), Failure> {
    let client = Client::new(Options::default());
    let get = |cities: &[&str]| -> Result<(Json, Duration), Failure> {
        if tour.is_interrupted() {
            return Err(Failure::Interrupted);
        }
        let query = cities.iter().map(|city| format!("city={}", percent::encode(city)));
        let url = format!("{address}{}", query.collect::<Vec<_>>().join("&"));
        let begun = Instant::now();
        let page = client.get(&url).map_err(|error| Failure::Failed(error.to_string()))?;
        let json = Json::parse(&page.body).map_err(|error| Failure::Failed(error.to_string()))?;
        Ok((json, begun.elapsed()))
    };
    let (one, took) = get(&CITIES[..1])?;
    lines.push(format!("GET /weather?city={}: {one} in {}", CITIES[0], span(took)));
    let mut in_a_row = Duration::ZERO;
    for city in CITIES {
        in_a_row += get(&[city])?.1;
    }
    lines.push(format!("{} cities, a request each, in a row: {}", CITIES.len(), span(in_a_row)));
    let (all, at_once) = get(&CITIES)?;
    lines.push(format!("the same in one request: {}", span(at_once)));
    for entry in all.items() {
        lines.push(format!("  {entry}"));
    }
    let (unknown, _) = get(&[UNKNOWN])?;
    lines.push(format!("GET /weather?city={UNKNOWN}: {unknown}"));
    let of = |name: &str, entry: &Json| entry.get(name).and_then(Json::as_text).map(str::to_owned);
    let cities: Vec<_> = all.items().iter().filter_map(|entry| of("city", entry)).collect();
    Err(Failure::Failed(if cities != CITIES {
        format!("expected the cities in the order asked, came {all}")
    } else if all.items().iter().any(|entry| of("weather", entry).is_none()) {
        format!("expected the weather of every city, came {all}")
    } else if unknown.get("weather") != Some(&Json::Null) {
        format!("expected no weather of {UNKNOWN}, came {unknown}")
    } else if at_once >= in_a_row {
        format!("gathered {at_once:?}, in a row {in_a_row:?}")
    } else {
        return Ok(());
    }))
}
