//! Many futures inside one: each is polled when it was woken, and not when its brothers were.
//!
//! A future that simply polls all its children whenever it is polled itself does ten thousand polls for each
//! of ten thousand wakes. Here every child has a waker of its own, which notes the child in a list; only
//! those in the list are polled.
//!
//! **Invariants**
//! - `CHILD-1` A child is polled at first, and then once for any number of wakes since its last poll.
//! - `CHILD-2` `queued` is cleared before the poll, so a wake during the poll is kept; when the child is
//!   done it stays set, so later wakes do nothing.
//! - `CHILD-3` A batch is what was ready when it began. A child that wakes itself waits for the parent's
//!   next poll, so that [`yield_now`](super::yield_now()) lets other tasks run, also from inside.
//! - `CHILD-4` A place is used again only when its number stands in no list.
//! - `CHILD-5` The parent is woken once for any number of children, and never under the lock.
//! - `CHILD-6` Each poll of a child counts against the parent's budget.
//!
//! | step | `queued` | number in `ready` or in the batch | parent's waker |
//! | --- | --- | --- | --- |
//! | pushed, or woken | set | yes | taken out and woken, if it is there |
//! | polled | cleared | no | not there |
//! | nothing is ready | cleared | no | left |
//! | done | set for good | perhaps: passed over, and the place freed then | |
//!
//! ```text
//! child 7's waker             ready    parent's waker          the parent
//! wake: queued set, note 7    [7]      taken out, woken
//! wake: queued is set         [7]
//!                             []                               polled: takes the list as its batch
//! wake: note 7 anew           [7]                              clears queued, polls child 7
//!                             [7]      woken by the parent     the batch ends; 7 is in the next one
//! ```
//! A child's waker may go to any thread, as every waker may; hence the lock and the atomic flag.
//!
//! **Left out**: an intrusive list without the lock, for which futures needs unsafe code.
//!
//! **Source**: `futures::stream::FuturesUnordered`.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use crate::rt::poll_budget;

/// Futures that one parent polls.
pub(crate) struct Children<F: ?Sized> {
    /// The futures, each with the tag that it was pushed with; `None` where one has ended.
    places: Vec<Option<(usize, Pin<Box<F>>)>>,
    /// Places to use again (`CHILD-4`).
    free: Vec<u32>,
    /// How many have not ended.
    living: usize,
    /// Numbers of those that are to be polled now (`CHILD-3`).
    batch: VecDeque<u32>,
    /// Set while a batch is worked off; the next one begins with another poll of the parent.
    in_batch: bool,
    /// What children leave when they are woken.
    shared: Arc<Shared>,
    /// The children's wakers, by place.
    wakers: Vec<Option<Arc<ChildWaker>>>,
}

/// What the children's wakers share with the parent.
struct Shared {
    /// Every statement under the lock leaves it valid, so a poisoned lock is used on.
    woken: Mutex<Woken>,
}

/// Who was woken, and whom to tell.
#[derive(Default)]
struct Woken {
    /// Numbers of the woken, in order.
    ready: VecDeque<u32>,
    /// The parent's waker, while the parent waits (`CHILD-5`).
    parent: Option<Waker>,
}

/// The waker of one child.
struct ChildWaker {
    /// Its place.
    number: u32,
    /// Does it stand in `ready`, or in the batch (`CHILD-2`)?
    queued: AtomicBool,
    /// Where it is noted.
    shared: Arc<Shared>,
}

impl<F: Future + ?Sized> Children<F> {
    /// Makes a parent without children.
    pub(crate) fn new() -> Self {
        let shared = Arc::new(Shared { woken: Mutex::default() });
        let (places, free, batch) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { places, free, living: 0, batch, in_batch: false, shared, wakers: Vec::new() }
    }

