//! `handloom gateway` as a process: ready when it says so, graceful when it is told to stop, discreet.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;

use crate::http_client::Client;
use crate::program::{Ended, Program, command, start};
use crate::web_upstream::{Act, Server, send};
use handloom::http::percent::encode;
use handloom::json::Json;
use handloom::weather::CITIES;

/// Starts the gateway on a free port.
fn gateway(options: &[&str]) -> (Program, SocketAddr) {
    let mut gateway = start(command(&[&["gateway", "--addr", "127.0.0.1:0"], options].concat()));
    let line = gateway.line();
    let address =
        line.strip_prefix("listening on http://").and_then(|address| address.parse().ok());
    let address =
        address.unwrap_or_else(|| panic!("expected `listening on http://ADDRESS`, came {line:?}"));
    (gateway, address)
}

/// It is told to stop, and ends with this code.
fn ends(gateway: Program, code: i32) -> Ended {
    let ended = gateway.end_with_open_stdin();
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "LISTENING-2: {ended:?}");
    ended
}

#[test]
fn it_answers_from_the_embedded_upstream_and_logs_each_answer() {
    let (gateway, address) = gateway(&[]);
    let mut client = Client::connect(address);
    let answer = client.get("/weather?city=Moscow");
    let expected = r#"{"city": "Moscow", "weather": "Clouds"}"#;
    assert_eq!((answer.status, answer.text().as_str()), (200, expected), "ENTRY-1");
    assert_eq!(answer.field("content-type"), "application/json");
    let query: Vec<_> = CITIES.map(|city| format!("city={}", encode(city))).to_vec();
    let answer = client.get(&format!("/weather?{}", query.join("&")));
    let json = Json::parse(answer.text().as_bytes()).expect("JSON");
    let names: Vec<_> =
        json.items().iter().map(|entry| entry.get("city").and_then(Json::as_text)).collect();
    assert_eq!(names, CITIES.map(Some), "GATEWAY-1");
    assert!(
        json.items().iter().all(|entry| entry.get("weather").and_then(Json::as_text).is_some())
    );
    let answer = client.get("/weather?city=Atlantis");
    assert!(answer.text().contains(r#""weather": null, "reason": "#), "{}", answer.text());
    gateway.signal("TERM");
    let log = ends(gateway, 0).err;
    assert_eq!(log.lines().count(), 3, "ACCESS-1: {log}");
    assert!(log.contains(r#" "GET /weather?city=Moscow HTTP/1.1" 200 "#), "ACCESS-1: {log}");
}

#[test]
fn a_client_that_closes_its_sending_side_gets_its_answer() {
    let (gateway, address) = gateway(&[]);
    let mut client = Client::connect(address);
    client.send("GET /weather?city=Moscow HTTP/1.1\r\nHost: a\r\n\r\n");
    client.stream.shutdown(std::net::Shutdown::Write).expect("shutdown");
    let answer = client.answer();
    let expected = r#"{"city": "Moscow", "weather": "Clouds"}"#;
    assert_eq!((answer.status, answer.text().as_str()), (200, expected), "ANSWERING-4");
    gateway.signal("TERM");
    ends(gateway, 0);
}

#[test]
fn sigterm_finishes_the_slow_requests_in_flight() {
    for signal in ["TERM", "INT"] {
        let (gateway, address) = gateway(&[]);
        let mut clients: Vec<_> = (0..10).map(|_| Client::connect(address)).collect();
        for client in &mut clients {
            client.send("GET /weather?city=New+York&city=Tokyo HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        // A client that is answered here came after them.
        assert_eq!(Client::connect(address).get("/weather").status, 400);
        gateway.signal(signal);
        for client in &mut clients {
            let answer = client.answer();
            let expected = r#"[{"city": "New York", "weather": "Clouds"}, {"city": "Tokyo", "weather": "Clear"}]"#;
            assert_eq!((answer.status, answer.text().as_str()), (200, expected), "GATEWAY-4");
            assert!(!answer.keep_alive, "CONN-6: the last answer says `close`");
        }
        drop(clients);
        ends(gateway, 0);
    }
}

#[test]
fn the_grace_has_an_end_and_a_second_signal_ends_it_at_once() {
    let upstream = Server::start(|_| vec![Act::Stall]);
    for (grace, signals, code) in [("0.1", &["TERM"][..], 0), ("600", &["TERM", "INT"], 130)] {
        let (gateway, address) = gateway(&["--upstream", &upstream.url(""), "--grace", grace]);
        let mut client = Client::connect(address);
        client.send("GET /weather?city=Slow HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(Client::connect(address).get("/weather").status, 400);
        for signal in signals {
            gateway.signal(signal);
        }
        ends(gateway, code);
    }
}

#[test]
fn the_upstream_s_failures_are_502_and_504_and_the_key_is_nowhere() {
    let folder = crate::folder::Folder::new();
    let log = folder.file("access.log");
    let log_name = log.to_str().expect("text");
    let upstream = Server::start(|got| match got.target() {
        "/data/2.5/weather?q=Slow&APPID=sesame" => vec![Act::Stall],
        _ => vec![send("HTTP/1.1 500 sesame\r\nContent-Length: 6\r\n\r\nsesame")],
    });
    let url = upstream.url("");
    let options = ["--upstream", &url, "--appid=sesame", "--timeout=1", "--access-log", log_name];
    let (gateway, address) = gateway(&options);
    let mut client = Client::connect(address);
    let mut seen = String::new();
    for (query, status) in [("city=Slow", 504), ("city=A", 502), ("city=A&city=Slow", 200)] {
        let answer = client.get(&format!("/weather?{query}"));
        assert_eq!(answer.status, status, "ENTRY-2: {query}");
        seen.push_str(&answer.text());
    }
    assert!(upstream.got()[0].target().contains("APPID=sesame"), "the upstream gets the key");
    gateway.signal("TERM");
    let ended = ends(gateway, 0);
    assert_eq!(ended.err, "", "GATEWAYCMD-2: the log goes to its file");
    let log = fs::read_to_string(log).expect("the log");
    assert_eq!(log.lines().count(), 3, "ACCESS-1: {log}");
    for text in [seen, log] {
        assert!(!text.contains("sesame"), "HIDDEN-1: {text}");
    }
}

#[test]
fn a_reader_of_the_log_that_stands_still_stops_no_answer() {
    const REQUESTS: usize = 2_000;
    let mut line = command(&["gateway", "--addr", "127.0.0.1:0"]);
    // The pipe holds 64 KiB, and nothing reads it for now.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    line.stderr(writer);
    let mut gateway = start(line);
    let address = gateway.line();
    let address = address.strip_prefix("listening on http://").expect("an address");
    let mut client = Client::connect(address.parse().expect("an address"));
    for _ in 0..REQUESTS {
        assert_eq!(client.get("/weather?nothing=asked").status, 400, "it serves on");
    }
    // As much as fits in the pipe is read now, and there is space for a line again.
    let mut reader = BufReader::new(reader);
    let mut lines: Vec<String> = Vec::new();
    let read = |reader: &mut BufReader<_>, lines: &mut Vec<String>| {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        lines.push(line);
    };
    for _ in 0..100 {
        read(&mut reader, &mut lines);
    }
    assert_eq!(client.get("/after").status, 404);
    gateway.signal("TERM");
    assert_eq!(gateway.end_with_open_stdin().code, Some(0), "it has noticed the signal");
    let mut rest = String::new();
    reader.read_to_string(&mut rest).expect("the rest");
    lines.extend(rest.lines().map(str::to_owned));
    let (last, told) = (&lines[lines.len() - 1], &lines[lines.len() - 2]);
    assert!(last.contains("\"GET /after HTTP/1.1\" 404 "), "ACCESS-1: {last}");
    let count = told.strip_prefix("lines that could not be written: ");
    let missing: usize = count.expect("a count").parse().expect("a count");
    assert!(missing > 0 && missing + lines.len() - 2 == REQUESTS, "{missing} of {}", lines.len());
}

#[test]
fn its_cap_reaches_the_upstream() {
    let upstream = Server::start(|_| vec![send("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")]);
    let (gateway, address) = gateway(&["--upstream", &upstream.url(""), "--max-upstream", "1"]);
    let answer = Client::connect(address).get("/weather?city=A&city=B&city=C&city=D");
    assert_eq!(answer.status, 200);
    let came = (upstream.got().len(), upstream.connections());
    assert_eq!(
        came,
        (4, 1),
        "SHARED-UPSTREAM-1, UPSTREAM-2: four requests, one after another, one connection"
    );
    gateway.signal("TERM");
    ends(gateway, 0);
}

#[test]
fn what_cannot_be_had_is_named() {
    let (_gateway, address) = gateway(&[]);
    let ended = start(command(&["gateway", "--addr", &address.to_string()])).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains(&format!("listen on {address}: ")), "PROGRAM-1: {ended:?}");
    let ended = start(command(&["gateway", "--access-log", "/nowhere/at/all"])).end();
    assert_eq!(ended.code, Some(1), "EXIT-1: {ended:?}");
    assert!(ended.err.contains("write /nowhere/at/all: "), "PROGRAM-1: {ended:?}");
    for args in [["--max-upstream", "0"], ["--timeout", "0"], ["--upstream", "https://a"]] {
        assert_eq!(start(command(&["gateway", args[0], args[1]])).end().code, Some(2), "{args:?}");
    }
}
