//! The student's loop beside ours and tokio's: a few loops of the same work, in the suite's words.
//!
//! The runs of the runtimes are interleaved and the best of each counts, because a busy machine only ever adds time.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use handloom_conformance::runtime::{Ended, Reader, Runtime, Writer};
use handloom_conformance::sockets::{quick_pair, read_exact};

use crate::print;
use crate::words::Words;

#[path = "../../../tests/runtimes/on_handloom/words.rs"]
#[allow(dead_code, clippy::pedantic, reason = "the tests use more of it")]
mod ours;
#[path = "../../../tests/runtimes/on_tokio/words.rs"]
mod tokios;

/// How often each runtime runs each piece of work.
const RUNS: usize = 5;

/// Returns how long a piece of work takes once, given how often it is done.
type Work<R> = fn(&R) -> Duration;

/// The time of one of `count`.
fn each(count: u32, begun: Instant) -> Duration {
    begun.elapsed() / count
}

/// A task is spawned and joined.
fn spawn_and_join<R: Runtime>(runtime: &R) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        for _ in 0..20_000 {
            let ended: Ended<u8> = R::spawn(async { 1 }).await;
            drop(ended);
        }
        each(20_000, begun)
    })
}

/// One of ten tasks lets the others run.
fn yields<R: Runtime>(runtime: &R) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                R::spawn(async {
                    for _ in 0..5_000 {
                        R::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            drop(task.await);
        }
        each(50_000, begun)
    })
}

/// A time limit that is not needed.
fn timers<R: Runtime>(runtime: &R) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        for _ in 0..20_000 {
            let _in_time = R::timeout(Duration::from_mins(1), R::yield_now()).await;
        }
        each(20_000, begun)
    })
}

/// Four bytes there and back between two tasks.
fn echo<R: Runtime>(runtime: &R) -> Duration {
    runtime.block_on(async {
        let (near, far): (TcpStream, TcpStream) = quick_pair();
        let (Ok(mut near), Ok(mut far)) = (R::adopt(near), R::adopt(far)) else {
            return Duration::ZERO;
        };
        drop(R::spawn(async move {
            let mut word = [0; 4];
            while read_exact(&mut far, &mut word).await.is_ok() {
                if far.write_all(&word).await.is_err() {
                    return;
                }
            }
        }));
        let (begun, mut word) = (Instant::now(), [0; 4]);
        for _ in 0..10_000 {
            if near.write_all(b"word").await.is_err() || near.read(&mut word).await.is_err() {
                return Duration::ZERO;
            }
        }
        each(10_000, begun)
    })
}

/// The work, with its name.
fn works<R: Runtime>() -> [(&'static str, Work<R>); 4] {
    [
        ("spawn a task and join it", spawn_and_join),
        ("yield to nine others", yields),
        ("a time limit, not needed", timers),
        ("4 bytes there and back", echo),
    ]
}

/// The best of what a runtime needed so far and what it needs now.
fn run<R: Runtime>(best: &mut [Duration; 4]) {
    for (best, (_, work)) in best.iter_mut().zip(works::<R>()) {
        *best = work(&R::new()).min(*best);
    }
}

/// Runs all, and prints a table.
pub(crate) fn race() -> Result<(), String> {
    if let Some((step, _)) = crate::check::first_open(10, false)? {
        return Err(format!("The race needs a whole loop, and step {step} does not hold yet."));
    }
    let mut best = [[Duration::MAX; 4]; 3];
    for _ in 0..RUNS {
        run::<Words>(&mut best[0]);
        run::<ours::Handloom>(&mut best[1]);
        run::<tokios::Tokio>(&mut best[2]);
    }
    print::text(&format!(
        "{:<28}{:>12}{:>12}{:>12}",
        "ns each, best of 5 runs", "yours", "handloom", "tokio"
    ));
    for (at, (name, _)) in works::<Words>().iter().enumerate() {
        let [mine, ours, tokio] = [0, 1, 2].map(|who: usize| best[who][at].as_nanos());
        print::text(&format!("{name:<28}{mine:>12}{ours:>12}{tokio:>12}"));
    }
    if cfg!(debug_assertions) {
        print::text(
            "\nA debug build says little about speed. This takes a minute or two to build:\n  \
             cargo run -p handloom-workbook --profile race -- race",
        );
    }
    print::text(SERVERS);
    Ok(())
}

/// How the servers race.
const SERVERS: &str = "
The calculator on your loop, beside ours and tokio's, all built alike:
  cargo build --profile race --workspace \\
    --bin handloom --bin handloom-workbook --bin calc_server
  target/race/handloom compare --models async \\
    --server \"yours=target/race/handloom-workbook serve 127.0.0.1:0\" \\
    --server \"tokio=target/race/calc_server --addr 127.0.0.1:0\"";
