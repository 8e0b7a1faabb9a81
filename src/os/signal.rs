#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Signals as counts and as readable descriptors.
//!
//! Problem: a signal handler runs between any two instructions of any thread. It may not lock, allocate or print. So it
//! counts the signal, and writes to an event descriptor, which wakes a thread that waits in a selector. The kernel calls
//! it with the signal's number and nothing else, so both are in statics: the one global of the crate besides the loop's
//! thread-local.
//!
//! **Invariants**
//! - `SIGNAL-1`: the handler touches only atomics, write(2) and _exit(2), and leaves errno as it was.
//! - `SIGNAL-2`: the count is raised before the descriptor is written, so a thread that is woken finds the count.
//! - `SIGNAL-3`: a signal's descriptor is never closed and never read. An edge-triggered waiter wakes for each signal.
//! - `SIGNAL-4`: [`Signal::Interrupt`], [`Signal::Terminate`] and [`Signal::Hangup`] share a descriptor: all say "stop".
//! - `SIGNAL-5`: a forked child starts with default dispositions and descriptors of its own.
//!
//! **Source**: signal-safety(7), sigaction(2); the self-pipe trick of D. J. Bernstein.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd};
use std::panic::Location;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU32, Ordering};
use std::{mem, ptr};

use libc::c_int;

use super::clock::tick;
use super::event_fd::EventFd;
use super::syscall::check;

/// More than the number of each [`Signal`].
const SIGNALS: usize = 32;
/// What a descriptor's static holds before [`install`] has made one.
const NO_FD: c_int = -1;
/// The exit code of a program that a signal ended, by the shell's convention: 128 + SIGINT.
const EXIT_INTERRUPTED: c_int = 130;

/// How often each signal came; only the handler adds (`SIGNAL-2`).
static COUNTS: [AtomicU32; SIGNALS] = [const { AtomicU32::new(0) }; SIGNALS];
/// The descriptor each signal writes to, by [`slot`]; set once in a process (`SIGNAL-3`).
static FDS: [AtomicI32; SIGNALS] = [const { AtomicI32::new(NO_FD) }; SIGNALS];
/// One bit for each signal that ends the process when a second one comes.
static EXIT_ON_SECOND: AtomicU32 = AtomicU32::new(0);
/// One bit for each signal that has our handler, for the child of a fork to undo (`SIGNAL-5`).
static INSTALLED: AtomicU32 = AtomicU32::new(0);

/// The signals that this crate listens to or sends, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Signal {
    /// SIGINT: ctrl-c.
    Interrupt = libc::SIGINT,
    /// SIGTERM: please stop.
    Terminate = libc::SIGTERM,
    /// SIGHUP: the terminal is gone.
    Hangup = libc::SIGHUP,
    /// SIGUSR1: the program decides what it means.
    User1 = libc::SIGUSR1,
    /// SIGUSR2: the same.
    User2 = libc::SIGUSR2,
    /// SIGKILL: end at once. It can be sent, not caught.
    Kill = libc::SIGKILL,
    /// SIGCONT: a process that was stopped runs on. It does that even where it is ignored.
    Continue = libc::SIGCONT,
}

impl Signal {
    /// The kernel's number.
    pub(super) fn number(self) -> c_int {
        self as c_int
    }

    /// Where its count lies.
    fn index(self) -> usize {
        self as usize
    }

    /// Its bit in the masks.
    fn bit(self) -> u32 {
        1 << self.index()
    }
}

/// Where the descriptor of a signal lies (`SIGNAL-4`).
fn slot(signal: usize) -> usize {
    let stops = [Signal::Interrupt, Signal::Terminate, Signal::Hangup].map(Signal::index);
    if stops.contains(&signal) { Signal::Interrupt.index() } else { signal }
}

/// Counts a signal from now on, instead of what it does by default.
///
/// # Errors
/// Out of descriptors; EINVAL for [`Signal::Kill`], which cannot be caught.
pub fn install(signal: Signal) -> io::Result<()> {
    let place = &FDS[slot(signal.index())];
    if place.load(Ordering::Acquire) == NO_FD {
        let fresh = EventFd::new()?;
        let raw = fresh.as_fd().as_raw_fd();
        // Pairs with the load in `handle`. If another thread was first, its descriptor stays, and ours is closed.
        if place.compare_exchange(NO_FD, raw, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let _kept_open = fresh.file.into_raw_fd();
        }
    }
    let handler: extern "C" fn(c_int) = handle;
    // A system call that the signal interrupts is restarted where the kernel can.
    set_action(signal.number(), handler as libc::sighandler_t, libc::SA_RESTART)?;
    INSTALLED.fetch_or(signal.bit(), Ordering::AcqRel);
    Ok(())
}

/// Gives a signal back to what it does by default. Its count and its descriptor stay.
///
/// # Errors
/// EINVAL for [`Signal::Kill`].
pub fn restore_default(signal: Signal) -> io::Result<()> {
    set_action(signal.number(), libc::SIG_DFL, 0)?;
    INSTALLED.fetch_and(!signal.bit(), Ordering::AcqRel);
    Ok(())
}

