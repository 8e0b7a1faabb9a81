//! The locks of the library under a model checker, which tries every order in which threads can take turns.
//!
//! `RUSTFLAGS='--cfg model_check' CARGO_TARGET_DIR=target/model_check cargo test --test loom` runs it; without that
//! flag this program is empty.
#![cfg(model_check)]

mod children;
mod jobs_slot;
#[path = "../../src/rt/slab.rs"]
mod slab;
mod threads;

/// What `aio/children.rs` takes from the loop: its table of children, a budget that is never spent, and the notes of what
/// a task waits for, which nothing reads here.
mod rt {
    use std::task::{Context, Poll, Waker};

    pub(crate) use super::slab;

    /// The loop that runs.
    pub(crate) mod context {
        /// The state of no loop.
        pub(crate) struct Core;

        /// Finds no loop.
        pub(crate) fn with_current(_: impl FnOnce(&Core)) {}
    }

    /// What a parent can wait for.
    #[expect(dead_code, reason = "the number is for the table of tasks")]
    pub(crate) enum Wait {
        Nothing,
        Futures(u32),
    }

    /// Notes nothing.
    pub(crate) fn waits_for(_: Wait) {}

    /// Counts nothing.
    pub(crate) fn poll_budget(_: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Wakes with every waker.
    pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// What it takes from the jobs.
mod jobs {
    /// Calls foreign code, whose panic need not be stopped: the model has none.
    pub(crate) fn contain(foreign: impl FnOnce()) {
        foreign();
    }
}
