//! A test in a process of its own: this program once more, for that one test.
//!
//! Limits, signals and the list of open descriptors belong to the whole process, in which the harness runs
//! other tests at the same time.

use std::env;
use std::fs;
use std::process::Command;

/// Names the test for which the process was started.
const ALONE: &str = "HANDLOOM_CONFORMANCE_ALONE";

/// Tells whether this process was started for this test.
pub(crate) fn is_alone(test: &str) -> bool {
    env::var(ALONE).is_ok_and(|name| name == test)
}

/// Runs the test again in a process of its own, and fails as it does.
pub(crate) fn run_again(test: &str) {
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
pub(crate) fn again(test: &str) -> Command {
    let (_crate, name) = test.split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, test);
    command
}

/// Counts the open descriptors of this process.
pub(crate) fn open_descriptors() -> usize {
    // The list is read through a descriptor of its own, which is in it.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// Counts the threads of this process.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}
