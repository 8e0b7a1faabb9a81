#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Processes: fork, reap, kill, and the rule that a child does not outlive its parent.
//!
//! Problem: fork(2) copies one thread and all of the memory. In the child, a lock that another thread held stays locked
//! forever, and a handler that the parent installed writes into the parent's descriptors.
//!
//! **Invariants**
//! - `PROCESS-1`: [`fork`] refuses when a second thread runs, and names the threads (`THREADLIST-1`).
//! - `PROCESS-2`: every child is reaped, once; by the drop of its [`Child`] at the latest.
//! - `PROCESS-3`: no signal is sent to a child that was reaped: its number may belong to another process by now.
//! - `PROCESS-4`: no handler of the parent ever runs in the child (`SIGNAL-5`).
//! - `PROCESS-5`: a process that has inherited SIGCHLD as ignored, and so could not learn how its children end, gives it the
//!   default meaning at its first fork.
//!
//! **Source**: fork(2), `pidfd_open(2)`, waitpid(2), prctl(2) under `PR_SET_PDEATHSIG`.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, parent_id};
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::ptr;
use std::sync::Mutex;

use libc::c_int;

use super::signal::{AllBlocked, Signal, forget_in_child, keep_ends_of_children};
use super::syscall::{check, retry};
use super::thread_list;

/// The last descriptor that every process has.
const STANDARD_ERROR: u32 = 2;
/// The exit code of a Rust program that panics.
const EXIT_PANICKED: i32 = 101;

/// The number of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pid(pub i32);

impl fmt::Display for Pid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl From<&std::process::Child> for Pid {
    /// The number of a child that std started: its own until it is reaped.
    fn from(child: &std::process::Child) -> Self {
        Self(child.id().cast_signed())
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It left with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for Exit {
    /// Writes "code 1" or "signal 9".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(out, "code {code}"),
            Self::Signal(number) => write!(out, "signal {number}"),
        }
    }
}

/// Which of the two processes that return from [`fork`] this is.
#[derive(Debug)]
pub enum Fork {
    /// The new one.
    Child,
    /// The old one, which must reap the new one.
    Parent(Child),
}

/// A child that was forked. Its descriptor is readable once it has ended. Dropping it kills and reaps it (`PROCESS-2`).
#[derive(Debug)]
pub struct Child {
    /// Its number.
    pid: Pid,
    /// The kernel's handle of the process. A signal by it never hits another process (`PROCESS-3`).
    pidfd: OwnedFd,
    /// How it ended; set when it is reaped.
    exit: Option<Exit>,
}

/// Splits this process in two. The child must leave by [`exit_now`]: unwinding or returning from `main` would run the
/// parent's destructors a second time.
///
/// # Errors
/// A second thread runs (`PROCESS-1`); out of processes, memory or descriptors.
///
/// # Blocking
/// Shortly, when a thread that was joined is still leaving.
pub fn fork() -> io::Result<Fork> {
    thread_list::refuse_others()?;
    keep_ends_of_children()?;
    // A signal between the fork and `forget_in_child` would run the parent's handler (PROCESS-4).
    let blocked = AllBlocked::new();
    // SAFETY: PROCESS-1: this is the only thread, so the child's copy of the memory has no lock that a missing thread holds.
    let raw = check(unsafe { libc::fork() })?;
    if raw == 0 {
        if forget_in_child().is_err() {
            exit_now(1);
        }
        drop(blocked);
        return Ok(Fork::Child);
    }
    drop(blocked);
    Child::adopt(Pid(raw)).map(Fork::Parent)
}

/// Forks a child that runs `life`, and leaves with the code that this returns, or with that of a Rust program that panics.
///
/// # Errors
/// Those of [`fork`].
pub fn fork_to_run(life: impl FnOnce() -> i32) -> io::Result<Child> {
    match fork()? {
        Fork::Parent(child) => Ok(child),
        Fork::Child => match panic::catch_unwind(AssertUnwindSafe(life)) {
            Ok(code) => exit_now(code),
            // The payload is still held here, and so never dropped: its drop might panic too.
            Err(_payload) => exit_now(EXIT_PANICKED),
        },
    }
}

/// Forks although other threads run, to show why [`fork`] refuses: the child takes `lock` and leaves with code 0, and hangs
/// when another thread held the lock at the fork. It dies with its parent.
///
/// # Errors
/// Out of processes, memory or descriptors.
pub fn fork_despite_threads<T>(lock: &Mutex<T>) -> io::Result<Child> {
    let parent = pid();
    keep_ends_of_children()?;
    // PROCESS-4: in the child the signals stay blocked to the end.
    let blocked = AllBlocked::new();
    // SAFETY: the child calls what signal-safety(7) lists, and waits for a lock, which is memory of its own and a futex(2).
    let raw = check(unsafe { libc::fork() })?;
    if raw == 0 {
        let bound = die_with_parent(parent).is_ok();
        // Poisoned or not, the lock is taken then.
        let _held = lock.lock();
        exit_now(i32::from(!bound));
    }
    drop(blocked);
    Child::adopt(Pid(raw))
}

/// Leaves at once: no destructor, no unwinding, no flush of the parent's copied buffers.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions, and nothing runs after it.
    unsafe { libc::_exit(code) }
}

/// Makes the kernel kill this process when the *thread* that forked it ends. Called in the child.
///
/// # Errors
/// `NotFound` when `parent` had ended before: then no signal will come, and the child should leave.
pub fn die_with_parent(parent: Pid) -> io::Result<()> {
    let signal = libc::c_ulong::from(Signal::Kill.number().cast_unsigned());
    // SAFETY: this option of prctl(2) takes one integer and touches no memory.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) })?;
    // Asked for too late, the signal never comes; an orphan has another parent.
    if parent_pid() == parent {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotFound, format!("parent {parent} has ended")))
}

