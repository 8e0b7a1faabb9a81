//! `handloom weather`: the weather of many cities, asked for all at once.
//!
//! **Invariants**
//! - `WEATHERCMD-1`: each city has one line, in the order asked, also when there is no answer.
//! - `WEATHERCMD-2`: a city that the upstream does not know is an answer, and the exit code stays 0; it is 1 when the
//!   upstream failed, or was too slow, for any of them.
//! - `WEATHERCMD-3`: the key is never written.

use std::time::{Duration, Instant};

use super::command_line::{Args, Subcommand};
use super::interrupt::exit_when_interrupted;
use super::output::{Doing, Failure, Output, quiet_loop};
use super::timeline::TRACE;
use super::values::{parsed, text, time_limit};
use crate::aio::{Either, race};
use crate::json::Json;
use crate::weather::gateway::entry_status;
use crate::weather::{
    Answer, AppId, AskedCity, CITIES, Embedded, Endpoint, MOST_AT_ONCE, Upstream, Weather, ask_all,
};

/// The option with the upstream's address. The gateway has these three options too.
pub(crate) const UPSTREAM: &str = "--upstream URL: the weather service, such as http://api.openweathermap.org; by default a small one that this program runs";

/// The option with the key.
pub(crate) const APPID: &str = "--appid KEY: the key that the service asks for";

/// The option with the time limit of a call.
pub(crate) const TIMEOUT: &str = "--timeout S [10]: the most seconds for the answer about a city";

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "weather",
    summary: "The weather of many cities, asked for all at once",
    options: &[
        "[CITY...]: which cities; by default the twelve of the course",
        UPSTREAM,
        APPID,
        TIMEOUT,
        "--sequential: asks for one city after another, to compare the time",
        "--json: prints a list of JSON objects",
        TRACE,
    ],
    examples: &[
        "handloom weather  # Twelve cities, in the time that the slowest answer takes.",
        "handloom weather --sequential  # The same, in the time of all answers together.",
        "handloom weather London 'New York' Atlantis  # Three cities; the service does not know the last one.",
    ],
    run,
};

/// Asks, and prints the answers.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut cities = args.operands(text(city))?;
    if cities.is_empty() {
        cities = CITIES.map(str::to_owned).to_vec();
    }
    let limit = args.value("timeout", time_limit())?;
    let upstream = upstream(args)?;
    let at_once = if args.is_given("sequential") { 1 } else { MOST_AT_ONCE };
    exit_when_interrupted(args, || ())?;
    let begun = Instant::now();
    let asked = quiet_loop()?.block_on(async {
        let Some((endpoint, key)) = upstream else {
            return ask_embedded(&cities, limit, at_once).await;
        };
        let upstream = Upstream::new(endpoint, key, limit, MOST_AT_ONCE);
        Ok(ask_all(&upstream, &cities, at_once).await)
    })?;
    let took = begun.elapsed();
    let lines: String = asked.iter().map(line).collect();
    output.result(args.is_given("json"), to_json(&asked), &lines)?;
    output.note(summary(&asked, took, at_once));
    // WEATHERCMD-2
    let failed = asked.iter().filter(|asked| asked.answer.is_failure()).count();
    let failure = || Failure::Failed(format!("no answer for {failed} of {}", asked.len()));
    if failed == 0 { Ok(()) } else { Err(failure()) }
}

/// Reads the name of a city.
fn city(text: &str) -> Result<String, String> {
    let city = Some(text.trim()).filter(|city| !city.is_empty());
    city.map(str::to_owned).ok_or_else(|| "expected the name of a city".to_owned())
}

/// Reads the upstream's address and key; none for the embedded upstream.
pub(crate) fn upstream(args: &Args) -> Result<Option<(Endpoint, AppId)>, Failure> {
    let endpoint = args.optional("upstream", text(parsed::<Endpoint>))?;
    let key = args.optional("appid", text(|key| Ok(AppId::new(key))))?;
    Ok(endpoint.map(|endpoint| (endpoint, key.unwrap_or_default())))
}

/// Asks the embedded upstream, which answers on this loop meanwhile.
async fn ask_embedded(
    cities: &[String],
    limit: Duration,
    at_once: usize,
) -> Result<Vec<AskedCity>, Failure> {
    let what = "embedded upstream";
    let embedded = Embedded::listen().doing(what)?;
    let endpoint = embedded.endpoint().doing(what)?;
    let upstream = Upstream::new(endpoint, Embedded::key(), limit, MOST_AT_ONCE);
    match race(ask_all(&upstream, cities, at_once), embedded.serve(|_| {})).await {
        Either::First(asked) => Ok(asked),
        Either::Second(ended) => {
            ended.doing(what).and_then(|()| Err(Failure::while_doing(what, "it ended")))
        }
    }
}

/// The line of a city (`WEATHERCMD-1`). An upstream may answer anything, so control characters, which could break the
/// line or command the terminal, are escaped.
fn line(asked: &AskedCity) -> String {
    let shown = |character: char| match character {
        _ if character.is_control() => character.escape_unicode().to_string(),
        _ => character.to_string(),
    };
    let line = format!("{}: {}", asked.city, asked.answer);
    line.chars().map(shown).chain(["\n".to_owned()]).collect()
}

/// All answers as JSON; what is not known is null.
fn to_json(asked: &[AskedCity]) -> Json {
    let text = |text: Option<&String>| text.map_or(Json::Null, |text| Json::text(text.as_str()));
    let object = |AskedCity { city, answer, took }: &AskedCity| {
        let weather = if let Answer::Known(weather) = answer { Some(weather) } else { None };
        let mut members = vec![
            ("city", Json::text(city.as_str())),
            ("weather", text(weather.map(|weather| &weather.main))),
            ("description", text(weather.and_then(|weather| weather.description.as_ref()))),
            ("celsius", Json::real(weather.and_then(Weather::celsius))),
            ("seconds", Json::real(took.as_secs_f64())),
        ];
        if weather.is_none() {
            members.push(("reason", Json::Text(answer.to_string())));
        }
        if answer.is_failure() {
            members.push(("status", Json::whole(entry_status(answer).code().into())));
        }
        Json::object(members)
    };
    Json::List(asked.iter().map(object).collect())
}

/// How long all took, and how long the slowest answer.
fn summary(asked: &[AskedCity], took: Duration, at_once: usize) -> String {
    let slowest = asked.iter().map(|asked| asked.took).max().unwrap_or_default();
    let how = if at_once == 1 { "one after another" } else { "all at once" };
    let (took, slowest) = (took.as_secs_f64(), slowest.as_secs_f64());
    let cities = if asked.len() == 1 { "1 city".into() } else { format!("{} cities", asked.len()) };
    format!("{cities}, {how}: {took:.3} s; the slowest answer took {slowest:.3} s")
}
