//! The server's deadlines, on the virtual clock: server and client share a loop, and hours pass at once.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use crate::virtual_time::run;
use handloom::aio::{AsyncRead, AsyncWrite, Event, TcpListener, TcpStream, sleep, timeout};
use handloom::rt::{now, spawn};
use handloom::web::server::{Config, Request, Response, Router, Server};

const GET: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/// What the handlers of these tests share.
#[derive(Default)]
struct State {
    begun: Cell<u32>,
    cancelled: Cell<u32>,
    finished: Cell<u32>,
    dropped: Event,
}

/// Counts a handler that did not come to its end.
struct Guard(Rc<State>, bool);

impl Drop for Guard {
    fn drop(&mut self) {
        let counter = if self.1 { &self.0.finished } else { &self.0.cancelled };
        counter.set(counter.get() + 1);
        self.0.dropped.set();
    }
}

fn table() -> Router<Rc<State>> {
    Router::new()
        .get_at_once("/hello", |_, _| Response::text("hello\n"))
        .get_at_once("/large", |_, _| Response::bytes(vec![b'x'; 50_000_000]))
        .post("/echo", async |_: &Rc<State>, request: &mut Request| {
            Response::bytes(request.take_body())
        })
        .get("/slow", async |state: &Rc<State>, request: &mut Request| {
            state.begun.set(state.begun.get() + 1);
            let mut guard = Guard(state.clone(), false);
            let seconds = request.raw_query().and_then(|query| query.parse().ok()).unwrap_or(3600);
            sleep(Duration::from_secs(seconds)).await;
            guard.1 = true;
            Response::text("slow\n")
        })
}

/// A server on this loop: its state, a way to connect, and its task's end.
struct Here {
    state: Rc<State>,
    address: std::net::SocketAddr,
    stop: Rc<Event>,
    ended: Rc<Event>,
}

fn here(config: Config) -> Here {
    let (state, stop, ended) =
        (Rc::new(State::default()), Rc::new(Event::new()), Rc::new(Event::new()));
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("bind");
    let address = listener.local_addr().expect("address");
    let server = Server::with_config(table(), state.clone(), config);
    let (stopped, over) = (stop.clone(), ended.clone());
    drop(spawn(async move {
        let outcome = server.serve(listener, async { stopped.wait().await }).await;
        outcome.expect("served");
        over.set();
    }));
    Here { state, address, stop, ended }
}

impl Here {
    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.expect("connect");
        // Virtual time does not wait for an acknowledgement that the kernel delays.
        stream.set_nodelay(true).expect("nodelay");
        stream
    }
}

/// Reads to the end; a reset counts as one.
async fn rest(stream: &mut TcpStream) -> String {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut some).await {
        all.extend_from_slice(&some[..read]);
    }
    String::from_utf8(all).expect("text")
}

/// Reads a reply that ends with a text.
async fn reply(stream: &mut TcpStream, end: &str) -> String {
    let (mut all, mut some) = (String::new(), [0; 4096]);
    while !all.ends_with(end) {
        let read = stream.read(&mut some).await.expect("read");
        assert!(read > 0, "expected a reply that ends with {end:?}, came {all:?} and the end");
        all.push_str(std::str::from_utf8(&some[..read]).expect("text"));
    }
    all
}

/// Runs a future and tells how many whole seconds of the loop's time it took.
async fn seconds<T>(future: impl Future<Output = T>) -> (T, u64) {
    let began = now();
    let value = future.await;
    (value, now().duration_since(began).as_secs())
}

#[test]
fn a_client_that_says_nothing_has_ten_seconds() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        assert_eq!(seconds(rest(&mut client)).await, (String::new(), 10), "WEB-CONFIG-1: silence");
    });
}

