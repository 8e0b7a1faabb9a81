//! A test in a process of its own: this program once more, for that one test.
//!
//! Limits, signals and the list of open descriptors belong to the whole process, in which the harness runs
//! other tests at the same time.

use std::env;
use std::fs::{self, File};
use std::os::fd::IntoRawFd;
use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Names the test for which the process was started.
const ALONE: &str = "HANDLOOM_CONFORMANCE_ALONE";

/// Tells whether this process was started for this test.
pub fn is_alone(test: &str) -> bool {
    env::var(ALONE).is_ok_and(|name| name == test)
}

/// Runs the test again in a process of its own, and fails as it does.
pub fn run_again(test: &str) {
    let output = again(test).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test}, alone in a process: {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The command that runs one test in a process of its own.
pub fn again(test: &str) -> Command {
    let (_crate, name) = test.split_once("::").unwrap();
    // A shell raises the limit of open files first, which needs no call into C from here.
    let raise_limit = r#"ulimit -Sn "$(ulimit -Hn)" 2>/dev/null; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", raise_limit]).arg(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, test);
    command
}

/// Counts the open descriptors of this process.
pub fn open_descriptors() -> usize {
    // The list is read through a descriptor of its own, which is in it.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// Returns how many descriptors this process may have open.
pub fn descriptor_limit() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}

/// Counts the threads of this process.
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// Leaves this process no descriptor but those it has.
pub fn no_more_descriptors() {
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    let numbers =
        numbers.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok());
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = numbers.max();
    setrlimit(Resource::Nofile, limit).unwrap();
    // What is open need not be numbered without gaps; the gaps are filled.
    while let Ok(file) = File::open("/dev/null") {
        // Open for as long as the process, which is short.
        let _kept_open = file.into_raw_fd();
    }
}
