//! Fetching a page over HTTP: one implementation of the protocol, two ways to wait.
//!
//! ```text
//!            Request ─┐                          ┌─► Sink: a Vec, a file, a digest
//!                     ▼                          │
//!   Exchange: a request through its redirects ───┴─► Response
//!      │  "send these bytes", "read more", "done"        no sockets, no clock
//!      ├──────────────────────────┐
//!   blocking::Client           asynchronous::Client
//!   std::net, no reuse         rt and aio: reuse, retry, Happy Eyeballs
//! ```
//!
//! Reading order: [`Fault`] (what may go wrong, and in which phase) → [`Request`], [`Options`] and [`Sink`] →
//! `deadlines` → `exchange` → [`blocking`] → [`asynchronous`], and beside it `dial` (connecting) and `idle` (reusing
//! connections).
//!
//! **Left out**: TLS, compression, cookies, caches, proxies, ranges, authentication; a request's body that is
//! made while it is sent.
//!
//! **Source**: RFC 9110 and 9112; Python's `urllib.request` and `aiohttp.ClientSession` for what users expect.

pub mod asynchronous;
pub mod blocking;
mod deadlines;
pub mod dial;
mod exchange;
mod fault;
mod idle;
mod output_file;
mod request;

pub use fault::{Failure, Fault, Limit, Phase};
pub(crate) use output_file::OutputFile;
pub use request::{Options, Page, Request, Response, Sink};
