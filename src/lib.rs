//! Handloom: a laboratory of concurrency in Rust, woven by hand.

pub mod calc;
pub mod os;
pub mod processes;
pub mod threads;
