//! The gateways: the same answers from the same upstream.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use handloom::json::Json;

use crate::twin::{Twin, answers, those_here};

/// The gateways. What has no handler, ours refuses in plain text, and its twins in JSON.
const GATEWAYS: [Twin; 3] =
    [Twin::Ours(&["gateway"]), Twin::Tokio("gateway"), Twin::Python("gateway.py")];

/// An upstream that knows two cities, breaks off for one, and knows no other; for as long as the test runs.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.2:0").expect("bind");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || forecast(&stream));
        }
    });
    address
}

/// Answers one request as the upstream.
fn forecast(mut stream: &TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        request.extend(&piece[..count]);
        if count == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let is_asked =
        |city| request.starts_with(&format!("GET /data/2.5/weather?q={city}&APPID=key "));
    let weather = |main| format!(r#"{{"name":"x","weather":[{{"id":1,"main":"{main}"}}]}}"#);
    let (status, body) = match () {
        () if is_asked("Moscow") => (200, weather("Clouds")),
        () if is_asked("New%20York") || is_asked("New+York") => (200, weather("Snow")),
        () if is_asked("Nobody") => return Ok(()),
        () if is_asked("Broken") => (500, "oh".to_owned()),
        () if is_asked("Garbled") => (200, "{".to_owned()),
        () => (404, r#"{"cod":"404","message":"city not found"}"#.to_owned()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Asks a gateway; returns the status and the body, with every reason's words left out. Of a refusal only the status.
fn asked(gateway: SocketAddr, request: &str) -> (String, String) {
    let request = format!("{request} HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(answers(gateway, request.as_bytes())).expect("text");
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    if status.starts_with('4') {
        return (status, String::new());
    }
    let json = Json::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body:?}"));
    let entries = if json.items().is_empty() { std::slice::from_ref(&json) } else { json.items() };
    let reasons = entries.iter().filter_map(|entry| entry.get("reason"));
    let body = reasons
        .fold(body.trim_end().to_owned(), |body, reason| body.replace(&reason.to_string(), "WHY"));
    (status, body)
}

#[test]
fn every_gateway_answers_the_same() {
    const MOSCOW: &str = r#"{"city": "Moscow", "weather": "Clouds"}"#;
    const NEW_YORK: &str = r#"{"city": "New York", "weather": "Snow"}"#;
    let failed =
        |city| format!(r#"{{"city": "{city}", "weather": null, "reason": WHY, "status": 502}}"#);
    let unknown = r#"{"city": "Atlantis", "weather": null, "reason": WHY}"#.to_owned();
    let upstream = format!("http://{}", upstream());
    for twin in those_here(&GATEWAYS) {
        let (_running, gateway) = twin.serve(&["--upstream", &upstream, "--appid", "key"]);
        for (request, status, body) in [
            ("GET /weather?city=Moscow", "200", MOSCOW.to_owned()),
            ("GET /weather?city=New+York", "200", NEW_YORK.to_owned()),
            ("GET /weather?city=New%20York", "200", NEW_YORK.to_owned()),
            ("GET /weather?city=Atlantis", "200", unknown.clone()),
            ("GET /weather?city=Nobody", "502", failed("Nobody")),
            ("GET /weather?city=Broken", "502", failed("Broken")),
            ("GET /weather?city=Garbled", "502", failed("Garbled")),
            (
                "GET /weather?city=Moscow&city=Broken&city=Moscow",
                "200",
                format!("[{MOSCOW}, {}, {MOSCOW}]", failed("Broken")),
            ),
            ("GET /weather", "400", String::new()),
            ("GET /elsewhere?city=Moscow", "404", String::new()),
            ("POST /weather?city=Moscow", "405", String::new()),
        ] {
            let came = asked(gateway, request);
            assert_eq!(came, (status.to_owned(), body), "ENTRY-1, ENTRY-2: {twin}: {request}");
        }
    }
}
