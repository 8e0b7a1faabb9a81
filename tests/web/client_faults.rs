//! A server that answers in every wrong way, and what three ways to fetch make of it: the same.

use std::time::{Duration, Instant};

use crate::web_upstream::{
    Act, Deaf, MODES, Server, Watchdog, closed_address, fetch, outcome, send,
};
use handloom::http::Method;
use handloom::web::client::{Options, Request};

/// What a server does, and what comes of it.
struct Case {
    /// What is tried.
    name: &'static str,
    /// What is asked for.
    acts: Vec<Act>,
    /// The outcome.
    expected: &'static str,
}

/// A case.
fn case(name: &'static str, acts: impl Into<Vec<Act>>, expected: &'static str) -> Case {
    Case { name, acts: acts.into(), expected }
}

/// A case in which a server sends a text and closes.
fn closes(name: &'static str, text: &str, expected: &'static str) -> Case {
    case(name, [send(text), Act::Close], expected)
}

/// Small limits, save those on time.
fn small() -> Options {
    Options { body_bytes: Some(1000), redirects: 3, ..Options::default() }
}

/// Tries cases in every mode.
fn check(options: &Options, cases: &[Case]) {
    for Case { name, acts, expected } in cases {
        for mode in MODES {
            let acts = acts.clone();
            let server = Server::start(move |_| acts.clone());
            let came = outcome(&fetch(mode, options, Request::get(&server.url("/"))));
            assert_eq!(
                came, *expected,
                "{name}, {mode:?}: FAULT-1: the same outcome in every mode"
            );
            assert_eq!(server.got().len(), 1, "{name}, {mode:?}: one request is sent");
        }
    }
}

