//! `handloom weather`: the weather of many cities, asked for all at once.
//!
//! **Invariants**
//! - `WEATHERCMD-1`: a line for each city, in the order asked, whatever came of it.
//! - `WEATHERCMD-2`: a city that the upstream does not know is an answer, and the exit code stays 0; it is 1 when the
//!   upstream failed, or was too slow, for any of them.
//! - `WEATHERCMD-3`: the key is never written.
//!
//! **Left out**: a key from the environment. On the command line it can be seen by who may list processes.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::command_line::{Args, Opt, Subcommand};
use super::failure::{Doing, Failure};
use super::interrupt::interruption;
use super::listening::LONGEST;
use super::output::{Output, quiet_loop};
use super::values::{parsed, seconds, text};
use crate::aio::{Descriptor, Either, race};
use crate::json::Json;
use crate::weather::gateway::entry_status;
use crate::weather::{
    Answer, AppId, AskedCity, CITIES, Embedded, Endpoint, MOST_AT_ONCE, Upstream, Weather, ask_all,
};

/// The shortest limit that may be asked for.
const LEAST: Duration = Duration::from_millis(1);

/// The option of the upstream's address, for the gateway too.
pub(crate) const UPSTREAM: Opt = Opt::new(
    "--upstream URL",
    "who is asked, such as http://api.openweathermap.org; by default one that is embedded",
);

/// The option of the key.
pub(crate) const APPID: Opt = Opt::new("--appid KEY", "the key that the upstream wants");

/// The option of the upstream's time.
pub(crate) const TIMEOUT: Opt =
    Opt::new("--timeout S", "seconds that the upstream may take over a city").default("10");

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "weather",
    summary: "The weather of many cities, asked for all at once",
    options: &[
        UPSTREAM,
        APPID,
        TIMEOUT,
        Opt::new("--sequential", "asks for one city after another, for the comparison"),
        Opt::new("--json", "prints a list of JSON objects"),
    ],
    operands: &[("[CITY...]", "which cities; by default the twelve of the course")],
    examples: &[
        ("handloom weather", "Twelve cities in the time of the slowest."),
        ("handloom weather --sequential", "The same in the time of all."),
        ("handloom weather London 'New York' Atlantis", "One of them is not on the map."),
    ],
    run,
};

/// Asks, and prints the answers.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut cities = args.operands(0, text(city))?;
    if cities.is_empty() {
        cities = CITIES.map(str::to_owned).to_vec();
    }
    let limit = args.value("timeout", seconds(LEAST, LONGEST))?;
    let upstream = upstream(args)?;
    let at_once = if args.is_given("sequential") { 1 } else { MOST_AT_ONCE };
    let stop = interruption()?;
    let event_loop = quiet_loop()?;
    let begun = Instant::now();
    let asked = event_loop.block_on(ask(&cities, upstream, limit, at_once, stop))?;
    let took = begun.elapsed();
    if args.is_given("json") {
        output.line(to_json(&asked))?;
    } else {
        asked.iter().try_for_each(|asked| output.line(line(asked)))?;
    }
    output.note(summary(&asked, took, at_once));
    verdict(&asked)
}

/// Reads the name of a city.
fn city(text: &str) -> Result<String, String> {
    let city = text.trim();
    if city.is_empty() {
        Err("expected the name of a city".to_owned())
    } else {
        Ok(city.to_owned())
    }
}

/// Reads who is asked; nobody is the embedded upstream.
pub(crate) fn upstream(args: &Args) -> Result<Option<(Endpoint, AppId)>, Failure> {
    let endpoint = args.optional("upstream", text(parsed::<Endpoint>))?;
    let key = args.optional("appid", text(|key| Ok(AppId::new(key))))?;
    Ok(endpoint.map(|endpoint| (endpoint, key.unwrap_or_default())))
}

