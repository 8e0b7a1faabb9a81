//! HTTP on sockets: what `http` says about bytes, brought to connections.
//!
//! [`client`] fetches pages, blocking or on the event loop; [`server`] answers, on the event loop.

pub mod client;
pub mod server;
