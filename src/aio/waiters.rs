//! Tasks that wait in line for a permit, a lock, an event, a notice or an item.
//!
//! A task may be cancelled in the middle of ten thousand waiters, or after it was granted what it waits for and before
//! it was polled. Then it must leave the line, or release what it was granted, so that the next waiter gets it.
//!
//! **Invariants**
//! - `WAIT-1` First come, first served: a [`Resource`] is free only while no task waits for it.
//! - `WAIT-2` A waiter is in the line from [`push`](Waiters::push) until it is granted or removed. So a waiter that is
//!   not in the line has been granted.
//! - `WAIT-3` What was granted is used by its waiter, or released when that is dropped.
//! - `WAIT-4` Each acquisition counts against the task's budget, so a loop over something that is always free does not
//!   starve the other tasks.
//! - `WAIT-5` Wakers are cloned, called and dropped while nothing is borrowed, and their panics are contained.
//!
//! | state | poll: free or granted | poll: not yet | dropped |
//! | --- | --- | --- | --- |
//! | `New` | → `Acquired` | → `InLine` | |
//! | `InLine` | → `Acquired` | stays | leaves the line; releases what it was granted |
//! | `Acquired` | → `Done`, ready | (budget spent) stays | releases |
//! | `Done` | | | its task has it |
//!
//! **Left out**: nodes of the line inside the waiting futures, as tokio has them. They need unsafe code.
//!
//! **Source**: tokio's `sync::batch_semaphore`; `asyncio.locks`, where a cancelled waiter is searched in a deque.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use crate::jobs::contain;
use crate::rt::{Wait, poll_budget, waits_for};

/// A line of waiters, the one that waits longest in front.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// The waiters in order of their tickets.
    line: VecDeque<(Ticket, Waker)>,
    /// The ticket of the next waiter.
    next: Ticket,
}

/// A waiter's number in order of arrival.
type Ticket = u64;

impl Waiters {
    /// Adds a waiter at the end.
    fn push(&mut self, waker: Waker) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.line.push_back((ticket, waker));
        ticket
    }

    /// Takes the first waiter out and returns its waker, for the caller to call.
    pub(crate) fn grant(&mut self) -> Option<Waker> {
        self.line.pop_front().map(|(_, waker)| waker)
    }

    /// Takes every waiter out.
    pub(crate) fn grant_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        mem::take(&mut self.line).into_iter().map(|(_, waker)| waker)
    }

    /// Counts the waiters.
    pub(crate) fn len(&self) -> usize {
        self.line.len()
    }

    /// Finds a waiter in the line; `None` if it was granted (`WAIT-2`).
    fn place(&self, ticket: Ticket) -> Option<usize> {
        self.line.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()
    }

    /// Returns the waker of a waiter; `None` if it was granted.
    fn waker(&mut self, ticket: Ticket) -> Option<&mut Waker> {
        let place = self.place(ticket)?;
        Some(&mut self.line[place].1)
    }

    /// Takes a waiter out of the line; `None` if it was granted. The waiters on the shorter side of it move up.
    fn remove(&mut self, ticket: Ticket) -> Option<Waker> {
        let (_, waker) = self.line.remove(self.place(ticket)?)?;
        Some(waker)
    }
}

/// What tasks acquire one after another.
pub(crate) trait Resource {
    /// The line.
    fn waiters(&self) -> &RefCell<Waiters>;
    /// Says what a waiter waits for.
    fn wait(&self) -> Wait;
    /// Acquires it if it is free.
    fn try_acquire(&self) -> bool;
    /// Grants what was acquired to the next waiter, or makes it free.
    fn release(&self);
}

/// Waits for a resource, and holds it until the task continues.
#[derive(Debug)]
#[must_use = "it waits when it is awaited"]
pub(crate) struct Acquire<'a, R: Resource> {
    /// What it waits for.
    resource: &'a R,
    /// How far it is.
    state: AcquireState,
}

/// How far an acquisition is; see the table above.
#[derive(Debug)]
enum AcquireState {
    /// Not polled yet.
    New,
    /// In line, or granted since.
    InLine(Ticket),
    /// Acquired, and its task has not been told.
    Acquired,
    /// Its task has been told.
    Done,
}

impl<'a, R: Resource> Acquire<'a, R> {
    /// Makes a future that has not tried yet.
    pub(crate) fn new(resource: &'a R) -> Self {
        Self { resource, state: AcquireState::New }
    }

    /// Goes as far as `Acquired`, or leaves the task's waker in the line.
    fn advance(&mut self, waker: &Waker) -> Poll<()> {
        let waiters = self.resource.waiters();
        match self.state {
            AcquireState::New if !self.resource.try_acquire() => {
                let waker = waker.clone();
                // The clone is foreign code, and may have released what this task waits for.
                if !self.resource.try_acquire() {
                    self.state = AcquireState::InLine(waiters.borrow_mut().push(waker));
                    return Poll::Pending;
                }
                contain(|| drop(waker));
            }
            AcquireState::InLine(ticket) => {
                let is_known =
                    waiters.borrow_mut().waker(ticket).map(|known| known.will_wake(waker));
                match is_known {
                    None => {}
                    Some(true) => return Poll::Pending,
                    Some(false) => ready!(self.change_waker(ticket, waker.clone())),
                }
            }
            AcquireState::New | AcquireState::Acquired | AcquireState::Done => {}
        }
        self.state = AcquireState::Acquired;
        Poll::Ready(())
    }

    /// Leaves another waker in the place of the one in the line. Ready if its clone, foreign code, has granted the place.
    #[cold]
    fn change_waker(&self, ticket: Ticket, waker: Waker) -> Poll<()> {
        let mut waiters = self.resource.waiters().borrow_mut();
        let Some(known) = waiters.waker(ticket) else {
            drop(waiters);
            contain(|| drop(waker));
            return Poll::Ready(());
        };
        let displaced = mem::replace(known, waker);
        drop(waiters);
        contain(|| drop(displaced));
        Poll::Pending
    }
}

impl<R: Resource> Future for Acquire<'_, R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.advance(cx.waker()).is_pending() {
            waits_for(self.resource.wait());
            return Poll::Pending;
        }
        ready!(poll_budget(cx));
        self.state = AcquireState::Done;
        Poll::Ready(())
    }
}

impl<R: Resource> Drop for Acquire<'_, R> {
    fn drop(&mut self) {
        let acquired = match self.state {
            AcquireState::New | AcquireState::Done => return,
            AcquireState::Acquired => true,
            AcquireState::InLine(ticket) => {
                let waker = self.resource.waiters().borrow_mut().remove(ticket);
                let granted = waker.is_none();
                contain(|| drop(waker));
                granted
            }
        };
        if acquired {
            // WAIT-3.
            self.resource.release();
        }
    }
}
