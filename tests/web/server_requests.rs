//! What the server answers to what: right requests, and every wrong one, in one piece and byte by byte.

use std::borrow::Cow;
use std::time::Duration;

use crate::http_client::Client;
use crate::served::{Served, serve};
use handloom::aio::{sleep, yield_now};
use handloom::http::{Framing, Method, Status};
use handloom::web::server::{Config, Request, Response, Router};

const BODY_LIMIT: usize = 1000;

fn table() -> (Router<u32>, u32) {
    let router = Router::new()
        .get_at_once("/hello", |_, _| Response::text("hello\n"))
        .get("/state", async |state: &u32, _: &mut Request| Response::text(state.to_string()))
        .get("/later", async |_: &u32, _: &mut Request| {
            sleep(Duration::from_millis(1)).await;
            Response::text("later\n")
        })
        .get("/n", async |_: &u32, request: &mut Request| {
            // Every third waits, so that order is not a matter of luck.
            let n = request.raw_query().unwrap_or_default().to_owned();
            if n.len() == 2 {
                yield_now().await;
            } else if n.ends_with('3') {
                sleep(Duration::from_millis(1)).await;
            }
            Response::text(n)
        })
        .on_at_once(Method::Post, "/echo", |_, request| Response::bytes(request.take_body()))
        .post("/echo-later", async |_: &u32, request: &mut Request| {
            sleep(Duration::from_millis(1)).await;
            Response::bytes(request.take_body())
        })
        .get("/panic", async |_: &u32, _: &mut Request| -> Response { panic!("on purpose") })
        .get_at_once("/panic-at-once", |_, _| panic!("on purpose"))
        .get("/panic-later", async |_: &u32, _: &mut Request| -> Response {
            yield_now().await;
            panic!("on purpose")
        })
        .get_at_once("/chunks", |_, _| pieces(Framing::Chunked))
        .get_at_once("/close", |_, _| pieces(Framing::Close))
        .get_at_once("/known", |_, _| pieces(Framing::Length(6)))
        .get_at_once("/short", |_, _| pieces(Framing::Length(7)))
        .get_at_once("/cut", |_, _| pieces(Framing::Length(5)))
        .get_at_once("/torn", |_, _| {
            Response::pieces(Framing::Chunked, async || panic!("on purpose"))
        })
        .get_at_once("/large", |_, _| Response::bytes(vec![b'x'; 300_000]))
        .get_at_once("/gone", |_, _| Response::empty(Status::NO_CONTENT))
        .get_at_once("/same", |_, _| Response::empty(Status::NOT_MODIFIED))
        .on_at_once(Method::Delete, "/thing", |_, _| Response::text("deleted"));
    (router, 42)
}

/// Three pieces of two bytes, with a wait between.
fn pieces(framing: Framing) -> Response {
    let mut left = vec!["ef", "cd", "ab"];
    Response::pieces(framing, async move || {
        yield_now().await;
        left.pop().map(|piece| piece.as_bytes().to_vec())
    })
}

fn server() -> Served {
    serve(Config { max_body_bytes: BODY_LIMIT as u64, ..Config::default() }, table)
}

