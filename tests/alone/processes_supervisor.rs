#![expect(clippy::missing_docs_in_private_items, reason = "a test's name says it all")]

use std::cell::Cell;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use crate::pool_jobs::reckless::ignore_ends_of_children;
use handloom::os::process::{self, Fork, Pid};
use handloom::os::signal::{self, Signal};
use handloom::os::{EventFd, PollFd, poll};
use handloom::processes::{Stopped, Supervisor};

const LONG: Duration = Duration::from_secs(10);

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("every_worker_runs_and_ends_when_asked", workers_run_and_stop),
    ("a_dead_worker_is_replaced", dead_worker_is_replaced),
    ("a_dead_worker_is_replaced_where_sigchld_was_ignored", sigchld_ignored),
    ("a_worker_that_returns_is_replaced", returning_worker_is_replaced),
    ("a_storm_of_deaths_is_slowed_down", storm_is_slowed),
    ("a_worker_that_does_not_stop_is_killed_after_the_grace", deaf_worker_is_killed),
    ("a_worker_that_panics_never_returns_from_the_fork", panic_stays_in_worker),
    ("ctrl_c_is_left_to_the_parent", interrupt_is_ignored),
    ("dropping_the_supervisor_leaves_no_worker", drop_leaves_none),
    ("no_worker_outlives_a_parent_that_was_killed", none_outlives_parent),
    ("a_second_thread_makes_start_an_error", start_refuses_threads),
];

/// A pipe on which workers say a letter; the reader waits no longer than LONG.
struct Voices {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Voices {
    fn new() -> Self {
        let (reader, writer) = pipe().expect("pipe");
        Self { reader, writer }
    }

    fn say(&self, letter: u8) {
        (&self.writer).write_all(&[letter]).expect("write");
    }

    fn hear(&self) -> u8 {
        let ready = poll(&mut [PollFd::readable(self.reader.as_fd())], Some(LONG)).expect("poll");
        assert_eq!(ready, 1, "expected a word from a worker, none came");
        let mut letter = [0];
        (&self.reader).read_exact(&mut letter).expect("read");
        letter[0]
    }
}

fn wait_for(stop: BorrowedFd<'_>) {
    poll(&mut [PollFd::readable(stop)], None).expect("poll");
}

fn exists(pid: Pid) -> bool {
    process::kill(pid, Signal::User1).is_ok()
}

/// Runs `other` in a process of its own, which then signals the stop; watches until then.
fn watch_while(supervisor: &mut Supervisor<'_>, other: impl FnOnce()) {
    let stop = EventFd::new().expect("eventfd");
    let mut child = match process::fork().expect("fork") {
        Fork::Child => {
            other();
            stop.signal().expect("signal");
            process::exit_now(0);
        }
        Fork::Parent(child) => child,
    };
    supervisor.watch_until(stop.as_fd()).expect("watch");
    child.wait().expect("wait");
}

fn workers_run_and_stop() {
    let voices = Voices::new();
    let work = |stop: BorrowedFd<'_>| {
        voices.say(b'a');
        wait_for(stop);
        voices.say(b'z');
        0
    };
    let supervisor = Supervisor::start(3, &work).expect("start");
    assert_eq!(supervisor.pids().len(), 3);
    assert_eq!([voices.hear(), voices.hear(), voices.hear()], *b"aaa", "each worker should run");
    let stopped = supervisor.stop(LONG).expect("stop");
    assert_eq!(stopped, Stopped { in_time: 3, killed: 0 });
    assert_eq!([voices.hear(), voices.hear(), voices.hear()], *b"zzz", "each should hear the stop");
}

/// `PROCESS-5`.
fn sigchld_ignored() {
    ignore_ends_of_children();
    dead_worker_is_replaced();
}

fn dead_worker_is_replaced() {
    let voices = Voices::new();
    let work = |stop: BorrowedFd<'_>| {
        voices.say(b'a');
        wait_for(stop);
        0
    };
    let mut supervisor = Supervisor::start(2, &work).expect("start");
    let before = supervisor.pids();
    voices.hear();
    voices.hear();
    watch_while(&mut supervisor, || {
        process::kill(before[0], Signal::Kill).expect("kill");
        voices.hear();
    });
    let after = supervisor.pids();
    assert_eq!(after.len(), 2, "SUPERVISOR-4: expected the number of workers to be kept up");
    assert!(!after.contains(&before[0]) && after.contains(&before[1]), "{before:?} -> {after:?}");
}

fn returning_worker_is_replaced() {
    let voices = Voices::new();
    let work = |_: BorrowedFd<'_>| {
        voices.say(b'a');
        0
    };
    let mut supervisor = Supervisor::start(1, &work).expect("start");
    watch_while(&mut supervisor, || {
        assert_eq!([voices.hear(), voices.hear()], *b"aa");
    });
}