    /// Adds a child, which is ready to be polled.
    pub(crate) fn push_boxed(&mut self, tag: usize, future: Pin<Box<F>>) {
        let number = self.free.pop();
        let number = number.unwrap_or_else(|| {
            self.places.push(None);
            self.wakers.push(None);
            u32::try_from(self.wakers.len() - 1)
                .expect("holds because memory ends before 2³² children")
        });
        let shared = self.shared.clone();
        let waker = Arc::new(ChildWaker { number, queued: AtomicBool::new(true), shared });
        self.wakers[number as usize] = Some(waker);
        self.places[number as usize] = Some((tag, future));
        self.living += 1;
        self.shared.lock().ready.push_back(number);
    }

    /// Counts the children that have not ended.
    pub(crate) fn len(&self) -> usize {
        self.living
    }

    /// Polls children that were woken until one ends: its tag and output. `None`: there are no more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.living == 0 {
            return Poll::Ready(None);
        }
        if self.batch.is_empty() && !self.in_batch {
            std::mem::swap(&mut self.batch, &mut self.shared.lock().ready);
        }
        // Still set when a child ends: the next call goes on with the same batch.
        self.in_batch = true;
        while let Some(number) = self.batch.pop_front() {
            if let Err(spent) = self.count_poll(cx, number) {
                return spent;
            }
            if let Poll::Ready(ended) = self.poll_child(number) {
                return Poll::Ready(Some(ended));
            }
        }
        self.in_batch = false;
        self.wait(cx);
        Poll::Pending
    }

    /// Counts a poll against the budget (`CHILD-6`); when that is spent, `number` goes back to the front.
    fn count_poll<T>(&mut self, cx: &mut Context<'_>, number: u32) -> Result<(), Poll<T>> {
        if poll_budget(cx).is_pending() {
            self.batch.push_front(number);
            return Err(Poll::Pending);
        }
        Ok(())
    }

    /// Polls one child, if it has not ended meanwhile.
    fn poll_child(&mut self, number: u32) -> Poll<(usize, F::Output)> {
        let place = number as usize;
        let Some((tag, future)) = &mut self.places[place] else {
            // Woken in its last moments; now its number stands in no list (`CHILD-4`).
            self.free.push(number);
            return Poll::Pending;
        };
        let own = self.wakers[place].clone();
        let own = own.expect("holds because a child has a waker until it has ended");
        // Before the poll; pairs with the swap in `wake_by_ref`.
        own.queued.store(false, Ordering::Release);
        let waker = Waker::from(own.clone());
        let output = ready!(future.as_mut().poll(&mut Context::from_waker(&waker)));
        let tag = *tag;
        self.living -= 1;
        // Pairs with the swap in `wake_by_ref`: whoever sets it first puts the number in a list, or not.
        if !own.queued.swap(true, Ordering::AcqRel) {
            self.free.push(number);
        }
        self.wakers[place] = None;
        // The destructor is the user's, and runs before the output is given out.
        drop(self.places[place].take());
        Poll::Ready((tag, output))
    }

    /// Leaves the parent's waker; or wakes it, when a child was woken meanwhile.
    fn wait(&self, cx: &Context<'_>) {
        let mut woken = self.shared.lock();
        if woken.ready.is_empty() {
            let displaced = woken.parent.replace(cx.waker().clone());
            drop(woken);
            drop(displaced);
        } else {
            // Its waker was not there to be woken by them.
            drop(woken);
            cx.waker().wake_by_ref();
        }
    }
}

impl<F: Future> Children<F> {
    /// Makes a parent with children, tagged in order.
    pub(crate) fn of(futures: impl IntoIterator<Item = F>) -> Self {
        let mut children = Self::new();
        for (tag, future) in futures.into_iter().enumerate() {
            children.push(tag, future);
        }
        children
    }

    /// Adds a child, which is ready to be polled.
    pub(crate) fn push(&mut self, tag: usize, future: F) {
        self.push_boxed(tag, Box::pin(future));
    }
}

impl<F: ?Sized> fmt::Debug for Children<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children").field("living", &self.living).finish_non_exhaustive()
    }
}

impl Shared {
    /// Locks the list.
    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Pairs with the store and the swap in `poll_child`.
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = self.shared.lock();
        woken.ready.push_back(self.number);
        // Taken out: the next child that is woken before the parent runs has nobody to wake (`CHILD-5`).
        let parent = woken.parent.take();
        drop(woken);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}
