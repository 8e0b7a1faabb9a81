//! Fetching a page over HTTP: one way through the protocol, two ways to wait.
//!
//! ```text
//!            Request ─┐                         ┌─► Sink: a Vec, a file, nothing
//!                     ▼                         │
//!   Journey: one request through its redirects ─┴─► Response
//!      │  "send these bytes", "read more", "done"        no sockets, no clock
//!      ├──────────────────────────┐
//!   blocking::Client           asynchronous::Client
//!   std::net, no reuse         rt and aio: reuse, retry, Happy Eyeballs
//! ```
//! A third mode, threads, is the blocking client called by the workers of a pool.
//!
//! Reading order: [`Fault`] (what may go wrong, and in which phase) → [`Options`] and `deadlines` (the limits) →
//! `exchange` (one request and its response) → `journey` (through redirects) → [`blocking`] → [`asynchronous`],
//! and beside it `watch` (its limits), `dial` (its connects) and `idle` (its connections in store).
//!
//! **Left out**: TLS, compression, cookies, caches, proxies, ranges, authentication; a request's body that is
//! made while it is sent.
//!
//! **Source**: RFC 9110 and 9112; Python's `urllib.request` and `aiohttp.ClientSession` for what users expect.

pub mod asynchronous;
pub mod blocking;
mod deadlines;
mod dial;
mod exchange;
mod fault;
mod idle;
mod journey;
mod options;
mod request;
mod response;
mod sink;
mod watch;

pub use fault::{Breach, Failure, Fault, Limit, Phase};
pub use options::Options;
pub use request::Request;
pub use response::{Page, Response};
pub use sink::{Nowhere, Sink, ToWriter};
