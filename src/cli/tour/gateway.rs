//! The gateway: the weather of many cities behind one request.

use std::time::{Duration, Instant};

use super::super::output::{Doing, Failure, Output};
use super::part::{Part, Shown, Tour};
use crate::compare::{Server, ServerCommand};
use crate::http::percent;
use crate::json::Json;
use crate::os::wait_readable;
use crate::report::span;
use crate::weather::CITIES;
use crate::web::client::{Options, blocking::Client};

/// The part.
pub(super) const PART: Part = Part {
    title: "the gateway: the weather of twelve cities",
    introduction: "A server on the event loop that asks another server, which is slow, and answers with JSON. First one \
        city, then twelve by a request each, then the same twelve by one request, then one that is not there.",
    run,
    notices: &[
        "One request for twelve cities takes as long as the slowest of them: they are gathered, all at once.",
        "Twelve requests in a row take the sum. The client waits, and the server has nothing to do meanwhile.",
        "The answers stand in the order asked, whichever came first. An unknown city spoils nothing.",
        "`handloom gateway` runs it for your own curl or browser; `handloom weather` asks without it.",
    ],
};

/// A city that the embedded upstream does not know.
const UNKNOWN: &str = "Atlantis";

/// Runs the gateway in a process of its own, and asks it.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    output.progress("the gateway");
    let arguments = ["gateway", "--addr", "127.0.0.1:0", "--access-log", "/dev/null"];
    let command = ServerCommand::of_this_program("gateway", &arguments);
    let server =
        Server::start(&command, Some(tour.stop)).map_err(|error| Failure::of_io(&error))?;
    let mut lines = Vec::new();
    let verdict = ask(&format!("http://{}/weather?", server.address()), tour, &mut lines);
    server.end().doing("the gateway")?;
    Ok(Shown { text: lines.join("\n") + "\n", failure: verdict.err(), ..Shown::default() })
}

/// Asks for cities in three ways, notes the answers, and judges them.
fn ask(address: &str, tour: &Tour<'_>, lines: &mut Vec<String>) -> Result<(), Failure> {
    let client = Client::new(Options::default());
    let get = |cities: &[&str]| -> Result<(Json, Duration), Failure> {
        if wait_readable(tour.stop, Duration::ZERO).unwrap_or(false) {
            return Err(Failure::Interrupted);
        }
        let query = cities.iter().map(|city| format!("city={}", percent::encode(city)));
        let url = format!("{address}{}", query.collect::<Vec<_>>().join("&"));
        let begun = Instant::now();
        let page = client.get(&url).doing(&url)?;
        Ok((Json::parse(&page.body).doing(&url)?, begun.elapsed()))
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
    lines.extend(all.items().iter().map(|entry| format!("  {entry}")));
    let (unknown, _) = get(&[UNKNOWN])?;
    lines.push(format!("GET /weather?city={UNKNOWN}: {unknown}"));
    let of = |name: &str, entry: &Json| entry.get(name).and_then(Json::as_text).map(str::to_owned);
    let cities: Vec<_> = all.items().iter().filter_map(|entry| of("city", entry)).collect();
    let is_right = cities == CITIES
        && all.items().iter().all(|entry| of("weather", entry).is_some())
        && unknown.get("weather") == Some(&Json::Null)
        && at_once < in_a_row;
    let failure = || Failure::Failed("these are not the answers that are expected".to_owned());
    is_right.then_some(()).ok_or_else(failure)
}
