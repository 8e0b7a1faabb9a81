//! What the tests of the weather share: an upstream on the test's own loop that waits to be told, and counts.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use handloom::aio::{Event, TcpListener, yield_now};
use handloom::http::Status;
use handloom::rt::{EventLoop, spawn};
use handloom::weather::{Answer, AppId, Endpoint, SharedUpstream, Upstream, Weather};
use handloom::web::server::{Request, Response, Router, Server};

/// A test that takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_mins(10);

/// The key that must be seen nowhere.
pub(crate) const KEY: &str = "sesame&key";

/// Runs a test on a loop of its own; one that hangs ends the process.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let (alive, dropped): (Sender<()>, _) = channel();
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln!`, which the harness would keep for later.
            drop(writeln!(std::io::stderr(), "watchdog: {name} hangs"));
            std::process::abort();
        }
    });
    let value = EventLoop::new().expect("a loop").block_on(test);
    drop(alive);
    value
}

/// Lets the others run until something is true.
pub(crate) async fn until(is_true: impl Fn() -> bool) {
    while !is_true() {
        yield_now().await;
    }
}

/// Lets the others run for a good many turns: what has not happened then was not on its way.
pub(crate) async fn settle() {
    for _ in 0..200 {
        yield_now().await;
    }
}

/// An upstream that holds its answers back until the gate is opened.
///
/// The weather in `X` is `Weather of X`; a city named `status 500` gets that status, `404 own` and `404 number` the
/// two forms in which `OpenWeatherMap` denies a city, `200 BODY` that body, and `broken` the end of its connection.
#[derive(Default)]
pub(crate) struct Gate {
    /// Set to let answers out.
    pub(crate) open: Event,
    /// What it was asked for, in order.
    pub(crate) asked: RefCell<Vec<String>>,
    /// The queries as they came.
    pub(crate) queries: RefCell<Vec<String>>,
    /// From where.
    pub(crate) peers: RefCell<BTreeSet<SocketAddr>>,
    /// Requests that wait for their answers.
    pub(crate) waiting: Cell<usize>,
    /// The most that ever did.
    pub(crate) most: Cell<usize>,
    /// Requests that were given up.
    pub(crate) given_up: Cell<usize>,
    /// Where it listens.
    pub(crate) address: Cell<Option<SocketAddr>>,
}

/// Somebody who waits at the gate.
struct Waits<'a> {
    gate: &'a Gate,
    is_answered: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.gate.waiting.update(|waiting| waiting - 1);
        self.gate.given_up.update(|given_up| given_up + usize::from(!self.is_answered));
    }
}

impl Gate {
    /// Starts an upstream.
    pub(crate) fn start() -> Rc<Self> {
        let gate = Rc::new(Self::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("bind");
        gate.address.set(Some(listener.local_addr().expect("address")));
        let router = Router::new()
            .get("/data/2.5/weather", async |gate: &Rc<Gate>, request: &mut Request| {
                gate.answer(request).await
            });
        let server = Server::new(router, gate.clone());
        drop(spawn(async move { server.serve(listener, pending()).await }));
        gate
    }

    /// Starts one whose gate is open.
    pub(crate) fn start_open() -> Rc<Self> {
        let gate = Self::start();
        gate.open.set();
        gate
    }

    async fn answer(&self, request: &Request) -> Response {
        let query = request.query().expect("a query");
        let city = query.get("q").expect("a city").to_owned();
        assert_eq!(query.get("APPID"), Some(KEY), "the upstream gets the key");
        self.asked.borrow_mut().push(city.clone());
        self.queries.borrow_mut().push(request.raw_query().expect("a query").to_owned());
        self.peers.borrow_mut().insert(request.peer());
        self.waiting.update(|waiting| waiting + 1);
        self.most.set(self.most.get().max(self.waiting.get()));
        let mut waits = Waits { gate: self, is_answered: false };
        self.open.wait().await;
        waits.is_answered = true;
        respond(&city)
    }

    /// Where it is asked.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let address = self.address.get().expect("it listens");
        format!("http://{address}").parse().expect("an endpoint")
    }

    /// One who asks it.
    pub(crate) fn upstream(&self, limit: Duration) -> Upstream {
        Upstream::new(self.endpoint(), AppId::new(KEY), limit, 64)
    }

    /// The shared upstream that asks it.
    pub(crate) fn shared(&self, most_calls: usize, limit: Duration) -> SharedUpstream {
        SharedUpstream::new(self.upstream(limit), most_calls)
    }

    /// How many requests it has had.
    pub(crate) fn requests(&self) -> usize {
        self.asked.borrow().len()
    }
}

/// What the upstream says of a city; an unkind one echoes the key.
fn respond(city: &str) -> Response {
    let (first, rest) = city.split_once(' ').unwrap_or((city, ""));
    match first {
        "status" => {
            let status = rest.parse().ok().and_then(Status::new).expect("a status");
            Response::json(format!(r#"{{"message": "{KEY}"}}"#)).with_status(status)
        }
        "404" if rest == "own" => Response::json(r#"{"cod":"404","message":"city not found"}"#)
            .with_status(Status::NOT_FOUND),
        "404" => Response::json(r#"{"cod":404}"#).with_status(Status::NOT_FOUND),
        "200" => Response::json(rest.to_owned()),
        "broken" => Response::pieces(handloom::http::Framing::Length(100), async || None),
        _ => Response::json(format!(
            r#"{{"weather":[{{"id":1,"main":"Weather of {city}","icon":"x"}}],"main":{{}},"more":[1]}}"#
        )),
    }
}

/// What the gate says of a city, as an answer.
pub(crate) fn weather_of(city: &str) -> Answer {
    let main = format!("Weather of {city}");
    Answer::Known(Weather { main, description: None, kelvins: None })
}

/// Names of cities.
pub(crate) fn cities(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
