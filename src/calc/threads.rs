//! A thread for each client: no client waits for another.
//!
//! What `sequential` could not do: answer a second client while the first one thinks. The price is a stack
//! and a place in the scheduler for each client, also for one that never sends anything.
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
        if open >= most {
            check_memory()?;
        }
        // For so many threads there was memory, and it is kept for further ones.
        most = most.max(open + 1);
        let (client, accepted) = sync_channel(1);
        let thread = thread::Builder::new().name(format!("client {}", open + 1));
        thread.spawn(move || accepted.recv().map(converse))?;
        Ok(move |connection| drop(client.send(connection)))
    })
}
