//! What the asynchronous client does with its connections: keeps, takes again, gives up, closes.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::web_upstream::{Act, PATIENCE, Server, Watchdog, outcome, send};
use handloom::aio::{Either, bounded, race, run_blocking, sleep};
use handloom::http::Method;
use handloom::rt::EventLoop;
use handloom::web::client::asynchronous::Client;
use handloom::web::client::{Options, Page, Request};

/// A page of five letters.
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Runs a test on a loop.
fn run(test: impl Future<Output = ()>) {
    let _watchdog = Watchdog::new();
    EventLoop::new().expect("a loop").block_on(test);
}

/// Fetches and tells the outcome.
async fn get(client: &Client, server: &Server) -> String {
    outcome(&client.get(&server.url("/")).await)
}

#[test]
fn a_clean_connection_serves_one_request_after_another() {
    run(async {
        let server = Server::start(|_| vec![send(HELLO)]);
        let client = Client::new(Options::default());
        for _ in 0..10 {
            assert_eq!(
                get(&client.clone(), &server).await,
                "200 hello",
                "a clone shares the store"
            );
        }
        assert_eq!(server.connections(), 1, "IDLE-CONN-4: one connection for all");
    });
}

#[test]
fn a_name_is_looked_up_beside_work_that_blocks() {
    run(async {
        let server = Server::start(|_| vec![send(HELLO)]);
        // As many as the loop has threads of its own. Each ends when the sender is dropped.
        let (sender, receiver) = channel::<()>();
        let receiver = Arc::new(std::sync::Mutex::new(receiver));
        let block = || {
            let receiver = Arc::clone(&receiver);
            run_blocking(move || receiver.lock().expect("a lock").recv())
        };
        let blocked: Vec<_> = (0..64).map(|_| block()).collect();
        let client = Client::new(Options { whole: Duration::from_secs(5), ..Options::default() });
        for host in ["localhost", "shop.localhost"] {
            let url = format!("http://{host}:{}/", server.address.port());
            assert_eq!(outcome(&client.get(&url).await), "200 hello", "DIAL-3: {host}");
        }
        drop((sender, blocked));
    });
}

#[test]
fn a_408_on_an_idle_connection_is_not_the_answer() {
    const LATE: &str = "HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate";
    run(async {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let server = Server::start(move |_| {
            // The second request comes on the connection of the first one, the third on a new one.
            let number = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            vec![send(if number == 1 || number > 2 { LATE } else { HELLO })]
        });
        let client = Client::new(Options::default());
        for _ in 0..2 {
            assert_eq!(get(&client, &server).await, "200 hello", "FETCH-ASYNC-1");
        }
        assert_eq!(server.connections(), 2, "FETCH-ASYNC-1: once more, on a new connection");
        // On a new connection it is an answer like others.
        let client = Client::new(Options::default());
        assert_eq!(get(&client, &server).await, "408 late", "FETCH-ASYNC-1");
    });
}