/// Asks for all cities, until that is done or somebody presses ctrl-c.
async fn ask(
    cities: &[String],
    upstream: Option<(Endpoint, AppId)>,
    limit: Duration,
    at_once: usize,
    stop: BorrowedFd<'static>,
) -> Result<Vec<AskedCity>, Failure> {
    let failure = |error| Failure::while_doing("weather", error);
    let mut stop = Descriptor::new(stop).map_err(failure)?;
    let asking = async {
        let Some((endpoint, key)) = upstream else {
            return ask_embedded(cities, limit, at_once).await;
        };
        let upstream = Upstream::new(endpoint, key, limit, MOST_AT_ONCE);
        Ok(ask_all(&upstream, cities, at_once).await)
    };
    match race(asking, stop.readable()).await {
        Either::First(asked) => asked,
        Either::Second(_) => Err(Failure::Interrupted),
    }
}

/// Asks the embedded upstream, which answers on this loop meanwhile.
async fn ask_embedded(
    cities: &[String],
    limit: Duration,
    at_once: usize,
) -> Result<Vec<AskedCity>, Failure> {
    let failure = |error| Failure::while_doing("embedded upstream", error);
    let embedded = Embedded::listen().map_err(failure)?;
    let endpoint = embedded.endpoint();
    let endpoint = endpoint.doing("embedded upstream")?;
    let upstream = Upstream::new(endpoint, Embedded::key(), limit, MOST_AT_ONCE);
    match race(ask_all(&upstream, cities, at_once), embedded.serve(|_| {})).await {
        Either::First(asked) => Ok(asked),
        Either::Second(ended) => {
            let error =
                ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
            Err(Failure::while_doing("embedded upstream", error))
        }
    }
}

/// Writes what came of a city (`WEATHERCMD-1`). An upstream may answer anything: what would break the line, or command
/// the terminal, is written as its number.
fn line(asked: &AskedCity) -> String {
    let mut line = String::new();
    for character in format!("{}: {}", asked.city, asked.answer).chars() {
        if character.is_control() {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

/// Writes what came of all, as JSON; what is not known is null.
fn to_json(asked: &[AskedCity]) -> Json {
    let object = |asked: &AskedCity| {
        let (weather, why) = match &asked.answer {
            Answer::Known(weather) => (Some(weather), None),
            answer => (None, Some(answer.to_string())),
        };
        let text = |text: Option<String>| text.map_or(Json::Null, Json::Text);
        let description = weather.and_then(|weather| weather.description.clone());
        let mut members = vec![
            ("city", Json::text(&*asked.city)),
            ("weather", text(weather.map(|weather| weather.main.clone()))),
            ("description", text(description)),
            ("celsius", Json::real(weather.and_then(Weather::celsius))),
            ("seconds", Json::real(asked.took.as_secs_f64())),
        ];
        if let Some(why) = why {
            members.push(("reason", Json::Text(why)));
        }
        if asked.answer.is_failure() {
            // As the gateway has it, where a reason alone means that the city is unknown.
            let status = entry_status(&asked.answer);
            members.push(("status", Json::whole(status.code().into())));
        }
        Json::object(members)
    };
    Json::List(asked.iter().map(object).collect())
}

/// Says how long it took, beside the slowest answer.
fn summary(asked: &[AskedCity], took: Duration, at_once: usize) -> String {
    let slowest = asked.iter().map(|asked| asked.took).max().unwrap_or_default();
    let how = if at_once == 1 { "one after another" } else { "all at once" };
    let cities = if asked.len() == 1 { "city" } else { "cities" };
    let (took, slowest) = (took.as_secs_f64(), slowest.as_secs_f64());
    let count = asked.len();
    format!("{count} {cities}, {how}: {took:.3} s; the slowest answer took {slowest:.3} s")
}

/// How the program ends (`WEATHERCMD-2`).
fn verdict(asked: &[AskedCity]) -> Result<(), Failure> {
    let failed = asked.iter().filter(|asked| asked.answer.is_failure()).count();
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Failed(format!("no answer for {failed} of {}", asked.len()))),
    }
}
