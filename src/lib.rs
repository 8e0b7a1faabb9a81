//! Handloom: a laboratory of concurrency, written by hand.
//!
//! One small problem, a calculator that many clients ask at once, is solved in every way in which a program can
//! wait: one client after another, threads, processes, a selector with callbacks, with generators, and with futures
//! on an event loop that is part of this crate. The source is the textbook; this page is its table of contents.
//!
//! # Layers
//!
//! A module imports only from layers below its own; `tests/layers.rs` checks it.
//!
//! ```text
//! 7  cli                                   the program: one file for each subcommand
//! 6  labs   compare   timeline             small experiments; one load, one workload, in every model
//! 5  calc   fetch   factorial              the calculator in seven models; many pages; factorials in pools
//!    watch  weather                        a file that is watched; the weather of many cities
//! 4  web                                   HTTP on sockets: clients and a server
//! 3  aio                                   what a task awaits: sockets, time, locks, queues, threads, signals
//! 2  rt     generator  threads  processes  the event loop; its ancestor; locks, pool, GIL; fork, pool
//! 1  http   json       jobs     report     protocols on byte slices; the owner's end of a job; tables, pictures
//! 0  os                                    the only calls into C, each wrapped once
//! ```
//!
//! # The spine
//!
//! Read these in order: a file imports only files that stand above it in this list, and `os`. What it hands over to
//! other files (limits, hooks, reports) can wait.
//!
//! 1. [`calc`]: `number`, `session`: bytes in, replies out; then `conversation`: what a connection waits for next.
//! 2. `calc`: `blocking`, `sequential`, `threads`, `pool`, `prefork`: servers that block.
//! 3. `calc`: `callback_loop`, `callbacks`: one thread, a selector, callbacks.
//! 4. [`generator`] and `calc::generators`: the course's loop. Tasks, two maps of waiting tasks, a selector.
//! 5. [`first_loop`]: a complete loop for futures in one file.
//! 6. [`rt`]: the same loop with its promises kept. Its module page has the order.
//! 7. [`aio`]: what a task awaits; then `calc::asynchronous`, the calculator on it.
//!
//! # Labels
//!
//! A promise that a test or another file relies on has a label, such as `TASK-4`, in the docs of the file that keeps
//! it. A search for the label finds the promise, the lines that keep it, and the test that guards it. The index is
//! `notes/internals/labels.md`.

#[cfg(doctest)]
#[path = "../notes/doctests.rs"]
mod notes;

pub mod aio;
pub mod calc;
pub mod cli;
pub mod compare;
pub mod factorial;
pub mod fetch;
#[cfg_attr(
    not(test),
    expect(clippy::missing_docs_in_private_items, reason = "its comments say what names do not")
)]
pub mod first_loop;
pub mod generator;
pub mod http;
pub mod jobs;
pub mod json;
pub mod labs;
pub mod os;
pub mod processes;
pub mod report;
pub mod rt;
pub mod threads;
pub mod timeline;
pub mod watch;
pub mod weather;
pub mod web;
