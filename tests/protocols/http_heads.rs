//! Heads: what is in one, limits, one after another, every way to cut. Single cases with their verdicts are in
//! `http_verdicts.rs`.

use crate::cut::ways_to_cut;
use crate::heads::{request, response};
use handloom::http::{
    Framing, HeadError, HeadLimits, Method, RequestError, RequestHead, RequestParser,
    ResponseError, ResponseParser, Status, Version,
};
use proptest::prelude::*;

const ANY: HeadLimits = HeadLimits { head_bytes: 1 << 20, fields: 1_000, line_bytes: 1 << 20 };

#[test]
fn a_request_has_its_parts() {
    let text = b"POST http://b:81/c%20d?e=f HTTP/1.1\r\nhost: x\r\nA: 1\r\nContent-Length: 3\r\na:  2 \r\n\r\nabc";
    let (head, taken) = request(text, &[], HeadLimits::default()).unwrap().unwrap();
    assert_eq!(taken, text.len() - 3);
    assert_eq!((head.method, head.version), (Method::Post, Version::Http11));
    assert_eq!((head.path(), head.query(), head.host()), ("/c%20d", Some("e=f"), "b:81"));
    assert_eq!((head.framing, head.keep_alive), (Framing::Length(3), true));
    assert_eq!(head.fields.get_all("A").collect::<Vec<_>>(), [b"1", b"2"], "FIELDS-2: in order");
    assert_eq!(head.fields.len(), 4);
    let (head, _) = request(b"GET /? HTTP/1.0\r\nA:\r\n\r\n", &[], ANY).unwrap().unwrap();
    assert_eq!((head.path(), head.query(), head.host()), ("/", Some(""), ""));
    assert_eq!(head.fields.get("a"), Some(&b""[..]));
    let (head, _) = request(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &[], ANY).unwrap().unwrap();
    assert_eq!((head.path(), head.query(), head.host()), ("*", None, "h"));
}

#[test]
fn a_response_has_its_parts() {
    let text = b"HTTP/1.1 103 Early\r\nA: 0\r\n\r\nHTTP/1.0 404 Not here\r\nA: 1\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc";
    for cuts in ways_to_cut(text.len()) {
        let (head, taken) =
            response(Method::Get, text, &cuts, HeadLimits::default()).unwrap().unwrap();
        assert_eq!(taken, text.len() - 3, "RESPONSE-1, cut at {cuts:?}");
        assert_eq!((head.status, head.version), (Status::NOT_FOUND, Version::Http10));
        assert!(head.as_bytes().starts_with(b"HTTP/1.0 404 Not here\r\n"));
        assert_eq!((head.framing, head.keep_alive), (Framing::Length(3), true));
        assert_eq!(head.fields.get("a"), Some(&b"1"[..]), "RESPONSE-2: the interim head is gone");
    }
}

#[test]
fn a_response_to_head_has_no_body() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    let (head, _) = response(Method::Head, text, &[], ANY).unwrap().unwrap();
    assert_eq!((head.framing, head.keep_alive), (Framing::None, true), "FRAMING-3");
    assert_eq!(head.fields.get("content-length"), Some(&b"3"[..]));
}

#[test]
fn requests_come_one_after_another_into_the_same_head() {
    let (mut parser, mut head) = (RequestParser::default(), RequestHead::default());
    let mut text = &b"GET /a?b HTTP/1.1\r\nHost: c\r\nD: e\r\n\r\nGET /f HTTP/1.0\r\n\r\n\r\nHEAD /g HTTP/1.1\r\nHost: h\r\n\r\n"[..];
    let mut seen = Vec::new();
    while let Some(taken) = parser.parse_into(text, &mut head).unwrap() {
        text = &text[taken..];
        seen.push(format!(
            "{} {} {:?} {}",
            head.method,
            head.path(),
            head.query(),
            head.fields.len()
        ));
    }
    let expected = ["GET /a Some(\"b\") 2", "GET /f None 0", "HEAD /g None 1"];
    assert_eq!((seen, text.len()), (expected.map(str::to_owned).to_vec(), 0), "REQUEST-3");
}

/// A request whose head has this many bytes.
fn request_of(bytes: usize) -> String {
    let bare = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n";
    bare.replace("A: ", &format!("A: {}", "b".repeat(bytes - bare.len())))
}

#[test]
fn a_head_may_be_as_large_as_its_limit_and_not_larger() {
    let limits = HeadLimits { head_bytes: 80, ..HeadLimits::default() };
    for cuts in ways_to_cut(81) {
        assert!(request(request_of(80).as_bytes(), &cuts, limits).unwrap().is_some(), "HEAD-3");
        let error = request(request_of(81).as_bytes(), &cuts, limits).unwrap_err();
        assert_eq!(error, HeadError::TooLarge.into(), "HEAD-3, cut at {cuts:?}");
        assert_eq!(error.status(), Status::HEAD_TOO_LARGE);
    }
    // Refused before it is complete, and though it never would be.
    let endless = "GET / HTTP/1.1\r\nA: ".to_owned() + &"b".repeat(61);
    assert!(request(&endless.as_bytes()[..79], &[], limits).unwrap().is_none());
    assert_eq!(
        request(&endless.as_bytes()[..80], &[], limits).unwrap_err(),
        HeadError::TooLarge.into()
    );
}