#[test]
fn a_head_has_ten_seconds_in_all_however_busily_it_drips() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        let began = now();
        let drip = async {
            // A byte a second: never silent, never done.
            for byte in GET {
                client.write_all(&[*byte]).await?;
                sleep(Duration::from_secs(1)).await;
                if now().duration_since(began) > Duration::from_secs(11) {
                    break;
                }
            }
            std::io::Result::Ok(())
        };
        drip.await.expect("write");
        let came = rest(&mut client).await;
        assert!(came.starts_with("HTTP/1.1 408 "), "expected 408, came {came:?}");
        assert!(came.contains("Connection: close\r\n"), "{came:?}");
    });
}

#[test]
fn a_second_head_has_ten_seconds_from_its_first_wait() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        client.write_all(GET).await.expect("write");
        reply(&mut client, "hello\n").await;
        // Idle for a while, which is another limit, and then half a head.
        sleep(Duration::from_secs(14)).await;
        client.write_all(b"GET /").await.expect("write");
        let (came, took) = seconds(rest(&mut client)).await;
        assert!(came.starts_with("HTTP/1.1 408 "), "expected 408, came {came:?}");
        assert_eq!(took, 10, "LAZY-TIMER-1: the timer goes back to the earlier time");
    });
}

#[test]
fn a_connection_may_be_idle_for_fifteen_seconds_again_and_again() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        for _ in 0..20 {
            client.write_all(GET).await.expect("write");
            reply(&mut client, "hello\n").await;
            sleep(Duration::from_millis(14_900)).await;
        }
        client.write_all(GET).await.expect("write");
        reply(&mut client, "hello\n").await;
        assert_eq!(seconds(rest(&mut client)).await, (String::new(), 15), "LAZY-TIMER-2: idle");
    });
}

const POST: &[u8] = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n";

#[test]
fn a_body_has_thirty_seconds_in_all_however_busily_it_drips() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        // Each body has its own thirty seconds.
        for _ in 0..2 {
            client.write_all(POST).await.expect("write");
            sleep(Duration::from_secs(29)).await;
            client.write_all(&[b'a'; 20]).await.expect("write");
            reply(&mut client, &"a".repeat(20)).await;
        }
        // A silent one and one that drips a byte every few seconds.
        for drips in [false, true] {
            let mut client = here.connect().await;
            client.write_all(POST).await.expect("write");
            let began = now();
            for _ in 0..14 {
                sleep(Duration::from_secs(2)).await;
                if drips {
                    client.write_all(b"a").await.expect("write");
                }
            }
            let came = rest(&mut client).await;
            assert!(came.starts_with("HTTP/1.1 408 "), "WEB-CONFIG-1: expected 408, came {came:?}");
            let took = now().duration_since(began).as_secs();
            assert_eq!(took, 30, "WEB-CONFIG-1: the deadline of a body, drips: {drips}");
        }
    });
}

#[test]
fn a_body_whose_deadline_is_set_longer_may_take_longer() {
    run(async {
        let here = here(Config { body_timeout: Duration::from_mins(2), ..Config::default() });
        let mut client = here.connect().await;
        client.write_all(POST).await.expect("write");
        for _ in 0..20 {
            sleep(Duration::from_secs(5)).await;
            client.write_all(b"a").await.expect("write");
        }
        reply(&mut client, &"a".repeat(20)).await;
    });
}

#[test]
fn a_client_that_takes_nothing_for_thirty_seconds_is_given_up() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
        let mut some = [0; 4096];
        assert!(client.read(&mut some).await.expect("read") > 0);
        sleep(Duration::from_secs(31)).await;
        let mut came = 0;
        while let Ok(read @ 1..) = client.read(&mut some).await {
            came += read;
        }
        assert!(came < 49_000_000, "expected an end within the body, came all {came} bytes");
    });
}

#[test]
fn a_handler_has_no_deadline() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        client.write_all(b"GET /slow?7200 HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
        let (_, took) = seconds(reply(&mut client, "slow\n")).await;
        assert_eq!(took, 7200);
    });
}

