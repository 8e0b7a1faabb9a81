//! Level 8: when descriptors run out, when signals rain, and when there is much of everything.
//!
//! Every claim runs in a process of its own: limits and signals belong to the whole of it.

use std::fs::{self, File};
use std::io;
use std::net::TcpStream;
use std::os::fd::IntoRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use handloom::aio;
use handloom::os::limits;
use handloom::os::signal::{self, Signal};
use handloom::rt::EventLoop;

use crate::on_handloom::Handloom;
use crate::on_tokio::Tokio;
use crate::runtime::{Listener, Reader, Runtime, Task, Writer};
use crate::support::alone::{open_descriptors, threads};
use crate::support::check::{holds, same};
use crate::support::futures::many_turns;
use crate::support::sockets::{client, pair_on_loop, quick_pair, read_exact, read_to_end};
use crate::support::watch::{Log, Told};

claims! {
    alone
    both: [
        a_rain_of_signals_disturbs_nothing,
        a_process_that_was_stopped_goes_on,
        a_thousand_sockets_are_served,
        a_runtime_gives_every_descriptor_back,
    ]
    handloom: [
        a_loop_without_descriptors_cannot_be_made_and_says_so,
        accept_without_descriptors_waits_and_goes_on_by_itself,
        accept_without_descriptors_does_not_spin,
    ]
    tokio: [accept_without_descriptors_is_the_callers_business]
}

/// Leaves the process no descriptor but those it has.
fn no_more_descriptors() {
    // What is open need not be numbered without gaps; the gaps are filled first.
    let highest = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok())
        .max();
    limits::set_open_files(highest.unwrap()).unwrap();
    while let Ok(file) = File::open("/dev/null") {
        // For as long as the process, which is short.
        let _kept_open = file.into_raw_fd();
    }
}

fn a_loop_without_descriptors_cannot_be_made_and_says_so(runtime: &Handloom) {
    no_more_descriptors();
    let error = EventLoop::new().map(drop).unwrap_err();
    same("END-1", "the error", Some(out_of_descriptors()), error.raw_os_error());
    same("END-1", "a runtime that was made before", 12, runtime.block_on(async { 12 }));
}

/// The number of `EMFILE`, by the system's own word.
fn out_of_descriptors() -> i32 {
    File::open("/dev/null").map(drop).unwrap_err().raw_os_error().unwrap()
}

/// A listener with clients in its backlog, and no descriptor left to accept them with. Closing the
/// spare one leaves room for one.
async fn without_descriptors<R: Runtime>(
    clients: usize,
) -> (R::Listener, Vec<TcpStream>, Vec<File>) {
    let listener = R::listen();
    let to = listener.address();
    let clients: Vec<_> = (0..clients).map(|_| client(to)).collect();
    let spare: Vec<_> = clients.iter().map(|_| File::open("/dev/null").unwrap()).collect();
    many_turns::<R>().await;
    no_more_descriptors();
    (listener, clients, spare)
}

fn accept_without_descriptors_waits_and_goes_on_by_itself(runtime: &Handloom) {
    runtime.block_on(async {
        let (mut near, mut far) = pair_on_loop::<Handloom>();
        let (mut listener, mut clients, mut spare) = without_descriptors::<Handloom>(5).await;
        let serves = Handloom::spawn(async move {
            let mut accepted = Vec::new();
            for _ in 0..5 {
                accepted.push(Listener::accept(&mut listener).await.unwrap());
            }
            accepted
        });
        for _ in 0..5 {
            aio::sleep(Duration::from_millis(30)).await;
            same("ACCEPT-2", "all clients are accepted", false, serves.is_finished());
            // Who has a connection is served meanwhile.
            Writer::write_all(&mut near, b"word").await.unwrap();
            let mut word = [0; 4];
            read_exact(&mut far, &mut word).await.unwrap();
            same("ACCEPT-2", "what a client is told meanwhile", b"word", &word);
            spare.pop();
        }
        // Nothing but its own timer tells the listener that there is room again.
        let mut accepted = serves.await.value();
        for (number, client) in clients.iter_mut().enumerate() {
            io::Write::write_all(client, &[u8::try_from(number).unwrap()]).unwrap();
        }
        for (number, connection) in accepted.iter_mut().enumerate() {
            let mut byte = [0];
            read_exact(connection, &mut byte).await.unwrap();
            same("ACCEPT-3", "the client", number, usize::from(byte[0]));
        }
    });
}

fn accept_without_descriptors_does_not_spin(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let (mut listener, _clients, mut spare) = without_descriptors::<Handloom>(1).await;
        let before = log.told().len();
        let accepts =
            Handloom::spawn(async move { Listener::accept(&mut listener).await.map(drop) });
        aio::sleep(Duration::from_millis(400)).await;
        let waits =
            log.told().into_iter().skip(before).filter(|told| matches!(told, Told::Waits(_)));
        // The first tries come after 10, 20, 40, 80 and 160 ms, each with two or three waits.
        holds(
            "ACCEPT-2",
            "waits in 400 ms without descriptors",
            "40 at most",
            waits.count(),
            |n| *n <= 40,
        );
        spare.clear();
        accepts.await.value().unwrap();
    });
}

