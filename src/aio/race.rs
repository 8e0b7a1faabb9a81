//! Many futures in one: the first output, or each as it comes.
//!
//! **Invariants**
//! - `RACE-1` Of futures that are ready in the same poll, the one that was given first wins.
//! - `RACE-2` The losers have been dropped when the winner's output is returned, with what they had taken.
//! - `COMES-1` [`AsCompleted`] gives every future's output once, in the order in which they end.
//! - `COMES-3` A dropped [`next`](AsCompleted::next) loses nothing: an output is taken by the poll that returns it.
//!
//! **Source**: `asyncio.wait(return_when=FIRST_COMPLETED)`, which leaves the losers running, and
//! `asyncio.as_completed`; `futures::future::select`.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::children::Children;

/// The output of one of two futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// Of the first.
    First(A),
    /// Of the second.
    Second(B),
}

/// Waits for the first of two futures, and drops the other.
///
/// # Panics
/// One of the futures panics; the other is dropped.
///
/// # Cancellation
/// Both futures are dropped.
///
/// # Examples
/// ```
/// use handloom::{aio::{Either, race, sleep}, rt::block_on};
/// use std::time::Duration;
///
/// let hare = async { sleep(Duration::from_secs(3600)).await; "hare" };
/// let tortoise = async { sleep(Duration::from_millis(1)).await; "tortoise" };
/// assert_eq!(block_on(race(hare, tortoise)), Either::Second("tortoise"));
/// ```
pub async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| {
        if let Poll::Ready(output) = first.as_mut().poll(cx) {
            return Poll::Ready(Either::First(output));
        }
        second.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

/// Takes futures, to give their outputs as they come.
///
/// # Examples
/// ```
/// use handloom::{aio::{as_completed, sleep}, rt::EventLoop};
/// use std::time::Duration;
///
/// EventLoop::builder().virtual_clock().build().expect("a loop").block_on(async {
///     let mut sleeps = as_completed([3, 1, 2].map(|ms| sleep(Duration::from_millis(ms))));
///     let mut order = Vec::new();
///     while let Some((place, ())) = sleeps.next().await {
///         order.push(place);
///     }
///     assert_eq!(order, [1, 2, 0]);
/// });
/// ```
pub fn as_completed<I>(futures: I) -> AsCompleted<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    let mut children = Children::new();
    for (place, future) in futures.into_iter().enumerate() {
        children.push(place, Box::pin(future));
    }
    AsCompleted { children }
}

/// The outputs of futures as they come; see [`as_completed`]. Dropping it drops the futures that have not ended.
#[derive(Debug)]
#[must_use = "the futures run inside `next`"]
pub struct AsCompleted<F> {
    /// The futures that have not ended.
    children: Children<F>,
}

impl<F: Future> AsCompleted<F> {
    /// Waits for the next future to end, and returns its place among those that were given, and its output. `None`: all
    /// have ended. The futures run only inside this call.
    ///
    /// # Panics
    /// One of the futures panics; the others run on in the next call.
    ///
    /// # Cancellation
    /// Nothing is lost: the futures wait for the next call.
    pub async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|cx| self.children.poll_next(cx)).await
    }
}