#[test]
fn deadlines_can_be_turned_off() {
    run(async {
        let off = Duration::MAX;
        let here = here(Config {
            head_timeout: off,
            body_timeout: off,
            idle_timeout: off,
            write_timeout: off,
            ..Config::default()
        });
        let mut client = here.connect().await;
        sleep(Duration::from_hours(24)).await;
        client.write_all(GET).await.expect("write");
        reply(&mut client, "hello\n").await;
        sleep(Duration::from_hours(24)).await;
        client.write_all(GET).await.expect("write");
        reply(&mut client, "hello\n").await;
    });
}

#[test]
fn a_client_that_goes_away_cancels_its_handler() {
    run(async {
        let here = here(Config::default());
        for n in 1..=3 {
            let mut client = here.connect().await;
            client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
            sleep(Duration::from_secs(100)).await;
            assert_eq!((here.state.begun.get(), here.state.cancelled.get()), (n, n - 1));
            here.state.dropped.clear();
            drop(client);
            let gone = timeout(Duration::from_secs(1), here.state.dropped.wait()).await;
            assert!(gone.is_ok(), "ANSWERING-4: the handler goes on for nobody");
            assert_eq!(here.state.cancelled.get(), n, "ANSWERING-4");
        }
        assert_eq!(here.state.finished.get(), 0);
    });
}

#[test]
fn what_comes_while_a_handler_runs_is_neither_lost_nor_hides_the_end() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        client.write_all(b"GET /slow?5 HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
        sleep(Duration::from_secs(1)).await;
        // In pieces, so that some come while the handler waits, and cut within a head.
        let behind = GET.repeat(3);
        for piece in behind.chunks(7) {
            client.write_all(piece).await.expect("write");
            sleep(Duration::from_millis(10)).await;
        }
        let came = reply(&mut client, "hello\n").await;
        let mut came = came;
        while came.matches("hello\n").count() < 3 {
            came += &reply(&mut client, "hello\n").await;
        }
        let slow = came.find("slow\n").expect("the first reply");
        assert!(slow < came.find("hello\n").expect("the second"), "CONN-1: {came}");
        // Again, and now the client goes away behind what it has sent.
        client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
        client.write_all(&behind).await.expect("write");
        sleep(Duration::from_secs(1)).await;
        here.state.dropped.clear();
        drop(client);
        let gone = timeout(Duration::from_secs(1), here.state.dropped.wait()).await;
        assert!(gone.is_ok(), "ANSWERING-4: pipelined requests hide the end");
    });
}

#[test]
fn earlier_replies_do_not_wait_for_a_slow_handler() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        let batch = [GET, GET, b"GET /slow?100 HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        client.write_all(&batch).await.expect("write");
        let both = async {
            let mut came = String::new();
            while came.matches("hello\n").count() < 2 {
                came += &reply(&mut client, "hello\n").await;
            }
        };
        let ((), took) = seconds(both).await;
        assert_eq!(took, 0, "ANSWERING-5");
        let (_, took) = seconds(reply(&mut client, "slow\n")).await;
        assert_eq!(took, 100);
    });
}

