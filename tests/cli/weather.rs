//! `handloom weather` as a process: cities in order, exit codes, the key unseen.

use crate::program::{Ended, command, start};
use crate::web_upstream::{Act, Server, closed_address, send};
use handloom::json::Json;
use handloom::weather::CITIES;

/// Runs it to its end.
fn weather(args: &[&str]) -> Ended {
    start(command(&[&["weather"], args].concat())).end()
}

/// An upstream whose key is "sesame", and which echoes it where it can.
fn upstream() -> Server {
    let json = |status: &str, body: &str| {
        send(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    };
    Server::start(move |got| match got.target() {
        "/data/2.5/weather?q=Moscow&APPID=sesame" => {
            let weather = r#"[{"main":"Clouds","description":"few clouds"}]"#;
            vec![json("200 OK", &format!(r#"{{"weather":{weather},"main":{{"temp":280.15}}}}"#))]
        }
        "/data/2.5/weather?q=Atlantis&APPID=sesame" => {
            vec![json("404 Not Found", r#"{"cod":"404","message":"city not found"}"#)]
        }
        "/data/2.5/weather?q=Hostile&APPID=sesame" => {
            let weather = r#"[{"main":"\u001b[31mRed\nMoscow: Clear","description":"\u0000"}]"#;
            vec![json("200 OK", &format!(r#"{{"weather":{weather}}}"#))]
        }
        "/data/2.5/weather?q=Hot&APPID=sesame" => {
            let weather = r#"[{"main":"Clear"}]"#;
            vec![json("200 OK", &format!(r#"{{"weather":{weather},"main":{{"temp":1e999}}}}"#))]
        }
        "/data/2.5/weather?q=Slow&APPID=sesame" => vec![Act::Stall],
        "/data/2.5/weather?q=Broken&APPID=sesame" => vec![Act::Close],
        "/data/2.5/weather?q=Moved&APPID=sesame" => vec![send(
            "HTTP/1.1 302 Go\r\nLocation: https://a/?APPID=sesame\r\nContent-Length: 0\r\n\r\n",
        )],
        target => vec![json("401 sesame", &format!(r#"{{"message":"{target} sesame"}}"#))],
    })
}

#[test]
fn without_cities_it_tells_the_weather_of_the_twelve_in_their_order() {
    let ended = weather(&[]);
    assert_eq!(ended.code, Some(0), "EXIT-1: {ended:?}");
    let cities: Vec<_> = ended.out.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(cities, CITIES, "WEATHERCMD-1");
    assert!(ended.out.starts_with("Moscow: Clouds (broken clouds), 8.0 °C\n"), "{ended:?}");
    assert!(ended.err.starts_with("12 cities, all at once: 0."), "the time: {ended:?}");
}

#[test]
fn one_after_another_takes_the_sum_of_the_delays() {
    let ended = weather(&["--sequential", "Moscow", "Minsk", "Atlantis"]);
    assert_eq!(ended.code, Some(0), "WEATHERCMD-2: {ended:?}");
    let took = ended.err.strip_prefix("3 cities, one after another: ");
    let took: f64 = took.and_then(|text| text.split(' ').next()?.parse().ok()).expect("a time");
    // 210, 170 and 100 ms.
    assert!(took >= 0.480, "UPSTREAM-SITE-2: {ended:?}");
}

#[test]
fn a_city_that_is_unknown_spoils_nothing() {
    let server = upstream();
    let ended = weather(&["--upstream", &server.url(""), "--appid=sesame", "Atlantis", "Moscow"]);
    let out =
        "Atlantis: the upstream does not know this city\nMoscow: Clouds (few clouds), 7.0 °C\n";
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), out), "WEATHERCMD-2: {ended:?}");
}

#[test]
fn a_failure_is_told_with_its_city_and_ends_with_1() {
    let server = upstream();
    let url = server.url("");
    let (slow, cities) = (["--timeout", "1"], ["Moscow", "Broken", "Moved", "Slow", "Else"]);
    let ended = weather(&[&["--upstream", &url, "--appid=sesame"][..], &slow, &cities].concat());
    let out = "Moscow: Clouds (few clouds), 7.0 °C\n\
        Broken: upstream failed: eof: head: the connection ended too soon\n\
        Moved: upstream failed: scheme: https is not spoken here: it needs TLS, which this laboratory does not have; try http\n\
        Slow: upstream timed out: no answer within 1s\n\
        Else: upstream failed: status 401: it does not take the key\n";
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), out), "WEATHERCMD-1: {ended:?}");
    assert!(ended.err.ends_with("\nhandloom weather: no answer for 4 of 5\n"), "{ended:?}");
    assert!(!ended.err.contains("sesame"), "WEATHERCMD-3: {ended:?}");
    let url = format!("http://{}", closed_address());
    let ended = weather(&["--upstream", &url, "--appid", "sesame", "Moscow"]);
    let out = "Moscow: upstream failed: connect: connection refused\n";
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), out), "WEATHERCMD-2: {ended:?}");
    assert!(!ended.err.contains("sesame"), "WEATHERCMD-3: {ended:?}");
}

#[test]
fn json_is_a_list_of_objects_in_the_order_asked() {
    let server = upstream();
    let url = server.url("");
    let args = ["--json", "--upstream", &url, "--appid=sesame", "Atlantis", "Moscow", "Broken"];
    let ended = weather(&args);
    let json = Json::parse(ended.out.as_bytes()).expect("JSON");
    let [atlantis, moscow, broken] = json.items() else { panic!("three objects: {ended:?}") };
    assert_eq!(moscow.get("weather").and_then(Json::as_text), Some("Clouds"));
    assert_eq!(moscow.get("celsius").map(ToString::to_string).as_deref(), Some("7"));
    assert_eq!(atlantis.get("weather"), Some(&Json::Null));
    assert!(atlantis.get("reason").is_some() && atlantis.get("status").is_none(), "{ended:?}");
    assert!(
        broken.get("reason").is_some() && broken.get("status") == Some(&Json::whole(502)),
        "{ended:?}"
    );
    assert_eq!(ended.code, Some(1), "WEATHERCMD-2");
}

#[test]
fn a_wrong_command_line_is_told_so_without_the_key() {
    for args in [
        &["--upstream", "https://api.openweathermap.org"][..],
        &["--upstream", "api.openweathermap.org"],
        &["--upstream", "http://a/?APPID=x"],
        &["--timeout", "0"],
        &[" "],
        &["--appid"],
    ] {
        let ended = weather(args);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "EXIT-1: {args:?}: {ended:?}");
    }
}

#[test]
fn ctrl_c_ends_it_with_130() {
    let server = upstream();
    let program =
        start(command(&["weather", "--upstream", &server.url(""), "--appid=sesame", "Slow"]));
    while server.got().is_empty() {
        std::thread::yield_now();
    }
    program.signal("INT");
    let ended = program.end_with_open_stdin();
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(130), "", ""), "EXIT-1");
}

#[test]
fn an_upstream_can_neither_break_a_line_nor_command_the_terminal() {
    let upstream = upstream();
    let url = format!("--upstream={}", upstream.url(""));
    let ended = weather(&[&url, "--appid=sesame", "Hostile", "Moscow"]);
    assert_eq!(ended.out.lines().count(), 2, "WEATHERCMD-1: {ended:?}");
    let is_plain = |character: char| character == '\n' || !character.is_control();
    assert!(ended.out.chars().all(is_plain), "WEATHERCMD-1: {ended:?}");
}

#[test]
fn a_temperature_beyond_all_numbers_is_an_unreadable_report() {
    let upstream = upstream();
    let url = format!("--upstream={}", upstream.url(""));
    let ended = weather(&[&url, "--appid=sesame", "Hot"]);
    assert_eq!(ended.code, Some(1), "WEATHERCMD-2: {ended:?}");
    assert!(ended.out.contains("main.temp") && !ended.out.contains("inf"), "{ended:?}");
}
