//! Many clients of one server: slow ones beside a fast one, those that vanish, and those that come in a crowd.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::http_client::PATIENCE;
use crate::served::{Served, serve, serve_with};
use handloom::aio::sleep;
use handloom::os::socket::set_linger_zero;
use handloom::web::server::{Config, Request, Response, Router, Server};

const GET: &str = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/// Counts handlers that began, and that were dropped before they ended.
#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    cancelled: AtomicUsize,
}

/// Counts its drop.
struct Guard<'a>(&'a Counts);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

fn server(config: Config) -> (Served, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let shared = counts.clone();
    let served = serve(config, move || {
        let router = Router::<Arc<Counts>>::new()
            .get_at_once("/hello", |_, _| Response::text("hello\n"))
            .get("/slow", async |counts: &Arc<Counts>, _: &mut Request| {
                counts.begun.fetch_add(1, Ordering::SeqCst);
                let guard = Guard(counts);
                sleep(Duration::from_hours(1)).await;
                drop(guard);
                Response::text("slow\n")
            })
            .get_at_once("/large", |_, _| Response::bytes(vec![b'x'; 10_000_000]));
        (router, shared)
    });
    (served, counts)
}

/// Waits until a counter has a value.
fn until(counter: &AtomicUsize, wanted: usize, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while counter.load(Ordering::SeqCst) != wanted {
        let came = counter.load(Ordering::SeqCst);
        assert!(Instant::now() < deadline, "{what}: expected {wanted}, came {came}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_hundred_slow_clients_do_not_keep_a_fast_one_waiting() {
    let (server, counts) = server(Config::default());
    let mut slow = Vec::new();
    for n in 0..100 {
        let mut client = server.connect();
        match n % 4 {
            // Half a head, half a body, a handler that waits, a reply that is not read.
            0 => client.send(&GET[..20]),
            1 => client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"),
            2 => client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"),
            _ => client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"),
        };
        slow.push(client);
    }
    until(&counts.begun, 25, "handlers that wait");
    let mut fast = server.connect();
    let mut worst = Duration::ZERO;
    for n in 0..2000 {
        if n % 20 == 0 {
            // They drip meanwhile.
            slow[n / 20 % 100 / 4 * 4].send("x");
        }
        let began = Instant::now();
        assert_eq!(fast.get("/hello").status, 200);
        worst = worst.max(began.elapsed());
    }
    // Far above what it takes, and far below any wait for a slow one.
    assert!(worst < Duration::from_secs(2), "a fast client waited {worst:?} behind slow ones");
}

#[test]
fn a_client_that_closes_or_resets_cancels_its_handler() {
    let (server, counts) = server(Config::default());
    for n in 0..40 {
        let mut client = server.connect();
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        if n % 4 < 2 {
            // More requests behind it: they must be read for the end to be seen.
            client.send(GET.repeat(20));
        }
        until(&counts.begun, n + 1, "handlers begun");
        if n % 2 == 0 {
            set_linger_zero(&client.stream).expect("linger");
        }
        drop(client);
        until(&counts.cancelled, n + 1, "ANSWERING-4: handlers cancelled");
    }
}

#[test]
fn clients_that_vanish_at_any_byte_leave_nothing_behind() {
    let (server, _) = server(Config { max_connections: 4, ..Config::default() });
    let request =
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for cut in 0..=request.len() {
        let mut client = server.connect();
        client.send(&request[..cut]);
        if cut % 2 == 0 {
            set_linger_zero(&client.stream).expect("linger");
        }
    }
    // With a cap of four, any place that was not given up would be missed.
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/hello").status, 200, "WEB-3: a place was lost");
    }
}

#[test]
fn four_hundred_connections_are_answered() {
    let (server, _) = server(Config::default());
    let mut streams: Vec<_> = (0..400).map(|_| server.connect()).collect();
    for _ in 0..3 {
        for client in &mut streams {
            client.send(GET);
        }
        for client in &mut streams {
            assert_eq!(client.answer().status, 200);
        }
    }
}

#[test]
fn connections_that_come_and_go_are_answered() {
    let (server, _) = server(Config::default());
    for _ in 0..500 {
        let mut client = server.connect();
        client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.keep_alive), (200, false));
        assert_eq!(client.rest(), b"", "CONN-5");
    }
}

#[test]
fn a_flood_on_one_connection_does_not_starve_another() {
    let (server, _) = server(Config { grace: Duration::from_millis(300), ..Config::default() });
    let mut flood = server.connect();
    let mut reader = flood.stream.try_clone().expect("clone");
    let writer = thread::spawn(move || {
        let batch = GET.repeat(500);
        // Ends when the other side is shut down.
        while flood.stream.write_all(batch.as_bytes()).is_ok() {}
    });
    let drain = thread::spawn(move || {
        let mut sink = vec![0; 1 << 20];
        while std::io::Read::read(&mut reader, &mut sink).is_ok_and(|read| read > 0) {}
    });
    let mut other = server.connect();
    let began = Instant::now();
    for _ in 0..200 {
        assert_eq!(other.get("/hello").status, 200);
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "LOOP-2: 200 requests beside a flood took {took:?}");
    // The flood never pauses; the grace ends it.
    drop(server);
    writer.join().expect("writer");
    drain.join().expect("drain");
}

#[test]
fn an_answer_to_a_late_body_has_the_time_of_the_answer_and_how_long_it_took() {
    let (sender, lines) = std::sync::mpsc::channel();
    let server = serve_with(move || {
        let config = Config { body_timeout: Duration::from_millis(1_100), ..Config::default() };
        let server = Server::with_config(Router::<()>::new(), (), config);
        server.with_log(move |answered| sender.send(answered.took).expect("a reader"))
    });
    let mut client = server.connect();
    let begun = std::time::SystemTime::now();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    let answer = format!("{:?}", client.answer());
    assert!(answer.contains("408"), "WEB-CONFIG-1: {answer}");
    let date = handloom::http::date::http_date(begun);
    assert!(!answer.contains(&date), "the date of the request, {date}: {answer}");
    let took = lines.recv_timeout(PATIENCE).expect("ANSWERED-1: a line");
    assert!(took >= Duration::from_millis(1_100), "from the head to the answer: {took:?}");
}

#[test]
fn a_log_has_a_line_for_every_request_and_for_what_was_none() {
    let (sender, lines) = std::sync::mpsc::channel();
    let server = serve_with(move || {
        let router = Router::<()>::new().get("/hello", async |(), _: &mut Request| {
            sleep(Duration::from_millis(1)).await;
            Response::text("hello\n")
        });
        let server = Server::new(router, ());
        server.with_log(move |answered| sender.send(answered.to_string()).expect("a reader"))
    });
    let mut client = server.connect();
    client.get("/hello?a=%0a");
    client.get("/nobody");
    client.send("nonsense\r\n\r\n").answer();
    let wanted =
        ["\"GET /hello?a=%0a HTTP/1.1\" 200 ", "\"GET /nobody HTTP/1.1\" 404 ", "- 400 0.000 ms"];
    for wanted in wanted {
        let line = lines.recv_timeout(PATIENCE).expect("ANSWERED-1: a line");
        let peer = client.stream.local_addr().expect("address").to_string();
        assert!(line.starts_with(&peer) && line.contains(wanted), "ANSWERED-2: {line}");
    }
}