#[test]
fn a_half_closed_client_is_answered_within_its_time() {
    for (seconds, is_answered) in [(0, false), (4, false), (6, true), (u64::MAX, true)] {
        run(async {
            let half_close = Duration::from_secs(seconds);
            let here = here(Config { half_close, ..Config::default() });
            let mut client = here.connect().await;
            client.write_all(b"GET /slow?5 HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
            client.shutdown(std::net::Shutdown::Write).expect("shutdown");
            let began = now();
            let came = rest(&mut client).await;
            assert_eq!(came.ends_with("slow\n"), is_answered, "ANSWERING-4: {seconds} s: {came:?}");
            assert_eq!(here.state.cancelled.get(), u32::from(!is_answered), "ANSWERING-4");
            let took = now().duration_since(began).as_secs();
            assert_eq!(took, seconds.min(5), "ANSWERING-4: {seconds} s");
        });
    }
}

#[test]
fn a_half_closed_client_gets_all_answers_of_a_batch() {
    run(async {
        let here = here(Config { half_close: Duration::from_secs(6), ..Config::default() });
        let mut client = here.connect().await;
        let batch = [GET, b"GET /slow?5 HTTP/1.1\r\nHost: a\r\n\r\n", GET].concat();
        client.write_all(&batch).await.expect("write");
        client.shutdown(std::net::Shutdown::Write).expect("shutdown");
        let came = rest(&mut client).await;
        assert_eq!(came.matches("hello\n").count(), 2, "ANSWERING-4: {came:?}");
        assert_eq!(came.matches("slow\n").count(), 1, "ANSWERING-4: {came:?}");
    });
}

#[test]
fn a_stop_finishes_what_is_in_flight_and_closes_the_idle_at_once() {
    run(async {
        let here = here(Config { grace: Duration::from_mins(1), ..Config::default() });
        let (mut idle, mut fresh) = (here.connect().await, here.connect().await);
        idle.write_all(GET).await.expect("write");
        reply(&mut idle, "hello\n").await;
        let mut busy = here.connect().await;
        busy.write_all(b"GET /slow?50 HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
        let mut sending = here.connect().await;
        let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
        sending.write_all(head).await.expect("write");
        sleep(Duration::from_secs(1)).await;
        here.stop.set();
        for quiet in [&mut idle, &mut fresh] {
            assert_eq!(seconds(rest(quiet)).await, (String::new(), 0), "CONN-6: idle");
        }
        sending.write_all(b"abc").await.expect("write");
        let came = rest(&mut sending).await;
        assert!(
            came.contains("Connection: close\r\n") && came.ends_with("abc"),
            "CONN-6: {came:?}"
        );
        let came = rest(&mut busy).await;
        assert!(came.contains("Connection: close\r\n") && came.ends_with("slow\n"), "{came:?}");
        drop((busy, sending));
        here.ended.wait().await;
        assert_eq!(here.state.finished.get(), 1);
        assert!(TcpStream::connect(here.address).await.is_err(), "nobody listens any more");
    });
}

#[test]
fn the_grace_has_an_end_and_nothing_is_left_after_it() {
    run(async {
        let here = here(Config::default());
        let mut client = here.connect().await;
        client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
        sleep(Duration::from_secs(1)).await;
        here.stop.set();
        let ((), took) = seconds(here.ended.wait()).await;
        assert_eq!(took, 5, "the grace");
        assert_eq!(rest(&mut client).await, "", "WEB-1: the connection is closed");
        assert_eq!(here.state.cancelled.get(), 1, "WEB-1: the handler is dropped");
    });
}

#[test]
fn a_dropped_server_drops_its_connections() {
    run(async {
        let state = Rc::new(State::default());
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("bind");
        let address = listener.local_addr().expect("address");
        let served = Server::new(table(), state.clone()).serve(listener, pending());
        let client = async {
            let mut client = TcpStream::connect(address).await.expect("connect");
            client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("write");
            sleep(Duration::from_secs(1)).await;
            client
        };
        let handloom::aio::Either::Second(mut client) = handloom::aio::race(served, client).await
        else {
            panic!("expected a server that goes on");
        };
        assert_eq!(rest(&mut client).await, "", "WEB-1");
        assert_eq!(state.cancelled.get(), 1, "WEB-1");
    });
}

#[test]
fn beyond_the_cap_clients_wait_until_one_leaves() {
    run(async {
        let here = here(Config { max_connections: 2, ..Config::default() });
        let (mut one, mut two) = (here.connect().await, here.connect().await);
        for client in [&mut one, &mut two] {
            client.write_all(GET).await.expect("write");
            reply(client, "hello\n").await;
        }
        let mut third = here.connect().await;
        third.write_all(GET).await.expect("write");
        let mut some = [0; 100];
        let waited = timeout(Duration::from_secs(5), third.read(&mut some)).await;
        assert!(waited.is_err(), "WEB-3: a third is served beside two");
        drop(one);
        assert!(third.read(&mut some).await.expect("read") > 0, "WEB-3: the place is free");
    });
}
