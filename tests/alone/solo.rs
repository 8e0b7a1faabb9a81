//! Runs each test in a process of its own, because the usual harness runs many threads in one.
//!
//! The parent has one thread, so it may fork. It keeps `AT_ONCE` children running for each processor, kills a child that runs for longer
//! than `TIME_LIMIT`, and prints the harness's own closing line.

use std::env;
use std::os::fd::AsFd;
use std::panic;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use handloom::os::process::{self, Child, Exit, Fork};
use handloom::os::{PollFd, poll};

/// How long a test may take before it counts as hung.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How many tests run at the same time for each processor: most of them sleep.
const AT_ONCE: usize = 3;

/// A module and its tests.
type Module = (&'static str, &'static [(&'static str, fn())]);

/// A test under way.
struct Running {
    name: String,
    child: Child,
    deadline: Instant,
}

/// Runs the tests whose name contains one of the plain arguments, or all of them.
pub(crate) fn run(modules: &[Module]) -> ExitCode {
    let filters: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|part| name.contains(part));
    let named = |&(module, tests): &Module| {
        tests.iter().map(move |&(name, test)| (format!("{module}::{name}"), test))
    };
    let mut waiting = modules.iter().flat_map(named).filter(|(name, _)| wanted(name));
    let at_once = AT_ONCE * thread::available_parallelism().map_or(1, usize::from);
    let (mut running, mut passed, mut failed) = (Vec::new(), 0, 0);
    loop {
        while running.len() < at_once
            && let Some((name, test)) = waiting.next()
        {
            running.push(start(name, test));
        }
        if running.is_empty() {
            break;
        }
        let (name, verdict) = next_end(&mut running);
        eprintln!("test {name} ... {}", if verdict.is_ok() { "ok" } else { "FAILED" });
        match verdict {
            Ok(()) => passed += 1,
            Err(reason) => {
                eprintln!("    {reason}");
                failed += 1;
            }
        }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    eprintln!("\ntest result: {result}. {passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Forks a child that runs `test`.
fn start(name: String, test: fn()) -> Running {
    let child = match process::fork().expect("fork") {
        Fork::Child => {
            // The descriptors of the tests that run beside it are not its own.
            process::close_all_but(None).expect("close_range");
            let passed = panic::catch_unwind(test).is_ok();
            process::exit_now(i32::from(!passed));
        }
        Fork::Parent(child) => child,
    };
    Running { name, child, deadline: Instant::now() + TIME_LIMIT }
}

/// Waits until one of the tests ends or hangs, and judges it.
fn next_end(running: &mut Vec<Running>) -> (String, Result<(), String>) {
    loop {
        let now = Instant::now();
        if let Some(at) = running.iter().position(|test| test.deadline <= now) {
            // The drop of the child kills it.
            let name = running.swap_remove(at).name;
            return (name, Err(format!("expected an end within {TIME_LIMIT:?}, it hangs")));
        }
        let first = running.iter().map(|test| test.deadline).min().unwrap_or(now);
        let mut ends: Vec<_> =
            running.iter().map(|test| PollFd::readable(test.child.as_fd())).collect();
        poll(&mut ends, Some(first - now)).expect("poll");
        let Some(at) = ends.iter().position(PollFd::is_ready) else { continue };
        drop(ends);
        let Running { name, mut child, .. } = running.swap_remove(at);
        let verdict = match child.wait().expect("wait") {
            Exit::Code(0) => Ok(()),
            other => Err(format!("ended with {other:?}")),
        };
        return (name, verdict);
    }
}
