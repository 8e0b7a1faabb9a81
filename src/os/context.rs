#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! A greenlet: a function with a stack of its own, which is left in the middle and entered again.
//!
//! Problem: a future waits only where every function up to its task is `async`. A function that has its own stack
//! may be left at any depth: the stack stays as it is, and the thread goes on on another one.
//!
//! | stage | the thread is on | what comes next |
//! | --- | --- | --- |
//! | `Fresh` | the caller's stack | [`Greenlet::resume`]: `Running`. Dropped: the body was never called |
//! | `Running` | the greenlet's stack | [`Pause::pause`]: `Paused`. The body ends: `Done` |
//! | `Paused` | the caller's stack | [`Greenlet::resume`]: `Running`. Dropped: `CONTEXT-3` |
//! | `Done` | the caller's stack | nothing; nobody goes to its stack again |
//!
//! **Invariants**
//! - `CONTEXT-1`: the contexts are filled and read by swapcontext(3) alone once they are made. `own` is valid while
//!   `Fresh` or `Paused`, `caller` while `Running`; `stage` is looked at before each switch.
//! - `CONTEXT-2`: no panic unwinds out of the greenlet's stack: `begin` catches it there, and the resume that finds
//!   it goes on with it on the caller's.
//! - `CONTEXT-3`: the stack is given back only when nothing on it lives. A greenlet that is dropped while it is
//!   paused is resumed once more with a panic of our own, so that its destructors run; it may catch that, but
//!   each further pause is the same panic, so it comes to an end or never gives the thread back.
//! - `CONTEXT-4`: below the stack lies a page that nobody may touch. One call too deep ends the process instead
//!   of writing into somebody else's memory.
//! - `CONTEXT-5`: a greenlet stays on the thread that made it: neither type here is `Send` or `Sync`.
//!
//! **Left out**: speed. POSIX has the signal mask belong to a context, so each switch is a system call; libraries
//! that are made for use (greenlet, boost.context, Go) save the registers in a few lines of assembly. And any
//! libc without `makecontext`, such as musl.
//!
//! **Source**: makecontext(3), getcontext(3), swapcontext(3). The 2004 edition of POSIX.1-2001 marked them obsolescent,
//! and POSIX.1-2008 took them out: `makecontext` is given a function that is declared with empty parentheses, and calls
//! it with any number of `int`s. ISO C calls such declarations obsolescent, has nothing in their place, and a pointer is
//! no `int`. POSIX names threads as the replacement. glibc still has all three.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::thread;

use libc::{c_int, c_uint, c_void, ucontext_t};

use super::syscall::check;

/// What a greenlet runs.
type Body = Box<dyn FnOnce(&Pause<'_>)>;

/// A function on a stack of its own; see the module.
pub struct Greenlet {
    /// What both sides see. An `Rc`, not a `Box`: its address is known to the other stack.
    inner: Rc<Inner>,
}

/// A greenlet's right to give the thread back, lent to its body.
pub struct Pause<'greenlet> {
    /// The greenlet it belongs to.
    inner: &'greenlet Inner,
}

/// Where a greenlet stands; the table in the module's docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Made, and not yet begun.
    Fresh,
    /// It has the thread.
    Running,
    /// It has given the thread back, and will go on.
    Paused,
    /// Its body has ended.
    Done,
}

/// What the two sides of a greenlet share.
struct Inner {
    /// Where the greenlet goes on (`CONTEXT-1`).
    own: UnsafeCell<ucontext_t>,
    /// Where whoever resumed it goes on (`CONTEXT-1`).
    caller: UnsafeCell<ucontext_t>,
    /// Changes as the table says.
    stage: Cell<Stage>,
    /// Set by the drop: the next thing a pause does is to unwind (`CONTEXT-3`).
    cancelled: Cell<bool>,
    /// What to run, until it begins.
    body: Cell<Option<Body>>,
    /// What the body panicked with, until the resume takes it (`CONTEXT-2`).
    panic: Cell<Option<Box<dyn Any + Send>>>,
    /// The stack; given back when the `Rc` goes, which is after `CONTEXT-3`.
    stack: Stack,
}

/// The payload that unwinds a greenlet which nobody wants any more.
struct Cancelled;

