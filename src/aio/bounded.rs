//! Many futures, but only so many at a time.
//!
//! A gather of a thousand requests opens a thousand connections. Here the next future is not even made
//! before an earlier one has ended.
//!
//! **Invariants**
//! - `BOUND-1` At most `limit` futures are alive at any moment.
//! - `BOUND-2` The iterator is asked for a future when there is room for it, and not before; so it may be
//!   long, and what it makes may be costly.
//! - `BOUND-3` Outputs stand in the order of the futures.
//!
//! **Source**: `asyncio.gather` with a semaphore in every coroutine, which makes them all at once;
//! `futures::StreamExt::buffered`.

use std::future::poll_fn;
use std::task::{Poll, ready};

use super::children::Children;
use super::gather::Outputs;

/// Runs futures, at most `limit` at the same time, and returns their outputs in order.
///
/// # Panics
/// `limit` is zero; or one of the futures panics, and the others are dropped.
///
/// # Cancellation
/// Every future that has begun and not ended is dropped, and every output that had come. The futures that
/// have not begun are never made.
pub async fn bounded<I>(limit: usize, futures: I) -> Vec<<I::Item as Future>::Output>
where
    I: IntoIterator<Item: Future>,
{
    assert!(limit > 0, "with no future at a time, nothing is ever done");
    let mut futures = futures.into_iter().fuse();
    let (mut children, mut outputs) = (Children::new(), Outputs::new(0));
    poll_fn(|cx| {
        loop {
            while children.len() < limit
                && let Some(future) = futures.next()
            {
                children.push(outputs.expect_one(), future);
            }
            match ready!(children.poll_next(cx)) {
                Some((place, output)) => outputs.put(place, output),
                None => return Poll::Ready(()),
            }
        }
    })
    .await;
    outputs.into_vec()
}
