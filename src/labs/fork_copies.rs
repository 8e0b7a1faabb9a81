//! Two surprises of a fork: text that comes out twice, and a child that waits forever. Memory is copied, threads are not.
//!
//! Text in a buffer exists in both processes, and each flushes its copy. A lock that another thread holds is copied locked,
//! without the thread that would release it.
//!
//! **Invariants**
//! - `LAB-FORK-BUFFER-1`: text in a buffer at the fork comes out once for each process that flushes it.
//! - `LAB-FORK-BUFFER-2`: if it was flushed before the fork it comes out once.
//! - `LAB-FORK-BUFFER-3`: a child that leaves by `_exit` flushes nothing, and loses what it has printed itself.
//! - `LAB-FORK-LOCK-1`: `os::process::fork` refuses while a second thread runs, and names it.
//! - `LAB-FORK-LOCK-2`: forked all the same, the child sleeps on the lock, also after the parent's thread has released its
//!   own. A watchdog kills the child.
//! - `LAB-FORK-LOCK-3`: if the thread was joined before the fork, the child gets the lock.
//!
//! **Source**: fork(2) under "Notes", _exit(2); Python 3.12 and later warn of `os.fork` in a process with threads.

use std::io::{self, BufWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Journal;
use super::child::{fork_child, reap, state, status, wait_readable};
use crate::os::process::{self, Child, Exit, Fork, fork_despite_threads};
use crate::os::signal::Signal;
use crate::os::thread_list;
use crate::threads::Event;

/// What is printed before the fork.
pub const BEFORE: &str = "printed before the fork\n";
/// What the child prints.
pub const CHILD: &str = "printed by the child\n";

/// Runs the experiment with a buffer.
pub(crate) fn run_buffer(journal: &Journal) -> io::Result<()> {
    journal.line("A buffered writer to a pipe. Text is printed, then the process forks, and the child prints too:")?;
    let headings = [
        "Both flush at their end",
        "Flushed before the fork",
        "The child leaves by _exit, without a flush",
    ];
    for (heading, text) in headings.into_iter().zip(buffer()?) {
        journal.line(format_args!("{heading}:"))?;
        for line in text.lines() {
            journal.line(format_args!("  {line}"))?;
        }
    }
    journal.notices(&[
        "The first line was printed once and came out twice: its bytes were in the memory that fork copied.",
        "On a terminal a buffer is flushed at each line: the fault shows only when the output is a file or a pipe.",
        "Flush before the fork. The child flushes what it has printed itself, and leaves by `_exit`.",
    ])
}

/// The experiment with a buffer: what came out if both processes flush, if the buffer was flushed before the fork, and if
/// the child leaves without a flush.
///
/// # Errors
/// Those of fork and of the pipe.
pub fn buffer() -> io::Result<[String; 3]> {
    Ok([print_and_fork(false, true)?, print_and_fork(true, true)?, print_and_fork(false, false)?])
}

/// Prints, forks, prints in the child; returns what came out.
fn print_and_fork(flush_before: bool, flush_in_child: bool) -> io::Result<String> {
    let (mut reader, writer) = pipe()?;
    let mut out = BufWriter::new(writer);
    out.write_all(BEFORE.as_bytes())?;
    if flush_before {
        out.flush()?;
    }
    let mut child = fork_child(|| {
        out.write_all(CHILD.as_bytes())?;
        if flush_in_child {
            out.flush()?;
        }
        // From here it leaves by `_exit` (LAB-CHILD-1).
        Ok(0)
    })?;
    reap(&mut child)?;
    // Flushed and closed; now the pipe has no writing end any more, and so the text an end.
    drop(out.into_inner()?);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}

/// How long the watchdog gives the child after the lock is free in the parent. Without it the child would wait forever.
const LIMIT: Duration = Duration::from_millis(300);

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct ForkLockReport {
    /// The error of `os::process::fork` with a second thread.
    pub refusal: String,
    /// How many threads the child had that was forked all the same.
    pub threads: String,
    /// Its state after the parent's thread had given the lock back, and the watchdog had waited.
    pub state: char,
    /// How it ended.
    pub hung: Exit,
    /// How the child ended that was forked after the thread was joined.
    pub after_join: Exit,
}

/// Runs the experiment with a lock.
pub(crate) fn run_lock(journal: &Journal) -> io::Result<()> {
    journal.line("A thread, \"holder\", has a lock. Meanwhile the process forks, and the child wants the lock:")?;
    let ForkLockReport { refusal, threads, state, hung, after_join } = lock()?;
    journal.line(format_args!(
        "  os::process::fork:    {refusal}\n  \
           a plain fork:         the child has {threads} thread; the parent's lock is free again, and the child is in state {state}\n  \
           the watchdog:         kills it: {hung}\n  \
           after a join:         the child has taken the lock and left: {after_join}"
    ))?;
    journal.notices(&[
        "The child has a copy of the locked lock, and no copy of the thread that would release it. The \
         parent's release changes the parent's memory only.",
        "The lock may be in a logger or in a library. So a program with threads forks only to execute another program \
         at once, which replaces the memory.",
    ])
}

/// The experiment with a lock.
///
/// # Errors
/// Those of fork.
///
/// # Panics
/// Never: the thread does not.
pub fn lock() -> io::Result<ForkLockReport> {
    let (lock, held, enough) = (Mutex::new(()), Event::new(), Event::new());
    let life_of_holder = || {
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        held.set();
        enough.wait();
        drop(guard);
    };
    let (refusal, child) = thread::scope(|scope| {
        let holder =
            thread::Builder::new().name("holder".to_owned()).spawn_scoped(scope, life_of_holder)?;
        held.wait();
        let refusal = refusal();
        let child = fork_despite_threads(&lock).and_then(until_it_sleeps);
        // Also when something has failed: else the scope would never end.
        enough.set();
        holder.join().expect("holds because the thread does not panic");
        io::Result::Ok((refusal?, child?))
    })?;
    let (threads, state, hung) = watch(child)?;
    // A join returns shortly before its thread has left the kernel's list.
    while thread_list::names()?.len() > 1 {
        thread::yield_now();
    }
    let mut child = fork_child(|| {
        drop(lock.lock());
        Ok(0)
    })?;
    Ok(ForkLockReport { refusal, threads, state, hung, after_join: reap(&mut child)? })
}

/// The error of `os::process::fork` while a second thread runs.
fn refusal() -> io::Result<String> {
    match process::fork() {
        Ok(Fork::Child) => process::exit_now(1),
        Ok(Fork::Parent(_)) => Err(io::Error::other("expected fork to refuse")),
        Err(error) => Ok(error.to_string()),
    }
}

/// Waits until the child sleeps: it has nothing to sleep on but the lock.
fn until_it_sleeps(child: Child) -> io::Result<Child> {
    while state(child.pid())? != 'S' {
        if wait_readable(child.as_fd(), Duration::from_millis(1))? {
            return Err(io::Error::other("expected the child to wait for the lock, it has ended"));
        }
    }
    Ok(child)
}

/// The watchdog: gives the child its time, looks at it, and kills it.
fn watch(mut child: Child) -> io::Result<(String, char, Exit)> {
    if wait_readable(child.as_fd(), LIMIT)? {
        return Err(io::Error::other("expected the child to hang, it has ended"));
    }
    let seen = (status(child.pid(), "Threads")?, state(child.pid())?);
    child.kill(Signal::Kill)?;
    Ok((seen.0, seen.1, reap(&mut child)?))
}
