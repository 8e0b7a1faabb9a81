//! A thread for each client: no client waits for another.
//!
//! What `sequential` could not do: answer a second client while the first one thinks. The price is a stack for each
//! client, also for one that never sends anything.
//!
//! **Invariants**
//! - `THREADS-1` A client's thread ends with its conversation: after `close`, after a reset, after the stop.
//! - `THREADS-2` A client is accepted once its thread runs. Without a thread, or memory for it, the client waits.

use std::io;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::blocking::{accept_all, converse};
use super::config::Start;
use crate::threads::check_memory;

/// Serves each client on a thread of its own until the stop; fails if the listener does.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    let mut most = 0;
    accept_all(start, |open| {
        // For as many threads as ran before there is memory still.
        if open >= most {
            check_memory()?;
            most = open + 1;
        }
        let (running, started) = sync_channel(1);
        let thread = thread::Builder::new().name(format!("client {}", open + 1));
        thread.spawn(move || {
            let (client, accepted) = sync_channel(1);
            drop(running.send(client));
            accepted.recv().map(converse)
        })?;
        // The next check must see the memory that this thread has taken to start.
        let client = started.recv().map_err(io::Error::other)?;
        Ok(move |connection| drop(client.send(connection)))
    })
}