#[test]
fn right_answers_are_taken_however_they_are_framed_and_cut() {
    let _watchdog = Watchdog::new();
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
                   HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let bytewise = |text: &str| Act::Bytewise(text.into());
    check(
        &small(),
        &[
            case("a length", [send(length)], "200 hello"),
            case("a length, bytewise", [bytewise(length)], "200 hello"),
            case("chunks", [send(chunked)], "200 hello"),
            case("chunks, bytewise", [bytewise(chunked)], "200 hello"),
            case("interim heads", [send(interim)], "200 hello"),
            case("interim heads, bytewise", [bytewise(interim)], "200 hello"),
            closes("the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello", "200 hello"),
            closes("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "200 hello"),
            case("an empty body", [send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")], "404 "),
            case("204 with a body", [send("HTTP/1.1 204 No\r\n\r\nhello")], "204 "),
            case(
                "304 with a length",
                [send("HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n")],
                "304 ",
            ),
            case("more than its length", [send(&format!("{length} and more"))], "200 hello"),
            case("a length, then a close", [send(length), Act::Close], "200 hello"),
            case("a length, then a reset", [send(length), Act::Reset], "200 hello"),
        ],
    );
}

#[test]
fn every_place_where_an_answer_can_break_off_has_its_phase() {
    let _watchdog = Watchdog::new();
    let (eof_head, eof_body) =
        ("eof: head: the connection ended too soon", "eof: body: the connection ended too soon");
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(
        &small(),
        &[
            case("no byte", [Act::Close], eof_head),
            closes("half a head", "HTTP/1.1 200 OK\r\nContent-", eof_head),
            closes("an interim head", "HTTP/1.1 100 Continue\r\n\r\n", eof_head),
            closes(
                "less than its length",
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
                eof_body,
            ),
            closes("half a chunk", &format!("{chunks}5\r\nhel"), eof_body),
            closes("no last chunk", &format!("{chunks}5\r\nhello\r\n"), eof_body),
            closes("half a trailer", &format!("{chunks}0\r\nX: y\r\n"), eof_body),
            case("a reset", [Act::Reset], "io: head: connection reset"),
            case(
                "a reset within a body",
                [send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), Act::Reset],
                "io: body: connection reset",
            ),
        ],
    );
    // Where the sink has room of its own, the body is read past the exchange.
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n";
    let acts = [send(long), Act::Send(vec![b'x'; 500_000]), Act::Close];
    let large = Options { body_bytes: Some(1_000_000), ..Options::default() };
    check(&large, &[case("half a large body", acts, eof_body)]);
}

#[test]
fn what_is_not_http_is_refused() {
    let _watchdog = Watchdog::new();
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nhello");
    check(
        &small(),
        &[
            closes("another protocol", "220 ready\r\n", "protocol: the first bytes are not HTTP/1"),
            closes(
                "bare line feeds",
                "HTTP/1.1 200 OK\n\nhello",
                "protocol: a line of the head ends with a bare line feed",
            ),
            closes(
                "status 999",
                "HTTP/1.1 999 No\r\n\r\n",
                "protocol: the status is not a number from 100 to 599",
            ),
            closes(
                "another version",
                "HTTP/2.0 200 OK\r\n\r\n",
                "protocol: a version of HTTP other than 1.0 and 1.1",
            ),
            closes(
                "101",
                "HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n",
                "protocol: status 101, but no other protocol was asked for",
            ),
            closes("+5", &head("Content-Length: +5"), "protocol: malformed Content-Length"),
            closes(
                "two lengths",
                &head("Content-Length: 5\r\nContent-Length: 6"),
                "protocol: two Content-Lengths",
            ),
            closes(
                "a length and chunks",
                &head("Content-Length: 5\r\nTransfer-Encoding: chunked"),
                "protocol: Content-Length beside Transfer-Encoding",
            ),
            closes(
                "compression",
                &head("Transfer-Encoding: gzip"),
                "protocol: a transfer coding other than chunked",
            ),
        ],
    );
}

#[test]
fn chunks_that_are_none_are_refused() {
    let _watchdog = Watchdog::new();
    check(
        &small(),
        &[
            closes(
                "a chunk of length x",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                "protocol: malformed length of a chunk",
            ),
            closes(
                "a chunk longer than it says",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
                "protocol: a chunk does not end where its length says",
            ),
        ],
    );
}

#[test]
fn what_never_ends_is_ended_by_a_limit() {
    let _watchdog = Watchdog::new();
    let forever = |text: &str| Act::Forever(text.into());
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let too_large = "body: larger than the limit of 1000 bytes";
    check(
        &small(),
        &[
            case(
                "an endless line",
                [send("HTTP/1.1 200 "), forever("xxxxxxxx")],
                "head: head too large",
            ),
            case(
                "endless fields",
                [send("HTTP/1.1 200 OK\r\n"), forever("X: y\r\n")],
                "head: too many fields in the head",
            ),
            case(
                "endless interim heads",
                [forever("HTTP/1.1 100 Go\r\n\r\n")],
                "head: head too large",
            ),
            case("an endless body", [send("HTTP/1.1 200 OK\r\n\r\n"), forever("x")], too_large),
            case(
                "a lying length",
                [send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Act::Stall],
                too_large,
            ),
            case("endless chunks of one byte", [send(chunks), forever("1\r\nx\r\n")], too_large),
            case(
                "an endless extension",
                [send(chunks), send("1;"), forever("xxxx")],
                "protocol: too many bytes of chunk extensions and trailers",
            ),
            case(
                "endless trailers",
                [send(chunks), send("0\r\n"), forever("X: y\r\n")],
                "protocol: too many bytes of chunk extensions and trailers",
            ),
        ],
    );
}

#[test]
fn what_stands_still_is_ended_with_its_phase() {
    let _watchdog = Watchdog::new();
    let impatient = Options { silence: Duration::from_millis(300), ..small() };
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
    check(
        &impatient,
        &[
            case("no byte", [Act::Stall], "timeout: head: nothing moved for 300ms"),
            case(
                "half a head",
                [send("HTTP/1.1 200 OK\r\n"), Act::Stall],
                "timeout: head: nothing moved for 300ms",
            ),
            case("half a body", [send(half), Act::Stall], "timeout: body: nothing moved for 300ms"),
            case("no body", [send(long), Act::Stall], "timeout: body: nothing moved for 300ms"),
        ],
    );
    let short = Options { whole: Duration::from_millis(300), body_bytes: None, ..small() };
    let drip = |text: &str| Act::Drip(text.into());
    let in_body = "timeout: body: not done within 300ms";
    check(
        &short,
        &[
            case("no byte", [Act::Stall], "timeout: head: not done within 300ms"),
            case(
                "a dripping head",
                [drip("HTTP/1.1 100 Go\r\n\r\n")],
                "timeout: head: not done within 300ms",
            ),
            case("a dripping body", [send("HTTP/1.1 200 OK\r\n\r\n"), drip("x")], in_body),
            // FETCH-LIMIT-3: there is always something to read, so no task ever waits for a timer.
            case(
                "an endless body",
                [send("HTTP/1.1 200 OK\r\n\r\n"), Act::Forever(vec![b'x'; 100_000])],
                in_body,
            ),
        ],
    );
}

#[test]
fn a_server_that_does_not_read_is_given_up_in_the_phase_of_sending() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(|_| vec![Act::Ignore]);
        let mut request = Request::new(Method::Post, &server.url("/unread")).expect("a URL");
        request.body = vec![0; 64 * 1024 * 1024];
        let options = Options { silence: Duration::from_millis(300), ..small() };
        let came = outcome(&fetch(mode, &options, Ok(request)));
        assert_eq!(came, "timeout: send: nothing moved for 300ms", "FAULT-1, {mode:?}");
    }
}

