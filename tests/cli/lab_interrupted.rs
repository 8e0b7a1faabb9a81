//! A lab that is ended from outside leaves no child behind.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{PATIENCE, command};
use handloom::os::process::{Pid, kill};
use handloom::os::signal::Signal;
use handloom::os::{PollFd, poll};

/// What a pipe holds at first: pipe(7).
const PAGES: usize = 16;
/// How long each of them is.
const PAGE: usize = 4096;
/// Room for the first line of `lab fork`, and not for the second, which comes after the fork.
const ROOM: usize = 64;

#[test]
fn a_child_of_a_lab_dies_with_it() {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    for page in 1..=PAGES {
        // A pipe of fewer pages would let this wait for ever: pipe(7) tells who gets one.
        let room = poll(&mut [PollFd::writable(writer.as_fd())], Some(Duration::ZERO));
        assert_eq!(room.expect("poll"), 1, "expected {PAGES} pages in a pipe, page {page} is not");
        let bytes = if page < PAGES { PAGE } else { PAGE - ROOM };
        writer.write_all(&vec![b'.'; bytes]).expect("room");
    }
    let mut command = command(&["lab", "fork"]);
    command.stdout(writer);
    let mut child = command.spawn().expect("the program starts");
    // The lab waits for room, and its child for the lab.
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let number = until(|| fs::read_to_string(&children).ok().filter(|list| !list.is_empty()));
    kill(Pid::from(&child), Signal::Interrupt).expect("it runs");
    let status = child.wait().expect("wait");
    assert_eq!(status.code(), None, "ctrl-c is left to the kernel, came {status}");
    let state = format!("/proc/{}/status", number.trim());
    // Gone, or a zombie that its new parent has not collected yet.
    until(|| {
        let text = fs::read_to_string(&state).unwrap_or_default();
        (text.is_empty() || text.contains("State:\tZ")).then_some(())
    });
    drop(reader);
}

/// Looks until there is something, with a limit.
fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "LAB-CHILD-2: waited {PATIENCE:?}, in vain");
        thread::sleep(Duration::from_millis(2));
    }
}