/// Makes the kernel kill the program that `command` will start when the thread that starts it ends.
pub fn end_with_parent(command: &mut Command) {
    let parent = pid();
    // It cannot fail for this signal.
    drop(keep_ends_of_children());
    let bind =
        move || die_with_parent(parent).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH));
    // SAFETY: `pre_exec`: between fork and exec this makes two system calls and takes no lock. It allocates only for the
    // error of an orphan, whose parent is gone.
    unsafe { command.pre_exec(bind) };
}

/// Closes every descriptor but standard input, output, error, and `kept`: `close_range(2)`. Called in a forked child.
///
/// The values that own the others hold stale numbers from now on: the child must neither use nor drop them.
///
/// # Errors
/// None in practice.
pub fn close_all_but(kept: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let kept = kept.map_or(STANDARD_ERROR, |fd| fd.as_raw_fd().unsigned_abs()).max(STANDARD_ERROR);
    for (first, last) in [(STANDARD_ERROR + 1, kept - 1), (kept + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: integers only. The caller knows that the owners of these descriptors must not be used.
            check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
    }
    Ok(())
}

/// Keeps freed memory in this process (mallopt(3)): the first touch of a fresh page costs more than a copy of its bytes.
pub fn keep_freed_memory() {
    for (option, value) in [(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, c_int::MAX)] {
        // SAFETY: it sets a number of the allocator, under the allocator's own lock.
        let _without_it_is_slower = unsafe { libc::mallopt(option, value) };
    }
}

/// The number of this process.
pub fn pid() -> Pid {
    Pid(std::process::id().cast_signed())
}

/// The number of this process's parent.
pub fn parent_pid() -> Pid {
    Pid(parent_id().cast_signed())
}

/// Sends a signal to a process that is not a child of ours, or to ourselves.
///
/// # Errors
/// No such process, or not ours to signal.
pub fn kill(pid: Pid, signal: Signal) -> io::Result<()> {
    // SAFETY: kill(2) takes two integers and touches no memory.
    check(unsafe { libc::kill(pid.0, signal.number()) }).map(drop)
}

/// Sends a signal to every process of the group that `leader` leads, which must not be reaped yet.
///
/// # Errors
/// No such group, or none of its processes is ours to signal.
pub fn kill_group(leader: Pid, signal: Signal) -> io::Result<()> {
    kill(Pid(-leader.0), signal)
}

impl Child {
    /// Owns a child that was just forked.
    fn adopt(pid: Pid) -> io::Result<Self> {
        // SAFETY: pidfd_open(2) takes two integers. The child is not reaped, so the number is its own.
        match check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.0, 0) }) {
            Ok(raw) => {
                let raw = c_int::try_from(raw).expect("holds because a descriptor is an int");
                // SAFETY: OS-1: the call has just returned this descriptor. It is close-on-exec.
                let pidfd = unsafe { OwnedFd::from_raw_fd(raw) };
                Ok(Self { pid, pidfd, exit: None })
            }
            Err(error) => {
                // Without a descriptor it could not be waited for.
                kill(pid, Signal::Kill)?;
                reap(pid, 0)?;
                Err(error)
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal; once it is reaped, does nothing (`PROCESS-3`).
    ///
    /// # Errors
    /// None in practice: until it is reaped it exists and is ours.
    pub fn kill(&self, signal: Signal) -> io::Result<()> {
        if self.exit.is_some() {
            return Ok(());
        }
        let (fd, info) = (self.pidfd.as_raw_fd(), ptr::null::<libc::siginfo_t>());
        let call = libc::SYS_pidfd_send_signal;
        // SAFETY: the descriptor is open, and a null pointer asks for what kill(2) tells.
        check(unsafe { libc::syscall(call, fd, signal.number(), info, 0) }).map(drop)
    }

    /// Waits until it has ended, and reaps it.
    ///
    /// # Errors
    /// Other code has reaped it.
    ///
    /// # Blocking
    /// Until the child ends.
    pub fn wait(&mut self) -> io::Result<Exit> {
        // Without WNOHANG, waitpid(2) returns only when the child has ended.
        self.reap_with(0)?.ok_or_else(|| io::Error::other("waitpid: the child still runs"))
    }

    /// Reaps it if it has ended, and does not wait.
    ///
    /// # Errors
    /// Other code has reaped it.
    pub fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        self.reap_with(libc::WNOHANG)
    }

    /// Reaps it at most once (`PROCESS-2`).
    fn reap_with(&mut self, flags: c_int) -> io::Result<Option<Exit>> {
        if self.exit.is_none() {
            self.exit = reap(self.pid, flags)?;
        }
        Ok(self.exit)
    }
}

impl AsFd for Child {
    /// Lends the descriptor that is readable once the child has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    /// Kills the child if it still runs, and reaps it.
    fn drop(&mut self) {
        if self.exit.is_none() {
            // Neither can fail for a child of ours.
            drop(self.kill(Signal::Kill));
            drop(self.wait());
        }
    }
}

/// One waitpid(2).
fn reap(pid: Pid, flags: c_int) -> io::Result<Option<Exit>> {
    let mut status = 0;
    // SAFETY: `status` is ours to write.
    let reaped = retry(|| unsafe { libc::waitpid(pid.0, &raw mut status, flags) })?;
    // With WNOHANG, 0 means: it still runs.
    Ok((reaped != 0).then(|| {
        if libc::WIFSIGNALED(status) {
            Exit::Signal(libc::WTERMSIG(status))
        } else {
            Exit::Code(libc::WEXITSTATUS(status))
        }
    }))
}