impl Greenlet {
    /// Makes a greenlet that will run `body`, with a stack of at least `stack_bytes`.
    ///
    /// What the stack does not touch costs address space only. 64 KiB are enough for the labs; a body that may
    /// panic should have more, since the panic's report is printed on this stack.
    ///
    /// # Errors
    /// No memory for the stack, or the process has too many mappings.
    ///
    /// # Panics
    /// Never: half an address fits into half of 64 bits.
    pub fn new(stack_bytes: usize, body: impl FnOnce(&Pause<'_>) + 'static) -> io::Result<Self> {
        let inner = Rc::new(Inner {
            own: UnsafeCell::new(empty_context()),
            caller: UnsafeCell::new(empty_context()),
            stage: Cell::new(Stage::Fresh),
            cancelled: Cell::new(false),
            body: Cell::new(Some(Box::new(body))),
            panic: Cell::new(None),
            stack: Stack::new(stack_bytes)?,
        });
        let own = inner.own.get();
        // SAFETY: `own` is ours to write, and no longer moves: glibc leaves a pointer in it to a part of itself.
        check(unsafe { libc::getcontext(own) })?;
        // SAFETY: the context was just filled, and nobody else sees it yet.
        let context = unsafe { &mut *own };
        context.uc_stack.ss_sp = inner.stack.lowest();
        context.uc_stack.ss_size = inner.stack.usable_bytes();
        // The end of `begin` is a switch to whoever resumed it last.
        context.uc_link = inner.caller.get();
        // An `int` has room for half an address.
        let address = Rc::as_ptr(&inner).expose_provenance() as u64;
        let half = |bits| c_uint::try_from(bits).expect("holds because half of 64 bits are 32");
        let (high, low) = (half(address >> 32), half(address & u64::from(c_uint::MAX)));
        // SAFETY: `begin` is called by `makecontext`'s own rule only: with the two ints that are announced here.
        let begin =
            unsafe { mem::transmute::<extern "C" fn(c_uint, c_uint), extern "C" fn()>(begin) };
        // SAFETY: makecontext(3): the context comes from `getcontext`, its stack and its successor are set.
        unsafe { libc::makecontext(own, begin, 2, high, low) };
        Ok(Self { inner })
    }

    /// Runs the body to its next pause (true) or to its end (false). After the end, does nothing.
    ///
    /// # Panics
    /// With the panic of the body (`CONTEXT-2`). It has ended then.
    pub fn resume(&mut self) -> bool {
        if self.inner.stage.get() == Stage::Done {
            return false;
        }
        self.inner.enter();
        if let Some(payload) = self.inner.panic.take() {
            resume_unwind(payload);
        }
        self.inner.stage.get() == Stage::Paused
    }

    /// Tells the size of the stack, without the page that guards it.
    pub fn stack_bytes(&self) -> usize {
        self.inner.stack.usable_bytes()
    }
}

impl Pause<'_> {
    /// Gives the thread back to whoever resumed the greenlet, at any depth of calls. Returns when resumed again.
    ///
    /// # Panics
    /// When the greenlet is dropped instead of resumed (`CONTEXT-3`). Also when this is called from elsewhere than
    /// its greenlet, and while the thread unwinds: half of an unwinding cannot wait.
    pub fn pause(&self) {
        assert!(self.inner.stage.get() == Stage::Running, "pause outside of its own greenlet");
        self.unwind_if_cancelled();
        assert!(!thread::panicking(), "pause while the thread unwinds");
        self.inner.stage.set(Stage::Paused);
        // SAFETY: CONTEXT-1: the greenlet ran, so `caller` is where its resume waits, on a stack that lives.
        let switched = unsafe { libc::swapcontext(self.inner.own.get(), self.inner.caller.get()) };
        check(switched).expect("holds because both contexts have their stacks");
        self.unwind_if_cancelled();
    }

    /// Leaves the body by a panic that prints nothing, if nobody wants it any more.
    fn unwind_if_cancelled(&self) {
        if self.inner.cancelled.get() {
            resume_unwind(Box::new(Cancelled));
        }
    }
}

