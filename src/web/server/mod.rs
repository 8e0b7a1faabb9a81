//! An HTTP server on the event loop, small enough to read and strict enough for a public network.
//!
//! On a public network there are clients that send a byte a second, ten thousand fields, two lengths, half a body, a
//! thousand requests at once, or nothing; clients that do not read, or leave before the answer is ready. For each of
//! them there is a limit, and all limits are on by default ([`Config`]).
//!
//! Reading order: `request`, `response`, `router` (what a program writes) → `state` (what the connections share) →
//! `transport` (waiting, with limits) → `connection` (requests and responses) → `serve`; beside them [`AccessLog`].
//!
//! **Left out**: bodies handed to the handler as they come; compression; ranges; `Upgrade`; patterns in paths.
//!
//! **Source**: RFC 9110, RFC 9112.

mod access_log;
mod connection;
mod request;
mod response;
mod router;
mod serve;
mod state;
mod transport;

pub use access_log::AccessLog;
pub use request::{Answered, Request};
pub use response::Response;
pub use router::Router;
pub use serve::Server;
pub use state::Config;
