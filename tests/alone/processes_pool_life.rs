#![expect(
    clippy::missing_docs_in_private_items,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's name says it all, and a test may fail"
)]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, id};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::pool_jobs::reckless::ignore_ends_of_children;
use crate::pool_jobs::{
    ADD, FOR_EVER, KILL, LONG, SLEEP_MS, children_of, lives, options, own_descriptors, pool, start,
    status, wait_until,
};
use handloom::jobs::{JobError, JobHandle};
use handloom::os::process::{self, Pid};
use handloom::os::signal::{Signal, reset_all};
use handloom::processes::ProcessPoolOptions;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("after_a_shutdown_no_job_is_taken", refused_after_shutdown),
    ("a_shutdown_finishes_what_is_queued", shutdown_drains),
    ("shutdown_now_cancels_what_is_queued", shutdown_now_cancels),
    ("shutdowns_may_meet", shutdowns_meet),
    ("a_worker_may_die_during_the_shutdown", death_in_shutdown),
    ("a_job_that_never_returns_is_killed_after_the_grace", endless_job),
    ("a_drop_finishes_what_was_submitted", drop_drains),
    ("a_submit_that_waits_for_room_hears_of_the_shutdown", waiting_submit),
    ("cycles_leave_nothing_behind", cycles),
    ("two_hundred_workers_start_and_end", many_workers),
    ("ctrl_c_to_the_group_ends_it_silently", ctrl_c),
    ("sigterm_to_the_parent_ends_the_workers", sigterm),
    ("no_process_outlives_a_killed_parent", killed_parent),
    ("a_pool_works_where_sigchld_was_ignored", sigchld_ignored),
    ("text_from_before_the_fork_is_printed_once", printed_once),
];

fn joined<T>(handle: JobHandle<T>) -> Result<T, JobError> {
    handle.join_timeout(LONG).unwrap_or_else(|_| panic!("expected a result, it hangs"))
}

/// Scenario 24.
fn refused_after_shutdown() {
    let pool = pool(1);
    let handle = pool.submit((ADD, 1)).unwrap();
    pool.shutdown();
    assert_eq!(joined(handle).unwrap(), 2);
    for _ in 0..2 {
        let refused = pool.submit((ADD, 1)).map(drop);
        assert!(matches!(refused, Err(JobError::PoolGone)), "{refused:?}");
    }
    assert!(children_of(id()).is_empty(), "PPOOL-3");
}

/// Scenario 25.
fn shutdown_drains() {
    let pool = pool(2);
    let handles: Vec<_> = (0..50).map(|n| pool.submit((SLEEP_MS, n % 10)).unwrap()).collect();
    pool.shutdown();
    assert!(handles.iter().all(JobHandle::is_finished), "PPOOL-3: a job is left");
    for (n, handle) in (0..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n % 10 + 1);
    }
}

/// Scenario 25.
fn shutdown_now_cancels() {
    let pool = pool(1);
    let first = pool.submit((SLEEP_MS, 100)).unwrap();
    wait_until("the first to begin", || pool.counts().running == 1);
    let rest: Vec<_> = (0..50).map(|n| pool.submit((SLEEP_MS, n)).unwrap()).collect();
    pool.shutdown_now();
    assert_eq!(joined(first).unwrap(), 101, "what runs should finish within the grace");
    for handle in rest {
        let result = joined(handle);
        assert!(matches!(result, Err(JobError::Cancelled)), "{result:?}");
    }
    assert_eq!(pool.counts().cancelled, 50);
}

/// Scenario 26.
fn shutdowns_meet() {
    let pool = pool(2);
    let handles: Vec<_> = (0..20).map(|_| pool.submit((SLEEP_MS, 5)).unwrap()).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                pool.shutdown();
                assert!(children_of(id()).is_empty(), "PPOOL-3: the second came back too early");
            });
        }
    });
    pool.shutdown();
    pool.shutdown_now();
    assert!(handles.into_iter().all(|handle| joined(handle).is_ok()));
}

/// Scenario 28.
fn death_in_shutdown() {
    let pool = pool(1);
    let killed = pool.submit((KILL, 0)).unwrap();
    let after = pool.submit((ADD, 1)).unwrap();
    pool.shutdown();
    assert!(matches!(joined(killed), Err(JobError::Died { .. })));
    assert_eq!(joined(after).unwrap(), 2, "STATE-2: a replacement should have run it");
}

/// Scenario 15.
fn endless_job() {
    for by_drop in [false, true] {
        let pool = pool(1);
        let endless = pool.submit((FOR_EVER, 0)).unwrap();
        let behind = pool.submit((ADD, 0)).unwrap();
        wait_until("the job to begin", || pool.counts().running == 1);
        let begun = Instant::now();
        if by_drop {
            drop(pool);
        } else {
            pool.shutdown_now();
        }
        assert!(begun.elapsed() >= Duration::from_millis(300), "before the grace was over");
        assert!(begun.elapsed() < LONG);
        assert!(matches!(joined(endless), Err(JobError::Died { .. })));
        assert!(matches!(joined(behind), Err(JobError::Cancelled)));
        assert!(children_of(id()).is_empty(), "PPOOL-3");
    }
}