#[test]
fn silence_counts_from_the_last_byte_that_was_sent() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(|_| vec![Act::Ignore]);
        let mut request = Request::new(Method::Post, &server.url("/unread")).expect("a URL");
        request.body = vec![0; 24 * 1024 * 1024];
        let silence = Duration::from_secs(3);
        let before = Instant::now();
        let came = outcome(&fetch(mode, &Options { silence, ..small() }, Ok(request)));
        assert_eq!(came, "timeout: send: nothing moved for 3s", "{mode:?}");
        let took = before.elapsed();
        // Counted twice, it would take six seconds at least.
        assert!(
            silence <= took && took < silence * 2,
            "FETCH-BLOCKING-4, {mode:?}: a silence of 3 s ended the fetch after {took:?}"
        );
    }
}

#[test]
fn no_failure_shows_a_password() {
    let _watchdog = Watchdog::new();
    let server = Server::start(|_| {
        vec![send("HTTP/1.1 302 Go\r\nLocation: http://me:secret@h/\r\n\r\n"), Act::Close]
    });
    let given = format!("http://me:secret@{}/", server.address);
    for mode in MODES {
        for url in [&given, "https://me:secret@h/", "http://me:sec/ret@h/ x", &server.url("/")] {
            let failure = fetch(mode, &small(), Request::get(url)).expect_err("refused");
            for shown in [failure.to_string(), format!("{failure:?}"), failure.fault.to_string()] {
                assert!(!shown.contains("ret"), "FAULT-2, {mode:?}: {shown}");
            }
        }
    }
}

#[test]
fn an_answer_before_the_end_of_the_request_counts() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(|_| {
            // The close makes the client's writes fail; the answer has come before.
            vec![send("HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno"), Act::Stall]
        });
        let mut request = Request::new(Method::Post, &server.url("/unread")).expect("a URL");
        request.body = vec![0; 1024 * 1024];
        let came = outcome(&fetch(mode, &small(), Ok(request)));
        assert_eq!(came, "413 no", "EXCHANGE-3, {mode:?}");
    }
}

#[test]
fn an_address_that_refuses_and_one_that_is_deaf_have_their_phase_and_are_named() {
    let _watchdog = Watchdog::new();
    let closed = closed_address();
    let deaf = Deaf::new();
    let span = Duration::from_millis(300);
    for mode in MODES {
        let failure = fetch(mode, &small(), Request::get(&format!("http://{closed}/a")));
        let failure = failure.expect_err("nobody listens");
        let expected = format!("connect: connection refused (http://{closed}/a at {closed})");
        assert_eq!(failure.to_string(), expected, "FAULT-1, {mode:?}");
        for (options, expected) in [
            (Options { connect: span, ..small() }, "timeout: connect: not connected within 300ms"),
            (Options { whole: span, ..small() }, "timeout: connect: not done within 300ms"),
        ] {
            let before = Instant::now();
            let failure = fetch(mode, &options, Request::get(&format!("http://{}/", deaf.address)));
            let failure = failure.expect_err("nobody accepts");
            assert_eq!(failure.fault.to_string(), expected, "FETCH-LIMIT-1, {mode:?}");
            assert_eq!(failure.peer, Some(deaf.address), "FAULT-1: the address, {mode:?}");
            assert!(before.elapsed() >= span, "FETCH-LIMIT-1: never early, {mode:?}");
        }
    }
}

#[test]
fn an_address_that_is_none_is_refused_before_a_byte_is_sent() {
    let _watchdog = Watchdog::new();
    let server = Server::start(|_| vec![]);
    let address = server.address;
    for url in [
        format!("http://{address}/a b"),
        format!("http://{address}/a\r\nX: y"),
        format!("http://{address}/a\n"),
        format!(" http://{address}/"),
        format!("http://{address}/\0"),
    ] {
        for mode in MODES {
            let failure = fetch(mode, &small(), Request::get(&url)).expect_err("no address");
            let expected = "url: line breaks, blanks and control characters may not stand in a URL";
            assert_eq!(failure.fault.to_string(), expected, "URL-1, {mode:?}: {url:?}");
            let shown = failure.to_string();
            assert!(!shown.contains(char::is_control), "FAULT-1: one line, came {shown:?}");
        }
    }
    for mode in MODES {
        let failure = fetch(mode, &small(), Request::get(&format!("https://{address}/")));
        let came = outcome(&failure);
        assert!(came.starts_with("scheme: https is not spoken here"), "{mode:?}: came {came}");
    }
    assert_eq!(server.connections(), 0, "URL-1: nothing was sent, not even a connect");
}

#[test]
fn a_name_that_does_not_exist_is_told_the_same_in_every_mode() {
    let _watchdog = Watchdog::new();
    // No name server is asked for a label of more than 63 letters: it cannot be put into a question.
    let url = format!("http://{}/", "a".repeat(100));
    let came = MODES.map(|mode| outcome(&fetch(mode, &small(), Request::get(&url))));
    assert!(came[0].starts_with("dns: "), "expected \"dns: …\", came {came:?}");
    assert!(came.iter().all(|other| *other == came[0]), "FAULT-1: the same, came {came:?}");
}
