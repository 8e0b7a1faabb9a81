//! Threads: started, listed by the kernel in one process, joined with their values or their panic.
//!
//! **Invariants**
//! - `LAB-THREADS-1`: the kernel lists a thread that runs in the same process, under its name.
//! - `LAB-THREADS-2`: what one thread writes the others read: there is one heap. Each has its own stack.
//! - `LAB-THREADS-3`: a join waits for the thread's end and returns its value, or its panic.
//! - `LAB-THREADS-4`: a panic ends its thread only.
//!
//! **Source**: pthreads(7), proc(5) under `/proc/[pid]/task`.

use std::io;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, ScopedJoinHandle};

use super::Journal;
use crate::jobs::Panic;
use crate::os::{process, thread_list};
use crate::threads::Event;

/// The threads; each returns the length of its name, save the last, which panics.
pub const NAMES: [&str; 3] = ["anna", "bert", "clemens"];

/// What one thread saw: the id of its process, the address of the list that all threads write to, and the address of a
/// variable of its own.
pub type Seen = (process::Pid, usize, usize);

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
    for (pid, shared, own) in &seen {
        journal.line(format_args!(
            "  process {pid}, the list at {shared:#x}, a variable at {own:#x}"
        ))?;
    }
    for (name, end) in NAMES.iter().zip(&joined) {
        journal.line(format_args!("  join of {name}: {end:?}"))?;
    }
    journal.notices(&[
        "All threads wrote to the same address: they share one memory, so they need a lock. Their own \
         variables lie far apart: each has a stack.",
        "A join waits for the end and returns the value, or the panic: that ended its own thread only.",
        "The kernel lists them under /proc/self/task: Rust's threads are the kernel's, as Python's are.",
    ])
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
    // No thread ends before all have been listed.
    let looked = Event::new();
    let live = |name: &'static str| {
        let own = 0_u8;
        let [shared, own] = [ptr::from_ref(&seen).addr(), ptr::from_ref(&own).addr()];
        lock(&seen).push((process::pid(), shared, own));
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
        let join = |thread: ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|panic| Panic::new("", panic).message().to_owned())
        };
        (during, threads.into_iter().map(|thread| thread.map(join)).collect::<io::Result<_>>())
    });
    let seen = lock(&seen).clone();
    Ok(ThreadsReport { before, during: during?, seen, joined: joined? })
}

/// Takes the lock of the list. A push does not panic half-way, so the list is whole, poisoned or not.
fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
