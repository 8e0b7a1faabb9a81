#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! A greenlet: a function with a stack of its own, which can pause at any depth of calls and be resumed.
//!
//! A future waits only where every function up to its task is `async`. A function that has its own stack may pause
//! anywhere: the stack stays as it is, and the thread continues on another one. It stays on the thread that made it.
//!
//! | stage | the thread is on | what comes next |
//! | --- | --- | --- |
//! | `Fresh` | the caller's stack | [`Greenlet::resume`]: `Running`. Dropped: the body was never called |
//! | `Running` | the greenlet's stack | [`Pause::pause`]: `Paused`. The body ends: `Done` |
//! | `Paused` | the caller's stack | [`Greenlet::resume`]: `Running`. Dropped: `CONTEXT-3` |
//! | `Done` | the caller's stack | nothing |
//!
//! **Invariants**
//! - `CONTEXT-1`: only swapcontext(3) fills and reads the contexts once they are made. `own` is valid while `Fresh` or
//!   `Paused`, `caller` while `Running`; `stage` is checked before each switch.
//! - `CONTEXT-2`: no panic unwinds out of the greenlet's stack. `begin` catches it there, and `resume` continues it on the
//!   caller's stack.
//! - `CONTEXT-3`: the stack is unmapped only when nothing on it lives. A greenlet that is dropped while it is paused is
//!   resumed once more with a panic of ours, so that its destructors run. If it catches that, each further pause is the
//!   same panic.
//! - `CONTEXT-4`: below the stack lie pages without rights, so one call too deep ends the process.
//!
//! **Left out**: speed. Each switch is a system call too, because the signal mask belongs to a context.
//!
//! **Source**: makecontext(3), swapcontext(3).

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::rc::Rc;
use std::thread;

use libc::{c_uint, ucontext_t};

use super::shared_memory::{PAGE_BYTES, SharedMemory};
use super::syscall::check;

/// What a greenlet runs.
type Body = Box<dyn FnOnce(&Pause<'_>)>;

/// A function on a stack of its own; see the module.
#[derive(Debug)]
pub struct Greenlet {
    /// What both sides see. An `Rc`, not a `Box`: its address is known to the other stack.
    inner: Rc<Inner>,
}

/// Lets a greenlet's body pause.
#[derive(Debug)]
pub struct Pause<'greenlet> {
    /// The greenlet it belongs to.
    inner: &'greenlet Inner,
}

/// The stages of the table in the module's docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Made, and not yet begun.
    Fresh,
    /// It has the thread.
    Running,
    /// It waits to be resumed.
    Paused,
    /// Its body has ended.
    Done,
}

/// What the two sides of a greenlet share.
struct Inner {
    /// The greenlet's registers (`CONTEXT-1`).
    own: UnsafeCell<ucontext_t>,
    /// The registers of the code that resumed it (`CONTEXT-1`).
    caller: UnsafeCell<ucontext_t>,
    /// Changes as the table says.
    stage: Cell<Stage>,
    /// Set by the drop: each pause panics (`CONTEXT-3`).
    cancelled: Cell<bool>,
    /// What to run, until it begins.
    body: Cell<Option<Body>>,
    /// What the body panicked with, until the resume takes it (`CONTEXT-2`).
    panic: Cell<Option<Box<dyn Any + Send>>>,
    /// The stack and its guard, unmapped with the last `Rc`, after `CONTEXT-3`. Private to this process.
    stack: SharedMemory,
}

/// The payload that unwinds a greenlet that was dropped.
struct Cancelled;

impl Greenlet {
    /// Makes a greenlet that will run `body`, with a stack of at least `stack_bytes`.
    ///
    /// A body that may panic needs more than 64 KiB: the panic's report is printed on this stack.
    ///
    /// # Errors
    /// Those of mmap(2).
    ///
    /// # Panics
    /// Never: half an address fits into half of 64 bits.
    pub fn new(stack_bytes: usize, body: impl FnOnce(&Pause<'_>) + 'static) -> io::Result<Self> {
        // SAFETY: a context is made of integers and of pointers that may be null.
        let empty: ucontext_t = unsafe { mem::zeroed() };
        let inner = Rc::new(Inner {
            own: UnsafeCell::new(empty),
            caller: UnsafeCell::new(empty),
            stage: Cell::new(Stage::Fresh),
            cancelled: Cell::new(false),
            body: Cell::new(Some(Box::new(body))),
            panic: Cell::new(None),
            stack: new_stack(stack_bytes)?,
        });
        let own = inner.own.get();
        // SAFETY: `own` is ours to write, and no longer moves: glibc leaves a pointer in it to a part of itself.
        check(unsafe { libc::getcontext(own) })?;
        // SAFETY: the context was just filled, and there is no other reference to it.
        let context = unsafe { &mut *own };
        // Right above the guard, to which the stack grows down.
        context.uc_stack.ss_sp = inner.stack.start.as_ptr().wrapping_byte_add(PAGE_BYTES).cast();
        context.uc_stack.ss_size = inner.stack.bytes - PAGE_BYTES;
        // The end of `begin` is a switch to the code that resumed it last.
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
}

impl Pause<'_> {
    /// Switches to the code that resumed the greenlet, at any depth of calls. Returns when resumed again.
    ///
    /// # Panics
    /// When the greenlet is dropped instead of resumed (`CONTEXT-3`); when this is called from outside its greenlet; while
    /// the thread unwinds, because an unwinding cannot pause.
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

    /// Leaves the body by a panic that prints nothing, if the greenlet was dropped.
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
            // A destructor cannot return a second panic; the hook has reported it.
            drop(self.inner.panic.take());
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("stage", &self.stage.get()).finish_non_exhaustive()
    }
}

/// Maps a stack of at least so many bytes, above pages that have no rights (`CONTEXT-4`).
fn new_stack(stack_bytes: usize) -> io::Result<SharedMemory> {
    let stack_bytes = stack_bytes.max(1).checked_next_multiple_of(PAGE_BYTES);
    let mapped_bytes = stack_bytes.and_then(|bytes| bytes.checked_add(PAGE_BYTES));
    let mapped_bytes = mapped_bytes.ok_or(io::ErrorKind::OutOfMemory)?;
    let memory = SharedMemory::map(mapped_bytes, libc::MAP_PRIVATE | libc::MAP_STACK)?;
    // SAFETY: the pages are the first of our own mapping, and nothing is on them.
    check(unsafe { libc::mprotect(memory.start.as_ptr().cast(), PAGE_BYTES, libc::PROT_NONE) })?;
    Ok(memory)
}
