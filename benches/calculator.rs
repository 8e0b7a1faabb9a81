//! The calculator: handloom's `async` model beside the tokio twin, at several depths, and with 1,000 sockets.
//!
//! `cargo bench -p handloom-benches --bench calculator` runs all; add a group's name for one. Within a group the ids are equal but for the
//! runtime's name. Metric: wall time for a request, as the client sees it.
//!
//! | group | operation |
//! | --- | --- |
//! | `calculator/CxD` | one request of a round: C connections send D requests each, then all replies are read |
//! | `sockets/1000` | the same with 1,000 connections, of which one after the other asks once and the rest is silent |
//!
//! The server is a thread of this process, on a core of its own where there are two; the client is a thread without an
//! event loop, since it shall be the same for both. `handloom compare` puts the same servers into processes and
//! drives them harder: its ratios are the ones to cite. These here are for who changes something and wants to see it
//! at once. What would change the conclusions: one core for both, which measures the scheduler.

use std::future::pending;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use handloom::calc::{Config, Model, serve};
use handloom::os::EventFd;
use handloom::os::affinity::{allowed_cpus, pin_to_cpus};
use handloom_tokio::tokio::runtime::{Builder, LocalOptions};
use handloom_tokio::{calc, tokio};

/// Connections and depths of the groups.
const LOADS: [(usize, usize); 5] = [(1, 1), (64, 1), (64, 4), (64, 16), (1_000, 16)];
/// How many sockets there are where only one of them is used at a time.
const SOCKETS: usize = 1_000;
/// A request, and its reply.
const REQUEST: &[u8] = b"5 7\n";
/// See [`REQUEST`].
const REPLY: &[u8] = b"12\n";

/// Starts a server for as long as this program runs.
fn start(run: impl FnOnce(TcpListener) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        pin(true);
        run(listener);
    });
    address
}

/// Ours.
fn on_handloom(listener: TcpListener) {
    let stop = EventFd::new().expect("a descriptor");
    serve(Model::Async, listener, &Config::default(), stop.as_fd(), &mut || Ok(())).expect("serve");
}

/// The twin.
fn on_tokio(listener: TcpListener) {
    listener.set_nonblocking(true).expect("nonblocking");
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("register");
        calc::serve(listener, Config::default(), pending()).await.expect("serve");
    });
}

/// Puts this thread on the first processor or on the last; with one, it stays.
fn pin(is_server: bool) {
    let cpus = allowed_cpus().expect("processors");
    let cpu = if is_server { cpus.first() } else { cpus.last() };
    pin_to_cpus(&[*cpu.expect("holds because this runs on one")]).expect("pin");
}

/// Connects so many clients.
fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = |_| {
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        stream
    };
    (0..count).map(connect).collect()
}

/// Sends and reads in rounds until there were so many requests.
fn rounds(streams: &mut [TcpStream], depth: usize, requests: u64) -> Duration {
    let (request, mut reply) = (REQUEST.repeat(depth), vec![0; REPLY.len() * depth]);
    let in_a_round = (streams.len() * depth) as u64;
    let rounds = requests.div_ceil(in_a_round);
    let begun = Instant::now();
    for _ in 0..rounds {
        for stream in &mut *streams {
            stream.write_all(&request).expect("send");
        }
        for stream in &mut *streams {
            stream.read_exact(&mut reply).expect("a reply");
        }
    }
    assert!(reply.starts_with(REPLY), "expected {REPLY:?}, came {reply:?}");
    // The last round may have been more than was asked for.
    let nanos = begun.elapsed().as_nanos() * u128::from(requests) / u128::from(rounds * in_a_round);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// One connection after the other asks once.
fn one_by_one(streams: &mut [TcpStream], requests: u64) -> Duration {
    let mut reply = vec![0; REPLY.len()];
    let count = streams.len();
    let begun = Instant::now();
    for turn in 0..usize::try_from(requests).unwrap_or(usize::MAX) {
        let stream = &mut streams[turn % count];
        stream.write_all(REQUEST).expect("send");
        stream.read_exact(&mut reply).expect("a reply");
    }
    begun.elapsed()
}

/// All groups, on both servers.
fn all(criterion: &mut Criterion) {
    let servers = [("tokio", start(on_tokio)), ("handloom", start(on_handloom))];
    let cpus = allowed_cpus().expect("processors");
    pin(false);
    for (connections, depth) in LOADS {
        let mut group = criterion.benchmark_group(format!("calculator/{connections}x{depth}"));
        for (name, address) in servers {
            let mut streams = connect(address, connections);
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|requests| rounds(&mut streams, depth, requests));
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group(format!("sockets/{SOCKETS}"));
    for (name, address) in servers {
        let mut streams = connect(address, SOCKETS);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|requests| one_by_one(&mut streams, requests));
        });
    }
    group.finish();
    pin_to_cpus(&cpus).expect("pin");
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    targets = all
}
criterion_main!(benches);
