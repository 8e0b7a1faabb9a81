//! Threads: start them, see them side by side in one process, join them, and get back what they found, or their panic.
//!
//! A process is memory, descriptors and at least one thread: the one that runs `main`. Every further one is a second
//! stack and a second place in the kernel's scheduler; all the rest it shares.
//!
//! **Invariants**
//! - `LAB-THREADS-1`: a thread that runs beside us is listed by the kernel in the same process, under its name.
//! - `LAB-THREADS-2`: what one writes the others read: there is one heap. Their stacks are different places in it all.
//! - `LAB-THREADS-3`: a join waits for the thread's end and returns its value; of one that has panicked, the panic.
//! - `LAB-THREADS-4`: a panic ends its thread only.
//!
//! **Source**: the course's questions; pthreads(7), proc(5) under `/proc/[pid]/task`.

use std::io;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, ScopedJoinHandle};

use super::Journal;
use crate::os::{process, thread_list};
use crate::threads::Event;

/// The threads; each returns the length of its name, save the last, which panics.
pub const NAMES: [&str; 3] = ["anna", "bert", "clemens"];

/// What one thread saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The number of its process.
    pub pid: process::Pid,
    /// Where the list lay that all of them wrote to.
    pub shared: usize,
    /// Where a variable of its own lay.
    pub own: usize,
}

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct ThreadsReport {
    /// The threads of this process before any was started.
    pub before: Vec<String>,
    /// The same while all of them ran.
    pub during: Vec<String>,
    /// What each thread saw, in the order in which they wrote it down.
    pub seen: Vec<Seen>,
    /// What each join returned, in the order of [`NAMES`]: a value, or the panic's text.
    pub joined: Vec<Result<usize, String>>,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(
        "Three threads are started, with names. The last one will panic, which stderr tells:",
    )?;
    let ThreadsReport { before, during, seen, joined } = experiment()?;
    journal.line(format_args!(
        "  before:    {}\n  meanwhile: {}",
        before.join(", "),
        during.join(", ")
    ))?;
    for Seen { pid, shared, own } in &seen {
        journal.line(format_args!(
            "  process {pid}, the list at {shared:#x}, a variable at {own:#x}"
        ))?;
    }
    for (name, end) in NAMES.iter().zip(&joined) {
        journal.line(format_args!("  join of {name}: {end:?}"))?;
    }
    journal.line(
        "\nWhat to notice:\n\
         - Before anything was started there was a thread: the one that runs `main`. No program has fewer.\n\
         - One process, one list: all threads wrote to the same address. So they need a lock, and nothing was copied.\n\
         - Their own variables lie far apart: each has a stack.\n\
         - A join is two things: it waits for the end, and it brings the value. A panic ended its own thread, and\n  \
           came out of the join as an error. Who never joins never hears of it.\n\
         - The kernel lists them under /proc/self/task: Rust's threads are the kernel's, as Python's are.",
    )
}

/// The experiment itself.
///
/// # Errors
/// As `run`, but for the journal.
///
/// # Panics
/// One of its threads does, on purpose.
pub fn experiment() -> io::Result<ThreadsReport> {
    let before = thread_list::names()?;
    let seen = Mutex::new(Vec::new());
    // Nobody ends before all have been looked at.
    let looked = Event::new();
    let live = |name: &'static str| {
        let own = 0_u8;
        let mine = Seen {
            pid: process::pid(),
            shared: ptr::from_ref(&seen).addr(),
            own: ptr::from_ref(&own).addr(),
        };
        lock(&seen).push(mine);
        looked.wait();
        assert!(name != NAMES[2], "{name} has had enough");
        name.len()
    };
    let (during, joined) = thread::scope(|scope| {
        let live = &live;
        let spawn = |name: &'static str| {
            Builder::new().name(name.to_owned()).spawn_scoped(scope, move || live(name))
        };
        let threads: Vec<_> = NAMES.into_iter().map(spawn).collect();
        let started = threads.iter().flatten().count();
        while lock(&seen).len() < started {
            thread::yield_now();
        }
        let during = thread_list::names();
        looked.set();
        let join =
            |thread: ScopedJoinHandle<'_, _>| thread.join().map_err(|panic| text_of(&*panic));
        (during, threads.into_iter().map(|thread| thread.map(join)).collect::<io::Result<_>>())
    });
    let seen = lock(&seen).clone();
    Ok(ThreadsReport { before, during: during?, seen, joined: joined? })
}

/// Takes the lock of the list. A push does not panic half-way, so the list is whole, poisoned or not.
fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The text of a panic; those of `panic!` and `assert!` have one.
fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "no text".to_owned())
}
