//! The table of the labs.

use std::io;

use super::{
    Journal, blocking_call, cancel, condition, context_manager, cooperative, coroutine, deadlock,
    exec_environment, fork, fork_copies, gather, generator, gil, greenlet, iterator, lock,
    lost_wake, parallel, pipe, pipe_end, preemptive, process, queue, race, select, shared_memory,
    signal, socketpair, tasks, threads, timeouts,
};

/// An experiment.
#[derive(Debug)]
pub struct Lab {
    /// The chapter of the notes that it belongs to.
    pub chapter: &'static str,
    /// The number of the course's question that it answers.
    pub question: u8,
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in one line.
    pub line: &'static str,
    /// Whether it runs on an event loop, which can be traced.
    pub on_loop: bool,
    /// Runs it.
    pub run: fn(&Journal) -> io::Result<()>,
}

impl Lab {
    /// The file of its source.
    pub fn source(&self) -> String {
        let file = if self.name.starts_with("fork-") { "fork-copies" } else { self.name };
        format!("src/labs/{}.rs", file.replace('-', "_"))
    }
}

/// A row of the table; the last word tells whether it runs on an event loop.
const fn lab(
    chapter: &'static str,
    question: u8,
    name: &'static str,
    line: &'static str,
    run: fn(&Journal) -> io::Result<()>,
    on_loop: bool,
) -> Lab {
    Lab { chapter, question, name, line, on_loop, run }
}

/// Every lab, in the order of the course.
#[rustfmt::skip]
pub const LABS: &[Lab] = &[
    lab("Processes", 43, "process", "what the kernel says of a process", process::run, false),
    lab("Processes", 44, "fork", "what is copied, what is shared, and the zombie", fork::run, false),
    lab("Processes", 33, "fork-buffer", "text printed once comes out twice", fork_copies::run_buffer, false),
    lab("Processes", 33, "fork-lock", "a lock whose holder was not copied", fork_copies::run_lock, false),
    lab("Processes", 43, "exec-environment", "what goes through an exec", exec_environment::run, false),
    lab("Processes", 35, "pipe", "bytes without borders, an end, a capacity", pipe::run, false),
    lab("Processes", 35, "pipe-end", "no end of file while a writing end is open", pipe_end::run, false),
    lab("Processes", 35, "socketpair", "both directions, and packets with borders", socketpair::run, false),
    lab("Processes", 35, "shared-memory", "a counter of two processes", shared_memory::run, false),
    lab("Processes", 35, "signal", "handled, ignored, blocked, deadly", signal::run, false),
    lab("Threads", 1, "threads", "one memory, many stacks, and a join", threads::run, false),
    lab("Threads", 12, "preemptive", "two threads share a processor", preemptive::run, false),
    lab("Threads", 41, "parallel", "the same work on one processor and on two", parallel::run, false),
    lab("Synchronisation", 36, "race", "additions that are lost each time", race::run, false),
    lab("Synchronisation", 34, "lock", "the cure of the race, and its price", lock::run, false),
    lab("Synchronisation", 36, "deadlock", "two locks in a circle, and the order", deadlock::run, false),
    lab("Synchronisation", 6, "condition", "waiting for a predicate", condition::run, false),
    lab("Synchronisation", 6, "queue", "a bound that makes fast producers wait", queue::run, false),
    lab("The GIL", 22, "gil", "one lock for all threads, beside CPython's", gil::run, false),
    lab("Sockets", 45, "timeouts", "how a failed connection sounds", timeouts::run, true),
    lab("Select", 46, "select", "fifty connections on one thread", select::run, false),
    lab("Iterators and generators", 47, "iterator", "running totals by an object", iterator::run, false),
    lab("Iterators and generators", 40, "generator", "the same by a generator", generator::run, false),
    lab("Generators and coroutines", 15, "coroutine", "the same by a coroutine", coroutine::run, true),
    lab("The event loop", 38, "blocking-call", "a task that blocks the loop", blocking_call::run, true),
    lab("The event loop", 37, "lost-wake", "a future that forgets its waker", lost_wake::run, true),
    lab("Tasks", 13, "cooperative", "tasks switch at an await only", cooperative::run, true),
    lab("Tasks", 49, "tasks", "two sleeps of 3 s take 3 s", tasks::run, true),
    lab("Tasks", 49, "gather", "the order of results, and an error", gather::run, true),
    lab("Tasks", 45, "cancel", "which bytes a cancelled read loses", cancel::run, true),
    lab("Context managers", 50, "context-manager", "a goodbye on every way out", context_manager::run, true),
    lab("Green threads", 30, "greenlet", "ping-pong by stacks and by futures", greenlet::run, true),
];
