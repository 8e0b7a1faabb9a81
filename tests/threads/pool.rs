use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use handloom::threads::ThreadPool;

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

fn receive<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(PATIENCE).expect("expected a job to answer, none did")
}

/// Waits for a count to reach a value, since a worker falls asleep a little after its job's last line.
fn wait_for(what: &str, wanted: usize, count: impl Fn() -> usize) {
    let begun = Instant::now();
    while count() != wanted {
        assert!(begun.elapsed() < PATIENCE, "{what}: expected {wanted}, still {}", count());
        thread::yield_now();
    }
}

#[test]
fn every_job_runs_once() {
    const JOBS: usize = 10_000;
    let runs = Arc::new(AtomicUsize::new(0));
    let pool = ThreadPool::fixed("once", 4).expect("start");
    for _ in 0..JOBS {
        let runs = Arc::clone(&runs);
        let job = move || {
            runs.fetch_add(1, Ordering::Relaxed);
        };
        drop(pool.submit(job).expect("submit"));
    }
    drop(pool);
    assert_eq!(runs.load(Ordering::Relaxed), JOBS, "POOL-1, POOL-5: runs against jobs");
}

#[test]
fn jobs_of_one_worker_run_in_order() {
    let (sender, results) = mpsc::channel();
    let pool = ThreadPool::fixed("order", 1).expect("start");
    for number in 0..100 {
        let sender = sender.clone();
        drop(pool.submit(move || sender.send(number).expect("send")).expect("submit"));
    }
    drop((pool, sender));
    assert!(results.iter().eq(0..100), "POOL-1: expected first in, first out");
}

#[test]
fn as_many_jobs_as_workers_run_at_once() {
    const WORKERS: usize = 8;
    for pool in
        [ThreadPool::fixed("wide", WORKERS).expect("start"), ThreadPool::on_demand("wide", WORKERS)]
    {
        let (sender, results) = mpsc::channel();
        let meeting = Arc::new(Barrier::new(WORKERS));
        for _ in 0..WORKERS {
            let (meeting, sender) = (Arc::clone(&meeting), sender.clone());
            let job = move || {
                meeting.wait();
                sender.send(()).expect("send");
            };
            drop(pool.submit(job).expect("submit"));
        }
        (0..WORKERS).for_each(|_| receive(&results));
    }
}

#[test]
fn threads_are_started_on_demand_and_then_used_again() {
    let (sender, results) = mpsc::channel();
    let pool = ThreadPool::on_demand("demand", 8);
    assert_eq!(pool.counts().workers, 0, "a thread before the first job");
    for _ in 0..20 {
        let sender = sender.clone();
        drop(
            pool.submit(move || sender.send(thread::current().id()).expect("send"))
                .expect("submit"),
        );
        receive(&results);
        wait_for("idle workers", pool.counts().workers, || pool.idle());
    }
    assert_eq!(pool.counts().workers, 1, "an idle worker should be used before another is started");
}

#[test]
fn on_demand_never_exceeds_its_maximum() {
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let pool = ThreadPool::on_demand("bound", 3);
    for _ in 0..10 {
        let gate = Arc::clone(&gate);
        let job = move || {
            // An error says that the gate is open.
            let _ = gate.lock().expect("lock").recv();
        };
        drop(pool.submit(job).expect("submit"));
    }
    assert_eq!(pool.counts().workers, 3, "expected as many workers as allowed");
    wait_for("queued jobs", 7, || pool.counts().queued);
    assert_eq!(pool.idle(), 0, "no worker is idle while jobs are queued");
    drop(release);
}

#[test]
fn a_panic_leaves_the_worker_alive() {
    /// A payload whose own drop panics.
    struct Spiteful;
    impl Drop for Spiteful {
        fn drop(&mut self) {
            panic!("from the payload's drop, on purpose");
        }
    }
    let (sender, results) = mpsc::channel();
    let pool = ThreadPool::fixed("panic", 1).expect("start");
    let ask = |sender: mpsc::Sender<_>| {
        drop(
            pool.submit(move || sender.send(thread::current().id()).expect("send"))
                .expect("submit"),
        );
        receive(&results)
    };
    let before = ask(sender.clone());
    // Held back until both are detached: then what they leave is dropped by the worker, and not here.
    let (release, gate) = mpsc::channel::<()>();
    drop(pool.submit(move || gate.recv()).expect("submit"));
    drop(pool.submit(|| panic!("on purpose")).expect("submit"));
    drop(pool.submit(|| std::panic::panic_any(Spiteful)).expect("submit"));
    drop(release);
    assert_eq!(ask(sender.clone()), before, "POOL-3: expected the same thread after two panics");
}

#[test]
fn workers_are_named_and_numbered() {
    let (sender, results) = mpsc::channel();
    let pool = ThreadPool::fixed("loom", 1).expect("start");
    let job = move || {
        sender.send(thread::current().name().map(str::to_owned)).expect("send");
    };
    drop(pool.submit(job).expect("submit"));
    assert_eq!(receive(&results).as_deref(), Some("loom-1"));
}

#[test]
fn a_job_may_queue_another() {
    let (sender, results) = mpsc::channel();
    let pool = Arc::new(ThreadPool::fixed("nest", 1).expect("start"));
    let inner = Arc::clone(&pool);
    let job = pool.submit(move || {
        drop(inner.submit(move || sender.send(()).expect("send")).expect("submit"));
    });
    drop(job.expect("POOL-4: no lock is held while a job runs"));
    receive(&results);
}

#[test]
fn the_last_owner_may_be_a_job() {
    let (sender, results) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let pool = Arc::new(ThreadPool::fixed("self", 2).expect("start"));
    let owner = Arc::clone(&pool);
    let job = move || {
        receive(&gate);
        drop(owner);
        sender.send(()).expect("send");
    };
    drop(pool.submit(job).expect("submit"));
    drop(pool);
    go.send(()).expect("send");
    receive(&results);
}

#[test]
fn no_wake_up_is_lost_when_workers_fall_asleep_between_jobs() {
    let (sender, results) = mpsc::channel();
    let pool = ThreadPool::fixed("race", 2).expect("start");
    // Each round meets the workers in another phase of falling asleep.
    for round in 0..5_000_usize {
        let sender = sender.clone();
        drop(pool.submit(move || sender.send(round).expect("send")).expect("submit"));
        assert_eq!(receive(&results), round, "POOL-2");
    }
}

/// Run by the next test in a process where no thread can be started.
#[test]
#[ignore = "only of use in a process where no thread can be started"]
fn child_in_which_no_thread_starts() {
    let pool = ThreadPool::on_demand("none", 2);
    assert!(pool.submit(|| {}).is_err(), "expected an error: there is no worker");
    assert_eq!(
        (pool.counts().workers, pool.counts().queued),
        (0, 0),
        "a refused job must not stay queued"
    );
    assert!(ThreadPool::fixed("none", 2).is_err(), "expected an error from a fixed pool");
}

#[test]
fn a_thread_that_cannot_start_is_an_error() {
    let output = Command::new(env::current_exe().expect("path of this test"))
        .args(["--exact", "pool::child_in_which_no_thread_starts", "--ignored", "--test-threads=1"])
        // No address space is large enough for such a stack.
        .env("RUST_MIN_STACK", (1_u64 << 50).to_string())
        .output()
        .expect("run this test's own program");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "came: {text}");
}
