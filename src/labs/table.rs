//! The table of the labs.

use std::io;

use super::{
    Journal, blocking_call, cancel, condition, context_manager, cooperative, coroutine, deadlock,
    exec_environment, fork, fork_buffer, fork_lock, gather, generator, gil, greenlet, iterator,
    lock, lost_wake, parallel, pipe, pipe_end, preemptive, process, queue, race, select,
    shared_memory, signal, socketpair, tasks, threads, timeouts,
};

/// An experiment.
#[derive(Debug)]
pub struct Lab {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in one line.
    pub line: &'static str,
    /// The chapter of the notes that it belongs to.
    pub chapter: &'static str,
    /// The number of the course's question that it answers.
    pub question: u8,
    /// Runs it.
    pub run: fn(&Journal) -> io::Result<()>,
}

/// Every lab, in the order of the course.
pub const LABS: &[Lab] = &[
    Lab {
        name: "process",
        line: "number, parent, memory, descriptors, scheduling: a process as /proc tells it",
        chapter: "Processes",
        question: 43,
        run: process::run,
    },
    Lab {
        name: "fork",
        line: "parent and child in turn: what is copied, what is shared, and the zombie until the wait",
        chapter: "Processes",
        question: 44,
        run: fork::run,
    },
    Lab {
        name: "fork-buffer",
        line: "text printed once comes out twice, since a full buffer was copied",
        chapter: "Processes",
        question: 33,
        run: fork_buffer::run,
    },
    Lab {
        name: "fork-lock",
        line: "a child stuck on a lock whose holder was not copied, and the fork that refuses",
        chapter: "Processes",
        question: 33,
        run: fork_lock::run,
    },
    Lab {
        name: "exec-environment",
        line: "arguments, environment and descriptors through exec, and what close-on-exec closes",
        chapter: "Processes",
        question: 43,
        run: exec_environment::run,
    },
    Lab {
        name: "pipe",
        line: "bytes from process to process: no borders, an end, an error without a reader, a capacity",
        chapter: "Processes",
        question: 35,
        run: pipe::run,
    },
    Lab {
        name: "pipe-end",
        line: "no end of file while somebody keeps a writing end, and how to find who",
        chapter: "Processes",
        question: 35,
        run: pipe_end::run,
    },
    Lab {
        name: "socketpair",
        line: "one end for each, both directions; packets with borders; a descriptor that travels",
        chapter: "Processes",
        question: 35,
        run: socketpair::run,
    },
    Lab {
        name: "shared-memory",
        line: "a counter of two processes: in copied memory, in shared memory, and under a lock",
        chapter: "Processes",
        question: 35,
        run: shared_memory::run,
    },
    Lab {
        name: "signal",
        line: "handled, ignored, blocked and not queued, deadly: what a signal does to a child",
        chapter: "Processes",
        question: 35,
        run: signal::run,
    },
    Lab {
        name: "threads",
        line: "start, one memory and many stacks, join, and a panic that reaches the joiner",
        chapter: "Threads",
        question: 1,
        run: threads::run,
    },
    Lab {
        name: "preemptive",
        line: "two threads that never wait share a processor: the kernel switches, and counts",
        chapter: "Threads",
        question: 12,
        run: preemptive::run,
    },
    Lab {
        name: "parallel",
        line: "the same work on one processor and on two: wall time and processor time",
        chapter: "Threads",
        question: 41,
        run: parallel::run,
    },
    Lab {
        name: "race",
        line: "lost additions, forced by a barrier between load and store",
        chapter: "Synchronisation",
        question: 36,
        run: race::run,
    },
    Lab {
        name: "lock",
        line: "the cure of the race: who comes between is refused; and its price",
        chapter: "Synchronisation",
        question: 34,
        run: lock::run,
    },
    Lab {
        name: "deadlock",
        line: "two locks and a circle, found in the wait-for graph; and the order that cures it",
        chapter: "Synchronisation",
        question: 36,
        run: deadlock::run,
    },
    Lab {
        name: "condition",
        line: "wait for a predicate: a wake that is slept over, and if against while",
        chapter: "Synchronisation",
        question: 6,
        run: condition::run,
    },
    Lab {
        name: "queue",
        line: "producers, consumers, and a bound that makes the fast ones wait",
        chapter: "Synchronisation",
        question: 6,
        run: queue::run,
    },
    Lab {
        name: "gil",
        line: "one lock for all threads: who computes, who waits, what is lost; beside CPython's own figures",
        chapter: "The GIL",
        question: 22,
        run: gil::run,
    },
    Lab {
        name: "timeouts",
        line: "what a connection's failure sounds like, and when only a clock tells",
        chapter: "Sockets",
        question: 45,
        run: timeouts::run,
    },
    Lab {
        name: "select",
        line: "fifty connections, one thread, no coroutine: one list and one question to the kernel",
        chapter: "Select",
        question: 46,
        run: select::run,
    },
    Lab {
        name: "iterator",
        line: "running totals by an object that is asked for the next one",
        chapter: "Iterators and generators",
        question: 47,
        run: iterator::run,
    },
    Lab {
        name: "generator",
        line: "running totals by a function that stops at each yield",
        chapter: "Iterators and generators",
        question: 40,
        run: generator::run,
    },
    Lab {
        name: "coroutine",
        line: "running totals by a function that waits in the middle, and that nobody calls",
        chapter: "Generators and coroutines",
        question: 15,
        run: coroutine::run,
    },
    Lab {
        name: "blocking-call",
        line: "the loop's heartbeat with a blocking call in a task, and with run_blocking",
        chapter: "The event loop",
        question: 38,
        run: blocking_call::run,
    },
    Lab {
        name: "lost-wake",
        line: "a future that forgets its waker, and the report that names it",
        chapter: "The event loop",
        question: 37,
        run: lost_wake::run,
    },
    Lab {
        name: "cooperative",
        line: "two tasks on a thread: they switch themselves, at an await and nowhere else",
        chapter: "Tasks",
        question: 13,
        run: cooperative::run,
    },
    Lab {
        name: "tasks",
        line: "two sleeps of 3 s: together they take 3 s, in a row 6 s",
        chapter: "Tasks",
        question: 49,
        run: tasks::run,
    },
    Lab {
        name: "gather",
        line: "the order of results and of ends, and what an error does to the others",
        chapter: "Tasks",
        question: 49,
        run: gather::run,
    },
    Lab {
        name: "cancel",
        line: "which bytes are lost when a read is dropped half-way",
        chapter: "Tasks",
        question: 45,
        run: cancel::run,
    },
    Lab {
        name: "context-manager",
        line: "a connection for two tasks, closed with a goodbye after an error and a cancel too",
        chapter: "Context managers",
        question: 50,
        run: context_manager::run,
    },
    Lab {
        name: "greenlet",
        line: "ping-pong by stacks (makecontext) and by futures: turns, time and memory",
        chapter: "Green threads",
        question: 30,
        run: greenlet::run,
    },
];
