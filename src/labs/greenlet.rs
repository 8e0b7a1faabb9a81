//! Greenlets and futures: the same ping-pong, with a stack for each player and with a frame for each.
//!
//! A greenlet keeps its stack while it waits, so it can wait in any function. A future keeps the variables that it still
//! needs, so it can wait only in `async` functions.
//!
//! **Invariants**
//! - `LAB-GREENLET-1`: both play the same game: ping and pong in turn.
//! - `LAB-GREENLET-2`: the greenlet waits inside plain functions that call each other.
//!
//! **Source**: the greenlet package for Python; makecontext(3).

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::Journal;
use super::child::status;
use super::samples::Samples;
use crate::aio::yield_now;
use crate::os::ThreadUsage;
use crate::os::context::{Greenlet, Pause};
use crate::os::process::pid;
use crate::rt::{EventLoop, spawn};

/// How many hits each player has in the long game.
const MANY: usize = 20_000;
/// How often the long game is played by each means, in turns.
const RUNS: usize = 5;
/// A greenlet's stack; what is not touched costs address space only.
const STACK_BYTES: usize = 64 * 1024;
/// How many greenlets wait at once, when their memory is measured.
const WAITING: usize = 500;

/// Which player hit the ball, in order.
type Hits = Rc<RefCell<Vec<&'static str>>>;

/// A short game, by both means, and the figures of a long one.
#[derive(Clone, Debug)]
pub struct GreenletReport {
    /// The hits of greenlets and of futures.
    pub hits: [Vec<&'static str>; 2],
    /// The processor time of one player's turn, in seconds.
    pub turn: [Samples; 2],
    /// What one that waits needs: the memory it has touched, with its stack, and the size of the future.
    pub bytes: [usize; 2],
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let GreenletReport { turn, bytes, .. } = experiment(journal)?;
    journal.line(format_args!(
        "\nProcessor time of a turn, the best and the worst of {RUNS} runs:\n  \
           with stacks:  {}\n  with futures: {}\n\
         A greenlet that waits has touched {} KiB of its {} KiB; the future has {} bytes.",
        turn[0],
        turn[1],
        bytes[0] / 1024,
        STACK_BYTES / 1024,
        bytes[1],
    ))?;
    journal.notices(&[
        "The greenlet waits in a plain function that a plain function called. Every function between a task \
         and its wait must be `async`: functions have a colour.",
        "A switch of stacks costs two calls of the kernel here: `swapcontext` saves the signal mask. Assembly \
         would not.",
        "The compiler knows the size of a future. A stack must be larger than any need, and is guarded by a page.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<GreenletReport> {
    let hits = [by_greenlets(3)?, by_futures(3)?];
    let [by_stacks, by_frames] = hits.each_ref().map(|hits| hits.join(" "));
    journal.line(format_args!("greenlets: {by_stacks}\nfutures:   {by_frames}"))?;
    let turn = Samples::in_turns(RUNS, [&mut || timed(by_greenlets), &mut || timed(by_futures)])?;
    let future = play_async(Hits::default(), "ping", 1);
    Ok(GreenletReport { hits, turn, bytes: [touched_bytes()?, size_of_val(&future)] })
}

/// The game by greenlets, which are resumed in turn.
fn by_greenlets(rounds: usize) -> io::Result<Vec<&'static str>> {
    let hits = Hits::default();
    let player = |name| {
        let hits = hits.clone();
        Greenlet::new(STACK_BYTES, move |pause| play(pause, &hits, name, rounds))
    };
    let (mut first, mut second) = (player("ping")?, player("pong")?);
    // Both are resumed in each round: `|`, not `||`.
    while first.resume() | second.resume() {}
    Ok(hits.take())
}

/// A plain function, which calls a plain function, which waits (`LAB-GREENLET-2`).
fn play(pause: &Pause<'_>, hits: &Hits, name: &'static str, rounds: usize) {
    for _ in 0..rounds {
        hit(pause, hits, name);
    }
}

/// Hits the ball, and waits.
fn hit(pause: &Pause<'_>, hits: &Hits, name: &'static str) {
    hits.borrow_mut().push(name);
    pause.pause();
}

/// The game by futures. They are tasks of a loop, which polls them in turn.
fn by_futures(rounds: usize) -> io::Result<Vec<&'static str>> {
    let hits = Hits::default();
    // No report of slow polls: on a busy machine a turn takes long without a fault of the players.
    EventLoop::builder().slow_poll(None).build()?.block_on(async {
        let players = ["ping", "pong"].map(|name| spawn(play_async(hits.clone(), name, rounds)));
        for player in players {
            player.await.expect("holds because it is not cancelled and does not panic");
        }
    });
    Ok(hits.take())
}

/// `play`, in the other colour.
async fn play_async(hits: Hits, name: &'static str, rounds: usize) {
    for _ in 0..rounds {
        hit_async(&hits, name).await;
    }
}

/// `hit`, in the other colour.
async fn hit_async(hits: &Hits, name: &'static str) {
    hits.borrow_mut().push(name);
    yield_now().await;
}

/// The processor time of one turn in a long game.
fn timed(game: impl Fn(usize) -> io::Result<Vec<&'static str>>) -> io::Result<f64> {
    let (before, turns) = (ThreadUsage::now()?, game(MANY)?.len());
    let turns = f64::from(u32::try_from(turns).unwrap_or(u32::MAX));
    Ok(ThreadUsage::now()?.since(before).cpu.as_secs_f64() / turns)
}

/// The memory that a waiting greenlet has touched, on an average of many.
fn touched_bytes() -> io::Result<usize> {
    // The memory of this process that is in use now, by proc(5).
    let resident_bytes = || {
        let resident = status(pid(), "VmRSS")?;
        let kib = resident.strip_suffix(" kB").and_then(|kib| kib.parse::<usize>().ok());
        io::Result::Ok(kib.unwrap_or_default() * 1024)
    };
    let before = resident_bytes()?;
    let waiting = |_| Greenlet::new(STACK_BYTES, |pause| hit(pause, &Hits::default(), "ping"));
    let mut greenlets = (0..WAITING).map(waiting).collect::<io::Result<Vec<_>>>()?;
    assert!(greenlets.iter_mut().all(Greenlet::resume), "each has one hit, and waits behind it");
    Ok(resident_bytes()?.saturating_sub(before) / WAITING)
}
