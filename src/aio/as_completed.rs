//! The outputs of many futures, as they come.
//!
//! A caller that gathers sees nothing before the slowest has ended. Here the first output is there as soon
//! as the first future ends, and what is done with it is done while the others wait.
//!
//! **Invariants**
//! - `COMES-1` Every future's output is given once, in the order in which they end.
//! - `COMES-2` The futures go on only inside [`next`](AsCompleted::next): nothing here is spawned.
//! - `COMES-3` A dropped `next` loses nothing: an output is taken by the poll that returns it.
//!
//! **Source**: `asyncio.as_completed`; `futures::stream::FuturesUnordered`.

use std::future::poll_fn;

use super::children::Children;

/// Takes futures, to give their outputs as they come.
///
/// # Examples
/// ```
/// use handloom::{aio::{as_completed, sleep}, rt::block_on};
/// use std::time::Duration;
///
/// block_on(async {
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
    AsCompleted { children: Children::of(futures) }
}

/// The outputs of futures as they come; see [`as_completed`]. Dropping it drops those that have not ended.
#[derive(Debug)]
#[must_use = "the futures run inside `next`"]
pub struct AsCompleted<F> {
    /// The futures that have not ended.
    children: Children<F>,
}

impl<F: Future> AsCompleted<F> {
    /// Waits for the next future to end, and returns its place among those that were given, and its output.
    /// `None`: all have ended.
    ///
    /// # Panics
    /// One of the futures panics.
    ///
    /// # Cancellation
    /// Nothing is lost: the futures wait for the next call.
    pub async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|cx| self.children.poll_next(cx)).await
    }

    /// Counts the futures that have not ended.
    pub fn remaining(&self) -> usize {
        self.children.len()
    }
}