fn storm_is_slowed() {
    let voices = Voices::new();
    let work = |_: BorrowedFd<'_>| {
        voices.say(b'a');
        1
    };
    let begun = Instant::now();
    let mut supervisor = Supervisor::start(1, &work).expect("start");
    watch_while(&mut supervisor, || {
        for _ in 0..6 {
            voices.hear();
        }
    });
    // Five replacements, after 10, 20, 40, 80 and 160 ms.
    let least = Duration::from_millis(310);
    assert!(begun.elapsed() >= least, "SUPERVISOR-4: five restarts took {:?}", begun.elapsed());
}

fn deaf_worker_is_killed() {
    let voices = Voices::new();
    let work = |_: BorrowedFd<'_>| {
        voices.say(b'a');
        thread::sleep(LONG);
        0
    };
    let supervisor = Supervisor::start(2, &work).expect("start");
    let pids = supervisor.pids();
    voices.hear();
    voices.hear();
    let grace = Duration::from_millis(50);
    let begun = Instant::now();
    let stopped = supervisor.stop(grace).expect("stop");
    assert_eq!(stopped, Stopped { in_time: 0, killed: 2 });
    assert!(begun.elapsed() >= grace, "killed before the grace was over");
    assert!(begun.elapsed() < LONG, "waited for the worker's own end");
    assert!(!pids.into_iter().any(exists), "SUPERVISOR-2: a worker is left");
}

fn panic_stays_in_worker() {
    let voices = Voices::new();
    let parent = process::pid();
    let first = Cell::new(true);
    let work = |stop: BorrowedFd<'_>| {
        assert!(first.get(), "a worker's copy is changed by nobody else");
        first.set(false);
        voices.say(b'a');
        wait_for(stop);
        panic!("on purpose");
    };
    let supervisor = Supervisor::start(1, &work).expect("start");
    voices.hear();
    supervisor.stop(LONG).expect("stop");
    assert_eq!(process::pid(), parent, "SUPERVISOR-3: the worker has come back from the fork");
}

fn interrupt_is_ignored() {
    let voices = Voices::new();
    signal::install(Signal::Interrupt).expect("install");
    let work = |stop: BorrowedFd<'_>| {
        voices.say(b'a');
        wait_for(stop);
        0
    };
    let supervisor = Supervisor::start(1, &work).expect("start");
    voices.hear();
    process::kill(supervisor.pids()[0], Signal::Interrupt).expect("kill");
    let stopped = supervisor.stop(LONG).expect("stop");
    assert_eq!(stopped, Stopped { in_time: 1, killed: 0 }, "SUPERVISOR-5");
    assert_eq!(signal::count(Signal::Interrupt), 0, "the worker's signal was counted here");
}

fn drop_leaves_none() {
    let work = |stop: BorrowedFd<'_>| {
        wait_for(stop);
        0
    };
    let supervisor = Supervisor::start(3, &work).expect("start");
    let pids = supervisor.pids();
    drop(supervisor);
    assert!(!pids.into_iter().any(exists), "SUPERVISOR-2: a worker is left after the drop");
}

fn none_outlives_parent() {
    let voices = Voices::new();
    let parent = match process::fork().expect("fork") {
        Fork::Child => {
            let work = |_: BorrowedFd<'_>| {
                voices.say(b'a');
                thread::sleep(LONG * 10);
                0
            };
            let _supervisor = Supervisor::start(3, &work).expect("start");
            thread::sleep(LONG * 10);
            process::exit_now(0);
        }
        Fork::Parent(child) => child,
    };
    assert_eq!([voices.hear(), voices.hear(), voices.hear()], *b"aaa");
    // SIGKILL: the parent has no chance to tidy up.
    drop(parent);
    // The pipe ends when its last writer is dead; ours goes first.
    let Voices { mut reader, writer } = voices;
    drop(writer);
    let ready = poll(&mut [PollFd::readable(reader.as_fd())], Some(LONG)).expect("poll");
    assert_eq!(ready, 1, "SUPERVISOR-1: a worker has outlived its parent");
    assert_eq!(reader.read(&mut [0]).expect("read"), 0, "expected the end of the pipe");
}

fn start_refuses_threads() {
    let stop = EventFd::new().expect("eventfd");
    let refused = thread::scope(|scope| {
        let other = thread::Builder::new().name("shuttle".into());
        other.spawn_scoped(scope, || wait_for(stop.as_fd())).expect("spawn");
        let error = Supervisor::start(1, &|_| 0).expect_err("expected an error: two threads");
        stop.signal().expect("signal");
        error.to_string()
    });
    assert!(refused.contains("shuttle"), "the error should name the thread: {refused}");
}