impl Inner {
    /// Switches to the greenlet's stack, and comes back at its next pause or its end.
    fn enter(&self) {
        self.stage.set(Stage::Running);
        // SAFETY: CONTEXT-1: the callers have seen it `Fresh` or `Paused`, so `own` is where it goes on.
        let switched = unsafe { libc::swapcontext(self.caller.get(), self.own.get()) };
        check(switched).expect("holds because both contexts have their stacks");
    }
}

/// The first function on a greenlet's stack, called with the halves of the address of its `Inner`.
extern "C" fn begin(high: c_uint, low: c_uint) {
    let address = (u64::from(high) << 32) | u64::from(low);
    let address = usize::try_from(address).expect("holds because it was an address");
    let inner = ptr::with_exposed_provenance::<Inner>(address);
    // SAFETY: the greenlet, whose `Rc` this is, is borrowed by the resume (or the drop) that brought us here.
    let inner = unsafe { &*inner };
    if let Some(body) = inner.body.take() {
        let ended = catch_unwind(AssertUnwindSafe(|| body(&Pause { inner })));
        let payload = ended.err().filter(|payload| !payload.is::<Cancelled>());
        inner.panic.set(payload);
    }
    inner.stage.set(Stage::Done);
}

impl Drop for Greenlet {
    fn drop(&mut self) {
        if self.inner.stage.get() == Stage::Paused {
            self.inner.cancelled.set(true);
            self.inner.enter();
            // A destructor has nobody to give a second panic to; the hook has told of it.
            drop(self.inner.panic.take());
        }
    }
}

impl fmt::Debug for Greenlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greenlet").field("stage", &self.inner.stage.get()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Pause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause").field("stage", &self.inner.stage.get()).finish_non_exhaustive()
    }
}

/// A context that `getcontext` or `swapcontext` will fill.
fn empty_context() -> ucontext_t {
    // SAFETY: it is made of integers and of pointers that may be null.
    unsafe { mem::zeroed() }
}

/// Memory for a stack, with the page below it that nobody may touch (`CONTEXT-4`).
struct Stack {
    /// Where the mapping begins: the guard.
    mapping: NonNull<c_void>,
    /// The length of the mapping: the guard and the stack.
    mapped_bytes: usize,
    /// The length of the guard, one page.
    guard_bytes: usize,
}

impl Stack {
    /// Maps a stack of at least so many bytes.
    fn new(stack_bytes: usize) -> io::Result<Self> {
        // SAFETY: sysconf(3) takes an integer and touches no memory.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let guard_bytes = usize::try_from(page).expect("holds because Linux has pages");
        let too_long = || io::Error::from(io::ErrorKind::OutOfMemory);
        let stack_bytes = stack_bytes.max(1).checked_next_multiple_of(guard_bytes);
        let mapped_bytes = stack_bytes.and_then(|bytes| bytes.checked_add(guard_bytes));
        let mapped_bytes = mapped_bytes.ok_or_else(too_long)?;
        let (rights, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE,
        );
        // SAFETY: mmap(2) of fresh memory at an address of the kernel's choice touches nothing of ours.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), mapped_bytes, rights, kind, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mapping = NonNull::new(mapping).expect("holds because the kernel maps nothing at 0");
        let stack = Self { mapping, mapped_bytes, guard_bytes };
        let no_rights: c_int = libc::PROT_NONE;
        // SAFETY: the page is the first of our own mapping, and nothing is on it.
        check(unsafe { libc::mprotect(mapping.as_ptr(), guard_bytes, no_rights) })?;
        Ok(stack)
    }

    /// The lowest address of the stack, right above the guard. It grows down towards it.
    fn lowest(&self) -> *mut c_void {
        // SAFETY: the mapping is longer than its guard.
        unsafe { self.mapping.as_ptr().byte_add(self.guard_bytes) }
    }

    /// The bytes a stack has for itself.
    fn usable_bytes(&self) -> usize {
        self.mapped_bytes - self.guard_bytes
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: CONTEXT-3: nothing lives on it, and the mapping is ours in just this length.
        let unmapped = check(unsafe { libc::munmap(self.mapping.as_ptr(), self.mapped_bytes) });
        debug_assert!(unmapped.is_ok(), "holds because the mapping is ours: {unmapped:?}");
    }
}
