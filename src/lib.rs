//! Handloom: a laboratory of concurrency in Rust, woven by hand.

pub mod os;
pub mod processes;
pub mod threads;
