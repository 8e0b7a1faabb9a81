//! HTTP on sockets: what the protocol of [`http`](crate::http) is for, with a connection under it.
//!
//! [`client`] asks, blocking or on the event loop.

pub mod client;
