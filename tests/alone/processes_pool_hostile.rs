//! The first promise of the process pool, against jobs that attack it: every handle ends, and `shutdown` returns.

use std::thread;
use std::time::Duration;

use handloom::jobs::{JobError, JobHandle};
use handloom::os::process;
use handloom::os::signal::Signal;
use handloom::processes::ProcessPool;

use crate::pool_jobs::{
    ADD, EXEC, EXHAUST_MEMORY, FOR_EVER, FORK_AND_GO_ON, KILL, LONG, Order, PANIC,
    REPLACE_DESCRIPTORS, SCRIBBLE, SLEEP_MS, STOP_SERVER, UNMAP, children_of, options, signal,
    start,
};

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("every_handle_ends_when_workers_are_killed_at_random", random_kills),
    ("every_handle_ends_when_a_job_scribbles_over_the_channel", scribbles),
    ("every_handle_ends_when_a_job_replaces_the_descriptors", descriptors_replaced),
    ("every_handle_ends_whatever_a_job_does_to_its_process", process_abused),
    ("every_handle_ends_when_a_job_stops_the_fork_server", server_stopped),
    ("long_messages_survive_storms_of_signals", storms),
];

/// A pool of workers that will be attacked. None dies a hundred times in a row.
fn attacked_pool(workers: usize) -> ProcessPool<Order, u64> {
    start(options(workers))
}

/// Waits for every handle; returns how many have a value, which must be the right one.
fn all_end(handles: Vec<(Order, JobHandle<u64>)>, told: &str) -> usize {
    let values = values(handles, told);
    for (order, value) in &values {
        assert_eq!(*value, order.1 + 1, "PPOOL-1: {told}: a wrong value for {order:?}");
    }
    values.len()
}

/// Waits for every handle; returns the values.
fn values(handles: Vec<(Order, JobHandle<u64>)>, told: &str) -> Vec<(Order, u64)> {
    let mut values = Vec::new();
    for (order, handle) in handles {
        match handle.join_timeout(LONG) {
            Ok(Ok(value)) => values.push((order, value)),
            Ok(Err(_)) => {}
            Err(handle) => {
                panic!("PPOOL-1: {told}: the handle of {order:?} does not end: {handle:?}")
            }
        }
    }
    values
}

/// Ends a pool, which must leave nothing.
fn end(pool: ProcessPool<Order, u64>) {
    pool.shutdown();
    drop(pool);
    assert!(children_of(std::process::id()).is_empty(), "PPOOL-3");
}

/// Submits an attack with ordinary jobs around it.
fn attack(pool: &ProcessPool<Order, u64>, attack: Order) -> Vec<(Order, JobHandle<u64>)> {
    let before = (0..10).map(|n| (ADD, n));
    let after = (10..30).map(|n| if n % 7 == 0 { (PANIC, n) } else { (ADD, n) });
    let orders = before.chain([attack]).chain(after);
    orders.map(|order| (order, pool.submit(order).unwrap())).collect()
}

fn random_kills() {
    let pool = attacked_pool(3);
    let mut random = 7_u64;
    for round in 0..60 {
        let handles: Vec<_> = (0..200)
            .map(|n| if n % 50 == 0 { (SLEEP_MS, 3) } else { (ADD, n) })
            .map(|order| (order, pool.submit(order).unwrap()))
            .collect();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            thread::sleep(Duration::from_micros(random >> 52));
            let pids = pool.worker_pids();
            if let Some(pid) = pids.get((random >> 33) as usize % pids.len().max(1)) {
                drop(process::kill(*pid, Signal::Kill));
            }
        }
        let values = all_end(handles, &format!("round {round}"));
        assert!(values >= 197, "STATE-2: three deaths have lost {} jobs", 200 - values);
    }
    end(pool);
}

fn scribbles() {
    let pool = attacked_pool(2);
    for seed in 0..120 {
        let handles = attack(&pool, (SCRIBBLE, seed));
        // A wrong value of a job of the same worker is possible, and no breach: see the documentation of the pool.
        values(handles, &format!("seed {seed}"));
    }
    // The pool is as good as before.
    let handles = (0..500).map(|n| ((ADD, n), pool.submit((ADD, n)).unwrap())).collect();
    assert_eq!(all_end(handles, "afterwards"), 500);
    end(pool);
}

fn descriptors_replaced() {
    let pool = attacked_pool(2);
    for round in 0..50 {
        let handles = attack(&pool, (REPLACE_DESCRIPTORS, round));
        let count = handles.len();
        let panics = 2 + 1;
        assert_eq!(all_end(handles, &format!("round {round}")), count - panics, "PWORKER-1");
    }
    end(pool);
}

fn process_abused() {
    let pool = attacked_pool(2);
    for attacker in [UNMAP, FORK_AND_GO_ON, EXEC, EXHAUST_MEMORY, KILL] {
        for round in 0..4 {
            let handles = attack(&pool, (attacker, round));
            let count = handles.len();
            let values = all_end(handles, &format!("order {attacker}"));
            // The attacker fails, and three panic.
            assert!(values >= count - 4, "STATE-2: order {attacker} has cost {}", count - values);
        }
    }
    end(pool);
}

/// `STATE-5`: the fork server reaps and kills for the pool, and a job can stop it.
fn server_stopped() {
    let pool = attacked_pool(2);
    for round in 0..5 {
        assert!(pool.submit((STOP_SERVER, round)).unwrap().join_timeout(LONG).is_ok());
        let handles = attack(&pool, (KILL, round));
        all_end(handles, "a death that a stopped server does not see");
        assert!(pool.submit((STOP_SERVER, round)).unwrap().join_timeout(LONG).is_ok());
        let endless = pool.submit_with_limit((FOR_EVER, 0), Duration::from_millis(50)).unwrap();
        let ended = endless.join_timeout(LONG).expect("STATE-5: the limit is not kept");
        assert!(matches!(ended, Err(JobError::TimeLimit(_))), "{ended:?}");
    }
    let last = pool.submit((STOP_SERVER, 0)).unwrap();
    end(pool);
    assert!(matches!(last.join_timeout(LONG), Ok(Ok(1))));
}

/// SIGSTOP, SIGCONT and SIGKILL while long arguments and values are under way.
fn storms() {
    let pool = options(2).start(|bytes: Vec<u8>| bytes).unwrap();
    for round in 0..6 {
        let handles: Vec<_> =
            (0..6_u8).map(|n| (n, pool.submit(vec![n; (3 << 20) + 5]).unwrap())).collect();
        for step in 0..12 {
            thread::sleep(Duration::from_millis(2));
            for pid in pool.worker_pids() {
                let name = match (round + step) % 4 {
                    3 if step == 7 => "KILL",
                    0 => "STOP",
                    _ => "CONT",
                };
                // It may be gone by now.
                drop(std::panic::catch_unwind(|| signal(name, pid)));
            }
        }
        for pid in pool.worker_pids() {
            drop(std::panic::catch_unwind(|| signal("CONT", pid)));
        }
        for (n, handle) in handles {
            match handle.join_timeout(LONG) {
                Ok(Ok(back)) => {
                    assert!(back.len() == (3 << 20) + 5 && back.iter().all(|b| *b == n));
                }
                Ok(Err(error)) => assert!(matches!(error, JobError::Died { .. }), "{error}"),
                Err(handle) => panic!("PPOOL-1: a handle does not end: {handle:?}"),
            }
        }
    }
    pool.shutdown();
    assert!(children_of(std::process::id()).is_empty(), "PPOOL-3");
}
