//! How much memory a task takes while it waits: bytes per task, over [`TASKS`] tasks.
//!
//! `cargo bench -p handloom-benches --bench memory` prints a table for handloom's loop and tokio's local runtime. A
//! *parked* task waits for something that never comes; a *sleeping* one has armed a timer of an
//! hour. Each case is measured in a process of its own, so that no case finds memory that another
//! has left behind.
//!
//! Two metrics: what was asked of the allocator and not given back, from the spawns until all tasks
//! wait; and by how much the process has grown (`VmRSS`), which adds the allocator's own share.
//! Tables that double count with the room they keep free, so the numbers depend on [`TASKS`]; what
//! would change the conclusion is another allocator, or tasks with large futures, beside which the
//! loop's own share is small.

#![expect(unsafe_code, reason = "a global allocator that counts")]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::pending;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs};

use handloom_tokio::tokio;

/// How many tasks wait at once.
const TASKS: usize = 100_000;

/// How long a sleeping task would sleep.
const HOUR: Duration = Duration::from_hours(1);

/// The system's allocator, with a count of the bytes that are in use.
struct Counting;

/// The bytes asked for and not given back. Relaxed: the cases run on one thread.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches no memory
// of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `GlobalAlloc::dealloc`'s contract; `System` made the block.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        IN_USE.fetch_add(size, Ordering::Relaxed);
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `GlobalAlloc::realloc`'s contract; `System` made the block.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What this program allocates with.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The memory of the process now: bytes counted, bytes resident.
fn memory() -> [usize; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    [IN_USE.load(Ordering::Relaxed), kibibytes * 1024]
}

/// Prints what each task took since `before`.
fn print_share([counted, resident]: [usize; 2]) {
    let [counted_now, resident_now] = memory();
    let share = |now: usize, before: usize| now.saturating_sub(before) / TASKS;
    println!("{:>8} {:>8}", share(counted_now, counted), share(resident_now, resident));
}

/// The cases on handloom's loop.
mod ours {
    use super::{HOUR, TASKS, memory, pending, print_share};
    use handloom::{aio, rt};

    /// Lets `TASKS` tasks wait.
    pub(crate) fn measure(sleeping: bool) {
        rt::block_on(async {
            drop(rt::spawn(async {}).await);
            let before = memory();
            for _ in 0..TASKS {
                if sleeping {
                    drop(rt::spawn(aio::sleep(HOUR)));
                } else {
                    drop(rt::spawn(pending::<()>()));
                }
            }
            aio::sleep(super::SETTLE).await;
            print_share(before);
        });
    }
}

/// The cases on tokio's local runtime.
mod on_tokio {
    use super::{HOUR, TASKS, memory, pending, print_share, tokio};
    use tokio::task::spawn_local;
    use tokio::time::sleep;

    /// Lets `TASKS` tasks wait.
    pub(crate) fn measure(sleeping: bool) {
        let runtime = tokio::runtime::LocalRuntime::new().expect("holds because epoll is there");
        runtime.block_on(async {
            drop(spawn_local(async {}).await);
            let before = memory();
            for _ in 0..TASKS {
                if sleeping {
                    drop(spawn_local(sleep(HOUR)));
                } else {
                    drop(spawn_local(pending::<()>()));
                }
            }
            sleep(super::SETTLE).await;
            print_share(before);
        });
    }
}

/// Long enough for every task to have been polled once; more than one turn is needed for that.
const SETTLE: Duration = Duration::from_millis(500);

/// One line of the table.
struct Case {
    /// What the line is called.
    name: &'static str,
    /// Lets the tasks wait, and prints their share.
    measure: fn(bool),
    /// Whether they sleep.
    sleeping: bool,
}

/// The table.
const CASES: [Case; 4] = [
    Case { name: "parked/handloom", measure: ours::measure, sleeping: false },
    Case { name: "parked/tokio", measure: on_tokio::measure, sleeping: false },
    Case { name: "sleeping/handloom", measure: ours::measure, sleeping: true },
    Case { name: "sleeping/tokio", measure: on_tokio::measure, sleeping: true },
];

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    if let [first, name] = &words[..]
        && first == "case"
    {
        let case = CASES.iter().find(|case| case.name == name);
        let case = case.expect("holds because the parent names a case");
        return (case.measure)(case.sleeping);
    }
    println!("{:20} {:>8} {:>8}  bytes per task, {TASKS} tasks", "", "counted", "VmRSS");
    let program = env::current_exe().expect("holds because Linux knows what it runs");
    for Case { name, .. } in CASES {
        let mut child = Command::new(&program);
        let output = child.args(["case", name]).output().expect("holds because it runs now");
        print!("{name:20} {}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