fn accept_without_descriptors_is_the_callers_business(runtime: &Tokio) {
    runtime.block_on(async {
        let (mut listener, _clients, mut spare) = without_descriptors::<Tokio>(1).await;
        for _ in 0..10 {
            let error = Listener::accept(&mut listener).await.map(drop).unwrap_err();
            same(
                "tokio",
                "the error of accept, each time",
                Some(out_of_descriptors()),
                error.raw_os_error(),
            );
        }
        spare.clear();
        same(
            "tokio",
            "an accept when there is room",
            true,
            Listener::accept(&mut listener).await.is_ok(),
        );
    });
}

/// Does a little of all that can be interrupted, again and again; every sleep is checked.
async fn everything<R: Runtime>(rounds: usize) {
    for round in 0..rounds {
        let mut listener = R::listen();
        let to = listener.address();
        let accepts = R::spawn(async move { listener.accept().await.unwrap() });
        let mut client = R::connect(to).await.unwrap();
        let mut served = accepts.await.value();
        let span = Duration::from_micros(1500 + round as u64 * 100);
        let begun = Instant::now();
        R::sleep(span).await;
        holds("SLEEP-1", "a sleep under signals", "its span at least", begun.elapsed(), |slept| {
            *slept >= span
        });
        let writes = R::spawn(async move {
            client.write_all(&vec![7; 1 << 20]).await.unwrap();
        });
        let all = read_to_end(&mut served).await.unwrap();
        same("OS-2", "bytes that came through", 1 << 20, all.len());
        writes.await.value();
    }
}

fn a_rain_of_signals_disturbs_nothing<R: Runtime>(runtime: &R) {
    signal::install(Signal::User1).unwrap();
    // kill(2) with a thread's number prefers that thread, and this is the one that waits in the selector.
    let here = fs::read_link("/proc/thread-self").unwrap();
    let here = here.file_name().unwrap().to_str().unwrap();
    let script = format!("while kill -USR1 {here} 2>/dev/null; do sleep 0.001; done");
    let mut rains = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    runtime.block_on(async {
        while signal::count(Signal::User1) < 500 {
            everything::<R>(1).await;
        }
    });
    rains.kill().unwrap();
    rains.wait().unwrap();
}

fn a_process_that_was_stopped_goes_on<R: Runtime>(runtime: &R) {
    let script = format!(
        "for i in 1 2 3 4 5; do kill -STOP {0}; sleep 0.05; kill -CONT {0}; sleep 0.03; done",
        std::process::id()
    );
    let mut stops = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    runtime.block_on(async {
        while stops.try_wait().unwrap().is_none() {
            everything::<R>(1).await;
        }
    });
}

fn a_thousand_sockets_are_served<R: Runtime>(runtime: &R) {
    let limit = usize::try_from(limits::raise_open_files().unwrap().soft).unwrap_or(usize::MAX);
    // Two descriptors a connection, and some for the rest.
    let sockets = 1000.min((limit - 64) / 2);
    runtime.block_on(async {
        let mut listener = R::listen();
        let to = listener.address();
        drop(R::spawn(async move {
            loop {
                let mut accepted = listener.accept().await.unwrap();
                drop(R::spawn(async move {
                    let mut word = [0; 4];
                    while read_exact(&mut accepted, &mut word).await.is_ok() {
                        accepted.write_all(&word).await.unwrap();
                    }
                }));
            }
        }));
        let mut clients = Vec::new();
        for number in 0..sockets {
            let mut client = R::adopt(client(to)).unwrap();
            // The server accepts meanwhile: its backlog is shorter than a thousand.
            R::yield_now().await;
            clients.push(R::spawn(async move {
                let word = u32::try_from(number).unwrap().to_ne_bytes();
                for _ in 0..5 {
                    client.write_all(&word).await.unwrap();
                    let mut echo = [0; 4];
                    read_exact(&mut client, &mut echo).await.unwrap();
                    same("READY-3", "the echo of one of a thousand", word, echo);
                }
                client
            }));
        }
        let mut living = Vec::new();
        for client in clients {
            living.push(client.await.value());
        }
        same("READY-3", "clients that were served", sockets, living.len());
    });
}

fn a_runtime_gives_every_descriptor_back<R: Runtime>(_: &R) {
    let run = || {
        let runtime = R::new();
        runtime.block_on(async {
            for _ in 0..50 {
                let (near, far) = quick_pair();
                let (mut near, mut listener) = (R::adopt(near).unwrap(), R::listen());
                drop(R::spawn(async move { drop((near.read(&mut [0; 1]).await, far)) }));
                drop(R::spawn(async move { drop(listener.accept().await) }));
            }
            many_turns::<R>().await;
        });
    };
    run();
    let baseline = (open_descriptors(), threads());
    run();
    same(
        "SOURCE-1",
        "descriptors and threads in the end",
        baseline,
        (open_descriptors(), threads()),
    );
}