#[test]
fn a_first_line_may_be_as_long_as_its_limit_and_not_longer() {
    let limits = HeadLimits { line_bytes: 20, ..HeadLimits::default() };
    let line = |path: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "b".repeat(path));
    for cuts in ways_to_cut(40) {
        assert!(request(line(6).as_bytes(), &cuts, limits).unwrap().is_some(), "HEAD-3");
        let error = request(line(7).as_bytes(), &cuts, limits).unwrap_err();
        assert_eq!(error, HeadError::LineTooLong.into(), "HEAD-1, HEAD-3: cut at {cuts:?}");
        assert_eq!(error.status(), Status::URI_TOO_LONG);
    }
    let small = HeadLimits { head_bytes: 15, ..limits };
    for cuts in ways_to_cut(40) {
        let error = request(line(7).as_bytes(), &cuts, small).unwrap_err();
        assert_eq!(
            error,
            HeadError::TooLarge.into(),
            "HEAD-1: the earlier of two limits, {cuts:?}"
        );
    }
}

#[test]
fn a_head_may_have_as_many_fields_as_its_limit_and_not_more() {
    // Servers are known that send 108.
    assert!(HeadLimits::default().fields >= 108, "HEAD-3: the usual limit is for usual servers");
    for limit in [0, 1, 2, 15, 16, 17, 100] {
        let limits = HeadLimits { fields: limit, ..HeadLimits::default() };
        let text = |fields| format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(fields));
        let (head, _) =
            response(Method::Get, text(limit).as_bytes(), &[], limits).unwrap().unwrap();
        assert_eq!(head.fields.len(), limit);
        let error = response(Method::Get, text(limit + 1).as_bytes(), &[], limits).unwrap_err();
        assert_eq!(error, HeadError::TooManyFields.into(), "HEAD-3: {limit} fields");
    }
    assert_eq!(RequestError::from(HeadError::TooManyFields).status(), Status::HEAD_TOO_LARGE);
}

#[test]
fn interim_responses_cannot_go_on_for_ever() {
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    let limits = HeadLimits { head_bytes: 1_000, ..HeadLimits::default() };
    for cuts in [vec![], (0..endless.len()).collect()] {
        let error = response(Method::Get, endless.as_bytes(), &cuts, limits).unwrap_err();
        assert_eq!(error, HeadError::TooLarge.into(), "RESPONSE-2");
    }
}

#[test]
fn a_head_of_single_bytes_is_read_in_linear_time() {
    // With a square of steps this would take minutes: 2^40 bytes looked at.
    let text = request_of(1 << 20);
    let mut parser = RequestParser::new(ANY);
    for end in (1..text.len()).step_by(1) {
        assert!(parser.parse(&text.as_bytes()[..end]).unwrap().is_none());
    }
    assert!(parser.parse(text.as_bytes()).unwrap().is_some(), "HEAD-2");
}

#[test]
fn errors_name_what_was_wrong() {
    use std::error::Error;
    let error = request(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", &[], ANY).unwrap_err();
    assert_eq!(error.to_string(), "malformed name of a field");
    assert!(error.source().is_some(), "the cause is kept");
    let error = response(Method::Get, b"HTTP/1.1 101 A\r\n\r\n", &[], ANY).unwrap_err();
    assert_eq!(error, ResponseError::Switched);
}

/// Pieces of which heads are made, and of which none is.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&str] = &[
        "GET ",
        "POST ",
        "/ ",
        "/a?b ",
        "http://h/ ",
        "* ",
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 100 ",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        "Host: a",
        "A: b",
        "Content-Length: 5",
        "Content-Length: 6",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Expect: 100-continue",
        "\0",
        "\u{7f}",
        "\u{e9}",
        "5",
        ",",
    ];
    prop::collection::vec(prop::sample::select(WORDS), 0..14)
        .prop_map(|words| words.concat().into_bytes())
}

/// All that a verdict says, as text.
fn shown<T: std::fmt::Debug, E: std::fmt::Debug>(verdict: &Result<T, E>) -> String {
    format!("{verdict:?}")
}

proptest! {
    #[test]
    fn any_request_gets_one_verdict_however_it_is_cut(soup in soup(), cut in 0_usize..60) {
        let at_once = shown(&request(&soup, &[], HeadLimits::default()));
        let bytes: Vec<_> = (0..soup.len()).collect();
        for cuts in [&[cut][..], &bytes] {
            let came = shown(&request(&soup, cuts, HeadLimits::default()));
            prop_assert_eq!(&came, &at_once, "REQUEST-1: {}", soup.escape_ascii());
        }
    }

    #[test]
    fn any_response_gets_one_verdict_however_it_is_cut(soup in soup(), cut in 0_usize..60) {
        let limits = HeadLimits { head_bytes: 60, fields: 2, line_bytes: 60 };
        let text = [b"HTTP/1.1 200 OK\r\n", &soup[..]].concat();
        for text in [&text, &soup] {
            let at_once = shown(&response(Method::Get, text, &[], limits));
            let bytes: Vec<_> = (0..text.len()).collect();
            for cuts in [&[cut][..], &bytes] {
                let came = shown(&response(Method::Get, text, cuts, limits));
                prop_assert_eq!(&came, &at_once, "RESPONSE-1: {}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let start = [b"GET / HTTP/1.1\r\n", &bytes[..]].concat();
        for bytes in [&bytes, &start] {
            drop(RequestParser::default().parse(bytes));
            drop(ResponseParser::new(Method::Get, HeadLimits::default()).parse(bytes));
        }
    }
}
