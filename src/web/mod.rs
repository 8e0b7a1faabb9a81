//! HTTP on sockets: what the protocol of [`http`](crate::http) is for, with a connection under it.
//!
//! [`server`] answers, on the event loop.

pub mod server;
