//! Gathering: all outputs of many futures, in the order of the futures.
//!
//! Awaiting one after another takes the sum of their times; gathered, they take the longest of them. They run inside
//! the caller's task, so they may borrow from it, and end with it.
//!
//! **Invariants**
//! - `GATHER-1` Outputs stand in the order of the futures, whatever the order in which they came.
//! - `GATHER-2` A future is polled only when it was woken (`CHILD-1`), and dropped as soon as it has ended.
//! - `GATHER-3` [`try_gather`] drops the other futures before it returns an error.
//!
//! To have every result, also of the futures that fail, gather futures of `Result`: the output is a vector of results.
//! That is `return_exceptions=True`.
//!
//! **Source**: `asyncio.gather`; `futures::future::{join_all, try_join_all}`.

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
    let mut children = Children::of(futures);
    let mut outputs = Outputs::new(children.len());
    poll_fn(|cx| {
        while let Some((place, output)) = ready!(children.poll_next(cx)) {
            outputs.put(place, output);
        }
        Poll::Ready(())
    })
    .await;
    outputs.into_vec()
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
    let mut children = Children::of(futures);
    let mut outputs = Outputs::new(children.len());
    poll_fn(|cx| {
        while let Some((place, output)) = ready!(children.poll_next(cx)) {
            match output {
                Ok(value) => outputs.put(place, value),
                // GATHER-3: `children` is dropped when this function ends, before the caller continues.
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    Ok(outputs.into_vec())
}

/// Outputs that come in any order.
#[derive(Debug)]
pub(super) struct Outputs<T>(Vec<Option<T>>);

impl<T> Outputs<T> {
    /// Expects so many.
    pub(super) fn new(expected: usize) -> Self {
        Self((0..expected).map(|_| None).collect())
    }

    /// Expects one more, and returns its place.
    pub(super) fn expect_one(&mut self) -> usize {
        self.0.push(None);
        self.0.len() - 1
    }

    /// Puts one into its place.
    pub(super) fn put(&mut self, place: usize, output: T) {
        self.0[place] = Some(output);
    }

    /// Returns those that came, in order.
    pub(super) fn into_vec(self) -> Vec<T> {
        // Where T leaves a niche, std does this in place.
        self.0.into_iter().flatten().collect()
    }
}
