//! Gathering: all outputs of many futures, in the order of the futures.
//!
//! Awaiting one after another takes the sum of their times; gathered, they take the longest of them. They run inside
//! the caller's task, so they may borrow from it, and end with it.
//!
//! **Invariants**
//! - `GATHER-1` Outputs stand in the order of the futures, whatever the order in which they came.
//! - `GATHER-2` A future is polled only when it was woken (`CHILD-1`), and dropped as soon as it has ended.
//! - `GATHER-3` [`try_gather`] drops the other futures before it returns an error.
//! - `BOUND-1` In [`bounded`], at most `limit` futures are alive at any moment.
//! - `BOUND-2` It asks the iterator for a future when there is room for it, so the iterator may be long.
//!
//! To have every result, also of the futures that fail, gather futures of `Result`: the output is a vector of results.
//! That is `return_exceptions=True`.
//!
//! **Source**: `asyncio.gather`; `futures::future::{join_all, try_join_all}`, `StreamExt::buffered`.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Poll, ready};

use super::children::Children;

/// Runs futures at the same time, and returns their outputs in order.
///
/// # Panics
/// One of the futures panics; the others are dropped.
///
/// # Cancellation
/// Every future that has not ended is dropped, and every output that had come.
///
/// # Examples
/// ```
/// use handloom::{aio::{gather, yield_now}, rt::block_on};
///
/// let factor = 2;
/// let doubled = block_on(gather((0..3).map(async |number| {
///     yield_now().await;
///     // Borrowed from outside: no task is spawned.
///     number * factor
/// })));
/// assert_eq!(doubled, [0, 2, 4]);
/// ```
pub async fn gather<I>(futures: I) -> Vec<<I::Item as Future>::Output>
where
    I: IntoIterator<Item: Future>,
{
    bounded(usize::MAX, futures).await
}

/// Runs futures, at most `limit` at the same time, and returns their outputs in order. A gather of a thousand requests
/// would open a thousand connections.
///
/// # Panics
/// `limit` is zero; or one of the futures panics, and the others are dropped.
///
/// # Cancellation
/// Every future that has begun and not ended is dropped, and every output that had come. The futures that have not
/// begun are never made.
pub async fn bounded<I>(limit: usize, futures: I) -> Vec<<I::Item as Future>::Output>
where
    I: IntoIterator<Item: Future>,
{
    assert!(limit > 0, "with no future at a time, nothing is ever done");
    let Ok(outputs) = collect(limit, futures, Ok::<_, Infallible>).await;
    outputs
}

/// Runs futures at the same time, and returns their values in order, or the first error that comes.
///
/// # Errors
/// One of the futures failed. The futures that had not ended have been dropped, and the values that had come.
///
/// # Panics
/// As for [`gather`].
///
/// # Cancellation
/// As for [`gather`].
pub async fn try_gather<I, T, E>(futures: I) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    collect(usize::MAX, futures, |output| output).await
}

/// Runs futures, at most `limit` at the same time, until `judge` finds an error in an output.
async fn collect<I, T, E>(
    limit: usize,
    futures: I,
    judge: impl Fn(<I::Item as Future>::Output) -> Result<T, E>,
) -> Result<Vec<T>, E>
where
    I: IntoIterator<Item: Future>,
{
    let mut futures = futures.into_iter().fuse();
    let (mut children, mut values) = (Children::new(), Vec::new());
    poll_fn(|cx| {
        loop {
            while children.len() < limit
                && let Some(future) = futures.next()
            {
                children.push(values.len(), Box::pin(future));
                values.push(None);
            }
            let Some((place, output)) = ready!(children.poll_next(cx)) else {
                return Poll::Ready(Ok(()));
            };
            // GATHER-3: after an error `children` is dropped with this future, before the caller continues.
            values[place] = Some(judge(output)?);
        }
    })
    .await?;
    // Where the value leaves a niche, std does this in place.
    Ok(values.into_iter().flatten().collect())
}