/// What is wrong, and the status it gets. After each the connection ends.
fn wrong() -> Vec<(Cow<'static, [u8]>, u16)> {
    let mut table: Vec<(Cow<'static, [u8]>, u16)> = Vec::new();
    let fixed: &[(&[u8], u16)] = &[
        (b"GET /hello HTTP/1.1\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\nHost: a\n\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        (b"GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /hello\r\nHost: a\r\n\r\n", 400),
        (b"GET /hel\x01lo HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /hello HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        (b"BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"get /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\na", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\na", 413),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3x\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na b: c\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: a cup of tea\r\nContent-Length: 1\r\n\r\na", 417),
    ];
    table.extend(fixed.iter().map(|(bytes, status)| (Cow::Borrowed(*bytes), *status)));
    let long = "a".repeat(9000);
    table.push((format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes().into(), 414));
    let field = format!("A: {long}\r\n").repeat(8);
    table.push((format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n").into_bytes().into(), 431));
    let many = "A: b\r\n".repeat(128);
    table.push((format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").into_bytes().into(), 431));
    let chunk = format!("1f4\r\n{}\r\n", "a".repeat(500)).repeat(3);
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    table.push((format!("{head}{chunk}0\r\n\r\n").into_bytes().into(), 413));
    table
}

/// The refusal is one whole reply that says `close`, and the end follows.
fn refused(client: &mut Client, request: &[u8], status: u16, how: &str) {
    let what = request.escape_ascii().to_string();
    let what = &what[..what.len().min(200)];
    let answer = client.answer();
    assert_eq!(answer.status, status, "CONN-4: {how}: {what}");
    assert!(!answer.keep_alive, "REFUSAL-1: expected `close`, {how}: {what}");
    let rest = client.rest();
    assert!(rest.is_empty(), "CONN-4: expected the end, came {rest:?}, {how}: {what}");
}

#[test]
fn every_wrong_request_gets_its_status_and_the_end() {
    let server = server();
    for (request, status) in wrong() {
        refused(server.connect().send(&request), &request, status, "in one piece");
    }
}

#[test]
fn every_wrong_request_gets_the_same_byte_by_byte() {
    let server = server();
    for (request, status) in wrong() {
        refused(server.connect().send_slowly(&request), &request, status, "byte by byte");
    }
}

#[test]
fn what_is_behind_a_wrong_request_is_not_answered() {
    let server = server();
    let behind = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    for (request, status) in wrong() {
        if status == 413 || request.starts_with(b"\x16") {
            continue;
        }
        let mut client = server.connect();
        client.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        client.send([&request[..], behind].concat());
        let first = client.answer();
        assert_eq!((first.status, first.keep_alive), (200, true), "CONN-1");
        refused(&mut client, &request, status, "with one before and one behind");
    }
}

/// Requests with the replies that they get, and whether the connection goes on.
const RIGHT: &[(&str, u16, &str, bool)] = &[
    ("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello\n", true),
    ("\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello\n", true),
    ("GET /%68ello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello\n", true),
    ("GET http://b/hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello\n", true),
    ("GET /hello?a=b HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello\n", true),
    ("GET /state HTTP/1.1\r\nHost: a\r\n\r\n", 200, "42", true),
    ("GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 200, "later\n", true),
    ("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, "hello\n", false),
    ("GET /hello HTTP/1.0\r\n\r\n", 200, "hello\n", false),
    ("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "hello\n", true),
    ("GET /nobody HTTP/1.1\r\nHost: a\r\n\r\n", 404, "Not Found\n", true),
    ("GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, "Not Found\n", true),
    ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "Bad Request\n", true),
    (
        "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        405,
        "Method Not Allowed\n",
        true,
    ),
    ("PATCH /nobody HTTP/1.1\r\nHost: a\r\n\r\n", 404, "Not Found\n", true),
    ("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n", 204, "", true),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, "", true),
    ("DELETE /thing HTTP/1.1\r\nHost: a\r\n\r\n", 200, "deleted", true),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true),
    ("POST /echo-later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200, "", true),
    ("POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", 200, "", true),
    ("POST /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", false),
    (
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n",
        200,
        "abcde",
        true,
    ),
    ("GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n", 200, "abcdef", true),
    ("GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "abcdef", false),
    ("GET /close HTTP/1.1\r\nHost: a\r\n\r\n", 200, "abcdef", false),
    ("GET /known HTTP/1.1\r\nHost: a\r\n\r\n", 200, "abcdef", true),
    ("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n", 200, "abcde", true),
    ("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", 204, "", true),
    ("GET /same HTTP/1.1\r\nHost: a\r\n\r\n", 304, "", true),
    ("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n", 500, "Internal Server Error\n", false),
    ("GET /panic-at-once HTTP/1.1\r\nHost: a\r\n\r\n", 500, "Internal Server Error\n", false),
    ("GET /panic-later HTTP/1.1\r\nHost: a\r\n\r\n", 500, "Internal Server Error\n", false),
];

fn answered(client: &mut Client, row: &(&str, u16, &str, bool), how: &str) {
    let (request, status, body, goes_on) = row;
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (*status, *body), "{how}: {request:?}");
    assert_eq!(answer.keep_alive, *goes_on, "keep-alive, {how}: {request:?}");
    assert_eq!(answer.field("date").len(), 29, "a date, {how}: {request:?}");
    if *goes_on {
        assert_eq!(client.get("/hello").text(), "hello\n", "the next, {how}: {request:?}");
    } else {
        assert_eq!(client.rest(), b"", "CONN-5: the end, {how}: {request:?}");
    }
}

#[test]
fn right_requests_are_answered_in_one_piece_and_byte_by_byte() {
    let server = server();
    for row in RIGHT {
        answered(server.connect().send(row.0), row, "in one piece");
        answered(server.connect().send_slowly(row.0.as_bytes()), row, "byte by byte");
    }
}

#[test]
fn requests_that_are_cut_once_anywhere_are_answered() {
    let server = server();
    let row = RIGHT.iter().find(|row| row.0.contains("chunked")).expect("a row");
    let mut client = server.connect();
    for cut in 1..row.0.len() {
        let (first, second) = row.0.split_at(cut);
        client.send(first);
        std::thread::yield_now();
        answered(client.send(second), row, "cut once");
    }
}

#[test]
fn all_right_requests_at_once_are_answered_in_order() {
    let server = server();
    let rows: Vec<_> = RIGHT.iter().filter(|row| row.3).collect();
    let batch: String = rows.iter().map(|row| row.0).collect();
    let mut client = server.connect();
    client.send(batch);
    for (request, status, body, _) in rows {
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (*status, *body),
            "CONN-1: {request:?}"
        );
    }
}

#[test]
fn a_batch_of_sixteen_is_answered_in_order_again_and_again() {
    let server = server();
    let mut client = server.connect();
    for round in 0..200 {
        let request = |n| format!("GET /n?{n} HTTP/1.1\r\nHost: a\r\n\r\n");
        let batch: Vec<String> = (round..round + 16).map(request).collect();
        client.send(batch.concat());
        for n in round..round + 16 {
            assert_eq!(client.answer().text(), n.to_string(), "CONN-1: round {round}");
        }
    }
}

#[test]
fn one_connection_carries_ten_thousand_requests() {
    let server = server();
    let mut client = server.connect();
    for n in 0..10_000 {
        let answer = client.get("/hello");
        assert_eq!((answer.status, answer.keep_alive), (200, true), "request {n}");
    }
}

#[test]
fn a_batch_before_a_half_close_is_answered_whole() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50)).close_sending();
    for _ in 0..50 {
        assert_eq!(client.answer().text(), "hello\n");
    }
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_head_or_body_that_ends_half_way_is_400() {
    let server = server();
    for part in [
        "GET /hello HTTP/1.1\r\nHos",
        "G",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
    ] {
        let answer = server.connect().send(part).close_sending().answer();
        assert_eq!((answer.status, answer.keep_alive), (400, false), "{part:?}");
    }
    assert_eq!(server.connect().close_sending().rest(), b"", "nothing is no request");
    assert_eq!(server.connect().send("\r\n").close_sending().rest(), b"", "nor is an empty line");
}

#[test]
fn head_has_the_length_and_no_body() {
    let server = server();
    let mut client = server.connect();
    for (target, length) in
        [("/hello", "6"), ("/state", "2"), ("/large", "300000"), ("/known", "6")]
    {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.answer_to(Method::Head);
        assert_eq!((answer.status, answer.field("content-length").as_str()), (200, length));
    }
    client.send("HEAD /chunks HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to(Method::Head).field("transfer-encoding"), "chunked");
    client.send("HEAD /nobody HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to(Method::Head).status, 404);
    assert_eq!(
        client.get("/hello").text(),
        "hello\n",
        "ROUTER-2: nothing was sent behind the heads"
    );
}

#[test]
fn what_is_not_allowed_says_what_is() {
    let server = server();
    let mut client = server.connect();
    for (request, status, allowed) in [
        ("POST /hello", 405, "GET, HEAD, OPTIONS"),
        ("GET /echo", 405, "POST, OPTIONS"),
        ("HEAD /echo", 405, "POST, OPTIONS"),
        ("OPTIONS /hello", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS *", 204, "GET, HEAD, POST, DELETE, OPTIONS"),
    ] {
        client.send(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let method = if request.starts_with("HEAD") { Method::Head } else { Method::Get };
        let answer = client.answer_to(method);
        assert_eq!((answer.status, answer.field("allow").as_str()), (status, allowed), "{request}");
    }
}

#[test]
fn a_client_that_waits_to_be_asked_is_asked() {
    let server = server();
    let mut client = server.connect();
    let head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    client.send(head);
    let mut asked = [0; 25];
    std::io::Read::read_exact(&mut client.stream, &mut asked).expect("CONN-7: an interim answer");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.send("abc").answer().text(), "abc");
    // A client that does not wait is not asked.
    client.send(format!("{head}def"));
    let mut first = [0; 12];
    std::io::Read::read_exact(&mut client.stream, &mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[test]
fn a_client_that_waits_for_nothing_is_told_so_and_need_not_send() {
    let server = server();
    for (line, length, status) in
        [("POST /nobody", "3", 404), ("POST /hello", "3", 405), ("POST /echo", "1001", 413)]
    {
        let mut client = server.connect();
        client.send(format!(
            "{line} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        ));
        let answer = client.answer();
        assert_eq!((answer.status, answer.keep_alive), (status, false), "CONN-7: {line}");
        assert_eq!(client.rest(), b"");
    }
}

#[test]
fn a_body_that_does_not_come_to_its_end_shows_that_it_did_not() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
    let came = String::from_utf8(client.rest()).expect("text");
    assert!(came.contains("Content-Length: 7") && came.ends_with("\r\n\r\nabcdef"), "{came:?}");
    let mut client = server.connect();
    client.send("GET /torn HTTP/1.1\r\nHost: a\r\n\r\n");
    let came = String::from_utf8(client.rest()).expect("text");
    assert!(came.ends_with("\r\n\r\n") && !came.contains("0\r\n\r\n"), "REPLY-3: {came:?}");
}

#[test]
fn an_answer_that_says_close_arrives_although_more_was_sent() {
    let server = server();
    for _ in 0..20 {
        let mut client = server.connect();
        let flood = vec![b'x'; 200_000];
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n").send(flood);
        assert_eq!(client.answer().status, 413, "CONN-5: no reset takes the reason away");
    }
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let server = server();
    let mut client = server.connect();
    client.stream.set_write_timeout(Some(Duration::from_millis(300))).expect("timeout");
    let batch = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    let mut sent = 0;
    while std::io::Write::write_all(&mut client.stream, batch.as_bytes()).is_ok() {
        sent += batch.len();
        assert!(sent < 100_000_000, "CONN-3: it reads without end");
    }
    // Others are served meanwhile, and what is read at last is right.
    assert_eq!(server.connect().get("/hello").text(), "hello\n");
    for _ in 0..10 {
        assert_eq!(client.answer().body.len(), 300_000);
    }
}
