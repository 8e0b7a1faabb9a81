//! Runs each test in a process of its own, because the usual harness runs many threads in one.
//!
//! The parent has one thread, forks a child for each test, and waits for it no longer than `PATIENCE`.

use std::panic;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, os::fd::AsFd};

use handloom::os::process::{self, Exit, Fork};
use handloom::os::{PollFd, poll};

/// How long a test may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the tests whose name contains the first plain argument, or all of them.
pub(crate) fn run(tests: &[(&str, fn())]) -> ExitCode {
    let filter = env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let mut failed = 0;
    for (name, test) in tests.iter().filter(|(name, _)| name.contains(&filter)) {
        let verdict = run_one(*test);
        eprintln!("test {name} ... {}", if verdict.is_ok() { "ok" } else { "FAILED" });
        if let Err(reason) = verdict {
            eprintln!("    {reason}");
            failed += 1;
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Forks a child that runs `test`, and judges by how it ends.
fn run_one(test: fn()) -> Result<(), String> {
    let mut child = match process::fork().map_err(|error| error.to_string())? {
        Fork::Child => {
            let passed = panic::catch_unwind(test).is_ok();
            process::exit_now(i32::from(!passed));
        }
        Fork::Parent(child) => child,
    };
    let ready = poll(&mut [PollFd::readable(child.as_fd())], Some(PATIENCE)).expect("poll");
    if ready == 0 {
        // Its drop kills it.
        return Err(format!("expected an end within {PATIENCE:?}, it hangs"));
    }
    match child.wait().expect("wait") {
        Exit::Code(0) => Ok(()),
        other => Err(format!("ended with {other:?}")),
    }
}
