//! An HTTP server on the event loop, small enough to be read and strict enough to stand in the open.
//!
//! A server for friends reads a line, looks for a blank and prints an answer. In the open there are clients that
//! send a byte a second, ten thousand fields, two lengths, half a body, a thousand requests at once, or nothing;
//! that do not read, or are gone before the answer is ready. Each has its limit here, and all limits are on unless
//! somebody turns them off ([`Config`]).
//!
//! ```text
//!            Server::serve: accept, one task for each connection
//!                              │
//!   ┌──────────► receive: wait for bytes, with patience
//!   │                          │
//!   │   ┌──► RequestParser: a head ──► refuse: 400, 414, 431, 501, 505 … and close
//!   │   │                      │
//!   │   │             Router::find: a handler, 404, 405
//!   │   │                      │
//!   │   │             body, whole, up to a limit ──► refuse: 413, 408
//!   │   │                      │
//!   │   │             handler: at once, or watched ──► the client is gone: cancelled
//!   │   │                      │
//!   │   └── more has come ◄── reply, appended to what is to be sent
//!   │                          │
//!   └──────────────────── one write
//! ```
//!
//! Reading order: `config` → `request`, `response`, `handler`, `router` (what a task writes) → `serve` →
//! `connection` → `exchange` → `reply`; beside them `input`, `pools`, `patience`, which keep a connection cheap, and `answered`, for a log.
//!
//! **Left out**: bodies handed to the handler as they come; compression; ranges; `Upgrade`; patterns in paths.
//!
//! **Source**: RFC 9110, RFC 9112.

mod answered;
mod config;
mod connection;
mod exchange;
mod handler;
mod input;
mod patience;
mod pools;
mod reply;
mod request;
mod response;
mod router;
mod serve;

pub use answered::Answered;
pub use config::Config;
pub use request::Request;
pub use response::Response;
pub use router::Router;
pub use serve::Server;