/// Makes a signal do nothing. Unlike a handler, this is inherited by a program that is executed later.
///
/// # Errors
/// EINVAL for [`Signal::Kill`].
pub fn ignore(signal: Signal) -> io::Result<()> {
    set_action(signal.number(), libc::SIG_IGN, 0)
}

/// Makes the handler end the process at once, with code 130, when a second one of these signals comes.
pub fn exit_on_second(signals: &[Signal]) {
    let bits = signals.iter().fold(0, |bits, signal| bits | signal.bit());
    // Pairs with the load in `handle`.
    EXIT_ON_SECOND.store(bits, Ordering::Release);
}

/// Tells how often a signal came since it was first installed.
pub fn count(signal: Signal) -> u32 {
    // Pairs with the addition in `handle`.
    COUNTS[signal.index()].load(Ordering::Acquire)
}

/// Lends the descriptor that is readable once the signal has come (`SIGNAL-3`, `SIGNAL-4`).
///
/// # Errors
/// `NotFound` when the signal was never installed.
pub fn event_fd(signal: Signal) -> io::Result<BorrowedFd<'static>> {
    let raw = FDS[slot(signal.index())].load(Ordering::Acquire);
    if raw == NO_FD {
        let text = format!("{signal:?} is not listened to: install() it first");
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    // SAFETY: SIGNAL-3: a descriptor that stands in FDS is never closed.
    Ok(unsafe { BorrowedFd::borrow_raw(raw) })
}

/// What the kernel calls when a signal comes (`SIGNAL-1`).
extern "C" fn handle(number: c_int) {
    let index = number.unsigned_abs() as usize;
    let Some(count) = COUNTS.get(index) else { return };
    // SAFETY: errno(3): the address of this thread's errno, valid as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { *errno };
    let exits = EXIT_ON_SECOND.load(Ordering::Acquire);
    // Pairs with the addition below.
    let has_come = |bit: usize| exits & 1 << bit != 0 && COUNTS[bit].load(Ordering::Acquire) > 0;
    if exits & 1 << index != 0 && (0..SIGNALS).any(has_come) {
        // SAFETY: _exit(2) is on the list of signal-safety(7) and does not return.
        unsafe { libc::_exit(EXIT_INTERRUPTED) };
    }
    count.fetch_add(1, Ordering::AcqRel);
    if number == libc::SIGUSR1 {
        tell_long_poll();
    }
    let one = 1_u64;
    let fd = FDS[slot(index)].load(Ordering::Acquire);
    // EAGAIN means that it is readable already.
    // SAFETY: write(2) is on the list of signal-safety(7); it reads the eight bytes of `one`.
    let _ = unsafe { libc::write(fd, ptr::from_ref(&one).cast(), size_of::<u64>()) };
    // SAFETY: as for reading errno.
    unsafe { *errno = saved };
}

/// One sigaction(2).
fn set_action(number: c_int, handler: libc::sighandler_t, flags: c_int) -> io::Result<()> {
    // SAFETY: `sigaction` is plain old data, for which all bits zero is a value: no flags, no mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    (action.sa_sigaction, action.sa_flags) = (handler, flags);
    // SAFETY: `action` is filled in, its handler keeps to SIGNAL-1, and a null pointer asks for no old one.
    check(unsafe { libc::sigaction(number, &raw const action, ptr::null_mut()) }).map(drop)
}

/// What a signal does now.
fn action_of(number: c_int) -> io::Result<libc::sigaction> {
    // SAFETY: `sigaction` is plain old data, for which all bits zero is a value.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: a null pointer changes nothing, and `action` is ours to write.
    check(unsafe { libc::sigaction(number, ptr::null(), &raw mut action) }).map(|_| action)
}

/// Tells whether a signal does nothing, as SIGHUP under nohup(1).
///
/// # Errors
/// None in practice.
pub fn is_ignored(signal: Signal) -> io::Result<bool> {
    Ok(action_of(signal.number())?.sa_sigaction == libc::SIG_IGN)
}

/// Gives SIGCHLD its default meaning, if this process has inherited it as ignored (`PROCESS-5`).
pub(super) fn keep_ends_of_children() -> io::Result<()> {
    let action = action_of(libc::SIGCHLD)?;
    let is_lost = action.sa_sigaction == libc::SIG_IGN || action.sa_flags & libc::SA_NOCLDWAIT != 0;
    if is_lost { set_action(libc::SIGCHLD, libc::SIG_DFL, 0) } else { Ok(()) }
}

