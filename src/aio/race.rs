//! The first of several futures; the others are dropped.
//!
//! **Invariants**
//! - `RACE-1` Of futures that are ready in the same poll the one that was given first wins.
//! - `RACE-2` The losers have been dropped when the winner's output is returned. A value that a loser had
//!   taken and kept to itself is gone: what that means is said by the "Cancellation" of what it awaited.
//!
//! **Source**: `asyncio.wait(return_when=FIRST_COMPLETED)`, which leaves the losers running;
//! `futures::future::select`; trio's cancel scopes.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

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

/// Waits for the first of many futures, and drops the others; returns its place among them and its output.
/// `None`: there was no future.
///
/// # Panics
/// One of the futures panics; the others are dropped.
///
/// # Cancellation
/// All futures are dropped.
pub async fn race_all<I>(futures: I) -> Option<(usize, <I::Item as Future>::Output)>
where
    I: IntoIterator<Item: Future>,
{
    let mut children = Children::of(futures);
    poll_fn(|cx| Poll::Ready(ready!(children.poll_next(cx)))).await
}
