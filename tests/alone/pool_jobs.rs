//! What the tests of the process pool have its workers do, and how they look at processes from outside.

pub(crate) mod reckless;

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::panic::panic_any;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use handloom::os::process::{self, Pid};
use handloom::os::signal::Signal;
use handloom::processes::{ProcessPool, ProcessPoolOptions};

/// Longer than anything here takes, save a hang.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// What a job is told to do, and a number for it. The value is mostly that number and one more.
pub(crate) type Order = (u8, u64);

pub(crate) const ADD: u8 = 0;
pub(crate) const SLEEP_MS: u8 = 1;
pub(crate) const LEAVE: u8 = 2;
pub(crate) const ABORT: u8 = 3;
pub(crate) const PANIC: u8 = 4;
pub(crate) const KILL: u8 = 5;
pub(crate) const OVERFLOW: u8 = 6;
pub(crate) const PANIC_ANY: u8 = 7;
pub(crate) const FOR_EVER: u8 = 8;
pub(crate) const PID: u8 = 9;
pub(crate) const PANIC_IN_DROP: u8 = 10;
pub(crate) const MOVE_AWAY: u8 = 11;
pub(crate) const FD_COUNT: u8 = 12;
pub(crate) const CLOSE_STANDARD: u8 = 13;
pub(crate) const TIGHTEN_UMASK: u8 = 14;
pub(crate) const BLOCK_SIGNALS: u8 = 15;
pub(crate) const DEAF_FOR_EVER: u8 = 16;
pub(crate) const STOP_ITSELF: u8 = 18;
pub(crate) const OWN_POOL: u8 = 19;
pub(crate) const USE_LOCKS: u8 = 20;
pub(crate) const SCRIBBLE: u8 = 21;
pub(crate) const REPLACE_DESCRIPTORS: u8 = 22;
pub(crate) const UNMAP: u8 = 23;
pub(crate) const FORK_AND_GO_ON: u8 = 24;
pub(crate) const EXEC: u8 = 25;
pub(crate) const EXHAUST_MEMORY: u8 = 26;
pub(crate) const STOP_SERVER: u8 = 27;

/// A payload whose drop panics as well.
struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("in the drop of a payload");
    }
}

/// Does what it is told.
pub(crate) fn obey((what, number): Order) -> u64 {
    match what {
        ADD => {}
        SLEEP_MS => thread::sleep(Duration::from_millis(number)),
        LEAVE => process::exit_now(i32::try_from(number).unwrap()),
        ABORT => std::process::abort(),
        PANIC => panic!("number {number}"),
        KILL => process::kill(process::pid(), Signal::Kill).unwrap(),
        OVERFLOW => return overflow(number),
        PANIC_ANY => panic_any(number),
        FOR_EVER => loop {
            black_box(number);
        },
        PID => return u64::from(std::process::id()),
        PANIC_IN_DROP => panic_any(Bad),
        MOVE_AWAY => std::env::set_current_dir("/").unwrap(),
        FD_COUNT => return own_descriptors(std::process::id()).len() as u64,
        CLOSE_STANDARD => reckless::close_standard_three(),
        TIGHTEN_UMASK => reckless::tighten_umask(),
        BLOCK_SIGNALS => reckless::block_signals(),
        DEAF_FOR_EVER => {
            reckless::block_signals();
            return obey((FOR_EVER, number));
        }
        STOP_ITSELF => drop(Command::new("sh").args(["-c", "kill -STOP $PPID"]).status()),
        OWN_POOL => {
            let inner = options(2).start(|n: u64| n + 1).unwrap();
            return inner.submit(number).unwrap().join().unwrap();
        }
        USE_LOCKS => use_locks(),
        SCRIBBLE => reckless::scribble(number),
        REPLACE_DESCRIPTORS => reckless::replace_descriptors(),
        UNMAP => reckless::unmap_shared(),
        FORK_AND_GO_ON => reckless::fork_and_go_on(),
        EXEC => drop(Command::new("true").exec()),
        EXHAUST_MEMORY => reckless::exhaust_memory(),
        STOP_SERVER => signal("STOP", process::parent_pid()),
        other => panic!("no order {other}"),
    }
    number + 1
}

/// Takes the locks that a fork would have copied in whatever state they were: the allocator's, standard output's, and
/// that of the environment.
pub(crate) fn use_locks() {
    let words: Vec<String> = (0..50).map(|n| format!("{n} {:?}", std::env::var("PATH"))).collect();
    let mut out = std::io::stdout().lock();
    drop(out.flush());
    drop(out.write_all(&words[0].as_bytes()[..0]));
}

/// Calls itself until the stack is used up.
#[expect(unconditional_recursion, reason = "that is its purpose")]
fn overflow(number: u64) -> u64 {
    let room = [number; 1024];
    black_box(&room);
    overflow(number + 1) + black_box(room)[1]
}

/// A pool of obedient workers.
pub(crate) fn pool(workers: usize) -> ProcessPool<Order, u64> {
    start(options(workers))
}

pub(crate) fn options(workers: usize) -> ProcessPoolOptions {
    let grace = Duration::from_millis(300);
    ProcessPoolOptions { workers, grace, ..ProcessPoolOptions::default() }
}

pub(crate) fn start(options: ProcessPoolOptions) -> ProcessPool<Order, u64> {
    options.start(obey).expect("start")
}

/// Looks until it holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "expected within {LONG:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal that the house has no name for.
pub(crate) fn signal(name: &str, pid: Pid) {
    let done = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(done.expect("kill").success(), "kill -{name} {pid}");
}

/// The state letter of a process in /proc, or nothing when it is gone.
pub(crate) fn state_of(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Is it there, and more than a zombie?
pub(crate) fn lives(pid: Pid) -> bool {
    state_of(pid).is_some_and(|state| state != 'Z')
}

/// The children of a process, zombies included.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return children };
    for thread in threads.flatten() {
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
    }
    children
}

/// What the descriptors of a process are, save the standard three and the one by which we look.
pub(crate) fn own_descriptors(pid: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        if number > 2
            && let Ok(target) = fs::read_link(entry.path())
            && !target.to_string_lossy().starts_with("/proc/")
        {
            found.push(format!("{number} {}", target.display()));
        }
    }
    found
}

/// A figure of /proc/self/status, in KiB or a count.
pub(crate) fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
