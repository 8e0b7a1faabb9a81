//! HTTP on sockets: the module `http` parses and writes messages, this one sends and receives them.
//!
//! [`client`] fetches pages, blocking or on the event loop; [`server`] answers, on the event loop.

pub mod client;
mod lazy_timer;
pub mod server;
