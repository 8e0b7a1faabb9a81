//! The three ways to wait for many pages: one after another, on threads, on the event loop.
//!
//! - One after another, as a loop around `urllib.request.urlopen`: while a page is on its way, the program does
//!   nothing, and the time for all pages is the sum of the waits.
//! - On threads, as `ThreadPoolExecutor` and `as_completed`: the same blocking call, made by the workers of a pool. While
//!   one thread waits, the kernel runs another. Each wait costs a thread: its stack, and context switches.
//! - On the event loop, as aiohttp's `ClientSession` with a semaphore: a wait is an entry in the reactor and a small
//!   future. This client also uses connections again.
//!
//! **Invariants**
//! - `FETCHPLAN-1` All modes get the same links and the same limits and report the same results; a link that fails does
//!   not affect the others.
//! - `FETCHPLAN-2` A body is read to its end, and only its length and checksum (64-bit FNV-1a) are kept.
//! - `SEQUENTIAL-FETCH-1` A link starts when the link before it has ended.
//! - `THREADS-FETCH-1` At most as many links are under way as there are workers; the next one starts when a worker is free.
//! - `ASYNC-FETCH-1` At most as many links are under way as the plan allows; they start in order, each when another ends.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::thread;

use super::history::{FetchOutcome, History, ResponseSummary};
use super::log::Log;
use super::plan::{FetchPlan, Mode};
use super::shortage::{ConnectionLimits, ShortageBackoff};
use crate::aio::{bounded, sleep};
use crate::jobs::as_completed;
use crate::rt::EventLoop;
use crate::threads::ThreadPool;
use crate::web::client::{Failure, Options, Request, Response, Sink, asynchronous, blocking};

/// Fetches all links of a plan in one mode, and calls `progress` with the number of links that have ended.
///
/// # Errors
/// No thread can be started, or no event loop can be made. A link that fails is not an error (`FETCHPLAN-1`), and
/// neither is a log that cannot be written ([`FetchOutcome::log_error`]).
///
/// # Panics
/// If an event loop runs on this thread.
///
/// # Blocking
/// Until the last link has ended.
pub fn fetch_links(
    plan: &FetchPlan,
    mode: Mode,
    log: Log,
    progress: &mut dyn FnMut(usize),
) -> io::Result<FetchOutcome> {
    let history = Arc::new(History::new(plan.links.clone(), log));
    match mode {
        Mode::Sequential => one_after_another(plan, &history, progress),
        Mode::Threads => on_threads(plan, &history, progress)?,
        Mode::Async => on_event_loop(plan, &history, progress)?,
    }
    Ok(history.finish(mode))
}

/// Fetches the links one after another.
fn one_after_another(plan: &FetchPlan, history: &History, progress: &mut dyn FnMut(usize)) {
    let client = blocking::Client::new(plan.options.clone());
    for number in 0..plan.links.len() {
        fetch_blocking(&client, plan, history, number);
        progress(number + 1);
    }
}

/// Fetches one link on this thread.
fn fetch_blocking(client: &blocking::Client, plan: &FetchPlan, history: &History, number: usize) {
    history.start(number);
    let attempt = || {
        let mut digest = Digest::EMPTY;
        let response = client.fetch(&Request::get(&plan.links[number])?, &mut digest)?;
        Ok(summary(&response, digest))
    };
    let mut backoff = ShortageBackoff::new(&plan.options);
    let result = loop {
        let result = attempt();
        match backoff.pause_after(&result) {
            Some(pause) => thread::sleep(pause),
            None => break result,
        }
    };
    history.end(number, result);
}

/// Fetches the links on the workers of a pool.
fn on_threads(
    plan: &FetchPlan,
    history: &Arc<History>,
    progress: &mut dyn FnMut(usize),
) -> io::Result<()> {
    let pool = ThreadPool::on_demand("fetch", ConnectionLimits::now(plan).at_once);
    let client = blocking::Client::new(plan.options.clone());
    let shared = Arc::new((client, plan.clone(), Arc::clone(history)));
    let submit = |number| {
        let shared = Arc::clone(&shared);
        pool.submit(move || fetch_blocking(&shared.0, &shared.1, &shared.2, number))
    };
    // A job is refused if not even one thread can be started.
    let jobs: Result<Vec<_>, _> = (0..plan.links.len()).map(submit).collect();
    for (done, (_, fetched)) in as_completed(jobs?).enumerate() {
        fetched?;
        progress(done + 1);
    }
    Ok(())
}

/// Fetches the links on an event loop of this thread.
fn on_event_loop(
    plan: &FetchPlan,
    history: &History,
    progress: &mut dyn FnMut(usize),
) -> io::Result<()> {
    // Writes to the log and the terminal may be slow; that is no reason for a warning about a slow poll.
    let event_loop = EventLoop::builder().slow_poll(None).build()?;
    let limits = ConnectionLimits::now(plan);
    let options = Options { idle_connections: limits.idle, ..plan.options.clone() };
    let (done, progress) = (Cell::new(0), RefCell::new(progress));
    event_loop.block_on(async {
        let client = asynchronous::Client::new(options);
        let fetch = async |number| {
            fetch_async(&client, plan, history, number).await;
            done.set(done.get() + 1);
            progress.borrow_mut()(done.get());
        };
        bounded(limits.at_once, (0..plan.links.len()).map(fetch)).await;
    });
    Ok(())
}

/// Fetches one link: [`fetch_blocking`] with `await`.
async fn fetch_async(
    client: &asynchronous::Client,
    plan: &FetchPlan,
    history: &History,
    number: usize,
) {
    history.start(number);
    let attempt = async || {
        let mut digest = Digest::EMPTY;
        let response = client.fetch(&Request::get(&plan.links[number])?, &mut digest).await?;
        Ok(summary(&response, digest))
    };
    let mut backoff = ShortageBackoff::new(&plan.options);
    let result = loop {
        let result: Result<_, Failure> = attempt().await;
        match backoff.pause_after(&result) {
            Some(pause) => sleep(pause).await,
            None => break result,
        }
    };
    history.end(number, result);
}

/// Describes a response whose body went to `digest`.
fn summary(response: &Response, digest: Digest) -> ResponseSummary {
    ResponseSummary {
        status: response.status(),
        body_bytes: response.body_bytes,
        body_digest: digest.0,
    }
}

/// A sink that keeps only a checksum, which does not depend on how the body was cut into pieces.
#[derive(Clone, Copy, Debug)]
struct Digest(u64);

impl Digest {
    /// The checksum of no bytes: FNV's offset basis.
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);
    /// FNV's prime: the checksum is multiplied by it after each byte.
    const PRIME: u64 = 0x0100_0000_01b3;
}

impl Sink for Digest {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let add = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(Self::PRIME);
        self.0 = piece.iter().fold(self.0, add);
        Ok(())
    }
}
