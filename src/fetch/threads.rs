//! Many links side by side, a thread for each that is under way, as `ThreadPoolExecutor.map` does it.
//!
//! Nothing changes in how a page is fetched: the same blocking call as in `sequential`, only made by workers. While one
//! waits, the kernel runs another. The price is a thread for each wait: its stack, its place among all that the kernel
//! has to schedule, and a switch for each byte that wakes it.
//!
//! **Invariants**
//! - `THREADS-FETCH-1` At most as many links are under way as there are workers; the next one starts when a worker is
//!   free. They are taken in their order; of two workers that have one each, either may be the first to start it.
//!
//! **Left out**: reuse of connections, which the blocking client does not have.

use std::io;
use std::sync::Arc;

use super::history::History;
use super::order::Order;
use super::sequential::fetch_one;
use super::shortage::Room;
use crate::threads::ThreadPool;
use crate::web::client::blocking::Client;

/// Fetches all of them.
///
/// # Errors
/// Not one thread can be started.
pub(super) fn fetch(
    order: &Order,
    history: &Arc<History>,
    progress: &mut dyn FnMut(usize),
) -> io::Result<()> {
    let links = history.links().len();
    let workers = Room::look(order.concurrency.min(links.max(1)), order.descriptors_each()).at_once;
    let pool = ThreadPool::on_demand("fetch", workers);
    let (client, options) = (Client::new(order.options.clone()), order.options.clone());
    let shared = Arc::clone(history);
    let work = move |number| fetch_one(&client, &options, &shared, number);
    for (done, (_, fetched)) in pool.map_as_completed(0..links, 1, work).enumerate() {
        // It fails for want of a first thread, or with a panic, which nothing here does.
        fetched.map_err(|error| io::Error::other(error.to_string()))?;
        progress(done + 1);
    }
    Ok(())
}
