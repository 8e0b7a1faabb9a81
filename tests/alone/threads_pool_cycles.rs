//! A thousand pools, one after another, leave nothing behind (scenario 32). Alone in its process, to count in peace.
#![expect(clippy::unwrap_used, reason = "an error fails the test")]

use std::fs;

use crate::pool_jobs::wait_until;
use handloom::os::thread_list;
use handloom::threads::ThreadPool;

/// The resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many descriptors this process has.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[(
    "a_thousand_pools_leave_no_thread_no_descriptor_and_no_memory",
    a_thousand_pools_leave_no_thread_no_descriptor_and_no_memory,
)];

fn a_thousand_pools_leave_no_thread_no_descriptor_and_no_memory() {
    let cycle = |round: usize| {
        let pool = ThreadPool::fixed("cycle", 3).unwrap();
        let job = pool.submit(move || vec![round; 100]).unwrap();
        drop(pool.submit(|| vec![0_u8; 1_000]).unwrap());
        if round.is_multiple_of(2) {
            assert_eq!(job.join().unwrap()[0], round);
        }
    };
    (0..200).for_each(cycle);
    let threads_left =
        || thread_list::names().unwrap().iter().filter(|n| n.contains("cycle")).count();
    let (descriptors_before, resident_before) = (descriptors(), resident());
    (0..1_000).for_each(cycle);
    // A join returns when the thread has run its last instruction, shortly before it leaves /proc.
    wait_until("POOL-5: no worker to be left", || threads_left() == 0);
    assert_eq!(descriptors(), descriptors_before, "descriptors after against before");
    let grown = resident().saturating_sub(resident_before);
    assert!(grown < 1_024, "expected flat memory, it grew by {grown} KiB in 1,000 pools");
}
