//! What the clients ask: redirects, methods, fields and bodies; the same in every mode.

use std::net::{Ipv6Addr, TcpListener};

use crate::web_upstream::{Act, Got, MODES, Server, Watchdog, fetch, outcome, send};
use handloom::http::Method;
use handloom::web::client::{Options, Request};

/// A page of five letters.
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A redirect without a body.
fn redirect(status: u16, to: &str) -> Act {
    send(&format!("HTTP/1.1 {status} Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))
}

/// A server of redirects, right and wrong.
fn redirects(got: &Got) -> Vec<Act> {
    match got.target() {
        "/1" => vec![redirect(301, "/2")],
        "/2" => vec![redirect(302, "dir/3?x")],
        "/dir/3?x" => vec![redirect(303, "?y")],
        "/dir/3?y" => vec![redirect(307, "../end")],
        "/end" => vec![send(HELLO)],
        "/here" => vec![redirect(308, "/here")],
        "/there" => vec![redirect(308, "/back")],
        "/back" => vec![redirect(308, "/there")],
        "/secure" => vec![redirect(302, "https://127.0.0.1/")],
        "/file" => vec![redirect(302, "file:///etc/passwd")],
        "/blank" => vec![redirect(302, "/e nd")],
        "/raw" => vec![redirect(302, "/é")],
        "/e%20nd" | "/%C3%A9" => vec![redirect(302, "/end")],
        "/nowhere" => vec![send("HTTP/1.1 302 Go\r\nContent-Length: 2\r\n\r\nhi")],
        "/empty" => {
            vec![send("HTTP/1.1 302 Go\r\nLocation: \r\nContent-Length: 2\r\n\r\nhi")]
        }
        "/long" => vec![
            send("HTTP/1.1 302 Go\r\nLocation: /end\r\nContent-Length: 99999999999\r\n\r\n"),
            Act::Forever(vec![b'x'; 1000]),
        ],
        "/wrong" => {
            vec![send("HTTP/1.1 302 Go\r\nLocation: /end\r\nTransfer-Encoding: chunked\r\n\r\nx")]
        }
        "/stuck" => {
            vec![send("HTTP/1.1 302 Go\r\nLocation: /end\r\nContent-Length: 9\r\n\r\n"), Act::Stall]
        }
        target => {
            let number = target.trim_start_matches("/n").parse::<u32>().expect("a number");
            vec![redirect(301, &format!("/n{}", number + 1))]
        }
    }
}

#[test]
fn redirects_are_followed_to_the_end_or_to_the_limit() {
    let _watchdog = Watchdog::new();
    for (path, expected) in [
        ("/1", "200 hello"),
        ("/end", "200 hello"),
        ("/nowhere", "302 hi"),
        ("/empty", "302 hi"),
        ("/n1", "redirects: more than 10 redirects"),
        ("/here", "redirects: more than 10 redirects"),
        ("/there", "redirects: more than 10 redirects"),
        (
            "/secure",
            "scheme: https is not spoken here: it needs TLS, which this laboratory does not have; try http",
        ),
        ("/file", "scheme: only http is spoken here"),
        ("/blank", "200 hello"),
        ("/raw", "200 hello"),
        // EXCHANGE-4: none of these bodies is waited for.
        ("/long", "200 hello"),
        ("/wrong", "200 hello"),
        ("/stuck", "200 hello"),
    ] {
        for mode in MODES {
            let server = Server::start(redirects);
            let fetched = fetch(mode, &Options::default(), Request::get(&server.url(path)));
            assert_eq!(
                outcome(&fetched),
                expected,
                "{path}, {mode:?}: EXCHANGE-4, REDIRECT-1 and 3"
            );
            if let Ok(page) = fetched
                && page.status().code() == 200
            {
                assert_eq!(page.response.url.path(), "/end", "the address is the final one");
            }
        }
    }
}

#[test]
fn a_limit_of_no_redirects_refuses_the_first() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(redirects);
        let options = Options { redirects: 0, ..Options::default() };
        let came = outcome(&fetch(mode, &options, Request::get(&server.url("/1"))));
        assert_eq!(came, "redirects: more than 0 redirects", "REDIRECT-1, {mode:?}");
    }
}