/// Undoes in the child of a fork what its parent has installed (`SIGNAL-5`), while all signals are blocked.
pub(super) fn forget_in_child() -> io::Result<()> {
    let installed = INSTALLED.swap(0, Ordering::AcqRel);
    for number in (0..32).filter(|number| installed & 1 << number != 0) {
        set_action(number, libc::SIG_DFL, 0)?;
    }
    EXIT_ON_SECOND.store(0, Ordering::Release);
    for count in &COUNTS {
        count.store(0, Ordering::Release);
    }
    // The numbers are forgotten, not closed: a BorrowedFd<'static> of one may lie in copied memory.
    for fd in &FDS {
        fd.store(NO_FD, Ordering::Release);
    }
    Ok(())
}

/// Gives every signal its default meaning, also those that this module does not know, and unblocks all of them. SIGPIPE
/// stays ignored, as in every Rust program. For a forked child.
pub fn reset_all() {
    for number in 1..=libc::SIGRTMAX() {
        let handler = if number == libc::SIGPIPE { libc::SIG_IGN } else { libc::SIG_DFL };
        // SIGKILL, SIGSTOP and the two that libc keeps for itself refuse: they have their meaning.
        drop(set_action(number, handler, 0));
    }
    unblock_all();
}

/// Frees a program from two things that it may have inherited: a blocked signal would never end it, and a write beyond the
/// limit on the size of files (`ulimit -f`) would end it; now that write is an error.
pub fn prepare_program() {
    // It cannot fail for this signal.
    drop(set_action(libc::SIGXFSZ, libc::SIG_IGN, 0));
    unblock_all();
}

/// Unblocks every signal on this thread.
fn unblock_all() {
    // SAFETY: `sigset_t` is plain old data, and zero is the empty set.
    set_mask(&unsafe { mem::zeroed() });
}

/// Blocks these signals on this thread and no others; returns those that were blocked before.
fn set_mask(mask: &libc::sigset_t) -> libc::sigset_t {
    let mut before = *mask;
    // SAFETY: both sets are live and of the right type.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, &raw mut before) };
    debug_assert_eq!(failed, 0, "holds because SIG_SETMASK is a known command");
    before
}

/// All signals blocked on this thread, until this is dropped.
#[derive(Debug)]
pub struct AllBlocked {
    /// The mask from before, which comes back.
    before: libc::sigset_t,
}

impl AllBlocked {
    /// Blocks every signal that can be blocked.
    #[expect(clippy::new_without_default, reason = "it changes the thread; a default does not")]
    pub fn new() -> Self {
        // SAFETY: `sigset_t` is plain old data; zero is a value, and the next call overwrites it.
        let mut all: libc::sigset_t = unsafe { mem::zeroed() };
        // SAFETY: `all` is ours to write; sigfillset(3) cannot fail.
        unsafe { libc::sigfillset(&raw mut all) };
        Self { before: set_mask(&all) }
    }
}

impl Drop for AllBlocked {
    /// Brings back the mask; what was pending is delivered now.
    fn drop(&mut self) {
        set_mask(&self.before);
    }
}

/// A poll that has lasted so long, in nanoseconds, keeps the loop from answering itself.
const LONG: i64 = 200_000_000;
/// The task that was polled last.
static TASK: AtomicU32 = AtomicU32::new(0);
/// When its batch of tasks began, by [`tick`]; the far future when the batch has ended.
static SINCE: AtomicI64 = AtomicI64::new(i64::MAX);
/// Where the task was spawned.
static SPAWNED_AT: AtomicPtr<Location<'static>> = AtomicPtr::new(ptr::null_mut());

/// Notes that a batch of polls begins, or has ended.
pub fn batch(begins: bool) {
    SINCE.store(if begins { tick() } else { i64::MAX }, Ordering::Relaxed);
}

/// Notes that a poll of this task begins.
pub fn poll_begins(task: u32, spawned_at: &'static Location<'static>) {
    SPAWNED_AT.store(ptr::from_ref(spawned_at).cast_mut(), Ordering::Relaxed);
    // Pairs with the load in `tell_long_poll`.
    TASK.store(task, Ordering::Release);
}

/// Writes to standard error which poll lasts long, if one does. Called by the signal handler: no lock, no memory.
fn tell_long_poll() {
    // Pairs with the store in `poll_begins`.
    let task = TASK.load(Ordering::Acquire);
    let lasts = tick() - SINCE.load(Ordering::Relaxed);
    if lasts < LONG {
        return;
    }
    // SAFETY: null, or a reference that lives forever.
    let spawned_at = unsafe { SPAWNED_AT.load(Ordering::Relaxed).as_ref() };
    let Some(spawned_at) = spawned_at else { return };
    let millis = lasts / 1_000_000;
    let mut line = [0; 512];
    let mut space = &mut line[..];
    let _longer_is_cut = writeln!(
        space,
        "event loop: task {task}, spawned at {spawned_at},\n  has been polled for up to {millis} ms and holds the loop;\n  \
         the table of tasks follows when that poll ends"
    );
    let length = 512 - space.len();
    // SAFETY: write(2) is on the list of signal-safety(7); it reads `length` bytes of the array.
    let _ignored = unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), length) };
}
