//! The gateway over HTTP: shapes, statuses, order, and clients that go away.

use std::cell::RefCell;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::weather_upstream::{Gate, LONG, run, settle, until};
use handloom::aio::{AsyncRead, AsyncWrite, TcpListener, TcpStream, gather};
use handloom::http::percent::encode;
use handloom::json::Json;
use handloom::rt::spawn;
use handloom::weather::gateway::{self, log_line};
use handloom::weather::{CITIES, SharedUpstream};
use handloom::web::client::Options;
use handloom::web::client::asynchronous::Client;
use handloom::web::server::Server;

/// A gateway on the test's loop, and a client of it.
struct Gateway {
    address: SocketAddr,
    client: Client,
    log: Rc<RefCell<String>>,
}

impl Gateway {
    fn start(upstream: SharedUpstream) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("bind");
        let address = listener.local_addr().expect("address");
        let log = Rc::new(RefCell::new(String::new()));
        let lines = log.clone();
        let server = Server::new(gateway::router(), upstream).with_log(move |answered| {
            lines.borrow_mut().push_str(&log_line(answered, SystemTime::UNIX_EPOCH));
        });
        drop(spawn(async move { server.serve(listener, pending()).await }));
        let client = Client::new(Options { whole: LONG, silence: LONG, ..Options::default() });
        Self { address, client, log }
    }

    /// Asks; returns status and body.
    async fn get(&self, target: &str) -> (u16, String) {
        let page = self.client.get(&format!("http://{}{target}", self.address)).await;
        let page = page.expect("a response");
        let json = page.response.head.fields.get("content-type");
        assert!(page.status().code() == 404 || json == Some(b"application/json"), "{target}");
        (page.status().code(), String::from_utf8(page.body).expect("text"))
    }
}

