//! Many links side by side on one thread, as aiohttp's `ClientSession` and a semaphore do it.
//!
//! A wait is an entry in the reactor and a small future, not a thread; connections are used again. So a thousand pages
//! that each take a while take hardly longer than one.
//!
//! **Invariants**
//! - `ASYNC-FETCH-1` At most as many links are under way as were allowed; the next one starts in the turn in which one
//!   has ended. Links start in their order.
//! - `ASYNC-FETCH-2` No more connections are open than `Room` allows, those in store included.

use std::cell::{Cell, RefCell};
use std::io;

use super::digest::Digest;
use super::history::{Answer, History};
use super::order::{Order, answer};
use super::shortage::{Patience, Room};
use crate::aio::{bounded, sleep};
use crate::rt::EventLoop;
use crate::web::client::asynchronous::Client;
use crate::web::client::{Failure, Options, Request};

/// Fetches all of them.
///
/// # Errors
/// There are no descriptors for an event loop.
pub(super) fn fetch(
    order: &Order,
    history: &History,
    progress: &mut dyn FnMut(usize),
) -> io::Result<()> {
    // The log and the terminal are written to on the loop; a disk that is slow once is no news.
    let event_loop = EventLoop::builder().slow_poll(None).build()?;
    let links = history.links().len();
    let room = Room::look(order.concurrency.min(links.max(1)), order.descriptors_each());
    // ASYNC-FETCH-2
    let options = Options { idle_connections: room.kept, ..order.options.clone() };
    let (done, progress) = (Cell::new(0), RefCell::new(progress));
    event_loop.block_on(async {
        let client = Client::new(options);
        let fetch = async |number| {
            fetch_one(&client, &order.options, history, number).await;
            done.set(done.get() + 1);
            progress.borrow_mut()(done.get());
        };
        bounded(room.at_once, (0..links).map(fetch)).await;
    });
    Ok(())
}

/// Fetches one, from its start to its end.
async fn fetch_one(client: &Client, options: &Options, history: &History, number: usize) {
    history.start(number);
    let mut patience = Patience::new(options);
    let result = loop {
        let result = attempt(client, &history.links()[number]).await;
        match patience.next(&result) {
            // SHORTAGE-2
            Some(pause) => sleep(pause).await,
            None => break result,
        }
    };
    history.end(number, result);
}

/// Tries to fetch one.
async fn attempt(client: &Client, link: &str) -> Result<Answer, Failure> {
    let mut digest = Digest::new();
    let response = client.fetch(&Request::get(link)?, &mut digest).await?;
    Ok(answer(&response, digest.sum()))
}