/// Scenario 27.
fn drop_drains() {
    let pool = pool(2);
    let handles: Vec<_> = (0..20).map(|n| pool.submit((SLEEP_MS, n)).unwrap()).collect();
    drop(pool);
    assert!(children_of(id()).is_empty(), "PPOOL-3");
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n);
    }
}

fn waiting_submit() {
    let pool = Arc::new(start(ProcessPoolOptions { queue_capacity: 1, ..options(1) }));
    let first = pool.submit((SLEEP_MS, 200)).unwrap();
    let second = pool.submit((ADD, 1)).unwrap();
    let other = Arc::clone(&pool);
    let waiting = thread::spawn(move || other.submit((ADD, 2)).map(drop));
    thread::sleep(Duration::from_millis(50));
    pool.shutdown();
    let refused = waiting.join().unwrap();
    assert!(matches!(refused, Ok(()) | Err(JobError::PoolGone)), "{refused:?}");
    assert_eq!(joined(first).unwrap(), 201);
    assert_eq!(joined(second).unwrap(), 2);
}

/// Scenario 32.
fn cycles() {
    let cycle = || {
        let pool = pool(1);
        assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2);
    };
    (0..20).for_each(|_| cycle());
    let before = (own_descriptors(id()).len(), status("Threads:"), status("VmRSS:"));
    (0..1_000).for_each(|_| cycle());
    let after = (own_descriptors(id()).len(), status("Threads:"), status("VmRSS:"));
    assert_eq!((before.0, before.1), (after.0, after.1), "PPOOL-3: descriptors and threads");
    assert!(after.2 < before.2 + 1_024, "memory grew from {} to {} KiB", before.2, after.2);
    assert!(children_of(id()).is_empty(), "PPOOL-3");
}

/// Scenario 23.
fn many_workers() {
    let pool = pool(200);
    assert_eq!(pool.worker_pids().len(), 200);
    let handles: Vec<_> = (0..1_000).map(|n| pool.submit((ADD, n)).unwrap()).collect();
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n);
    }
    pool.shutdown();
    assert!(children_of(id()).is_empty(), "PPOOL-3");
}

/// What the copy of this program does.
pub(crate) fn play(role: &str) {
    // A shell without job control ignores SIGINT in what it starts in the background, and a program inherits that.
    reset_all();
    if role == "print" {
        print!("once ");
    }
    let pool = pool(2);
    drop(pool.submit((SLEEP_MS, if role == "print" { 1 } else { 60_000 })).unwrap());
    wait_until("the job to begin", || pool.counts().running == 1 || pool.counts().done == 1);
    let pids: Vec<String> = pool.worker_pids().iter().map(ToString::to_string).collect();
    println!("{}", pids.join(" "));
    std::io::stdout().flush().unwrap();
    if role != "print" {
        thread::sleep(LONG * 10);
    }
}

/// Starts a copy that has a busy and an idle worker; ends it with `end`; looks after what is left.
fn ended_by(end: impl FnOnce(Pid)) {
    let mut copy = Command::new(env::current_exe().unwrap());
    copy.env(crate::ROLE, "wait").process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut copy = copy.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(copy.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let workers: Vec<Pid> = line.split_whitespace().map(|pid| Pid(pid.parse().unwrap())).collect();
    assert_eq!(workers.len(), 2, "expected two workers, came {line:?}");
    let server = children_of(copy.id());
    end(Pid::from(&copy));
    let output = copy.wait_with_output().unwrap();
    assert!(!output.status.success());
    let server = server.iter().map(|pid| Pid(pid.cast_signed()));
    let all: Vec<Pid> = workers.into_iter().chain(server).collect();
    // A zombie has ended: process 1, which may be slow, has to reap an orphan.
    wait_until("FORK-SERVER-1: every process to be gone", || !all.iter().any(|pid| lives(*pid)));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "scenario 33: expected silence, came {said}");
}

/// Scenario 33.
fn ctrl_c() {
    ended_by(|copy| process::kill_group(copy, Signal::Interrupt).unwrap());
}

/// Scenario 34.
fn sigterm() {
    ended_by(|copy| process::kill(copy, Signal::Terminate).unwrap());
}

/// Scenario 29. SIGKILL: the parent has no chance to end the workers.
fn killed_parent() {
    ended_by(|copy| process::kill(copy, Signal::Kill).unwrap());
}

/// `PROCESS-5`.
fn sigchld_ignored() {
    ignore_ends_of_children();
    let pool = pool(1);
    let killed = pool.submit((KILL, 0)).unwrap();
    assert!(matches!(joined(killed), Err(JobError::Died { .. })));
    assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2);
    pool.shutdown();
    assert!(children_of(id()).is_empty(), "PPOOL-3");
}

/// Scenario 17.
fn printed_once() {
    let copy =
        Command::new(env::current_exe().unwrap()).env(crate::ROLE, "print").output().unwrap();
    let printed = String::from_utf8(copy.stdout).unwrap();
    assert_eq!(printed.matches("once").count(), 1, "expected it once, came {printed:?}");
}