/// A client that asks, and can go away.
async fn asks(gateway: &Gateway, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.expect("connect");
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

#[test]
fn one_city_is_one_object_in_exactly_this_form() {
    run(async {
        let gateway = Gateway::start(Gate::start_open().shared(8, LONG));
        let clouds = "200%20%7B%22weather%22%3A%5B%7B%22main%22%3A%22Clouds%22%7D%5D%7D";
        let (status, body) = gateway.get(&format!("/weather?city={clouds}")).await;
        let city = r#"200 {\"weather\":[{\"main\":\"Clouds\"}]}"#;
        assert_eq!((status, body), (200, format!(r#"{{"city": "{city}", "weather": "Clouds"}}"#)));
        let (status, body) = gateway.get("/weather?city=Moscow").await;
        let expected = r#"{"city": "Moscow", "weather": "Weather of Moscow"}"#;
        assert_eq!((status, body.as_str()), (200, expected), "ENTRY-1");
    });
}

#[test]
fn many_cities_are_gathered_at_once_and_stand_in_the_order_asked() {
    run(async {
        let gate = Gate::start();
        let gateway = Rc::new(Gateway::start(gate.shared(64, LONG)));
        let query: Vec<_> = CITIES.map(|city| format!("city={}", encode(city))).to_vec();
        let target = format!("/weather?{}&other=x", query.join("&"));
        let asking = spawn({
            let gateway = gateway.clone();
            async move { gateway.get(&target).await }
        });
        until(|| gate.waiting.get() == 12).await;
        gate.open.set();
        let (status, body) = asking.await.expect("an answer");
        let expected =
            CITIES.map(|city| format!(r#"{{"city": "{city}", "weather": "Weather of {city}"}}"#));
        assert_eq!((status, body), (200, format!("[{}]", expected.join(", "))), "GATEWAY-1");
    });
}

#[test]
fn a_city_that_is_unknown_or_went_wrong_says_so_itself() {
    run(async {
        let gateway = Gateway::start(Gate::start_open().shared(8, LONG));
        let unknown = r#"{"city": "404 own", "weather": null, "reason": "the upstream does not know this city"}"#;
        let failed = r#"{"city": "status 500", "weather": null, "reason": "upstream failed: status 500 Internal Server Error", "status": 502}"#;
        let known = r#"{"city": "A", "weather": "Weather of A"}"#;
        let came = gateway.get("/weather?city=404+own").await;
        assert_eq!(came, (200, unknown.to_owned()), "WEATHER-ANSWER-1: it is an answer");
        let came = gateway.get("/weather?city=status%20500").await;
        assert_eq!(came, (502, failed.to_owned()), "ENTRY-2");
        let came = gateway.get("/weather?city=status+500&city=A&city=404+own&city=A").await;
        let list = format!("[{failed}, {known}, {unknown}, {known}]");
        assert_eq!(came, (200, list), "ENTRY-2: each for itself");
    });
}

#[test]
fn an_upstream_that_is_too_slow_is_504_or_an_entry_of_its_own() {
    run(async {
        let gate = Gate::start();
        let gateway = Gateway::start(gate.shared(8, Duration::from_millis(50)));
        let late = |city| {
            format!(
                r#"{{"city": "{city}", "weather": null, "reason": "upstream timed out: no answer within 50ms", "status": 504}}"#
            )
        };
        assert_eq!(gateway.get("/weather?city=A").await, (504, late("A")), "ENTRY-2");
        let both = format!("[{}, {}]", late("A"), late("B"));
        assert_eq!(gateway.get("/weather?city=A&city=B").await, (200, both), "ENTRY-2");
        until(|| gate.waiting.get() == 0).await;
    });
}

#[test]
fn what_is_no_question_is_400_and_the_upstream_hears_nothing_of_it() {
    run(async {
        let gate = Gate::start_open();
        let gateway = Gateway::start(gate.shared(8, LONG));
        let much = vec!["city=A"; gateway::MOST_CITIES + 1].join("&");
        for query in [
            "",
            "?",
            "?city=",
            "?city",
            "?city=+%20",
            "?city=A&city=",
            "?town=A",
            "?city=%4",
            "?city=%ff",
            &format!("?{much}"),
        ] {
            let (status, body) = gateway.get(&format!("/weather{query}")).await;
            assert_eq!(status, 400, "{query}: {body}");
            let json = Json::parse(body.as_bytes()).expect("JSON");
            assert!(json.get("error").is_some(), "{query}: {body}");
        }
        assert_eq!(gateway.get("/other").await.0, 404);
        assert_eq!(gate.requests(), 0);
        let enough = vec!["city=A"; gateway::MOST_CITIES].join("&");
        assert_eq!(gateway.get(&format!("/weather?{enough}")).await.0, 200);
        assert_eq!(gate.requests(), 1, "SHARED-UPSTREAM-2: within one request too");
    });
}

#[test]
fn the_first_page_has_links_that_answer() {
    run(async {
        let gateway = Gateway::start(Gate::start_open().shared(8, LONG));
        let page = gateway.client.get(&format!("http://{}/", gateway.address)).await;
        let page = page.expect("a page");
        assert_eq!(
            page.response.head.fields.get("content-type"),
            Some(&b"text/html; charset=utf-8"[..])
        );
        let text = String::from_utf8(page.body).expect("text");
        assert!(text.contains("Moscow, 210ms"), "the delay of the embedded upstream: {text}");
        let links: Vec<_> =
            text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(links.len(), CITIES.len() + 1, "{text}");
        for link in links {
            assert_eq!(gateway.get(&link.replace("&amp;", "&")).await.0, 200, "{link}");
        }
    });
}

#[test]
fn names_come_through_in_any_script() {
    run(async {
        let gate = Gate::start_open();
        let gateway = Gateway::start(gate.shared(8, LONG));
        for (query, city) in [
            ("%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0", "Москва"),
            ("St.+Petersburg", "St. Petersburg"),
            ("%20New%20York+", "New York"),
            ("a%26b%2Bc", "a&b+c"),
        ] {
            let (_, body) = gateway.get(&format!("/weather?city={query}")).await;
            let expected = format!(r#"{{"city": "{city}", "weather": "Weather of {city}"}}"#);
            assert_eq!(body, expected, "ENDPOINT-1, GATEWAY-3: {query}");
        }
    });
}

#[test]
fn clients_share_a_call_and_it_survives_the_one_who_began_it() {
    run(async {
        let gate = Gate::start();
        let gateway = Gateway::start(gate.shared(8, LONG));
        let first = asks(&gateway, "/weather?city=Moscow").await;
        until(|| gate.waiting.get() == 1).await;
        let mut others = gather((0..5).map(|_| asks(&gateway, "/weather?city=Moscow"))).await;
        settle().await;
        drop(first);
        settle().await;
        assert_eq!((gate.requests(), gate.given_up.get()), (1, 0), "GATEWAY-2: five still wait");
        gate.open.set();
        for other in &mut others {
            let mut answer = [0; 1024];
            let read = other.read(&mut answer).await.expect("an answer");
            let answer = String::from_utf8_lossy(&answer[..read]);
            assert!(answer.contains(r#""Weather of Moscow""#), "SINGLEFLIGHT-1: {answer}");
        }
        assert_eq!(gate.requests(), 1, "SHARED-UPSTREAM-2: six clients, one request");
    });
}

#[test]
fn a_client_that_goes_away_gives_up_what_nobody_else_waits_for() {
    run(async {
        let gate = Gate::start();
        let gateway = Gateway::start(gate.shared(8, LONG));
        let both = asks(&gateway, "/weather?city=A&city=B").await;
        let one = asks(&gateway, "/weather?city=B").await;
        until(|| gate.waiting.get() == 2).await;
        settle().await;
        drop(both);
        until(|| gate.given_up.get() == 1).await;
        settle().await;
        assert_eq!((gate.waiting.get(), gate.given_up.get()), (1, 1), "GATEWAY-2: B is waited for");
        drop(one);
        until(|| gate.given_up.get() == 2).await;
        assert_eq!(*gateway.log.borrow(), "", "ANSWERED-1: who is gone has no line");
    });
}

#[test]
fn the_log_has_a_line_for_each_answer_and_no_key() {
    run(async {
        let gateway = Gateway::start(Gate::start_open().shared(8, LONG));
        for target in [
            "/weather?city=Moscow",
            "/weather?city=status+401&city=A",
            "/weather?city=status+500",
            "/weather?appid=sesame&city=A",
            "/\"x\"",
        ] {
            gateway.get(target).await;
        }
        let log = gateway.log.borrow();
        let shown: Vec<_> = log
            .lines()
            .map(|line| {
                let (before, after) = line.split_once('"').expect("a request");
                let (stamp, peer) = before.split_once(' ').expect("a peer");
                assert_eq!(stamp, "1970-01-01T00:00:00.000000Z");
                assert!(peer.starts_with("127.0.0.1:") && peer.ends_with(' '), "{line}");
                let (request, after) = after.split_once("\" ").expect("a status");
                let (status, took) = after.split_once(' ').expect("a time");
                assert!(took.ends_with(" ms"), "{line}");
                format!("{request} {status}")
            })
            .collect();
        let expected = [
            "GET /weather?city=Moscow HTTP/1.1 200",
            "GET /weather?city=status+401&city=A HTTP/1.1 200",
            "GET /weather?city=status+500 HTTP/1.1 502",
            "GET /weather?appid=…&city=A HTTP/1.1 200",
            "GET /%22x%22 HTTP/1.1 404",
        ];
        assert_eq!(shown, expected, "ACCESS-1, ANSWERED-2");
        assert!(!log.contains("sesame"), "HIDDEN-1: {log}");
    });
}