#[test]
fn a_connection_that_is_not_clean_is_not_used_again() {
    for answer in [
        vec![send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")],
        vec![send("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
        vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more")],
        vec![send("HTTP/1.1 200 OK\r\n\r\nhello"), Act::Close],
    ] {
        run(async {
            let shown = format!("{answer:?}");
            let server = Server::start(move |_| answer.clone());
            let client = Client::new(Options::default());
            for _ in 0..2 {
                assert_eq!(get(&client, &server).await, "200 hello", "{shown}");
            }
            assert_eq!(server.connections(), 2, "EXCHANGE-1: {shown}");
        });
    }
}

#[test]
fn a_request_on_a_connection_that_was_closed_meanwhile_is_sent_once_more() {
    // The server has read the second request, so the client cannot have known before.
    for end in [Act::Close, Act::Reset] {
        run(async {
            let server = Server::start(move |got| match (got.connection, got.place) {
                (0, 1) => vec![end.clone()],
                _ => vec![send(HELLO)],
            });
            let client = Client::new(Options::default());
            for _ in 0..3 {
                assert_eq!(get(&client, &server).await, "200 hello", "FETCH-ASYNC-1");
            }
            let asked =
                server.got().iter().map(|got| (got.connection, got.place)).collect::<Vec<_>>();
            assert_eq!(
                asked,
                [(0, 0), (0, 1), (1, 0), (1, 1)],
                "FETCH-ASYNC-1: once more, and no more"
            );
        });
    }
}

#[test]
fn a_second_death_is_told_and_so_is_one_after_the_first_byte() {
    run(async {
        let server = Server::start(|got| match got.connection {
            0 if got.place == 0 => vec![send(HELLO)],
            _ => vec![Act::Close],
        });
        let client = Client::new(Options::default());
        assert_eq!(get(&client, &server).await, "200 hello");
        let came = get(&client, &server).await;
        assert_eq!(came, "eof: head: the connection ended too soon", "FETCH-ASYNC-1: only once");
        assert_eq!(server.got().len(), 3, "FETCH-ASYNC-1: two attempts at the second request");
    });
    run(async {
        let server = Server::start(|got| match got.place {
            0 => vec![send(HELLO)],
            _ => vec![send("H"), Act::Close],
        });
        let client = Client::new(Options::default());
        assert_eq!(get(&client, &server).await, "200 hello");
        let came = get(&client, &server).await;
        assert_eq!(came, "eof: head: the connection ended too soon", "FETCH-ASYNC-1: it had begun");
        assert_eq!(server.got().len(), 2, "FETCH-ASYNC-1: not sent again");
    });
}

#[test]
fn a_request_that_changes_something_has_a_new_connection() {
    run(async {
        let server = Server::start(|_| vec![send(HELLO)]);
        let client = Client::new(Options::default());
        assert_eq!(get(&client, &server).await, "200 hello");
        let mut request = Request::new(Method::Post, &server.url("/")).expect("a URL");
        request.body = b"x".to_vec();
        let mut body = Vec::new();
        client.fetch(&request, &mut body).await.expect("an answer");
        assert_eq!(server.got()[1].connection, 1, "FETCH-ASYNC-1: it could not be sent twice");
        assert_eq!(get(&client, &server).await, "200 hello");
        assert_eq!(server.connections(), 2, "IDLE-CONN-4: its connection is stored all the same");
    });
}

#[test]
fn what_the_server_says_unasked_is_not_taken_for_an_answer() {
    run(async {
        let server = Server::start(|got| match got.connection {
            // Behind the answer, in a segment of its own, once the client has had that.
            0 => vec![
                send(HELLO),
                Act::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil".into()),
            ],
            _ => vec![send(HELLO)],
        });
        let client = Client::new(Options::default());
        assert_eq!(get(&client, &server).await, "200 hello");
        // It comes every few milliseconds; the loop has seen it by now.
        sleep(Duration::from_millis(200)).await;
        assert_eq!(get(&client, &server).await, "200 hello", "IDLE-CONN-3");
        assert_eq!(server.connections(), 2, "IDLE-CONN-3, EXCHANGE-1: on a new connection");
    });
}

/// Fetches five pages at a time, which the server answers when all five have asked.
async fn five(client: &Client, server: &Server) {
    let pages = bounded(5, (0..5).map(|_| get(client, server))).await;
    assert!(pages.iter().all(|page| page == "200 hello"), "expected five pages, came {pages:?}");
}

#[test]
fn no_more_are_stored_than_the_limit_says() {
    run(async {
        let barrier = Arc::new(Barrier::new(5));
        let server = Server::start(move |_| {
            barrier.wait();
            vec![send(HELLO)]
        });
        let client = Client::new(Options { idle_connections: 2, ..Options::default() });
        five(&client, &server).await;
        assert_eq!(server.connections(), 5, "five at a time");
        five(&client, &server).await;
        assert_eq!(server.connections(), 8, "IDLE-CONN-1: two of them were used again");
    });
}

#[test]
fn a_stored_connection_is_closed_when_its_time_is_up_though_nobody_asks() {
    run(async {
        let mut server = Server::start(|_| vec![send(HELLO)]);
        let options = Options { idle_timeout: Duration::from_millis(50), ..Options::default() };
        let client = Client::new(options);
        for number in 0..2 {
            // Twice: the task that closes ends when there is nothing left, and must begin anew.
            assert_eq!(get(&client, &server).await, "200 hello", "connection {number}");
            assert_eq!(end_of_one(&mut server).await, Some(number), "IDLE-CONN-2");
        }
    });
}

/// Waits, while the loop goes on, until a connection has ended at the server; tells which.
async fn end_of_one(server: &mut Server) -> Option<usize> {
    let ended = std::mem::replace(&mut server.ended, channel().1);
    let waiting = run_blocking(move || (ended.recv_timeout(PATIENCE).ok(), ended));
    let (number, ended) = waiting.await.expect("a thread");
    server.ended = ended;
    number
}

#[test]
fn a_fetch_that_is_dropped_closes_its_connection() {
    run(async {
        let mut server = Server::start(|_| vec![send("HTTP/1.1 200 OK\r\n"), Act::Stall]);
        let client = Client::new(Options::default());
        let url = server.url("/");
        let asked = async {
            while server.got().is_empty() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let first = race(client.get(&url), asked).await;
        assert!(matches!(first, Either::Second(())), "expected no answer, came {first:?}");
        assert_eq!(
            end_of_one(&mut server).await,
            Some(0),
            "FETCH-ASYNC-2: the server sees the end"
        );
    });
}

#[test]
fn a_thousand_pages_come_over_as_many_connections_as_are_fetched_at_a_time() {
    run(async {
        let server = Server::start(|_| vec![send(HELLO)]);
        let client = Client::new(Options::default());
        let url = server.url("/");
        let fetch = |_| async { client.get(&url).await };
        let pages: Vec<Result<Page, _>> = bounded(20, (0..1000).map(fetch)).await;
        assert!(pages.iter().all(|page| outcome(page) == "200 hello"), "every page comes");
        assert!(server.connections() <= 20, "IDLE-CONN-4: {} connections", server.connections());
    });
}

#[test]
fn a_client_outlives_its_loop() {
    let _watchdog = Watchdog::new();
    let server = Server::start(|_| vec![send(HELLO)]);
    let client = Client::new(Options::default());
    for _ in 0..3 {
        let event_loop = EventLoop::new().expect("a loop");
        for _ in 0..2 {
            let came = event_loop.block_on(get(&client, &server));
            assert_eq!(came, "200 hello", "SOURCE-3: a connection of another loop is not used");
        }
    }
    assert_eq!(server.connections(), 3, "one for each loop");
}
