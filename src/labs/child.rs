//! Child processes for labs, and what the kernel shows of a process in `/proc`. No lab.
//!
//! **Invariants**
//! - `LAB-CHILD-1`: a child never returns from here. It leaves with the code of its work, or with [`EXIT_FAILED`].
//! - `LAB-CHILD-2`: it dies with its parent; its parent reaps it when the [`Child`] is dropped.
//! - `LAB-CHILD-3`: neither side waits for the other forever: after [`LIMIT`] the lab fails.
//! - `LAB-PROC-1`: a process that was not reaped has its files, also when it has ended. Once it is reaped they are gone.
//!
//! What the work owns (`move`) is closed in the parent when [`fork_child`] returns. What it borrows exists twice.
//!
//! **Source**: proc(5).

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::os::process::{self, Child, Exit, Fork, Pid};
use crate::os::{EventFd, PollFd, poll};

/// The code of a child whose work failed or panicked, or whose parent was gone before it began.
const EXIT_FAILED: i32 = 99;
/// How long parent and child wait for each other. Even a loaded machine is not this slow.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// Forks a child that does `work` and leaves with the code that it returns (`LAB-CHILD-1`).
pub(super) fn fork_child(work: impl FnOnce() -> io::Result<i32>) -> io::Result<Child> {
    let parent = process::pid();
    match process::fork()? {
        Fork::Parent(child) => Ok(child),
        Fork::Child => {
            // Nothing may unwind into the parent's frames, which this process has a copy of.
            let life = AssertUnwindSafe(|| process::die_with_parent(parent).and_then(|()| work()));
            match catch_unwind(life) {
                Ok(Ok(code)) => process::exit_now(code),
                Ok(Err(_)) | Err(_) => process::exit_now(EXIT_FAILED),
            }
        }
    }
}

/// Waits until a child has ended, and reaps it.
pub(super) fn reap(child: &mut Child) -> io::Result<Exit> {
    wait_for(child.as_fd(), "a child's end")?;
    child.wait()
}

/// Waits until the other process has signalled, and clears the signal. Both copies that a fork leaves of an event descriptor
/// lead to one object.
pub(super) fn wait_for_signal(event: &EventFd) -> io::Result<()> {
    wait_for(event.as_fd(), "a signal of the other process")?;
    event.clear()
}

/// Tells whether a descriptor becomes readable in time: a child's by its end, a pipe's by bytes or by its end.
pub(super) fn wait_readable(fd: BorrowedFd<'_>, span: Duration) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::readable(fd)], Some(span))? > 0)
}

/// Waits for a descriptor.
fn wait_for(fd: BorrowedFd<'_>, what: &str) -> io::Result<()> {
    if wait_readable(fd, LIMIT)? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("waited {LIMIT:?} for {what}")))
}

/// The same error, with the file that it is about.
pub(super) fn naming(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

/// Reads a file of a process.
fn read(pid: Pid, file: &str) -> io::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).map_err(|error| naming(&path, &error))
}

/// The value of a line of `/proc/[pid]/status`, such as "State" or `VmRSS`; an empty text when there is no such line.
pub(super) fn status(pid: Pid, field: &str) -> io::Result<String> {
    let text = read(pid, "status")?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned());
    Ok(value.unwrap_or_default())
}

/// The letter of a process's state: R runs, S sleeps, Z is a zombie; and others.
pub(super) fn state(pid: Pid) -> io::Result<char> {
    Ok(status(pid, "State")?.chars().next().unwrap_or('?'))
}

/// The descriptors of a process, by number, and what each leads to.
///
/// For this process, the list has one more: that of the folder which is being read.
pub(super) fn descriptors(pid: Pid) -> io::Result<Vec<(u32, String)>> {
    let mut list = Vec::new();
    let path = format!("/proc/{pid}/fd");
    for entry in fs::read_dir(&path).map_err(|error| naming(&path, &error))? {
        let entry = entry?;
        // One that is closed between the listing and this look does not count.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let number = entry.file_name().to_string_lossy().parse().map_err(io::Error::other)?;
        list.push((number, target.display().to_string()));
    }
    list.sort();
    Ok(list)
}

/// The line of `/proc/[pid]/maps` in whose range an address lies, as its rights and its name.
pub(super) fn place_of(pid: Pid, address: usize) -> io::Result<Option<(String, String)>> {
    let maps = read(pid, "maps")?;
    let holds = |range: &str| {
        let hex = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = range.split_once('-')?;
        Some((hex(start)?..hex(end)?).contains(&address))
    };
    Ok(maps.lines().find_map(|line| {
        // start-end rights offset device inode name
        let mut words = line.splitn(6, ' ');
        let inside = words.next().and_then(holds) == Some(true);
        let rights = words.next()?.to_owned();
        inside.then(|| (rights, words.nth(3).unwrap_or_default().trim().to_owned()))
    }))
}
