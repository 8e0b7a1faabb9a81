//! A task group: work that begins together, and of which nothing is left when it ends.
//!
//! A task that is spawned and forgotten may fail unseen, and may run on when its caller has given up. A group waits for
//! its children. When one fails, the others are dropped; when the group is dropped, all are.
//!
//! **Invariants**
//! - `GROUP-1` When [`task_group`] returns, or is dropped, every child has ended or been dropped, with its destructors
//!   run. No child outlives the group.
//! - `GROUP-2` The first error, of a child or of the body, drops the body and all other children, and is the group's.
//! - `GROUP-3` A child may add children, also after the body has ended; the group waits for these too.
//!
//! The children are not tasks of the loop. They are futures inside the group, which is inside the task that awaits it.
//! That makes `GROUP-1` possible in Rust, where a future may be dropped at any moment and a destructor cannot wait; and
//! it lets children borrow what outlives the group. The price: children have no line of their own in the table of
//! tasks.
//!
//! **Left out**: asyncio's `ExceptionGroup`: what fails after the first error is dropped with the rest.
//!
//! **Source**: `asyncio.TaskGroup`; trio's nurseries; `std::thread::scope` for the borrowing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::children::Children;
use super::queue::Queue;
use crate::jobs::contain;
use crate::rt::wake_all;

/// A child, or the body; an error is its only output.
type Work<'env, E> = dyn Future<Output = Result<(), E>> + 'env;

/// Runs `body` with a group to add children to, and waits for it and for all of them.
///
/// # Errors
/// The first error of the body or of a child; everything else has been dropped.
///
/// # Panics
/// The body or a child panics; all children are dropped.
///
/// # Cancellation
/// The body and every child are dropped at once, with what they had not finished.
///
/// # Examples
/// ```
/// use handloom::{aio::{sleep, task_group}, rt::block_on};
/// use std::{cell::Cell, io, time::Duration};
///
/// let sum = Cell::new(0);
/// block_on(task_group(async |group| {
///     for number in 1..=3 {
///         let sum = &sum;
///         group.spawn(async move {
///             sleep(Duration::from_millis(number)).await;
///             sum.set(sum.get() + number);
///             Ok::<_, io::Error>(())
///         });
///     }
///     Ok(())
/// }))?;
/// assert_eq!(sum.get(), 6);
/// # Ok::<(), io::Error>(())
/// ```
pub async fn task_group<'env, T, E, B, F>(body: B) -> Result<T, E>
where
    B: FnOnce(TaskGroup<'env, E>) -> F,
    F: Future<Output = Result<T, E>>,
    E: 'env,
{
    let inner = Inner { fresh: RefCell::default(), waker: Cell::default(), ended: Cell::default() };
    let group = TaskGroup { inner: Rc::new(inner) };
    // In this order: the children are dropped before what the body has returned.
    let value = Cell::new(None);
    let mut running = Running { inner: group.inner.clone(), children: Children::new() };
    let body = body(group);
    let keep_value = async {
        value.set(Some(body.await?));
        Ok(())
    };
    running.children.push(0, Box::pin(keep_value));
    poll_fn(|cx| running.poll(cx)).await?;
    drop(running);
    Ok(value.take().expect("holds because the body has ended without an error"))
}

/// A handle to add children to a group; clones are handles to the same group.
pub struct TaskGroup<'env, E> {
    /// What is shared with the running group.
    inner: Rc<Inner<'env, E>>,
}

/// What handles share with the running group.
struct Inner<'env, E> {
    /// Children that the group has not taken over.
    fresh: RefCell<Vec<Pin<Box<Work<'env, E>>>>>,
    /// Wakes the group when a child is added from outside of it; `None` while the group does not wait.
    waker: Cell<Option<Waker>>,
    /// Set when the group has ended, or is about to.
    ended: Cell<bool>,
}

impl<'env, E: 'env> TaskGroup<'env, E> {
    /// Adds a child, which begins at the group's next poll. Its error ends the group (`GROUP-2`).
    ///
    /// The child may borrow what outlives the group. A group that has ended takes no more children: `future` is dropped
    /// before it began, and its value never comes.
    pub fn spawn<T: 'env>(&self, future: impl Future<Output = Result<T, E>> + 'env) -> Child<T> {
        let value = Queue::new(1);
        let child = Child { value: value.clone() };
        if self.inner.ended.get() {
            return child;
        }
        let work = Box::pin(async move {
            // There is room for the one value.
            drop(value.try_put(future.await?));
            Ok(())
        });
        self.inner.fresh.borrow_mut().push(work);
        let waker = self.inner.waker.take();
        wake_all(waker);
        child
    }
}

/// The group as its owner polls it.
struct Running<'run, 'env, E> {
    /// What handles leave.
    inner: Rc<Inner<'env, E>>,
    /// The body, and the children that were taken over.
    children: Children<Work<'run, E>>,
}

impl<'run, 'env: 'run, E> Running<'run, 'env, E> {
    /// Polls the children that were woken; ready when all have ended, or one has failed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        let earlier = self.inner.waker.take();
        contain(|| drop(earlier));
        loop {
            self.adopt();
            match self.children.poll_next(cx) {
                Poll::Ready(Some((_, result))) => result?,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        // Before the last look at what was added: the clone is foreign code, and may add children.
        self.inner.waker.set(Some(cx.waker().clone()));
        if self.adopt() {
            // They begin with the next batch (`CHILD-3`).
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Takes over the children that were added; tells whether there were any (`GROUP-3`).
    fn adopt(&mut self) -> bool {
        let fresh = self.inner.fresh.take();
        let any = !fresh.is_empty();
        for child in fresh {
            self.children.push(0, child);
        }
        any
    }
}

impl<E> Drop for Running<'_, '_, E> {
    fn drop(&mut self) {
        // From now on destructors of children add none (`GROUP-1`).
        self.inner.ended.set(true);
        let waker = self.inner.waker.take();
        contain(|| drop(waker));
        drop(self.inner.fresh.take());
        // The other children are dropped right after this, with the field.
    }
}

/// The right to a child's value. Dropping it changes nothing for the child.
#[derive(Debug)]
pub struct Child<T> {
    /// Where the value is left when the child has ended well.
    value: Queue<T>,
}

impl<T> Child<T> {
    /// Waits for the child's value.
    ///
    /// It never comes from a child that failed: the error has ended the group, and every task that waits in it.
    ///
    /// # Panics
    /// Never: the queue is not closed.
    ///
    /// # Cancellation
    /// The value is lost, now or when it comes; the child runs on.
    pub async fn value(self) -> T {
        self.value.get().await.expect("holds because this queue is never closed")
    }
}

impl<E> Clone for TaskGroup<'_, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("ended", &self.inner.ended.get()).finish_non_exhaustive()
    }
}