#[test]
fn a_body_is_sent_again_or_not_as_the_status_says() {
    let _watchdog = Watchdog::new();
    for (status, line, body) in
        [(302, "GET /end HTTP/1.1", ""), (307, "POST /end HTTP/1.1", "data")]
    {
        for mode in MODES {
            let server = Server::start(move |got| match got.target() {
                "/post" => vec![redirect(status, "/end")],
                _ => vec![send(HELLO)],
            });
            let mut request = Request::new(Method::Post, &server.url("/post")).expect("a URL");
            request.body = b"data".to_vec();
            assert_eq!(
                outcome(&fetch(mode, &Options::default(), Ok(request))),
                "200 hello",
                "{mode:?}"
            );
            let got = server.got();
            assert_eq!(
                (got[0].line.as_str(), &got[0].body[..]),
                ("POST /post HTTP/1.1", &b"data"[..])
            );
            assert_eq!(
                (got[1].line.as_str(), &got[1].body[..]),
                (line, body.as_bytes()),
                "{status}"
            );
        }
    }
}

#[test]
fn credentials_do_not_travel_to_another_host() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let other = Server::start(|_| vec![send(HELLO)]);
        let there = other.url("/");
        let server = Server::start(move |_| vec![redirect(302, &there)]);
        let mut request = Request::get(&server.url("/")).expect("a URL");
        request.fields.push("Authorization", "secret").expect("a field");
        request.fields.push("user-agent", "somebody").expect("a field");
        assert_eq!(
            outcome(&fetch(mode, &Options::default(), Ok(request))),
            "200 hello",
            "{mode:?}"
        );
        let (first, second) = (&server.got()[0].fields, &other.got()[0].fields);
        assert!(first.contains("Authorization: secret\r\n"), "EXCHANGE-5: {first}");
        assert!(!second.contains("secret"), "EXCHANGE-5: {second}");
        assert!(
            second.contains("user-agent: somebody\r\n"),
            "EXCHANGE-5: other fields do: {second}"
        );
        assert!(!second.contains("handloom"), "the caller's field replaces ours: {second}");
    }
}

#[test]
fn no_compression_is_asked_for_and_only_the_blocking_client_closes() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(|_| vec![send(HELLO)]);
        assert_eq!(
            outcome(&fetch(mode, &Options::default(), Request::get(&server.url("/")))),
            "200 hello"
        );
        let fields = server.got()[0].fields.clone();
        assert!(fields.contains(&format!("Host: {}\r\n", server.address)), "{mode:?}: {fields}");
        assert!(fields.contains("Accept-Encoding: identity\r\n"), "{mode:?}: {fields}");
        let closes = fields.contains("Connection: close\r\n");
        assert_eq!(
            closes,
            mode != crate::web_upstream::Mode::Async,
            "FETCH-BLOCKING-2, {mode:?}: {fields}"
        );
    }
}

#[test]
fn head_has_no_body_whatever_its_length_says() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(|_| vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")]);
        let request = Request::new(Method::Head, &server.url("/"));
        let came = outcome(&fetch(mode, &Options::default(), request));
        assert_eq!(came, "200 ", "FRAMING-3, {mode:?}");
    }
}

#[test]
fn names_and_both_families_of_addresses_are_reached() {
    let _watchdog = Watchdog::new();
    for mode in MODES {
        let server = Server::start(|_| vec![send(HELLO)]);
        // It has two addresses on many machines, and the server listens on one.
        let url = format!("http://LocalHost:{}/", server.address.port());
        assert_eq!(
            outcome(&fetch(mode, &Options::default(), Request::get(&url))),
            "200 hello",
            "{mode:?}"
        );
        // A machine without IPv6 has nothing to show here.
        let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { continue };
        let server = Server::on(listener, |_| vec![send(HELLO)]);
        let came = outcome(&fetch(mode, &Options::default(), Request::get(&server.url("/"))));
        assert_eq!(came, "200 hello", "an IPv6 address in brackets, {mode:?}");
    }
}

#[test]
fn large_bodies_of_every_framing_come_whole() {
    let _watchdog = Watchdog::new();
    let body = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>();
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    let close = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in body.chunks(70_001) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    for whole in [[length, body.clone()].concat(), [close, body.clone()].concat(), chunked] {
        for mode in MODES {
            let whole = whole.clone();
            let server = Server::start(move |_| vec![Act::Send(whole.clone()), Act::Close]);
            let page =
                fetch(mode, &Options::default(), Request::get(&server.url("/"))).expect("a page");
            assert!(
                page.body == body,
                "SINK-1, {mode:?}: every byte in its place, {} of them",
                page.body.len()
            );
        }
    }
}
