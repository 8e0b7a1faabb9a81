//! Many futures inside one: each is polled when it was woken, and not when another one was.
//!
//! A future that polls all its ten thousand children at each wake of one makes ten thousand polls a wake. Here every
//! child has a waker of its own, which notes the child in a list. Only the children in the list are polled.
//!
//! **Invariants**
//! - `CHILD-1` A child is polled at first, and then once for any number of wakes since its last poll.
//! - `CHILD-2` `queued` is cleared before the poll, so a wake during the poll is kept.
//! - `CHILD-3` A batch is what was ready when it began. A child that wakes itself waits for the parent's next poll, so
//!   that a [`yield_now`](super::yield_now()) in a child lets other tasks run too.
//! - `CHILD-5` The parent is woken once for any number of children, and never under the lock.
//! - `CHILD-6` Each poll of a child counts against the parent's budget.
//!
//! ```text
//! child 7's waker             ready    parent's waker          the parent
//! wake: queued set, note 7    [7]      taken out, woken
//! wake: queued is set         [7]
//!                             []                               polled: takes the list as its batch
//! wake: note 7 again          [7]                              clears queued, polls child 7
//!                             [7]      woken by the parent     the batch ends; 7 is in the next one
//! ```
//! A child's waker may go to any thread; hence the lock and the atomic flag. `tests/loom/children.rs` tries every order.
//!
//! **Source**: `futures::stream::FuturesUnordered`.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::{fmt, mem};

use super::sleep::name_unnamed_wait;
use super::{AtomicBool, Mutex, MutexGuard};
use crate::jobs::contain;
use crate::rt::slab::Slab;
use crate::rt::{Wait, context, poll_budget, waits_for, wake_all};

/// Futures that one parent polls.
pub(super) struct Children<F: ?Sized> {
    /// The futures that have not ended.
    living: Slab<Child<F>>,
    /// Children so far, modulo 2³².
    pushed: u32,
    /// The children to poll now (`CHILD-3`).
    batch: VecDeque<ChildId>,
    /// Set during a batch; the next one begins with another poll of the parent.
    in_batch: bool,
    /// What children leave when they are woken.
    shared: Arc<Shared>,
}

/// A future, its waker, and the tag that it was pushed with.
struct Child<F: ?Sized> {
    /// Tells the parent's caller which future this is.
    tag: usize,
    /// Wakes it.
    waker: Arc<ChildWaker>,
    /// The future.
    future: Pin<Box<F>>,
}

/// What a child is noted by. The number tells a child from a later one in the same slot.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ChildId {
    /// Its place in the slab.
    slot: u32,
    /// Its number in order of `push`, modulo 2³².
    number: u32,
}

/// What the children's wakers share with the parent. Every statement under the lock leaves it valid.
struct Shared(Mutex<Woken>);

/// The children that were woken, and the task to wake.
#[derive(Default)]
struct Woken {
    /// The children, in the order of their wakes.
    ready: VecDeque<ChildId>,
    /// The parent's waker, while the parent waits (`CHILD-5`).
    parent: Option<Waker>,
}

/// The waker of one child.
struct ChildWaker {
    /// The child.
    id: ChildId,
    /// Set while the child is in `ready` or in the batch (`CHILD-2`).
    queued: AtomicBool,
    /// Where it is noted.
    shared: Arc<Shared>,
}

impl<F: Future + ?Sized> Children<F> {
    /// Makes a parent without children.
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared(Mutex::new(Woken::default())));
        let (living, batch) = (Slab::default(), VecDeque::new());
        Self { living, pushed: 0, batch, in_batch: false, shared }
    }

    /// Adds a child, which is ready to be polled.
    pub(super) fn push(&mut self, tag: usize, future: Pin<Box<F>>) {
        let (number, shared) = (self.pushed, self.shared.clone());
        self.pushed = number.wrapping_add(1);
        let id = ChildId { slot: self.living.reserve(), number };
        let waker = Arc::new(ChildWaker { id, queued: AtomicBool::new(true), shared });
        self.living.put(id.slot, Child { tag, waker, future });
        self.shared.lock().ready.push_back(id);
    }

    /// Counts the children that have not ended.
    pub(super) fn len(&self) -> usize {
        self.living.len()
    }

    /// Polls children that were woken until one ends; returns its tag and output. `None`: there are no more.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.living.len() == 0 {
            return Poll::Ready(None);
        }
        if self.batch.is_empty() && !self.in_batch {
            mem::swap(&mut self.batch, &mut self.shared.lock().ready);
        }
        // Still set when a child ends: the next call continues with the same batch.
        self.in_batch = true;
        while let Some(&id) = self.batch.front() {
            // While the child is in the batch: a spent budget calls a waker, which may panic.
            ready!(poll_budget(cx));
            self.batch.pop_front();
            if let Poll::Ready(ended) = self.poll_child(id) {
                return Poll::Ready(Some(ended));
            }
        }
        self.in_batch = false;
        let living = u32::try_from(self.living.len()).unwrap_or(u32::MAX);
        context::with_current(|core| name_unnamed_wait(core, Wait::Futures(living)));
        self.wait(cx);
        Poll::Pending
    }

    /// Polls one child, if it has not ended meanwhile. A child that panics has ended.
    fn poll_child(&mut self, id: ChildId) -> Poll<(usize, F::Output)> {
        let child = self.living.get_mut(id.slot).filter(|child| child.waker.id == id);
        let Some(child) = child else { return Poll::Pending };
        // Before the poll, which so sees what was written before a wake that found the flag set, in `wake_by_ref`.
        child.waker.queued.swap(false, Ordering::AcqRel);
        let waker = Waker::from(child.waker.clone());
        let future = child.future.as_mut();
        let polled =
            catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(&waker))));
        if matches!(polled, Ok(Poll::Pending)) {
            return Poll::Pending;
        }
        let tag = child.tag;
        // The child has ended, so it waits no more for what it named.
        waits_for(Wait::Nothing);
        // The destructor runs before the output is given out.
        drop(self.living.remove(id.slot));
        polled.unwrap_or_else(|payload| resume_unwind(payload)).map(|output| (tag, output))
    }

    /// Leaves the parent's waker; or wakes it, when a child was woken meanwhile.
    fn wait(&self, cx: &Context<'_>) {
        let waker = cx.waker().clone();
        let mut woken = self.shared.lock();
        if woken.ready.is_empty() {
            let displaced = woken.parent.replace(waker);
            drop(woken);
            contain(|| drop(displaced));
        } else {
            // Its waker was not there for the child to wake.
            drop(woken);
            waker.wake();
        }
    }
}

impl<F: ?Sized> Drop for Children<F> {
    fn drop(&mut self) {
        // A waker is foreign code, and a child's waker may keep `shared` alive.
        let parent = self.shared.lock().parent.take();
        contain(|| drop(parent));
    }
}

impl<F: ?Sized> fmt::Debug for Children<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children").field("living", &self.living.len()).finish_non_exhaustive()
    }
}

impl Shared {
    /// Locks the list, also after a panic.
    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Pairs with the swap in `poll_child`.
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = self.shared.lock();
        woken.ready.push_back(self.id);
        // Taken out: the next child that is woken before the parent runs has no waker to call (`CHILD-5`).
        let parent = woken.parent.take();
        drop(woken);
        wake_all(parent);
    }
}
